"""The study of every symmetry: what is stored holds, and the first toys anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hist.axis import Regular
from scipy.stats import binomtest

from eμsym.coverage.symmetries import ROWS, SCHEMA, below, compute, ranked, table, uniform
from eμsym.coverage.symmetry_toys import RULES, SymmetryToy, alike
from eμsym.errors import ConfigurationError
from eμsym.files import read_json

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "symmetries.json", schema=SCHEMA)


def test_the_stored_table_is_that_of_the_stored_numbers(stored):
    assert (STORED / "symmetries.md").read_text(encoding="utf-8") == table(stored)


def test_calibrated_p_values_are_uniform_and_raw_ones_are_not(stored):
    """By relabelling; χ² with the covariance fires no more often than it should."""
    rows = [row for row in stored["rows"] if row["signal"] is None]
    assert [row["rule"] for row in rows] == list(RULES)
    steps = stored["n_relabellings"] + 1
    for row in rows:
        assert not row["problems"]
        assert len(row["calibrated"]["χ² by ranks"]) >= 500
        for name, values in row["calibrated"].items():
            k = round(below(values) * len(values))
            if name in ("χ² by ranks", "goodness of fit", "closure"):
                assert uniform(values, steps) > 1e-3
                assert binomtest(k, len(values), 0.05).pvalue > 1e-3
            else:
                assert binomtest(k, len(values), 0.05, alternative="greater").pvalue > 1e-3
        for values in row["raw"].values():
            assert uniform(values) < 1e-12


def test_a_resonance_is_found_and_a_rate_is_not(stored):
    shares = {
        (row["signal"], row["rule"]): below(next(iter(row["calibrated"].values())), 0.0027)
        for row in stored["rows"]
        if row["signal"] is not None
    }
    for rule in RULES:
        assert shares["resonance", rule] > 0.8
        assert shares["rate", rule] < 0.05


def test_the_first_toys_are_those_that_are_stored(stored):
    for j in (0, 2):
        found = compute(2, rows=(*ROWS[: j + 1],), workers=1)["rows"][j]
        for kind in ("calibrated", "raw"):
            for name, values in found[kind].items():
                assert values == pytest.approx(
                    stored["rows"][j][kind][name][: len(values)], rel=1e-3
                )


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
