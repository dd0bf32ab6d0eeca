r"""What the best test reaches that knows a signal's shape, but not the place where it is.

A and B have N_b events of independent standard normal columns each, and A has N_s of a signal
that is normal in k of the columns, with one width. Given an event, its label is A's with
probability (1 + ρ)/(2 + ρ), ρ = N_s s/(N_b b), and ½ without signal. Of one place the ratio of
these likelihoods is the most powerful test (Neyman and Pearson); of places that may all be, it
is the ratio's mean over them. What it reaches is what no test can exceed, on average over the
places, that must look for the signal: the price of the search, and of B in place of a known
background, with which the signal is "ideally" significant (SYM Eq. 30). Events are counted in
cells; a signal has as many events as make it ideally so significant in these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import norm

from eμsym.arrays import FloatArray

#: Where a signal may be: the means that its columns may have.
FARTHEST = 2.5

#: Ends of the cells, which hold all but seven in a million of the background's events.
_END = 4.5

#: Steps of the bisection for the events of a signal.
_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class UnknownPlace:
    """The mean likelihood ratio of a signal of one shape, over all places and sets of columns.

    Parameters
    ----------
    columns : int
        Of the events.
    width : float
        Standard deviation of the signal in each of its columns.
    n_background : float
        Expected events of background in each sample.
    ideal : float
        The ideal significance that it has wherever it is.
    sets : tuple of tuple of int
        The columns that it may be in.
    means : ndarray of float, shape (places, k)
    n_signal : ndarray of float, shape (places,)
        Its expected events at each place.
    """

    columns: int
    width: float
    n_background: float
    ideal: float
    sets: tuple[tuple[int, ...], ...]
    means: FloatArray
    n_signal: FloatArray
    _gain: tuple[NDArray[np.float32], NDArray[np.float32]]
    _background: FloatArray
    _cell: float

    @classmethod
    def of(
        cls, columns: int, k: int, width: float, *, n_background: float, ideal: float
    ) -> UnknownPlace:
        """Prepare it: cells of half a width, and places a width (k = 2) or half (k = 1) apart.

        Parameters
        ----------
        columns, k : int
            Of the events; of them the signal is in k, 1 or 2.
        width, n_background, ideal : float
            As the attributes.
        """
        cell = width / 2 if k == 2 else width / 5
        edges = np.linspace(-_END, _END, round(2 * _END / cell) + 1)
        step = width if k == 2 else width / 2
        axis = np.linspace(-FARTHEST, FARTHEST, round(2 * FARTHEST / step) + 1)
        background = np.diff(norm.cdf(edges))
        signal = np.diff(norm.cdf(edges, axis[:, np.newaxis], width), axis=1)
        if k == 2:
            background = np.kron(background, background)
            signal = np.kron(signal, signal)
        means = np.stack(np.meshgrid(*[axis] * k, indexing="ij"), axis=-1).reshape(-1, k)
        ratio = signal / background / n_background
        n_signal = _events(ratio, background * n_background, ideal)
        ratio *= n_signal[:, np.newaxis]
        # ln of 2 (1 + ρ)/(2 + ρ) of an A, and of 2/(2 + ρ) of a B.
        of_b = -np.log1p(ratio / 2)
        of_a = np.log1p(ratio) + of_b
        gain = of_a.astype(np.float32), of_b.astype(np.float32)
        sets = tuple(combinations(range(columns), k))
        return cls(
            columns, width, n_background, ideal, sets, means, n_signal, gain, background, cell
        )

    @property
    def places(self) -> int:
        """Of all sets of columns."""
        return len(self.means) * len(self.sets)

    def nearest(self, *mean: float) -> int:
        """Return the number of the place that has these means, or the nearest ones."""
        return int(np.argmin(np.sum((self.means - np.array(mean)) ** 2, axis=1)))

    def log_ratios(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return ln of the likelihood ratio of every set and place, shape (sets, places)."""
        cells = round(2 * _END / self._cell)
        found = np.zeros((len(self.sets), len(self.means)), dtype=np.float32)
        for events, gain in zip((a, b), self._gain, strict=True):
            index = np.clip(np.floor((events + _END) / self._cell), 0, cells - 1).astype(np.intp)
            counts = np.stack([self._counts(index[:, list(each)], cells) for each in self.sets])
            found += counts @ gain.T
        return found.astype(np.float64)

    def _counts(self, index: NDArray[np.intp], cells: int) -> NDArray[np.float32]:
        flat = index[:, 0] if index.shape[1] == 1 else index[:, 0] * cells + index[:, 1]
        return np.bincount(flat, minlength=cells ** index.shape[1]).astype(np.float32)

    def toys(
        self, n: int, place: int | None, rng: np.random.Generator
    ) -> Iterator[tuple[float, float]]:
        """Draw toys and test them.

        Parameters
        ----------
        n : int
        place : int or None
            Where the signal of the first set of columns is; None for none of it.
        rng : numpy.random.Generator

        Yields
        ------
        float, float
            ln of the mean likelihood ratio of all places; and that of ``place``, NaN without.
        """
        for _ in range(n):
            a, b = (
                rng.standard_normal((rng.poisson(self.n_background), self.columns))
                for _ in range(2)
            )
            if place is not None:
                mean = self.means[place]
                added = rng.standard_normal((rng.poisson(self.n_signal[place]), self.columns))
                added[:, : mean.size] = mean + self.width * added[:, : mean.size]
                a = np.concatenate([a, added])
            ratios = self.log_ratios(a, b)
            there = float("nan") if place is None else float(ratios[0, place])
            yield float(logsumexp(ratios) - np.log(ratios.size)), there

    def moments_without(self, place: int) -> tuple[float, float]:
        """Return mean and standard deviation of ln of one place's ratio without signal.

        In cells A's and B's events are independent and Poisson: both are sums over cells.
        """
        gain_a, gain_b = (each[place].astype(np.float64) for each in self._gain)
        expected = self.n_background * self._background
        mean = float(expected @ (gain_a + gain_b))
        return mean, float(np.sqrt(expected @ (gain_a**2 + gain_b**2)))


def _events(ratio: FloatArray, background: FloatArray, ideal: float) -> FloatArray:
    """Return the events of a signal by place, of s/b per event and what b expects by cell."""
    low, high = np.zeros(len(ratio)), np.full(len(ratio), float(background.sum()))
    for _ in range(_HALVINGS):
        n = (low + high) / 2
        rho = ratio * n[:, np.newaxis]
        square = 2 * (((1 + rho) * np.log1p(rho)) @ background - n)
        above = square > ideal**2
        low, high = np.where(above, low, n), np.where(above, n, high)
    return np.asarray((low + high) / 2)
