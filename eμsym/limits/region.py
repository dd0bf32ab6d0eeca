"""What a fit of signal strengths is told of each region: counts, signals, ratio, systematics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import DataError
from eμsym.fakes import FakeCounts
from eμsym.limits.added import fake_effects


@dataclass(frozen=True, eq=False)
class ShapeVariation:
    r"""What a systematic effect of one standard deviation, up and down, makes of a signal.

    Between and beyond them each bin goes as HistFactory's piecewise line does that is smooth
    within one standard deviation (CERN-OPEN-2012-016; "code4p" of pyhf): with
    O = (up − down)/2 and E = (up + down)/2 − nominal

    .. math::
        S(α) = S(0) + α O + E \cdot \begin{cases}
            |α| & |α| \ge 1 \\ (3α^6 - 10α^4 + 15α^2)/8 & |α| < 1 \end{cases}

    Parameters
    ----------
    up_a, up_b, down_a, down_b : array_like, shape (bins,)
        The signal in A and B as it then is, in the units of the nominal one.

    Raises
    ------
    DataError
        If the shapes differ, or a content is not finite.
    """

    up_a: FloatArray
    up_b: FloatArray
    down_a: FloatArray
    down_b: FloatArray

    def __post_init__(self) -> None:
        for name in ("up_a", "up_b", "down_a", "down_b"):
            values = np.asarray(getattr(self, name), dtype=np.float64).ravel()
            if not np.all(np.isfinite(values)):
                raise DataError(f"{name} of a shape variation: a content is not finite")
            object.__setattr__(self, name, values)
        sizes = {x.size for x in (self.up_a, self.up_b, self.down_a, self.down_b)}
        if len(sizes) > 1:
            raise DataError(f"a shape variation has {sorted(sizes)} bins; give four of one binning")

    def scaled(self, unit: float) -> ShapeVariation:
        """Return it for a signal that is scaled by a number."""
        four = (self.up_a, self.up_b, self.down_a, self.down_b)
        return ShapeVariation(*(unit * x for x in four))

    def odd(self) -> tuple[FloatArray, FloatArray]:
        """Return O in A and in B."""
        return (self.up_a - self.down_a) / 2, (self.up_b - self.down_b) / 2

    def even(self, signal: Signal) -> tuple[FloatArray, FloatArray]:
        """Return E in A and in B."""
        return (
            (self.up_a + self.down_a) / 2 - signal.in_a,
            (self.up_b + self.down_b) / 2 - signal.in_b,
        )


def log_normal(relative: float, what: str = "an uncertainty") -> float:
    """Return ln(1 + δ), the spread of the logarithm for a relative uncertainty δ.

    Raises
    ------
    DataError
        If it is not a number above zero.
    """
    if not 0 < relative < np.inf:
        raise DataError(f"{what}: {relative} is no relative uncertainty; give one above zero")
    return float(np.log1p(relative))


def in_units(signal: Signal, events: float) -> Signal:
    """Return a signal of one event as that of a unit of which there are so many events.

    Parameters
    ----------
    signal : Signal
    events : float
        For one unit: σ L ε for a branching ratio.

    Raises
    ------
    DataError
        If it is not a number above zero.
    """
    if not 0 < events < np.inf:
        raise DataError(f"{events} events of a signal for one unit; give a number above zero")
    v_a, v_b = (
        None if v is None else events**2 * v for v in (signal.variance_a, signal.variance_b)
    )
    return Signal(events * signal.in_a, events * signal.in_b, v_a, v_b)


@dataclass(frozen=True, eq=False)
class Region:
    """Flat bins of both samples, and what is expected in them.

    Attributes
    ----------
    name : str
    b, a : ndarray of float, shape (bins,)
        Counts.
    signals : tuple of Signal
        For each strength what one unit of it adds to A and B.
    ratio : YieldRatio
        The expected κ of every bin.
    ratio_names : tuple of str
        What its nuisances are called: those of one name in several regions are one. Default:
        names with the region's in front.
    normalisations : mapping of str to sequence of float
        Nuisances that scale the signals by e^{θ δ_j}, with δ_j for each strength; see
        `log_normal`. Effects of one name in several regions are one nuisance.
    shapes : mapping of str to sequence of ShapeVariation or None
        Nuisances that change the signals' shapes, for each strength.
    fakes : FakeCounts, optional
        What both samples have besides, see `eμsym.limits.added`; the ratio is then that of the
        background without them.
    fake_names : tuple of str
        What their nuisances are called, of each source and of each bin; as for the ratio.

    Raises
    ------
    DataError
        If the numbers of bins, strengths or nuisances do not fit together.
    """

    name: str
    b: FloatArray
    a: FloatArray
    signals: tuple[Signal, ...]
    ratio: YieldRatio
    ratio_names: tuple[str, ...] = ()
    normalisations: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    shapes: Mapping[str, tuple[ShapeVariation | None, ...]] = field(default_factory=dict)
    fakes: FakeCounts | None = None
    fake_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"region {self.name!r}" if self.name else "the region"
        bins = self.b.shape
        if not self.signals:
            raise DataError(f"{where}: has no signal; give one at least")
        shapes = [self.a.shape, self.ratio.log_ratio.shape, *(x.in_b.shape for x in self.signals)]
        if len(bins) != 1 or any(shape != bins for shape in shapes):
            raise DataError(f"{where}: B has shape {bins}, the rest {shapes}; give flat bins")
        prefix = f"{self.name} " if self.name else ""
        if self.fakes is None:
            object.__setattr__(self, "fake_names", ())
        elif not self.fake_names:
            sources = [f"transfer factor {k}" for k in range(len(self.fakes.by_source))]
            of_bins = [f"fakes {i}" for i in range(self.b.size)]
            names = tuple(prefix + name for name in (*sources, *of_bins))
            object.__setattr__(self, "fake_names", names)
        if not self.ratio_names:
            names = tuple(f"{prefix}ratio {k}" for k in range(len(self.ratio.modes)))
            object.__setattr__(self, "ratio_names", names)
        if len(self.ratio_names) != len(self.ratio.modes):
            raise DataError(
                f"{where}: {len(self.ratio_names)} names for {len(self.ratio.modes)} nuisances"
            )
        for name, values in (*self.normalisations.items(), *self.shapes.items()):
            if len(values) != len(self.signals):
                raise DataError(
                    f"{where}: {name} is of {len(values)} signals, there are {len(self.signals)}"
                )
        for name, variations in self.shapes.items():
            if any(x is not None and x.up_a.shape != bins for x in variations):
                raise DataError(f"{where}: {name} has other bins than the counts, {bins[0]}")

    @property
    def added(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """What one standard deviation of each nuisance of the fakes adds to A and to B."""
        if self.fakes is None:
            return {}
        effects = fake_effects(self.fakes, self.ratio.ratio)
        return dict(zip(self.fake_names, effects, strict=True))

    def scaled(self, units: Sequence[float]) -> Region:
        """Return the region with other units of its strengths.

        Parameters
        ----------
        units : sequence of float
            For each strength, what its new unit is in the old one: σ L ε, where that was
            one event and is to be a branching ratio.

        Raises
        ------
        DataError
            If one is not a number above zero.
        """
        signals = tuple(in_units(x, unit) for x, unit in zip(self.signals, units, strict=True))
        shapes = {
            name: tuple(
                None if x is None else x.scaled(unit)
                for x, unit in zip(variations, units, strict=True)
            )
            for name, variations in self.shapes.items()
        }
        return replace(self, signals=signals, shapes=shapes)

    def with_ratio_uncertainty(
        self, name: str, log_error: ArrayLike, *, each: bool = False
    ) -> Region:
        """Return the region with a ratio that is more uncertain.

        Parameters
        ----------
        name : str
            Of the nuisance; those of bins have their number behind it.
        log_error : array_like, shape (bins,) or ()
            By how much ln κ moves with one standard deviation, bin by bin.
        each : bool
            Whether every bin moves for itself, and not all of them together.

        Raises
        ------
        DataError
            If it is of other bins.
        """
        error = np.asarray(log_error, dtype=np.float64)
        if error.shape not in ((), self.b.shape):
            raise DataError(f"{name}: has shape {error.shape}, the bins {self.b.shape}")
        mode = np.broadcast_to(error, self.b.shape)
        added: FloatArray = mode[None]
        names: tuple[str, ...] = (name,)
        if each:
            added, names = np.diag(mode), tuple(f"{name} {i}" for i in range(mode.size))
        ratio = YieldRatio(self.ratio.log_ratio, np.concatenate([self.ratio.modes, added]))
        return replace(self, ratio=ratio, ratio_names=(*self.ratio_names, *names))
