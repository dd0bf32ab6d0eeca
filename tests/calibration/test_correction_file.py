"""Corrections as correctionlib files: read with correctionlib itself, and what is refused."""

from __future__ import annotations

import gzip
import json

import correctionlib
import numpy as np
import pytest
from correctionlib import schemav2
from hist.axis import Regular

from eμsym.calibration.correction_file import read_correction, write_correction
from eμsym.calibration.efficiency_maps import EfficiencyMaps
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.errors import DataError, EmusymError, InputFileError, OutputError
from eμsym.sources import Relabelled
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector

M_COLL = Regular(14, 30, 170, name="m_coll")
SHAPE = BINS.shape
ELECTRON = 0.7 * np.exp(-LOG_RATIO / 2)
MUON = 0.7 * np.exp(LOG_RATIO / 2)


def binned(name, content, inputs=("pt", "abseta"), flow="clamp"):
    edges = {"pt": list(BINS.pt_edges), "abseta": list(BINS.abseta_edges)}
    edges["eta"] = [-2.4, -1.5, 0, 1.5, 2.4]
    content = np.reshape(content, SHAPE)
    if inputs == ("abseta", "pt"):
        content = content.T
    if inputs == ("pt", "eta"):
        content = content[:, [1, 0, 0, 1]]
    return schemav2.Correction(
        name=name,
        version=1,
        inputs=[schemav2.Variable(name=x, type="real") for x in inputs],
        output=schemav2.Variable(name="value", type="real"),
        data=schemav2.MultiBinning(
            nodetype="multibinning",
            inputs=list(inputs),
            edges=[edges.get(x, edges["abseta"]) for x in inputs],
            content=list(content.ravel()),
            flow=flow,
        ),
    )


def formula(name, text):
    return schemav2.Correction(
        name=name,
        version=1,
        inputs=[schemav2.Variable(name=x, type="real") for x in ("pt", "abseta")],
        output=schemav2.Variable(name="value", type="real"),
        data=schemav2.Formula(
            nodetype="formula", expression=text, parser="TFormula", variables=["pt", "abseta"]
        ),
    )


def write(path, *corrections):
    content = schemav2.CorrectionSet(schema_version=2, corrections=list(corrections))
    path.write_text(content.model_dump_json(exclude_unset=True), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def pair():
    return ToyDetector(4000).draw(rng=1)


# ---------------------------------------------------------------- ours, written


@pytest.mark.parametrize("signed", [False, True])
def test_what_we_write_reads_the_same_with_correctionlib(tmp_path, pair, signed):
    ratio = pair.equalised(signed_eta=signed).symmetry.calibration.ratio
    path = tmp_path / "ours.json"
    write_correction(ratio, path)
    content = correctionlib.CorrectionSet.from_file(str(path))
    rng = np.random.default_rng(1)
    pt, eta = rng.exponential(40, 500) + 10, rng.normal(0, 1.5, 500)
    read = eta if signed else np.abs(eta)
    values = content["ratio_mu_e"].evaluate(pt, read)
    assert np.allclose(values, ratio.evaluate(pt, eta), rtol=1e-14)
    errors = content["ratio_mu_e_log_error"].evaluate(pt, read)
    assert np.allclose(errors, ratio.error[ratio.bins.index(pt, eta)], rtol=1e-14)
    if not signed:
        entry = content["ratio_mu_e_log_modes"].evaluate(2.0, 5.0)
        assert entry == pytest.approx(ratio.modes[2, 5], rel=1e-14)
    back = read_correction(path)
    assert isinstance(back, EfficiencyRatio)
    assert back.bins == ratio.bins
    assert np.allclose(back.log_ratio, ratio.log_ratio, rtol=1e-13, atol=1e-15)
    assert np.allclose(back.modes, ratio.modes, rtol=1e-14)
    other = ToyDetector(4000).draw(rng=2)
    equal = other.equalised(path)
    assert equal.symmetry.source == str(path)
    assert equal.nsigma(M_COLL).z == pytest.approx(other.equalised(ratio).nsigma(M_COLL).z)
    schemav2.CorrectionSet.model_validate_json(path.read_text(encoding="utf-8"))


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    ratio = EfficiencyRatio(BINS, LOG_RATIO, np.zeros((10, 10)))
    with pytest.raises(OutputError):
        write_correction(ratio, tmp_path / "nowhere" / "x.json")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- theirs, read


@pytest.mark.parametrize("inputs", [("pt", "abseta"), ("abseta", "pt"), ("pt", "eta")])
def test_efficiencies_give_the_weights_of_their_ratio(tmp_path, pair, inputs):
    path = write(
        tmp_path / "eff.json",
        binned("efficiency_electron", ELECTRON, inputs),
        binned("efficiency_muon", MUON, inputs),
    )
    maps = read_correction(path)
    assert isinstance(maps, EfficiencyMaps)
    equal = pair.equalised(str(path))
    exact = pair.equalised(EfficiencyRatio(BINS, LOG_RATIO, np.zeros((10, 10))))
    assert np.allclose(equal.a.weight, exact.a.weight, rtol=1e-12)
    assert np.allclose(equal.covariance(M_COLL), exact.covariance(M_COLL), rtol=1e-12)
    assert len(equal.yield_ratio(M_COLL).modes) == 0
    assert pair.equalised(maps).symmetry.source == str(path)
    assert len(Relabelled(equal).draw(rng=1).a.events) > 0


def test_errors_of_efficiencies_are_propagated(tmp_path, pair):
    """σ(ln r)² = (σ_e/ε_e)² + (σ_μ/ε_μ)² in each bin, independent of the others."""
    rng = np.random.default_rng(1)
    errors = rng.uniform(0.005, 0.02, (2, 10))
    path = write(
        tmp_path / "eff.json",
        binned("efficiency_electron", ELECTRON),
        binned("efficiency_muon", MUON),
        binned("efficiency_electron_error", errors[0]),
        binned("efficiency_muon_error", errors[1]),
    )
    variance = (errors[0] / ELECTRON) ** 2 + (errors[1] / MUON) ** 2
    same = pair.equalised(EfficiencyRatio(BINS, LOG_RATIO, np.diag(variance)))
    equal = pair.equalised(path)
    assert np.allclose(equal.covariance(M_COLL), same.covariance(M_COLL), rtol=1e-10)
    ours, theirs = equal.yield_ratio(M_COLL), same.yield_ratio(M_COLL)
    assert np.allclose(ours.error, theirs.error, rtol=1e-3)
    assert np.all(ours.error > 0)


def test_names_formulas_and_compression(tmp_path, pair):
    path = write(tmp_path / "x.json", formula("e", "0.9-0.1*exp(-x/20)"), formula("m", "0.8"))
    maps = read_correction(path, electron="e", muon="m")
    electron, muon = maps.evaluate([20.0, 50.0], [-1.0, 2.0])
    assert np.allclose(electron, 0.9 - 0.1 * np.exp([-1, -2.5]))
    assert np.array_equal(muon, [0.8, 0.8])
    equal = pair.equalised(maps)
    lead, sub = (
        0.8 / (0.9 - 0.1 * np.exp(-equal.a.column(f"{x}_pt") / 20)) for x in ("lead", "sub")
    )
    assert np.allclose(equal.a.weight, 2 * lead / (lead + sub))
    packed = tmp_path / "x.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    again = read_correction(packed, electron="e", muon="m").evaluate([20.0], [0.0])
    assert again[0][0] == electron[0]


# ---------------------------------------------------------------- what is refused


def refused(pair, path):
    with pytest.raises(EmusymError) as caught:
        pair.equalised(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return caught.type, message


def test_files_that_cannot_be_read(tmp_path, pair):
    assert "cannot be read" in refused(pair, tmp_path / "none.json")[1]
    for text in ("{", "[]", "{}", '{"schema_version": 2}', '{"schema_version": 9}'):
        (tmp_path / "bad.json").write_text(text, encoding="utf-8")
        kind, message = refused(pair, tmp_path / "bad.json")
        assert kind is InputFileError
        assert "is not a correctionlib file" in message
    (tmp_path / "bad.json.gz").write_bytes(b"\x1f\x8bnothing")
    assert "cannot be read" in refused(pair, tmp_path / "bad.json.gz")[1]


def test_corrections_or_inputs_that_are_missing(tmp_path, pair):
    path = write(tmp_path / "x.json", binned("efficiency_electron", ELECTRON), binned("sf", MUON))
    kind, message = refused(pair, path)
    assert kind is InputFileError
    assert "no correction 'efficiency_muon'; there are: efficiency_electron, sf" in message
    other = binned("efficiency_muon", MUON, ("pt", "nvtx"))
    path = write(tmp_path / "y.json", binned("efficiency_electron", ELECTRON), other)
    assert "efficiency_muon is a function of pt, nvtx" in refused(pair, path)[1]
    half = [binned("efficiency_electron", ELECTRON), binned("efficiency_muon", MUON)]
    path = write(tmp_path / "z.json", *half, binned("efficiency_muon_error", MUON))
    assert "no correction 'efficiency_electron_error'" in refused(pair, path)[1]


@pytest.mark.parametrize("value", [0.0, -0.2, 1.2, 80.0])
def test_efficiencies_outside_their_range(tmp_path, pair, value):
    content = MUON.copy()
    content[3] = value
    path = write(
        tmp_path / "x.json",
        binned("efficiency_electron", ELECTRON),
        binned("efficiency_muon", content),
    )
    kind, message = refused(pair, path)
    assert kind is DataError
    assert f"efficiency_muon is {value:g} at pt 2" in message
    assert "above 0 and at most 1" in message


def test_leptons_beyond_the_bins_and_errors_that_are_none(tmp_path, pair):
    path = write(
        tmp_path / "x.json",
        binned("efficiency_electron", ELECTRON),
        binned("efficiency_muon", MUON, flow="error"),
    )
    inside = pair.a.column("lead_pt").max() < 300 and pair.b.column("lead_pt").max() < 300
    far = pair if not inside else ToyDetector(200000).draw(rng=1)
    kind, message = refused(far, path)
    assert kind is DataError
    assert "not defined for all leptons" in message
    both = [binned("efficiency_electron", ELECTRON), binned("efficiency_muon", MUON)]
    negative = [binned(f"efficiency_{x}_error", -0.1 * MUON) for x in ("electron", "muon")]
    assert "is negative" in refused(pair, write(tmp_path / "n.json", *both, *negative))[1]
    smooth = [formula(f"efficiency_{x}", "0.9-0.1*exp(-x/20)") for x in ("electron", "muon")]
    flat = [formula(f"efficiency_{x}_error", "0.01") for x in ("electron", "muon")]
    path = write(tmp_path / "f.json", *smooth, *flat)
    assert "give both efficiencies in bins" in refused(pair, path)[1]


def test_a_ratio_that_is_not_as_we_write_it(tmp_path, pair):
    path = tmp_path / "x.json"
    write_correction(EfficiencyRatio(BINS, LOG_RATIO, np.zeros((10, 10))), path)
    data = json.loads(path.read_text(encoding="utf-8"))
    del data["corrections"][2]
    path.write_text(json.dumps(data), encoding="utf-8")
    kind, message = refused(pair, path)
    assert kind is InputFileError
    assert "not as it was written here" in message
    write(
        path, binned("ratio_mu_e", -np.ones(10)), binned("ratio_mu_e_log_covariance", np.zeros(10))
    )
    assert "not as it was written here" in refused(pair, path)[1]


def test_inputs_that_are_text_are_refused(tmp_path):
    def correction(name):
        return schemav2.Correction(
            name=name,
            version=1,
            inputs=[schemav2.Variable(name="pt", type="string")],
            output=schemav2.Variable(name="w", type="real"),
            data=schemav2.Category(
                nodetype="category",
                input="pt",
                content=[schemav2.CategoryItem(key="20", value=0.5)],
            ),
        )

    names = ("efficiency_electron", "efficiency_muon")
    made = schemav2.CorrectionSet(schema_version=2, corrections=[correction(n) for n in names])
    path = tmp_path / "text.json"
    path.write_text(made.model_dump_json(exclude_unset=True), encoding="utf-8")
    with pytest.raises(InputFileError, match="efficiency_electron takes pt as text"):
        read_correction(path)
