"""The workspace as pyhf and cabinetry see it."""

import json

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular
from hist.storage import Weight
from scipy.optimize import brentq

from eμsym import Pair
from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0 import fit_q0, q0
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_minuit import profile_fit
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.binned.yield_ratio import YieldRatio
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
    x, y = np.indices((5, 5))
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
    s_a, s_b, kappa = np.array([0.05, 0.1]), np.array([0.82, 0.03]), np.array([2.0, 0.5])
    ours = q0(b, a, (s_a, s_b), background="profiled", ratio=kappa)
    contrast = s_b / kappa - s_a
    turned = (np.maximum(contrast, 0), kappa * np.maximum(-contrast, 0))
    value, mu, _ = fitted(pyhf_workspace(b, a, turned, ratio=kappa, signal_events=50), 50)
    assert value == pytest.approx(-ours.q0, rel=1e-6)
    assert mu / np.sum(turned) == pytest.approx(-ours.mu, rel=1e-4)


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


def fitted(workspace, events):
    """q0, μ̂ and the interval where −2 ln λ rises by one, from pyhf's fits alone."""
    opened = pyhf.Workspace(workspace)
    model = opened.model()
    data, poi = opened.data(model), model.config.poi_index
    best, lowest, error = None, np.nan, np.nan
    for _ in range(2):
        found, lowest = pyhf.infer.mle.fit(
            data, model, init_pars=best, return_fitted_val=True, return_uncertainties=True
        )
        best, error = found[:, 0].tolist(), found[poi, 1]

    def rise(mu, start=best):
        found = pyhf.infer.mle.fixed_poi_fit(
            mu, data, model, init_pars=start, return_fitted_val=True
        )
        return float(found[1] - lowest)

    mu = best[poi]
    ends = [
        brentq(lambda x: rise(x) - 1, *sides, xtol=2e-4 * error)
        for sides in ((mu - 1.6 * error, mu), (mu, mu + 1.6 * error))
    ]
    value = np.copysign(rise(0.0, None), mu)
    return value, events * mu, (events * ends[0], events * ends[1])


def assert_the_same(workspace, ours, events):
    value, mu, interval = fitted(workspace, events)
    assert value == pytest.approx(ours.q0, rel=1e-3)
    assert mu == pytest.approx(ours.mu, rel=1e-3)
    assert interval == pytest.approx(ours.interval, abs=1e-3 * ours.mu_error)


def drawn(seed, *, n_directions=0, in_both=True, statistics=0.0, n=4):
    """B, A, signal and ratio with 3σ of a signal, a tenth of which is outside the bins."""
    rng = np.random.default_rng(seed)
    kappa, level = np.exp(rng.normal(0.1, 0.2, n)), rng.uniform(40, 400, n)
    # One direction that all bins share and others of some bins: a calibration's have such shapes.
    modes = 0.1 * rng.normal(1, 0.5, (n_directions, n))
    modes[1:] *= rng.random((max(n_directions - 1, 0), n)) < 0.6
    shapes = np.stack([0.3 * rng.random(n) * in_both, rng.random(n)])
    in_a, in_b = 0.9 * shapes / shapes.sum()
    variances = [(statistics * x) ** 2 if statistics else None for x in (in_a, in_b)]
    mu = 3 * np.sqrt(level.sum())
    a, b = rng.poisson(level + mu * in_a), rng.poisson(kappa * level + mu * in_b)
    signal = Signal(in_a, in_b, *variances)
    return b.astype(float), a.astype(float), signal, YieldRatio(np.log(kappa), modes)


@pytest.mark.parametrize(
    "case",
    [
        {"in_both": False},
        {"in_both": True},
        {"n_directions": 2, "in_both": False},
        {"n_directions": 2},
        {"statistics": 0.3},
        {"n_directions": 2, "statistics": 0.3},
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_pyhf_finds_the_same_of_all_that_q0_fits(seed, case):
    b, a, signal, ratio = drawn(seed, **case)
    ours = fit_q0(b, a, signal, ratio, interval=True)
    assert_the_same(pyhf_workspace(b, a, signal, ratio=ratio, signal_events=100), ours, 100)


def test_what_is_expected_of_every_bin():
    """The formula, at parameters far from one another: within the interpolation and beyond it."""
    b, a, signal, ratio = drawn(3, n_directions=3, statistics=0.2)
    workspace = pyhf_workspace(b, a, signal, ratio=ratio, signal_events=50)
    pyhf.schema.validate(workspace, "workspace.json")
    model = pyhf.Workspace(workspace).model()
    rng = np.random.default_rng(5)
    template = (a + b) / (1 + ratio.ratio)
    for scale in (0.5, 3.0):
        nu, factor = scale * rng.normal(size=3), rng.uniform(0.5, 2, 4)
        by_a, by_b = rng.normal(1, 0.2, (2, 4))
        values = {"mu": 1.7, "background": factor, "staterror_emu": by_a, "staterror_mue": by_b}
        values |= {f"nu_{k}": nu[k] for k in range(3)}
        parameters = np.empty(model.config.npars)
        for name, value in values.items():
            parameters[model.config.par_slice(name)] = value
        assert set(values) == set(model.config.par_order)
        in_a = factor * template + 1.7 * 50 * by_a * signal.in_a
        turned = ratio.ratio * np.exp(nu @ ratio.modes)
        in_b = turned * factor * template + 1.7 * 50 * by_b * signal.in_b
        found = model.expected_data(parameters.tolist(), include_auxdata=False)
        assert found == pytest.approx(np.concatenate([in_a, in_b]), rel=1e-8)
        # A step of each nuisance by its standard deviation costs one half in ln L.
        pulls = [nu, *((x - 1) / 0.2 for x in (by_a, by_b))]
        there, none = (
            model.constraint_logpdf(*map(pyhf.tensorlib.astensor, (model.config.auxdata, x)))
            for x in (parameters, model.config.suggested_init())
        )
        assert none - there == pytest.approx(sum(np.sum(x**2) for x in pulls) / 2)


def test_the_whole_likelihood_of_a_pair():
    """Merged bins, and a signal of weighted events in both samples that is partly outside."""
    rng = np.random.default_rng(8)
    axis = Regular(12, 0, 6, name="x")
    b, a = rng.exponential(2, 700), rng.exponential(2, 600)
    b = np.concatenate([b, rng.normal(3, 0.4, 80)])
    shapes = [Hist(axis, storage=Weight()) for _ in range(2)]
    for shape, n in zip(shapes, (60, 300), strict=True):
        shape.fill(rng.normal(3, 0.4, n), weight=rng.uniform(0.5, 1.5, n))
    shapes[1].fill([9.0] * 40)
    test = Q0Test(tuple(shapes), (axis,), min_count=80)
    pair = Pair.from_columns({"x": a}, {"x": b})
    counts = test.counts(pair)
    assert 1 < len(counts.bins) < 12
    workspace = pyhf_workspace(
        counts.b, counts.a, counts.signal, ratio=counts.ratio, signal_events=50
    )
    assert [x["data"] for x in workspace["observations"]] == [list(counts.a), list(counts.b)]
    assert_the_same(workspace, test(pair), 50)


def test_a_strength_beyond_all_events_of_a_signal_that_is_half_outside():
    signal = Signal(np.zeros(1), np.array([0.5]))
    workspace = pyhf_workspace([100], [20], signal, signal_events=10)
    # B = 20 + μ/2.
    model = pyhf.Workspace(workspace).model()
    assert model.config.suggested_bounds()[model.config.poi_index] == [-12.0, 20.0]
    best = pyhf.infer.mle.fit([20.0, 100.0], model)
    assert 10 * best[model.config.poi_index] == pytest.approx(160, rel=1e-4)


def test_layout_of_an_uncertain_ratio():
    ratio = YieldRatio(np.log([1.0, 3.0]), [[0.1, 0.0], [0.0, 0.2]])
    signal = Signal(np.array([0.5, 0.0]), np.array([0.25, 0.0]), np.array([0.01, 0.0]))
    workspace = pyhf_workspace([30, 60], [10, 20], signal, ratio=ratio, signal_events=20)
    of_a, of_b = (channel["samples"] for channel in workspace["channels"])
    assert [x["name"] for x in of_a] == ["symmetric", "signal"]
    assert [x["name"] for x in of_b] == ["symmetric_0", "symmetric_1", "signal"]
    assert of_a[0]["data"] == pytest.approx([20, 20])
    assert [x["data"] for x in of_b[:2]] == [pytest.approx([20, 0]), pytest.approx([0, 60])]
    assert [x["name"] for x in of_b[1]["modifiers"]] == ["background", "nu_1"]
    assert of_b[1]["modifiers"][1]["data"] == pytest.approx({"hi": np.exp(0.2), "lo": np.exp(-0.2)})
    assert (of_a[1]["data"], of_b[2]["data"]) == ([10.0, 0.0], [5.0, 0.0])
    assert of_a[1]["modifiers"][1] == {
        "name": "staterror_emu",
        "type": "staterror",
        "data": [2.0, 0.0],
    }
    assert [x["name"] for x in of_b[2]["modifiers"]] == ["mu"]  # exact in B
    assert workspace["measurements"][0]["name"] == "symmetry, mu = 1 is 20 events of signal"


def test_a_signal_like_the_backgrounds_has_a_workspace_too():
    workspace = pyhf_workspace([30, 50], [20, 25], ([1, 1], [1, 2]), ratio=[1, 2])
    samples = [channel["samples"][1]["data"] for channel in workspace["channels"]]
    assert np.sum(samples) == pytest.approx(10)  # the power of ten nearest to the root of 125


def test_what_a_staterror_cannot_say():
    signal = Signal(np.array([0.0, 0.1]), np.array([0.5, 0.4]), np.array([0.1, 0.0]))
    with pytest.raises(DataError, match="a bin of emu is zero and has a variance; merge it"):
        pyhf_workspace([5, 9], [5, 4], signal)
    with pytest.raises(DataError, match="the ratio has shape"):
        pyhf_workspace([5, 9], [5, 4], [1, 1], ratio=[1.0])
