"""MIGRAD until it no longer moves, against a minimum that is known."""

import numpy as np
import pytest
from iminuit import Minuit

from eμsym.minuit import migrad_to_the_end

CENTRE = np.array([1.0, 2.0])
SLOPES = np.array([[2.0, 0.5], [0.5, 1.0]])


def fit(**options):
    """Minimise a quartic of the distance in a slanted metric, on top of a large constant."""

    def value(x):
        d = SLOPES @ (x - CENTRE)
        return 1e6 + np.sum(d**2 / 2 + d**4)

    def gradient(x):
        d = SLOPES @ (x - CENTRE)
        return SLOPES @ (d + 4 * d**3)

    def hessian(x):
        d = SLOPES @ (x - CENTRE)
        return SLOPES @ np.diag(1 + 12 * d**2) @ SLOPES

    steps = np.full(2, 0.1)
    options = {"errordef": Minuit.LIKELIHOOD, "settled": 1e-8, "steps": steps, **options}
    return migrad_to_the_end(value, gradient, hessian, np.zeros(2), **options)


def test_it_goes_on_beyond_the_digits_of_the_value():
    found = fit(names=("x", "y"))
    assert found.valid
    assert found.parameters == ("x", "y")
    # Of a value of 10⁶ MIGRAD sees 10⁻¹⁰, which is 10⁻⁵ in x.
    assert np.array(found.values) == pytest.approx(CENTRE, abs=1e-7)
    assert found.fval == pytest.approx(0, abs=1e-6)


def test_the_first_parameter_can_be_bounded_or_held():
    assert fit(low=1.5).values[0] == pytest.approx(1.5, abs=1e-4)
    held = fit(hold_first=True)
    assert held.values[0] == 0
    assert held.values[1] != pytest.approx(2.0, abs=1e-2)
