"""The DDP paper's classifier study, its figure and its command."""

from __future__ import annotations

import numpy as np
import pytest

from eμsym.binned.injection import injection_strength
from eμsym.binned.templates import Templates, flat_template, rectangle_signal
from eμsym.binned.templates_io import read_templates
from eμsym.errors import ConfigurationError, DataError, InputFileError
from eμsym.files import write_json
from eμsym.papers import ddp_fig6
from eμsym.papers.ddp_classifier import (
    IDEAL,
    ClassifierStudy,
    InjectedSignal,
    compute_classifier_study,
    read_classifier_study,
)
from eμsym.papers.figures.ddp_fig6 import draw_ddp_fig6
from eμsym.recipes import stored_templates
from tests.command_line import error_of, run


def drawn(figure):
    """Render a figure, so that what fails only then fails here."""
    figure.draw_without_rendering()
    return figure.axes


def classifier_study() -> ClassifierStudy:
    points = tuple(
        InjectedSignal(z, z / 1000, 0.55 + 0.01 * z + np.array([-0.01, 0, 0.01]))
        for z in (0.0, 2.0, 4.0, 6.0)
    )
    symmetric = 0.55 + 0.02 * np.array([-1.0, 0, 1.0])
    return ClassifierStudy(points, symmetric, 1e5, 20.0, {"epochs": 20})


def test_the_classifier_s_figure_and_claims(tmp_path, capsys, monkeypatch):
    study = classifier_study()
    score, one, two = ddp_fig6.classifier_claims(study)
    assert (score.value, score.error) == pytest.approx((0.55, 0.02))
    # the mean score grows by half of the band's σ for each σ of the ideal test
    assert (one.value, two.value) == pytest.approx((2, 4))
    assert two.holds
    (axes, *_) = drawn(draw_ddp_fig6(study))
    (curve,) = [line for line in axes.lines if len(line.get_xdata()) == 4]
    assert list(curve.get_ydata()) == pytest.approx([0.55, 0.57, 0.59, 0.61])
    assert list(curve.get_xdata()) == pytest.approx([0, 0.2, 0.4, 0.6])
    write_json(tmp_path / "study.json", study.to_dict())
    monkeypatch.setattr(ddp_fig6, "RESULTS", tmp_path / "study.json")
    assert run("reproduce", "ddp-fig6", "-o", tmp_path / "out") == 0
    assert max(map(len, capsys.readouterr().out.rpartition("Written")[0].splitlines())) <= 80
    again = read_classifier_study(tmp_path / "out" / "ddp-fig6.json")
    assert again.to_dict() == study.to_dict()
    for option in (("--seed", 3), ("--scale", 0.1), ("--templates", "x.json")):
        line = error_of(capsys, "reproduce", "ddp-fig6", "-o", tmp_path, *option)
        assert line.endswith(f"{option[0]} is of use only with --recompute")
    line = error_of(capsys, "reproduce", "ddp-fig6", "-o", tmp_path, "--recompute", "--scale", 0)
    assert "--scale 0: give a number above 0" in line


def test_the_classifier_finds_a_huge_signal_and_none_where_there_is_none():
    templates = read_templates(stored_templates("hlfv_taumu"))
    options = {"ideal": (0.0, 40.0), "scale": 0.01, "bootstraps": 2, "epochs": 6, "seed": 4}
    study = compute_classifier_study(templates, **options)
    none, huge = study.points
    assert none.fraction == 0
    assert np.min(huge.scores) > max(np.max(study.symmetric), np.max(none.scores)) + 0.1
    # the ideal Z of so much signal, by its equation
    t, s = templates.t * 0.01, templates.s
    events = (templates.t - 25).sum() * 0.01  # without the flat entries
    assert study.n_background == pytest.approx(events)
    mu = huge.fraction * events
    z2 = 2 * (np.sum((t + mu * s) * np.log1p(mu * s / t)) - mu)
    assert np.sqrt(z2) == pytest.approx(40, rel=1e-6)
    with pytest.raises(ConfigurationError, match="at least 2"):
        compute_classifier_study(templates, bootstraps=1)


def test_templates_that_cannot_be_used_are_refused():
    templates = read_templates(stored_templates("hlfv_taumu"))
    axes = tuple(templates.background.axes)
    signal = rectangle_signal(axes, [1, 1], [2, 2])
    empty = Templates(flat_template(axes, 25.0), signal, {"flat": 25.0})
    with pytest.raises(DataError, match="nothing to train on"):
        compute_classifier_study(empty)
    line = Templates(flat_template(axes[:1], 9.0), rectangle_signal(axes[:1], [1], [2]))
    with pytest.raises(DataError, match="1 dimensions"):
        compute_classifier_study(line)


def test_other_or_damaged_files_are_refused(tmp_path):
    write_json(tmp_path / "other.json", {"schema": "emusym/ddp"})
    with pytest.raises(ConfigurationError, match="expected 'emusym/ddp-classifier'"):
        read_classifier_study(tmp_path / "other.json")
    data = classifier_study().to_dict()
    data["symmetric"] = [0.5]
    write_json(tmp_path / "one.json", data)
    with pytest.raises(InputFileError, match="fewer than two"):
        read_classifier_study(tmp_path / "one.json")
    del data["points"]
    write_json(tmp_path / "none.json", data)
    with pytest.raises(InputFileError, match="damaged"):
        read_classifier_study(tmp_path / "none.json")


def test_the_classifier_s_study_is_stored_whole():
    study = read_classifier_study(ddp_fig6.RESULTS)
    assert [point.ideal_z for point in study.points] == list(IDEAL)
    assert {point.scores.size for point in study.points} == {10} == {study.symmetric.size}
    templates = read_templates(stored_templates("hlfv_taumu"))
    background = templates.t * study.luminosity_ifb / templates.provenance["luminosity_ifb"]
    assert study.n_background == pytest.approx(background.sum() - 784 * 25 / 2)
    for point in study.points[1:]:
        events = injection_strength(background, templates.s, point.ideal_z, background="known")
        assert point.fraction == pytest.approx(events / study.n_background, rel=1e-6)
    assert study.options == {
        "hidden": [50, 50, 50],
        "epochs": 20,
        "batch": 200,
        "learning_rate": 0.001,
        "bootstraps": 10,
    }
