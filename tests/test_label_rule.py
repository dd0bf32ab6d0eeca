"""The label rule as data: kept with what was processed, and taken from there."""

from __future__ import annotations

import json
from dataclasses import replace

import awkward as ak
import hist
import numpy as np
import pytest
from hist.axis import Regular, StrCategory

from eμsym import FairCoin, Pair, read_pair
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.exchange import LEPTONS, Exchange
from eμsym.files import RESULTS_FILE, write_json
from eμsym.folder_files import RESULTS_SCHEMA, VERSION
from eμsym.histogram_io import write_histograms
from eμsym.label_rule import LEADING, LabelRule, rule_of
from eμsym.processors.columns import COLUMNS
from eμsym.selection import into_slots, lead_and_sub
from tests.results_file import results_of

FORWARD = LabelRule(
    name="forward",
    ordered_by="Eta",
    orders=("fwd", "bwd"),
    names=("forward", "backward"),
    exchange=Exchange(
        swapped=(("tag_", "probe_"),),
        label="is_forward",
        flipped=("_eta",),
        not_comparable=("_isolation", "quality"),
    ),
)


def test_a_rule_survives_json():
    for rule in (LEADING, FORWARD):
        assert LabelRule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
        assert rule_of({"label_rule": rule.to_dict()}) == rule
    assert rule_of({"schema": "emusym/results"}) == LEADING


def test_a_rule_that_says_nothing_of_efficiencies_has_those_of_the_leading_lepton_or_none():
    for rule, expected in ((LEADING, LEADING.terms), (FORWARD, ())):
        content = {name: x for name, x in rule.to_dict().items() if name != "terms"}
        assert LabelRule.from_dict(content).terms == expected
    assert [term.slot for term in LEADING.objects] == ["lead", "sub"]
    assert LEADING.groups == ("r",)


def test_a_rule_without_a_column_of_labels_is_refused():
    with pytest.raises(ConfigurationError, match="'leading': its exchange names no column"):
        replace(LEADING, exchange=replace(LEPTONS, label=None))


def test_the_exchange_says_what_happens_to_every_column_of_the_processor():
    effects = {name: LEADING.exchange.effect(name) for name in COLUMNS}
    assert effects.pop("electron_leads") == "label"
    other = {name for name, effect in effects.items() if effect != "unchanged"}
    assert other == {"lead_isolation", "sub_isolation"}
    assert {effects[name] for name in other} == {"not comparable"}
    assert LEADING.exchange == FairCoin().exchange


@pytest.mark.parametrize(
    "column, effect",
    [
        ("tag_pt", "swapped"),
        ("probe_pt", "swapped"),
        ("jet_eta", "flipped"),
        ("m_coll", "unchanged"),
        ("jet_quality", "not comparable"),
        ("tag_isolation", "not comparable"),
    ],
)
def test_effects(column, effect):
    assert FORWARD.exchange.effect(column) == effect


def test_signs_flip_where_the_label_changes_and_back():
    events = {
        "jet_eta": np.array([1.0, -2.0, 0.5, -0.0]),
        "quality": np.arange(4),
        "is_forward": np.array([True, True, False, False]),
    }
    exchange = FORWARD.exchange
    pair = Pair.from_events(events, by="is_forward", symmetry=FairCoin(exchange))
    labels = np.array([True, False, True, False])
    drawn = exchange.apply(pair.pool, labels)
    assert drawn.columns["jet_eta"].tolist() == [1.0, 2.0, -0.5, 0.0]
    assert drawn.columns["quality"].tolist() == [0, 1, 2, 3]
    assert drawn.columns["is_forward"].tolist() == labels.tolist()
    back = exchange.apply(drawn, pair.pool.labels)
    assert back.columns["jet_eta"].tolist() == events["jet_eta"].tolist()


def test_leptons_go_into_slots_by_what_the_rule_says():
    electron = ak.zip({"PT": [30.0, 20.0, 25.0], "Eta": [-1.0, 1.0, 0.0]})
    muon = ak.zip({"PT": [20.0, 30.0, 25.0], "Eta": [0.5, 0.5, 0.5]})
    assert LEADING.ordered_by == "PT"
    first, second, in_a = into_slots(electron, muon, by="Eta")
    assert in_a.to_list() == [False, True, False]
    assert first.Eta.to_list() == [0.5, 1.0, 0.5]
    assert second.PT.to_list() == [30.0, 30.0, 25.0]
    for ours, theirs in zip(
        lead_and_sub(electron, muon), into_slots(electron, muon, by="PT"), strict=True
    ):
        assert ours.to_list() == theirs.to_list()


def write_folder(folder, rule, stored):
    """Write a processed folder by hand, whose events are labelled by a rule."""
    in_a = np.arange(10) % 3 == 0
    x = np.linspace(0.05, 0.95, 10)
    (folder / "events").mkdir(parents=True)
    events = ak.zip({"x": x, rule.column: in_a, "jet_eta": x - 0.5, "weight": np.ones(10)})
    ak.to_parquet(events, str(folder / "events" / "one.parquet"), extensionarray=False)
    histogram = hist.Hist(
        StrCategory(["one"], name="dataset"),
        StrCategory(list(rule.orders), name="order"),
        Regular(2, 0, 1, name="x"),
        storage=hist.storage.Weight(),
    )
    for order, mask in zip(rule.orders, (in_a, ~in_a), strict=True):
        histogram.fill("one", order, x[mask])
    write_histograms(folder / "histograms.json", {"x": histogram})
    selected = {
        "one": dict(zip(rule.orders, (np.ones(in_a.sum()), np.ones((~in_a).sum())), strict=True))
    }
    results = results_of(["one"], selected)
    content = {"schema": RESULTS_SCHEMA, "version": VERSION, **results, **stored}
    write_json(folder / RESULTS_FILE, content)
    return in_a


def test_a_folder_s_pair_has_the_names_and_the_exchange_of_its_rule(tmp_path):
    in_a = write_folder(tmp_path / "out", FORWARD, {"label_rule": FORWARD.to_dict()})
    pair = read_pair(tmp_path / "out")
    assert pair.names == ("forward", "backward")
    assert pair.symmetry == FairCoin(FORWARD.exchange)
    assert (pair.pool.n_a, len(pair.pool)) == (in_a.sum(), 10)
    a, b = pair.hist("x")
    assert (a.sum().value, b.sum().value) == (in_a.sum(), 10 - in_a.sum())
    flipped = pair.relabelled(~pair.pool.labels)
    assert np.array_equal(flipped.pool.columns["jet_eta"], -pair.pool.columns["jet_eta"])


def test_a_folder_that_says_nothing_is_of_the_leading_lepton(tmp_path):
    write_folder(tmp_path / "out", LEADING, {})
    pair = read_pair(tmp_path / "out")
    assert pair.names == ("eμ", "μe")
    assert pair.symmetry == FairCoin()


@pytest.mark.parametrize(
    "damage",
    [
        {},
        "leading",
        {**FORWARD.to_dict(), "names": ["forward"]},
        {**FORWARD.to_dict(), "exchange": {"label": "is_forward"}},
    ],
)
def test_a_folder_with_half_a_rule_is_refused(damage, tmp_path):
    write_folder(tmp_path / "out", FORWARD, {"label_rule": damage})
    with pytest.raises(InputFileError, match=r"results\.json: label_rule = .* is no label rule"):
        read_pair(tmp_path / "out")


def test_the_processed_folder_says_its_rule(processed_sample):
    results = json.loads((processed_sample / RESULTS_FILE).read_text(encoding="utf-8"))
    assert rule_of(results) == LEADING
    assert read_pair(processed_sample).symmetry.exchange == LEADING.exchange
