"""Sources of pairs: pools drawn with replacement, and relabellings.

A source is anything with ``draw(rng) -> Pair``. Those here are small frozen
dataclasses that can be sent to other processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eμsym.arrays import FloatArray, Rng
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import Exchange
from eμsym.pair import Pair
from eμsym.pool import FAKE, WEIGHT, Pool
from eμsym.shown import Shown
from eμsym.symmetry import Draw, Relabellings, balanced

#: Labels that are held at a time: a byte each.
_LABELS_AT_ONCE = 1 << 27


@runtime_checkable
class Source(Protocol):
    """Anything that pairs can be drawn from."""

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair."""
        ...  # pragma: no cover


@dataclass(frozen=True, eq=False, repr=False)
class PoolSource(Shown):
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
            names = [set(columns) - {WEIGHT} for columns in (self.pool, self.signal)]
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
            a = {name: np.concatenate([values, added[name]]) for name, values in a.items()}
        return Pair.from_columns(a, b)


@dataclass(frozen=True, eq=False, repr=False)
class Relabelled(Shown):
    """The relabellings of an observed pair, as its own symmetry draws them.

    Weights stay with their events; what a correction makes of them follows the labels.

    Parameters
    ----------
    pair : Pair
        With events.
    columns : tuple of str, optional
        Draw only these and the weights: quicker, and the draws are pairs without a
        correction of their own. Default: the whole events.
    """

    pair: Pair
    columns: tuple[str, ...] | None = None

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair."""
        labels, log_ratio = self._labels(np.random.default_rng(rng))
        if self._part is None:
            return self.pair.relabelled(labels, log_ratio)
        pool = _with_labels(
            self._part, self.pair.symmetry.exchange, labels, log_ratio, self._probability
        )
        return Pair(pool, self.pair.symmetry.raw, self.pair.names)

    def pool_for(self, test: Any) -> Pool:
        """Return the pair's events, in groups of those that are alike to a test of many draws."""
        pool = self.pair.pool
        if not hasattr(test, "alike"):
            return pool
        return self.pair.symmetry.grouped(pool, test.alike(pool))

    def relabel(self, pool: Pool, generators: Sequence[np.random.Generator]) -> Relabellings:
        """Draw the labels of `pool_for`'s events once with each generator."""
        return self.pair.symmetry.relabel_each(pool, generators)

    def draws_at_once(self, pool: Pool) -> int:
        """Return how many draws may be held at a time."""
        return int(np.clip(_LABELS_AT_ONCE // max(1, len(pool)), 1, 256))

    @cached_property
    def _part(self) -> Pool | None:
        if self.columns is None:
            return None
        return self.pair.pool.restricted(self.pair.symmetry.exchange.read(self.columns))

    @cached_property
    def _labels(self) -> Callable[[np.random.Generator], Draw]:
        return self.pair.symmetry.relabeller(self.pair.pool)

    @cached_property
    def _probability(self) -> Callable[[FloatArray | None], FloatArray]:
        return self.pair.symmetry.probabilities(self.pair.pool)


def permutations(pair: Pair) -> Relabelled:
    """Return the source of a pair's permutations: sizes kept (SYM section III E).

    The events of a corrected pair are not exchangeable: its labels are drawn as its own
    symmetry has them.
    """
    return Relabelled(replace(pair, symmetry=pair.symmetry.keeping_sizes()))


def drawn_pairs(
    pool: Pool, drawn: Relabellings, columns: str | tuple[str, ...] | None = None
) -> Iterator[Pair]:
    """Yield the pairs of draws of one pool's labels, with some of its columns and the weights.

    Parameters
    ----------
    pool : Pool
        Of single events.
    drawn : Relabellings
    columns : str or tuple of str, optional
        Default: the only one there is besides ``weight``.
    """
    exchange, probability = drawn.symmetry.exchange, drawn.symmetry.probabilities(pool)
    part = pool.restricted(exchange.read(column_names(pool, columns)))
    for i, labels in enumerate(drawn.labels):
        log_ratio = None if drawn.log_ratio is None else drawn.log_ratio[i]
        relabelled = _with_labels(part, exchange, labels, log_ratio, probability)
        yield Pair(relabelled, drawn.symmetry.raw)


def _with_labels(
    part: Pool,
    exchange: Exchange,
    labels: NDArray[Any],
    log_ratio: FloatArray | None,
    probability: Callable[[FloatArray | None], FloatArray],
) -> Pool:
    """Return a pool with the labels of a draw, what they exchange, and its weights."""
    pool = exchange.apply(part, labels)
    if log_ratio is None:
        return pool
    return pool.with_columns({WEIGHT: balanced(labels, probability(log_ratio)) * pool.weight})


def pair_columns(
    pair: Pair,
    column: str | tuple[str, ...] | None = None,
    *,
    scale: float | FloatArray = 1.0,
) -> tuple[FloatArray, FloatArray, FloatArray | None, FloatArray | None]:
    """Return a pair's events as arrays that a test takes.

    Parameters
    ----------
    pair : Pair
        With events.
    column : str or tuple of str, optional
        One column, giving arrays of shape (n,), or several, giving (n, d).
        Default: the only one there is besides ``weight``.
    scale : float, or ndarray of shape (d,)
        The values are multiplied by this, say 1/100 for GeV to 100 GeV.

    Returns
    -------
    a, b : ndarray of float, shape (n,) or (n, d)
    weights_a, weights_b : ndarray of float, shape (n,), or None
        None for both if neither sample has weights. An event that estimates fakes, of
        negative weight, counts in the other sample with its size: B − A is the same, and
        both samples expect the same.

    Raises
    ------
    DataError
        If there are no events, no such column, or several to choose from.
    """
    pool, labels = pair.pool, pair.pool.labels
    values = pool_values(pool, column) * scale
    if WEIGHT not in pool.columns and pair.weight is pool.weight:
        return values[labels], values[~labels], None, None
    weight, turned = pair.weight, pool.turned
    if turned.any():
        weight, labels = np.where(turned, -weight, weight), labels ^ turned
    return values[labels], values[~labels], weight[labels], weight[~labels]


def pool_values(pool: Pool, column: str | tuple[str, ...] | None = None) -> FloatArray:
    """Return one column of a pool, shape (n,), or several, shape (n, d), as `pair_columns`."""
    names = column_names(pool, column)
    if column is None or isinstance(column, str):
        return pool.column(names[0])
    return np.stack([pool.column(name) for name in names], axis=1)


def column_names(pool: Pool, column: str | tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return the names of columns: by default of the only one there is besides ``weight``.

    Raises
    ------
    DataError
        If there are several to choose from, or none.
    """
    if column is not None:
        return (column,) if isinstance(column, str) else tuple(column)
    names = sorted(set(pool.columns) - {WEIGHT, FAKE})
    if len(names) != 1:
        raise DataError(f"the pair has the columns {', '.join(names) or '(none)'}: choose one")
    return (names[0],)


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


def _checked_pool(events: Any, name: str) -> dict[str, Any]:
    pool = Pool.of_one(events, name=name)
    if len(pool) == 0:
        raise DataError(f"{name}: there is no event to draw")
    weight = pool.weight
    if not np.all(np.isfinite(weight)) or np.any(weight < 0) or weight.sum() <= 0:
        raise DataError(f"{name}: events cannot be drawn by weights negative, infinite or NaN")
    return dict(pool.columns)


def _with_replacement(
    columns: Mapping[str, Any], mean: float, generator: np.random.Generator
) -> dict[str, Any]:
    n = generator.poisson(mean)
    kept = {name: values for name, values in columns.items() if name != WEIGHT}
    if WEIGHT not in columns:
        size = len(next(iter(kept.values())))
        chosen = generator.integers(0, size, n)
    else:
        cumulative = np.cumsum(np.asarray(columns[WEIGHT], dtype=np.float64))
        place = generator.uniform(0, cumulative[-1], n)
        chosen = np.searchsorted(cumulative, place, side="right")
    return {name: values[chosen] for name, values in kept.items()}
