"""What is told of calibrations by other rules, their classes and JSON, and what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from eμsym import read_correction
from eμsym.analysis.correction import Equalisation
from eμsym.calibration.class_ratios import ClassRatios
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.calibration.quality import fit_quality
from eμsym.coverage.symmetry_toys import OWN_FLAVOUR, RULES, SymmetryToy
from eμsym.errors import ConfigurationError
from eμsym.label_rule import LabelRule
from eμsym.symmetries import CHARGE, FLAVOUR, FORWARD_BACKWARD, OwnSymmetry
from tests.calibration.labelled_pairs import BINS, MASS, labelled
from tests.calibration.test_pair_efficiencies import EITHER, pair_map
from tests.calibration.test_shared_errors import write
from tests.calibration.toy_detector import ToyDetector

# ---------------------------------------------------------------- quality, classes, JSON


@pytest.mark.parametrize("name", RULES)
def test_goodness_of_fit_and_closure_notice_what_is_not_described(name: str) -> None:
    toy = SymmetryToy(name, 4000)
    pair, column = toy.draw(rng=5), toy.observable
    right = fit_quality(pair.equalised(), variables=(column, "met"), n=39, rng=1)
    assert right.goodness.pvalue > 0.01
    assert right.closure.pvalue > 0.01
    lepton = {"forward_backward": "electron", "charge": "positive lepton"}
    assert f"pT of the {lepton.get(name, 'leading lepton')}" in right.goodness.names
    # Labels that depend on the missing momentum, which no efficiency of a lepton does.
    rng = np.random.default_rng(2)
    lost = pair.pool.labels & (pair.pool.column("met") > 40) & (rng.random(len(pair.pool)) < 0.9)
    wrong = replace(pair, events=pair.pool.where(~lost)).equalised()
    found = fit_quality(wrong, variables=(column, "met"), n=39, rng=1)
    assert found.closure.pvalue <= 0.05
    assert found.closure.smallest == "met"


def test_closure_looks_at_the_columns_that_there_are() -> None:
    pair = SymmetryToy("lepton_jet", 1000).draw(rng=1).equalised()
    found = fit_quality(pair, n=9, rng=1)
    assert list(found.variables) == ["all events", "lead_pt", "lead_eta"]
    assert list(found.goodness.names) == [
        "pT of the leading lepton",
        "η of the leading lepton",
        "pT and |η| of the lepton",
    ]


@pytest.mark.parametrize("name", ["flavour", "forward_backward"])
def test_each_class_has_efficiencies_and_a_constant_of_its_own(name: str) -> None:
    pairs = [SymmetryToy(name, 3000).draw(rng=i) for i in (1, 2)]
    columns = {
        n: np.concatenate([pair.pool.column(n) for pair in pairs]) for n in pairs[0].pool.columns
    }
    columns["period"] = np.repeat([1.0, 2.0], [len(pair.pool) for pair in pairs])
    labels = np.concatenate([pair.pool.labels for pair in pairs])
    both = labelled(columns, labels, pairs[0].rule)
    corrected = both.equalised(by="period")
    assert isinstance(corrected.symmetry.correction, ClassRatios)
    period = corrected.pool.column("period")
    for value, pair in zip((1, 2), pairs, strict=True):
        p = corrected.symmetry.probability(corrected.pool)[period == value]
        np.testing.assert_allclose(p, pair.equalised().symmetry.probability(pair.pool), atol=1e-8)
    content = json.loads(json.dumps(corrected.symmetry.to_dict()))["calibration"]
    assert (content["by"], content["n_classes"]) == ("period", 2)
    assert content["ratio"]["classes"][1]["ratio"]["rule"] == name
    drawn = corrected.symmetry.relabel(corrected.pool, 1, rng=1)
    assert drawn.log_ratio.shape == (1, corrected.symmetry.log_ratio.size)


def test_what_was_fitted_is_in_the_json() -> None:
    pair = SymmetryToy("charge", 2000).draw(rng=1).equalised()
    content = json.loads(json.dumps(pair.symmetry.to_dict()))["calibration"]["ratio"]
    assert content["terms"] == [["neg", 1, "r-"], ["pos", -1, "r+"]]
    assert set(content["ratios"]) == {"r-", "r+"}
    ratio = EfficiencyRatio.from_dict(content["ratios"]["r+"])
    np.testing.assert_allclose(ratio.log_ratio, pair.symmetry.correction.by_group["r+"].log_ratio)
    c, error = content["constant"], content["constant_error"]
    assert abs(c) < 5 * error + 0.2
    assert error == pytest.approx(pair.symmetry.correction.constant_error)
    assert "rule='charge'" in repr(pair.symmetry.correction)


def test_a_control_pair_calibrates_another_of_its_rule() -> None:
    toy = SymmetryToy("charge", 6000)
    pair, control = toy.draw(rng=1), toy.draw(rng=2)
    corrected = pair.equalised(control=control)
    assert corrected.symmetry.source == "control"
    assert not corrected.symmetry.in_sample
    own = control.equalised().symmetry
    np.testing.assert_array_equal(
        corrected.symmetry.probability(pair.pool), own.probability(pair.pool)
    )
    z = corrected.nsigma(MASS).z
    assert norm.sf(abs(z)) > 1e-4
    drawn = corrected.symmetry.relabel(pair.pool, 3, rng=1)
    assert np.ptp(drawn.log_ratio, axis=0).max() > 0
    with pytest.raises(ConfigurationError, match=r"control: .* by 'flavour', and the pair's by 'c"):
        pair.equalised(control=SymmetryToy("flavour", 500).draw(rng=1))


# ---------------------------------------------------------------- what cannot be


def test_the_own_charge_rule_has_no_constant_where_signs_cancel() -> None:
    own = OwnSymmetry(
        "own", "electron_leads == (lead_charge > 0)", efficiencies={"lead": -1, "sub": 1}
    ).rule
    assert not own.constant
    assert OWN_FLAVOUR.constant
    along = OwnSymmetry(
        "side",
        "sub_eta > 0",
        swaps_leptons=False,
        flipped=("_eta",),
        not_comparable=(),
        efficiencies={"lead": 1, "sub": 1},
        oriented_by="sub_eta",
    ).rule
    assert (along.constant, along.oriented_by) == (False, "sub_eta")
    assert along.exchange.effect("lead_eta") == "unchanged"
    columns = dict(SymmetryToy("forward_backward", 2000).draw(rng=1).pool.columns)
    labels = np.random.default_rng(1).random(len(columns["met"])) < 0.5
    pair = labelled(columns, labels, along).equalised()
    assert pair.symmetry.calibration.to_dict()["ratio"]["terms"] == [
        ["lead", 1, "r"],
        ["sub", 1, "r"],
    ]


def _own(**options) -> LabelRule:
    return OwnSymmetry("own", "electron_leads", **options).rule


@pytest.mark.parametrize(
    "rule, options, message",
    [
        (_own(), {}, "'own' names no efficiencies .* nothing to calibrate"),
        (
            OwnSymmetry(
                "own",
                "lead_eta > 0",
                swaps_leptons=False,
                flipped=("_eta",),
                efficiencies={"lead": 1},
            ).rule,
            {},
            "'own' changes the sign of lead_eta.*oriented_by",
        ),
        (FORWARD_BACKWARD, {"signed_eta": True}, "signed η: 'forward_backward' compares η with −η"),
        (
            FLAVOUR,
            {"correction": EfficiencyRatio(BINS, np.zeros(6), np.eye(6))},
            "has r up to a factor, which the rule 'flavour' needs",
        ),
        (
            FORWARD_BACKWARD,
            {"correction": EfficiencyRatio(BINS, np.zeros(6), np.eye(6))},
            "muons against electrons, which the rule 'forward_backward' does not exchange",
        ),
        (FLAVOUR, {"exclude": {"is_ee": (0, 1)}}, "exclude is_ee: it changes with which sample"),
        (CHARGE, {"by": "electron_pt"}, "by electron_pt: it changes with which lepton"),
    ],
)
def test_what_a_rule_cannot_be_calibrated_with_is_one_line(rule, options, message) -> None:
    columns = dict(ToyDetector(600).draw(rng=1).pool.columns)
    columns |= {
        f"{slot}_{x}": columns[f"lead_{x}"]
        for slot in ("electron", "muon", "pos", "neg")
        for x in ("pt", "eta")
    }
    columns["is_ee"] = np.arange(len(columns["lead_pt"])) % 2
    pair = labelled(columns, np.random.default_rng(1).random(len(columns["lead_pt"])) < 0.5, rule)
    with pytest.raises(ConfigurationError, match=message) as error:
        pair.equalised(**options)
    assert "\n" not in str(error.value)


def test_a_file_of_pairs_says_nothing_of_single_leptons(tmp_path) -> None:
    path = write(tmp_path / "or.json", pair_map("efficiency_pair", EITHER))
    pair = SymmetryToy("flavour", 500).draw(rng=1)
    with pytest.raises(ConfigurationError, match="an electron and a muon together"):
        pair.equalised(read_correction(path))
    with pytest.raises(ConfigurationError, match="or give --equalise none"):
        Equalisation(str(path)).apply(pair)
