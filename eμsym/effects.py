"""What an exchange does to an expression over columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import Effect, Exchange
from eμsym.expression import Expression
from eμsym.pool import Pool

#: Events that are made up to see what becomes of them.
_PROBES = 1024
#: Columns that are true or false, and ends of the names of those that may be negative.
FLAGS = ("electron_leads", "electrons")
_OF_BOTH_SIGNS = ("_eta", "_phi", "_charge")


def effect_of(expression: Expression, exchange: Exchange) -> Effect:
    """Return what an exchange does to an expression.

    It is unchanged if every column in it is. Else it is computed for events that are made
    up, before and after the exchange: what comes out the same is unchanged, what changes its
    sign alone is flipped; all else is not comparable, as is what reads such a column.

    Examples
    --------
    >>> from eμsym.exchange import LEPTONS
    >>> effect_of(Expression("electron_pt * muon_pt"), LEPTONS)
    'unchanged'
    >>> effect_of(Expression("electron_pt - muon_pt"), LEPTONS)
    'flipped'
    >>> effect_of(Expression("lead_isolation + sub_pt"), LEPTONS)
    'not comparable'
    """
    effects = {exchange.effect(name) for name in expression.names}
    if effects <= {"unchanged"}:
        return "unchanged"
    if "not comparable" in effects:
        return "not comparable"
    rng = np.random.default_rng(1)
    # A condition is told apart only by events on both sides of every number in it.
    scales = np.array([0.01, 1.0, 100.0, 1e4, *(abs(x) for x in expression.numbers if x)])
    columns = {
        name: _made_up(name, exchange.effect(name), scales, rng)
        for name in exchange.read(expression.names)
    }
    labels = rng.random(_PROBES) < 0.5
    if exchange.label is not None:
        columns[exchange.label] = labels
    after = exchange.apply(Pool(columns, labels), ~labels).columns
    try:
        before, then = expression.value(columns), expression.value(after)
    except DataError:
        return "not comparable"
    if before.dtype == np.bool_:
        if np.array_equal(before, then):
            return "unchanged"
        return "flipped" if np.array_equal(before, ~then) else "not comparable"
    if np.allclose(before, then, rtol=1e-9, atol=0, equal_nan=True):
        return "unchanged"
    same = np.allclose(before, -then, rtol=1e-9, atol=0, equal_nan=True)
    return "flipped" if same else "not comparable"


def _made_up(
    name: str, effect: Effect, scales: FloatArray, rng: np.random.Generator
) -> NDArray[Any]:
    if name in FLAGS:
        return rng.random(_PROBES) < 0.5
    values = rng.choice(scales, _PROBES) * rng.uniform(0.3, 3.0, _PROBES)
    signed = effect == "flipped" or name.endswith(_OF_BOTH_SIGNS)
    return values * rng.choice([-1.0, 1.0], _PROBES) if signed else values


def check_symmetric(expression: Expression, exchange: Exchange) -> None:
    """Refuse a condition that the exchange does not leave as it is.

    Raises
    ------
    ConfigurationError
        Events of A and of B would pass it differently without anything new.
    """
    if (effect := effect_of(expression, exchange)) != "unchanged":
        changed = [name for name in expression.names if exchange.effect(name) != "unchanged"]
        raise ConfigurationError(
            f"{expression.text!r}: is {effect} when A and B are exchanged (for "
            f"{', '.join(changed)}), and so makes a difference of its own"
        )
