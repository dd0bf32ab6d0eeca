r"""The symmetry of data from which estimated fake leptons are subtracted.

Some selected events are no prompt e and μ: a jet is taken for an electron, more often than
for a muon, and the two orders get different numbers of them. Control events, each with the
transfer factor τ of its lepton that fails, estimate how many there are and where (the fake
factor method: ATLAS, arXiv:2211.16178, section 3). They are in the pool with weights −τw.

With y = 1 for A, p the probability of a prompt event to be A's, and the weights
2(1 − p) of A's events and 2p of B's, the difference

.. math::
    D = B - A = \sum_{\mathrm{data}} 2 (p_i - y_i) - \sum_{\mathrm{control}} 2 τ w_j (p_j - y_j)

is zero on average in every bin of every observable: at every point the prompt events by
their symmetry, and the fakes by their estimate. Its variance is that of as many independent
terms, :math:`\sum 4 w^2 p (1 - p)` with w = 1 for data and τw for control events (first
order in the share of the fakes), and what the error of τ adds.

So a draw gives every event, of the data and of the control sample, a label with the
probability p: each term then is zero on average and keeps its size. For the data that is the
unconditional Poisson variance: at p = ½, labels drawn with the mixture's probability ½ + d
would give a bin of n events the variance n(1 − 4d²) and the mean −2nd, whose fluctuation with
n is the missing 4nd². For the control events it is a bootstrap with
multipliers ±1 in place of Poisson(1) − 1 (Liu, Ann. Statist. 16 (1988) 1696): it has the
same variance, and no draw moves the mean. An error δτ is common to all events of a source:
a draw g of N(0, 1) moves their labels towards those that were observed, P(A) = p +
g (δτ/τ)(y − p), which moves D on average as τ + g δτ would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from eμsym.arrays import BoolArray, FloatArray, IntArray, summed
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import Exchange
from eμsym.pool import FAKE, WEIGHT, Pool
from eμsym.symmetry import Draw, Relabellings, Symmetry

#: Least share of a bin's entries that is left to the prompt events, and to each sample.
_FLOOR = 0.01

#: A larger relative error of a transfer factor is not to be had by moving labels.
MAX_ERROR = 0.5


@dataclass(frozen=True, repr=False)
class WithFakes(Symmetry):
    """A symmetry of prompt events, with the fakes subtracted by control events in the pool.

    Made by `eμsym.subtract_fakes`, and by `eμsym.read_pair` of a folder with datasets of
    the role ``fake``.

    Parameters
    ----------
    base : Symmetry
        Of the prompt events.
    errors : tuple of float
        δτ/τ of every source of fakes; `Pool.fake` says which source an event is of.

    Raises
    ------
    ConfigurationError
        If an error is negative, or larger than `MAX_ERROR`.
    """

    base: Symmetry
    errors: tuple[float, ...]

    def __post_init__(self) -> None:
        for error in self.errors:
            check_error(error)

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the symmetry of the prompt events, and δτ/τ."""
        return {"base": self.base, "errors": self.errors}

    @property
    def exchange(self) -> Exchange:  # type: ignore[override]
        """What changes places in an event whose label does."""
        return self.base.exchange

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """The columns that the symmetry of the prompt events needs."""
        return self.base.reads

    @property
    def source(self) -> str:  # type: ignore[override]
        """Where a correction of the detector's e/μ difference is from."""
        return self.base.source

    @property
    def calibration(self) -> Any:
        """The fit, if probabilities were fitted here."""
        return self.base.calibration

    @property
    def log_ratio(self) -> FloatArray:
        """The values of ln r, shape (k,)."""
        return self.base.log_ratio

    @property
    def log_ratio_modes(self) -> FloatArray | None:
        """The directions in which ln r is uncertain, without those that τ adds; or None."""
        return self.base.log_ratio_modes

    def probabilities(self, pool: Pool) -> Callable[[FloatArray | None], FloatArray]:
        """Return P(A) of prompt events as a function of ln r; see `Symmetry.probability`."""
        return self.base.probabilities(pool)

    def weights(self, pool: Pool) -> FloatArray:
        """Return the weights with which A and B expect the same, those of fakes negative."""
        return self.base.weights(pool)

    def used(self, pool: Pool) -> BoolArray:
        """Return which events the symmetry was fitted to, control events with them."""
        return self.base.used(pool)

    @property
    def raw(self) -> Symmetry:
        """The symmetry without any correction of the prompt events."""
        raw = self.base.raw
        return self if raw is self.base else replace(self, base=raw)

    @property
    def of_data(self) -> Symmetry:
        """The symmetry of the prompt events."""
        return self.base

    @property
    def fake_errors(self) -> tuple[float, ...]:
        """δτ/τ of every source."""
        return self.errors

    def corrected(self, correction: Symmetry) -> Symmetry:
        """Return a correction of `of_data` with the same fakes subtracted."""
        return replace(self, base=correction)

    def fitted_to(self, pool: Pool) -> Symmetry:
        """Return the symmetry as the events of another pool would have it."""
        return replace(self, base=self.base.fitted_to(pool))

    def refitted(self, pool: Pool) -> Symmetry:
        """Return the symmetry as a fit to another pool's events would have it, where one is."""
        return replace(self, base=self.base.refitted(pool))

    def redrawn(self, pool: Pool, labels: BoolArray, log_ratio: FloatArray | None) -> Symmetry:
        """Return the symmetry of a pool with drawn labels."""
        return replace(self, base=self.base.redrawn(pool, labels, log_ratio))

    def keeping_sizes(self) -> Symmetry:
        """Return the symmetry itself: data and control events are not exchangeable."""
        return self

    def observed(self, pool: Pool) -> Relabellings:
        """Return the pool's own labels as the one draw that they are."""
        return replace(self.base.observed(pool), symmetry=self)

    def relabeller(self, pool: Pool) -> Callable[[np.random.Generator], Draw]:
        """Return what draws labels of data and control events, and moves the latter by δτ."""
        draw = self.base.relabeller(pool)
        some = np.flatnonzero(pool.fake)
        if not some.size or not any(self.errors):
            return draw
        source, in_a = np.abs(pool.fake[some]) - 1, pool.fake[some] > 0
        p = self.base.probability(pool)[some]
        lean = np.array(self.errors)[source] * (in_a - p)
        refit = bool(self.base.used(pool).any())

        def moved(generator: np.random.Generator) -> Draw:
            labels, log_ratio = draw(generator)
            pull = generator.standard_normal(len(self.errors))[source]
            share = np.clip(p + pull * lean, 0.0, 1.0)
            labels = labels.copy()
            if pool.count is None:
                labels[some] = generator.random(some.size) < share
            else:
                labels[some] = generator.binomial(pool.sizes[some], share)
            if refit:
                log_ratio = self.base.refitted(pool.relabelled(labels)).log_ratio
            return labels, log_ratio

        return moved

    def grouping(self, pool: Pool, index: IntArray) -> tuple[Pool, IntArray]:
        """Return groups of events that are alike, of one weight, source and observed order."""
        if pool.count is not None or WEIGHT not in pool.columns:
            return self.base.grouping(pool, index)
        kinds = np.stack([pool.weight, pool.fake])
        _, kind = np.unique(kinds, axis=1, return_inverse=True)
        kind, n = kind.reshape(-1), int(kind.max(initial=0)) + 1
        # Weights that all differ make no groups.
        if n > max(1, len(pool) // 2):
            return self.base.grouping(pool, index)
        keyed = np.where(index >= 0, index * n + kind, -1 - kind)
        plain = Pool({k: v for k, v in pool.columns.items() if k != WEIGHT}, pool.labels)
        groups, number = self.base.grouping(plain, keyed)
        first = np.zeros(len(groups), dtype=np.int64)
        chosen = number >= 0
        first[number[chosen]] = np.flatnonzero(chosen)
        return groups.with_columns({WEIGHT: pool.weight[first]}), number

    def spread(
        self, pool: Pool, index: IntArray, n_bins: int
    ) -> tuple[FloatArray, FloatArray | None]:
        """Return the variance of A − B in bins, and its covariance, with δτ in it."""
        variance, covariance = self.base.spread(pool, index, n_bins)
        modes = self.modes(pool, index, n_bins)
        if not modes.any():
            return variance, covariance
        full = np.diag(variance) if covariance is None else covariance
        return variance, full + modes.T @ modes

    def shared_terms(self, pool: Pool) -> tuple[FloatArray, FloatArray] | None:
        """Return what correlates sums of residuals, as in `spread`; see `Symmetry.shared_terms`."""
        known = self.base.shared_terms(pool)
        # A − B is twice the sum of residuals.
        added = self.modes(pool, np.arange(len(pool)), len(pool)).T / 2
        if not added.any():
            return known
        rows, middle = (added[:, :0], np.zeros((0, 0))) if known is None else known
        both = np.concatenate([rows, added], axis=1)
        return both, block_diag(middle, np.eye(added.shape[1]))

    def modes(self, pool: Pool, index: IntArray, n_bins: int) -> FloatArray:
        """Return by how much B − A in bins moves with one standard deviation of each τ.

        ln r that was fitted to the pool follows.

        Returns
        -------
        ndarray of float, shape (sources, bins)
        """
        pool = _as_observed(pool)
        found = np.zeros((len(self.errors), n_bins))
        if not pool.fake.any() or not any(self.errors):
            return found
        here = _difference(self.base, pool, index, n_bins)
        for k, error in enumerate(self.errors):
            factor = np.where(np.abs(pool.fake) == k + 1, 1 + error, 1.0)
            moved = pool.with_columns({WEIGHT: pool.weight * factor})
            found[k] = _difference(self.base.refitted(moved), moved, index, n_bins) - here
        return found

    def log_yields(self, pool: Pool, index: IntArray, n_bins: int) -> tuple[FloatArray, FloatArray]:
        """Return ln E[B]/E[A] of the data's counts, fakes among them; see `mixed_ratio`."""
        own = Relabellings(pool.labels[None], None, self)
        return self.drawn_yields(pool, own, index, n_bins)[0]

    def drawn_yields(
        self, pool: Pool, drawn: Relabellings, index: IntArray, n_bins: int
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return `log_yields` of every draw of a pool's labels; see `mixed_ratio`."""
        of_prompt = Relabellings(drawn.labels, drawn.log_ratio, self.base)
        prompt = self.base.drawn_yields(pool, of_prompt, index, n_bins)
        counted = (index >= 0) & (pool.fake == 0)
        counts = summed(index[counted], pool.sizes[counted], n_bins)
        fakes = self.drawn_fakes(pool, drawn, index, n_bins)
        return [
            mixed_ratio(counts, log_ratio, modes, added)
            for (log_ratio, modes), added in zip(prompt, fakes, strict=True)
        ]

    def drawn_fakes(
        self, pool: Pool, drawn: Relabellings, index: IntArray, n_bins: int
    ) -> list[FakeCounts]:
        """Return the fakes in bins for every draw of a pool's labels, those of control events."""
        some = (index >= 0) & (pool.fake != 0)
        place, weight, sizes = index[some], -pool.weight[some], pool.sizes[some]
        source, was_a = np.abs(pool.fake[some]), pool.fake[some] > 0
        one_sigma = np.array([0.0, *self.errors])[source] * weight * sizes
        by_source = np.zeros((len(self.errors), 2, n_bins))
        for k in range(len(self.errors)):
            for side, chosen in enumerate((was_a, ~was_a)):
                by_source[k, side] = summed(place, one_sigma * (chosen & (source == k + 1)), n_bins)
        found = []
        for labels in drawn.labels:
            in_a = labels[some].astype(np.float64)
            in_b = sizes - in_a
            found.append(
                FakeCounts(
                    in_a=summed(place, weight * in_a, n_bins),
                    in_b=summed(place, weight * in_b, n_bins),
                    variance_a=summed(place, weight**2 * in_a, n_bins),
                    variance_b=summed(place, weight**2 * in_b, n_bins),
                    by_source=by_source,
                )
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the correction of the prompt events, and δτ/τ of the fakes, for JSON."""
        return {**self.base.to_dict(), "fakes": {"relative_errors": list(self.errors)}}


@dataclass(frozen=True, eq=False)
class FakeCounts:
    """How many fakes control events estimate in the bins of both samples.

    Attributes
    ----------
    in_a, in_b : ndarray of float, shape (bins,)
    variance_a, variance_b : ndarray of float, shape (bins,)
        By the control events' own statistics.
    by_source : ndarray of float, shape (sources, 2, bins)
        One standard deviation of each τ, in A and in B.
    """

    in_a: FloatArray
    in_b: FloatArray
    variance_a: FloatArray
    variance_b: FloatArray
    by_source: FloatArray


def check_marks(pool: Pool, symmetry: Symmetry) -> None:
    """Raise a `DataError` if a column of the user's has the name that marks fakes.

    Its events would be taken for control events, and left out of what is counted.
    """
    if FAKE in pool.columns and not symmetry.fake_errors and pool.fake.any():
        raise DataError(
            f"column {FAKE!r}: the name is kept for events that estimate fakes (see "
            "eμsym.subtract_fakes); give the column another one"
        )


def check_error(error: float) -> None:
    """Raise a `ConfigurationError` if a relative error of τ is none that can be taken."""
    if not 0 <= error <= MAX_ERROR:
        raise ConfigurationError(
            f"a transfer factor with a relative error of {error:g}: between 0 and {MAX_ERROR:g} "
            "can be taken; measure it better"
        )


def mixed_ratio(
    counts: FloatArray,
    log_ratio: FloatArray,
    modes: FloatArray,
    fakes: FakeCounts,
) -> tuple[FloatArray, FloatArray]:
    r"""Return ln E[B]/E[A] of prompt events and fakes together, and its uncertain directions.

    .. math::
        \frac{E[B]}{E[A]} = \frac{κ b + F_B}{b + F_A}, \qquad b = \frac{n - F_A - F_B}{1 + κ},

    with n the counts of both samples. Their error moves the ratio by
    (δF_B − κ δF_A)/(1 + κ) · (1/E[A] + 1/E[B]). A fit that takes this for the ratio of its
    free background holds at μ = 0; where μ moves it, the fakes go along with the background,
    and μ̂ is off by about half of their share of B − A. `Q0Test` has them as components that
    stay.

    Parameters
    ----------
    counts : ndarray of float, shape (bins,)
    log_ratio : ndarray of float, shape (bins,)
        ln κ of the prompt events.
    modes : ndarray of float, shape (k, bins)
        Its directions.
    fakes : FakeCounts

    Returns
    -------
    log_ratio : ndarray of float, shape (bins,)
    modes : ndarray of float, shape (k + sources + bins with fakes, bins)
    """
    f_a, f_b, v_a, v_b = fakes.in_a, fakes.in_b, fakes.variance_a, fakes.variance_b
    by_source = fakes.by_source
    kappa = np.exp(log_ratio)
    some = (counts > 0) & ((v_a + v_b > 0) | (f_a + f_b != 0))
    n = np.where(some, counts, 1.0)
    b = np.maximum(n - f_a - f_b, _FLOOR * n) / (1 + kappa)
    e_a, e_b = np.maximum(b + f_a, _FLOOR * n), np.maximum(kappa * b + f_b, _FLOOR * n)
    steep = (1 / e_a + 1 / e_b) / (1 + kappa)
    mixed = np.where(some, np.log(e_b / e_a), log_ratio)
    of_prompt = modes * np.where(some, kappa * b * steep, 1.0)
    of_sources = np.where(some, (by_source[:, 1] - kappa * by_source[:, 0]) * steep, 0.0)
    own = np.where(some, np.sqrt(v_b + kappa**2 * v_a) * steep, 0.0)
    of_bins = np.diag(own)[own > 0]
    told = of_sources[np.any(of_sources != 0, axis=1)]
    return np.asarray(mixed), np.concatenate([of_prompt, told, of_bins])


def _as_observed(pool: Pool) -> Pool:
    """Return a pool whose control events have the labels that they were observed with."""
    seen = np.where(pool.fake > 0, pool.sizes, 0)
    return pool.relabelled(np.where(pool.fake != 0, seen, pool.labels).astype(pool.labels.dtype))


def _difference(symmetry: Symmetry, pool: Pool, index: IntArray, n_bins: int) -> FloatArray:
    """Return B − A in bins, weighted so that both expect the same."""
    own = Relabellings(pool.labels[None], None, symmetry)
    return np.asarray(own.differences(pool, index, n_bins)[0])
