"""The DDP paper's examples: which templates they are, computed together, kept as one file."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.binned.templates import Templates, flat_template, gaussian_signal, rectangle_signal
from eμsym.binned.templates_io import read_templates
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import read_json
from eμsym.papers.ddp_study import N_TOYS, Z_INJECTED, DdpStudy, study

SCHEMA = "emusym/ddp"
VERSION = 1
DEFAULT_SEED = 20401
#: The paper's example, and its ideal one: 10⁴ entries a bin and a flat 6×6 signal in the centre.
HLFV, FLAT = "hlfv_taumu", "flat"
#: The paper's example with other leptons, and with lower thresholds on them.
STORED = (HLFV, "hlfv_taue", "hlfv_taumu_pt10")
#: Every example, with what it is.
CASES = {
    HLFV: "H→τμ, τ→e, leptons from 15 GeV",
    "hlfv_taue": "H→τe, τ→μ, leptons from 15 GeV",
    "hlfv_taumu_pt10": "H→τμ, τ→e, leptons from 10 GeV",
    FLAT: "flat T of 10⁴ a bin, flat 6×6 S",
    "flat_100": "flat T of 100 a bin, flat 6×6 S",
    "gaussian_100": "flat T of 100 a bin, Gaussian S of σ = 2 bins",
}
_FLAT_SIZE = 6
_PACKAGES = ("emusym", "hist", "numpy", "scipy")


@dataclass(frozen=True, eq=False)
class DdpResults:
    """Studies of the paper's examples.

    Attributes
    ----------
    cases : dict of str to DdpStudy
        By the names of `CASES`, or some of them.
    seed : int
    own_templates : bool
        Whether the main example is not the stored one but the user's.
    versions : dict of str to str
        Packages that computed them.
    """

    cases: Mapping[str, DdpStudy]
    seed: int = DEFAULT_SEED
    own_templates: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return all studies, for JSON."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "seed": self.seed,
            "own_templates": self.own_templates,
            "versions": dict(self.versions),
            "cases": {name: result.to_dict() for name, result in self.cases.items()},
        }


def read_results(path: str | Path) -> DdpResults:
    """Read the studies that were written as JSON.

    Raises
    ------
    InputFileError, ConfigurationError
        If the file is missing, is another one, or is damaged.
    """
    data = read_json(path, schema=SCHEMA)
    try:
        return DdpResults(
            cases={name: DdpStudy.from_dict(entry) for name, entry in data["cases"].items()},
            seed=int(data["seed"]),
            own_templates=bool(data["own_templates"]),
            versions=dict(data["versions"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputFileError(f"{path}: a part is missing or damaged ({error!r})") from error


def case_templates(name: str, folder: str | Path, *, own: str | Path | None = None) -> Templates:
    """Return T and S of one of the paper's examples.

    Parameters
    ----------
    name : str
        One of `CASES`. The flat ones have the axes of the main example.
    folder : str or Path
        Where the stored templates lie, as ``NAME.json``.
    own : str or Path, optional
        A templates file to take for the main example.

    Raises
    ------
    ConfigurationError
        If there is no such example.
    InputFileError
        If the file cannot be read.
    DataError
        If a 6×6 signal does not fit into the axes of the main example.
    """
    if name not in CASES:
        raise ConfigurationError(f"no example {name!r}; there are {', '.join(CASES)}")
    if name in STORED and not (own is not None and name == HLFV):
        return read_templates(Path(folder) / f"{name}.json")
    main = read_templates(own if own is not None else Path(folder) / f"{HLFV}.json")
    if name == HLFV:
        return main
    axes = tuple(main.background.axes)
    entries = 1e4 if name == FLAT else 100.0
    if name == "gaussian_100":
        centre = [float(np.mean([axis.edges[0], axis.edges[-1]])) for axis in axes]
        width = [2 * float(np.mean(axis.widths)) for axis in axes]
        signal = gaussian_signal(axes, centre, width)
        shape: dict[str, Any] = {"gaussian": {"mean": centre, "sigma": width}}
    else:
        start = [(len(axis) - _FLAT_SIZE) // 2 for axis in axes]
        size = [_FLAT_SIZE] * len(axes)
        signal = rectangle_signal(axes, start, size)
        shape = {"rectangle": {"start": start, "size": size}}
    return Templates(
        flat_template(axes, entries), signal, {"background": {"flat": entries}, "signal": shape}
    )


def compute(
    names: Iterable[str],
    folder: str | Path,
    *,
    own: str | Path | None = None,
    z_injected: float = Z_INJECTED,
    n_toys: int = N_TOYS,
    seed: int = DEFAULT_SEED,
    progress: Callable[[int], None] | None = None,
) -> DdpResults:
    """Study some of the paper's examples anew.

    Parameters
    ----------
    names : iterable of str
        Of `CASES`.
    folder, own
        See `case_templates`.
    z_injected, n_toys, progress
        See `eμsym.papers.ddp_study.study`.
    seed : int
        All examples use it, each alone.

    Returns
    -------
    DdpResults
    """
    # All are read first: a missing file must not cost a minute of toys.
    templates = {name: case_templates(name, folder, own=own) for name in names}
    cases = {
        name: study(given, z_injected=z_injected, n_toys=n_toys, seed=seed, progress=progress)
        for name, given in templates.items()
    }
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return DdpResults(cases, seed=seed, own_templates=own is not None, versions=versions)
