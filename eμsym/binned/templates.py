"""Templates of a plane: the symmetric background T and the signal S (DDP section 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import hist
import numpy as np
from scipy.stats import norm

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import as_counts, contents, normalised_signal
from eμsym.counts import check_same_binning
from eμsym.errors import DataError
from eμsym.shown import Shown

#: What the DDP paper adds to every bin of T, so that none is sparse.
FLAT_ENTRIES = 25.0


@dataclass(frozen=True, eq=False, repr=False)
class Templates(Shown):
    """What a study of the binned tests starts from.

    Parameters
    ----------
    background : hist.Hist
        T, the expected symmetric background in entries a bin. Any dimensions;
        its variances, if it keeps them, are those of the simulation.
    signal : hist.Hist
        S of the same axes, ΣS = 1 over the bins (not counting what lies outside).
    provenance : mapping
        Where they come from, as JSON can hold it.
    other : hist.Hist, optional
        The signal in the other flavour order, of the same axes and divided by the
        same sum as S: its bins add up to the events there for each one of S.

    Raises
    ------
    DataError
        If the binnings differ, a content is negative or not finite, or ΣS ≠ 1.
    """

    background: hist.Hist
    signal: hist.Hist
    provenance: Mapping[str, Any] = field(default_factory=dict)
    other: hist.Hist | None = None

    def __post_init__(self) -> None:
        check_same_binning(self.background, self.signal)
        as_counts(self.background.values(), "T")
        total = float(as_counts(self.signal.values(), "S").sum())
        if abs(total - 1) > 1e-6:
            raise DataError(f"S: its bins add up to {total:g}, not to 1; divide them by that")
        if self.other is not None:
            check_same_binning(self.signal, self.other)
            as_counts(self.other.values(), "S in the other order")

    @property
    def t(self) -> FloatArray:
        """T as an array of entries, shape (*bins)."""
        return np.asarray(self.background.values(), dtype=np.float64)

    @property
    def s(self) -> FloatArray:
        """S as an array, shape (*bins), ΣS = 1."""
        return normalised_signal(self.signal)

    def to_dict(self) -> dict[str, Any]:
        """Return the provenance and what the templates hold in short, for JSON."""
        return {
            "provenance": dict(self.provenance),
            "bins": list(self.background.axes.size),
            "background": describe(self.background),
            "signal": describe(self.signal),
            "other": None if self.other is None else describe(self.other),
        }


def describe(histogram: hist.Hist) -> dict[str, float | None]:
    """Return how much a template holds and how thin it is, for JSON.

    Parameters
    ----------
    histogram : hist.Hist

    Returns
    -------
    dict
        ``sum`` over the bins, ``outside`` the axes, the ``largest`` bin, and
        ``effective_events`` (Σw)²/Σw² behind the sum (None if the histogram is
        exact, its variances then being the contents or zero).
    """
    values = histogram.values()
    total = float(values.sum())
    weighted = isinstance(histogram.storage_type(), hist.storage.Weight)
    variance = float(histogram.variances().sum()) if weighted else 0.0
    return {
        "sum": total,
        "outside": float(histogram.values(flow=True).sum()) - total,
        "largest": float(values.max()),
        "effective_events": total**2 / variance if variance > 0 else None,
    }


def symmetric_template(
    a: hist.Hist, b: hist.Hist, *, scale: float = 1.0, flat: float = FLAT_ENTRIES
) -> hist.Hist:
    """Return T = scale · (A + B)/2 + flat, the expectation of either sample of a pair.

    Parameters
    ----------
    a, b : hist.Hist
        Both flavour orders of the background (Weight storage), same axes.
    scale : float
        Factor on the entries, e.g. from one luminosity to another.
    flat : float
        Entries added to every bin, without uncertainty. The paper adds 25.

    Returns
    -------
    hist.Hist
        Weight storage; the variances are those of A and B, scaled, and do not
        include the flat entries. Under- and overflow are kept, without them.

    Raises
    ------
    DataError
        If the binnings differ, `scale` is not positive, `flat` is negative, or
        a bin of T is negative.

    Examples
    --------
    >>> axis = hist.axis.Regular(2, 0, 2, name="x")
    >>> a, b = (hist.Hist(axis, storage="Weight").fill(x) for x in ([0.5, 0.5], [0.5, 1.5]))
    >>> symmetric_template(a, b, scale=10).values().tolist()
    [40.0, 30.0]
    """
    check_same_binning(b, a)
    if not (np.isfinite(scale) and scale > 0):
        raise DataError(f"scale: the template's scale must be positive, got {scale}")
    if not (np.isfinite(flat) and flat >= 0):
        raise DataError(f"flat: entries added to every bin are at least 0, got {flat}")
    result = hist.Hist(*a.axes, storage=hist.storage.Weight())
    view = result.view(flow=True)
    view["value"] = (a.values(flow=True) + b.values(flow=True)) * (scale / 2)
    view["variance"] = (a.variances(flow=True) + b.variances(flow=True)) * (scale / 2) ** 2
    result.view()["value"] += flat
    as_counts(result.values(), "T")
    return result


def signal_template(sample: hist.Hist) -> hist.Hist:
    """Return S: a signal sample's histogram divided by its sum over the bins.

    Take the flavour order in which the lepton that comes straight from the
    Higgs leads: eμ for H→τe, μe for H→τμ.

    Parameters
    ----------
    sample : hist.Hist
        The signal's events in one flavour order (Weight storage).

    Returns
    -------
    hist.Hist
        Weight storage. Under- and overflow are divided by the same sum.

    Raises
    ------
    DataError
        If a bin is negative or all are zero.
    """
    normalised_signal(sample)  # the checks
    return _divided(sample, float(sample.values().sum()))


def signal_templates(sample: hist.Hist, other: hist.Hist) -> tuple[hist.Hist, hist.Hist]:
    """Return S and the signal in the other flavour order, both divided by the sum of S.

    Parameters
    ----------
    sample : hist.Hist
        The signal's events in the order that S is of, see `signal_template`.
    other : hist.Hist
        Those in the other order (Weight storage), same axes. There may be none.

    Returns
    -------
    tuple of hist.Hist
        Weight storage. Under- and overflow are divided by the same sum.

    Raises
    ------
    DataError
        If the binnings differ, a bin is negative, or all of `sample` are zero.

    Examples
    --------
    >>> axis = hist.axis.Regular(2, 0, 2, name="x")
    >>> fills = ([0.5, 0.5, 1.5, 1.5], [1.5])
    >>> s, other = signal_templates(*(hist.Hist(axis, storage="Weight").fill(x) for x in fills))
    >>> s.values().tolist(), other.values().tolist()
    ([0.5, 0.5], [0.0, 0.25])
    """
    check_same_binning(sample, other)
    s = signal_template(sample)
    as_counts(other.values(), "S in the other order")
    return s, _divided(other, float(sample.values().sum()))


def _divided(sample: hist.Hist, total: float) -> hist.Hist:
    """Return a weighted histogram, flow bins included, divided by a number."""
    result = hist.Hist(*sample.axes, storage=hist.storage.Weight())
    view = result.view(flow=True)
    view["value"] = sample.values(flow=True) / total
    view["variance"] = sample.variances(flow=True) / total**2
    return result


def flat_template(axes: Sequence[Any], entries: float) -> hist.Hist:
    """Return a T with the same number of entries in every bin (the paper: 100 or 10⁴).

    Parameters
    ----------
    axes : sequence of hist axes
    entries : float

    Returns
    -------
    hist.Hist
        Double storage: exact, its variances are the counts.

    Raises
    ------
    DataError
        If `entries` is negative or not finite.

    Examples
    --------
    >>> flat_template([hist.axis.Regular(3, 0, 1, name="x")], 100).values().tolist()
    [100.0, 100.0, 100.0]
    """
    if not (np.isfinite(entries) and entries >= 0):
        raise DataError(f"entries: a flat template has at least 0 a bin, got {entries}")
    return _exact(axes, np.full([len(axis) for axis in axes], float(entries)))


def rectangle_signal(axes: Sequence[Any], start: Sequence[int], size: Sequence[int]) -> hist.Hist:
    """Return an S that is the same in every bin of a rectangle and zero elsewhere.

    Parameters
    ----------
    axes : sequence of hist axes
    start : sequence of int
        The rectangle's first bin on each axis.
    size : sequence of int
        Its number of bins along each axis.

    Returns
    -------
    hist.Hist
        Double storage, ΣS = 1.

    Raises
    ------
    DataError
        If the rectangle is empty or sticks out of the plane, or the numbers of
        axes differ.

    Examples
    --------
    >>> plane = [hist.axis.Regular(4, 0, 1, name="x"), hist.axis.Regular(2, 0, 1, name="y")]
    >>> rectangle_signal(plane, (1, 0), (2, 1)).values().tolist()
    [[0.0, 0.0], [0.5, 0.0], [0.5, 0.0], [0.0, 0.0]]
    """
    bins = [len(axis) for axis in axes]
    if not len(bins) == len(start) == len(size):
        raise DataError(f"rectangle: start {start} and size {size} for {len(bins)} axes")
    if any(i < 0 or n < 1 or i + n > m for i, n, m in zip(start, size, bins, strict=True)):
        shape = "×".join(map(str, bins))
        raise DataError(
            f"rectangle: from bin {tuple(start)}, {tuple(size)} bins, is not within {shape} bins"
        )
    inside = tuple(slice(i, i + n) for i, n in zip(start, size, strict=True))
    values = np.zeros(bins)
    values[inside] = 1 / np.prod(size)
    return _exact(axes, values)


def gaussian_signal(
    axes: Sequence[Any], mean: Sequence[float], sigma: Sequence[float]
) -> hist.Hist:
    """Return a Gaussian S without correlations, integrated over every bin.

    Parameters
    ----------
    axes : sequence of hist axes
        With numerical edges; two of them for the paper's 2-D Gaussian.
    mean, sigma : sequence of float
        On each axis, in its unit (GeV).

    Returns
    -------
    hist.Hist
        Double storage, ΣS = 1: the part outside the axes is left out.

    Raises
    ------
    DataError
        If the numbers of axes differ, a width is not positive, or none of the
        Gaussian lies within the axes.

    Examples
    --------
    >>> s = gaussian_signal([hist.axis.Regular(4, -2, 2, name="x")], [0], [1]).values()
    >>> [round(float(x), 4) for x in s]
    [0.1424, 0.3576, 0.3576, 0.1424]
    """
    if not len(axes) == len(mean) == len(sigma):
        raise DataError(f"Gaussian: mean {mean} and sigma {sigma} for {len(axes)} axes")
    if not (np.all(np.isfinite(mean)) and np.all(np.isfinite(sigma)) and min(sigma) > 0):
        raise DataError(f"Gaussian: mean {mean}, sigma {sigma} must be finite, widths positive")
    values: Any = 1.0
    for axis, centre, width in zip(axes, mean, sigma, strict=True):
        part = np.diff(norm.cdf(np.asarray(axis.edges), centre, width))
        values = np.multiply.outer(values, part)
    total = float(np.sum(values))
    if not total > 0:
        raise DataError(f"Gaussian: none of it, at {tuple(mean)}, lies within the axes")
    return _exact(axes, values / total)


def _exact(axes: Sequence[Any], values: FloatArray) -> hist.Hist:
    result = hist.Hist(*axes, storage=hist.storage.Double())
    result.view()[...] = values
    return result


def signal_location(signal: Any) -> tuple[float, ...]:
    """Return where a signal is: the median of its projection on each axis, in bins.

    Bin i reaches from i to i + 1; a signal that fills bins 2 and 3 evenly is at 3.0.

    Parameters
    ----------
    signal : array_like or histogram, shape (*bins)
        Its shape S, of any normalisation.

    Returns
    -------
    tuple of float

    Raises
    ------
    DataError
        If the signal is negative or all zero.

    Examples
    --------
    >>> signal_location([0, 0, 1, 1])
    (3.0,)
    """
    s = np.asarray(normalised_signal(contents(signal)))
    result = []
    for axis in range(s.ndim):
        projection = s.sum(axis=tuple(i for i in range(s.ndim) if i != axis))
        cumulative = np.concatenate([[0.0], np.cumsum(projection)])
        result.append(float(np.interp(0.5, cumulative, np.arange(cumulative.size))))
    return tuple(result)
