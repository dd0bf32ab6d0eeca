"""How much of a signal a self-calibration leaves: the rest it takes for the detector's doing.

r = ε_μ/ε_e is fitted to the events of the pair, a signal's among them. Asimov data tell what
that costs: the pair's events with the labels that the symmetry expects, and a signal on top,
through the fit of r and that of μ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eμsym.arrays import BoolArray, FloatArray, summed
from eμsym.binned.merging import MergedBins
from eμsym.binned.q0 import fit_q0
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.pool import Pool
from eμsym.symmetry import Symmetry


def signal_kept(
    symmetry: Symmetry,
    pool: Pool,
    events: Pool,
    *,
    axes: Sequence[Any],
    bins: MergedBins,
    signal: Signal,
    mu: float | None = None,
    inside: BoolArray | None = None,
) -> float:
    """Return μ̂/μ of Asimov data whose r was fitted to them, 1 if nothing is taken.

    Parameters
    ----------
    symmetry : Symmetry
        If it is not fitted to the pool's own events it takes nothing.
    pool : Pool
        The pair's events, unweighted.
    events : Pool
        Those of the signal, in both samples, weighted as they came.
    axes : sequence of hist axes
    bins : MergedBins
        Of these axes, in which μ is fitted.
    signal : Signal
        Its share in each of these bins.
    mu : float, optional
        How much there is; the share hardly depends on it. Default: about one error of it.
    inside : ndarray of bool, shape (n,), optional
        Which of the pool's events are fitted, where r is fitted to more. Default: all.

    Raises
    ------
    DataError
        If the signal's events lack a column, or a fit does not converge.
    """
    if mu is None:
        mu = _about_one_error(pool, axes, bins, signal)
    asimov = _asimov(symmetry, pool, events, mu)
    place = bins.index(asimov.bin_index(axes)[0])
    if inside is not None:
        place[: len(pool)][~inside] = -1
    ratio = YieldRatio(*symmetry.refitted(asimov).log_yields(asimov, place, len(bins)))
    within = place >= 0
    a = summed(place[within], asimov.labels[within], len(bins))
    b = summed(place[within], asimov.sizes[within], len(bins)) - a
    return fit_q0(b, a, signal, ratio).mu / mu


def _about_one_error(pool: Pool, axes: Sequence[Any], bins: MergedBins, signal: Signal) -> float:
    """Return the error of μ where each bin's difference has the variance of its entries."""
    place = bins.index(pool.bin_index(axes)[0])
    entries = summed(place[place >= 0], pool.sizes[place >= 0], len(bins))
    information = float(np.sum((signal.in_b - signal.in_a) ** 2 / np.maximum(entries, 1.0)))
    return 1 / np.sqrt(information) if information > 0 else float(np.sqrt(entries.sum() + 1))


def _asimov(symmetry: Symmetry, pool: Pool, events: Pool, mu: float) -> Pool:
    """Return the pool with expected labels, and the signal's events, as entries of no whole size.

    Its labels and counts are expectations, of which every sum is taken as of numbers.
    """
    names = [name for name in pool.columns if name in events.columns and name in _needed(pool)]
    columns = {name: np.concatenate([pool.column(name), events.column(name)]) for name in names}
    share = mu * events.weight / events.weight.sum()
    labels = np.concatenate([symmetry.probability(pool) * pool.sizes, share * events.labels])
    count: FloatArray = np.concatenate([np.asarray(pool.sizes, dtype=np.float64), share])
    return Pool(columns, labels, count)  # type: ignore[arg-type]  # expected numbers of events


def _needed(pool: Pool) -> set[str]:
    return {name for name, values in pool.columns.items() if isinstance(values, np.ndarray)} - {
        "weight"
    }
