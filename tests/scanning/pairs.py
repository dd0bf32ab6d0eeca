"""Pairs that are scanned in tests: events of a fair coin, and an excess where one is asked for."""

from __future__ import annotations

import numpy as np

from eμsym import Pair


def coin_pair(n: int, seed: int, *, excess: int = 0) -> Pair:
    """Return events of a fair coin; more of A's near x = 0.2 where n_jets is 2.

    x is uniform, y depends on it, n_jets is 0, 1 or 2, and z is not there in some events.
    """
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.random(n), rng.normal(0.2, 0.02, excess)])
    size = n + excess
    jets = np.concatenate([rng.integers(0, 3, n), np.full(excess, 2)])
    leads = np.concatenate([rng.random(n) < 0.5, np.ones(excess, dtype=bool)])
    y = x + rng.normal(0, 0.5, size)
    z = np.where(jets > 0, rng.exponential(1.0, size), np.nan)
    events = {
        "x": x,
        "y": y,
        "z": z,
        "n_jets": jets.astype(np.int64),
        "event": rng.permutation(10 * size)[:size].astype(np.int64),
        "run": np.ones(size, dtype=np.int64),
        "luminosityBlock": np.ones(size, dtype=np.int64),
        "electron_leads": leads,
    }
    return Pair.from_events(events)
