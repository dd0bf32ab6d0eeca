"""The closed profile of a bin, against a search of the best background and finite differences."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import xlogy

from eμsym.limits.bin_profile import bin_means, bin_profile, bin_value

NAMES = ("a", "b", "k")


def searched(n_a, n_b, s_a, s_b, kappa):
    """F by a search in b, over that of the saturated model."""
    low = max(0.0, -s_a, -s_b / kappa)

    def value(b):
        in_a, in_b = b + s_a, kappa * b + s_b
        return in_a - n_a * np.log(max(in_a, 1e-300)) + in_b - n_b * np.log(max(in_b, 1e-300))

    high = low + 2 * (n_a + n_b / kappa) + 10
    best = minimize_scalar(value, bounds=(low, high), method="bounded", options={"xatol": 1e-11})
    smallest = min(best.fun, value(low))
    return smallest - (n_a - xlogy(n_a, n_a)) - (n_b - xlogy(n_b, n_b))


CASES = [
    (12, 30, 1.5, 9.0, 1.3),
    (12, 30, 1.5, 60.0, 0.7),
    (3, 2, 8.0, 9.0, 1.2),  # held at b = 0
    (0, 7, 0.0, 3.0, 1.0),
    (0, 7, 0.0, 30.0, 1.0),
    (5, 0, 2.0, 1.0, 0.9),
    (5, 0, 0.0, 4.0, 0.9),
    (0, 0, 1.0, 2.0, 1.1),
    (0, 0, 0.0, 2.0, 1.1),
    (9, 14, -2.0, -5.0, 1.4),  # a deficit
    (0, 0, 0.0, -2.0, 1.4),
]


@pytest.mark.parametrize("case", CASES)
def test_value_is_that_of_the_best_background(case):
    arrays = [np.array([[float(x)]]) for x in case]
    expected = searched(*case)
    assert bin_value(*arrays)[0, 0] == pytest.approx(expected, abs=1e-6)
    found = bin_profile(*arrays)
    assert found.value[0, 0] == pytest.approx(expected, abs=1e-6)
    in_a, in_b = bin_means(*arrays)
    assert in_a[0, 0] == pytest.approx(found.background[0, 0] + case[2], abs=1e-9)
    assert in_b[0, 0] == pytest.approx(case[4] * found.background[0, 0] + case[3], abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_derivatives_are_those_of_the_value(case):
    n_a, n_b, *point = (float(x) for x in case)
    start = np.array([point[0], point[1], np.log(point[2])])

    def at(theta):
        s_a, s_b, k = (np.array([[x]]) for x in theta)
        return np.array([[n_a]]), np.array([[n_b]]), s_a, s_b, np.exp(k)

    found = bin_profile(*at(start))
    for i, name in enumerate(NAMES):
        if start[i] == 0:  # one side only
            continue
        step = 1e-5 * np.eye(3)[i]
        above, below = bin_profile(*at(start + step)), bin_profile(*at(start - step))
        slope = (above.value - below.value)[0, 0] / 2e-5
        assert getattr(found, name)[0, 0] == pytest.approx(slope, abs=2e-6)
        for other in NAMES:
            second = "".join(sorted((name, other)))
            rise = (getattr(above, other) - getattr(below, other))[0, 0] / 2e-5
            if other == "a" and start[0] == 0 and n_a == 0:
                continue  # no signal in A, and no more than a kink there
            assert getattr(found, second)[0, 0] == pytest.approx(rise, rel=1e-4, abs=1e-5)
