"""What a dataclass that reads a file says of itself: its keys, their types, their meaning."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any


def keys_at(model: Any, path: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the keys that there are where a key of a configuration was not known.

    Parameters
    ----------
    model : type
        The dataclass of the whole configuration.
    path : tuple
        Of the unknown key, as pydantic tells it: names, and numbers in lists.
    """
    for step in path[:-1]:
        if isinstance(step, str) and is_dataclass(model):
            kinds = {field.name: kind for field, kind in typed_fields(model)}
            model = next(models_in(kinds.get(step)), model)
    return tuple(field.name for field, _ in typed_fields(model))


def default_of(field: Field[Any]) -> Any:
    """Return what a field has where nothing is given; `MISSING` if something must be."""
    factory = field.default_factory
    return field.default if factory is MISSING else factory()


def descriptions(model: Any) -> dict[str, str]:
    """Return what the docstring of a model says of its fields."""
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in inspect.getdoc(model).splitlines():  # type: ignore[union-attr]
        if heading := re.fullmatch(r"(\w+(?:, \w+)*) : .*", line):
            names = heading[1].split(", ")
            found |= {name: [] for name in names}
        elif line.startswith("    ") and names:
            for name in names:
                found[name].append(line.strip())
        elif line.strip():
            names = []
    return {name: _plain(" ".join(lines)) for name, lines in found.items()}


def _plain(text: str) -> str:
    """Return a docstring's text without the marks of its markup."""
    return text.replace("``", "`").replace("`eμsym.", "`")


def typed_fields(model: Any) -> list[tuple[Field[Any], Any]]:
    """Return the fields that a file can give, each with its type."""
    kinds = typing.get_type_hints(model)
    return [(field, kinds[field.name]) for field in fields(model) if _from_file(kinds[field.name])]


def _from_file(kind: Any) -> bool:
    """Return whether a file can give such a value: a function it cannot."""
    return "Callable" not in str(kind)


def models_in(kind: Any) -> Iterator[Any]:
    """Yield the models in a type, each once."""
    if is_dataclass(kind):
        yield kind
    seen = dict.fromkeys(each for arg in typing.get_args(kind) for each in models_in(arg))
    yield from seen
