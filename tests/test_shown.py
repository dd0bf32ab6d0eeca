"""What an interpreter and a notebook show of pairs and results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular

import eμsym
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
from eμsym.shown import Shown

RNG = np.random.default_rng(5)
N = 400
COLUMNS = tuple(
    {"m_coll": RNG.normal(90, 20, n), "lead_pt": RNG.exponential(30, n) + 15} for n in (N, N + 5)
)
PAIR = eμsym.Pair.from_columns(*COLUMNS, names=("eμ", "μe"))
AXIS = Regular(8, 50, 130, name="m_coll")
PLANE = (AXIS, Regular(6, 15, 105, name="lead_pt"))
A, B = (x.values() for x in PAIR.hist(AXIS))
SIGNAL = np.exp(-0.5 * ((AXIS.centers - 110) / 12) ** 2)
RATIO = EfficiencyRatio(
    LeptonBins((15.0, 30.0, 200.0), (0.0, 2.3)), np.array([0.1, -0.1]), np.diag([1e-4, 1e-4])
)

SPLINE = eμsym.OnColumns(eμsym.SplineTest(), "m_coll", scale=0.01)
SCALED = tuple(side.column("m_coll") / 100 for side in (PAIR.a, PAIR.b))
TEMPLATE = Hist(*PLANE, data=np.full((8, 6), 1 / 48))

EVERYTHING: dict[str, Callable[[], Any]] = {
    "Pair": lambda: PAIR,
    "Sample": lambda: PAIR.a,
    "Pool": lambda: PAIR.pool,
    "Difference": lambda: PAIR.difference(*PLANE),
    "ChiSquare": lambda: PAIR.difference(AXIS).chi_square(),
    "Null": lambda: eμsym.null(SPLINE, PAIR, 9, rng=1),
    "NSigma": lambda: PAIR.nsigma(AXIS),
    "Q0": lambda: eμsym.q0(B, A, SIGNAL, background="profiled"),
    "Q0Toys": lambda: eμsym.q0_toys(np.array([B, B]), A, SIGNAL, background="known"),
    "ProfileFit": lambda: eμsym.profile_fit(B, A, SIGNAL, background="profiled"),
    "WindowPValue": lambda: eμsym.window_pvalue(*PAIR.hist(*PLANE)[::-1], 9, rng=1),
    "WindowScan": lambda: eμsym.scan_windows(*PAIR.hist(*PLANE)[::-1]),
    "BestWindow": lambda: eμsym.WindowTest(PLANE)(PAIR),
    "SplineResult": lambda: SPLINE(PAIR),
    "SplineScanResult": lambda: eμsym.SplineScan()(*SCALED),
    "LikelihoodRatio": lambda: eμsym.SymmetrizedTest(epochs=5)(*SCALED, rng=1),
    "YieldRatio": lambda: PAIR.yield_ratio(AXIS),
    "Templates": lambda: eμsym.Templates(TEMPLATE, TEMPLATE, {"chain": "none"}),
    "EfficiencyRatio": lambda: RATIO,
    "LeptonBins": lambda: RATIO.bins,
    "Calibrated": lambda: eμsym.Calibrated(RATIO),
    "FairCoin": lambda: eμsym.FairCoin(),
    "Relabelled": lambda: eμsym.Relabelled(PAIR),
    "PoolSource": lambda: eμsym.PoolSource(PAIR.pool.columns, 100, 100),
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_an_interpreter_shows_is_two_lines_at_most(name: str) -> None:
    value = EVERYTHING[name]()
    assert type(value).__name__ == name
    assert repr(value).startswith(f"{name}(")
    assert len(repr(value)) <= 200
    assert "\n" not in repr(value)
    assert "object at 0x" not in repr(value)


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_notebook_shows_a_table_of_the_same(name: str) -> None:
    value = EVERYTHING[name]()
    table = ElementTree.fromstring(value._repr_html_())
    assert table.findtext("caption") == name
    assert [row.findtext("th") for row in table.iter("tr")] == list(value.shown())
    assert len(value._repr_html_()) < 3000


def test_a_pair_says_how_many_events_it_has_and_what_it_knows_of_them() -> None:
    assert repr(PAIR) == (
        "Pair(eμ=400, μe=405, columns=['m_coll', 'lead_pt'], symmetry=Exchangeable())"
    )
    assert repr(eμsym.Pair(None)) == "Pair(symmetry=FairCoin())"


def test_groups_of_like_events_are_counted_by_their_events() -> None:
    pool = eμsym.Pool({"bin": np.arange(3)}, np.array([1, 2, 0]), np.array([1, 3, 1]))
    assert repr(pool) == "Pool(a=3, b=2, groups=3, columns=['bin'])"


@dataclass(repr=False)
class Kept(Shown):
    value: Any = None
    hidden: int = field(default=1, repr=False)


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "Kept()"),
        (0.1 + 0.2, "Kept(value=0.3)"),
        (np.float64(2), "Kept(value=2)"),
        (np.int64(2), "Kept(value=2)"),
        (True, "Kept(value=True)"),
        ("a", "Kept(value='a')"),
        (np.array([1.0, np.nan]), "Kept(value=[1, nan])"),
        (np.zeros((2, 3), dtype=bool), "Kept(value=<2×3 bool>)"),
        ((1.5,), "Kept(value=(1.5,))"),
        (tuple(range(9)), "Kept(value=(0, 1, 2, 3, … 5 more))"),
        ([*"abcdefgh"], "Kept(value=['a', 'b', 'c', 'd', 'e', 'f', … 2 more])"),
        ({"x": np.zeros(9)}, "Kept(value={'x'})"),
        ("long" * 50, "Kept(value=<str>)"),
        (object(), "Kept(value=<object>)"),
        (TEMPLATE, "Kept(value=<8×6 bins>)"),
        (Kept(1), "Kept(value=Kept(value=1))"),
    ],
)
def test_a_value_is_a_few_words(value: Any, text: str) -> None:
    assert repr(Kept(value)) == text


def test_what_is_more_than_two_lines_ends_early() -> None:
    names = [f"field_{i}" for i in range(30)]

    class Long(Kept):
        def shown(self) -> dict[str, Any]:
            return dict.fromkeys(names, 1)

    assert repr(Long()).endswith(", …)")
    assert len(repr(Long())) <= 200
    assert "field_29" in Long()._repr_html_()


def test_names_in_a_table_are_text() -> None:
    assert "<b>" not in Kept("<b>")._repr_html_()


def test_nothing_is_computed_to_show_a_pair() -> None:
    class Slow(eμsym.FairCoin):
        def weights(self, pool: Any) -> Any:
            raise AssertionError

    events = {"electron_leads": [True, False], "m_coll": [90.0, 91.0]}
    assert "eμ=1" in repr(eμsym.Pair.from_events(events, symmetry=Slow()))
