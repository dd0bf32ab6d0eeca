"""Curves of significance by signal, and where they reach 2σ, from stored studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, ncx2, norm

from eμsym.arrays import FloatArray
from eμsym.distributions import ChiSquared, Null
from eμsym.papers.sym_results import StoredStudy
from eμsym.papers.sym_statistics import Estimate, MedianZ, crossing, median_z, resampled

DOF = 12
SIGNALS = ("S1", "S2", "S3")
#: Rows without signal of Fig. 4, and their N_B/N_A.
RATIOS: Mapping[str, int] = {"110000 110000": 1, "22000 220000": 10, "2200 220000": 100}
#: Ideal significances of Fig. 4.
IDEAL = (2, 4, 6, 8)
#: Luminosities of Fig. 3 and 5 in fb⁻¹, and the events of each sample; branching ratios in %.
HIGGS: Mapping[int, int] = {10: 110_000, 20: 220_000, 40: 440_000}
BRANCHING = (1, 2, 3, 4)
#: Of Fig. 6: size of a sample, signal events, and the paper's Z without and with them.
BENCHMARKS: Mapping[int, tuple[int, tuple[float, float]]] = {
    55_000: (500, (0.01, 2.17)),
    5_500: (160, (0.0, 2.09)),
}


@dataclass(frozen=True)
class PowerPoint:
    """Median significance of one signal.

    Attributes
    ----------
    x : float
        Ideal significance, or branching ratio in %.
    by_null, by_chi2 : MedianZ
    n_toys : int
    """

    x: float
    by_null: MedianZ
    by_chi2: MedianZ
    n_toys: int

    @property
    def z(self) -> float:
        """Median Z of the null."""
        return self.by_null.z


def power_points(
    null: Null, toys: Sequence[tuple[float, FloatArray]], dof: int = DOF
) -> list[PowerPoint]:
    """Return the median significance of each signal that has toys.

    Parameters
    ----------
    null : Null
    toys : sequence of (float, ndarray of float)
        Strength of a signal, and its statistics.
    dof : int
        Of the χ² reference.
    """
    return [
        PowerPoint(x, median_z(t, null), median_z(t, ChiSquared(dof)), int(t.size))
        for x, t in toys
        if t.size
    ]


def curve(null: Null, power: StoredStudy, row: str, signal: str) -> list[PowerPoint]:
    """Return a curve of Fig. 4."""
    toys = [(float(z), power.statistics(f"{row} {signal} {z}")) for z in IDEAL]
    return power_points(null, toys)


def higgs_row(luminosity: int, branching: int) -> str:
    """Return the name of a row of the study "higgs"."""
    return f"{luminosity} fb" + (f" {branching} %" if branching else "")


def higgs_curve(study: StoredStudy, luminosity: int) -> list[PowerPoint]:
    """Return a curve of Fig. 5."""
    toys = [(float(br), study.statistics(higgs_row(luminosity, br))) for br in BRANCHING]
    return power_points(study.null(higgs_row(luminosity, 0)), toys)


def ideal_at_2sigma(
    nulls: StoredStudy, power: StoredStudy, row: str, signal: str
) -> Estimate | None:
    """Return the ideal significance of a signal whose median is 2σ; None without toys.

    NaN if all signals are below 2σ. The error is from bootstraps of all toys.
    """
    toys = [power.statistics(f"{row} {signal} {z}") for z in IDEAL]
    return at_2sigma([float(z) for z in IDEAL], nulls.statistics(row), toys)


def branching_at_2sigma(study: StoredStudy, luminosity: int) -> Estimate | None:
    """Return the branching ratio in % whose median is 2σ, as `ideal_at_2sigma`."""
    toys = [study.statistics(higgs_row(luminosity, br)) for br in BRANCHING]
    return at_2sigma(
        [float(br) for br in BRANCHING], study.statistics(higgs_row(luminosity, 0)), toys
    )


def at_2sigma(
    strengths: Sequence[float], null: FloatArray, toys: Sequence[FloatArray]
) -> Estimate | None:
    """Return the strength at which the median Z is 2, linear between strengths, from Z = 0 at 0.

    None without toys of each strength, NaN if no strength reaches 2σ.
    """
    if null.size == 0 or any(t.size == 0 for t in toys):
        return None

    def where(null: FloatArray, *toys: FloatArray) -> float:
        reference = Null(null)
        z = [reference.z(float(np.median(t))) for t in toys]
        return crossing([0.0, *strengths], [0.0, *z])

    return resampled(where, [null, *toys])


def perfect_fit_at_2sigma(ratio: float, dof: int = DOF) -> float:
    """Return the ideal significance that a perfect fit finds at 2σ, by χ² (SYM appendix C).

    For a signal small everywhere its score is Z_id² N_B/(N_A + N_B), the median of a
    noncentral χ² of that noncentrality.

    Parameters
    ----------
    ratio : float
        N_B/N_A.
    dof : int
    """
    threshold = chi2.isf(norm.sf(2.0), dof)
    score = brentq(lambda shift: ncx2.ppf(0.5, dof, shift) - threshold, 1e-6, 100.0)
    return float(np.sqrt(score * (1 + ratio) / ratio))


def permutation_z(
    permutations: StoredStudy, n: int, n_signal: int, t: FloatArray
) -> MedianZ | None:
    """Return the significance of a median t by the permutations of one pair; None without any.

    Parameters
    ----------
    permutations : StoredStudy
    n, n_signal : int
        Of `BENCHMARKS`, or no signal.
    t : ndarray of float
        Statistics of independent pairs with that signal.
    """
    samples = permutations.statistics(f"{n} permuted {n_signal}")
    return median_z(t, Null(samples)) if samples.size else None
