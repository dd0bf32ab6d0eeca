"""Which datasets of a processed folder estimate fakes, and what marks their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.fakes import WithFakes
from eμsym.pool import FAKE
from eμsym.results import Results
from eμsym.symmetry import Symmetry

#: Control events, and simulated prompt events that are taken off them.
FAKE_ROLE, PROMPT_ROLE = "fake", "fake_prompt"


@dataclass(frozen=True)
class FakeSources:
    """The sources of fakes among some datasets.

    Attributes
    ----------
    names : tuple of str
        The datasets of the role ``fake``; source k is the kth, counted from one.
    factors, errors : tuple of float
        τ and δτ/τ of each.
    number : mapping of str to int
        The source of every dataset that estimates fakes, its prompt events with it.
    """

    names: tuple[str, ...]
    factors: tuple[float, ...]
    errors: tuple[float, ...]
    number: Mapping[str, int]

    @classmethod
    def of(cls, results: Results, chosen: Sequence[str], where: str) -> FakeSources:
        """Return the sources of fakes among chosen datasets of a folder.

        Parameters
        ----------
        results : Results
        chosen : sequence of str
        where : str
            What to call the folder in an error.

        Raises
        ------
        ConfigurationError
            If nothing else is chosen, or prompt events without the fakes they are of.
        InputFileError
            If the folder does not say what the transfer factor is.
        """
        about = results.datasets
        roles = {name: about[name].role if name in about else "" for name in chosen}
        names = tuple(name for name, role in roles.items() if role == FAKE_ROLE)
        if names and all(role in (FAKE_ROLE, PROMPT_ROLE) for role in roles.values()):
            raise ConfigurationError(
                f"{where}: {', '.join(chosen)}: there are no data beside the fakes; choose the "
                "data too"
            )
        number = {name: k for k, name in enumerate(names, start=1)}
        factors, errors = [], []
        for name in names:
            factor, error = about[name].transfer_factor, about[name].transfer_factor_error
            if factor is None or error is None:
                raise InputFileError(
                    f"{where}: results.json says no transfer_factor of {name!r}, or not its "
                    "error; make it with emusym process"
                )
            factors.append(factor)
            errors.append(error / factor)
        for name, role in roles.items():
            if role == PROMPT_ROLE:
                of = str(about[name].subtracted_from)
                if of not in names:
                    raise ConfigurationError(
                        f"{where}: {name!r} is taken off {of!r}, which is not chosen; choose both"
                    )
                number[name] = number[of]
        return cls(names, tuple(factors), tuple(errors), number)

    def marked(self, parts: Sequence[ak.Array], datasets: Sequence[str], label: str) -> list[Any]:
        """Return events with the column of `Pool.fake`, if there are fakes at all.

        Parameters
        ----------
        parts : sequence of ak.Array
            Of each dataset.
        datasets : sequence of str
        label : str
            The column that is true for A.
        """
        if not self.names:
            return list(parts)
        found = []
        for events, name in zip(parts, datasets, strict=True):
            source = self.number.get(name, 0)
            in_a = np.asarray(ak.to_numpy(events[label])).astype(bool)
            found.append(
                ak.with_field(events, np.where(in_a, source, -source).astype(np.int8), FAKE)
            )
        return found

    def symmetry(self, base: Symmetry) -> Symmetry:
        """Return the symmetry of the pair, of which that of the prompt events is given."""
        return WithFakes(base, self.errors) if self.names else base
