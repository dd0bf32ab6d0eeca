"""Newton's method with damped steps: closed minima, and searches that do not arrive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from eμsym.arrays import FloatArray
from eμsym.calibration.bradley_terry import Cells, newton_fit
from eμsym.calibration.design import Design
from eμsym.calibration.ratio_terms import RatioTerms
from eμsym.errors import DataError
from eμsym.newton import NewtonStep, NotConvergedError, newton
from eμsym.pool import Pool
from eμsym.unbinned.distinct import Distinct
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.spline_fit import SplineProblem, minimise
from eμsym.unbinned.spline_knots import make_knots
from tests.sending import received


@dataclass(frozen=True, eq=False)
class Softplus:
    """Σ ln(1 + e^x) − p x + height, smallest at x = logit p; undamped steps run away from far."""

    theta: FloatArray
    share: FloatArray
    height: float = 0.0

    @property
    def value(self) -> float:
        terms = np.logaddexp(0, self.theta) - self.share * self.theta
        return float(terms.sum() + self.height)

    def newton_step(self) -> NewtonStep:
        p = 1 / (1 + np.exp(-self.theta))
        gradient = p - self.share
        step = -gradient / (p * (1 - p))
        return NewtonStep(step, -float(step @ gradient))


def found(share: FloatArray, start: FloatArray, height: float = 0.0, **options: float) -> Softplus:
    keywords = {"tolerance": 1e-20, "max_steps": 100} | options
    return newton(
        lambda theta: Softplus(theta, share, height),
        Softplus(start, share, height),
        what="the fit",
        remedy="take more",
        **keywords,  # type: ignore[arg-type]
    )


SHARE = np.array([0.2, 0.5, 0.9])


@pytest.mark.parametrize("far", [0.0, 1.0, 6.0])
@pytest.mark.parametrize("decrease", [0.0, 0.1])
def test_the_minimum_is_found_from_afar(far: float, decrease: float) -> None:
    best = found(SHARE, np.full(3, far), decrease=decrease)
    assert best.theta == pytest.approx(np.log(SHARE / (1 - SHARE)), abs=1e-9)


def test_too_few_steps_are_an_error_of_one_line() -> None:
    with pytest.raises(NotConvergedError, match=r"in 2 steps of Newton's method.*; take more") as e:
        found(SHARE, np.full(3, 6.0), max_steps=2)
    assert "\n" not in str(e.value)
    assert e.value.point.value < Softplus(np.full(3, 6.0), SHARE).value
    # Worker processes send it home without its point.
    assert str(received(e.value)) == str(e.value)


def test_values_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(DataError, match="no minimum"):
        found(SHARE, np.zeros(3), np.nan)


def test_what_is_lost_in_rounding_has_arrived() -> None:
    """At a height of 1e15 no step lowers the value: a search must know how well it is known."""
    with pytest.raises(NotConvergedError):
        found(SHARE, np.zeros(3), 1e15, decrease=0.1, tolerance=0.0)
    best = found(SHARE, np.zeros(3), 1e15, decrease=0.1, tolerance=0.0, rounding=1.0)
    assert best.value == pytest.approx(1e15, abs=2)


def test_it_ends_relative_to_the_value() -> None:
    start = np.full(3, 1.0)
    rough = found(SHARE, start, 1e6, relative=1e-3)
    assert np.array_equal(rough.theta, start)


def free_terms(bins: int) -> RatioTerms:
    """One term without a prior for each bin but the first."""
    return RatioTerms(np.eye(bins)[:, 1:], np.full(bins - 1, np.inf))


def test_a_fit_of_ln_r_that_does_not_arrive_says_so() -> None:
    rng = np.random.default_rng(1)
    lead, sub = rng.integers(0, 4, (2, 2000))
    label = rng.random(2000) < 1 / (1 + np.exp(0.5 * lead - 0.5 * sub))
    cells = Cells.count(Design.of_orders(lead, sub), Pool({}, label), free_terms(4))
    with pytest.raises(DataError, match=r"fit of ln r: no minimum .* in 1 steps .*wider bins"):
        newton_fit(cells, max_steps=1)
    assert np.array_equal(newton_fit(cells, max_steps=30), newton_fit(cells))


def test_random_fits_of_ln_r_arrive_or_say_what_is_wrong() -> None:
    """Few and many events, even bins and hardly filled ones, with weights and without."""
    arrived = 0
    messages = set()
    for seed in range(150):
        rng = np.random.default_rng(seed)
        bins, n = int(rng.integers(2, 12)), int(np.exp(rng.uniform(1, 9)))
        share = rng.dirichlet(np.full(bins, rng.choice([0.3, 1, 10])))
        lead, sub = rng.choice(bins, (2, n), p=share)
        label = rng.random(n) < 0.5
        weight = rng.gamma(0.5, 10.0 ** rng.integers(-3, 4), n) if seed % 2 else np.ones(n)
        try:
            pool = Pool({"weight": weight}, label)
            newton_fit(Cells.count(Design.of_orders(lead, sub), pool, free_terms(bins)))
            arrived += 1
        except DataError as error:
            messages.add(str(error))
    assert arrived > 40
    assert not any("no minimum" in message for message in messages)


def test_a_fit_of_splines_that_does_not_arrive_says_so() -> None:
    a, b = np.random.default_rng(1).exponential(size=(2, 500))
    events = Distinct.of(a[:, None], b[:, None], np.ones(500), np.ones(500))
    problem = SplineProblem(events, make_knots(events, 8))
    t, theta, converged = minimise(problem, problem.score_a)
    early, _, too_early = minimise(problem, problem.score_a, max_steps=1)
    assert converged
    assert not too_early
    assert 0 < early < t
    assert theta.shape == (8,)
    assert SplineTest(k=8)(a, b).converged


def test_a_spline_that_runs_for_ever_says_so() -> None:
    """Coefficients of far and empty intervals fall without end."""
    rng = np.random.default_rng(3)
    result = SplineTest(k=17)(rng.standard_cauchy(1500), rng.standard_cauchy(500))
    assert result.to_dict().get("converged", True) is result.converged
