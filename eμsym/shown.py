"""What an interpreter and a notebook show of a pair or a result: a line or two, a small table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from html import escape
from typing import Any

import numpy as np

#: Characters of a `repr`, two lines of a terminal, and of one value in it.
WIDTH, VALUE_WIDTH = 200, 90
#: Entries of an array or a tuple that are written out, and names that a list of them has.
ENTRIES, NAMES = 4, 6


class Shown:
    """A dataclass that is shown shortly: arrays by their shapes, long lists by their beginning.

    Made with ``@dataclass(repr=False)``, which would write a ``repr`` of its own. Nothing
    is computed for it: what is shown is what is there.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(repr=False)
    ... class Fit(Shown):
    ...     mu: float
    ...     background: np.ndarray
    >>> Fit(12.3456789, np.zeros((28, 28)))
    Fit(mu=12.3457, background=<28×28 float64>)
    """

    def shown(self) -> Mapping[str, Any]:
        """Return what is shown, by name.

        Default: the dataclass's fields but those that are None or have ``repr=False``.
        """
        listed = {x.name: getattr(self, x.name) for x in fields(self) if x.repr}  # type: ignore[arg-type]
        return {name: value for name, value in listed.items() if value is not None}

    def __repr__(self) -> str:
        name, parts = type(self).__name__, [f"{k}={brief(v)}" for k, v in self.shown().items()]
        whole = f"{name}({', '.join(parts)})"
        while len(whole) > WIDTH and parts:
            parts.pop()
            whole = f"{name}({', '.join([*parts, '…'])})"
        return whole

    def _repr_html_(self) -> str:
        """Return a table of what is shown, as notebooks ask for it."""
        rows = "".join(
            f'<tr><th style="text-align: left">{escape(name)}</th>'
            f'<td style="text-align: left">{escape(brief(value))}</td></tr>'
            for name, value in self.shown().items()
        )
        return f"<table><caption>{escape(type(self).__name__)}</caption>{rows}</table>"


def brief(value: Any) -> str:
    """Return a value in a few words, see `Shown`.

    Parameters
    ----------
    value : Any
        Numbers have six digits; arrays and histograms are given by their shapes, mappings
        by their keys, anything else that is long by its type.
    """
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.generic):
        return brief(value.item())
    if isinstance(value, np.ndarray):
        if value.ndim == 1 and value.size <= ENTRIES:
            return f"[{', '.join(map(brief, value))}]"
        return f"<{'×'.join(map(str, value.shape))} {value.dtype}>"
    if isinstance(value, Mapping):
        return f"{{{_some(map(brief, value), NAMES)}}}"
    if isinstance(value, tuple | list):
        left, right = ("(", ",)" if len(value) == 1 else ")") if isinstance(value, tuple) else "[]"
        inside = _some(map(brief, value), NAMES if isinstance(value, list) else ENTRIES)
        return _within(f"{left}{inside}{right}", value)
    if hasattr(value, "axes") and hasattr(value, "values"):
        return f"<{'×'.join(str(len(axis)) for axis in value.axes)} bins>"
    return _within(repr(value), value)


def _some(words: Iterable[str], most: int) -> str:
    """Return the first of several words, and how many more there are."""
    listed = list(words)
    more = [f"… {len(listed) - most} more"] if len(listed) > most else []
    return ", ".join([*listed[:most], *more])


def _within(text: str, value: Any) -> str:
    """Return a text, or the type's name where it is long or but an address."""
    short = len(text) <= VALUE_WIDTH and "\n" not in text and " at 0x" not in text
    return text if short else f"<{type(value).__name__}>"
