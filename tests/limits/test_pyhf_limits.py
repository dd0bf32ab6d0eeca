"""Asymptotic limits against pyhf's, over random models with and without nuisances."""

import numpy as np
import pytest

from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.limits.region import Region, ShapeVariation
from eμsym.limits.upper_limit import region_limit

# pyhf 0.7 validates with a class that jsonschema has deprecated.
pytestmark = pytest.mark.filterwarnings(
    "ignore:jsonschema.RefResolver:DeprecationWarning", "ignore:divide by zero:RuntimeWarning"
)
pyhf = pytest.importorskip("pyhf")


@pytest.fixture(autouse=True)
def _backend():
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6))
    yield
    pyhf.set_backend("numpy", "scipy")


def random_model(seed, n_bins, *, uncertain):
    rng = np.random.default_rng(seed)
    t = rng.uniform(10, 200, n_bins)
    in_b, in_a = rng.random(n_bins) ** 3 + 0.01, 0.2 * rng.random(n_bins) + 0.01
    total = (in_a + in_b).sum()
    in_a, in_b = in_a / total, in_b / total
    kappa = rng.uniform(0.8, 1.3, n_bins)
    modes = rng.normal(0, 0.04, (2, n_bins)) if uncertain else np.zeros((0, n_bins))
    a, b = rng.poisson(t).astype(float), rng.poisson(kappa * t).astype(float)
    variances = ((0.15 * in_a) ** 2, (0.15 * in_b) ** 2) if uncertain else (None, None)
    return b, a, Signal(in_a, in_b, *variances), YieldRatio(np.log(kappa), modes)


def cls_of_pyhf(workspace, mu):
    """Observed CLs and its five expected ones at a strength, in the workspace's units."""
    opened = pyhf.Workspace(workspace)
    model = opened.model()
    data = opened.data(model)
    observed, band = pyhf.infer.hypotest(
        mu, data, model, test_stat="qtilde", return_expected_set=True
    )
    return float(observed), [float(x) for x in band]


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "seed, n_bins, uncertain",
    [
        (1, 3, False),
        (2, 14, False),
        (4, 3, True),
        pytest.param(3, 50, False, marks=SLOW),
        pytest.param(5, 6, True, marks=SLOW),
    ],
)
def test_cls_of_pyhf_at_our_limits_is_the_level(seed, n_bins, uncertain):
    """At each of the six limits pyhf's CLs is 5 %, to what moves a limit by under 1e-3."""
    b, a, signal, ratio = random_model(seed, n_bins, uncertain=uncertain)
    ours = region_limit([Region("", b, a, (signal,), ratio)])
    events = ours.median
    workspace = pyhf_workspace(
        b, a, signal, ratio=ratio, signal_events=events, mu_bounds=(0.0, 20.0)
    )
    # CLs falls by 2 % or more of itself where a limit rises by 1 %.
    observed, _ = cls_of_pyhf(workspace, ours.observed / events)
    assert observed == pytest.approx(0.05, abs=1e-4)
    for k, limit in enumerate(ours.expected):
        _, band = cls_of_pyhf(workspace, limit / events)
        assert band[k] == pytest.approx(0.05, abs=1e-4)


def test_an_effect_on_the_signal_s_shape_is_pyhf_s_histosys():
    b, a, signal, ratio = random_model(7, 3, uncertain=False)
    tilt, turn = np.array([0.7, 1.0, 1.5]), np.array([1.2, 1.1, 0.6])
    four = (tilt * signal.in_a, tilt * signal.in_b, turn * signal.in_a, turn * signal.in_b)
    shapes = {"tilt": (ShapeVariation(*four),)}
    ours = region_limit([Region("", b, a, (signal,), ratio, shapes=shapes)])
    events = ours.median
    workspace = pyhf_workspace(
        b,
        a,
        signal,
        ratio=ratio,
        signal_events=events,
        mu_bounds=(0.0, 20.0),
        shapes={"tilt": four},
    )
    for k, limit in ((None, ours.observed), *enumerate(ours.expected)):
        observed, band = cls_of_pyhf(workspace, limit / events)
        assert (observed if k is None else band[k]) == pytest.approx(0.05, abs=1e-4)
    exact = region_limit([Region("", b, a, (signal,), ratio)])
    assert ours.median > 1.01 * exact.median
