"""Reference scores against closed forms, contingency tables and brute force."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad, simpson
from scipy.stats import chi2_contingency, norm

from eμsym.binned.injection import asimov_z
from eμsym.errors import DataError
from eμsym.toy_model import TOY_BACKGROUND, TOY_SIGNALS
from eμsym.unbinned.references import (
    ideal_significance,
    ideal_significance_binned,
    ideal_symmetrized_score,
    overfit_bound,
)

NARROW = {"S1": (5.6, 6.4, 7.2), "S2": (), "S3": (0.8, 1.6, 2.4)}


def flat(x: Any) -> Any:
    return np.where((np.asarray(x) >= 0) & (np.asarray(x) <= 10), 0.1, 0.0)


def test_flat_signal_on_flat_background() -> None:
    z = ideal_significance(flat, flat, 1000, 50, upper=10)
    assert z == pytest.approx(math.sqrt(2 * (1050 * math.log(1.05) - 50)))


def test_signal_on_a_part_of_a_flat_background() -> None:
    """A counting experiment in the fifth of the range where the signal is."""
    z = ideal_significance(
        flat, lambda x: 0.5 if 4 <= x < 6 else 0.0, 1000, 50, upper=10, points=(4, 6)
    )
    assert z == pytest.approx(math.sqrt(2 * (250 * math.log(1.25) - 50)))


def test_weak_gaussian_on_flat_background() -> None:
    """For a weak signal Z² → N_s² ∫ S²/(N_b b), and ∫ S² = 1/(2 √π σ)."""
    sigma, n_b, n_s = 0.2, 1e6, 10.0
    z = ideal_significance(
        flat, lambda x: norm.pdf(x, 5, sigma), n_b, n_s, upper=10, points=(4, 5, 6)
    )
    assert z**2 == pytest.approx(n_s**2 / (0.1 * n_b) / (2 * math.sqrt(math.pi) * sigma), rel=1e-4)


@pytest.mark.parametrize("name, n_signal", [("S1", 60), ("S2", 800), ("S3", 500)])
def test_toy_models(name: str, n_signal: int) -> None:
    """Against Simpson's rule on a fine grid, and fine bins of the densities."""
    b, s = TOY_BACKGROUND.pdf, TOY_SIGNALS[name].pdf
    z = ideal_significance(b, s, 5.5e4, n_signal, points=NARROW[name])
    x = np.linspace(0, 40, 400_001)
    background, signal = 5.5e4 * np.exp(-x), n_signal * s(x)
    integral = simpson((background + signal) * np.log1p(signal / background), x=x)
    assert z == pytest.approx(math.sqrt(2 * (integral - n_signal)), rel=1e-5)
    step = x[1] - x[0]
    middle = x[:-1] + step / 2
    fine = ideal_significance_binned(5.5e4 * step * np.exp(-middle), n_signal * step * s(middle))
    assert fine == pytest.approx(z, rel=1e-4)


def test_the_paper_s_benchmarks_are_between_four_and_seven() -> None:
    """SYM conclusions: what is found at 2σ would be 4-6σ in an ideal analysis."""
    for n, n_signal in ((5.5e4, 500), (5.5e3, 160)):
        z = ideal_significance(
            TOY_BACKGROUND.pdf, TOY_SIGNALS["S3"].pdf, n, n_signal, points=NARROW["S3"]
        )
        assert 4 < z < 6.5


def test_no_signal_and_no_background() -> None:
    assert ideal_significance(flat, flat, 100, 0, upper=10) == 0
    assert ideal_significance(flat, flat, 0, 5, upper=10) == math.inf


@pytest.mark.parametrize(
    "change, message",
    [
        ({"n_signal": -1}, "n_signal: a number of events"),
        ({"n_background": math.nan}, "n_background: a number of events"),
        ({"upper": 0.0}, "is empty"),
        ({"upper": 5.0}, "signal: its integral from 0.0 to 5.0 is 0.5"),
    ],
)
def test_bad_significance(change: dict[str, Any], message: str) -> None:
    arguments = {"n_background": 10.0, "n_signal": 1.0, "upper": 10.0, **change}
    with pytest.raises(DataError, match=message):
        ideal_significance(flat, flat, **arguments)


def test_binned() -> None:
    b, s = np.array([[10.0, 20.0], [30.0, 0.0]]), np.array([[1.0, 0.0], [5.0, 0.0]])
    by_hand = 11 * math.log(1.1) - 1 + 35 * math.log(35 / 30) - 5
    assert ideal_significance_binned(b, s) == pytest.approx(math.sqrt(2 * by_hand))
    # It is the Asimov q0 with the background known.
    t, shape = np.array([50.0, 70.0, 20.0]), np.array([0.2, 0.5, 0.3])
    asimov = np.asarray(asimov_z(t, shape, np.array([12.0]), background="known"))
    assert ideal_significance_binned(t, 12 * shape) == pytest.approx(float(asimov[0]))
    assert ideal_significance_binned([1.0, 0.0], [0.0, 1.0]) == math.inf
    with pytest.raises(DataError, match="shapes differ"):
        ideal_significance_binned([1.0], [1.0, 2.0])
    with pytest.raises(DataError, match="signal"):
        ideal_significance_binned([1.0, 2.0], [-1.0, 2.0])


def test_symmetrized_score_is_the_g_statistic() -> None:
    """C2 for equal shapes is the likelihood ratio of a 2 × bins contingency table."""
    shape = np.array([100.0, 60.0, 25.0, 5.0])
    signal = np.array([0.0, 3.0, 9.0, 1.0])
    for ratio in (0.5, 1.0, 20.0):
        g = chi2_contingency(
            [signal + shape, ratio * shape], correction=False, lambda_="log-likelihood"
        )
        assert ideal_symmetrized_score(signal, shape, ratio * shape) == pytest.approx(g.statistic)


def test_symmetrized_scores_by_hand() -> None:
    """One bin: C2 has nothing to tell from the total alone; C1 has."""
    assert ideal_symmetrized_score([5.0], [20.0], [10.0]) == pytest.approx(0, abs=1e-12)
    known = ideal_symmetrized_score([5.0], [20.0], [10.0], known_background=True)
    # (C1) −5 + 25 ln(25/20) − 35 ln(20·35 / (35·20)), twice.
    assert known == pytest.approx(2 * (-5 + 25 * math.log(1.25)))
    # Two bins of 10 and 10 in A and B, signal 10 in the second.
    c2 = 30 * math.log(2 / 3) + 20 * math.log(2) - 20 * math.log(0.8) - 30 * math.log(1.2)
    assert ideal_symmetrized_score([0, 10.0], [10, 10.0], [10, 10.0]) == pytest.approx(2 * c2)


def test_known_background_tends_to_the_ideal_significance() -> None:
    shape, signal = np.array([100.0, 60.0, 25.0]), np.array([0.0, 3.0, 9.0])
    z = ideal_significance_binned(shape, signal)
    score = ideal_symmetrized_score(signal, shape, 1e7 * shape, known_background=True)
    assert score == pytest.approx(z**2, rel=1e-4)


def test_symmetrized_scores_leave_empty_bins_out() -> None:
    filled = ideal_symmetrized_score([1.0, 2.0], [10.0, 5.0], [10.0, 5.0])
    with_empty = ideal_symmetrized_score([1.0, 0.0, 2.0], [10.0, 0.0, 5.0], [10.0, 0.0, 5.0])
    assert with_empty == pytest.approx(filled)
    with pytest.raises(DataError, match="merge bins"):
        ideal_symmetrized_score([1.0, 2.0], [10.0, 0.0], [10.0, 0.0])
    with pytest.raises(DataError, match="all zero"):
        ideal_symmetrized_score([1.0], [10.0], [0.0])


def brute_force(a: Any, b: Any, sinks: int) -> float:
    """The best t over all choices of intervals without an event of the sample that is fitted."""
    pool = np.concatenate([a, b])
    edges = np.sort(np.concatenate([np.unique(pool) - 1e-6, np.unique(pool) + 1e-6]))
    t = 0.0
    for mine, other in ((a, b), (b, a)):
        free = [
            (low, high)
            for low, high in itertools.combinations(edges, 2)
            if not np.any((mine > low) & (mine < high))
        ]
        removed = 0
        for choice in itertools.combinations_with_replacement(free, sinks):
            gone = np.zeros(other.size, dtype=bool)
            for low, high in choice:
                gone |= (other > low) & (other < high)
            removed = max(removed, int(gone.sum()))
        # D2 with e^f = 0 on the removed events and one constant elsewhere, which is best at
        # N / (N − N*): the sum over A∪B then is N_A, and t is twice the sum of f over A.
        n = pool.size
        t += 2 * mine.size * math.log(n / (n - removed))
    return t


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sinks", [1, 2])
def test_overfit_by_brute_force(seed: int, sinks: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 12, 6).astype(float), rng.integers(0, 12, 7).astype(float)
    bound = overfit_bound(a, b, sinks=sinks)
    assert bound.t == pytest.approx(brute_force(a, b, sinks))
    assert bound.t == bound.statistic == pytest.approx(bound.t_a + bound.t_b)
    assert bound.to_dict()["removed_from_b"] == bound.removed_from_b


def test_overfit_by_hand() -> None:
    bound = overfit_bound([1.0, 2, 3, 7, 8], [4.0, 5, 6, 9, 10.0, 11.0, 1.5])
    assert (bound.removed_from_b, bound.removed_from_a) == (6, 4)
    assert bound.t == pytest.approx(2 * 5 * math.log(12 / 6) + 2 * 7 * math.log(12 / 8))


def test_overfit_in_the_paper() -> None:
    """SYM Fig. 10: scores at N_A = N_B = 10⁵ are centred near 70."""
    rng = np.random.default_rng(4)
    scores = [
        overfit_bound(rng.exponential(size=100_000), rng.exponential(size=100_000)).t
        for _ in range(40)
    ]
    assert 60 < np.median(scores) < 80


def test_bad_overfit() -> None:
    with pytest.raises(DataError, match="A: needs one column"):
        overfit_bound([], [1.0])
    with pytest.raises(DataError, match="B: a value is NaN"):
        overfit_bound([1.0], [np.nan])
    with pytest.raises(DataError, match="sinks"):
        overfit_bound([1.0], [2.0], sinks=-1)


def test_quadrature_of_the_densities() -> None:
    for density in (TOY_BACKGROUND, TOY_SIGNALS["S2"]):
        assert quad(density.pdf, 0, np.inf)[0] == pytest.approx(1)
