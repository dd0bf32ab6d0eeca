"""Whether p-values by rank are uniform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import kstest


def uniformity(row: Mapping[str, Any], n: int) -> tuple[float, float, int]:
    """Return the KS p-value of a stored row's uniformity, its share of p ≤ 0.05, and its toys."""
    p = np.array(row["ranks"].split(), dtype=np.float64) / (n + 1)
    # Within a step the true p-value may be anywhere: a fixed draw makes it continuous.
    even = p - np.random.default_rng(1).random(p.size) / (n + 1)
    return float(kstest(even, "uniform").pvalue), float(np.mean(p <= 0.05 + 1e-9)), p.size
