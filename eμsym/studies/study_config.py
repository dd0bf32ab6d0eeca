"""The configuration of a study: which toys are drawn, and which tests they are given."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eμsym.errors import ConfigurationError, EmusymError, InputFileError
from eμsym.studies.registry import SOURCES, TESTS
from eμsym.studies.rows import (
    SOURCE_ROW_FIELDS,
    PairRow,
    PoolRow,
    Row,
    SourceRow,
    ToyRow,
    require,
)
from eμsym.unbinned.cross_entropy import CrossEntropyTest
from eμsym.unbinned.nplm import NPLMTest
from eμsym.unbinned.spline import SplineScan, SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest
from eμsym.validation import first_problem

for _kind, _test in {
    "symmetrized": SymmetrizedTest,
    "nplm": NPLMTest,
    "cross_entropy": CrossEntropyTest,
    "spline": SplineTest,
    "spline_scan": SplineScan,
}.items():
    TESTS.register(_kind, _test)

#: The kinds of rows that need no registering, by what ``source`` says in TOML.
_ROWS: Mapping[str, type[Row]] = {
    "toy": ToyRow,
    "pool": PoolRow,
    "permutation": PairRow,
    "repeat": PairRow,
}


@dataclass(frozen=True)
class StudyTest:
    """A test that every toy of a study is given.

    Parameters
    ----------
    name : str
    test : SymmetrizedTest, NPLMTest, CrossEntropyTest, SplineTest, SplineScan or your own
        Of a kind that was registered, see `eμsym.studies.register_test`.
    record_epochs : tuple of int
        Epochs at which t of a network is also kept, from the same training. Each
        must be one at which the training is looked at, see
        `eμsym.engines.interface.checkpoints`.

    Raises
    ------
    ConfigurationError
        If t cannot be had at such an epoch, or the test is of another kind.
    """

    name: str
    test: Any
    record_epochs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        try:
            TESTS.options(self.test)
        except ConfigurationError as error:
            raise ConfigurationError(f"test {self.name!r}: {error}") from error
        if not self.record_epochs:
            return
        known = getattr(self.test, "checkpoints", None)
        if known is None:
            raise ConfigurationError(f"record_epochs: {type(self.test).__name__} has no epochs")
        for epoch in self.record_epochs:
            if epoch not in known:
                raise ConfigurationError(
                    f"record_epochs: {epoch} is none of the epochs at which the training is "
                    f"looked at: {', '.join(map(str, known))}"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return the test with all of its options, for JSON."""
        return {
            "name": self.name,
            "kind": TESTS.kind_of(self.test),
            **TESTS.options(self.test),
            "record_epochs": list(self.record_epochs),
        }


@dataclass(frozen=True)
class Study:
    """A study: every toy of every row is given every test.

    Toy i of a row uses child i of the row's seed, as `eμsym.running.toys.toy_statistics`
    does. Rows share the study's seed, so that those that differ in their signal
    alone have the same backgrounds.

    Parameters
    ----------
    name : str
    seed : int
    tests : tuple of StudyTest
    rows : tuple of ToyRow, PoolRow, PairRow or SourceRow

    Raises
    ------
    ConfigurationError
        If a name comes twice, or a number makes no sense.

    Examples
    --------
    >>> study = Study(
    ...     "a null", 1, (StudyTest("spline", SplineTest()),), (ToyRow("null", 100, 500, 500),)
    ... )
    >>> study_from_dict(study.to_dict()) == study
    True
    """

    name: str
    seed: int
    tests: tuple[StudyTest, ...]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        if not self.tests or not self.rows:
            raise ConfigurationError("a study needs at least one of [[tests]] and one of [[rows]]")
        for kind, names in (
            ("tests", [test.name for test in self.tests]),
            ("rows", [row.name for row in self.rows]),
        ):
            for name in names:
                if not name or names.count(name) > 1:
                    raise ConfigurationError(f"{kind}: the name {name!r} comes twice or is empty")
        require(self.seed >= 0, "seed", self.seed)
        for row in self.rows:
            row.check(self.rows)

    @property
    def toys(self) -> int:
        """The number of toys of all rows."""
        return sum(row.toys for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the study with every default written out, for JSON; see `study_from_dict`."""
        return {
            "name": self.name,
            "seed": self.seed,
            "tests": [_plain(test.to_dict()) for test in self.tests],
            "rows": [_plain(row.to_dict()) for row in self.rows],
        }


@dataclass(frozen=True)
class _Content:
    """What a TOML file holds; the options of tests and rows are for their own classes to check."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    name: str
    seed: int
    tests: list[dict[str, Any]]
    rows: list[dict[str, Any]]


def read_study(path: str | Path) -> Study:
    """Read a study from TOML.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Study
        With paths made relative to the file's folder.

    Raises
    ------
    InputFileError
        If the file cannot be read or is not TOML.
    ConfigurationError
        If a key is unknown or a value impossible; the message names both.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            content = tomllib.load(stream)
    except OSError as error:
        raise InputFileError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputFileError(f"{path}: is not TOML ({error})") from error
    rows = content.get("rows")
    for row in rows if isinstance(rows, list) else []:
        for key in ("path", "signal_path"):
            if isinstance(row, dict) and isinstance(row.get(key), str):
                row[key] = str(path.parent / row[key])
    try:
        return study_from_dict(content)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def study_from_dict(content: Mapping[str, Any]) -> Study:
    """Check a study that comes as a dict, as TOML gives it or `Study.to_dict`.

    Raises
    ------
    ConfigurationError
        If a key is unknown or a value impossible; the message names both.
    """
    try:
        checked = TypeAdapter(_Content).validate_python(dict(content))
    except ValidationError as error:
        raise ConfigurationError(first_problem(error)) from error
    rows = tuple(_row_from_dict(f"rows.{i}", row) for i, row in enumerate(checked.rows))
    tests = tuple(_test_from_dict(i, test) for i, test in enumerate(checked.tests))
    return Study(checked.name, checked.seed, tests, rows)


def _test_from_dict(number: int, content: dict[str, Any]) -> StudyTest:
    options = dict(content)
    kind = options.pop("kind", None)
    if not isinstance(kind, str) or kind not in TESTS.classes:
        known_kinds = ", ".join(TESTS.classes)
        raise ConfigurationError(f"tests.{number}.kind = {kind!r}: one of {known_kinds}")
    name = options.pop("name", kind)
    where = f"tests.{number} ({name})"
    epochs = options.pop("record_epochs", ())
    preset = options.pop("preset", None)
    test: Any = TESTS.classes[kind]
    known = [field.name for field in fields(test)]
    if unknown := sorted(options.keys() - set(known)):
        raise ConfigurationError(
            f"{where}: unknown key {unknown[0]!r}; there are {', '.join(known)}, "
            "name, kind, preset and record_epochs"
        )
    try:
        if preset is not None:
            if preset != "paper" or not hasattr(test, "paper"):
                raise ConfigurationError(f"preset {preset!r}: there is 'paper', for the networks")
            options = asdict(test.paper(**options))
        built = TypeAdapter(test).validate_python(options)
        recorded = TypeAdapter(tuple[int, ...]).validate_python(epochs)
        return StudyTest(TypeAdapter(str).validate_python(name), built, recorded)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {first_problem(error)}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _row_from_dict(place: str, content: dict[str, Any]) -> Row:
    kind = str(content.get("source"))
    if kind in _ROWS:
        built: Row = _built(_ROWS[kind], content, place)
        return built
    if kind not in SOURCES.classes:
        known = ", ".join([*_ROWS, *SOURCES.classes])
        raise ConfigurationError(f"{place}.source: one of {known}")
    own = [field.name for field in fields(SOURCES.classes[kind])]
    if unknown := sorted(content.keys() - {*own, *SOURCE_ROW_FIELDS, "source"}):
        raise ConfigurationError(f"unknown key '{place}.{unknown[0]}'")
    options = {name: content[name] for name in own if name in content}
    row = {name: content[name] for name in SOURCE_ROW_FIELDS if name in content}
    try:
        source = _built(SOURCES.classes[kind], options, place)
    except EmusymError as error:
        raise ConfigurationError(f"{place}: {error}") from error
    fields_of_row: _SourceRowFields = _built(_SourceRowFields, row, place)
    return fields_of_row.row(source)


@dataclass(frozen=True)
class _SourceRowFields:
    """A `SourceRow` but for its source."""

    name: str
    toys: int
    column: str | tuple[str, ...] | None = None
    scale: float = 1.0
    seed: int | None = None

    def row(self, source: Any) -> SourceRow:
        return SourceRow(self.name, self.toys, source, self.column, self.scale, self.seed)


def _built(kind: type[Any], content: dict[str, Any], place: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise ConfigurationError(first_problem(error, place)) from error


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in options.items()}
