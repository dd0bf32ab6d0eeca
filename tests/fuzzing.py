"""Damaged files, made from numbers so that each can be made again, and how they are judged."""

from __future__ import annotations

import contextlib
import copy
import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from eμsym import EmusymError

#: No mutant takes this long, unless it hangs: of the processor's time, which others on a
#: loaded machine do not lengthen, and of the clock's, for what waits and does nothing.
CPU_SECONDS, SECONDS = 30.0, 900.0


class Hang(BaseException):
    """Not an `Exception`, so that nobody takes it for something in the file."""


@contextlib.contextmanager
def no_hang(cpu_seconds: float = CPU_SECONDS, seconds: float = SECONDS) -> Iterator[None]:
    """End what takes too long."""

    def give_up(*arguments: object) -> None:
        raise Hang

    timers = {
        signal.SIGPROF: (signal.ITIMER_PROF, cpu_seconds),
        signal.SIGALRM: (signal.ITIMER_REAL, seconds),
    }
    before = {number: signal.signal(number, give_up) for number in timers}
    try:
        for timer, limit in timers.values():
            signal.setitimer(timer, limit)
        yield
    finally:
        for timer, _ in timers.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def mutants(n: int, quick: int) -> list[Any]:
    """Return seeds as parameters: the quick form's, then those that are slow."""
    first = pytest.param(range(quick), id="quick")
    return [first, pytest.param(range(quick, n), id="long", marks=pytest.mark.slow)]


def outcome(read: Callable[[], Any]) -> Any:
    """Return what is read, or the error's one line; any other exception passes."""
    try:
        with no_hang():
            return read()
    except EmusymError as error:
        line = str(error)
        assert line
        assert "\n" not in line
        return line


def mutated_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip a bit, overwrite, zero, cut out, put in or cut off some bytes."""
    data = bytearray(content)
    place = int(rng.integers(len(data)))
    length = int(rng.integers(1, 400))
    kind = rng.integers(6)
    if kind == 0:
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data[place : place + length] = rng.bytes(len(data[place : place + length]))
    elif kind == 2:
        data[place : place + length] = bytes(len(data[place : place + length]))
    elif kind == 3:
        del data[place : place + length]
    elif kind == 4:
        data[place:place] = rng.bytes(length)
    else:
        del data[place:]
    return bytes(data)


#: What a value of a JSON file may become.
OTHERS = (None, True, -1, 0, 3, 1.5, 1e308, "", "x", "..", [], {}, [1, "a", None], {"a": {}})


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of a JSON value and a key of it."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


def mutated_json(content: Any, rng: np.random.Generator) -> str:
    """Replace, remove, double or rename some of a JSON value, or write what is no JSON."""
    changed = copy.deepcopy(content)
    for _ in range(int(rng.integers(1, 4))):
        found = list(places(changed))
        if not found:
            break
        holder, key = found[int(rng.integers(len(found)))]
        kind = rng.integers(4)
        if kind == 0:
            holder[key] = OTHERS[int(rng.integers(len(OTHERS)))]
        elif kind == 1:
            del holder[key]
        elif kind == 2 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif kind == 2:
            holder[f"{key}x"] = holder.pop(key)
        elif isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
            holder[key] = holder[key] * (1 + 10.0 ** -rng.integers(1, 7)) + int(rng.integers(2))
    text = json.dumps(changed, ensure_ascii=False)
    if rng.random() < 0.2:
        text = mutated_bytes(text.encode(), rng).decode("latin-1")
    return text
