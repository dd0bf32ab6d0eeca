"""The study of every symmetry: its toys, its numbers, and its table."""

from __future__ import annotations

import numpy as np
import pytest
from hist.axis import Regular

from eμsym.coverage.symmetries import (
    N_SIGNAL,
    Row,
    axis_of,
    below,
    compute,
    pvalues,
    ranked,
    table,
    uniform,
)
from eμsym.coverage.symmetry_toys import RULES, SymmetryToy, alike
from eμsym.errors import ConfigurationError


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RULES if name != "own"])
def test_calibrated_p_values_are_uniform_and_raw_ones_are_not(name):
    """300 toys; by Kolmogorov and Smirnov."""
    toy = SymmetryToy(name, 4000)
    axes = {column: axis_of(toy, column) for column in (toy.observable, "met")}
    raw, calibrated = [], []
    for i in range(300):
        pair = toy.draw(rng=1000 + i)
        calibrated.append(pvalues(pair.equalised(), axes))
        if i < 60:
            raw.append(pvalues(pair, axes))
    for column in calibrated[0]:
        assert uniform([found[column] for found in calibrated]) > 1e-3
        assert uniform([found[column] for found in raw]) < 1e-3


def test_a_study_is_tabulated():
    rows = (Row("lepton_jet"), Row("lepton_jet", "resonance"))
    data = compute(2, rows=rows, workers=1)
    assert [row["signal"] for row in data["rows"]] == [None, "resonance"]
    assert len(data["rows"][0]["calibrated"]["χ² of mt_lead"]) == 2
    assert len(data["rows"][0]["calibrated"]["closure"]) == 1
    text = table(data)
    assert "| lepton_jet | " in text
    assert f"| resonance | lepton_jet | {N_SIGNAL['resonance']} | 2 |" in text
    again = compute(1, rows=rows[:1], workers=1)["rows"][0]["calibrated"]
    for name, values in again.items():
        assert values == data["rows"][0]["calibrated"][name][:1]


def test_ranks_of_p_values_are_spread_over_their_steps():
    ranks = np.repeat(np.arange(1, 21) / 20, 50)
    rng = np.random.default_rng(1)
    assert uniform(rng.permutation(ranks), 20) > 0.01
    assert uniform(ranks / 2, 20) < 1e-6
    assert below([0.05, 0.06]) == 0.5


def test_where_the_detector_sees_all_alike_nothing_needs_correcting():
    """Efficiencies that depend on pT alone: the raw p-value by relabelling is a fair coin's."""
    toy = SymmetryToy("flavour", 4000, efficiency=alike)
    pair = toy.draw(rng=1)
    assert abs(pair.pool.labels.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(pair.pool))
    assert ranked(pair, Regular(6, 20, 140, name="m_ll"), 19, rng=1) > 0.05
    with pytest.raises(ConfigurationError, match="no toys of 'spin'; there are charge, flavour"):
        SymmetryToy("spin")
    with pytest.raises(ConfigurationError, match="no toys of 'x'; there are resonance"):
        SymmetryToy("charge", signal="x")
