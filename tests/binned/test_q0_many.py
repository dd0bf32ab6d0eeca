"""q0 of many relabellings at once is that of each."""

from __future__ import annotations

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular

from eμsym import Pair, Q0Test
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
from eμsym.errors import DataError
from eμsym.symmetry import FairCoin

AXES = (Regular(12, 20, 200, name="m_coll"), Regular(8, 15, 135, name="lead_pt"))


def events(n, rng):
    lead = np.clip(16 + rng.exponential(30, n), 16, 250)
    return {
        "lead_pt": lead,
        "sub_pt": 15 + (lead - 15) * rng.random(n),
        "lead_eta": rng.uniform(-2.3, 2.3, n),
        "sub_eta": rng.uniform(-2.3, 2.3, n),
        "m_coll": 1.1 * lead + rng.exponential(40, n),
    }


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(2)
    columns = events(3000, rng)
    leads = rng.random(3000) < 0.5 + 0.1 * (columns["lead_pt"] > 40)
    return Pair.from_events({**columns, "electron_leads": leads})


@pytest.fixture(scope="module")
def signal():
    rng = np.random.default_rng(5)
    shapes = []
    for n in (300, 60):
        shape = Hist(*AXES, storage="weight")
        shape.fill(m_coll=rng.normal(125, 15, n), lead_pt=rng.normal(60, 12, n))
        shapes.append(shape)
    return tuple(shapes)


def corrections():
    bins = LeptonBins([15, 40, 300], [0, 2.5])
    given = EfficiencyRatio(bins, [0.0, -0.2], np.diag([0.0, 0.003]))
    return {"none": None, "self": "self", "given": given}


@pytest.mark.parametrize("correction", corrections())
def test_many_are_each(pair, signal, correction):
    how = corrections()[correction]
    tested = pair if how is None else pair.equalised(how)
    test = Q0Test(signal, AXES)
    drawn = tested.symmetry.relabel(tested.pool, 12, rng=4)
    found = test.many(tested.pool, drawn)
    log_ratio = [None] * 12 if drawn.log_ratio is None else drawn.log_ratio
    each = [
        test(tested.relabelled(labels, theta)).q0
        for labels, theta in zip(drawn.labels, log_ratio, strict=True)
    ]
    assert found == pytest.approx(each, rel=1e-5, abs=1e-7)
    assert (found > 0).any()
    assert (found < 0).any()
    # However many are done at once.
    alone = [test.many(tested.pool, drawn.one(i))[0] for i in range(12)]
    assert alone == pytest.approx(found, rel=1e-7, abs=1e-9)


def test_the_observed_labels_are_the_pair_s(pair, signal):
    tested, test = pair.equalised(), Q0Test(signal, AXES)
    observed = tested.symmetry.observed(tested.pool)
    assert test.many(tested.pool, observed)[0] == pytest.approx(test(tested).q0, rel=1e-6)


def test_groups_of_like_events_do_as_well(pair, signal):
    test = Q0Test(signal, AXES)
    tested = pair.equalised()
    groups, number = tested.symmetry.grouping(tested.pool, test.alike(tested.pool))
    assert len(groups) < len(tested.pool)
    drawn = tested.symmetry.relabel(tested.pool, 5, rng=1)
    found = test.many(groups, drawn.of_groups(number, len(groups)))
    assert found == pytest.approx(test.many(tested.pool, drawn), rel=1e-6)


def test_events_that_cannot_be_fitted_are_refused(pair, signal):
    heavy = Pair.from_events(
        {**pair.pool.columns, "electron_leads": pair.pool.labels, "weight": np.full(3000, 2.0)}
    ).equalised()
    drawn = heavy.symmetry.relabel(heavy.pool, 2, rng=1)
    with pytest.raises(DataError, match="unweighted"):
        Q0Test(signal, AXES).many(heavy.pool, drawn)
    outside = pair.pool.with_columns({"m_coll": np.full(3000, 900.0)})
    with pytest.raises(DataError, match="no event in the bins"):
        Q0Test(signal, AXES).many(outside, FairCoin().relabel(outside, 2, rng=1))
