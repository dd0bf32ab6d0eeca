"""Pairs to scan, and plain code that computes what a scan says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hist.axis import Variable
from scipy.interpolate import BSpline
from scipy.stats import rankdata

from eμsym import Pair
from eμsym.calibration.bradley_terry import probability
from eμsym.coverage.sources import strong_ratio
from eμsym.scanning.places import Place
from eμsym.scanning.result import Entry, Scan
from eμsym.symmetry import Exchangeable, FairCoin, Symmetry

#: Regions, besides all events.
REGIONS = [("low", "met < 30"), ("three", "n_jets >= 1 and met > 10")]
OBSERVABLES = ["m_coll", "met", "n_jets", "jet1_pt"]


def events(n: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return columns: two leptons, a mass, MET, a number of jets, and a jet where there is one."""
    pt = np.sort(rng.exponential(25, (2, n)) + 15, axis=0)
    n_jets = rng.poisson(0.8, n).astype(float)
    return {
        "lead_pt": pt[1],
        "sub_pt": pt[0],
        "lead_eta": rng.uniform(-2.3, 2.3, n),
        "sub_eta": rng.uniform(-2.3, 2.3, n),
        "m_coll": np.round(rng.normal(90, 20, n) + 0.3 * pt[1], 1),
        "met": rng.exponential(30, n),
        "n_jets": np.minimum(n_jets, 4),
        "jet1_pt": np.where(n_jets > 0, 20 + rng.exponential(30, n), np.nan),
    }


def split(columns: dict[str, Any], in_a: Any, symmetry: Symmetry, *, weights: Any = None) -> Pair:
    """Return the pair of events that are A where `in_a` is true."""
    if weights is not None:
        columns = {**columns, "weight": weights}
    sides = [{k: v[x] for k, v in columns.items()} for x in (in_a, ~in_a)]
    return Pair.from_columns(*sides, symmetry=symmetry)


def fair_pair(n: int = 2500, *, weighted: bool = False, seed: int = 1) -> Pair:
    """Return a pair whose labels are coins, with an asymmetry that is easily seen."""
    rng = np.random.default_rng(seed)
    columns = events(n, rng)
    in_a = rng.random(n) < np.where(columns["m_coll"] > 110, 0.6, 0.5)
    weights = rng.choice([0.5, 1.0, 2.0, -0.5], n, p=[0.3, 0.4, 0.25, 0.05]) if weighted else None
    return split(columns, in_a, FairCoin(), weights=weights)


def sized_pair(n: int = 2500, *, seed: int = 2) -> Pair:
    """Return two samples of two fifths and three, to be permuted."""
    rng = np.random.default_rng(seed)
    columns = events(n, rng)
    in_a = rng.random(n) < np.where(columns["met"] > 40, 0.5, 0.4)
    return split(columns, in_a, Exchangeable())


def detector_pair(n: int = 4000, *, seed: int = 3) -> Pair:
    """Return a pair whose labels have the odds of a strong r, without a correction."""
    rng = np.random.default_rng(seed)
    columns, ratio = events(n, rng), strong_ratio()
    lead = ratio.bins.index(columns["lead_pt"], columns["lead_eta"])
    sub = ratio.bins.index(columns["sub_pt"], columns["sub_eta"])
    return split(columns, rng.random(n) < probability(ratio.log_ratio, lead, sub), FairCoin())


def axes_of(entry: Entry, place: Place) -> tuple[Variable, ...]:
    """Return the axes on which an entry was looked at: the ends take what lies beyond."""
    axes = []
    for name, edges in zip(entry.observables, place.edges, strict=True):
        wide = np.array(edges, dtype=float)
        wide[0], wide[-1] = wide[0] - 1.0, wide[-1] + 1.0
        axes.append(Variable(wide, name=name))
    return tuple(axes)


def by_view(found: Scan) -> dict[tuple[str, tuple[str, ...]], dict[str, tuple[int, Entry]]]:
    """Return the numbers and the entries of a scan: by region and observables, then by test."""
    result: dict[Any, dict[str, tuple[int, Entry]]] = {}
    for i, entry in enumerate(found.entries):
        result.setdefault((entry.region, entry.observables), {})[entry.test] = (i, entry)
    return result


def largest_window(pull: Any, *, squares: bool = False) -> float:
    """Return the largest squared Nσ of any window, one slice at a time."""
    plane = np.atleast_2d(pull)
    best = 0.0
    for i in range(plane.shape[0]):
        for k in range(i + 1, plane.shape[0] + 1):
            for j in range(plane.shape[1]):
                for m in range(j + 1, plane.shape[1] + 1):
                    if squares and k - i != m - j:
                        continue
                    part = plane[i:k, j:m]
                    used = ~np.isnan(part)
                    if used.any():
                        best = max(best, part[used].sum() ** 2 / used.sum())
    return best


def rao_score(x: Any, edges: Any, residual: Any, covariance: Any, splines: int = 8) -> float:
    """Return Rao's score of cubic splines of the middle rank of each event's bin.

    Parameters
    ----------
    x : ndarray of float, shape (n,)
    edges : ndarray of float
        Of the bins.
    residual : ndarray of float, shape (n,)
    covariance : callable
        Of the events' features, shape (n, k), returns that of their scores.
    splines : int
    """
    there = np.isfinite(x)
    bins = np.clip(np.searchsorted(edges[1:-1], x[there], side="right"), 0, len(edges) - 2)
    rank = (rankdata(bins) - 0.5) / bins.size
    if len(edges) - 1 <= splines:
        features = (bins[:, None] == np.arange(len(edges) - 1)).astype(float)
    else:
        knots = np.r_[[0.0] * 3, np.linspace(0, 1, splines - 2), [1.0] * 3]
        features = BSpline.design_matrix(rank, knots, 3).toarray()
    whole = np.zeros((len(x), features.shape[1]))
    whole[there] = features
    score = whole.T @ residual
    return float(score @ np.linalg.pinv(covariance(whole), rcond=1e-9) @ score)
