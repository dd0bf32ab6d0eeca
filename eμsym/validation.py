"""What pydantic finds wrong with a user's file, as a line of our own."""

from __future__ import annotations

import reprlib

from pydantic import ValidationError

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 80
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")


def first_problem(error: ValidationError, place: str = "", *, remedy: str = "") -> str:
    """Return the first thing that is wrong: which key, its value, and why.

    Parameters
    ----------
    error : pydantic.ValidationError
    place : str
        Where the keys stand, put before them with a dot.
    remedy : str
        What is said after an unknown key.
    """
    first = error.errors()[0]
    key = ".".join(map(str, (*([place] if place else []), *first["loc"])))
    if first["type"] in _UNKNOWN:
        return f"unknown key {key!r}{remedy}"
    if first["type"] == "missing":
        return f"{key} is missing"
    if not key:
        return str(first["msg"]).removeprefix("Value error, ")
    return f"{key} = {_SHORT.repr(first['input'])}: {first['msg']}"
