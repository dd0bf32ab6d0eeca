"""Two samples of events of many columns, compared in many views of few columns at once.

A test that looks at all columns together sees little of a signal that is local in two of them.
This one scores every column, every pair of columns, and random partitions and kernels of all,
and takes the harmonic mean of their local p-values, in which the smallest count most; what
many views cost is in the null, for every relabelling is looked at in the same way (Westfall and
Young, Resampling-Based Multiple Testing, Wiley 1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray, Rng
from eμsym.distributions import Null
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from eμsym.pool import WEIGHT, Pool
from eμsym.shown import Shown
from eμsym.sources import columns_pair
from eμsym.symmetry import Relabellings, Symmetry
from eμsym.unbinned.subspace_axis import rank_axes
from eμsym.unbinned.subspace_scores import Scores
from eμsym.unbinned.subspace_views import LogOddsMap


@dataclass(frozen=True, eq=False, repr=False)
class SubspaceResult(Shown):
    """Result of `SubspaceTest`.

    Attributes
    ----------
    statistic : float
        The Z of the harmonic mean of all views' local p-values.
    best : str
        The view that has the smallest: the largest local Z.
    columns : tuple of str
        That it looks at.
    region : mapping of str to (float, float)
        Where the samples differ most there: a range of each column.
    pull : float
        The excess of A in that region over its standard deviation; negative for one of B.
        Local: the trials are in `pvalue` alone.
    local : mapping of str to float
        The local Z of every view, by name.
    map : LogOddsMap or None
        ln of A over B in the best view, if that has one column or two.
    reference : Null or None
        The statistic of relabellings; None if none were asked for.
    """

    statistic: float
    best: str
    columns: tuple[str, ...]
    region: Mapping[str, tuple[float, float]]
    pull: float
    local: Mapping[str, float]
    map: LogOddsMap | None
    reference: Null | None

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the p-value, and which view won where."""
        names = ("statistic", "pvalue", "best", "region", "pull")
        return {name: getattr(self, name) for name in names}

    @property
    def excess(self) -> str:
        """The sample that has more in the region, "A" or "B"."""
        return "A" if self.pull > 0 else "B"

    @property
    def pvalue(self) -> float:
        """The p-value (k+1)/(n+1) by the relabellings, all views counted; NaN without."""
        return float("nan") if self.reference is None else self.reference.pvalue(self.statistic)

    @property
    def z(self) -> float:
        """Z = Φ⁻¹(1 − p) of `pvalue`; NaN without relabellings."""
        return float("nan") if self.reference is None else self.reference.z(self.statistic)

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON."""
        null = self.reference
        return {
            "statistic": self.statistic,
            "pvalue": None if null is None else self.pvalue,
            "z": None if null is None or not np.isfinite(self.z) else self.z,
            "n": 0 if null is None else int(null.samples.size),
            "best": self.best,
            "columns": list(self.columns),
            "region": {name: list(ends) for name, ends in self.region.items()},
            "pull": self.pull,
            "excess": self.excess,
            "local": dict(self.local),
            "map": None if self.map is None else self.map.to_dict(),
        }


@dataclass(frozen=True)
class SubspaceTest:
    """Test whether two samples of several columns differ, in many views at once.

    The views are, of ranks: spline scores and scans for a local excess in every column and
    every pair of columns; a forest of random partitions of all of them, at three depths and by
    its most unusual leaf; a kernel of all at three widths. Each view's statistic becomes a
    local Z by its distribution over relabellings that are drawn for this alone. The statistic
    is the Z of the harmonic mean of their p-values, whose distribution over further relabellings
    gives p = (k+1)/(n+1).

    Labels are drawn as the pair's symmetry has them. What is summed are residuals w (y − p):
    p is an event's own probability to be A's, with r of the draw; an r that was fitted to the
    events is fitted to every draw's labels, so that a fit's pull on the residuals is in the null.

    Parameters
    ----------
    columns : str or tuple of str, optional
        That are read of a pair. Default: all but the weights.
    n : int
        Relabellings for the p-value of a single call; 0 for none: then `eμsym.null`, or many
        tests together, draw them.
    standardising : int
        Relabellings that make the views comparable.
    trees : int
        Partitions of the forest.
    seed : int
        Of these relabellings, the partitions and the kernel.
    threads : int
        Labellings are looked at in so many threads; no bit depends on it.

    Raises
    ------
    ConfigurationError
        If a number is out of its range.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.normal(size=(600, 3)), rng.normal(size=(500, 3))
    >>> result = SubspaceTest(n=99, standardising=64, trees=8)(a, b, rng=1)
    >>> result.pvalue > 0.01
    True
    """

    columns: str | tuple[str, ...] | None = None
    n: int = 1000
    standardising: int = 256
    trees: int = 48
    seed: int = 0
    threads: int = 1

    #: What takes time releases the GIL: nulls may run in threads, which share the views.
    releases_gil = True

    def __post_init__(self) -> None:
        if isinstance(self.columns, str):
            object.__setattr__(self, "columns", (self.columns,))
        elif self.columns is not None:
            object.__setattr__(self, "columns", tuple(self.columns))
        for name, least in {
            "n": 0,
            "standardising": 32,
            "trees": 1,
            "seed": 0,
            "threads": 1,
        }.items():
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or value < least:
                raise ConfigurationError(f"{name}: a whole number, {least} or more, got {value!r}")

    def __call__(
        self,
        *samples: Any,
        weights_a: ArrayLike | None = None,
        weights_b: ArrayLike | None = None,
        rng: Rng = None,
    ) -> SubspaceResult:
        """Test a pair, or two samples.

        Parameters
        ----------
        *samples : Pair, or two array_like, shape (n_a, d) and (n_b, d)
            Arrays are compared as they are, sizes kept.
        weights_a, weights_b : array_like, shape (n,), optional
            Of the events of two samples.
        rng : numpy.random.Generator, int or None
            For the relabellings of the p-value.

        Returns
        -------
        SubspaceResult

        Raises
        ------
        DataError
            If a sample is empty; a column is missing, constant, not finite, ordered like
            another, or changes with the label; or there are too few events for the columns.
        """
        pair = _pair(samples, weights_a, weights_b)
        return self.on(pair)(pair, rng=rng)

    def on(self, pair: Pair) -> SubspaceOfPair:
        """Return the test of one pair's events, which computes what labellings share once."""
        return SubspaceOfPair(self, self._read(pair.pool, pair.symmetry), pair.symmetry)

    def many(self, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return the statistics of many draws of a pool's labels, shape (draws,)."""
        read = self._read(pool, drawn.symmetry)
        return SubspaceOfPair(self, read, drawn.symmetry).many(pool, drawn)

    def _read(self, pool: Pool, symmetry: Symmetry) -> tuple[str, ...]:
        """Return the columns that are tested, if the symmetry leaves each of them as it is."""
        if self.columns is None:
            names = tuple(name for name in pool.columns if name != WEIGHT)
        else:
            names = tuple(self.columns)
        pool.restricted(names)
        if len(set(names)) < len(names):
            raise DataError(f"columns {', '.join(names)}: one is named twice")
        for name in names:
            effect = symmetry.exchange.effect(name)
            if effect == "swapped" and symmetry.exchange.partner(name) not in pool.columns:
                continue
            if effect != "unchanged":
                raise DataError(
                    f"column {name!r} is {effect} where a label changes: it is not the same of "
                    "A and of B; take columns of the slots, such as lead_pt"
                )
        return names


@dataclass(frozen=True, eq=False)
class SubspaceOfPair:
    """`SubspaceTest` of the events of one pair, whatever their labels; see `SubspaceTest.on`.

    Parameters
    ----------
    test : SubspaceTest
    columns : tuple of str
    symmetry : Symmetry
    """

    test: SubspaceTest
    columns: tuple[str, ...]
    symmetry: Symmetry

    #: As for `SubspaceTest`.
    releases_gil = True

    def __call__(self, pair: Pair, *, rng: Rng = None) -> SubspaceResult:
        """Test the pair; parameters and errors as for `SubspaceTest`."""
        for count, name in zip((pair.pool.n_a, pair.pool.n_b), pair.names, strict=True):
            if count == 0:
                raise DataError(f"{name}: the sample is empty")
        scores = self._scores(pair.pool)
        observed = pair.symmetry.observed(pair.pool)
        chunk = scores.residuals.of_chunk(observed, slice(0, 1))
        z = scores.z(chunk)[:, 0]
        best = int(np.argmax(z))
        views, number = scores.views, best
        for block in scores.blocks:
            if number < len(block.views):
                place = block.place(number, chunk[:, 0])
                break
            number -= len(block.views)
        null = None
        if self.test.n:
            generators = np.random.default_rng(rng).spawn(self.test.n)
            null = Null(scores.over(generators, scores.together, self.test.threads))
        return SubspaceResult(
            statistic=float(scores.together(chunk)[0]),
            best=views[best].name,
            columns=views[best].columns,
            region=place.region,
            pull=place.pull,
            local={view.name: float(value) for view, value in zip(views, z, strict=True)},
            map=place.map,
            reference=null,
        )

    def on(self, pair: Pair) -> SubspaceOfPair:
        """Return the test of another pair's events."""
        return self.test.on(pair)

    def many(self, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return the statistics of many draws of the pool's labels, shape (draws,)."""
        return self._scores(pool).many(drawn)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is sent to other processes: they compute the views themselves."""
        return {name: value for name, value in vars(self).items() if name != "_kept"}

    @cached_property
    def _kept(self) -> list[tuple[Pool, Scores]]:
        return []

    def _scores(self, pool: Pool) -> Scores:
        """Return the views of a pool; those of the last one are kept."""
        for known, scores in self._kept:
            if known is pool:
                return scores
        axes = rank_axes([(name, pool.column(name)) for name in self.columns])
        scores = Scores.of(
            pool,
            self.symmetry,
            axes,
            trees=self.test.trees,
            standardising=self.test.standardising,
            seed=self.test.seed,
            threads=self.test.threads,
        )
        self._kept[:] = [(pool, scores)]
        return scores


def _pair(samples: tuple[Any, ...], weights_a: Any, weights_b: Any) -> Pair:
    if len(samples) == 1 and isinstance(samples[0], Pair):
        if weights_a is not None or weights_b is not None:
            raise DataError("weights: a pair has its own")
        return samples[0]
    if len(samples) != 2:
        raise DataError("give a pair, or two samples of shape (n, d)")
    return columns_pair(*samples, weights_a, weights_b)
