"""eμsym: are two samples, that a symmetry says are one, compatible?

The public names, listed in ``__init__.pyi`` alone, are imported on first use, so that
``import eμsym`` and ``emusym --help`` are quick. ``import emusym`` is the same module.

Which of the two samples comes first:

- A pair is (A, B), and whatever takes it apart returns A first: ``a, b = pair.hist(…)``.
- Tests of events, `SplineTest` and its like, are called as ``test(a, b)``; which sample
  is first matters to NPLM alone, whose reference is the second.
- Functions of bins are called as ``f(b, a)``, since they look at B − A with A as B's
  reference: ``nsigma(b, a)``, ``q0(b, a, signal)``, ``scan_windows(b, a)``. Positive is an
  excess in B, and the signal of q0, of injections and of templates is in B.
- For a signal in A nothing is flipped by hand: `Q0Test` is told ``signal_in="a"``, and
  ``pair.difference(…).swapped`` is A − B, positive for an excess in A.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

#: The module of every public name, as the stub for type checkers has them.
_MODULE_OF = {
    alias.name: statement.module
    for statement in ast.parse(Path(__file__).with_suffix(".pyi").read_text("utf-8")).body
    if isinstance(statement, ast.ImportFrom) and statement.module
    for alias in statement.names
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    """Import a public name from its module the first time that it is asked for."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
