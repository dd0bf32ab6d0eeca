"""Pairs of a rule, of columns and labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hist.axis import Variable

from eμsym import FairCoin, Pair
from eμsym.calibration.efficiency_ratio import LeptonBins
from eμsym.coverage.symmetry_toys import SymmetryToy
from eμsym.label_rule import LabelRule

BINS = LeptonBins((15, 25, 40, 300), (0, 1.4, 2.5))
MASS = Variable([0, 25, 35, 45, 55, 65, 80, 100, 1e6], name="m_ll")
TRANSVERSE = Variable([0, 10, 20, 30, 40, 50, 70, 1e6], name="mt_lead")


def axis_of(toy: SymmetryToy) -> Variable:
    return TRANSVERSE if toy.observable == "mt_lead" else MASS


def labelled(columns: dict, labels: np.ndarray, rule: LabelRule) -> Pair:
    """A pair of a rule; its events are sorted, those of A first."""
    a, b = (
        {name: np.asarray(x)[part] for name, x in columns.items()} for part in (labels, ~labels)
    )
    pair = Pair.from_columns(a, b, names=rule.names, symmetry=FairCoin(rule.exchange))
    return replace(pair, rule=rule)
