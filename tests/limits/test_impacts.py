"""Pulls and impacts against MINUIT on the same likelihood, written out."""

import numpy as np
import pytest
from iminuit import Minuit

from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import DataError
from eμsym.limits.impacts import impacts
from eμsym.limits.region import Region, log_normal
from eμsym.plots import draw_impacts


@pytest.fixture(scope="module")
def region():
    rng = np.random.default_rng(1)
    t, s = rng.uniform(40, 150, 6), rng.random(6)
    s /= s.sum()
    modes = rng.normal(0, 0.06, (2, 6))
    a, b = rng.poisson(t).astype(float), rng.poisson(t + 90 * s).astype(float)
    return Region(
        "",
        b,
        a,
        (Signal(0.1 * s, 0.9 * s),),
        YieldRatio(np.zeros(6), modes),
        ("efficiency", "fakes"),
        normalisations={"luminosity": (log_normal(0.2),)},
    )


def by_minuit(region, held=None, at=0.0):
    """The best μ, θ and their errors with every background free."""
    signal, modes, n = region.signals[0], region.ratio.modes, region.b.size

    def value(p):
        background, mu, theta = p[3 + 1 :], p[0], p[1:4]
        factor = mu * 1.2 ** theta[2]
        in_a = np.maximum(background + factor * signal.in_a, 1e-9)
        in_b = np.exp(theta[:2] @ modes) * background + factor * signal.in_b
        in_b = np.maximum(in_b, 1e-9)
        terms = in_a - region.a * np.log(in_a) + in_b - region.b * np.log(in_b)
        return 2 * terms.sum() + theta @ theta

    minuit = Minuit(value, np.concatenate([[60.0, 0, 0, 0], (region.a + region.b) / 2]))
    minuit.errordef, minuit.tol = 1.0, 1e-6
    minuit.errors[0] = 20
    if held is not None:
        minuit.values[held], minuit.fixed[held] = at, True
    minuit.migrad(ncall=20_000)
    minuit.migrad(ncall=20_000)
    if held is None:
        minuit.hesse()
    assert len(minuit.values) == n + 4
    return np.array(minuit.values)[:4], np.array(minuit.errors)[:4]


def test_pulls_and_impacts_are_those_of_minuit(region):
    found = impacts([region])
    best, errors = by_minuit(region)
    assert found.mu == pytest.approx(best[0], abs=1e-3 * errors[0])
    assert found.mu_error == pytest.approx(errors[0], rel=0.01)
    names = ("efficiency", "fakes", "luminosity")
    assert {x.name for x in found.nuisances} == set(names)
    for one in found.nuisances:
        k = 1 + names.index(one.name)
        assert one.pull == pytest.approx(best[k], abs=2e-3)
        # Its second derivatives are finite differences.
        assert one.error == pytest.approx(errors[k], rel=0.02)
        for sign, moved in ((1, one.up), (-1, one.down)):
            there, _ = by_minuit(region, held=k, at=best[k] + sign * errors[k])
            assert moved == pytest.approx(there[0] - best[0], abs=0.02 * errors[0])
    sizes = [x.size for x in found.nuisances]
    assert sizes == sorted(sizes, reverse=True)


def test_the_figure_has_a_row_a_nuisance(region):
    found = impacts([region])
    figure = draw_impacts(found)
    labels = [x.get_text() for x in figure.axes[0].get_yticklabels()]
    assert labels == [x.name for x in found.nuisances]


def test_a_signal_that_no_data_tell_of_has_no_impacts():
    signal = Signal(np.array([0.5]), np.array([0.5]))
    region = Region("", np.array([50.0]), np.array([50.0]), (signal,), YieldRatio.exact([1.0]))
    with pytest.raises(DataError, match="flat"):
        impacts([region])
