"""Bins of a pair's events, and what its symmetry expects in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray, IntArray, summed
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.fakes import FakeCounts
from eμsym.pool import Pool
from eμsym.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class PairBins:
    """Where the events of a pair are, and what the pair's symmetry expects there.

    Parameters
    ----------
    pool : Pool
        The events of both samples, as they came.
    symmetry : Symmetry
    index : ndarray of int, shape (n,)
        The flat bin of every event of the pool, −1 outside.
    shape : tuple of int
        Of the bins, or how many merged ones there are.
    """

    pool: Pool
    symmetry: Symmetry
    index: IntArray
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many bins there are."""
        return int(np.prod(self.shape))

    def covariance(self) -> FloatArray:
        """Return the covariance of B − A over the flattened bins, shape (bins, bins).

        With what a calibration adds and takes up, see `Calibrated.spread`.
        """
        variance, covariance = self.symmetry.spread(self.pool, self.index, self.size)
        return np.diag(variance) if covariance is None else covariance

    def yield_ratio(self) -> YieldRatio:
        """Return the expected B/A of raw counts, fakes among them.

        Raises
        ------
        DataError
            If the pair is corrected and its raw events are weighted.
        """
        return self._shaped(*self.symmetry.log_yields(self.pool, self.index, self.size))

    def prompt_ratio(self) -> tuple[YieldRatio, FakeCounts | None]:
        """Return the expected B/A without fakes, and the fakes.

        Raises
        ------
        DataError
            As for `yield_ratio`.
        """
        own, of_data = self.symmetry.observed(self.pool), self.symmetry.of_data
        ratio = self._shaped(*of_data.log_yields(self.pool, self.index, self.size))
        fakes = self.symmetry.drawn_fakes(self.pool, own, self.index, self.size)
        return ratio, None if fakes is None else fakes[0]

    def _shaped(self, log_ratio: FloatArray, modes: FloatArray) -> YieldRatio:
        return YieldRatio(log_ratio.reshape(self.shape), modes.reshape(len(modes), *self.shape))

    def expected_ratio(self) -> FloatArray:
        """Return κ = E[B]/E[A] by the events' probabilities; also of weighted ones.

        Unlike `yield_ratio` it has no uncertainty, and leaves out what the bins' own counts
        say of a fitted r.

        Returns
        -------
        ndarray of float, shape (*bins)
            One where no event is expected.
        """
        within = self.index >= 0
        p = self.symmetry.probability(self.pool)[within]
        weight = (self.pool.weight * self.pool.sizes)[within]
        in_a, in_b = (summed(self.index[within], weight * x, self.size) for x in (p, 1 - p))
        good = (in_a > 0) & (in_b > 0)
        return np.divide(in_b, in_a, out=np.ones(self.size), where=good).reshape(self.shape)
