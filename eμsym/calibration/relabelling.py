"""The null of a corrected pair: labels drawn as the calibrated symmetry has them, then refitted.

Once eμ and μe differ by r = ε_μ/ε_e, events are no longer exchangeable: an event at
(k1, k2) is eμ with its own probability p = r(k2)/(r(k1) + r(k2)). A draw gives every
event of the pool a new label with that probability, fits r to the new labels, and
weights the events anew, so that the calibration's own uncertainty is in the null.
A correction from elsewhere is not refitted; it is varied within its covariance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from eμsym.binned.nsigma import correlated_pulls, summed_width
from eμsym.binned.window_batch import (
    Shape,
    Side,
    best_of_pulls,
    check_scan,
    chunks,
    largest_nsigma,
    window_sizes,
)
from eμsym.binned.window_null import WindowPValue
from eμsym.binned.windows import make_window
from eμsym.calibration.bradley_terry import (
    BoolArray,
    Cells,
    IntArray,
    newton_fit,
    probability,
    summed,
)
from eμsym.calibration.equalisation import (
    EqualisedPair,
    bin_sums,
    build,
    difference_covariance,
    order_weights,
    relabelled,
)
from eμsym.calibration.self_calibration import is_flavoured, pool_column, recalibrated
from eμsym.counts import FloatArray
from eμsym.errors import ConfigurationError, DataError
from eμsym.null import Null
from eμsym.nulls import toy_null
from eμsym.pair import Pair
from eμsym.sources import Rng
from eμsym.testing import Columns, on_columns


@dataclass(frozen=True, eq=False)
class CalibratedSource:
    """Pairs as the calibrated symmetry draws them from the events of an equalised pair.

    The sizes vary: each label is drawn for itself. Leading and sub-leading leptons
    stay what they are; columns ``electron_x`` and ``muon_x`` change places where the
    label does. Columns that were measured on one flavour and are called after the
    leading or sub-leading lepton (isolation) stay with the event, and should not be
    tested.

    Parameters
    ----------
    pair : EqualisedPair
    columns : tuple of str, optional
        Draw only these and the weights: quicker, and the draws are plain pairs.
        Default: the whole events, and the draws are equalised pairs.
    """

    pair: EqualisedPair
    columns: tuple[str, ...] | None = None

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair."""
        generator = np.random.default_rng(rng)
        events, p = self.pair.events, self.pair.probability
        in_a = generator.random(p.size) < p
        theta = self._refit.theta(in_a * events.weight * events.used, generator)
        if self.columns is None:
            return self._whole(in_a, theta)
        drawn = probability(theta, events.lead, events.sub)
        weight = order_weights(in_a, drawn) * events.weight
        a, b = (
            {name: values[chosen] for name, values in self._values.items()}
            | {"weight": weight[chosen]}
            for chosen in (in_a, ~in_a)
        )
        return Pair.from_columns(a, b, names=self.pair.names)

    @cached_property
    def _refit(self) -> _Refit:
        return _Refit(self.pair, self.pair.events.lead, self.pair.events.sub)

    @cached_property
    def _values(self) -> dict[str, FloatArray]:
        return {name: pool_column(self.pair.raw, name) for name in self.columns or ()}

    def _whole(self, in_a: BoolArray, theta: FloatArray) -> EqualisedPair:
        pair, events = self.pair, self.pair.events.relabelled(in_a)
        calibration, covariance = pair.calibration, pair.log_ratio_covariance
        if calibration is not None and pair.in_sample:
            calibration = recalibrated(calibration, theta, events.cells())
            covariance = calibration.ratio.covariance
        raw = relabelled(pair.raw, in_a)
        return build(raw, events, theta, covariance, calibration, pair.source)


@dataclass(frozen=True, eq=False)
class _Refit:
    """ln r of a draw: fitted to its labels, or varied within its covariance.

    Parameters
    ----------
    pair : EqualisedPair
    lead, sub : ndarray of int, shape (groups,)
        The bins of the leptons of events, or groups of events, that will be drawn.
    """

    pair: EqualisedPair
    lead: IntArray
    sub: IntArray

    @cached_property
    def cells(self) -> Cells:
        return self.pair.events.cells()

    @cached_property
    def place(self) -> IntArray:
        """The cell of every group; any, if no event of its kinematics is in the fit."""
        bins = self.pair.events.n_bins
        flat = self.cells.lead * bins + self.cells.sub
        found = np.searchsorted(flat, self.lead * bins + self.sub)
        return np.asarray(np.minimum(found, flat.size - 1))

    @cached_property
    def root(self) -> FloatArray | None:
        covariance = self.pair.log_ratio_covariance
        if covariance is None:
            return None
        values, vectors = np.linalg.eigh(covariance)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))

    def theta(self, a: FloatArray, generator: np.random.Generator) -> FloatArray:
        """Return ln r; `a` is the Σw of A's events that are in the fit, of every group."""
        start = self.pair.log_ratio
        if not self.pair.in_sample:
            if self.root is None:
                return start
            return start + self.root @ generator.standard_normal(start.size)
        sums = summed(self.place, a, self.cells.a.size)
        return newton_fit(self.cells.with_a(sums), start)


def calibrated_null(
    test: Callable[..., Any],
    pair: EqualisedPair,
    n: int = 1000,
    *,
    column: Columns = None,
    scale: float | tuple[float, ...] = 1.0,
    **options: Any,
) -> Null:
    """Return the null of a test of an equalised pair, its calibration refitted in every draw.

    In place of `permutation_null`, whose draws assume that the orders do not differ.
    The observed statistic is that of the equalised pair: p = (k+1)/(n+1).

    Parameters
    ----------
    test : callable
        As for `toy_statistics`; it is given the weights.
    pair : EqualisedPair
    n : int
        Number of draws: no p-value below 1/(n+1) can be shown.
    column : str, tuple of str or None
        What the test reads of the pair. None gives it the drawn `EqualisedPair`.
    scale : float or tuple of float
        The column is multiplied by this, as in `OnColumns`.
    **options
        As for `toy_statistics`.

    Returns
    -------
    Null

    Raises
    ------
    DataError
        As for `toy_statistics`, or if the pair has no such column.
    ConfigurationError
        If the pair is not an equalised one, or a column depends on which lepton is
        the electron.
    """
    _require_equalised(pair)
    reads = on_columns(test, column, scale)
    named: Columns = getattr(reads, "columns", None)
    columns = (named,) if isinstance(named, str) else named
    for name in columns or ():
        pair.a.column(name)
        if is_flavoured(name):
            # Only whole draws exchange them.
            columns = None
    source = CalibratedSource(pair, columns)
    return toy_null(reads, source, n, column=None, **options)


def calibrated_nsigma_null(pair: EqualisedPair, *axes: Any, n: int = 1000, rng: Rng = None) -> Null:
    """Return the null of Nσ of an equalised pair, right however sparse the bins are.

    Parameters
    ----------
    pair : EqualisedPair
    *axes : str, or hist axes
        As for `Pair.hist`.
    n : int
        Number of draws.
    rng : numpy.random.Generator, int or None
        Draw i uses child i of its SeedSequence.

    Returns
    -------
    Null
        `n` values of Nσ, B − A positive; of one sign or the other.
    """
    difference, own, covariance = calibrated_differences(pair, *axes, n=n, rng=rng)
    pull = correlated_pulls(difference, own, covariance)
    used = ~np.isnan(pull[0])
    if not used.any():
        raise DataError("no bin holds an event whose order is left open; there is nothing to test")
    width = summed_width(covariance, used)
    return Null(pull[:, used].sum(axis=1) / np.sqrt(np.count_nonzero(used)) / width)


def calibrated_window_pvalue(
    pair: EqualisedPair,
    *axes: Any,
    n: int = 1000,
    shape: Shape = "square",
    min_size: int = 1,
    side: Side = "either",
    rng: Rng = None,
) -> WindowPValue:
    """Find the best window of an equalised pair's plane and its global p-value.

    Pulls are B − A over the roots of the diagonal of `EqualisedPair.covariance`;
    what the calibration has correlated is in the null.

    Parameters
    ----------
    pair : EqualisedPair
    *axes : str, or two hist axes
        As for `Pair.hist`.
    n, rng
        As for `calibrated_nsigma_null`.
    shape, min_size, side
        As for `scan_windows`.

    Returns
    -------
    WindowPValue
        Its method is "events".

    Raises
    ------
    DataError
        As for `window_pvalue`.
    ConfigurationError
        If the pair is not an equalised one.
    """
    _require_equalised(pair)
    a, b = pair.hist(*axes)
    plane = tuple(len(axis) for axis in a.axes)
    check_scan(plane, shape, min_size, side)
    difference, own, covariance = calibrated_differences(pair, *axes, n=n, rng=rng)
    observed = (b.values() - a.values()).ravel()
    pull = correlated_pulls(np.concatenate([observed[None], difference]), own, covariance)
    pull = pull.reshape(-1, *plane)
    sizes = list(window_sizes(plane, shape, min_size))
    best = best_of_pulls(pull[:1], sizes, side)
    if np.isnan(best.z[0]):
        raise DataError("no window holds an entry; there is nothing to test")
    samples = [largest_nsigma(pull[1:][rows], sizes, side) for rows in chunks(n, plane)]
    window = make_window(best.start[0], best.stop[0], float(best.z[0]), a.axes)
    return WindowPValue(window, Null(np.concatenate(samples)), "events", side)


def calibrated_differences(
    pair: EqualisedPair, *axes: Any, n: int, rng: Rng = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw B − A of an equalised pair's histograms under the calibrated symmetry.

    Parameters
    ----------
    pair : EqualisedPair
    *axes : str, or hist axes
        As for `Pair.hist`.
    n : int
        Number of draws.
    rng : numpy.random.Generator, int or None
        Draw i uses child i of its SeedSequence.

    Returns
    -------
    difference : ndarray of float, shape (n, bins)
        Of the weighted, flattened histograms.
    variance : ndarray of float, shape (bins,)
        What the variance would be without calibration.
    covariance : ndarray of float, shape (bins, bins)
        `EqualisedPair.covariance`.
    """
    _require_equalised(pair)
    if not isinstance(n, int | np.integer) or n < 1:
        raise ConfigurationError(f"{n} draws: choose a whole number, 1 or more")
    index, shape = pair.bin_index(*axes)
    size = int(np.prod(shape))
    groups = _groups(pair, index)
    p = probability(pair.log_ratio, groups.lead, groups.sub)
    refit = _Refit(pair, groups.lead, groups.sub)
    within = groups.place >= 0
    place, total = groups.place[within], (groups.count * groups.weight)[within]
    difference = np.empty((n, size))
    for i, child in enumerate(np.random.default_rng(rng).spawn(n)):
        a = child.binomial(groups.count, p) * groups.weight
        theta = refit.theta(a * groups.used, child)
        drawn = probability(theta, groups.lead[within], groups.sub[within])
        difference[i] = summed(place, 2 * (total * drawn - a[within]), size)
    own = 4 * bin_sums(pair, index, size)[0]
    return difference, own, difference_covariance(pair, index, size)


@dataclass(frozen=True, eq=False)
class _Groups:
    """Events that are alike for a histogram and for the fit; arrays of shape (groups,)."""

    place: IntArray
    lead: IntArray
    sub: IntArray
    used: BoolArray
    weight: FloatArray
    count: IntArray


def _groups(pair: EqualisedPair, index: IntArray) -> _Groups:
    events = pair.events
    matters = (index >= 0) | events.used
    alone = _Groups(
        place=index[matters],
        lead=events.lead[matters],
        sub=events.sub[matters],
        used=events.used[matters],
        weight=events.weight[matters],
        count=np.ones(np.count_nonzero(matters), dtype=np.int64),
    )
    if np.any(alone.weight != 1):
        return alone
    bins = events.n_bins
    key = (((alone.place + 1) * bins + alone.lead) * bins + alone.sub) * 2 + alone.used
    key, count = np.unique(key, return_counts=True)
    rest = key // 2
    return _Groups(
        place=rest // bins**2 - 1,
        lead=rest // bins % bins,
        sub=rest % bins,
        used=key % 2 == 1,
        weight=np.ones(key.size),
        count=count,
    )


def _require_equalised(pair: Any) -> None:
    if not isinstance(pair, EqualisedPair):
        raise ConfigurationError(
            "the calibrated null is of an equalised pair: call pair.equalised() first, or take "
            "permutation_null"
        )
