"""How much of a signal a self-calibration leaves, by Asimov data of the study's toys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hist import Hist

from eμsym.arrays import Rng
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.calibration.signal_kept import signal_kept
from eμsym.coverage.sources import KnownRatioSource
from eμsym.pool import Pool


def kept_share(
    source: KnownRatioSource,
    axes: Sequence[Any],
    *,
    exclude: Mapping[str, Sequence[float]] | None = None,
    rng: Rng = None,
) -> float:
    """Return μ̂/μ of Asimov data with the source's signal through the fit of r and that of μ.

    Parameters
    ----------
    source : KnownRatioSource
        With a signal. The events of one of its toys without signal get the labels that a
        fit of r to them expects; the signal is put on top.
    axes : sequence of hist axes
    exclude : mapping of str to (float, float), optional
        As for `Pair.equalised`.
    rng : numpy.random.Generator, int or None
        Draws the toy.

    Raises
    ------
    DataError
        If so few events cannot be calibrated with.
    """
    pair = replace(source, n_signal=0.0).draw(rng).equalised(exclude=exclude)
    signal = source.signal
    shapes = []
    for leads in (True, False):
        shape = Hist(*axes, storage="weight")
        chosen = signal.electron_leads == leads
        shape.fill(**{axis.name: signal.columns[axis.name][chosen] for axis in axes})
        shapes.append(shape)
    counts = Q0Test((shapes[0], shapes[1]), tuple(axes)).counts(pair)
    return signal_kept(
        pair.symmetry,
        pair.pool,
        Pool(signal.columns, signal.electron_leads),
        axes=axes,
        bins=counts.bins,
        signal=counts.signal,
        mu=source.n_signal,
    )
