"""Which tests are run on a processed folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from eμsym.analysis.correction import Equalisation

DEFAULT_SEED = 20401

#: What is looked at where no columns are named: by one test of one column, and by one of many.
COLUMN = "m_coll"
SUBSPACE_COLUMNS = ("m_coll", "lead_pt", "sub_pt", "met", "mt_sub")


@dataclass(frozen=True)
class Tests:
    """Which tests are run on a processed folder.

    Attributes
    ----------
    pair : tuple of str
        Datasets that make up the pair; default: as the folder says.
    region : str, optional
        A region of the folder; default: all its events.
    signals : tuple of str
        Signal datasets for q0; default: those that are not in the pair, and the
        stored shapes of H→τe and H→τμ.
    equalisation : Equalisation
        How the pair is to be corrected.
    windows : {"square", "rectangle"}
    minimizer : {"minuit", "newton"}
    pyhf : bool
        Whether to make a pyhf workspace of each signal as well.
    columns : tuple of str
        What the unbinned tests look at: the spline test at one column, the subspace test
        at several; the network takes any number. Default: splines and the network at
        `COLUMN`, and the subspace test at those of `SUBSPACE_COLUMNS` that every event has.
    symmetrized : bool
        Whether to train the network of the symmetrized test as well.
    epochs : int
        Of each training.
    permutations : int
        Relabellings for the nulls of all tests, the same for each, as the pair's symmetry
        draws them; a correction that was fitted to the pair is fitted to each of them.
    max_permutations : int, optional
        Five times as many are drawn as long as a p-value is small, up to this. Default:
        five times `permutations`; with the network, whose training is long, no more than
        these.
    seed : int
        Of everything that is drawn.
    extra : mapping of str to Test
        Further tests by name, see `eμsym.testing.Test`: of pairs, or of arrays, which are
        given `columns`. Each has its row in ``results.json``.
    """

    # For pytest, which would take it for a class of tests.
    __test__: ClassVar[bool] = False

    pair: tuple[str, ...] = ()
    region: str | None = None
    signals: tuple[str, ...] = ()
    equalisation: Equalisation = field(default_factory=Equalisation)
    windows: Literal["square", "rectangle"] = "square"
    minimizer: Literal["minuit", "newton"] = "minuit"
    pyhf: bool = False
    columns: tuple[str, ...] = ()
    symmetrized: bool = False
    epochs: int = 500_000
    permutations: int = 200
    max_permutations: int | None = None
    seed: int = DEFAULT_SEED
    extra: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that must be there: those that are named, or the one of splines."""
        return self.columns or (COLUMN,)

    @property
    def most_permutations(self) -> int:
        """The most relabellings that are drawn."""
        if self.max_permutations is not None:
            return max(self.permutations, self.max_permutations)
        return self.permutations * (1 if self.symmetrized else 5)
