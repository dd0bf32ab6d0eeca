"""What a signal's limit is expected of, for simulation that is scaled to a luminosity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eμsym.analysis.signals import SignalShape
from eμsym.binned.merging import merge_bins
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import DataError
from eμsym.limits.part_of_pair import PartOfPair
from eμsym.limits.region import Region
from eμsym.pair import Pair


def weighted_region(pair: Pair | PartOfPair, shape: SignalShape, axes: Sequence[Any]) -> Region:
    """Return the region with the counts that weighted events expect, in merged bins.

    Parameters
    ----------
    pair : Pair or PartOfPair
        Of backgrounds; the ratio of yields that its symmetry expects is taken as exact.
    shape : SignalShape
    axes : sequence of hist axes

    Raises
    ------
    DataError
        If the signal has no event, or its events lack a column.
    """
    a, b = pair.raw.hist(*axes)
    s_a, s_b = shape.planes(axes)
    total = sum(float(np.sum(x.values(flow=True))) for x in (s_a, s_b))
    if not total > 0:
        raise DataError(f"signal {shape.name!r} has no event")
    bins = merge_bins(
        np.maximum(a.values() + b.values(), 0.0),
        s_b.values() - s_a.values(),
        variance=s_a.variances() + s_b.variances(),
    )
    kappa = pair.in_bins(*axes, merged=bins).expected_ratio()
    mean = np.maximum(bins.sums(a.values()) + bins.sums(b.values()), 0.0) / (1 + kappa)
    signal = Signal(
        bins.sums(s_a.values()) / total,
        bins.sums(s_b.values()) / total,
        bins.sums(s_a.variances()) / total**2,
        bins.sums(s_b.variances()) / total**2,
    )
    return Region("", kappa * mean, mean, (signal,), YieldRatio.exact(kappa))
