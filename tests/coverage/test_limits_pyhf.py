"""The comparison of limits with pyhf: a smaller version, what is stored, and its table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eμsym.coverage.limits_pyhf import KINDS, compute, joined, random_region
from eμsym.coverage.limits_pyhf_table import summary, table

STORED = Path(__file__).parents[2] / "docs" / "coverage"

pytestmark = pytest.mark.filterwarnings(
    "ignore:jsonschema.RefResolver:DeprecationWarning", "ignore:divide by zero:RuntimeWarning"
)


def test_a_few_models_agree() -> None:
    pytest.importorskip("pyhf")
    found = compute(4, bins=(3, 5), workers=1)["models"]
    assert [model["kind"] for model in found] == list(KINDS)
    for model in found:
        there = model["scipy"]
        assert there["off"] < 1e-3
        assert max(map(abs, there["worse"])) < 1e-3
        assert "minuit" not in model
        assert 3 <= model["n_bins"] <= 5


def test_what_is_stored_agrees_or_has_missed_the_optimum() -> None:
    data = json.loads((STORED / "limits_pyhf.json").read_text(encoding="utf-8"))
    assert (STORED / "limits_pyhf.md").read_text(encoding="utf-8") == table(data)
    models = data["models"]
    assert len(models) >= 200
    assert min(x["n_bins"] for x in models) == 3
    assert max(x["n_bins"] for x in models) >= 48
    for model in models:
        last = model.get("minuit", model["scipy"])
        assert last.get("failed") or last["off"] < 1e-3 or max(last["worse"]) > 1e-3
        # Ours is never above pyhf's by more than its interpolation of κ makes of it.
        for there in (model["scipy"], last):
            assert min(there.get("worse", [0.0])) > -1e-3


def test_parts_are_joined_in_their_order() -> None:
    parts = [{"seed": 3, "models": [k, k + 1]} for k in (0, 2)]
    assert joined(parts) == {"seed": 3, "models": [0, 1, 2, 3]}


def test_random_regions_are_of_their_kind() -> None:
    plain, ratio, _, both = (random_region(kind, 5, np.random.default_rng(1)) for kind in KINDS)
    assert plain.b.size == 5
    assert len(plain.ratio.modes) == 0
    assert len(ratio.ratio.modes) == len(both.ratio.modes) == 2
    assert both.signals[0].uncertain
    assert not ratio.signals[0].uncertain


def test_a_fit_that_ends_too_high_is_counted() -> None:
    models: list[dict[str, Any]] = [
        {"kind": "nothing", "scipy": {"off": 1e-5, "worse": [1e-6, -1e-7]}},
        {
            "kind": "nothing",
            "scipy": {"off": 0.02, "worse": [0.5, 0.0]},
            "minuit": {"failed": True},
        },
        {"kind": "nothing", "scipy": {"failed": True}, "minuit": {"off": 1e-6, "worse": [0, 0]}},
    ]
    found = summary(models, "scipy")
    assert (found.n, found.failed, found.same, found.worse, found.both) == (3, 1, 1, 1, 1)
    assert (found.largest, found.median_off) == (0.5, 0.02)
    again = summary(models, "minuit")
    assert (again.n, again.failed, again.same) == (2, 1, 1)
    assert np.isnan(again.median_off)
    assert "| nothing | scipy | 3 | 1 | 1 | 1, 2 % | 1 | 1 of 1 |" in table(
        {"seed": 1, "models": models}
    )
