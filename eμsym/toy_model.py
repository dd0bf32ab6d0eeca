"""The SYM paper's analytic toy model (arXiv:2401.09530, Eq. 25-28)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray, Rng
from eμsym.errors import ConfigurationError
from eμsym.pair import Pair
from eμsym.sources import check_mean


@dataclass(frozen=True)
class ExponentialBackground:
    """b0(x) = e^(−x), x ≥ 0 (SYM Eq. 25, arXiv:2401.09530)."""

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return the density at x, of the shape of x."""
        x = np.asarray(x, dtype=np.float64)
        return np.where(x >= 0, np.exp(-np.abs(x)), 0.0)

    def draw(self, n: int, rng: Rng = None) -> FloatArray:
        """Draw n values."""
        return np.random.default_rng(rng).exponential(size=n)


@dataclass(frozen=True)
class GaussianSignal:
    """A normal density (SYM Eq. 26 and 28, arXiv:2401.09530).

    Parameters
    ----------
    mean : float
    sigma : float
        Standard deviation. The paper's 0.16 is one: its equations have σ = 0.16
        in exp(−(x − x̄)²/2σ²).
    """

    mean: float
    sigma: float = 0.16

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return the density at x, of the shape of x."""
        pull = (np.asarray(x, dtype=np.float64) - self.mean) / self.sigma
        density: FloatArray = np.exp(-0.5 * pull**2) / (np.sqrt(2 * np.pi) * self.sigma)
        return density

    def draw(self, n: int, rng: Rng = None) -> FloatArray:
        """Draw n values."""
        return np.random.default_rng(rng).normal(self.mean, self.sigma, size=n)


@dataclass(frozen=True)
class TailSignal:
    """S2(x) = ½ x² e^(−x), x ≥ 0 (SYM Eq. 27, arXiv:2401.09530)."""

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return the density at x, of the shape of x."""
        x = np.asarray(x, dtype=np.float64)
        return np.where(x >= 0, 0.5 * x**2 * np.exp(-np.abs(x)), 0.0)

    def draw(self, n: int, rng: Rng = None) -> FloatArray:
        """Draw n values."""
        return np.random.default_rng(rng).gamma(3.0, size=n)


ToySignal = GaussianSignal | TailSignal

#: The background and the signals of the paper's toy model, by their names there.
TOY_BACKGROUND = ExponentialBackground()
TOY_SIGNALS: Mapping[str, ToySignal] = {
    "S1": GaussianSignal(6.4),
    "S2": TailSignal(),
    "S3": GaussianSignal(1.6),
}


@dataclass(frozen=True)
class ToyModel:
    """The paper's analytic model: b0 in A and B, a signal in A only (SYM Eq. 25-28).

    All sizes are Poisson.

    Parameters
    ----------
    n_a, n_b : float
        Expected background events in A and in B.
    signal : {"S1", "S2", "S3"}, optional
    n_signal : float
        Expected signal events, in A only.

    Raises
    ------
    ConfigurationError
        If a size is negative or not finite, the signal is unknown, or only one
        of signal and n_signal is given.

    Examples
    --------
    >>> pair = ToyModel(1000, 500, signal="S3", n_signal=20).draw(rng=1)
    >>> pair.a.column("x").shape, pair.b.column("x").shape
    ((1024,), (499,))
    """

    n_a: float
    n_b: float
    signal: str | None = None
    n_signal: float = 0.0

    def __post_init__(self) -> None:
        for name in ("n_a", "n_b", "n_signal"):
            check_mean(getattr(self, name), name)
        if self.signal is not None and self.signal not in TOY_SIGNALS:
            raise ConfigurationError(f"signal {self.signal!r}: choose {', '.join(TOY_SIGNALS)}")
        if self.signal is None and self.n_signal > 0:
            raise ConfigurationError(f"{self.n_signal:g} signal events of no signal: name one")

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair with one column, x; background first, the signal after it."""
        generator = np.random.default_rng(rng)
        a = TOY_BACKGROUND.draw(generator.poisson(self.n_a), generator)
        b = TOY_BACKGROUND.draw(generator.poisson(self.n_b), generator)
        if self.signal is not None:
            # Drawn last, so that a seed gives the same background for every strength.
            added = TOY_SIGNALS[self.signal].draw(generator.poisson(self.n_signal), generator)
            a = np.concatenate([a, added])
        return Pair.from_columns({"x": a}, {"x": b})
