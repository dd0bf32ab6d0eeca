"""The rows of a study: which toys are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from eμsym.errors import ConfigurationError
from eμsym.sources import Source
from eμsym.studies.registry import SOURCES
from eμsym.testing import Columns


class RowOfToys:
    """What all rows have in common.

    Attributes
    ----------
    draws_pairs : bool
        Whether its toys are pairs of their own, which other rows may take.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)
    draws_pairs: ClassVar[bool] = True

    name: str
    toys: int
    seed: int | None

    @property
    def where(self) -> str:
        """The row in messages."""
        return f"row {self.name!r}"

    @property
    def taken_from(self) -> str | None:
        """The row that must be prepared before it."""
        return None

    def check(self, rows: Sequence[Row]) -> None:
        """Refuse numbers that make no sense.

        Raises
        ------
        ConfigurationError
            If there is one.
        """
        require(self.toys >= 1, f"{self.where}: toys", self.toys)
        require(self.seed is None or self.seed >= 0, f"{self.where}: seed", self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Return the row with every default written out."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True)
class ToyRow(RowOfToys):
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

    name: str
    toys: int
    n_a: float
    n_b: float
    signal: Literal["S1", "S2", "S3"] | None = None
    n_signal: float = 0.0
    seed: int | None = None
    source: Literal["toy"] = "toy"

    def check(self, rows: Sequence[Row]) -> None:
        """Refuse numbers that make no sense."""
        super().check(rows)
        _check_sizes(self)
        if self.signal is None and self.n_signal > 0:
            raise ConfigurationError(f"{self.where}: n_signal without a signal: S1, S2 or S3")


@dataclass(frozen=True)
class PoolRow(RowOfToys):
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

    def check(self, rows: Sequence[Row]) -> None:
        """Refuse numbers that make no sense, and a signal's options without one."""
        super().check(rows)
        _check_sizes(self)
        if self.n_signal > 0 and self.signal_path is None:
            raise ConfigurationError(f"{self.where}: n_signal without a signal_path")
        if self.signal_datasets and self.signal_path is None:
            raise ConfigurationError(f"{self.where}: signal_datasets without a signal_path")


@dataclass(frozen=True)
class PairRow(RowOfToys):
    """One pair again and again, its labels permuted or as they are.

    Permutations give the null of that pair (`eμsym.nulls.permutation_null`, which draws
    other ones where a test does many relabellings at once). Repeated as it is, all that
    changes is the nets' initial parameters.

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

    draws_pairs: ClassVar[bool] = False

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

    @property
    def taken_from(self) -> str | None:
        """The row whose toy is the pair."""
        return self.of

    def check(self, rows: Sequence[Row]) -> None:
        """Refuse a pair that is not there, or there twice."""
        super().check(rows)
        if (self.path is None) == (self.of is None):
            raise ConfigurationError(f"{self.where}: give either path or of (another row's name)")
        if self.path is not None and self.column is None:
            raise ConfigurationError(f"{self.where}: column: say what the tests read")
        if self.of is None:
            return
        drawn = [other.name for other in rows if other.draws_pairs]
        if self.of not in drawn:
            raise ConfigurationError(
                f"{self.where}: of = {self.of!r}: name a row that draws pairs: {', '.join(drawn)}"
            )
        if self.column is not None or self.scale != 1.0 or self.datasets:
            raise ConfigurationError(
                f"{self.where}: column, scale and datasets are those of {self.of!r}"
            )
        require(self.toy >= 0, f"{self.where}: toy", self.toy)


@dataclass(frozen=True)
class SourceRow(RowOfToys):
    """Toys of any registered source, see `eμsym.studies.register_source`.

    In TOML ``source`` is the kind under which it was registered, and the fields of
    its dataclass stand beside those of the row.

    Parameters
    ----------
    name : str
    toys : int
        How many.
    draws : Source
        What they are drawn from.
    column : str or tuple of str, optional
        What the tests read. Default: they are given the pair.
    scale : float
        The column is multiplied by this.
    seed : int, optional
        In place of the study's.
    """

    name: str
    toys: int
    draws: Source
    column: Columns = None
    scale: float = 1.0
    seed: int | None = None

    @property
    def source(self) -> str:
        """The kind of the source."""
        return SOURCES.kind_of(self.draws)

    def check(self, rows: Sequence[Row]) -> None:
        """Refuse numbers that make no sense, and a source that was not registered."""
        super().check(rows)
        if self.column is None and self.scale != 1.0:
            raise ConfigurationError(f"{self.where}: scale without a column")
        SOURCES.options(self.draws)

    def to_dict(self) -> dict[str, Any]:
        """Return the row with every default written out."""
        return {
            "name": self.name,
            "toys": self.toys,
            **SOURCES.options(self.draws),
            "column": self.column,
            "scale": self.scale,
            "seed": self.seed,
            "source": self.source,
        }


Row = ToyRow | PoolRow | PairRow | SourceRow

#: The fields of a `SourceRow` in TOML that are not its source's.
SOURCE_ROW_FIELDS = ("name", "toys", "column", "scale", "seed")


def require(condition: Any, name: str, value: Any) -> None:
    """Refuse a number that makes no sense.

    Raises
    ------
    ConfigurationError
        If the condition does not hold.
    """
    if not condition:
        raise ConfigurationError(f"{name} = {value}: is too small, or not finite")


def _check_sizes(row: ToyRow | PoolRow) -> None:
    for name in ("n_a", "n_b", "n_signal"):
        value = getattr(row, name)
        require(np.isfinite(value) and value >= 0, f"{row.where}: {name}", value)
