"""What an exchange does to expressions, and to the columns that a user says it of."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eμsym import FairCoin, Pair
from eμsym.effects import check_symmetric, effect_of
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import LEPTONS, Exchange, OwnEffect
from eμsym.expression import Expression

MIRROR = Exchange(label="forward", flipped=("_eta",), not_comparable=("quality",))


@pytest.mark.parametrize(
    "exchange, text, effect",
    [
        (LEPTONS, "lead_pt + sub_pt + met", "unchanged"),
        (LEPTONS, "lead_pt > 2 * sub_pt", "unchanged"),
        (LEPTONS, "electron_pt + muon_pt", "unchanged"),
        (LEPTONS, "electron_pt - muon_pt", "flipped"),
        (LEPTONS, "electron_pt", "not comparable"),
        (LEPTONS, "electron_pt > 0.5", "not comparable"),
        (LEPTONS, "electron_pt > 70000", "not comparable"),
        (LEPTONS, "electron_pt / muon_pt", "not comparable"),
        (LEPTONS, "electron_leads", "flipped"),
        (LEPTONS, "where(electron_leads, lead_pt, sub_pt)", "not comparable"),
        (LEPTONS, "where(electron_leads, electron_pt, muon_pt)", "unchanged"),
        (LEPTONS, "lead_isolation < 0.1", "not comparable"),
        (LEPTONS, "log(electron_pt - muon_pt)", "not comparable"),
        (MIRROR, "jet_eta", "flipped"),
        (MIRROR, "abs(jet_eta) < 2", "unchanged"),
        (MIRROR, "tag_eta * jet_eta", "unchanged"),
        (MIRROR, "tag_eta > 0", "flipped"),
        (MIRROR, "tag_eta + 1", "not comparable"),
        (MIRROR, "pt * jet_eta", "flipped"),
    ],
)
def test_effects_of_expressions(exchange: Exchange, text: str, effect: str) -> None:
    assert effect_of(Expression(text), exchange) == effect


def test_a_cut_that_makes_a_difference_of_its_own_is_refused() -> None:
    check_symmetric(Expression("lead_pt > 30"), LEPTONS)
    with pytest.raises(ConfigurationError, match=r"not comparable when A and B .* \(for sub_iso"):
        check_symmetric(Expression("lead_pt > 3 and sub_isolation < 1"), LEPTONS)


def test_single_columns_have_effects_of_their_own() -> None:
    own = (
        OwnEffect("quality", "not comparable"),
        OwnEffect("x", "swapped", "y"),
        OwnEffect("y", "swapped", "x"),
        OwnEffect("z", "flipped"),
        OwnEffect("lead_isolation", "unchanged"),
    )
    exchange = Exchange(LEPTONS.swapped, "electron_leads", (), ("_isolation",), own)
    effects = {name: exchange.effect(name) for name in ("quality", "x", "z", "lead_isolation", "w")}
    assert effects == {
        "quality": "not comparable",
        "x": "swapped",
        "z": "flipped",
        "lead_isolation": "unchanged",
        "w": "unchanged",
    }
    back = Exchange.from_dict(json.loads(json.dumps(exchange.to_dict())))
    assert back.own == own
    # They are the same exchange of the same particles: what is fitted to one holds for the other.
    assert exchange == LEPTONS
    columns = {"x": [1.0, 2.0], "y": [3.0, 4.0], "z": [5.0, 6.0], "electron_leads": [True, False]}
    pair = Pair.from_events(columns, symmetry=FairCoin(exchange))
    drawn = exchange.apply(pair.pool, np.array([False, False]))
    assert drawn.columns["x"].tolist() == [3.0, 2.0]
    assert drawn.columns["y"].tolist() == [1.0, 4.0]
    assert drawn.columns["z"].tolist() == [-5.0, 6.0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("x", "turned"), "no exchange 'turned'; there are unchanged, swapped, flipped, not"),
        (("x", "label"), "no exchange 'label'"),
        (("x", "swapped"), "is swapped with None"),
        (("x", "flipped", "y"), "is flipped with 'y'"),
    ],
)
def test_effects_that_are_none(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        OwnEffect(*arguments)  # type: ignore[arg-type]


def test_part_of_a_pair() -> None:
    rng = np.random.default_rng(2)
    events = {
        "x": rng.normal(size=1000),
        "electron_pt": rng.uniform(size=1000),
        "jet": np.where(rng.random(1000) < 0.5, np.nan, 50.0),
        "electron_leads": rng.random(1000) < 0.5,
    }
    pair = Pair.from_events(events)
    part = pair.where("x > 0 and jet > 30")
    inside = (events["x"] > 0) & (events["jet"] == 50)
    assert len(part.pool) == inside.sum()
    assert part.pool.n_a == (inside & events["electron_leads"]).sum()
    with pytest.raises(ConfigurationError, match="no column 'y'"):
        pair.where("y > 0")
    with pytest.raises(ConfigurationError, match=r"is not comparable .* \(for electron_pt\)"):
        pair.where("electron_pt > 0.5")
    with pytest.raises(DataError, match="divides by zero in 1,000 of 1,000 events"):
        pair.where("1 / (x - x) > 0")
