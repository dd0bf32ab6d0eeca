"""The symmetries: whom they call A, that their exchange leaves all else, and what they find."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from eμsym import FairCoin, Pair, read_pair
from eμsym.analysis.analyse import analyse
from eμsym.analysis.correction import Correction, Equalisation
from eμsym.analysis.options import Tests
from eμsym.calibration.quality import Quality
from eμsym.errors import ConfigurationError
from eμsym.files import RESULTS_FILE
from eμsym.final_states import Leptons
from eμsym.folder import ProcessedFolder
from eμsym.label_rule import LEADING, LabelRule
from eμsym.plots import draw_equalisation
from eμsym.processors import EMuConfig, OwnSymmetry
from eμsym.processors.columns import columns_of
from eμsym.processors.fileset import read_fileset
from eμsym.processors.labels import charge_columns, in_a, lepton_columns
from eμsym.processors.run_config import read_run_config
from eμsym.processors.runner import Processed, process
from eμsym.selection import Cuts
from eμsym.symmetries import CHARGE, RULES
from tests.command_line import run
from tests.delphes_file import event, jet, lepton

#: The charge symmetry once more, as a user would write it.
OWN_CHARGE = OwnSymmetry("own", "electron_leads == (lead_charge > 0)", names=("e+", "e-"))
MIRROR = OwnSymmetry(
    "mirror",
    "lead_eta > 0",
    swaps_leptons=False,
    flipped=("_eta",),
    not_comparable=(),
    efficiencies={"lead": 1, "sub": 1},
)
EVERY = [*RULES, OWN_CHARGE, MIRROR]


def processed(path: Path, symmetry: str | OwnSymmetry, **options: Any) -> Processed:
    config = EMuConfig(symmetry=symmetry, **options)
    return process(read_fileset([str(path)]), config, workers=1)


def some_lepton(rng: np.random.Generator) -> dict[str, float]:
    pt, eta, phi = rng.uniform(12, 80), rng.normal(0, 1.2), rng.uniform(-np.pi, np.pi)
    isolation = rng.choice([0.01, 0.05, 0.4])
    return lepton(pt, int(rng.choice([-1, 1])), Eta=eta, Phi=phi, IsolationVar=isolation)


def some_events(n: int = 400) -> list[dict[str, Any]]:
    rng = np.random.default_rng(8)
    made = []
    for _ in range(n):
        electrons, muons = ([some_lepton(rng) for _ in range(rng.integers(0, 3))] for _ in "eμ")
        jets = [
            jet(rng.uniform(20, 90), rng.normal(0, 1.5), rng.uniform(-np.pi, np.pi))
            for _ in range(rng.integers(0, 3))
        ]
        made.append({**event(electrons, muons, met=rng.uniform(0, 60)), "Jet": jets})
    return made


def other_flavours(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "Electron": each["Muon"], "Muon": each["Electron"]} for each in events]


def mirrored(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    turned = ("Electron", "Muon", "Jet")
    return [
        {**each, **{x: [{**obj, "Eta": -obj["Eta"]} for obj in each[x]] for x in turned}}
        for each in events
    ]


@pytest.mark.parametrize("symmetry", EVERY, ids=lambda each: getattr(each, "name", each))
def test_its_exchange_turns_a_into_b_and_leaves_what_may_be_compared(
    delphes_file: Callable[..., Path], symmetry: str | OwnSymmetry
) -> None:
    # Electrons and muons are cut on alike here, as the exchange has it.
    options: dict[str, Any] = {"cuts": Cuts(muon_isolation=0.15), "keep": ("jets",)}
    events = some_events()
    flip = mirrored if symmetry in ("forward_backward", MIRROR) else other_flavours
    before = processed(delphes_file(events, "before.root"), symmetry, **options)
    after = processed(delphes_file(flip(events), "after.root"), symmetry, **options)
    one, other, rule = before.events("data"), after.events("data"), before.rule
    assert len(one) > 15
    assert one.entry.to_list() == other.entry.to_list()
    labels = ak.to_numpy(one[rule.column])
    assert 0 < labels.sum() < len(labels)
    np.testing.assert_array_equal(ak.to_numpy(other[rule.column]), ~labels)
    pool = Pair.from_events(one, by=rule.column, symmetry=FairCoin(rule.exchange)).pool
    order = np.argsort(~labels, kind="stable")
    exchanged = rule.exchange.apply(pool, ~pool.labels)
    compared = 0
    for name in one.fields:
        if name != "file_id" and rule.exchange.effect(name) != "not comparable":
            there = ak.to_numpy(other[name])[order]
            np.testing.assert_array_equal(exchanged.columns[name], there, err_msg=name)
            compared += 1
    assert compared > 12
    flows = [{k: v["raw"] for k, v in x.cutflow["data"].items()} for x in (before, after)]
    a, b = rule.orders
    assert (flows[0].pop(a), flows[0].pop(b)) == (flows[1].pop(b), flows[1].pop(a))
    assert flows[0] == flows[1]


@pytest.mark.parametrize("symmetry", EVERY, ids=lambda each: getattr(each, "name", each))
def test_labels_are_those_of_a_plain_loop(
    delphes_file: Callable[..., Path], symmetry: str | OwnSymmetry
) -> None:
    events = some_events()
    name = getattr(symmetry, "name", symmetry)
    found = processed(delphes_file(events), symmetry).events("data")
    rule = EMuConfig(symmetry=symmetry).rule
    expected = {i: x for i, each in enumerate(events) if (x := label(name, each)) is not None}
    assert found.entry.to_list() == list(expected)
    assert found[rule.column].to_list() == list(expected.values())
    always = columns_of(rule).keys() - {"run", "lumi", "event", "n_bjets"}
    jets = {each for each in always if "jet" in each or each == "ht"}
    assert set(found.fields) == (always if name == "lepton_jet" else always - jets)


def label(name: str, each: dict[str, Any]) -> bool | None:
    """Return whether an event is A, or None if it is not selected."""
    electrons = [("e", x) for x in each["Electron"] if good(x, 0.15)]
    muons = [("m", x) for x in each["Muon"] if good(x, 0.25)]
    both = sorted([*electrons, *muons], key=lambda x: -x[1]["PT"])
    if name == "lepton_jet":
        if len(both) != 1:
            return None
        near = [j for j in each["Jet"] if j["PT"] >= 25 and abs(j["Eta"]) <= 2.5]
        phi, eta = both[0][1]["Phi"], both[0][1]["Eta"]
        far = [j for j in near if abs(np.exp(1j * (j["Phi"] - phi)) - 1) > 0 and apart(j, eta, phi)]
        return both[0][0] == "e" if far else None
    if len(both) != 2 or both[0][1]["Charge"] == both[1][1]["Charge"]:
        return None
    (kind, lead), (other, _) = both
    if name == "flavour":
        return kind == "e" if kind == other else None
    if kind == other:
        return None
    if name in ("forward_backward", "mirror"):
        return bool(lead["Eta"] > 0)
    return kind == "e" if name == "leading" else (kind == "e") == (lead["Charge"] > 0)


def good(each: dict[str, float], isolation: float) -> bool:
    return each["PT"] >= 15 and abs(each["Eta"]) <= 2.3 and each["IsolationVar"] < isolation


def apart(each: dict[str, float], eta: float, phi: float) -> bool:
    return bool(np.hypot(each["Eta"] - eta, np.angle(np.exp(1j * (each["Phi"] - phi)))) >= 0.4)


def test_columns_of_the_positive_and_the_negative_lepton(
    delphes_file: Callable[..., Path],
) -> None:
    electron, muon = lepton(25.0, 1, Eta=-1.5), lepton(50.0, -1, Eta=2.0)
    (row,) = processed(delphes_file([event([electron], [muon])]), "charge").events("data").to_list()
    assert row["electron_positive"] is True
    assert (row["pos_pt"], row["neg_pt"], row["pos_eta"], row["neg_eta"]) == (25, 50, -1.5, 2)
    assert (row["mt_pos"], row["mt_neg"]) == (row["mt_sub"], row["mt_lead"])
    assert "electron_leads" not in row


def test_columns_of_the_electron_and_the_muon(delphes_file: Callable[..., Path]) -> None:
    electron, muon = lepton(25.0, 1, Eta=-1.5), lepton(50.0, -1, Eta=-2.0)
    events = processed(delphes_file([event([electron], [muon])]), "forward_backward").events("data")
    (row,) = events.to_list()
    # Along the muon, which leads.
    assert (row["electron_pt"], row["electron_eta"]) == (25, 1.5)
    assert (row["muon_pt"], row["muon_eta"]) == (50, 2.0)
    assert row["lead_forward"] is False


def test_eta_is_that_along_the_leading_lepton(delphes_file: Callable[..., Path]) -> None:
    events = [event([lepton(50.0, 1, Eta=-1.5)], [lepton(20.0, -1, Eta=s * 0.5)]) for s in (1, -1)]
    found = processed(delphes_file(events), "forward_backward").events("data")
    assert found.lead_forward.to_list() == [False, False]
    assert found.lead_eta.to_list() == [1.5, 1.5]
    assert found.sub_eta.to_list() == [-0.5, 0.5]


def test_a_rule_survives_its_folder(delphes_file: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("charge", "flavour"):
        path, out = delphes_file(some_events(), f"{name}.root"), tmp_path / name
        assert run("process", path, "--symmetry", name, "-o", out) == 0
        pair = read_pair(out)
        assert pair.rule == RULES[name]
        assert pair.rule.terms == RULES[name].terms  # type: ignore[union-attr]
        assert pair.symmetry == FairCoin(RULES[name].exchange)
        assert pair.names == RULES[name].names
        assert pair.equalised().symmetry.source == "self"
    for rule in (*RULES.values(), OWN_CHARGE.rule, MIRROR.rule):
        assert LabelRule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


def test_the_whole_chain_runs_calibrated(
    delphes_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = delphes_file(some_events()), tmp_path / "out"
    options = ("--permutations", "20", "--max-permutations", "20", "--equalise", "self")
    assert run("run", path, "--symmetry", "charge", "-o", out, *options) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "e⁺μ⁻" in printed
    assert "r- = ε_μ/ε_e of negative leptons and r+ = ε_μ/ε_e of positive leptons" in printed
    assert "and a constant" in printed
    assert "goodness of fit p =" in printed
    assert "any ratio of the rates of e⁺μ⁻ and e⁻μ⁺" in printed
    assert "labelled by the rule 'leading', not by 'charge'" in printed
    content = json.loads((out / RESULTS_FILE).read_text(encoding="utf-8"))
    assert list(content["cutflow"]["data"])[-2:] == ["epmum", "emmup"]
    assert content["tests"]["correction"] == "self"
    assert content["tests"]["equalisation"]["calibration"]["ratio"]["constant"] is not None
    assert (out / "figures" / "equalisation.png").is_file()
    assert not (out / "equalisation.json").exists()


ALONG = """{
    name = "along", a = "lead_eta > 0", swaps_leptons = false, not_comparable = [],
    efficiencies = {lead = 1, sub = 1}, oriented_by = "lead_eta" }"""


@pytest.mark.parametrize("symmetry", ["flavour", "lepton_jet", "forward_backward", "along"])
def test_every_processed_folder_is_calibrated(
    delphes_file: Callable[..., Path], tmp_path: Path, symmetry: str
) -> None:
    path, study = delphes_file(some_events(900)), tmp_path / "study.toml"
    written = " ".join(ALONG.split()) if symmetry == "along" else f'"{symmetry}"'
    study.write_text(f"[processor]\nsymmetry = {written}\n", encoding="utf-8")
    assert run("process", path, "-c", study, "-o", tmp_path / "out") == 0
    tests = Tests(
        permutations=20,
        max_permutations=20,
        equalisation=Equalisation("self"),
        columns=("lead_pt",),
    )
    found = analyse(ProcessedFolder(tmp_path / "out"), tests)
    assert isinstance(found.correction, Correction)
    assert isinstance(found.correction.quality, Quality)
    assert found.source == "self"
    assert set(found.correction.absorbed) <= set(found.notes)
    assert any("equalisation.json" in note for note in found.notes)
    assert len(found.correction.before_after.variables) == 6
    rule = ProcessedFolder(tmp_path / "out").results().label_rule
    assert [ratio.name for ratio in found.correction.before_after.ratios] == list(rule.groups)
    assert found.raw is not None
    of_leptons = "of electrons and muons" in found.raw.to_dict()["warning"]
    assert of_leptons == bool(rule.exchange.swapped)
    figure = draw_equalisation(found.correction.before_after, names=found.names)
    assert len(figure.axes) == 6 + len(rule.groups)
    plt.close("all")


def toy(rng: np.random.Generator, n: int, rule: LabelRule, efficiency: float, signal: int) -> Pair:
    """Return a pair of events whose positive leptons are harder than the negative ones.

    Electrons below 30 GeV are found with an efficiency, muons always; the signal is e⁺μ⁻.
    """
    pt = np.stack([15 + rng.exponential(40, n + signal), 15 + rng.exponential(20, n + signal)])
    pt[:, n:] = rng.normal(70, 2, (2, signal))
    phi = rng.uniform(-np.pi, np.pi, pt.shape)
    positive_is_e = rng.random(n + signal) < 0.5
    positive_is_e[n:] = True
    electron_pt = np.where(positive_is_e, pt[0], pt[1])
    found = (electron_pt > 30) | (rng.random(n + signal) < efficiency)
    lead = (pt[0] > pt[1])[found]
    records = [
        ak.zip({"PT": p[found], "Eta": np.zeros(found.sum()), "Phi": f[found], "Charge": charge})
        for p, f, charge in zip(pt, phi, np.array([[1], [-1]]) * np.ones(found.sum()), strict=True)
    ]
    slots: dict[str, list[Any]] = {
        name: [ak.where(lead, records[0][name], records[1][name])] for name in records[0].fields
    }
    for name, each in slots.items():
        each.append(ak.where(lead, records[1][name], records[0][name]))
    ordered = [ak.zip({**{n: x[i] for n, x in slots.items()}}) for i in (0, 1)]
    ordered = [ak.with_field(x, x.PT * 0, "IsolationVar") for x in ordered]
    leptons = Leptons(ordered[0], ordered[1], lead == positive_is_e[found])
    met = rng.exponential(20, found.sum())
    columns = lepton_columns(leptons, met, met * 0) | charge_columns(leptons, met, met * 0)
    columns[rule.column] = in_a(rule, leptons, columns)
    arrays = {name: np.asarray(ak.to_numpy(x)) for name, x in columns.items()}
    return Pair.from_events(arrays, by=rule.column, symmetry=FairCoin(rule.exchange))


def test_p_values_without_a_correction() -> None:
    axis = EMuConfig(symmetry="charge").plane[1].axis
    rng = np.random.default_rng(12)
    alike, unlike, found = (
        np.array([toy(rng, 2000, CHARGE, *options).nsigma(axis).z for _ in range(n)])
        for n, *options in ((100, 1.0, 0), (15, 0.5, 0), (5, 1.0, 300))
    )
    # Where electrons are seen as muons are, p is uniform although W⁺ and W⁻ differ …
    assert stats.kstest(stats.norm.sf(alike), "uniform").pvalue > 0.01
    # … a detector that sees them otherwise is taken for something new …
    assert abs(np.mean(unlike)) > 1
    # … and a signal of one charge is found.
    assert np.mean(found) < -3


@pytest.mark.parametrize(
    "text, message",
    [
        ("symmetry = 'spin'", "no symmetry 'spin'; there are leading, charge, flavour, lepton_jet"),
        ("symmetry = 'charge'\ncuts = {opposite_charge = false}", "leave cuts.opposite_charge"),
        ("symmetry = {name = 'x', a = 'met >'}", "symmetry 'x': a: 'met >': is no expression"),
        ("symmetry = {name = 'x', a = 'electron_leads and y'}", "no column 'y'; there are"),
        ("symmetry = {name = 'x', a = 'electron_leads + 0'}", "under its exchange"),
        ("symmetry = {name = 'x', a = 'met > 3'}", "is unchanged under its exchange"),
        ("symmetry = {name = 'x', a = 'electron_leads', selection = 'tau'}", "no selection 'tau'"),
        ("symmetry = {name = 'charge', a = 'electron_leads'}", "'charge' is taken"),
        (
            "symmetry = {name = 'x', a = 'electron_leads', efficiencies = {lead = 2}}",
            r"efficiencies\.lead = 2; give lead or sub",
        ),
        (
            "symmetry = {name = 'x', a = 'electrons', selection = 'one_lepton', "
            "efficiencies = {sub = 1}}",
            r"efficiencies\.sub = 1; give lead, and",
        ),
        (
            "symmetry = {name = 'x', a = 'lead_eta > 0', oriented_by = 'met'}",
            "oriented_by = 'met'; give lead_eta or sub_eta",
        ),
        (
            "symmetry = 'lepton_jet'\n[[processor.observables]]\ncolumn = 'm_ll'\nedges = [0, 1]",
            "no column 'm_ll' to histogram; there are lead_pt",
        ),
        (
            "symmetry = 'charge'\n[[processor.observables]]\ncolumn = 'sub_isolation'\nbins = 1\n"
            "start = 0\nstop = 1",
            "column 'sub_isolation' is not comparable",
        ),
    ],
)
def test_symmetries_that_cannot_be_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(f"[processor]\n{text}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_run_config(path)
    assert "\n" not in str(caught.value)


def test_what_is_observed_and_what_is_not() -> None:
    rules = {name: EMuConfig(symmetry=name).rule for name in RULES}
    assert rules["leading"] == LEADING
    for name, rule in rules.items():
        effects = {column: rule.exchange.effect(column) for column in columns_of(rule)}
        other = {column for column, effect in effects.items() if effect == "not comparable"}
        expected = {column for column in effects if column.endswith("_isolation")}
        assert other == (set() if name == "forward_backward" else expected)
    assert replace(MIRROR.rule.exchange, own=()).effect("jet1_eta") == "flipped"
