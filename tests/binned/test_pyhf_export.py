"""The workspace as pyhf and cabinetry see it."""

import json

import numpy as np
import pytest

from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0 import q0
from eμsym.binned.q0_minuit import profile_fit
from eμsym.errors import DataError

# pyhf 0.7 validates with a class that jsonschema has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
pyhf = pytest.importorskip("pyhf")


@pytest.fixture(autouse=True)
def _backend():
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-8))
    yield
    pyhf.set_backend("numpy", "scipy")


def pyhf_q0(b, a, s, **options):
    """q0, μ̂ and its error from pyhf alone."""
    workspace = pyhf.Workspace(pyhf_workspace(b, a, s, **options))
    model = workspace.model()
    data = workspace.data(model)
    best = None
    for _ in range(2):  # again from the first optimum, for its last digits
        best, smallest = pyhf.infer.mle.fit(
            data, model, init_pars=best, return_fitted_val=True, return_uncertainties=True
        )
        best, errors = best.T
        best = best.tolist()
    _, at_zero = pyhf.infer.mle.fixed_poi_fit(0.0, data, model, return_fitted_val=True)
    poi = model.config.poi_index
    unit = sum(workspace["channels"][1]["samples"][1]["data"])
    return float(np.copysign(at_zero - smallest, best[poi])), unit * best[poi], unit * errors[poi]


@pytest.mark.parametrize("seed", range(6))
def test_pyhf_finds_the_same(seed):
    rng = np.random.default_rng(seed)
    shape = [(1, 1), (3, 3), (2, 5), (4, 4), (3, 4), (6,)][seed]
    t = rng.uniform(5, 200, shape)
    s = rng.random(shape)
    a = rng.poisson(t)
    b = rng.poisson(t + rng.uniform(-0.5, 3) * np.sqrt(t.sum()) * s / s.sum() * (seed != 4))
    ours = q0(b, a, s, background="profiled")
    value, mu, error = pyhf_q0(b, a, s)
    assert value == pytest.approx(ours.q0, abs=1e-6)
    # Its gradients are finite differences, which blur its μ̂ (see the next test).
    assert abs(mu - ours.mu) <= 1e-5 * ours.mu_error
    assert error == pytest.approx(ours.mu_error, rel=1e-2)


@pytest.mark.parametrize("seed", range(4))
def test_our_optimum_is_that_of_its_likelihood(seed):
    rng = np.random.default_rng(seed)
    t, s = rng.uniform(5, 200, (3, 4)), rng.random((3, 4))
    a, b = rng.poisson(t), rng.poisson(t + 50 * s / s.sum())
    workspace = pyhf.Workspace(pyhf_workspace(b, a, s, signal_events=1))
    model = workspace.model()
    data = workspace.data(model)
    ours = profile_fit(b, a, s, background="profiled", profile="bins")
    poi = model.config.poi_index
    # pyhf's parameters: mu, and factors on (A + B)/2.
    unit = np.concatenate([[1.0], 2 / (a + b).ravel()])
    point, covariance = ours.values * unit, ours.covariance * np.outer(unit, unit)
    errors = np.sqrt(np.diag(covariance))

    def value(parameters):
        ordered = np.empty(model.config.npars)
        ordered[poi] = parameters[0]
        ordered[model.config.par_slice("background")] = parameters[1:]
        return -2 * float(model.logpdf(ordered.tolist(), data)[0])

    steps = np.diag(1e-3 * errors)
    slope = [(value(point + h) - value(point - h)) / (2 * h.max()) for h in steps]
    # How far Newton's method would still go to the maximum of its likelihood.
    distance = covariance @ np.array(slope) / 2
    assert np.all(np.abs(distance) <= 1e-6 * errors)
    fast = q0(b, a, s, background="profiled")
    assert abs(fast.mu - ours.mu) <= 1e-6 * ours.mu_error
    null = np.concatenate([[0.0], np.ones(s.size)])
    assert value(null) - value(point) == pytest.approx(abs(fast.q0), abs=1e-8)


def test_bins_that_are_empty():
    b, a, s = [[5, 0, 30], [8, 0, 9]], [[2, 0, 30], [9, 0, 4]], [[1, 0, 2], [1, 0, 3]]
    workspace = pyhf_workspace(b, a, s)
    assert len(workspace["observations"][0]["data"]) == 4  # those empty everywhere are out
    ours = q0(b, a, s, background="profiled")
    value, mu, _ = pyhf_q0(b, a, s)
    assert value == pytest.approx(ours.q0, abs=1e-6)
    assert mu == pytest.approx(ours.mu, abs=1e-4)
    # A bin with signal that is empty in both samples: its background goes to its
    # bound, where MINUIT keeps fewer digits.
    b, a, s = [20, 0, 40], [9, 0, 31], [3, 0.5, 2]
    ours = q0(b, a, s, background="profiled")
    value, mu, _ = pyhf_q0(b, a, s)
    assert value == pytest.approx(ours.q0, abs=1e-3)
    assert mu == pytest.approx(ours.mu, abs=0.05)


def test_scipy_can_fit_it_too():
    x, y = np.indices((7, 7))
    t, s = 25 + 3000 * np.exp(-((x - 2) ** 2 + y**2) / 8), np.exp(-((x - 4) ** 2) - (y - 3) ** 2)
    rng = np.random.default_rng(1)
    a, b = rng.poisson(t), rng.poisson(t + 150 * s / s.sum())
    pyhf.set_backend("numpy", "scipy")
    workspace = pyhf.Workspace(pyhf_workspace(b, a, s))
    assert sum(workspace["channels"][1]["samples"][1]["data"]) == pytest.approx(100)
    model = workspace.model()
    best = pyhf.infer.mle.fit(workspace.data(model), model)
    ours = q0(b, a, s, background="profiled")
    found = 100 * best[model.config.poi_index]
    assert found == pytest.approx(ours.mu, abs=0.01 * ours.mu_error)


def test_cabinetry_opens_and_fits_it(tmp_path):
    cabinetry = pytest.importorskip("cabinetry")
    b, a, s = [[5, 1, 30], [8, 2, 9]], [[2, 1, 30], [9, 3, 4]], [[1, 0, 2], [1, 0, 3]]
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(pyhf_workspace(b, a, s, signal_events=1)))
    workspace = cabinetry.workspace.load(path)
    model, data = cabinetry.model_utils.model_and_data(workspace)
    fit = cabinetry.fit.fit(model, data)
    ours = q0(b, a, s, background="profiled")
    poi = model.config.poi_index
    assert fit.bestfit[poi] == pytest.approx(ours.mu, abs=0.01 * ours.mu_error)
    assert fit.uncertainty[poi] == pytest.approx(ours.mu_error, rel=0.02)


def test_layout():
    workspace = pyhf_workspace(
        [3, 5], [1, 5], [2, 2], signal_events=1, channels=("control", "search")
    )
    pyhf.schema.validate(workspace, "workspace.json")
    control, search = workspace["channels"]
    assert (control["name"], search["name"]) == ("control", "search")
    assert [x["name"] for x in search["samples"]] == ["symmetric", "signal"]
    assert control["samples"][0]["data"] == [2.0, 5.0]
    assert search["samples"][1]["data"] == [0.5, 0.5]
    model = pyhf.Workspace(workspace).model()
    assert sorted(model.config.par_order) == ["background", "mu"]
    assert model.config.npars == 3
    assert model.config.suggested_bounds()[model.config.poi_index] == [-4.0, 8.0]


def test_a_strong_deficit_is_an_excess_in_the_other_sample():
    b, a, s = [10, 50], [100, 50], [1, 0.2]
    ours = q0(b, a, s, background="profiled")
    value, mu, _ = pyhf_q0(a, b, s)
    assert value == pytest.approx(-ours.q0, abs=1e-6)
    assert mu == pytest.approx(-ours.mu, abs=1e-4)


def test_bounds_can_be_given():
    workspace = pyhf_workspace([10, 50], [100, 50], [1, 0.2], mu_bounds=(0, 30))
    assert workspace["measurements"][0]["config"]["parameters"][0]["bounds"] == [[0, 30]]


def test_bad_input():
    with pytest.raises(DataError, match="every bin is zero"):
        pyhf_workspace([1], [1], [0])
    with pytest.raises(DataError, match="signal_events"):
        pyhf_workspace([1], [1], [1], signal_events=0)
    with pytest.raises(DataError, match="mu_bounds"):
        pyhf_workspace([1], [1], [1], mu_bounds=(1, 5))
