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


def test_minuits_own_words_stay_off_the_terminal(capfd):
    def hill(x):
        with np.errstate(all="ignore"):
            return -float(np.abs(x[0] * x[1]) ** 1.5)

    @np.errstate(all="ignore")
    def slope(x):
        return -1.5 * np.sqrt(np.abs(x[0] * x[1])) * np.abs(x[::-1]) * np.sign(x)

    def fall(x):
        return -np.eye(2)

    def lost(fit):
        assert not fit.valid
        return capfd.readouterr()

    steps = np.full(2, 0.1)
    options = {"errordef": 1.0, "settled": 1e-8, "steps": steps}
    start = np.array([1.0, 2.0])
    quiet = lost(migrad_to_the_end(hill, slope, fall, start, **options))
    assert quiet.out + quiet.err == ""
    loud = Minuit(lambda x, y: hill((x, y)), 1.0, 2.0)
    loud.migrad()
    told = lost(loud)  # its level is as it was
    assert "VariableMetricBuilder" in told.out + told.err
