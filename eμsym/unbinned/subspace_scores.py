"""All views of one pool of events, and what they say together of any labelling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.pool import Pool
from eμsym.symmetry import Relabellings, Symmetry
from eμsym.unbinned.subspace_axis import RankAxis
from eμsym.unbinned.subspace_joint import ForestBlock, KernelBlock
from eμsym.unbinned.subspace_sums import LANES
from eμsym.unbinned.subspace_views import (
    CELLS_1D,
    CELLS_2D,
    Block,
    GridBlock,
    Moments,
    View,
)

#: Euler's constant, the mean of Gumbel's distribution.
_EULER = float(np.euler_gamma)


@dataclass(frozen=True, eq=False)
class Residuals:
    """What turns the labellings of a pool into residuals w (y − p), y = 1 for A.

    Where all labellings have the same number of A's, p is A's share of the weight in each:
    the residuals add up to zero. Else it is the symmetry's own probability, with the ln r of
    the draw: r that was fitted to the events is fitted to the new labels.
    """

    pool: Pool
    symmetry: Symmetry
    sizes_kept: bool
    _probability: Callable[[FloatArray | None], FloatArray]

    @classmethod
    def of(cls, pool: Pool, drawn: Relabellings) -> Residuals:
        """Prepare them; several draws show whether sizes are kept."""
        pool.check_weights()
        kept = bool(np.all(drawn.labels.sum(axis=1) == pool.labels.sum()))
        return cls(pool, drawn.symmetry, kept, drawn.symmetry.probabilities(pool))

    def of_labels(self, labels: NDArray[Any], log_ratio: FloatArray | None) -> FloatArray:
        """Return the residuals of one labelling, shape (n,)."""
        weight, sizes = self.pool.weight, self.pool.sizes
        if self.sizes_kept:
            p = np.sum(weight * labels) / np.sum(weight * sizes)
            return np.asarray(weight * (labels - sizes * p))
        return np.asarray(weight * (labels - sizes * self._probability(log_ratio)))

    def moments(self) -> Moments:
        """Return the residuals' variances under the symmetry."""
        pool = self.pool
        if self.sizes_kept:
            share = pool.n_a / (pool.n_a + pool.n_b)
            spread = np.full(len(pool), share * (1 - share))
        else:
            p = self._probability(None)
            spread = p * (1 - p)
        return Moments(pool.weight**2 * pool.sizes * spread, self.sizes_kept)

    def chunks(self, drawn: Relabellings) -> list[slice]:
        """Return the draws in groups of `LANES`."""
        return [slice(i, min(i + LANES, len(drawn))) for i in range(0, len(drawn), LANES)]

    def of_chunk(self, drawn: Relabellings, rows: slice) -> FloatArray:
        """Return the residuals of some draws, shape (n, LANES), zeros where there are fewer."""
        found = np.zeros((LANES, len(self.pool)))
        for lane, i in enumerate(range(rows.start, rows.stop)):
            log_ratio = None if drawn.log_ratio is None else drawn.log_ratio[i]
            found[lane] = self.of_labels(drawn.labels[i], log_ratio)
        return np.ascontiguousarray(found.T)


@dataclass(frozen=True, eq=False)
class Scores:
    """The views of a pool, each made comparable by labellings of its own.

    Attributes
    ----------
    residuals : Residuals
    blocks : tuple of Block
    centre, scale : ndarray of float, shape (views,)
        Of the cube root of a sum of squares, or of the largest square, over labellings that
        the symmetry drew for nothing else.
    """

    residuals: Residuals
    blocks: tuple[Block, ...]
    centre: FloatArray
    scale: FloatArray

    @classmethod
    def of(
        cls,
        pool: Pool,
        symmetry: Symmetry,
        axes: tuple[RankAxis, ...],
        *,
        trees: int,
        standardising: int,
        seed: int,
        threads: int,
    ) -> Scores:
        """Compute what all labellings have in common.

        Parameters
        ----------
        pool : Pool
        symmetry : Symmetry
        axes : tuple of RankAxis
        trees, standardising, seed, threads : int
            As of `eμsym.SubspaceTest`.

        Raises
        ------
        DataError
            If a weight is not finite, or no labelling moves any view.
        """
        for_forest, for_kernel, for_draws = np.random.default_rng(seed).spawn(3)
        generators = for_draws.spawn(standardising)
        first = symmetry.relabel_each(pool, generators[:LANES])
        residuals = Residuals.of(pool, first)
        moments = residuals.moments()
        blocks: list[Block] = [
            GridBlock((axis.name,), (axis.cells(CELLS_1D),), moments) for axis in axes
        ]
        cells = [(axis.name, axis.cells(CELLS_2D)) for axis in axes]
        for (one, of_one), (other, of_other) in combinations(cells, 2):
            blocks.append(GridBlock((one, other), (of_one, of_other), moments))
        if len(axes) > 1:
            blocks.append(ForestBlock(axes, moments, trees, for_forest))
            blocks.append(KernelBlock(axes, moments, for_kernel))
        views = [view for block in blocks for view in block.views]
        size = len(views)
        start = cls(residuals, tuple(blocks), np.zeros(size), np.ones(size))
        known = start.over(generators, start.comparable, threads)
        centre, scale = known.mean(axis=1), known.std(axis=1)
        if not np.any(scale > 0):
            raise DataError("no labelling that the symmetry allows differs from another")
        return cls(residuals, tuple(blocks), centre, scale)

    @property
    def views(self) -> list[View]:
        """All views, in the order of the statistics."""
        return [view for block in self.blocks for view in block.views]

    def over(
        self,
        generators: Sequence[np.random.Generator],
        what: Callable[[FloatArray], FloatArray],
        threads: int,
    ) -> FloatArray:
        """Return something of the residuals of one labelling a generator, shape (…, n)."""
        pool, symmetry = self.residuals.pool, self.residuals.symmetry

        def do(first: int) -> FloatArray:
            mine = generators[first : first + LANES]
            drawn = symmetry.relabel_each(pool, mine)
            chunk = self.residuals.of_chunk(drawn, slice(0, len(mine)))
            return what(chunk)[..., : len(mine)]

        starts = range(0, len(generators), LANES)
        if threads == 1:
            return np.concatenate([do(first) for first in starts], axis=-1)
        with ThreadPoolExecutor(threads) as workers:
            return np.concatenate(list(workers.map(do, starts)), axis=-1)

    def comparable(self, residuals: FloatArray) -> FloatArray:
        """Return what is standardised, (views, labellings): about normal, or about Gumbel."""
        found = np.concatenate([block.statistics(residuals) for block in self.blocks])
        sums = np.array([view.tail == "sum" for view in self.views])
        # Wilson and Hilferty: the cube root of χ² is nearly normal.
        found[sums] = np.cbrt(found[sums])
        return found

    def z(self, residuals: FloatArray) -> FloatArray:
        """Return every view's local Z, shape (views, labellings), of (n, LANES) residuals."""
        spread = np.where(self.scale > 0, self.scale, np.inf)[:, np.newaxis]
        found = (self.comparable(residuals) - self.centre[:, np.newaxis]) / spread
        largest = np.array([view.tail == "largest" for view in self.views])
        found[largest] = _z_of_gumbel(found[largest])
        return found

    def together(self, residuals: FloatArray) -> FloatArray:
        """Return what all views say together, shape (labellings,); see `mean_z`."""
        return mean_z(self.z(residuals))

    def many(self, drawn: Relabellings) -> FloatArray:
        """Return what all views say together of every draw, shape (draws,)."""
        parts = []
        for rows in self.residuals.chunks(drawn):
            found = self.together(self.residuals.of_chunk(drawn, rows))
            parts.append(found[: rows.stop - rows.start])
        return np.concatenate(parts)


def mean_z(z: FloatArray) -> FloatArray:
    r"""Return the Z of the harmonic mean of local p-values, shape (…) of z's (views, …).

    .. math:: 1/\bar p = \frac1m \sum_i 1/p_i

    (Wilson, PNAS 116 (2019) 1195). The smallest p decides where it is far below the others;
    views that see the same help one another. As a statistic it need not be a p-value itself.
    """
    log_p = np.log(len(z)) - logsumexp(-log_ndtr(-z), axis=0)
    # Not of p = 1 to the last digit, whose Z would be −∞.
    return np.asarray(-ndtri_exp(np.minimum(log_p, -1e-15)))


def _z_of_gumbel(standardised: FloatArray) -> FloatArray:
    """Return Φ⁻¹ of the place in Gumbel's distribution of mean 0 and variance 1."""
    y = np.maximum(standardised * np.pi / np.sqrt(6) + _EULER, -3.0)
    tail = np.exp(-y)
    # ln(1 − exp(−e^−y)), which far out is −y.
    log_p = np.where(y > 30, -y, np.log(-np.expm1(-np.maximum(tail, 1e-300))))
    return np.asarray(-ndtri_exp(log_p))
