"""What the labels of a pool may do if there is nothing new.

A symmetry draws labels, and says what follows from that for a comparison of the two
samples: the weights that make them comparable, and the covariance of their difference.
Nothing else draws labels; every null asks a symmetry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import BoolArray, FloatArray, IntArray, Rng, summed
from eμsym.errors import ConfigurationError
from eμsym.exchange import LEPTONS, Exchange
from eμsym.pool import Pool
from eμsym.shown import Shown

#: One draw of a pool's labels, and of ln r where that is drawn or fitted with them.
Draw = tuple[NDArray[Any], FloatArray | None]


@dataclass(frozen=True, eq=False, repr=False)
class Relabellings(Shown):
    """Draws of the labels of one pool.

    Attributes
    ----------
    labels : ndarray of bool or int, shape (draws, entries)
        As `Pool.labels`, one row a draw.
    log_ratio : ndarray of float, shape (draws, k), or None
        ln r of every draw, where the symmetry fits it to the labels or varies it.
    symmetry : Symmetry
        What drew them.
    """

    labels: NDArray[Any]
    log_ratio: FloatArray | None
    symmetry: Symmetry

    def __len__(self) -> int:
        """Return the number of draws."""
        return len(self.labels)

    @classmethod
    def joined(cls, parts: Sequence[Relabellings]) -> Relabellings:
        """Return the draws of several, all of one pool and symmetry, one after the other."""
        if len(parts) == 1:
            return parts[0]
        log_ratio = [part.log_ratio for part in parts if part.log_ratio is not None]
        return cls(
            np.concatenate([part.labels for part in parts]),
            np.concatenate(log_ratio) if log_ratio else None,
            parts[0].symmetry,
        )

    def one(self, i: int) -> Relabellings:
        """Return one of the draws alone."""
        log_ratio = None if self.log_ratio is None else self.log_ratio[i : i + 1]
        return Relabellings(self.labels[i : i + 1], log_ratio, self.symmetry)

    def of_groups(self, number: IntArray, n_groups: int) -> Relabellings:
        """Return the draws of groups of the events, see `Symmetry.grouping`.

        Parameters
        ----------
        number : ndarray of int, shape (entries,)
            The group of every event; −1 for none.
        n_groups : int
        """
        chosen = number >= 0
        place = number[chosen]
        counts = [
            np.bincount(place, labels[chosen], n_groups).astype(np.int64) for labels in self.labels
        ]
        return Relabellings(np.stack(counts), self.log_ratio, self.symmetry)

    def differences(self, pool: Pool, index: IntArray, n_bins: int) -> FloatArray:
        """Return B − A in bins, weighted so that both expect the same, of every draw.

        Parameters
        ----------
        pool : Pool
            That the labels were drawn for.
        index : ndarray of int, shape (entries,)
            Bins; −1 outside.
        n_bins : int

        Returns
        -------
        ndarray of float, shape (draws, bins)
            2 Σ w (np − a): a of the n like events of an entry are A's.
        """
        inside = pool.where(within := index >= 0)
        place, total = index[within], inside.sizes * inside.weight
        result = np.empty((len(self), n_bins))
        probability = self.symmetry.probabilities(inside)
        for i, labels in enumerate(self.labels):
            p = probability(None if self.log_ratio is None else self.log_ratio[i])
            a = labels[within] * inside.weight
            result[i] = summed(place, 2 * (total * p - a), n_bins)
        return result


class Symmetry(Shown, ABC):
    """What labels may do: the base of all symmetries.

    A symmetry of one's own gives `relabeller`; the rest is that of two samples which
    are compared as they are.

    Attributes
    ----------
    exchange : Exchange
        What changes places in an event whose label does.
    reads : tuple of str
        The columns that it needs besides the labels.
    source : str
        Where a correction of the detector's e/μ difference is from; "none" without one.
    calibration : object, optional
        The fit, if probabilities were fitted here, see `Calibrated`.
    """

    exchange: Exchange = Exchange()
    reads: tuple[str, ...] = ()
    source: str = "none"
    calibration: Any = None

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows besides the name: nothing, unless something is fitted."""
        return {}

    @property
    def log_ratio(self) -> FloatArray:
        """The values of ln r, r = ε_μ/ε_e, shape (k,): zero if the detector sees both alike."""
        return np.zeros(1)

    @property
    def log_ratio_modes(self) -> FloatArray | None:
        """The directions in which ln r is uncertain, shape (m, k); None if it is exact."""
        return None

    @abstractmethod
    def relabeller(self, pool: Pool) -> Callable[[np.random.Generator], Draw]:
        """Return what draws labels of a pool, one draw a call; see `relabel`."""

    def relabel(self, pool: Pool, n: int, *, rng: Rng = None) -> Relabellings:
        """Draw the labels of a pool's events, or of groups of like events, n times.

        Parameters
        ----------
        pool : Pool
        n : int
        rng : numpy.random.Generator, int or None
            Draw i uses child i of its SeedSequence.

        Returns
        -------
        Relabellings

        Raises
        ------
        ConfigurationError
            If n is not a whole number of at least 1.
        """
        if not isinstance(n, int | np.integer) or n < 1:  # type: ignore[redundant-expr]
            raise ConfigurationError(f"{n} draws: choose a whole number, 1 or more")
        return self.relabel_each(pool, np.random.default_rng(rng).spawn(int(n)))

    def relabel_each(self, pool: Pool, generators: Sequence[np.random.Generator]) -> Relabellings:
        """Draw the labels of a pool once with each generator."""
        draw = self.relabeller(pool)
        drawn = [draw(generator) for generator in generators]
        log_ratio = [theta for _, theta in drawn if theta is not None]
        return Relabellings(
            np.stack([labels for labels, _ in drawn]),
            np.stack(log_ratio) if log_ratio else None,
            self,
        )

    def probability(self, pool: Pool, log_ratio: FloatArray | None = None) -> FloatArray:
        """Return the probability of each event to be A's, by which samples are made comparable.

        Two samples that are compared as they are have ½.

        Parameters
        ----------
        pool : Pool
        log_ratio : ndarray of float, shape (k,), optional
            Of a draw. Default: the symmetry's own.

        Returns
        -------
        ndarray of float, shape (entries,)
        """
        return self.probabilities(pool)(log_ratio)

    def probabilities(self, pool: Pool) -> Callable[[FloatArray | None], FloatArray]:
        """Return `probability` as a function of ln r, for many draws of one pool."""
        half = np.full(len(pool), 0.5)
        return lambda log_ratio: half

    def weights(self, pool: Pool) -> FloatArray:
        """Return the events' weights with which A and B expect the same, shape (n,)."""
        return pool.weight

    def spread(
        self, pool: Pool, index: IntArray, n_bins: int
    ) -> tuple[FloatArray, FloatArray | None]:
        """Return the variance of A − B in bins as labels alone make it, and its covariance.

        Parameters
        ----------
        pool : Pool
        index : ndarray of int, shape (entries,)
            Bins; −1 outside.
        n_bins : int

        Returns
        -------
        variance : ndarray of float, shape (bins,)
            Without what a calibration adds or takes up.
        covariance : ndarray of float, shape (bins, bins), or None
            With it; None where bins are independent.
        """
        within = index >= 0
        squares = (pool.weight**2 * pool.sizes)[within]
        return summed(index[within], squares, n_bins), None

    def shared_terms(self, pool: Pool) -> tuple[FloatArray, FloatArray] | None:
        r"""Return what correlates the sums Σ w (y − p) of any bins, y = 1 for A.

        Their covariance is :math:`V + Z K Z^T`: V of independent events, Z the rows of each
        bin's events added up.

        Returns
        -------
        rows : ndarray of float, shape (entries, m)
        middle : ndarray of float, shape (m, m)
            K. None in place of both where events are independent.
        """
        return None

    def used(self, pool: Pool) -> BoolArray:
        """Return which events of the pool the symmetry was fitted to, shape (entries,)."""
        return np.zeros(len(pool), dtype=bool)

    def fitted_to(self, pool: Pool) -> Symmetry:
        """Return the symmetry as the events of another pool would have it, exact or not."""
        return self

    def refitted(self, pool: Pool) -> Symmetry:
        """Return the symmetry as a fit to another pool's events would have it, where one is."""
        return self

    def log_yields(self, pool: Pool, index: IntArray, n_bins: int) -> tuple[FloatArray, FloatArray]:
        """Return ln E[B]/E[A] of raw counts in every bin, and its uncertain directions.

        Returns
        -------
        log_ratio : ndarray of float, shape (bins,)
        modes : ndarray of float, shape (k, bins)
            Each of one standard deviation.
        """
        return np.zeros(n_bins), np.zeros((0, n_bins))

    def drawn_yields(
        self, pool: Pool, drawn: Relabellings, index: IntArray, n_bins: int
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return `log_yields` of every draw of a pool's labels."""
        return [self.log_yields(pool, index, n_bins)] * len(drawn)

    def drawn_fakes(
        self, pool: Pool, drawn: Relabellings, index: IntArray, n_bins: int
    ) -> Sequence[Any] | None:
        """Return the fakes in bins for every draw, see `eμsym.fakes`; None if none are known."""
        return None

    def observed(self, pool: Pool) -> Relabellings:
        """Return the pool's own labels as the one draw that they are."""
        return Relabellings(pool.labels[None], None, self)

    def grouped(self, pool: Pool, index: IntArray) -> Pool:
        """Return groups of events that are alike for this symmetry; see `grouping`."""
        return self.grouping(pool, index)[0]

    def grouping(self, pool: Pool, index: IntArray) -> tuple[Pool, IntArray]:
        """Return groups of events that are alike for this symmetry and in their bins.

        Events outside all bins that the labels of no others depend on are left out.

        Parameters
        ----------
        pool : Pool
            Of single events.
        index : ndarray of int, shape (n,)
            Bins; −1 outside.

        Returns
        -------
        groups : Pool
        number : ndarray of int, shape (n,)
            The group of every event; −1 for those left out.
        """
        within = index >= 0
        return grouping_of(pool, within, (index,))

    def redrawn(self, pool: Pool, labels: BoolArray, log_ratio: FloatArray | None) -> Any:
        """Return the symmetry of a pool with drawn labels: `labels` and `log_ratio` of a draw.

        A calibration that was fitted to the events is fitted to their new labels.
        """
        return self

    def keeping_sizes(self) -> Symmetry:
        """Return the symmetry of permutations, where those are of use."""
        return Exchangeable()

    @property
    def raw(self) -> Symmetry:
        """The symmetry without any correction."""
        return self

    @property
    def of_data(self) -> Symmetry:
        """The symmetry of the events as they are, without a subtraction of fakes."""
        return self

    @property
    def fake_errors(self) -> tuple[float, ...]:
        """The relative error of the transfer factor of every source of fakes subtracted."""
        return ()

    def corrected(self, correction: Symmetry) -> Symmetry:
        """Return a correction of `of_data` with the fakes subtracted as they are here."""
        return correction

    def to_dict(self) -> dict[str, Any]:
        """Return the correction, if there is one, for JSON."""
        return {"source": self.source, "calibration": None}


@dataclass(frozen=True, repr=False)
class Exchangeable(Symmetry):
    """Any assignment of the labels is as probable as any other, sizes kept.

    That of two arbitrary samples of one distribution (SYM section III E,
    arXiv:2401.09530): a draw is a permutation.

    Examples
    --------
    >>> pool = Pool.joined({"x": [1.0, 2.0, 3.0]}, {"x": [4.0]})
    >>> Exchangeable().relabel(pool, 3, rng=1).labels.sum(axis=1).tolist()
    [3, 3, 3]
    """

    def relabeller(self, pool: Pool) -> Callable[[np.random.Generator], Draw]:
        """Return what draws a permutation, or of groups a multivariate hypergeometric."""
        n_a = pool.n_a

        def permute(generator: np.random.Generator) -> Draw:
            labels = np.zeros(len(pool), dtype=bool)
            labels[generator.permutation(len(pool))[:n_a]] = True
            return labels, None

        def deal(generator: np.random.Generator) -> Draw:
            return generator.multivariate_hypergeometric(pool.sizes, n_a, method="marginals"), None

        return permute if pool.count is None else deal

    def grouping(self, pool: Pool, index: IntArray) -> tuple[Pool, IntArray]:
        """Return groups of events of like bins; those outside are one group: sizes are kept."""
        return pool.grouping(index)


@dataclass(frozen=True, repr=False)
class FairCoin(Symmetry):
    """Every event is A's or B's with probability ½, whatever the others are.

    That of an eμ/μe pair before the detector's difference is taken out: the sizes are
    Poisson, of equal expectation.

    Parameters
    ----------
    exchange : Exchange
        Default: electron and muon trade places.

    Examples
    --------
    >>> pool = Pool({"x": [0, 1]}, [40, 60], np.array([100, 100]))
    >>> FairCoin().relabel(pool, 2, rng=1).labels.tolist()
    [[52, 45], [53, 48]]
    """

    exchange: Exchange = LEPTONS

    def relabeller(self, pool: Pool) -> Callable[[np.random.Generator], Draw]:
        """Return what draws labels, or of groups binomial numbers."""

        def toss(generator: np.random.Generator) -> Draw:
            return generator.integers(0, 2, len(pool), dtype=np.bool_), None

        def count(generator: np.random.Generator) -> Draw:
            return generator.binomial(pool.sizes, 0.5), None

        return toss if pool.count is None else count


def grouping_of(pool: Pool, chosen: BoolArray, keys: Sequence[IntArray]) -> tuple[Pool, IntArray]:
    """Return groups of the chosen events that agree in all keys; see `Symmetry.grouping`."""
    groups, number = pool.where(chosen).grouping(*(key[chosen] for key in keys))
    every = np.full(len(pool), -1, dtype=np.int64)
    every[chosen] = number
    return groups, every


def balanced(in_a: BoolArray, p: FloatArray) -> FloatArray:
    """Return the weights with which A and B expect the same: 2(1 − p) of A's events, 2p of B's.

    Parameters
    ----------
    in_a : ndarray of bool, shape (n,)
    p : ndarray of float, shape (n,)
        The events' probabilities to be A's.
    """
    return np.where(in_a, 2 * (1 - p), 2 * p)


class Labelled(Protocol):
    """What has a pool of events and a symmetry of their labels, as a pair."""

    @property
    def pool(self) -> Pool:
        """The events."""
        ...  # pragma: no cover

    @property
    def symmetry(self) -> Symmetry:
        """What their labels may do."""
        ...  # pragma: no cover
