"""Templates: T by hand from genuine events, S against integrals, files that come back."""

from __future__ import annotations

import json

import awkward as ak
import hist
import numpy as np
import pytest
from hist.axis import Regular, Variable
from scipy.stats import multivariate_normal

import eμsym
from eμsym.binned.q0 import q0
from eμsym.binned.templates import (
    Templates,
    flat_template,
    gaussian_signal,
    rectangle_signal,
    signal_location,
    signal_template,
    signal_templates,
    symmetric_template,
)
from eμsym.binned.templates_io import read_templates, templates_from_folders, write_templates
from eμsym.binned.toys import draw_toys
from eμsym.cli import main
from eμsym.errors import ConfigurationError, DataError, InputFileError, OutputError
from eμsym.files import read_json, write_json
from eμsym.recipes import stored_templates

PLANE = (
    Regular(28, 30, 170, name="m_coll", label="m [GeV]"),
    Regular(28, 10, 150, name="lead_pt", label="pT [GeV]"),
)
BACKGROUNDS = ("ztautau", "ttbar", "ww", "wz", "zz", "hww", "htautau")


@pytest.fixture(scope="module")
def processed(sample, tmp_path_factory):
    """The embedded sample, processed to 9 fb⁻¹."""
    folder = tmp_path_factory.mktemp("templates") / "processed"
    main(["process", str(sample / "fileset.json"), "-o", str(folder), "--luminosity", "9"])
    return folder


@pytest.fixture(scope="module")
def made(processed):
    return templates_from_folders(processed, processed)


def events(folder, *datasets):
    return ak.concatenate([ak.from_parquet(folder / "events" / f"{d}.parquet") for d in datasets])


def plane_of(rows, weights):
    edges = [np.linspace(30, 170, 29), np.linspace(10, 150, 29)]
    columns = [np.asarray(rows[name], dtype=float) for name in ("m_coll", "lead_pt")]
    return np.histogram2d(*columns, bins=edges, weights=weights)[0]


def test_t_by_hand_from_the_events(processed, made):
    rows = events(processed, *BACKGROUNDS)
    weights = np.asarray(rows.weight)
    assert set(np.asarray(rows.electron_leads)) == {True, False}  # both orders are in
    np.testing.assert_allclose(made.t, plane_of(rows, weights) / 2 + 25, rtol=1e-12)
    np.testing.assert_allclose(
        made.background.variances(), plane_of(rows, weights**2) / 4, rtol=1e-12
    )
    total = made.background.values(flow=True).sum() - 784 * 25
    assert total == pytest.approx(weights.sum() / 2)


def test_s_by_hand_from_the_events(processed, made):
    rows = events(processed, "hlfv_taue")
    rows = rows[rows.electron_leads]  # H→τe: the Higgs' own lepton is the electron
    expected = plane_of(rows, None)
    np.testing.assert_allclose(made.s, expected / expected.sum(), rtol=1e-12)
    assert made.provenance["signal"]["order"] == "emu"
    assert made.provenance["signal"]["effective_events"] == pytest.approx(expected.sum())


def test_the_other_order_by_hand_from_the_events(processed, made):
    rows = events(processed, "hlfv_taue")
    leads = np.asarray(rows.electron_leads)
    in_plane = plane_of(rows[leads], None).sum()
    others = plane_of(rows[~leads], None)
    assert others.sum() > 0
    np.testing.assert_allclose(made.other.values(), others / in_plane, rtol=1e-12)
    np.testing.assert_allclose(made.other.variances(), others / in_plane**2, rtol=1e-12)
    everywhere = made.other.values(flow=True).sum()
    assert everywhere * in_plane == pytest.approx(np.count_nonzero(~leads))
    assert made.signal.values(flow=True).sum() * in_plane == pytest.approx(np.count_nonzero(leads))
    assert made.provenance["other"]["order"] == "mue"
    assert made.provenance["other"]["effective_events"] == pytest.approx(others.sum())
    assert made.to_dict()["other"]["outside"] == pytest.approx(everywhere - others.sum() / in_plane)

    turned = templates_from_folders(processed, processed, signal_order="mue")
    np.testing.assert_allclose(turned.s, others / others.sum(), rtol=1e-12)
    np.testing.assert_allclose(turned.other.values(), made.s * in_plane / others.sum(), rtol=1e-12)
    assert turned.provenance["other"]["order"] == "emu"


def test_t_is_scaled_to_a_luminosity(processed, made):
    scaled = templates_from_folders(processed, processed, luminosity_ifb=36, flat=0)
    np.testing.assert_allclose(scaled.t, 4 * (made.t - 25), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        scaled.background.variances(), 16 * made.background.variances(), rtol=1e-9
    )
    chosen = templates_from_folders(processed, processed, background_datasets=["ww", "zz"], flat=0)
    rows = events(processed, "ww", "zz")
    np.testing.assert_allclose(chosen.t, plane_of(rows, np.asarray(rows.weight)) / 2, rtol=1e-12)


def test_provenance_says_what_went_in_and_no_folder(made, processed):
    text = json.dumps(made.to_dict())
    assert str(processed) not in text
    assert "/" not in text.replace("fb⁻¹", "")
    background = made.provenance["background"]
    assert tuple(background["datasets"]) == BACKGROUNDS
    ww = background["datasets"]["ww"]
    assert ww["files"][0]["name"] == "ww.root"
    assert ww["files"][0]["events"] == 1918
    assert ww["luminosity_ifb"] == pytest.approx(0.9)
    assert ww["weight"] == pytest.approx(10)
    weights = np.asarray(events(processed, *BACKGROUNDS).weight)
    assert 0 < background["effective_events"] < weights.sum() ** 2 / (weights**2).sum()


def test_templates_come_back_from_their_file(made, tmp_path):
    path = tmp_path / "t.json"
    write_templates(made, path)
    back = read_templates(path)
    assert back.background == made.background
    assert back.signal == made.signal
    assert back.other == made.other
    assert back.background.axes["m_coll"].label == made.background.axes["m_coll"].label
    assert back.to_dict() == made.to_dict()
    assert [p.name for p in tmp_path.iterdir()] == ["t.json"]


def test_templates_of_one_order_alone(made, tmp_path):
    path = tmp_path / "t.json"
    write_templates(Templates(made.background, made.signal, made.provenance), path)
    assert "other" not in read_json(path)  # as files were before there was another order
    back = read_templates(path)
    assert back.other is None
    assert back.to_dict()["other"] is None
    assert back.signal == made.signal


@pytest.mark.parametrize("name", ["hlfv_taue", "hlfv_taumu", "hlfv_taumu_pt10"])
def test_stored_templates_hold_every_selected_signal_event(name):
    stored = read_templates(stored_templates(name))
    about, other = stored.provenance["signal"], stored.provenance["other"]
    selected = about["selected_events"]
    assert {about["order"], other["order"]} == set(selected)
    in_order, in_other = (part.values(flow=True).sum() for part in (stored.signal, stored.other))
    # All weights but one of Pythia's are the same: (Σw)²/Σw² is the number of events.
    fraction = selected[other["order"]] / selected[about["order"]]
    assert in_other / in_order == pytest.approx(fraction, rel=1e-4)
    assert in_other**2 / stored.other.variances(flow=True).sum() == pytest.approx(
        selected[other["order"]]
    )


def test_files_that_are_no_templates(tmp_path, processed):
    path = tmp_path / "t.json"
    with pytest.raises(InputFileError, match="cannot be read"):
        read_templates(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputFileError, match="is not JSON"):
        read_templates(path)
    with pytest.raises(ConfigurationError, match="expected 'emusym/templates'"):
        read_templates(processed / "results.json")
    write_json(path, {"schema": "emusym/templates", "version": 1, "background": 3})
    with pytest.raises(InputFileError, match="missing or damaged"):
        read_templates(path)
    with pytest.raises(OutputError):
        write_templates(flat_rectangle(), tmp_path / "absent" / "t.json")


def test_folders_that_cannot_be_used(tmp_path, processed):
    make = templates_from_folders
    with pytest.raises(InputFileError, match=r"has no results\.json"):
        make(tmp_path, processed)
    with pytest.raises(ConfigurationError, match="no dataset 'x'; there are ztautau"):
        make(processed, processed, background_datasets=["x"])
    with pytest.raises(ConfigurationError, match="no dataset 'x'; there are"):
        make(processed, processed, signal_dataset="x")
    with pytest.raises(ConfigurationError, match="choose emu or mue"):
        make(processed, processed, signal_order="ee")
    with pytest.raises(ConfigurationError, match="must be positive"):
        make(processed, processed, luminosity_ifb=-1)
    with pytest.raises(ConfigurationError, match="no dataset is a background"):
        make(processed, processed, background_datasets=[])

    other = tmp_path / "other"
    other.mkdir()
    histograms = (processed / "histograms.json").read_bytes()
    (other / "histograms.json").write_bytes(histograms)
    results = read_json(processed / "results.json")

    def changed(change):
        copy = json.loads(json.dumps(results))
        change(copy)
        write_json(other / "results.json", copy)

    changed(lambda r: r["configuration"]["processor"]["cuts"].update(pt_min=10.0))
    with pytest.raises(ConfigurationError, match="different cuts"):
        make(processed, other)
    changed(lambda r: r["datasets"]["ww"].update(role="signal"))
    with pytest.raises(ConfigurationError, match="one signal dataset is needed, there are: ww, "):
        make(processed, other)
    changed(lambda r: r["normalisation"]["ww"].update(scale=1.0))
    with pytest.raises(ConfigurationError, match=r"different luminosities, from 0\.9 to 9"):
        make(other, processed)
    changed(lambda r: r["normalisation"]["ww"].update(luminosity_ifb=None))
    with pytest.raises(ConfigurationError, match="'ww' cannot be scaled to 5 fb⁻¹"):
        make(other, processed, luminosity_ifb=5)


def test_symmetrising_swaps_freely_and_adds_the_flat_part_only_inside():
    axis = Regular(3, 0, 3, name="x")
    a = hist.Hist(axis, storage="Weight").fill([0.5, 0.5, 2.5, 7.0], weight=[1.0, 2.0, 3.0, 4.0])
    b = hist.Hist(axis, storage="Weight").fill([1.5, -1.0], weight=[5.0, 6.0])
    t = symmetric_template(a, b, scale=2, flat=10)
    assert t.values(flow=True).tolist() == [6.0, 13.0, 15.0, 13.0, 4.0]
    assert t.variances(flow=True).tolist() == [36.0, 5.0, 25.0, 9.0, 16.0]
    assert t == symmetric_template(b, a, scale=2, flat=10)


def test_bad_symmetric_templates():
    axis = Regular(2, 0, 2, name="x")
    a = hist.Hist(axis, storage="Weight").fill([0.5], weight=[-3.0])
    with pytest.raises(DataError, match="negative"):
        symmetric_template(a, a, flat=0)
    assert symmetric_template(a, a, flat=3).values().tolist() == [0.0, 3.0]
    other = hist.Hist(Regular(3, 0, 2, name="x"), storage="Weight")
    with pytest.raises(DataError, match="differ"):
        symmetric_template(a, other)
    for bad in ({"scale": 0}, {"scale": np.nan}, {"flat": -1}, {"flat": np.inf}):
        with pytest.raises(DataError, match=next(iter(bad))):
            symmetric_template(a, a, **bad)
    with pytest.raises(DataError, match="every bin is zero"):
        signal_template(hist.Hist(axis, storage="Weight"))


def test_bad_signals_in_the_other_order():
    axis = Regular(2, 0, 2, name="x")
    s = hist.Hist(axis, storage="Weight").fill([0.5, 1.5, 1.5, 3.0])
    none = hist.Hist(axis, storage="Weight")
    assert signal_templates(s, none)[1].values(flow=True).tolist() == [0, 0, 0, 0]
    assert [h.values(flow=True)[-1] for h in signal_templates(s, s)] == pytest.approx([1 / 3] * 2)
    with pytest.raises(DataError, match="every bin is zero"):
        signal_templates(none, s)
    wider = hist.Hist(Regular(2, 0, 3, name="x"), storage="Weight")
    with pytest.raises(DataError, match="differ"):
        signal_templates(s, wider)
    t, shape = flat_template([axis], 3), signal_template(s)
    with pytest.raises(DataError, match="differ"):
        Templates(t, shape, other=wider)
    negative = hist.Hist(axis, storage="Weight").fill([0.5], weight=[-1.0])
    with pytest.raises(DataError, match="S in the other order: a bin content is negative"):
        signal_templates(s, negative)
    with pytest.raises(DataError, match="S in the other order: a bin content is negative"):
        Templates(t, shape, other=negative)


def flat_rectangle(entries=100.0):
    return Templates(flat_template(PLANE, entries), rectangle_signal(PLANE, (11, 11), (6, 6)))


def test_flat_and_rectangle_are_what_they_say():
    made = flat_rectangle()
    assert (made.t == 100).all()
    assert made.s.sum() == pytest.approx(1)
    assert (made.s[11:17, 11:17] == 1 / 36).all()
    assert np.count_nonzero(made.s) == 36
    assert signal_location(made.s) == (14.0, 14.0)


@pytest.mark.parametrize("rho_free_sigma", [(10.0, 10.0), (3.0, 25.0)])
def test_gaussian_is_the_bivariate_integral_over_every_bin(rho_free_sigma):
    mean = (112.0, 58.0)
    s = gaussian_signal(PLANE, mean, rho_free_sigma).values()
    assert s.sum() == pytest.approx(1, abs=1e-12)
    normal = multivariate_normal(mean, np.diag(np.square(rho_free_sigma)))
    x, y = PLANE[0].edges, PLANE[1].edges
    inside = normal.cdf([x[-1], y[-1]], lower_limit=[x[0], y[0]])
    for i, j in [(16, 9), (15, 10), (20, 3), (3, 9)]:
        integral = normal.cdf([x[i + 1], y[j + 1]], lower_limit=[x[i], y[j]])
        assert s[i, j] == pytest.approx(integral / inside, rel=1e-4, abs=1e-9)


def test_a_narrow_gaussian_is_not_lost_between_bin_centres():
    s = gaussian_signal(PLANE, (70.0, 42.0), (0.01, 0.01)).values()
    assert s[7:9, 6].tolist() == pytest.approx([0.5, 0.5])


def test_templates_of_other_axes_and_dimensions():
    uneven = Variable([0, 1, 5], name="x")
    assert gaussian_signal([uneven], [1], [1]).values().sum() == pytest.approx(1)
    cube = [Variable([0, 1, 5], name=name) for name in "xyz"]
    assert flat_template(cube, 2).values().shape == (2, 2, 2)
    assert signal_location(rectangle_signal(cube, (1, 0, 1), (1, 2, 1))) == (1.5, 1.0, 1.5)


def test_every_test_takes_them():
    made = flat_rectangle()
    toys = draw_toys(made.background, made.signal, 300, 1, rng=1)
    b = made.background.copy()
    b.view()[...] = toys.b_signal[0]
    assert abs(eμsym.nsigma(b, made.background).z) < 6
    assert eμsym.scan_windows(b, made.background, min_size=6).best is not None
    assert 2 < q0(b, made.background, made.signal, background="known").z < 8
    assert q0(b, made.background, made.signal, background="profiled").z > 1


def test_bad_shapes_and_values():
    with pytest.raises(DataError, match="not within 28×28 bins"):
        rectangle_signal(PLANE, (25, 0), (6, 6))
    with pytest.raises(DataError, match="not within"):
        rectangle_signal(PLANE, (0, 0), (0, 6))
    with pytest.raises(DataError, match="for 2 axes"):
        rectangle_signal(PLANE, (0,), (6, 6))
    with pytest.raises(DataError, match="for 2 axes"):
        gaussian_signal(PLANE, (0,), (6, 6))
    with pytest.raises(DataError, match="widths positive"):
        gaussian_signal(PLANE, (100, 50), (6, 0))
    with pytest.raises(DataError, match="none of it"):
        gaussian_signal(PLANE, (1e6, 50), (1, 1))
    with pytest.raises(DataError, match="at least 0"):
        flat_template(PLANE, -1)
    flat = flat_template(PLANE, 1)
    with pytest.raises(DataError, match="add up to 784"):
        Templates(flat, flat)
    with pytest.raises(DataError, match="has 2 axes, the other 1"):
        Templates(flat, rectangle_signal(PLANE[:1], (0,), (2,)))
