"""The kinds of tests and of sources that a study can keep: ours, and the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

from eμsym.errors import ConfigurationError
from eμsym.sources import Source


@dataclass(frozen=True)
class Registry:
    """Dataclasses by the kind that stands for them in TOML and in stores.

    Attributes
    ----------
    what : str
        What they are, for messages.
    reserved : frozenset of str
        Names that their fields cannot have.
    classes : dict of str to type
    """

    what: str
    reserved: frozenset[str]
    classes: dict[str, type[Any]] = field(default_factory=dict)

    def register(self, kind: str, cls: type[Any]) -> None:
        """Add a kind; once more with the same class is no harm.

        Raises
        ------
        ConfigurationError
            If the kind is another class's, the class is no frozen dataclass, or a
            field has a reserved name.
        """
        frozen = isinstance(cls, type) and is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined,redundant-expr]
        if not frozen:
            raise ConfigurationError(f"{self.what} {kind!r}: {cls!r} is no frozen dataclass")
        known = self.classes.get(kind, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ConfigurationError(f"{self.what} {kind!r}: is {known!r} already")
        if clash := sorted(self.reserved & {each.name for each in fields(cls)}):
            raise ConfigurationError(
                f"{self.what} {kind!r}: a study has a {clash[0]!r} of its own; rename the field"
            )
        self.classes[kind] = cls

    def kind_of(self, instance: Any) -> str:
        """Return the kind of an instance.

        Raises
        ------
        ConfigurationError
            If its class was not registered.
        """
        for kind, cls in self.classes.items():
            if type(instance) is cls:
                return kind
        raise ConfigurationError(
            f"a study can keep {', '.join(self.classes) or 'none yet'}, not {instance!r}; "
            f"register_{self.what} adds a kind"
        )

    def options(self, instance: Any) -> dict[str, Any]:
        """Return an instance's fields, for JSON.

        Raises
        ------
        ConfigurationError
            If its class was not registered, or a field is nothing that JSON holds.
        """
        kind = self.kind_of(instance)
        options = asdict(instance)
        for name, value in options.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise ConfigurationError(
                    f"{self.what} {kind!r}: {name} = {value!r} cannot be written down ({error})"
                ) from error
        return options


#: What does not tell one study from another, and so cannot be what a toy depends on.
_NEUTRAL = frozenset({"toys", "path", "signal_path"})

TESTS = Registry("test", frozenset({"name", "kind", "preset", "record_epochs"}) | _NEUTRAL)
SOURCES = Registry("source", frozenset({"name", "column", "scale", "seed", "source"}) | _NEUTRAL)

#: What ``source`` says of rows that are no registered sources.
BUILT_IN_SOURCES = frozenset({"toy", "pool", "permutation", "repeat"})


def register_test(kind: str, cls: type[Callable[..., Any]]) -> None:
    """Let studies keep a test of your own.

    Where a store of it is read, in another process, it must be registered again.

    Parameters
    ----------
    kind : str
        ``kind`` in TOML, beside which the fields of the dataclass are options.
    cls : type
        A frozen dataclass, called as ``test(a, b, rng=…)`` on what the row's column
        says. Workers import it from its module. It returns a number, or a result
        with ``statistic``; if that has ``study_record(record_epochs) -> dict``, the
        columns of `eμsym.studies.records.TABLE` that it names are kept as well.

    Raises
    ------
    ConfigurationError
        If the kind is taken, the class is no frozen dataclass, or a field has a name
        that a study uses itself (name, kind, preset, record_epochs, toys, path).
    """
    TESTS.register(kind, cls)


def register_source(kind: str, cls: type[Source]) -> None:
    """Let studies draw from a source of your own.

    Parameters
    ----------
    kind : str
        ``source`` in TOML; the fields of the dataclass are options of the row, as
        its name, toys, column, scale and seed.
    cls : type
        A frozen dataclass with ``draw(rng) -> Pair``.

    Raises
    ------
    ConfigurationError
        As for `register_test`; the row's own options cannot be fields.
    """
    if kind in BUILT_IN_SOURCES:
        raise ConfigurationError(f"source {kind!r}: is a kind of our own")
    SOURCES.register(kind, cls)
