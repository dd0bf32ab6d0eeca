"""What the SYM paper's figures are made of: studies, rows of them, and pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eμsym.arrays import FloatArray
from eμsym.papers.sym_results import StoredStudy

#: Panels of Fig. 2: rows of the study "nulls", from many events to few.
FIG2 = (
    ("110000 110000", "22000 220000", "2200 220000"),
    ("5000 5000", "1000 10000", "100 10000"),
)
FIG1 = ("110000 110000", "22000 220000", "2200 220000")
FIG9 = ("nplm_expected_1", "nplm_expected_2", "nplm_expected_3")


@dataclass(frozen=True, eq=False)
class SymInputs:
    """Everything that the figures are drawn from.

    Attributes
    ----------
    studies : dict of str to StoredStudy
        By the names of their TOML files.
    overfit : ndarray of float, shape (n,), optional
        Scores of overfit solutions.
    background, signal : ndarray of float, shape (n,), (m,), optional
        Collinear masses of the pools, in GeV.
    weights : ndarray of float, shape (n,), optional
        Events that each background event stands for, at 20 fb⁻¹.
    signal_events : float, optional
        Expected events of H→τe at a branching ratio of 1 % and 20 fb⁻¹, by our selection.
    """

    studies: Mapping[str, StoredStudy] = field(default_factory=dict)
    overfit: FloatArray | None = None
    background: FloatArray | None = None
    weights: FloatArray | None = None
    signal: FloatArray | None = None
    signal_events: float | None = None


def panel(name: str) -> str:
    """Return what a row of sizes is called: "N_A 22,000, N_B 220,000"."""
    n_a, n_b = (int(part) for part in name.split()[:2])
    return f"N_A {n_a:,}, N_B {n_b:,}"


def last_epoch(study: StoredStudy) -> int:
    """Return how many epochs the first test of a study trains."""
    return int(getattr(study.study.tests[0].test, "epochs", 0))
