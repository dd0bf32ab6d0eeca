"""Pairs that the study of the scan draws, and the regions that it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eμsym.arrays import BoolArray, FloatArray, Rng
from eμsym.binned.injection import injection_strength
from eμsym.binned.templates import Templates
from eμsym.binned.toys import draw_toys
from eμsym.coverage.sources import SignalEvents
from eμsym.expression import Expression
from eμsym.pair import Pair
from eμsym.pool import Pool
from eμsym.regions import Region
from eμsym.scanning.regions import combined, thirds_of

#: Columns of the events besides those of the leptons and m_coll.
FURTHER = ("met", "lead_charge", "dphi_ll", "pt_ll", "m_ll")

#: What toys are compared in.
OBSERVABLES = ("m_coll", "lead_pt", "sub_pt", "met", "dphi_ll")

_CHARGE = [
    Region("lead_charge < 0", "lead_charge < 0"),
    Region("lead_charge > 0", "lead_charge > 0"),
]
_CLASSES = [
    [
        Region("met < 25", "met < 25"),
        Region("25 <= met < 45", "met >= 25 and met < 45"),
        Region("met >= 45", "met >= 45"),
    ],
    _CHARGE,
    [
        Region("pt_ll < 20", "pt_ll < 20"),
        Region("20 <= pt_ll < 40", "pt_ll >= 20 and pt_ll < 40"),
        Region("pt_ll >= 40", "pt_ll >= 40"),
    ],
]
#: Exclusive classes and all their pairs.
REGIONS = tuple(combined(_CLASSES))

#: Where events of A are added: in one class, and in a window of m_coll in a pair of classes.
CLASS = "met >= 45"
BUMP_REGION = "met >= 45, lead_charge > 0"
BUMP = "met >= 45 and lead_charge > 0 and m_coll >= 110 and m_coll < 130"


def events_of_a(background: Mapping[str, FloatArray], where: str) -> SignalEvents:
    """Return the events for which a condition holds as a signal in A."""
    chosen = Expression(where).condition(background)
    columns = {name: values[chosen] for name, values in background.items()}
    return SignalEvents(columns, np.ones(int(np.count_nonzero(chosen)), dtype=bool))


def holds(where: str | None, columns: Mapping[str, FloatArray]) -> BoolArray:
    """Return which events are in a region; all of them if it has no condition."""
    if where is None:
        return np.ones(next(iter(columns.values())).size, dtype=bool)
    return Expression(where).condition(columns)


def thirds(background: Mapping[str, FloatArray]) -> list[Region]:
    """Return classes of four columns and of the charge, inclusive ones too, and their pairs."""
    names = ("met", "sub_pt", "pt_ll", "m_ll")
    return combined([_CHARGE, *(thirds_of(name, background[name]) for name in names)])


@dataclass(frozen=True, eq=False)
class TemplateSource:
    """Pairs of the DDP paper's plane, with a signal in B and columns that know nothing of it.

    Parameters
    ----------
    templates : Templates
        T and S of the plane.
    background : mapping of str to ndarray, shape (n,)
        Whose events lend the other columns, each of them all.
    z : float
        Significance of the signal for q0 with T known (Eq. 10 of arXiv:2203.07529).
    """

    templates: Templates
    background: Mapping[str, FloatArray]
    z: float

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair; within a bin events are spread evenly."""
        generator = np.random.default_rng(rng)
        t, s = self.templates.t, self.templates.s
        mu = injection_strength(t, s, self.z, background="known")
        toys = draw_toys(t, s, mu, 1, rng=generator.spawn(1)[0])
        axes = self.templates.background.axes
        sides = []
        for counts in (toys.a[0], toys.b_signal[0]):
            bins = np.repeat(np.arange(counts.size), counts.ravel().astype(np.int64))
            place = np.unravel_index(bins, counts.shape)
            columns = {}
            for axis, index in zip(axes, place, strict=True):
                low, width = axis.edges[:-1][index], axis.widths[index]
                columns[axis.name] = low + width * generator.random(bins.size)
            lent = generator.integers(0, self.background["met"].size, bins.size)
            others = (name for name in self.background if name not in columns)
            sides.append({**columns, **{name: self.background[name][lent] for name in others}})
        return Pair.from_columns(*sides)


def as_coins(pair: Pair) -> Pair:
    """Return a pair as the command has it: a fair coin before any correction."""
    return Pair.from_samples(pair.a, pair.b, names=pair.names)


def fewer_of_a(pair: Pair) -> Pair:
    """Return two samples to be permuted, of sizes 2 to 3: A's every third event is left out."""
    pool = pair.pool
    kept = ~pool.labels | (np.cumsum(pool.labels) % 3 != 0)
    part: Pool = pool.where(kept)
    return Pair(part, pair.symmetry, pair.names)
