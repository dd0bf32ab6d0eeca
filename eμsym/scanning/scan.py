"""One scan of a pair: every region, every observable and plane, one global p-value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray, Rng
from eμsym.errors import ConfigurationError
from eμsym.pair import Pair
from eμsym.progress import Advance
from eμsym.running.keepers import InMemory, Keeper
from eμsym.running.loop import run_tasks
from eμsym.scanning.choices import BINS_1D, BINS_2D, FEWEST, STATISTICS
from eμsym.scanning.labellings import Labellings
from eμsym.scanning.local_pvalues import minus_log_pvalues
from eμsym.scanning.places import Place, place_of
from eμsym.scanning.plan import Observables, Plan, Planes, Regions, Where
from eμsym.scanning.result import Entry, RegionCounts, Scan
from eμsym.scanning.step_down import adjusted_pvalues
from eμsym.workers import cores


def scan(
    pair: Pair,
    regions: Regions = "default",
    observables: Observables = "all",
    *,
    planes: Planes = "all",
    tests: Sequence[str] = STATISTICS,
    windows: Literal["rectangle", "square"] = "rectangle",
    n: int = 1000,
    fewest: int = FEWEST,
    bins: tuple[int, int] = (BINS_1D, BINS_2D),
    rng: Rng = None,
    workers: int | None = None,
    dask: str | None = None,
    keeper: Keeper | None = None,
    progress: bool | Advance | None = None,
) -> Scan:
    """Compare A and B in many regions and observables at once, with one global p-value.

    Every relabelling of the pair, with r fitted anew where it was fitted, is given to every
    entry: a region, an observable or a plane of two, and a test.

    Parameters
    ----------
    pair : Pair
        With events.
    regions : iterable of Region, of (name, where) or of where, mapping, or "default"
        Besides all events; a mapping is of names to conditions. Default: classes of the
        numbers of jets and b-jets, of the leading lepton's charge, and thirds of the missing
        and transverse momenta and of the mass, and all pairs of them.
    observables : sequence of str and of (str, str), or "all"
        Columns, and planes of two; where planes stand here, they are the only ones. All: the
        columns that the exchange leaves as they are.
    planes : {"all", "none"} or sequence of (str, str)
    tests : sequence of str
        Of "nsigma" (DDP Eq. 2 over all bins), "chi2" (of the pulls with their covariance),
        "window" (the largest Nσ of any interval or rectangle) and "spline" (the score of
        B-splines, of observables alone).
    windows : {"rectangle", "square"}
        In planes.
    n : int
        Relabellings.
    fewest : int
        Events that a region holds at least.
    bins : tuple of int
        Of an observable alone, and along each axis of a plane, at most: of equal contents,
        fewer where a region is small.
    rng : numpy.random.Generator, int or None
        Relabelling i uses child i of its SeedSequence.
    workers, dask, progress
        As for `eμsym.running.loop.run_tasks`.
    keeper : Keeper, optional
        Keeps relabellings that are done; its ``answers`` are not computed again. Default:
        memory alone.

    Returns
    -------
    Scan

    Raises
    ------
    DataError
        If there are no events, or nothing can be compared.
    ConfigurationError
        If n is below 19, or a test, an observable or a plane is none.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = ({"x": rng.normal(size=400), "y": rng.normal(size=400)} for _ in range(2))
    >>> found = scan(Pair.from_columns(a, b), [("right", "x > 0")], n=99, rng=1)
    >>> len(found.entries), bool(found.p_global > 0.05)
    (22, True)
    """
    if windows not in ("rectangle", "square"):
        raise ConfigurationError(f"windows {windows!r}: choose rectangle or square")
    labellings = Labellings.of(pair.pool, pair.symmetry, n, rng)
    threads = cores() if workers is None else int(workers)
    plan = Plan.of(
        pair,
        labellings,
        regions,
        observables,
        planes=planes,
        tests=tests,
        squares=windows == "square",
        fewest=fewest,
        bins=bins,
        workers=threads,
    )
    kept = InMemory() if keeper is None else keeper
    statistics = _all_statistics(plan, kept, workers=workers, dask=dask, progress=progress)
    return _found(pair, plan, statistics, threads)


@dataclass(frozen=True, eq=False)
class _Scanning:
    """The statistics of chunks of labellings, in any thread or process."""

    plan: Plan
    releases_gil: bool = True

    def __call__(self, numbers: Sequence[int]) -> list[NDArray[np.float32]]:
        return [self._chunk(number) for number in numbers]

    def _chunk(self, number: int) -> NDArray[np.float32]:
        residuals, used = self.plan.labellings.of_chunk(number)
        # In single precision sums that differ by the order of their terms are ties.
        return self.plan.statistics(residuals)[:, :used].astype(np.float32)


def _all_statistics(plan: Plan, keeper: Any, **options: Any) -> NDArray[np.float32]:
    """Return the statistics of all entries in all labellings, as far as they were not kept."""
    chunks = plan.labellings.chunks
    missing = [chunk for chunk in chunks if chunk not in keeper.answers]
    run_tasks(_Scanning(plan), missing, keeper, done_before=len(chunks) - len(missing), **options)
    answers: Mapping[int, NDArray[np.float32]] = keeper.answers
    return np.concatenate([answers[chunk] for chunk in chunks], axis=1)


def _found(pair: Pair, plan: Plan, statistics: NDArray[np.float32], threads: int) -> Scan:
    where = plan.entries()
    kinds = np.array([each.test for each in where])
    local = minus_log_pvalues(statistics, kinds, workers=threads)
    adjusted = adjusted_pvalues(local)
    p_local = np.exp(-local[:, 0].astype(np.float64))
    entries = []
    for i, each in enumerate(where):
        axes = plan.views[each.region].layout.observables
        entries.append(
            Entry(
                region=plan.regions[each.region].name,
                observables=tuple(axes[axis].name for axis in each.axes),
                test=each.test,
                statistic=float(statistics[i, 0]),
                p_local=float(p_local[i]),
                p_adjusted=float(adjusted.pvalue[i]),
            )
        )
    labels = pair.pool.labels
    counts = {}
    for region in plan.regions:
        n_a = int(np.count_nonzero(labels[region.rows]))
        condition = None if region.region is None else region.region.where
        counts[region.name] = RegionCounts(condition, n_a, region.rows.size - n_a)
    residuals = plan.labellings.of_chunk(0)[0][:, 0]
    return Scan(
        entries=tuple(entries),
        regions=counts,
        skipped=plan.skipped,
        minus_log_p=local,
        largest=adjusted.largest,
        n=plan.labellings.n,
        windows=plan.n_windows,
        names=pair.names,
        source=pair.symmetry.source,
        _places=_Places(plan, where, residuals, labels),
    )


@dataclass(frozen=True, eq=False)
class _Places:
    """Where entries show most, by their numbers."""

    plan: Plan
    where: Sequence[Where]
    residuals: FloatArray
    labels: NDArray[Any]

    def __call__(self, entry: int) -> Place:
        each = self.where[entry]
        views = self.plan.views[each.region]
        return place_of(views, each.view, self.residuals[views.rows], self.labels[views.rows])
