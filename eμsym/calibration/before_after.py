"""What a correction does: A/B before and after it, and r of single leptons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray, IntArray, summed
from eμsym.calibration.efficiency_ratio import LeptonBins, object_columns
from eμsym.calibration.quality import quantile_bins
from eμsym.difference import Difference
from eμsym.symmetry import Labelled

#: What is looked at: a column, and whether its absolute value is meant; as many of them, from
#: the first on, as `PANELS` says and events have.
VARIABLES = (
    ("lead_pt", False),
    ("sub_pt", False),
    ("m_coll", False),
    ("lead_eta", True),
    ("sub_eta", True),
    ("met", False),
    ("mt_lead", False),
    ("n_jets", False),
    ("ht", False),
)
PANELS = 6
#: Bins of a variable, of about equal contents.
BINS = 10
#: In which r is shown, whatever it is made of.
_BINS = LeptonBins((15, 18, 21, 25, 30, 36, 45, 60, 80, 120, 200), (0, 0.8, 1.5, 2.5))


@dataclass(frozen=True, eq=False)
class OrderRatio:
    """A/B in bins of one variable, before and after a correction.

    Attributes
    ----------
    edges : ndarray of float, shape (bins + 1,)
    before, before_error : ndarray of float, shape (bins,)
        Of the raw events, with their own statistical error.
    after, after_error : ndarray of float, shape (bins,)
        Of the corrected ones; the error is the standard deviation that the symmetry
        leaves them, with what the calibration adds and what it has taken up.
    pvalue : float
        Of all bins after the correction, from χ² with their correlations.
    """

    edges: FloatArray
    before: FloatArray
    before_error: FloatArray
    after: FloatArray
    after_error: FloatArray
    pvalue: float


@dataclass(frozen=True, eq=False)
class VariableRatio:
    """A/B against one variable.

    Attributes
    ----------
    column : str
    absolute : bool
        Whether its absolute value is meant.
    ratio : OrderRatio
    """

    column: str
    absolute: bool
    ratio: OrderRatio


@dataclass(frozen=True, eq=False)
class LeptonRatio:
    """r of the leptons of one group in bins of pT and |η|.

    Attributes
    ----------
    name : str
        What the label rule calls it.
    bins : LeptonBins
        Those of the fit, if they are wide.
    log_ratio, error : ndarray of float, shape (k,)
        ln r, the mean over the leptons of a bin; NaN where there are none, the error zero if
        the correction has none.
    """

    name: str
    bins: LeptonBins
    log_ratio: FloatArray
    error: FloatArray


@dataclass(frozen=True, eq=False)
class BeforeAfter:
    """What a correction does.

    Attributes
    ----------
    variables : tuple of VariableRatio
    ratios : tuple of LeptonRatio
        Of every group of leptons that the label rule tells apart.
    up_to_a_factor : bool
        Whether r is known only so: that of a fit to the pair.
    """

    variables: tuple[VariableRatio, ...]
    ratios: tuple[LeptonRatio, ...]
    up_to_a_factor: bool


def before_after(pair: Labelled) -> BeforeAfter:
    """Return A/B against some of `VARIABLES` before and after, and r of leptons.

    Parameters
    ----------
    pair : Pair
        That has been corrected.
    """
    found = []
    for column, absolute in [x for x in VARIABLES if x[0] in pair.pool.columns][:PANELS]:
        values = pair.pool.column(column)
        ratio = order_ratio(pair, np.abs(values) if absolute else values)
        found.append(VariableRatio(column, absolute, ratio))
    fitted = pair.symmetry.calibration is not None
    return BeforeAfter(tuple(found), lepton_ratios(pair), up_to_a_factor=fitted)


def order_ratio(pair: Labelled, values: FloatArray, n_bins: int = BINS) -> OrderRatio:
    """Return A/B of a corrected pair in quantiles of a variable.

    Parameters
    ----------
    pair : Pair
    values : ndarray of float, shape (n,)
        The variable of the pool's events.
    n_bins : int

    Returns
    -------
    OrderRatio
    """
    edges, index = quantile_bins(values, n_bins)
    raw, corrected = (
        Difference.of_pool(pair.pool, symmetry, index, (edges.size - 1,))
        for symmetry in (pair.symmetry.raw, pair.symmetry)
    )
    return OrderRatio(edges, *raw.ratio(), *corrected.ratio(), corrected.chi_square().pvalue)


def lepton_ratios(pair: Labelled) -> tuple[LeptonRatio, ...]:
    """Return ln r of each group of a pair's leptons in bins of pT and |η|, with its error.

    Parameters
    ----------
    pair : Pair
    """
    symmetry: Any = pair.symmetry.of_data
    group_of, levels = symmetry.slots, symmetry.design(pair.pool).levels
    found = []
    for name in dict.fromkeys(group_of.values()):
        chosen = [k for k, own in enumerate(group_of.values()) if own == name]
        pt, eta = object_columns(pair.pool, [slot for slot, own in group_of.items() if own == name])
        found.append(_lepton_ratio(name, symmetry, pt, eta, levels[chosen]))
    return tuple(found)


def _lepton_ratio(
    name: str, symmetry: Any, pt: FloatArray, eta: FloatArray, levels: IntArray
) -> LeptonRatio:
    calibration, size, bins = symmetry.calibration, symmetry.log_ratio.size, _BINS
    if calibration is not None and size <= len(_BINS):
        bins = calibration.ratio.bins
    place = bins.index(pt, eta).ravel()
    share = summed(place * size + levels.ravel(), np.ones(place.size), len(bins) * size)
    share = share.reshape(len(bins), size)
    total = share.sum(axis=1, keepdims=True)
    share = np.divide(share, total, out=np.full_like(share, np.nan), where=total > 0)
    modes = symmetry.log_ratio_modes
    if modes is None:
        return LeptonRatio(name, bins, share @ symmetry.log_ratio, np.zeros(len(bins)))
    error = np.sqrt(np.sum((share @ modes.T) ** 2, axis=1))
    return LeptonRatio(name, bins, share @ symmetry.log_ratio, error)
