"""A region's signals as a calibration with the region's own events leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eμsym.binned.merging import MergedBins
from eμsym.binned.q0_input import Signal
from eμsym.calibration.signal_kept import signal_kept
from eμsym.errors import DataError
from eμsym.limits.part_of_pair import PartOfPair
from eμsym.limits.region import Region
from eμsym.pair import Pair
from eμsym.pool import Pool

#: A signal of which less is left than this has no limit.
FEWEST_KEPT = 0.05


def kept_in(
    pair: Pair | PartOfPair,
    events: Pool,
    *,
    axes: Sequence[Any],
    bins: MergedBins,
    signal: Signal,
) -> float:
    """Return how much of a signal is left in a pair by what its ratio was fitted to.

    Without that the limit on a signal that r takes in part would be too strong, by that part.

    Parameters
    ----------
    pair : Pair or PartOfPair
    events : Pool
        The signal's, in both samples.
    axes : sequence of hist axes
    bins : MergedBins
        Of these axes, in which the strength is fitted.
    signal : Signal
        Its share in each of these bins.

    Returns
    -------
    float
        1 where r is given, or fitted to none of the pair's events.

    Raises
    ------
    DataError
        If the signal's events lack a column, or a fit does not converge.
    """
    whole = pair.whole if isinstance(pair, PartOfPair) else pair
    if not whole.symmetry.used(whole.pool).any():
        return 1.0
    return signal_kept(
        whole.symmetry.of_data,
        whole.counted.pool,
        events,
        axes=axes,
        bins=bins,
        signal=signal,
        inside=pair.inside[whole.pool.fake == 0] if isinstance(pair, PartOfPair) else None,
    )


def with_what_is_kept(region: Region, shares: Sequence[float]) -> Region:
    """Return a region of whose signals so much is left as a calibration leaves.

    Parameters
    ----------
    region : Region
    shares : sequence of float
        For each strength, see `kept_in`.

    Raises
    ------
    DataError
        If next to nothing is left of one.
    """
    for kept in shares:
        if not kept > FEWEST_KEPT:
            raise DataError(
                f"the calibration takes {1 - kept:.0%} of the signal for the detector's doing, for "
                "it is fitted to the same events; give a correction file, or leave the signal's "
                "window out of the fit"
            )
    return region.scaled(shares)
