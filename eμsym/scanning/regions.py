"""Regions of a scan: classes of columns, exclusive and inclusive, and their pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from eμsym.arrays import FloatArray, IntArray
from eμsym.effects import check_symmetric
from eμsym.errors import EmusymError
from eμsym.exchange import Exchange
from eμsym.pool import Pool
from eμsym.regions import Region
from eμsym.scanning.choices import FEWEST

#: The region of all events.
ALL = "all"

#: Counts whose values make classes where a scan is told nothing, and columns whose thirds do.
COUNTS: Mapping[str, tuple[float, ...]] = {
    "n_jets": (0, 1, 2),
    "n_bjets": (0, 1),
    "lead_charge": (-1, 1),
}
#: By what name a configuration asks for what is not always kept.
KEPT_ON_REQUEST = {"n_jets": "jets", "n_bjets": "btags"}
THIRDS = ("met", "lead_pt", "sub_pt", "pt_ll", "m_ll")


@dataclass(frozen=True)
class Skipped:
    """Something that was asked for, or might have been looked at, and was not.

    Attributes
    ----------
    what : str
        Such as "region boosted" or "observable lead_isolation".
    why : str
    """

    what: str
    why: str

    def to_dict(self) -> dict[str, str]:
        """Return it for JSON."""
        return {"what": self.what, "why": self.why}


@dataclass(frozen=True, eq=False)
class Chosen:
    """A region and its events.

    Attributes
    ----------
    region : Region or None
        None of all events.
    rows : ndarray of int, shape (n,)
    """

    region: Region | None
    rows: IntArray

    @property
    def name(self) -> str:
        """The region's name."""
        return ALL if self.region is None else self.region.name


def classes_of(name: str, values: FloatArray, edges: Sequence[float]) -> list[Region]:
    """Return the classes of one column, exclusive and inclusive.

    Parameters
    ----------
    name : str
        The column.
    values : ndarray of float, shape (n,)
        Of whole numbers, each edge is a class of its own; else a class lies between two.
    edges : sequence of float
        Rising.

    Examples
    --------
    >>> [region.where for region in classes_of("n_jets", np.array([0.0, 1.0, 3.0]), [0, 1, 2])]
    ['n_jets == 0', 'n_jets == 1', 'n_jets >= 1', 'n_jets >= 2']
    >>> [region.name for region in classes_of("met", np.array([4.5, 60.0]), [0, 30, 50])]
    ['0 <= met < 30', '30 <= met < 50', 'met >= 30', 'met >= 50']
    """
    finite = values[np.isfinite(values)]
    whole = bool(np.all(finite == np.rint(finite)))
    texts = [f"{edge:.6g}" for edge in edges]
    found: list[tuple[str, str]] = []
    top = float(finite.max(initial=-np.inf))
    for i, text in enumerate(texts):
        last = i == len(texts) - 1
        if whole and not (last and top > edges[i]):
            found.append((f"{name} = {text}", f"{name} == {text}"))
        elif not whole and not last:
            above = texts[i + 1]
            where = f"{name} >= {text} and {name} < {above}"
            found.append((f"{text} <= {name} < {above}", where))
        if i and not (whole and last and top <= edges[i]):
            found.append((f"{name} >= {text}", f"{name} >= {text}"))
    return [Region(*each) for each in found]


def thirds_of(name: str, values: FloatArray) -> list[Region]:
    """Return the thirds of a column, and the upper two thirds; whichever label events have."""
    finite = values[np.isfinite(values)]
    low, high = (f"{x:.4g}" for x in np.quantile(finite, [1 / 3, 2 / 3]))
    return [
        Region(f"{name} < {low}", f"{name} < {low}"),
        Region(f"{low} <= {name} < {high}", f"{name} >= {low} and {name} < {high}"),
        Region(f"{name} >= {low}", f"{name} >= {low}"),
        Region(f"{name} >= {high}", f"{name} >= {high}"),
    ]


def combined(classes: Sequence[Sequence[Region]]) -> list[Region]:
    """Return the classes of all columns, and of all pairs of columns."""
    found = [region for each in classes for region in each]
    for one, other in combinations(classes, 2):
        found += [
            Region(f"{x.name}, {y.name}", f"({x.where}) and ({y.where})")
            for x, y in product(one, other)
        ]
    return found


def default_classes(pool: Pool) -> tuple[list[list[Region]], list[Skipped]]:
    """Return the classes that a scan has if it is told of none, and those it cannot have."""
    classes, skipped = [], []
    for name in (*COUNTS, *THIRDS):
        if name not in pool.columns:
            skipped.append(Skipped(f"classes of {name}", _why_missing(name)))
            continue
        values = pool.column(name)
        if not np.any(np.isfinite(values)):
            skipped.append(Skipped(f"classes of {name}", "it has no value in any event"))
            continue
        edges = COUNTS.get(name)
        classes.append(classes_of(name, values, edges) if edges else thirds_of(name, values))
    return classes, skipped


def _why_missing(name: str) -> str:
    asked_for = KEPT_ON_REQUEST.get(name)
    if asked_for is None:
        return "there is no such column"
    return f'there is no such column; keep = ["{asked_for}"] under [processor] would keep it'


def chosen_regions(
    pool: Pool, exchange: Exchange, regions: Iterable[Region], *, fewest: int = FEWEST
) -> tuple[list[Chosen], list[Skipped]]:
    """Return the events of regions, all events first, and which regions are left out and why.

    Parameters
    ----------
    pool : Pool
    exchange : Exchange
        A region that it changes is none.
    regions : iterable of Region
    fewest : int
        Events that a region holds at least.
    """
    found, skipped = [Chosen(None, np.arange(len(pool)))], []
    seen = {_digest(found[0].rows): ALL}
    for region in regions:
        what = f"region {region.name}"
        try:
            condition = region.condition
            condition.check(pool.columns)
            check_symmetric(condition, exchange)
            rows = np.flatnonzero(condition.condition(pool.columns))
        except EmusymError as error:
            skipped.append(Skipped(what, str(error)))
            continue
        if (same := seen.get(_digest(rows))) is not None and rows.size:
            skipped.append(Skipped(what, f"holds the same events as {same}"))
        elif rows.size < fewest:
            number = f"{rows.size:,} events" if rows.size != 1 else "1 event"
            reason = f"holds {number}, fewer than {fewest}" if rows.size else "holds no event"
            skipped.append(Skipped(what, reason))
        else:
            seen[_digest(rows)] = region.name
            found.append(Chosen(region, rows))
    return found, skipped


def _digest(rows: IntArray) -> bytes:
    return hashlib.sha256(rows.astype("<i8").tobytes()).digest()
