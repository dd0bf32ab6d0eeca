"""How well a correction describes the difference of A and B: goodness of fit, and closure by folds.

Both compare the labels y with the fitted probabilities p in bins, Σ(y − p), and take their null
from the same relabellings, with r fitted anew to each of them; so one p-value counts all bins and
variables of each. Goodness of fit looks at the leptons' kinematics, in bins that are finer than
the terms of ln r and shifted against their knots, in signed η, and in both leptons jointly.
Closure asks of every event a p that it had no part in: r is fitted to all folds but its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist.axis import Variable
from numpy.typing import NDArray

from eμsym.arrays import BoolArray, FloatArray, IntArray, Rng, summed
from eμsym.calibration.bradley_terry import Cells, NearFit
from eμsym.calibration.calibrated import Calibrated
from eμsym.calibration.efficiency_ratio import object_columns
from eμsym.errors import ConfigurationError, DataError
from eμsym.joint_pvalue import Together
from eμsym.pool import Pool
from eμsym.shown import Shown
from eμsym.symmetry import Labelled

#: Where closure is looked at by default; η with its sign.
VARIABLES = ("lead_pt", "sub_pt", "lead_eta", "sub_eta", "m_coll")

#: Relabellings, folds, and bins of each variable of the closure.
N, FOLDS, N_BINS = 199, 5, 8

#: The row of all events together.
TOTAL = "all events"

#: Below this a quality is a warning.
POOR = 0.05


@dataclass(frozen=True, eq=False, repr=False)
class Binned(Shown):
    """What a correction leaves of the e/μ difference in bins.

    Attributes
    ----------
    name : str
    index : ndarray of int, shape (entries,)
        The bin of every event.
    edges : ndarray of float, shape (bins + 1,), or None
        Of one variable.
    left : ndarray of float, shape (bins,)
        Σ w(y − p) of the events: positive for an excess of A.
    variance : ndarray of float, shape (bins,)
        Σ w² p(1 − p).
    """

    name: str
    index: IntArray
    edges: FloatArray | None
    left: FloatArray
    variance: FloatArray

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the name and the number of bins."""
        return {"name": self.name, "bins": self.left.size}

    @property
    def pull(self) -> FloatArray:
        """What is left over its own standard deviation, without the fit's part, shape (bins,)."""
        some = self.variance > 0
        return np.divide(self.left, np.sqrt(self.variance), out=np.zeros(some.size), where=some)

    @property
    def chi2(self) -> float:
        """Σ pull²."""
        return float(np.sum(self.pull**2))


@dataclass(frozen=True, eq=False, repr=False)
class Quality(Shown):
    """Result of `fit_quality`.

    Attributes
    ----------
    goodness : Together
        χ² of the residuals in each kind of bins of the leptons' kinematics.
    closure : Together
        χ² of the out-of-fold residuals in each variable, and of all events together.
    variables : mapping of str to Binned
        Those residuals.
    n_events : int
        Events that are looked at: those in the fit, or all under a correction from elsewhere.
    folds : int
        1 where nothing was fitted here.
    """

    goodness: Together
    closure: Together
    variables: Mapping[str, Binned]
    n_events: int
    folds: int

    @property
    def z(self) -> float:
        """What is left of all events, in its own standard deviations: positive for more A."""
        return float(self.variables[TOTAL].pull[0])

    @property
    def warnings(self) -> tuple[str, ...]:
        """A line for each of the two that is below `POOR`."""
        lines = []
        for what, found in (("goodness of fit", self.goodness), ("closure", self.closure)):
            if found.pvalue < POOR:
                lines.append(
                    f"{what}: p = {found.pvalue:.2g}, worst in {found.smallest}: the correction "
                    "does not describe these events, and what it leaves may be the detector's"
                )
        return tuple(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return both p-values, each kind of bins and each variable, for JSON."""
        variables = {}
        for name, binned in self.variables.items():
            variables[name] = {
                "edges": None if binned.edges is None else binned.edges.tolist(),
                "left": binned.left.tolist(),
                "pull": binned.pull.tolist(),
                "chi2": binned.chi2,
                "pvalue": self.closure.local_pvalue(name),
            }
        return {
            "goodness_of_fit": {
                "pvalue": self.goodness.pvalue,
                "worst": self.goodness.smallest,
                "bins": {n: self.goodness.local_pvalue(n) for n in self.goodness.names},
            },
            "closure": {
                "pvalue": self.closure.pvalue,
                "worst": self.closure.smallest,
                "z": self.z,
                "variables": variables,
            },
            "n": self.closure.n,
            "n_events": self.n_events,
            "folds": self.folds,
            "warnings": list(self.warnings),
        }


def fit_quality(
    pair: Labelled,
    *,
    variables: Sequence[str] | None = None,
    n: int = N,
    folds: int = FOLDS,
    n_bins: int = N_BINS,
    rng: Rng = None,
) -> Quality:
    """Test how well a correction describes the e/μ difference of a pair.

    A correction from elsewhere, or from a control region, has no folds: it has seen none of the
    events. Those in the window that a fit excludes have no part: there may be a signal there.

    Parameters
    ----------
    pair : Pair
        That has been corrected, see `Pair.equalised`.
    variables : sequence of str, optional
        Columns for the closure. Default: those of `VARIABLES` that the events have.
    n : int
        Relabellings; the smallest p-value is 1/(n + 1).
    folds : int
        Parts of the events, by chance.
    n_bins : int
        Bins of each variable, of about equal contents.
    rng : numpy.random.Generator, int or None

    Returns
    -------
    Quality

    Raises
    ------
    DataError
        If the pair is not corrected, or there is no such column or nothing in it to compare.
    ConfigurationError
        If a number is not a whole one of at least 1, or 2 for the folds.
    """
    for what, value, least in (("draws", n, 1), ("folds", folds, 2), ("bins", n_bins, 1)):
        if not isinstance(value, int | np.integer) or value < least:  # type: ignore[redundant-expr]
            raise ConfigurationError(f"{value} {what}: choose a whole number, {least} or more")
    symmetry: Any = pair.symmetry.of_data
    if symmetry.source == "none":
        raise DataError("the pair is not corrected: there is no fit whose quality could be told")
    if variables is None:
        variables = [name for name in VARIABLES if name in pair.pool.columns]
    for_folds, for_labels = np.random.default_rng(rng).spawn(2)
    used = symmetry.used(pair.pool)
    chosen = used if used.any() else np.ones(len(pair.pool), dtype=bool)
    pool = pair.pool.where(chosen)
    fold = for_folds.integers(0, folds, len(pool))
    p = symmetry.probability(pool)
    variance = pool.weight**2 * p * (1 - p)
    kinds = kinematic_bins(pool, tuple(symmetry.slots))
    looked_at: dict[str, tuple[IntArray, FloatArray | None]] = {}
    looked_at[TOTAL] = np.zeros(len(pool), dtype=np.int64), None
    looked_at |= {name: _column_bins(pool, name, int(n_bins)) for name in variables}
    near_bins = _Bins.of(kinds, variance)
    far_bins = _Bins.of({name: index for name, (index, _) in looked_at.items()}, variance)
    own = _residuals(pool, symmetry)
    held_out = _held_out(pool, symmetry, fold, int(folds)) if symmetry.in_sample else own
    # With fakes among the events, their errors are in the draws.
    drawn = pair.symmetry.relabel(pair.pool, int(n), rng=for_labels)
    goodness, closure = [], []
    labellings: list[tuple[NDArray[Any], FloatArray | None]] = []
    labellings.append((pool.labels, symmetry.log_ratio))
    labellings += [
        (labels[chosen], theta)
        for labels, theta in zip(drawn.labels, _log_ratios(drawn.log_ratio, n), strict=True)
    ]
    for labels, theta in labellings:
        goodness.append(near_bins.chi2(own(labels, theta)))
        closure.append(far_bins.chi2(held_out(labels, theta)))
    left = held_out(pool.labels, symmetry.log_ratio)
    return Quality(
        goodness=Together(tuple(kinds), np.array(goodness)),
        closure=Together(tuple(looked_at), np.array(closure)),
        variables={
            name: Binned(name, index, edges, _sums(index, left), _sums(index, variance))
            for name, (index, edges) in looked_at.items()
        },
        n_events=len(pool),
        folds=int(folds) if symmetry.in_sample else 1,
    )


#: Σ-ready residuals w(y − p) of labels and an ln r.
Residuals = Callable[[NDArray[Any], FloatArray | None], FloatArray]


def _log_ratios(log_ratio: FloatArray | None, n: int) -> Sequence[FloatArray | None]:
    return [None] * n if log_ratio is None else list(log_ratio)


def _residuals(pool: Pool, symmetry: Calibrated) -> Residuals:
    """Return what gives the residuals under the ln r of each draw itself."""
    probability, weight = symmetry.probabilities(pool), pool.weight

    def residuals(labels: NDArray[Any], theta: FloatArray | None) -> FloatArray:
        return np.asarray(weight * (labels - probability(theta)))

    return residuals


def _held_out(pool: Pool, symmetry: Calibrated, fold: IntArray, folds: int) -> Residuals:
    """Return what gives the residuals under ln r fitted to the other folds."""
    calibration = symmetry.calibration
    assert calibration is not None
    weight, probability = pool.weight, symmetry.probabilities(pool)
    design, offset = symmetry.design(pool), symmetry.offset(pool)
    parts: list[tuple[BoolArray, BoolArray, IntArray, NearFit]] = []
    for k in range(folds):
        out = fold == k
        others = pool.where(~out)
        known = None if offset is None else offset[~out]
        cells, place = Cells.counted(design.where(~out), others, calibration.terms, known)
        parts.append((out, ~out, place, NearFit(cells, calibration.values)))

    def residuals(labels: NDArray[Any], theta: FloatArray | None) -> FloatArray:
        result = np.empty(len(pool))
        for out, others, place, near in parts:
            sums = summed(place, (labels * weight)[others], near.cells.a.size)
            p = probability(calibration.terms.basis @ near(sums))
            result[out] = (weight * (labels - p))[out]
        return result

    return residuals


def _sums(index: IntArray, values: FloatArray) -> FloatArray:
    return summed(index, values, int(index.max(initial=0)) + 1)


@dataclass(frozen=True, eq=False)
class _Bins:
    """Several kinds of bins of the same events, with the variance in each bin."""

    indices: tuple[IntArray, ...]
    variances: tuple[FloatArray, ...]

    @classmethod
    def of(cls, kinds: Mapping[str, IntArray], variance: FloatArray) -> _Bins:
        return cls(tuple(kinds.values()), tuple(_sums(x, variance) for x in kinds.values()))

    def chi2(self, left: FloatArray) -> list[float]:
        """Return Σ left²/variance of each kind."""
        found = []
        for index, size in zip(self.indices, self.variances, strict=True):
            some = size > 0
            found.append(float(np.sum(_sums(index, left)[some] ** 2 / size[some])))
        return found


#: Bins of a lepton's pT and η, alone and of both leptons jointly, and events a joint bin.
_PT, _ETA, _PER_CELL = 16, 24, 10


#: What to call the object in a slot.
SLOTS = {
    "lead": "leading lepton",
    "sub": "sub-leading lepton",
    "pos": "positive lepton",
    "neg": "negative lepton",
}


def kinematic_bins(pool: Pool, slots: Sequence[str] = ("lead", "sub")) -> dict[str, IntArray]:
    """Return bins of the leptons' kinematics, by what they are of; each of shape (entries,).

    pT in finer quantiles than ln r has knots, signed η in steps that do not begin where those
    of ln r do, and pT, |η| and both jointly of all leptons, in no more bins than events fill.

    Parameters
    ----------
    pool : Pool
    slots : sequence of str
        The leptons: beginnings of the names of their columns.
    """
    pt, eta = object_columns(pool, slots)
    found = {}
    for k, slot in enumerate(slots):
        lepton = SLOTS.get(slot, slot)
        found[f"pT of the {lepton}"] = quantile_bins(pt[k], _PT)[1]
        found[f"η of the {lepton}"] = _even_bins(eta[k], _ETA)
    n, whose = len(pool) / _PER_CELL, "both leptons" if len(slots) == 2 else "the lepton"
    if len(slots) > 1:
        each = int(np.clip(n ** (1 / len(slots)), 2, 10))
        found[f"pT of {whose}"] = _jointly(*(quantile_bins(x, each)[1] for x in pt))
        found[f"|η| of {whose}"] = _jointly(*(quantile_bins(np.abs(x), each)[1] for x in eta))
    few = int(np.clip(n ** (1 / (2 * len(slots))), 2, 5 if len(slots) > 1 else 10))
    four = [quantile_bins(x, few)[1] for x in (*pt, *np.abs(eta))]
    found[f"pT and |η| of {whose}"] = _jointly(*four)
    return found


def _jointly(*indices: IntArray) -> IntArray:
    sizes = tuple(int(index.max(initial=0)) + 1 for index in indices)
    return np.asarray(np.ravel_multi_index(indices, sizes), dtype=np.int64)


def _even_bins(values: FloatArray, n_bins: int) -> IntArray:
    reach = float(np.max(np.abs(values), initial=0.0)) or 1.0
    place = np.floor((values / reach + 1) / 2 * n_bins)
    return np.asarray(np.clip(place, 0, n_bins - 1), dtype=np.int64)


def _column_bins(pool: Pool, name: str, n_bins: int) -> tuple[IntArray, FloatArray | None]:
    values = pool.column(name)
    if np.ptp(values) == 0:
        raise DataError(f"{name}: all values are {values[0]:g}; there is nothing to compare")
    edges, index = quantile_bins(values, n_bins)
    return index, edges


def quantile_bins(values: FloatArray, n_bins: int) -> tuple[FloatArray, IntArray]:
    """Return edges between which about equally many values lie, and the bin of each value.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    n_bins : int

    Returns
    -------
    edges : ndarray of float, shape (bins + 1,)
        Fewer where values repeat; one bin is left if all are equal.
    index : ndarray of int, shape (n,)
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)))
    if edges.size < 2:
        edges = np.array([edges[0], np.nextafter(edges[0], np.inf)])
    return edges, np.minimum(Variable(edges).index(values), edges.size - 2)
