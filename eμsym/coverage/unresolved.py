"""What the terms of a self-calibration leave of an r that they do not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from eμsym.arrays import FloatArray, Rng
from eμsym.calibration.bradley_terry import probability
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.calibration.self_calibration import self_calibrate
from eμsym.coverage.sources import SignalEvents
from eμsym.pair import Pair


def unresolved_z(
    background: Mapping[str, FloatArray],
    n_events: int,
    ratio: EfficiencyRatio,
    signal: SignalEvents,
    edges: FloatArray,
    *,
    exclude: Mapping[str, Sequence[float]] | None = None,
    rng: Rng = None,
) -> float:
    r"""Return the mean Z of q0 of m_coll without signal that few terms of ln r leave.

    ln r is fitted to events that have both labels, with weights of 2P and 2(1 − P), twice
    their probabilities, as many as `n_events` entries: nothing fluctuates. With the
    fitted :math:`\hat{P}`, :math:`δ_i = 2\sum (P - \hat{P})` is what is left of A − B in a
    bin of m_coll, :math:`V_i = 4\sum P(1 - P)` its variance, and for a signal of the contrast
    :math:`c = S_A - S_B`, to first order,

    .. math::
        Z = \sum_i c_i δ_i/V_i \Big/ \sqrt{\sum_i c_i^2/V_i}.

    Parameters
    ----------
    background : mapping of str to ndarray, shape (n,)
    n_events : int
    ratio : EfficiencyRatio
        The true one.
    signal : SignalEvents
    edges : ndarray of float, shape (bins + 1,)
        Of m_coll, in GeV.
    exclude : mapping of str to (float, float), optional
        As for `Pair.equalised`.
    rng : numpy.random.Generator, int or None
        Draws the events.

    Raises
    ------
    DataError
        If so few events cannot be calibrated with.
    """
    chosen = np.random.default_rng(rng).integers(0, background["m_coll"].size, n_events // 2)
    background = {name: values[chosen] for name, values in background.items()}
    pt, eta = (
        np.stack([background[f"{lepton}_{name}"] for lepton in ("lead", "sub")])
        for name in ("pt", "eta")
    )
    m_coll = background["m_coll"]
    p = probability(ratio.log_ratio, *ratio.bins.index(pt, eta))
    both = Pair.from_columns({**background, "weight": 2 * p}, {**background, "weight": 2 - 2 * p})
    found = self_calibrate(both, exclude=exclude).ratio
    left = 2 * (p - probability(found.log_ratio, *found.bins.index(pt, eta)))
    scale = n_events / m_coll.size
    rest = scale * np.histogram(m_coll, edges, weights=left)[0]
    variance = scale * np.histogram(m_coll, edges, weights=4 * p * (1 - p))[0]
    in_a, in_b = (
        np.histogram(signal.columns["m_coll"][signal.electron_leads == leads], edges)[0]
        for leads in (True, False)
    )
    contrast = (in_a - in_b) / len(signal)
    filled = variance > 0
    contrast, rest, variance = contrast[filled], rest[filled], variance[filled]
    return float(np.sum(contrast * rest / variance) / np.sqrt(np.sum(contrast**2 / variance)))
