"""The configuration of a study: which toys are drawn, and which tests they are given."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from eμsym.engines.interface import checkpoints
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.unbinned.cross_entropy import CrossEntropyTest
from eμsym.unbinned.likelihood_ratio import NetworkTest
from eμsym.unbinned.nplm import NPLMTest
from eμsym.unbinned.spline import SplineScan, SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest

Testing = SymmetrizedTest | NPLMTest | CrossEntropyTest | SplineTest | SplineScan

_KINDS: Mapping[str, type[Testing]] = {
    "symmetrized": SymmetrizedTest,
    "nplm": NPLMTest,
    "cross_entropy": CrossEntropyTest,
    "spline": SplineTest,
    "spline_scan": SplineScan,
}


@dataclass(frozen=True)
class StudyTest:
    """A test that every toy of a study is given.

    Parameters
    ----------
    name : str
    test : SymmetrizedTest, NPLMTest, CrossEntropyTest, SplineTest or SplineScan
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
    test: Testing
    record_epochs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.test, tuple(_KINDS.values())):
            raise ConfigurationError(
                f"test {self.name!r}: a study can keep {', '.join(_KINDS)}, not {self.test!r}"
            )
        if not self.record_epochs:
            return
        if not isinstance(self.test, NetworkTest):
            raise ConfigurationError("record_epochs: a spline has no epochs")
        known = checkpoints(self.test.epochs)
        for epoch in self.record_epochs:
            if epoch not in known:
                raise ConfigurationError(
                    f"record_epochs: {epoch} is none of the epochs at which the training is "
                    f"looked at: {', '.join(map(str, known))}"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return the test with all of its options, for JSON."""
        kind = next(name for name, kind in _KINDS.items() if type(self.test) is kind)
        return {
            "name": self.name,
            "kind": kind,
            **asdict(self.test),
            "record_epochs": list(self.record_epochs),
        }


@dataclass(frozen=True)
class ToyRow:
    """Toys of the paper's analytic model, see `eμsym.toy_model.ToyModel`.

    Parameters
    ----------
    name : str
    toys : int
        How many.
    n_a, n_b, signal, n_signal
        Those of `ToyModel`.
    seed : int, optional
        In place of the study's.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    name: str
    toys: int
    n_a: float
    n_b: float
    signal: Literal["S1", "S2", "S3"] | None = None
    n_signal: float = 0.0
    seed: int | None = None
    source: Literal["toy"] = "toy"


@dataclass(frozen=True)
class PoolRow:
    """Toys drawn with replacement from events on disk, see `eμsym.sources.PoolSource`.

    Parameters
    ----------
    name : str
    toys : int
    path : str
        A processed folder, or a Parquet file.
    column : str or tuple of str
        What the tests read.
    n_a, n_b : float
        Expected sizes.
    scale : float
        The column is multiplied by this, as 0.01 for GeV to 100 GeV.
    datasets : tuple of str
        Of a folder. Default: all.
    order : {"emu", "mue"}, optional
        Draw only from events of that flavour order; default: from all.
    uniform : bool
        Draw every event with the same chance, whatever its weight.
    signal_path : str, optional
        The signal's folder or file, which may be that of the background.
    signal_datasets : tuple of str
    n_signal : float
        Expected signal events, in A only.
    seed : int, optional
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    name: str
    toys: int
    path: str
    column: str | tuple[str, ...]
    n_a: float
    n_b: float
    scale: float = 1.0
    datasets: tuple[str, ...] = ()
    order: Literal["emu", "mue"] | None = None
    uniform: bool = False
    signal_path: str | None = None
    signal_datasets: tuple[str, ...] = ()
    n_signal: float = 0.0
    seed: int | None = None
    source: Literal["pool"] = "pool"


@dataclass(frozen=True)
class PairRow:
    """One pair again and again, its labels permuted or as they are.

    Permutations give the null of that pair (`eμsym.nulls.permutation_null`).
    Repeated as it is, all that changes is the nets' initial parameters.

    Parameters
    ----------
    name : str
    toys : int
    source : {"permutation", "repeat"}
    path : str, optional
        The observed pair: a processed folder, or a Parquet file.
    column : str or tuple of str, optional
        What the tests read, for a pair on disk.
    scale : float
    datasets : tuple of str
    of : str, optional
        In place of a path: the row whose toy number `toy` is the observed pair.
    toy : int
    seed : int, optional
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    name: str
    toys: int
    source: Literal["permutation", "repeat"]
    path: str | None = None
    column: str | tuple[str, ...] | None = None
    scale: float = 1.0
    datasets: tuple[str, ...] = ()
    of: str | None = None
    toy: int = 0
    seed: int | None = None


Row = ToyRow | PoolRow | PairRow


@dataclass(frozen=True)
class Study:
    """A study: every toy of every row is given every test.

    Toy i of a row uses child i of the row's seed, as `eμsym.toy_loop.toy_statistics`
    does. Rows share the study's seed, so that those that differ in their signal
    alone have the same backgrounds.

    Parameters
    ----------
    name : str
    seed : int
    tests : tuple of StudyTest
    rows : tuple of ToyRow, PoolRow or PairRow

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
        _require(self.seed >= 0, "seed", self.seed)
        for row in self.rows:
            self._check(row)

    def _check(self, row: Row) -> None:
        where = f"row {row.name!r}"
        _require(row.toys >= 1, f"{where}: toys", row.toys)
        _require(row.seed is None or row.seed >= 0, f"{where}: seed", row.seed)
        if isinstance(row, ToyRow | PoolRow):
            for name in ("n_a", "n_b", "n_signal"):
                value = getattr(row, name)
                _require(np.isfinite(value) and value >= 0, f"{where}: {name}", value)
        if isinstance(row, ToyRow) and row.signal is None and row.n_signal > 0:
            raise ConfigurationError(f"{where}: n_signal without a signal: S1, S2 or S3")
        if isinstance(row, PoolRow):
            if row.n_signal > 0 and row.signal_path is None:
                raise ConfigurationError(f"{where}: n_signal without a signal_path")
            if row.signal_datasets and row.signal_path is None:
                raise ConfigurationError(f"{where}: signal_datasets without a signal_path")
        if isinstance(row, PairRow):
            if (row.path is None) == (row.of is None):
                raise ConfigurationError(f"{where}: give either path or of (another row's name)")
            if row.path is not None and row.column is None:
                raise ConfigurationError(f"{where}: column: say what the tests read")
            if row.of is not None:
                self._check_observed(row, where)

    def _check_observed(self, row: PairRow, where: str) -> None:
        drawn = [other.name for other in self.rows if not isinstance(other, PairRow)]
        if row.of not in drawn:
            raise ConfigurationError(
                f"{where}: of = {row.of!r}: name a row that draws pairs: {', '.join(drawn)}"
            )
        if row.column is not None or row.scale != 1.0 or row.datasets:
            raise ConfigurationError(f"{where}: column, scale and datasets are those of {row.of!r}")
        _require(row.toy >= 0, f"{where}: toy", row.toy)

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
            "rows": [_plain(asdict(row)) for row in self.rows],
        }


@dataclass(frozen=True)
class _Content:
    """What a TOML file holds; the tests' options are for their own classes to check."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    name: str
    seed: int
    tests: list[dict[str, Any]]
    rows: tuple[Annotated[Row, Field(discriminator="source")], ...]


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
        raise ConfigurationError(_first_problem(error)) from error
    tests = tuple(_test_from_dict(i, test) for i, test in enumerate(checked.tests))
    return Study(checked.name, checked.seed, tests, checked.rows)


def _test_from_dict(number: int, content: dict[str, Any]) -> StudyTest:
    options = dict(content)
    kind = options.pop("kind", None)
    if kind not in _KINDS:
        raise ConfigurationError(f"tests.{number}.kind = {kind!r}: one of {', '.join(_KINDS)}")
    name = options.pop("name", kind)
    where = f"tests.{number} ({name})"
    epochs = options.pop("record_epochs", ())
    preset = options.pop("preset", None)
    test = _KINDS[kind]
    known = [field.name for field in fields(test)]
    if unknown := sorted(options.keys() - set(known)):
        raise ConfigurationError(
            f"{where}: unknown key {unknown[0]!r}; there are {', '.join(known)}, "
            "name, kind, preset and record_epochs"
        )
    try:
        if preset is not None:
            if preset != "paper" or not issubclass(test, NetworkTest):
                raise ConfigurationError(f"preset {preset!r}: there is 'paper', for the networks")
            options = asdict(test.paper(**options))
        built = TypeAdapter(test).validate_python(options)
        recorded = TypeAdapter(tuple[int, ...]).validate_python(epochs)
        return StudyTest(TypeAdapter(str).validate_python(name), built, recorded)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {_first_problem(error)}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in options.items()}


def _require(condition: Any, name: str, value: Any) -> None:
    if not condition:
        raise ConfigurationError(f"{name} = {value}: is too small, or not finite")


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    # The union's tag stands in the place; a user never wrote it there.
    place = [part for part in first["loc"] if part not in ("toy", "pool", "permutation", "repeat")]
    key = ".".join(map(str, place))
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"unknown key {key!r}"
    if first["type"] == "missing":
        return f"{key} is missing"
    if first["type"] in ("union_tag_not_found", "union_tag_invalid"):
        return f"{key}.source: one of toy, pool, permutation, repeat"
    return f"{key} = {first['input']!r}: {first['msg']}"
