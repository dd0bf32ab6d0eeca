"""Reference distributions of test statistics."""

import numpy as np
import pytest

from eμsym.distributions import Normal, SignedChiSquared


def test_normal():
    assert Normal().pvalue(1.6448536269514722) == pytest.approx(0.05)
    assert Normal().z(-2.5) == -2.5
    assert Normal().to_dict() == {"distribution": "normal"}


def test_signed_chi_squared_is_that_of_a_signed_square():
    squares = np.sort(np.random.default_rng(1).normal(size=20_000))
    for z in (-2.0, -0.3, 0.0, 1.2, 3.0):
        statistic = np.copysign(z**2, z)
        assert SignedChiSquared().z(statistic) == pytest.approx(z)
        above = np.mean(np.copysign(squares**2, squares) >= statistic)
        assert SignedChiSquared().pvalue(statistic) == pytest.approx(above, abs=0.015)
    assert SignedChiSquared().pvalue(np.inf) == 0
    assert SignedChiSquared().to_dict() == {"distribution": "signed chi2", "dof": 1}
