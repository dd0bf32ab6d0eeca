"""The paper's study: closed forms, its statements, and the stored results."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hist.axis import Regular
from scipy.optimize import brentq
from scipy.stats import kstest, norm

import eμsym.papers.ddp_study
from eμsym import nsigma
from eμsym.binned.templates import Templates, flat_template, gaussian_signal, rectangle_signal
from eμsym.errors import ConfigurationError, DataError, InputFileError
from eμsym.files import write_json
from eμsym.papers.catalogue import reproducible
from eμsym.papers.ddp import RESULTS, TEMPLATES
from eμsym.papers.ddp_distributions import ROC_RATES, compare_toys, z_distribution
from eμsym.papers.ddp_published import FIGURES, Comparison, compare
from eμsym.papers.ddp_results import (
    CASES,
    FLAT,
    HLFV,
    STORED,
    DdpResults,
    case_templates,
    compute,
    read_results,
)
from eμsym.papers.ddp_study import TESTS, DdpStudy, centred_windows, crossing, study

PLANE = (Regular(28, 30, 170, name="m_coll"), Regular(28, 10, 150, name="lead_pt"))
SMALL = (Regular(8, 0, 8, name="x"), Regular(8, 0, 8, name="y"))


def flat(entries, axes=PLANE, start=(11, 11), size=(6, 6)):
    return Templates(flat_template(axes, entries), rectangle_signal(axes, start, size))


@pytest.fixture(scope="module")
def stored():
    return read_results(RESULTS)


@pytest.fixture(scope="module")
def hlfv():
    return case_templates(HLFV, TEMPLATES)


def l1(mu, t, s):
    """Z of the Asimov data with known background, written out (Eq. 10)."""
    return math.sqrt(2 * np.sum((t + mu * s) * np.log1p(mu * s / t) - mu * s))


def l2(mu, t, s):
    """Z of the Asimov data with profiled background: q0 from the likelihood itself."""

    def log_poisson(n, mean):
        return n * np.log(mean) - mean

    b, half = t + mu * s, t + mu * s / 2
    best = log_poisson(b, b) + log_poisson(t, t)
    return math.sqrt(2 * np.sum(best - log_poisson(b, half) - log_poisson(t, half)))


@pytest.mark.parametrize("entries", [100, 1e4])
def test_flat_example_in_closed_form(entries):
    result = study(flat(entries), n_toys=0)
    # one number per bin: 36 bins of n entries get μ/36 more each
    mu = brentq(lambda m: l1(m / 36, entries, 1.0) - 5 / 6, 1, 1e5)
    assert result.mu == pytest.approx(mu, rel=1e-9)
    n, m = entries, mu / 36
    assert result.known == pytest.approx(5)
    assert result.profiled == pytest.approx(6 * l2(m, n, 1.0), rel=1e-9)
    assert result.best.shape == (6, 6)
    assert result.best.start == (11, 11)
    assert result.best.z == pytest.approx(6 * m / math.sqrt(2 * n + m))
    assert result.nsigma == pytest.approx(36 * m / math.sqrt(2 * n + m) / 28)
    # the paper: in this window Nσ matches L2 exactly, which is 1/√2 of L1
    assert result.best.z == pytest.approx(result.profiled, rel=0.02)
    assert result.profiled == pytest.approx(5 / math.sqrt(2), rel=0.02)
    assert result.signal_fraction == pytest.approx(mu / (784 * n))
    assert result.window_fraction == pytest.approx(m / n)
    for window in result.windows:
        k = window.shape[0]
        shared = min(k, 6) ** 2
        assert window.z == pytest.approx(shared * m / math.sqrt(2 * n + m) / k)


def test_asimov_numbers_of_the_stored_templates_by_hand(hlfv, stored):
    t, s, case = hlfv.t, hlfv.s, stored.cases[HLFV]
    mu = brentq(lambda m: l1(m, t, s) - 5, 1, 1e5)
    assert case.mu == pytest.approx(mu, rel=1e-8)
    assert case.profiled == pytest.approx(l2(mu, t, s), rel=1e-8)
    pull = mu * s / np.sqrt(2 * t + mu * s)
    assert case.nsigma == pytest.approx(pull.sum() / 28)
    for window in case.windows:
        assert window.z == pytest.approx(pull[window.slices].sum() / window.shape[0])
    assert case.window_fraction == pytest.approx(
        mu * s[case.best.slices].sum() / t[case.best.slices].sum()
    )
    strength = brentq(
        lambda m: (m * s / np.sqrt(2 * t + m * s))[case.best.slices].sum() / 6 - 2, 1, 1e5
    )
    assert case.nsigma_two_sigma == pytest.approx(l1(strength, t, s), abs=1e-3)
    assert case.profiled_there == pytest.approx(l2(strength, t, s), abs=1e-3)
    assert np.allclose(case.curve.known, case.curve.z_injected)


def test_published_numbers(stored):
    """Section 4 of arXiv:2203.07529; the template is ours, hence the room."""
    case, ideal = stored.cases[HLFV], stored.cases[FLAT]
    assert case.known == pytest.approx(5.0)
    assert case.profiled == pytest.approx(3.53, rel=0.01)
    assert case.best.shape == (6, 6)
    assert case.best.z == pytest.approx(2.74, rel=0.05)
    assert case.nsigma == pytest.approx(1.48, rel=0.2)
    assert case.toys["known"].auc == pytest.approx(1.0, abs=0.001)
    assert case.toys["profiled"].auc == pytest.approx(0.994, abs=0.002)
    assert case.toys["nsigma_window"].auc == pytest.approx(0.973, abs=0.005)
    assert case.nsigma_two_sigma == pytest.approx(3.5, rel=0.1)
    assert case.profiled_there == pytest.approx(2.5, rel=0.1)
    assert ideal.best.z == pytest.approx(ideal.profiled, rel=0.02)


def test_stored_toys_are_as_the_paper_states(stored):
    assert set(stored.cases) == set(CASES)
    for name, case in stored.cases.items():
        assert case.n_toys == 20_000
        for test, toys in case.toys.items():
            assert toys.signal.variance == pytest.approx(1, abs=0.05), (name, test)
            assert toys.null.variance == pytest.approx(1, abs=0.05), (name, test)
            assert toys.null.ks < 0.02, (name, test)
            assert toys.signal.expected == case.asimov[test]
            # moments from the stored histogram, with Sheppard's correction
            centres = -5.95 + 0.1 * np.arange(180)
            for found in (toys.null, toys.signal):
                mean = np.average(centres, weights=found.counts)
                variance = np.average((centres - mean) ** 2, weights=found.counts) - 0.01 / 12
                assert found.counts.sum() == pytest.approx(20_000, abs=2)
                # of flat T and S, Z of L1 is a function of one whole number: steps of 0.017
                assert mean == pytest.approx(found.mean, abs=0.01)
                assert variance == pytest.approx(found.variance, abs=0.02)
            separation = toys.signal.mean - toys.null.mean
            width = math.hypot(toys.null.standard_deviation, toys.signal.standard_deviation)
            assert toys.auc == pytest.approx(norm.cdf(separation / width), abs=0.003)
    assert (
        kstest(
            [t.null.ks_pvalue for n in (HLFV, FLAT) for t in stored.cases[n].toys.values()],
            "uniform",
        ).pvalue
        > 1e-3
    )


def test_stored_results_are_what_is_computed(stored):
    again = compute([HLFV, FLAT], TEMPLATES, n_toys=1500, seed=3)
    for name, case in again.cases.items():
        old = stored.cases[name]
        assert case.asimov == pytest.approx(old.asimov, rel=1e-9)
        assert case.mu == pytest.approx(old.mu, rel=1e-9)
        np.testing.assert_allclose(case.curve.nsigma, old.curve.nsigma, rtol=1e-9)
        for test in TESTS:
            new, kept = case.toys[test], old.toys[test]
            for a, b in ((new.null, kept.null), (new.signal, kept.signal)):
                sigma = math.sqrt(1 / 1500 + 1 / 20_000)
                assert abs(a.mean - b.mean) < 4.5 * sigma
                assert abs(a.standard_deviation - b.standard_deviation) < 4.5 * sigma / math.sqrt(2)
            assert abs(new.auc - kept.auc) < 4.5 * math.hypot(new.auc_error, kept.auc_error)


def test_toys_against_single_tests():
    """Every toy's Z from the functions that users call, one toy at a time."""
    from eμsym.binned.q0 import q0
    from eμsym.binned.toys import draw_toys

    templates = flat(30, SMALL, (3, 3), (2, 2))
    t, s = templates.t, templates.s
    windows = centred_windows(t, s, 20)
    window = windows[2]
    null, signal = eμsym.papers.ddp_study.toy_significances(
        t, s, 20, 7, window=window, rng=np.random.default_rng(5)
    )
    toys = draw_toys(t, s, 20, 7, rng=5)
    for i in range(7):
        for b, found in ((toys.b[i], null), (toys.b_signal[i], signal)):
            a = toys.a[i]
            expected = (
                q0(b, t, s, background="known").z,
                q0(b, a, s, background="profiled").z,
                nsigma(b, a).z,
                nsigma(b[window.slices], a[window.slices]).z,
            )
            assert [found[test][i] for test in TESTS] == pytest.approx(expected, abs=1e-9)


def test_same_seed_same_bits():
    one, two = (study(flat(30, SMALL, (3, 3), (2, 2)), n_toys=50, seed=7) for _ in range(2))
    assert one.to_dict() == two.to_dict()


def test_same_seed_same_toys_whatever_the_chunks(monkeypatch):
    templates = flat(30, SMALL, (3, 3), (2, 2))
    done = []
    whole = study(templates, n_toys=50, seed=7, progress=done.append)
    monkeypatch.setattr(eμsym.papers.ddp_study, "CHUNK_TOYS", 7)
    parts = study(templates, n_toys=50, seed=7, progress=done.append)
    for test in TESTS:
        for a, b in zip(
            vars(whole.toys[test].signal).values(),
            vars(parts.toys[test].signal).values(),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    assert sum(done) == 100
    assert study(templates, n_toys=50, seed=8).to_dict() != whole.to_dict()


def test_empty_bins_count_for_nothing():
    t = np.zeros((8, 8))
    t[2:6, 2:6] = 40
    templates = flat(1, SMALL, (3, 3), (2, 2))
    templates.background.view()[...] = t
    result = study(templates, n_toys=20)
    m = result.mu / 4
    assert result.nsigma == pytest.approx(4 * m / math.sqrt(80 + m) / 4)
    assert np.isfinite(result.toys["nsigma"].signal.mean)


def test_windows_are_centred_and_stay_in_the_plane():
    t = np.full((28, 28), 100.0)
    s = gaussian_signal(PLANE, (123.0, 20.0), (8, 4)).values()  # 18.6 and 2 in bins
    windows = centred_windows(t, s, 100, axes=PLANE)
    assert [window.shape for window in windows] == [(k, k) for k in range(1, 29)]
    assert windows[0].start == (18, 2)
    assert windows[0].edges == ((120.0, 125.0), (20.0, 25.0))
    assert windows[2].start == (17, 1)
    assert windows[5].start == (16, 0)  # shifted back
    assert windows[27].start == (0, 0)
    for window in windows:
        assert all(0 <= i < j <= 28 for i, j in zip(window.start, window.stop, strict=True))
    with pytest.raises(DataError, match="squares of a plane"):
        centred_windows(t[0], s[0], 100)


def test_a_study_comes_back_from_json(tmp_path, stored):
    result = study(flat(30, SMALL, (3, 3), (2, 2)), n_toys=10)
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert DdpStudy.from_dict(json.loads(text)).to_dict() == result.to_dict()
    write_json(tmp_path / "r.json", stored.to_dict())
    assert read_results(tmp_path / "r.json").to_dict() == stored.to_dict()


def test_a_level_that_is_never_reached_is_nan():
    x = np.linspace(0, 1, 5)
    assert math.isnan(crossing(x, x, 2.0))
    assert crossing(x, x**2, 0.0) == 0.0
    assert study(flat(100, SMALL, (3, 3), (2, 2)), n_toys=0, z_injected=0.0).nsigma == 0


def test_distribution_is_scipys():
    z = np.random.default_rng(1).normal(0.3, 1.2, 500)
    found = z_distribution(z, expected=0.3)
    assert found.mean == pytest.approx(z.mean())
    assert found.variance == pytest.approx(z.var(ddof=1))
    assert found.ks_pvalue == pytest.approx(kstest(z - 0.3, "norm").pvalue)
    both = compare_toys(z, z + 1, expected=1)
    at = np.searchsorted(np.sort(z + 1), np.quantile(z, 0.9)) / 500
    assert np.interp(0.1, both.false_positive, both.true_positive) == pytest.approx(
        1 - at, abs=0.01
    )
    assert both.false_positive is ROC_RATES
    with pytest.raises(DataError, match="two toys"):
        z_distribution([1.0], expected=0)
    with pytest.raises(DataError, match="finite"):
        z_distribution([1.0, np.inf], expected=0)


@pytest.mark.parametrize("name", CASES)
def test_examples_are_as_described(name, hlfv):
    templates = case_templates(name, TEMPLATES)
    assert templates.background.axes.size == (28, 28)
    assert templates.s.sum() == pytest.approx(1)
    if name in STORED:
        assert templates.t.min() >= 25
        lower = 10.0 if name.endswith("pt10") else 15.0
        assert templates.provenance["cuts"]["pt_min"] == lower
        assert templates.provenance["luminosity_ifb"] == 40
        assert templates.provenance["signal"]["order"] == ("emu" if "taue" in name else "mue")
        assert templates.provenance["signal"]["effective_events"] > 2000
        assert templates.provenance["background"]["effective_events"] > 8_000
    else:
        assert len(set(templates.t.ravel())) == 1
        assert templates.background.axes[0].label == hlfv.background.axes[0].label


def test_comparison_says_what_differs():
    assert Comparison("x", 2.0, 2.19).differs is False
    assert Comparison("x", 2.0, 1.79).differs
    assert Comparison("x", 2.0, math.nan).differs
    assert Comparison("x", 2.0, math.nan).to_dict()["ours"] is None
    assert Comparison("x", 2.0, 1.0).difference == -0.5


def test_every_number_that_differs_is_explained(stored):
    rows = compare(stored, "ddp-numbers")
    assert sum(len(compare(stored, figure)) for figure in FIGURES[:-1]) == len(rows)
    for row in rows:
        assert bool(row.note) == row.differs
    for figure in FIGURES:
        names = reproducible(figure).needs
        part = DdpResults({name: stored.cases[name] for name in names})
        assert compare(part, figure)


def test_other_results_are_not_explained_by_our_files(stored):
    mine = DdpResults({**stored.cases, HLFV: stored.cases["gaussian_100"]}, own_templates=True)
    assert {row.note for row in compare(mine, "ddp-numbers") if row.differs} == {
        "These are your templates, not the paper's."
    }
    few = compute([HLFV], TEMPLATES, n_toys=4, seed=2)
    rows = [row for row in compare(few, "ddp-fig2") if row.differs and "variance" in row.quantity]
    assert rows
    assert {row.note for row in rows} <= {"Within the statistical error of so few toys.", ""}


def test_bad_requests(stored, tmp_path, hlfv):
    with pytest.raises(ConfigurationError, match="there are ddp-fig1"):
        compare(stored, "ddp-fig6")
    with pytest.raises(ConfigurationError, match="compute them anew"):
        compare(DdpResults({}), "ddp-fig3")
    with pytest.raises(ConfigurationError, match="no example 'x'"):
        case_templates("x", TEMPLATES)
    with pytest.raises(InputFileError, match="cannot be read"):
        case_templates(HLFV, tmp_path)
    with pytest.raises(ConfigurationError, match="draw at least 2"):
        study(hlfv, n_toys=1)
    with pytest.raises(DataError, match="at least 0"):
        study(hlfv, z_injected=-1)
    line = Templates(flat_template(PLANE[:1], 100), rectangle_signal(PLANE[:1], (3,), (2,)))
    with pytest.raises(DataError, match="squares of a plane"):
        study(line)
    write_json(tmp_path / "r.json", {"schema": "emusym/ddp", "cases": {"x": {}}})
    with pytest.raises(InputFileError, match="missing or damaged"):
        read_results(tmp_path / "r.json")
