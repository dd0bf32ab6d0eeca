"""Genuine Delphes events without signal: what is left of eμ/μe once r is taken out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

from eμsym import Pair, read_pair
from eμsym.analysis.correction import order_ratio
from eμsym.calibration.efficiency_ratio import lepton_columns
from eμsym.calibration.ratio_terms import smooth_terms

#: Those that have enough events for a fit of their own.
SAMPLES = ("ztautau", "ttbar", "ww")
BACKGROUND = (*SAMPLES, "wz", "zz", "hww", "htautau")


@pytest.fixture(scope="module")
def background(processed_sample: Path) -> Pair:
    return read_pair(processed_sample, datasets=BACKGROUND)


def with_constant(pair: Pair) -> tuple[float, float]:
    """Return c of ln P(eμ)/P(μe) = c + ln r(sub) − ln r(lead) with its error, by scipy."""
    pt, eta = lepton_columns(pair.pool)
    bins, terms = smooth_terms(pt, eta, abseta_edges=pair.cracks)
    lead, sub = bins.index(pt, eta)
    x = np.column_stack([np.ones(lead.size), terms.basis[sub] - terms.basis[lead]])
    y = pair.pool.labels.astype(float)
    precision = np.append(0.0, terms.precision)

    def objective(w):
        logit = x @ w
        p = 1 / (1 + np.exp(-logit))
        value = np.sum(np.logaddexp(0, logit) - y * logit) + np.sum(precision * w**2) / 2
        return value, x.T @ (p - y) + precision * w

    found = minimize(objective, np.zeros(x.shape[1]), jac=True, method="BFGS")
    p = 1 / (1 + np.exp(-x @ found.x))
    information = (x * (p * (1 - p))[:, None]).T @ x + np.diag(precision)
    return float(found.x[0]), float(np.sqrt(np.linalg.inv(information)[0, 0]))


def test_the_order_of_all_background_is_two_sigma_off_and_no_more(background: Pair) -> None:
    """As docs/coverage says: 1.049 ± 0.019 before, 1.023 ± 0.011 after."""
    raw, corrected = order_ratio(background), order_ratio(background.equalised())
    assert raw is not None
    assert corrected is not None
    assert raw.value == pytest.approx(1.049, abs=0.002)
    assert corrected.value == pytest.approx(1.023, abs=0.002)
    assert corrected.error == pytest.approx(0.0113, abs=0.0005)
    z = (corrected.value - 1) / corrected.error
    assert 0 < z < 2.5
    # It is what a constant would have that is fitted beside r.
    c, error = with_constant(background)
    assert c / error == pytest.approx(z, abs=0.3)


def test_the_samples_agree_with_one_and_with_each_other(processed_sample: Path) -> None:
    z = []
    for name in SAMPLES:
        found = order_ratio(read_pair(processed_sample, datasets=[name]).equalised())
        assert found is not None
        z.append((found.value - 1) / found.error)
    assert max(map(abs, z)) < 2.6
    assert chi2.sf(np.sum(np.square(z)), len(z)) > 0.01
