"""What pydantic finds wrong with a user's file, as a line of our own."""

from __future__ import annotations

import reprlib
from typing import Any

from pydantic import ValidationError

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 80
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")


def first_error(error: ValidationError) -> Any:
    """Return the first unknown key, or else whatever is the first that is wrong.

    A key that is misspelt is also one that is missing, of which only the former says why.
    """
    errors = error.errors()
    return next((each for each in errors if each["type"] in _UNKNOWN), errors[0])


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
    first = first_error(error)
    key = ".".join(map(str, (*([place] if place else []), *first["loc"])))
    if first["type"] in _UNKNOWN:
        return f"unknown key {key!r}{remedy}"
    if first["type"] == "missing":
        return f"{key} is missing"
    if not key:
        return str(first["msg"]).removeprefix("Value error, ")
    return f"{key} = {_SHORT.repr(first['input'])}: {first['msg']}"
