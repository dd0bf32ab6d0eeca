"""The e/μ efficiency ratio from the pair itself: events, binning, and the fit with MINUIT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from iminuit import Minuit

from eμsym.arrays import BoolArray, FloatArray
from eμsym.calibration.bradley_terry import (
    Cells,
    GoodnessOfFit,
    fit_covariance,
    goodness_of_fit,
    information,
    negative_log_likelihood,
    score,
    separated_bins,
)
from eμsym.calibration.efficiency_ratio import (
    LEAD_COLUMNS,
    SUB_COLUMNS,
    EfficiencyRatio,
    LeptonBins,
)
from eμsym.calibration.event_list import EventList
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import LEPTONS
from eμsym.minuit import migrad_to_the_end
from eμsym.pool import Pool
from eμsym.shown import Shown
from eμsym.symmetry import Labelled

#: Least leptons in a bin that is chosen here: ln r is then known to about 0.1.
MIN_ENTRIES = 250

#: Where pT bins may end, in GeV: steps of 5 to 10 %.
_PT_GRID = np.concatenate(
    [
        np.arange(5, 26, 1.0),
        np.arange(26, 40, 2.0),
        [40, 43, 46, 50, 54, 58, 62, 67, 72, 78, 84, 90],
        [100, 110, 120, 135, 150, 175, 200, 250, 300, 400],
    ]
)

#: About the relative distance of its points.
_GRID_STEP = 0.07

#: Bins of pT that are aimed at, over the fourth root of the number of leptons. What
#: unequal leptons of one bin leave falls with the square of this number, and
#: fluctuations hide as much as falls with the square root of the number of leptons.
_PT_BINS = 0.75

#: The share of them that narrower bins of |η| may cost.
_ENOUGH_PT_BINS = 0.6

#: Inner edges in |η|, finest first; barrels end near 1.5.
_ABSETA_GRIDS = ((0.4, 0.8, 1.15, 1.5, 2.0), (0.8, 1.5), (1.5,), ())

#: MIGRAD goes on until ln r moves by less than this in units of its error.
_SETTLED = 1e-8

Window = tuple[str, float, float]


@dataclass(frozen=True, eq=False, repr=False)
class SelfCalibration(Shown):
    """Result of `self_calibrate`.

    Attributes
    ----------
    ratio : EfficiencyRatio
        ln r with its covariance, and which events are in the fit; the constant is fixed
        by Σ use · ln r = 0.
    goodness : GoodnessOfFit
    n_events : int
        Events in the fit.
    n_informative : int
        Those whose leptons are in different bins.
    exclude : tuple of (str, float, float)
        Column, lower and upper edge of the window whose events were left out.
    control : bool
        Whether it was fitted to other events than those it corrects.
    """

    ratio: EfficiencyRatio
    goodness: GoodnessOfFit
    n_events: int
    n_informative: int
    exclude: tuple[Window, ...] = ()
    control: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the fit, its covariance and its quality, for JSON."""
        return {
            "ratio": self.ratio.to_dict(),
            "goodness_of_fit": self.goodness.to_dict(),
            "n_events": self.n_events,
            "n_informative": self.n_informative,
            "exclude": {column: [low, high] for column, low, high in self.exclude},
            "control": self.control,
        }


def self_calibrate(
    pair: Labelled,
    *,
    exclude: Mapping[str, Sequence[float]] | None = None,
    bins: LeptonBins | None = None,
) -> SelfCalibration:
    """Fit r(pT, |η|) = ε_μ/ε_e to the order of the leptons in a pair's own events.

    Parameters
    ----------
    pair : Pair
        A is eμ, B is μe; its raw events are taken. Needs the columns ``lead_pt``,
        ``lead_eta``, ``sub_pt`` and ``sub_eta``; pT in GeV.
    exclude : mapping of str to (float, float), optional
        A window, column by column: events inside all of its ranges (the lower
        edge included) are left out of the fit, so that a signal there is not
        taken for a difference of efficiencies.
    bins : LeptonBins, optional
        Default: as `choose_bins` finds them.

    Returns
    -------
    SelfCalibration

    Raises
    ------
    DataError
        If there are too few events, a bin is empty, or bins cannot be compared
        with each other: no event does, or all of one bin's leptons are of one
        flavour.
    ConfigurationError
        If the window is of a column that is not there, that depends on which
        lepton is the electron, or whose edges do not rise.

    Notes
    -----
    The likelihood is that of the eμ share in each cell of (k1, k2), a sum over a
    few hundred cells however many the events. MINUIT has its gradient and Hessian.
    Weighted events: the quasi-likelihood of the weighted sums, with the sandwich
    covariance.
    """
    windows = checked_windows(exclude)
    pool = pair.pool
    pt, eta = lepton_columns(pool)
    used = ~inside(pool, windows)
    if bins is None:
        bins = choose_bins(pt[:, used], eta[:, used])
    lead, sub = bins.index(pt, eta)
    fitted = pool.where(used)
    cells = Cells.count(lead[used], sub[used], fitted, len(bins))
    check_comparable(cells, bins)
    minuit = minuit_fit(cells)
    if not minuit.valid:
        raise DataError("MINUIT found no minimum for ln r; choose wider bins of pT and |η|")
    theta = np.array(minuit.values)
    theta -= cells.use @ theta
    return SelfCalibration(
        ratio=EfficiencyRatio(bins, theta, fit_covariance(theta, cells), EventList.of(fitted)),
        goodness=goodness_of_fit(theta, cells),
        n_events=int(np.count_nonzero(used)),
        n_informative=int(np.count_nonzero(used & (lead != sub))),
        exclude=windows,
    )


def recalibrated(old: SelfCalibration, theta: FloatArray, cells: Cells) -> SelfCalibration:
    """Return a calibration whose ln r was fitted to other labels of the same events."""
    ratio = replace(old.ratio, log_ratio=theta, covariance=fit_covariance(theta, cells))
    return replace(old, ratio=ratio, goodness=goodness_of_fit(theta, cells))


def lepton_columns(pool: Pool) -> tuple[FloatArray, FloatArray]:
    """Return pT and η of the leading and sub-leading leptons of a pool, each (2, n)."""
    pt = np.stack([pool.column(name) for name in (LEAD_COLUMNS[0], SUB_COLUMNS[0])])
    eta = np.stack([pool.column(name) for name in (LEAD_COLUMNS[1], SUB_COLUMNS[1])])
    return pt, eta


def checked_windows(exclude: Mapping[str, Sequence[float]] | None) -> tuple[Window, ...]:
    """Return the window as (column, low, high), or raise a `ConfigurationError`."""
    windows = []
    for column, edges in (exclude or {}).items():
        try:
            low, high = (float(edge) for edge in edges)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"exclude {column}: give a lower and an upper edge, got {edges!r}"
            ) from error
        if not low < high:
            raise ConfigurationError(f"exclude {column}: {low:g} to {high:g} is no range")
        if LEPTONS.partner(column) is not None:
            raise ConfigurationError(
                f"exclude {column}: it changes with which lepton is the electron; "
                "use a column of the leading or sub-leading lepton"
            )
        windows.append((column, low, high))
    return tuple(windows)


def inside(pool: Pool, windows: Sequence[Window]) -> BoolArray:
    """Return which events of a pool are in the window; none if there is no window."""
    result = np.full(len(pool), bool(windows))
    for column, low, high in windows:
        if column not in pool.columns:
            raise ConfigurationError(f"exclude {column}: the events have no such column")
        values = pool.column(column)
        result &= (values >= low) & (values < high)
    return result


def choose_bins(pt: FloatArray, eta: FloatArray) -> LeptonBins:
    """Choose bins of pT and |η| that hold at least `MIN_ENTRIES` leptons each.

    Neighbours on a grid of pT are merged until each bin of |η| has enough, and until
    there are about 0.75 n^¼ bins of pT for n leptons. |η| has six bins, or, if that
    leaves too few of pT, three, two or one. Both leptons of all events count, whatever
    their flavour, so that the labels have no part in the choice.

    Parameters
    ----------
    pt, eta : ndarray of float, of any one shape
        All leptons; pT in GeV.

    Raises
    ------
    DataError
        If there are not enough for two bins.
    """
    pt, abseta = pt.ravel(), np.abs(eta).ravel()
    if pt.size < 2 * MIN_ENTRIES:
        raise DataError(_too_few(pt.size // 2))
    wanted = _PT_BINS * pt.size**0.25
    best: LeptonBins | None = None
    for grid in _ABSETA_GRIDS:
        top = float(np.ceil(10 * abseta.max()) / 10) or 0.1
        edges = (0.0, *(edge for edge in grid if edge < top), top)
        bins = LeptonBins(_merged(pt, abseta, edges, wanted), edges)
        if _least(bins, pt, abseta) < MIN_ENTRIES:
            continue
        if best is None or bins.shape[0] > best.shape[0]:
            best = bins
        if bins.shape[0] >= _ENOUGH_PT_BINS * wanted:
            return bins
    if best is None or len(best) < 2:
        raise DataError(_too_few(pt.size // 2))
    return best


def _too_few(n_events: int) -> str:
    return (
        f"{n_events} events are too few to calibrate with: two bins of pT and |η| need "
        f"{MIN_ENTRIES} leptons each; add events, or use a control region or a correction file"
    )


def _merged(
    pt: FloatArray, abseta: FloatArray, abseta_edges: Sequence[float], wanted: float
) -> tuple[float, ...]:
    """Return edges in pT between which every bin of |η| has enough leptons."""
    low, high = float(np.floor(pt.min())), float(np.floor(pt.max())) + 1
    grid = [low, *_PT_GRID[(low < _PT_GRID) & (_PT_GRID < high)].tolist(), high]
    counts = np.histogram2d(pt, abseta, bins=(grid, abseta_edges))[0]
    # r changes with ln pT: bins are about as wide in it, up to the rare leptons.
    factor = max(np.quantile(pt, 0.99) / max(low, 1.0), 1.0) ** (1 / wanted)
    edges, sums = [low], np.zeros(counts.shape[1])
    for row, edge in zip(counts, grid[1:], strict=True):
        sums += row
        if sums.min() >= MIN_ENTRIES and edge >= edges[-1] * factor * (1 - _GRID_STEP / 2):
            edges.append(edge)
            sums = np.zeros(counts.shape[1])
    # What is left over at high pT joins the last bin.
    return (*(edges[:-1] if len(edges) > 1 else edges), high)


def _least(bins: LeptonBins, pt: FloatArray, abseta: FloatArray) -> int:
    return int(np.bincount(bins.index(pt, abseta), minlength=len(bins)).min())


def check_comparable(cells: Cells, bins: LeptonBins) -> None:
    """Raise a `DataError` that names the bins whose ln r the events leave open."""
    groups, compared = separated_bins(cells)
    if len(groups) == 1:
        return
    lonely = np.concatenate(groups[1:])
    named = "; ".join(bins.label(k) for k in lonely[:3])
    more = f" and {lonely.size - 3} more" if lonely.size > 3 else ""
    reason = "all events have one order" if compared else "no event compares them"
    raise DataError(
        f"{lonely.size} of {len(bins)} bins cannot be calibrated, {reason} with the others: "
        f"{named}{more}; choose wider bins of pT and |η|"
    )


def minuit_fit(cells: Cells) -> Minuit:
    """Minimise −ln L over ln r with MIGRAD, given its gradient and Hessian.

    A parabola in the constant, of which the likelihood knows nothing, holds it at
    Σ use · ln r = 0.
    """
    use = cells.use
    start = np.zeros(use.size)
    stiff = float(np.trace(information(start, cells)))

    def value(theta: FloatArray) -> float:
        constant = float(use @ theta)
        return negative_log_likelihood(theta, cells) + 0.5 * stiff * constant**2

    def gradient(theta: FloatArray) -> FloatArray:
        return stiff * float(use @ theta) * use - score(theta, cells)

    def hessian(theta: FloatArray) -> FloatArray:
        return information(theta, cells) + stiff * np.outer(use, use)

    return migrad_to_the_end(
        value,
        gradient,
        hessian,
        start,
        steps=np.full(use.size, 0.1),
        errordef=Minuit.LIKELIHOOD,
        settled=_SETTLED,
    )
