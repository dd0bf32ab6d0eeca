"""The labellings of a pool, the observed one first, in chunks of lanes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import SeedSequence

from eμsym.arrays import FloatArray, Rng
from eμsym.errors import ConfigurationError, DataError
from eμsym.pool import Pool
from eμsym.running.toys import seed_of
from eμsym.scanning.view_kernel import LANES
from eμsym.symmetry import Relabellings, Symmetry
from eμsym.unbinned.subspace_scores import Residuals


@dataclass(frozen=True, eq=False)
class Labellings:
    """n + 1 labellings of a pool: as it was observed, and n draws of its symmetry.

    Attributes
    ----------
    pool : Pool
        Of single events.
    symmetry : Symmetry
    residuals : Residuals
        Under the symmetry.
    first : SeedSequence
        Of the first draw; draw i has the i-th after it.
    n : int
    """

    pool: Pool
    symmetry: Symmetry
    residuals: Residuals
    first: SeedSequence
    n: int

    @classmethod
    def of(cls, pool: Pool, symmetry: Symmetry, n: int, rng: Rng = None) -> Labellings:
        """Prepare n draws.

        Raises
        ------
        ConfigurationError
            If n is not a whole number of at least 19.
        DataError
            If there are no events, or a weight is not finite.
        """
        if not isinstance(n, int | np.integer) or n < 19:  # type: ignore[redundant-expr]
            raise ConfigurationError(f"{n} relabellings: choose a whole number, 19 or more")
        if not len(pool):
            raise DataError("there are no events: nothing to scan")
        parent = np.random.default_rng(rng).bit_generator.seed_seq
        first: SeedSequence = parent.spawn(1)[0]  # type: ignore[attr-defined]
        few = [np.random.default_rng(seed_of(first, i)) for i in range(16)]
        residuals = Residuals.of(pool, symmetry.relabel_each(pool, few))
        return cls(pool, symmetry, residuals, first, int(n))

    @property
    def chunks(self) -> range:
        """The numbers of the chunks."""
        return range(-(-(self.n + 1) // LANES))

    def of_chunk(self, number: int) -> tuple[FloatArray, int]:
        """Return the residuals of a chunk, shape (n, LANES), and how many lanes are in use."""
        start = number * LANES
        stop = min(start + LANES, self.n + 1)
        parts = [self.symmetry.observed(self.pool)] if start == 0 else []
        seeds = [seed_of(self.first, i - 1) for i in range(max(start, 1), stop)]
        if seeds:
            generators = [np.random.default_rng(seed) for seed in seeds]
            parts.append(self.symmetry.relabel_each(self.pool, generators))
        drawn = Relabellings.joined(parts)
        return self.residuals.of_chunk(drawn, slice(0, len(drawn))), stop - start
