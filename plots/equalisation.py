"""What a correction of the detector's e/μ difference does: eμ/μe before and after, and r."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist.axis import Variable
from matplotlib.figure import Figure
from scipy.stats import chi2

from eμsym.calibration.bradley_terry import summed
from eμsym.calibration.efficiency_ratio import LeptonBins
from eμsym.calibration.equalisation import EqualisedPair, difference_covariance
from eμsym.calibration.self_calibration import lepton_columns, pool_column
from eμsym.counts import FloatArray
from eμsym.plots.style import (
    COLOR_A,
    COLOR_B,
    COLOR_BOTH,
    Style,
    StyledFigure,
    experiment_label,
    styled,
)

#: What is looked at: a column, and whether its absolute value is meant.
VARIABLES = (
    ("lead_pt", False),
    ("sub_pt", False),
    ("m_coll", False),
    ("lead_eta", True),
    ("sub_eta", True),
    ("met", False),
)
#: Bins of each variable, of about equal contents.
BINS = 10
#: For corrections that do not come in bins.
_BINS = LeptonBins((15, 20, 25, 30, 40, 60, 100, 200), (0, 1.5, 2.5))
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
#: Directions of a covariance with less than this, of the largest, hold no information.
_RANK = 1e-9


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


def order_ratio(pair: EqualisedPair, values: FloatArray, n_bins: int = BINS) -> OrderRatio:
    """Return A/B of an equalised pair in quantiles of a variable.

    Parameters
    ----------
    pair : EqualisedPair
    values : ndarray of float, shape (n,)
        The variable of A's and then of B's events.
    n_bins : int

    Returns
    -------
    OrderRatio
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)))
    if edges.size < 2:
        edges = np.array([edges[0], np.nextafter(edges[0], np.inf)])
    size = edges.size - 1
    index = np.minimum(Variable(edges).index(values), size - 1)
    in_a, weight = pair.events.in_a, pair.events.weight
    corrected = np.concatenate([pair.a.weight, pair.b.weight])
    covariance = difference_covariance(pair, index, size)
    sums = {}
    for name, w in (("raw", weight), ("corrected", corrected), ("variance", weight**2)):
        sums[name] = summed(index, w * in_a, size), summed(index, w * ~in_a, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        (a, b), (var_a, var_b) = sums["raw"], sums["variance"]
        before = a / b
        before_error = before * np.sqrt(var_a / a**2 + var_b / b**2)
        a, b = sums["corrected"]
        after = a / b
        after_error = after * 2 * np.sqrt(np.diag(covariance)) / (a + b)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    kept = eigenvalues > _RANK * eigenvalues[-1]
    projected = (vectors.T @ (a - b))[kept]
    statistic = float(np.sum(projected**2 / eigenvalues[kept]))
    pvalue = float(chi2.sf(statistic, int(np.count_nonzero(kept))))
    return OrderRatio(edges, before, before_error, after, after_error, pvalue)


def lepton_ratio(pair: EqualisedPair) -> tuple[LeptonBins, FloatArray, FloatArray]:
    """Return bins of pT and |η|, and ln r of the pair's leptons there with its error.

    Parameters
    ----------
    pair : EqualisedPair

    Returns
    -------
    bins : LeptonBins
        Those of the calibration; for a correction from elsewhere, some that are wide.
    log_ratio, error : ndarray of float, shape (k,)
        The mean over the leptons of a bin; NaN where there are none, the error zero if
        the correction has none.
    """
    bins = _BINS if pair.calibration is None else pair.calibration.ratio.bins
    pt, eta = lepton_columns(pair.raw)
    place = bins.index(pt, eta).ravel()
    level = np.stack([pair.events.lead, pair.events.sub]).ravel()
    size = pair.log_ratio.size
    share = summed(place * size + level, np.ones(place.size), len(bins) * size)
    share = share.reshape(len(bins), size)
    total = share.sum(axis=1, keepdims=True)
    share = np.divide(share, total, out=np.full_like(share, np.nan), where=total > 0)
    covariance = pair.log_ratio_covariance
    if covariance is None:
        return bins, share @ pair.log_ratio, np.zeros(len(bins))
    variance = np.einsum("ij,jk,ik->i", share, covariance, share)
    return bins, share @ pair.log_ratio, np.sqrt(np.maximum(variance, 0.0))


def draw_equalisation(
    pair: EqualisedPair, *, labels: Mapping[str, str] | None = None, style: Style = "neutral"
) -> Figure:
    """Draw A/B against each kinematic variable before and after, and r of a lepton.

    Parameters
    ----------
    pair : EqualisedPair
        Needs the columns in `VARIABLES`.
    labels : mapping of str to str, optional
        What axes call the columns.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = labels or {}
    with styled(style):
        figure = StyledFigure(style, figsize=(14.0, 6.2), layout="constrained")
        grid = figure.add_gridspec(2, 4, width_ratios=(1, 1, 1, 1.35))
        panels = [figure.add_subplot(grid[i // 3, i % 3]) for i in range(len(VARIABLES))]
        found = []
        for panel, (column, absolute) in zip(panels, VARIABLES, strict=True):
            values = pool_column(pair.raw, column)
            label = names.get(column, column)
            if absolute:
                values, label = np.abs(values), label.replace(r"$\eta$", r"$|\eta|$")
            found.append(order_ratio(pair, values))
            _draw_ratio(panel, found[-1], label)
        reach = 1.1 * max(_reach(ratio) for ratio in found)
        for panel in panels:
            panel.set_ylim(1 - reach, 1 + reach)
        for panel in (panels[0], panels[3]):
            panel.set_ylabel(f"{pair.names[0]} / {pair.names[1]}")
        panels[0].legend(loc="lower left", fontsize="small")
        experiment_label(panels[0], style)
        _draw_lepton_ratio(figure.add_subplot(grid[:, 3]), pair)
    return figure


def _reach(ratio: OrderRatio) -> float:
    """Return how far from one the points and their errors go."""
    far = [0.05]
    for value, error in ((ratio.before, ratio.before_error), (ratio.after, ratio.after_error)):
        known = np.isfinite(value) & np.isfinite(error)
        far.append(float(np.max((np.abs(value - 1) + error)[known], initial=0.0)))
    return min(max(far), 0.9)


def _draw_ratio(axes: Any, ratio: OrderRatio, label: str) -> None:
    edges = _drawn(ratio.edges)
    # Momenta fall steeply from a threshold.
    logarithmic = edges[0] >= 5 and edges[-1] > 4 * edges[0]
    if logarithmic:
        axes.set_xscale("log")
        _plain_ticks(axes)
    axes.axhline(1.0, color=COLOR_BOTH, linewidth=0.8)
    for value, error, color, marker, text, shift in (
        (ratio.before, ratio.before_error, COLOR_A, "o", "before", 0.42),
        (ratio.after, ratio.after_error, COLOR_B, "s", "after", 0.58),
    ):
        x = edges[:-1] + shift * np.diff(edges)
        if logarithmic:
            x = edges[:-1] * (edges[1:] / edges[:-1]) ** shift
        axes.errorbar(
            x,
            value,
            error,
            (x - edges[:-1], edges[1:] - x),
            fmt=marker,
            markersize=3.5,
            markerfacecolor="white" if text == "before" else color,
            color=color,
            linewidth=1.1,
            label=text,
        )
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(label)
    axes.set_title(f"after: p = {ratio.pvalue:.2g}", fontsize="small", loc="right", pad=3)


def _drawn(edges: FloatArray) -> FloatArray:
    """Return edges whose last one is not too far to be drawn."""
    result = np.array(edges, dtype=np.float64)
    if result.size > 2 and result[-2] > 0:
        result[-1] = min(result[-1], 1.6 * result[-2])
    return result


def _draw_lepton_ratio(axes: Any, pair: EqualisedPair) -> None:
    bins, log_ratio, error = lepton_ratio(pair)
    n_pt, n_eta = bins.shape
    pt, eta = _drawn(np.array(bins.pt_edges)), bins.abseta_edges
    centre = np.sqrt(pt[:-1] * pt[1:])
    value, size = (x.reshape(n_pt, n_eta) for x in (log_ratio, error))
    r = np.exp(value)
    for j in range(n_eta):
        # Beside each other, so that the errors can be told apart.
        x = centre * 1.025 ** (j - (n_eta - 1) / 2)
        axes.errorbar(
            x,
            r[:, j],
            _bars(value[:, j], size[:, j]),
            (x - pt[:-1], pt[1:] - x),
            fmt="o",
            markersize=4,
            linewidth=1.1,
            color=_COLORS[j % len(_COLORS)],
            label=rf"${eta[j]:g} \leq |\eta| < {eta[j + 1]:g}$",
        )
    axes.axhline(1.0, color=COLOR_BOTH, linewidth=0.8)
    axes.set_xscale("log")
    _plain_ticks(axes)
    axes.set_xlabel(r"lepton $p_\mathrm{T}$ [GeV]")
    known = "" if pair.calibration is None else ", up to a factor"
    axes.set_ylabel(rf"$r = \epsilon_\mu / \epsilon_e${known}")
    axes.legend(fontsize="small")


def _bars(value: FloatArray, size: FloatArray) -> FloatArray:
    """Return the lengths down and up of r's error bars, from ln r and its error."""
    r = np.exp(value)
    return np.stack([r - np.exp(value - size), np.exp(value + size) - r])


def _plain_ticks(axes: Any) -> None:
    """Write 20, 50, 100 on a logarithmic axis, in place of powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
