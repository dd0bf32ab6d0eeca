"""A joint fit of the sum and the difference of two densities, in the basis of their own fits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import BSpline
from scipy.optimize import minimize
from scipy.special import log_expit

from eμsym import SplineTest


@pytest.mark.parametrize("n_a, n_b", [(900, 800), (300, 900)])
def test_its_maximum_is_that_of_two_fits(n_a: int, n_b: int) -> None:
    """SYM Eq. 31–33, minimised by scipy over Σ and δ at once."""
    rng = np.random.default_rng(n_a)
    a, b = rng.exponential(size=n_a), rng.exponential(1.15, size=n_b)
    result = SplineTest(6)(a, b)
    knots = result.f.knots
    padded = np.concatenate([[knots[0]] * 3, knots, [knots[-1]] * 3])
    phi = BSpline.design_matrix(np.concatenate([a, b]), padded, 3).toarray()
    size = phi.shape[1]

    def minus_two_log_l(theta: np.ndarray) -> float:
        total, delta = phi @ theta[:size], phi @ theta[size:]
        log_n = total + np.logaddexp(delta, -delta)  # of 2 e^Σ cosh δ
        labels = np.sum(log_expit(2 * delta[:n_a])) + np.sum(log_expit(-2 * delta[n_a:]))
        return float(2 * (np.sum(np.exp(log_n)) - np.sum(log_n) - labels))

    def gradient(theta: np.ndarray) -> np.ndarray:
        total, delta = phi @ theta[:size], phi @ theta[size:]
        up, down = np.exp(total + delta), np.exp(total - delta)
        sign = np.where(np.arange(n_a + n_b) < n_a, 1.0, -1.0)
        return 2 * np.concatenate([(up + down - 1) @ phi, (up - down - sign) @ phi])

    # Without a difference of shape: each density is its share of the pooled sample's.
    share_a, share_b = n_a / (n_a + n_b), n_b / (n_a + n_b)
    start = np.repeat([0.5 * np.log(share_a * share_b), 0.5 * np.log(share_a / share_b)], size)
    fit = minimize(
        minus_two_log_l, start, jac=gradient, method="BFGS", options={"gtol": 1e-5, "maxiter": 4000}
    )
    assert result.t > 5
    assert minus_two_log_l(start) - fit.fun == pytest.approx(result.t, abs=1e-4)
    # δ is half of f − g and of the logarithm of the sizes' ratio.
    x = np.linspace(0.1, 2.0, 7)
    delta = BSpline(padded, fit.x[size:], 3)(x)
    np.testing.assert_allclose(np.exp(2 * delta), result.ratio(x), rtol=1e-3)
