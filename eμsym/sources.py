"""Sources of pairs: pools drawn with replacement, permutations.

A source is anything with ``draw(rng) -> Pair``. Those here are small frozen
dataclasses that can be sent to other processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike

from eμsym.counts import FloatArray
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair, Sample

Rng = np.random.Generator | int | None


@runtime_checkable
class Source(Protocol):
    """Anything that pairs can be drawn from."""

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair."""
        ...  # pragma: no cover


@dataclass(frozen=True, eq=False)
class PoolSource:
    """A pool of events, drawn with replacement: Poisson sizes, a signal in A only.

    As the paper draws both samples from its eμ events, and the signal from a
    template of its own (SYM section III A).

    Parameters
    ----------
    pool : ak.Array, n * {column: number}, or mapping of str to array of shape (n,)
        Events. With a column ``weight``, events are drawn in proportion to it
        and the drawn ones count once.
    n_a, n_b : float
        Expected sizes.
    signal : as pool, optional
        Signal events, with the pool's columns.
    n_signal : float
        Expected signal events, in A only.

    Raises
    ------
    DataError
        If the pool or the signal is empty, their columns differ, or a weight is
        negative or not finite.
    ConfigurationError
        If an expected size is negative or not finite, or only one of signal and
        n_signal is given.
    """

    pool: Any
    n_a: float
    n_b: float
    signal: Any = None
    n_signal: float = 0.0

    def __post_init__(self) -> None:
        for name in ("n_a", "n_b", "n_signal"):
            check_mean(getattr(self, name), name)
        if self.signal is None and self.n_signal > 0:
            raise ConfigurationError(f"{self.n_signal:g} signal events of no signal: give a pool")
        object.__setattr__(self, "pool", _checked_pool(self.pool, "pool"))
        if self.signal is not None:
            object.__setattr__(self, "signal", _checked_pool(self.signal, "signal"))
            names = [set(ak.fields(events)) - {"weight"} for events in (self.pool, self.signal)]
            if names[0] != names[1]:
                different = ", ".join(sorted(names[0] ^ names[1]))
                raise DataError(f"only one of pool and signal has the columns {different}")

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair; the signal comes last in A."""
        generator = np.random.default_rng(rng)
        a = _with_replacement(self.pool, self.n_a, generator)
        b = _with_replacement(self.pool, self.n_b, generator)
        if self.signal is not None:
            added = _with_replacement(self.signal, self.n_signal, generator)
            a = ak.concatenate([a, added[ak.fields(a)]])
        return Pair.from_columns(a, b)


@dataclass(frozen=True, eq=False)
class PermutationSource:
    """The permutations of an observed pair: sizes kept, weights kept with their events.

    Under the symmetry every assignment of the labels was as probable as the
    observed one, whatever the distribution (SYM section III E).

    Parameters
    ----------
    pair : Pair
        With events.
    """

    pair: Pair

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a permutation."""
        return self.pair.permuted(rng=rng)


def pair_columns(
    pair: Pair, column: str | tuple[str, ...] | None = None, *, scale: float = 1.0
) -> tuple[FloatArray, FloatArray, FloatArray | None, FloatArray | None]:
    """Return a pair's events as arrays that a test takes.

    Parameters
    ----------
    pair : Pair
        With events.
    column : str or tuple of str, optional
        One column, giving arrays of shape (n,), or several, giving (n, d).
        Default: the only one there is besides ``weight``.
    scale : float
        The values are multiplied by this, say 1/100 for GeV to 100 GeV.

    Returns
    -------
    a, b : ndarray of float, shape (n,) or (n, d)
    weights_a, weights_b : ndarray of float, shape (n,), or None
        None for both if neither sample has weights.

    Raises
    ------
    DataError
        If there are no events, no such column, or several to choose from.
    """
    samples = (pair.a, pair.b)
    fields = [set(ak.fields(sample.require_events())) for sample in samples]
    if column is None:
        names = sorted((fields[0] | fields[1]) - {"weight"})
        if len(names) != 1:
            raise DataError(f"the pair has the columns {', '.join(names) or '(none)'}: choose one")
        column = names[0]
    if isinstance(column, str):
        a, b = (sample.column(column) * scale for sample in samples)
    else:
        a, b = (np.stack([s.column(name) for name in column], axis=1) * scale for s in samples)
    if not any("weight" in names for names in fields):
        return a, b, None, None
    return a, b, pair.a.weight, pair.b.weight


def columns_pair(
    a: ArrayLike,
    b: ArrayLike,
    weights_a: ArrayLike | None = None,
    weights_b: ArrayLike | None = None,
) -> Pair:
    """Return arrays as a pair with one column, x; the inverse of `pair_columns`.

    Parameters
    ----------
    a, b : array_like, shape (n,) or (n, d)
        The d columns of (n, d) are named x0, x1, ….
    weights_a, weights_b : array_like, shape (n,), optional

    Raises
    ------
    DataError
        If an array has another shape or differs in length from its weights.
    """
    weighted = weights_a is not None or weights_b is not None
    return Pair.from_columns(
        _columns(a, weights_a, weighted, "A"), _columns(b, weights_b, weighted, "B")
    )


def _columns(values: Any, weights: Any, weighted: bool, name: str) -> dict[str, FloatArray]:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: is not an array of numbers, one an event") from error
    if array.ndim not in (1, 2):
        raise DataError(f"{name}: a sample has shape (n,) or (n, d), got {array.shape}")
    columns = {"x": array}
    if array.ndim == 2:
        columns = {f"x{j}": array[:, j] for j in range(array.shape[1])}
    if weighted:
        ones = np.ones(len(array))
        columns["weight"] = ones if weights is None else np.asarray(weights, dtype=np.float64)
    return columns


def check_mean(value: float, name: str) -> None:
    """Refuse an expected number of events that is negative or not finite.

    Raises
    ------
    ConfigurationError
        If it is; the message has the name.
    """
    if not np.isfinite(value) or value < 0:
        raise ConfigurationError(
            f"{name}: an expected number of events is at least 0 and finite, got {value}"
        )


def _checked_pool(events: Any, name: str) -> ak.Array:
    pool = Pair.from_columns(events, events).a.require_events()
    if len(pool) == 0:
        raise DataError(f"{name}: there is no event to draw")
    if "weight" in ak.fields(pool):
        weight = Sample(pool).weight
        if not np.all(np.isfinite(weight)) or np.any(weight < 0) or weight.sum() <= 0:
            raise DataError(f"{name}: events cannot be drawn by weights negative, infinite or NaN")
    return pool


def _with_replacement(pool: ak.Array, mean: float, generator: np.random.Generator) -> ak.Array:
    n = generator.poisson(mean)
    if "weight" not in ak.fields(pool):
        return pool[generator.integers(0, len(pool), n)]
    cumulative = np.cumsum(Sample(pool).weight)
    place = generator.uniform(0, cumulative[-1], n)
    kept = [name for name in ak.fields(pool) if name != "weight"]
    return pool[np.searchsorted(cumulative, place, side="right")][kept]
