r"""Fakes as components of both samples, which stay where they are when the signal moves.

.. math::
    F_i = \hat{F}_i + \sum_s t_s δF_{si} + ζ_i σ_i

in A and in B, with t the errors of the transfer factors and ζ the statistics of the control
events, of which a free background leaves the contrast, as in `Signal.shift`. It is the
likelihood of `eμsym.binned.q0_added`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import Signal
from eμsym.fakes import FakeCounts


@dataclass(frozen=True, eq=False)
class Added:
    """What is in both samples besides background and signals, and how nuisances move it.

    Attributes
    ----------
    in_a, in_b : ndarray of float, shape (bins,)
    slopes_a, slopes_b : ndarray of float, shape (k, bins)
        By every nuisance of a model.
    """

    in_a: FloatArray
    in_b: FloatArray
    slopes_a: FloatArray
    slopes_b: FloatArray

    def at(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what is added to A and to B at nuisances, shape (n, k), each (n, bins)."""
        return self.in_a + theta @ self.slopes_a, self.in_b + theta @ self.slopes_b


def fake_effects(fakes: FakeCounts, kappa: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Return what one standard deviation of each nuisance of fakes adds to A and to B.

    Parameters
    ----------
    fakes : FakeCounts
    kappa : ndarray of float, shape (bins,)

    Returns
    -------
    list of (ndarray, ndarray)
        Of each transfer factor, then of the statistics in each bin.
    """
    none = np.zeros_like(kappa)
    own = Signal(none, none, none + fakes.variance_a, none + fakes.variance_b).shift(kappa)
    of_bins = [(np.diag(own[0])[i], np.diag(own[1])[i]) for i in range(kappa.size)]
    return [(a, b) for a, b in fakes.by_source] + of_bins


def scaled_fakes(fakes: FakeCounts, scale: float) -> FakeCounts:
    """Return the fakes at another luminosity, that of their control events too."""
    return FakeCounts(
        scale * fakes.in_a,
        scale * fakes.in_b,
        scale * fakes.variance_a,
        scale * fakes.variance_b,
        scale * fakes.by_source,
    )


def fakes_of_bins(fakes: FakeCounts, low: int, high: int) -> FakeCounts:
    """Return the fakes in some of the flat bins."""
    chosen = slice(low, high)
    return replace(
        fakes,
        in_a=fakes.in_a[chosen],
        in_b=fakes.in_b[chosen],
        variance_a=fakes.variance_a[chosen],
        variance_b=fakes.variance_b[chosen],
        by_source=fakes.by_source[:, :, chosen],
    )


def joined_fakes(parts: Sequence[FakeCounts]) -> FakeCounts:
    """Return the fakes of several regions in all their bins; their sources are the same."""
    in_a, in_b, variance_a, variance_b = (
        np.concatenate([getattr(each, name) for each in parts])
        for name in ("in_a", "in_b", "variance_a", "variance_b")
    )
    by_source = np.concatenate([each.by_source for each in parts], axis=2)
    return FakeCounts(in_a, in_b, variance_a, variance_b, by_source)
