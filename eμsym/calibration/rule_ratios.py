"""ln r of the objects that a label rule names, by groups, and the constant beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.calibration.design import Design
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, object_columns
from eμsym.calibration.event_list import EventList
from eμsym.calibration.map_levels import MapLevels
from eμsym.label_rule import LabelRule, Term
from eμsym.pool import Pool
from eμsym.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class RuleRatios(Shown):
    r"""The efficiencies in ln P(A)/P(B) of any label rule.

    .. math::
        \ln \frac{P(A)}{P(B)} = c + \sum_j s_j \ln r_{g(j)}(p_{T,j}, |η_j|)

    Of a rule that is oriented along the beam, s_j has the sign of η_j too.

    Parameters
    ----------
    rule : LabelRule
        Its terms say which objects there are, their signs and their groups.
    ratios : tuple of EfficiencyRatio or MapLevels
        ln r of each of `groups`.
    constant : float or None
        c; None if there is none.
    modes : ndarray of float, shape (m, k), or None
        The directions in which all of `log_ratio` is uncertain; None if it is exact.
    """

    rule: LabelRule
    ratios: tuple[EfficiencyRatio | MapLevels, ...]
    constant: float | None
    modes: FloatArray | None

    @classmethod
    def of_one(cls, rule: LabelRule, ratio: EfficiencyRatio | MapLevels) -> RuleRatios:
        """Return those of one ratio for all objects, and no constant: it is known altogether."""
        terms = tuple(replace(term, ratio="r") for term in rule.terms)
        return cls(replace(rule, terms=terms, constant=False), (ratio,), None, ratio.modes)

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the rule, the ratios and the constant."""
        return {"rule": self.rule.name, "ratios": self.by_group, "constant": self.constant}

    @cached_property
    def by_group(self) -> dict[str, EfficiencyRatio | MapLevels]:
        """The ratio of each group."""
        return dict(zip(self.rule.groups, self.ratios, strict=True))

    @cached_property
    def log_ratio(self) -> FloatArray:
        """The values: ln r of the first group, of the next ones, the constant; shape (k,)."""
        last = [] if self.constant is None else [np.array([self.constant])]
        return np.concatenate([*(ratio.log_ratio for ratio in self.ratios), *last])

    @property
    def constant_error(self) -> float | None:
        """The standard error of the constant; None without one, or if it is exact."""
        if self.constant is None or self.modes is None:
            return None
        return float(np.sqrt(np.sum(self.modes[:, -1] ** 2)))

    @property
    def slots(self) -> dict[str, str]:
        """The objects, by what their columns begin with, and which r each has."""
        return {term.slot: term.ratio for term in self.rule.objects}

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the objects' kinematics."""
        return tuple(f"{slot}_{name}" for slot in self.slots for name in ("pt", "eta"))

    def design(self, pool: Pool) -> Design:
        """Return which of `log_ratio` the objects of events have, and with which signs."""
        starts = np.cumsum([0, *(ratio.log_ratio.size for ratio in self.ratios)])
        objects = self.rule.objects
        pt, eta = object_columns(pool, tuple(self.slots))
        levels, signs = [], []
        for term, own_pt, own_eta in zip(objects, pt, eta, strict=True):
            number = self.rule.groups.index(term.ratio)
            levels.append(self.ratios[number].index(own_pt, own_eta) + starts[number])
            signs.append(_sign(term, own_eta, oriented=self.rule.oriented_by is not None))
        if self.constant is not None:
            levels.append(np.full(len(pool), starts[-1]))
            signs.append(np.ones_like(signs[0]))
        return Design(np.stack(levels), np.stack(signs))

    def with_log_ratio(self, log_ratio: FloatArray) -> RuleRatios:
        """Return others in their place."""
        ends = np.cumsum([ratio.log_ratio.size for ratio in self.ratios])
        *parts, last = np.split(log_ratio, ends)
        ratios = tuple(r.with_log_ratio(x) for r, x in zip(self.ratios, parts, strict=True))
        return replace(self, ratios=ratios, constant=float(last[0]) if last.size else None)

    def fitted(
        self, log_ratio: FloatArray, modes: FloatArray, events: EventList | None
    ) -> RuleRatios:
        """Return the result of a fit: values, their directions, and the events in it."""
        found, start = [], 0
        for ratio in self.ratios:
            assert isinstance(ratio, EfficiencyRatio)  # maps are not fitted
            part = slice(start, start := start + ratio.log_ratio.size)
            found.append(ratio.fitted(log_ratio[part], modes[:, part], events))
        constant = None if self.constant is None else float(log_ratio[-1])
        return RuleRatios(self.rule, tuple(found), constant, modes)

    def to_dict(self) -> dict[str, Any]:
        """Return the terms, the ratio of each group, and the constant, for JSON; no events."""
        return {
            "rule": self.rule.name,
            "terms": [[term.slot, term.sign, term.ratio] for term in self.rule.objects],
            "ratios": {
                name: ratio.to_dict()
                for name, ratio in self.by_group.items()
                if isinstance(ratio, EfficiencyRatio)
            },
            "constant": self.constant,
            "constant_error": self.constant_error,
        }


def _sign(term: Term, eta: FloatArray, *, oriented: bool) -> FloatArray:
    """Return s_j of every event, or one for all of them."""
    if not oriented:
        return np.array([float(term.sign)])
    return np.where(eta > 0, float(term.sign), -float(term.sign))
