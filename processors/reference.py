"""The reference of the configuration file, made of the models that read it."""

from __future__ import annotations

import json
import textwrap
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from types import UnionType
from typing import Any

from eμsym.processors.models import default_of, descriptions, models_in, typed_fields
from eμsym.processors.run_config import RunConfig

_HEADING = """\
# Every key of a configuration for `emusym run CONFIG.toml` and `emusym process -c CONFIG.toml`.
# Behind a `#` alone stands the value that a key has where it is not given: take the # away, and
# change it. Tables in [[double brackets]] may be given any number of times."""

_WIDTH = 96


def reference() -> str:
    """Return the reference, as TOML of comments: every key, its meaning and its default."""
    return "\n".join([_HEADING, *_table(RunConfig, "")]) + "\n"


def _table(model: Any, path: str, *, example: bool = False) -> Iterator[str]:
    """Yield the lines of a table: its keys first, then the tables in it."""
    about = descriptions(model)
    inner = []
    for field, kind in typed_fields(model):
        models, default = list(models_in(kind)), default_of(field)
        inner += [(each, field.name, _is_many(kind)) for each in models]
        if not models or not (default in (None, ()) or is_dataclass(default)):
            yield ""
            yield from _comment(about.get(field.name, ""))
            yield _key(field, kind, "# " if example else "#")
    for each, name, many in inner:
        whole = f"{path}.{name}" if path else name
        heading = f"[[{whole}]]" if many else f"[{whole}]"
        # What must be given has no value to stand there: such a table is no default.
        example = many or any(default_of(field) is MISSING for field, _ in typed_fields(each))
        yield from ("", f"# {heading}" if example else f"#{heading}")
        yield from _comment(about.get(name, ""))
        yield from _table(each, whole, example=example)


def _key(field: Field[Any], kind: Any, mark: str) -> str:
    default = default_of(field)
    if default is MISSING:
        return f"# {field.name}: {_named(kind)}, must be given"
    if default is None:
        return f"# {field.name}: {_named(kind)}"
    return f"{mark}{field.name} = {_toml(default)}"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH)]


def _is_many(kind: Any) -> bool:
    return typing.get_origin(kind) is tuple


def _named(kind: Any) -> str:
    """Return a type as the reader of a TOML file calls it."""
    if isinstance(kind, UnionType):
        some = [each for each in typing.get_args(kind) if each is not type(None)]
        return " or ".join(map(_named, some))
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        inner = [_named(each) for each in args if each is not Ellipsis]
        return f"list of {inner[0]}" if Ellipsis in args else f"[{', '.join(inner)}]"
    if origin is dict:
        return f"table of {_named(args[1])}"
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return plain.get(kind, getattr(kind, "__name__", str(kind)))


def _toml(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    if is_dataclass(value) and not isinstance(value, type):
        given = {f.name: getattr(value, f.name) for f in fields(value)}
        changed = {
            name: each
            for (name, each), field in zip(given.items(), fields(value), strict=True)
            if each != default_of(field)
        }
        return "{ " + ", ".join(f"{name} = {_toml(x)}" for name, x in changed.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
