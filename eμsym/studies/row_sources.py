"""The sources that a study's rows draw from, and what identifies a study."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.random import SeedSequence

from eμsym.arrays import Rng
from eμsym.errors import ConfigurationError, DataError, EmusymError
from eμsym.event_io import read_events
from eμsym.label_rule import LEADING
from eμsym.pair import Pair
from eμsym.pair_io import read_pair
from eμsym.running.toys import draw_and_test
from eμsym.sample import Sample, joined_events
from eμsym.sources import (
    PoolSource,
    Source,
    columns_pair,
    pair_columns,
    permutations,
)
from eμsym.studies.rows import PairRow, PoolRow, Row, SourceRow, ToyRow
from eμsym.studies.study_config import Study, study_from_dict
from eμsym.testing import Columns
from eμsym.toy_model import ToyModel


@dataclass(frozen=True, eq=False)
class RowSource:
    """What a worker needs to know of a row.

    Attributes
    ----------
    source : Source
    column : str, tuple of str or None
    scale : float
        What the tests read of a pair, see `eμsym.sources.pair_columns`; None gives
        them the pair.
    seed : int
        Toy i uses its SeedSequence's child i.
    """

    source: Source
    column: Columns
    scale: float
    seed: int

    def seeds(self, toy: int) -> tuple[SeedSequence, SeedSequence]:
        """Return the seeds of a toy's draw and of its tests, as `toy_statistics` has them."""
        return draw_and_test(SeedSequence(self.seed, spawn_key=(toy,)))


@dataclass(frozen=True, eq=False)
class SamePair:
    """A source that draws one pair again and again."""

    pair: Pair

    def draw(self, rng: Rng = None) -> Pair:
        """Return the pair."""
        return self.pair


@dataclass(frozen=True, eq=False)
class OneToy:
    """One toy of a row, again and again; drawn anew each time, for it is quicker than to send.

    Parameters
    ----------
    row : RowSource
    toy : int
    permuted : bool
        Whether its labels are permuted.
    """

    row: RowSource
    toy: int
    permuted: bool

    def draw(self, rng: Rng = None) -> Pair:
        """Return the pair, or a permutation of it."""
        pair = self.row.source.draw(np.random.default_rng(self.row.seeds(self.toy)[0]))
        return pair.permuted(rng=rng) if self.permuted else pair


@dataclass(frozen=True, eq=False)
class Prepared:
    """A checked study with the sources of its rows.

    Attributes
    ----------
    study : Study
    rows : tuple of RowSource
    inputs : dict
        For each row that reads files: the SHA-256 of the events' values that it
        reads, their number, and how many of them differ.
    """

    study: Study
    rows: tuple[RowSource, ...]
    inputs: dict[str, dict[str, Any]]


def prepare(study: Study) -> Prepared:
    """Read what a study's rows draw from.

    Raises
    ------
    ConfigurationError, InputFileError, DataError
        If the study makes no sense, or a row's events cannot be had; the message
        names the row.
    """
    # Once more through the checks: one made in Python may hold 100 where a number is 100.0.
    study = study_from_dict(study.to_dict())
    files = _Files()
    rows: dict[str, RowSource] = {}
    inputs = {}
    # A row that takes another's toy may stand before it.
    for row in sorted(study.rows, key=lambda row: row.taken_from is not None):
        try:
            seed = study.seed if row.seed is None else row.seed
            rows[row.name], given = _row_source(row, seed, rows, files)
        except EmusymError as error:
            raise type(error)(f"row {row.name!r}: {error}") from error
        if given is not None:
            inputs[row.name] = given
    return Prepared(study, tuple(rows[row.name] for row in study.rows), inputs)


@singledispatch
def _row_source(
    row: Row, seed: int, others: Mapping[str, RowSource], files: _Files
) -> tuple[RowSource, dict[str, Any] | None]:
    """Return a row's source, and what identifies the files that it reads."""
    raise ConfigurationError(f"{row!r} is no row of a study")


@_row_source.register(ToyRow)
def _(row: ToyRow, seed: int, others: Any, files: Any) -> Any:
    model = ToyModel(row.n_a, row.n_b, row.signal, row.n_signal)
    return RowSource(model, "x", 1.0, seed), None


@_row_source.register(SourceRow)
def _(row: SourceRow, seed: int, others: Any, files: Any) -> Any:
    return RowSource(row.draws, row.column, row.scale, seed), None


@_row_source.register(PoolRow)
def _(row: PoolRow, seed: int, others: Any, files: _Files) -> Any:
    pool = files.events(row.path, row.datasets, row.order, row.column, row.uniform)
    signal = None
    if row.signal_path is not None:
        signal = files.events(
            row.signal_path, row.signal_datasets, row.order, row.column, row.uniform
        )
    source = PoolSource(pool, row.n_a, row.n_b, signal, row.n_signal)
    return RowSource(source, row.column, row.scale, seed), _digest([pool, signal])


@_row_source.register(PairRow)
def _(row: PairRow, seed: int, others: Mapping[str, RowSource], files: Any) -> Any:
    if row.of is not None:
        other = others[row.of]
        taken = OneToy(other, row.toy, row.source == "permutation")
        return RowSource(taken, other.column, other.scale, seed), None
    observed = read_pair(str(row.path), datasets=row.datasets or None)
    # Only what the tests read is permuted.
    pair = columns_pair(*pair_columns(observed, row.column, scale=row.scale))
    column: Columns = "x"
    if not isinstance(row.column, str):
        column = tuple(f"x{j}" for j in range(len(row.column or ())))
    same = permutations(pair) if row.source == "permutation" else SamePair(pair)
    return RowSource(same, column, 1.0, seed), _digest([pair.a.events, pair.b.events])


class _Files:
    """Events from disk; what several rows read is read once, and sent to workers once."""

    def __init__(self) -> None:
        self._known: dict[Any, ak.Array] = {}

    def events(
        self,
        path: str,
        datasets: tuple[str, ...],
        order: str | None,
        column: str | tuple[str, ...],
        uniform: bool,
    ) -> ak.Array:
        key = (path, datasets, order, column, uniform)
        if key not in self._known:
            self._known[key] = _events(*key)
        return self._known[key]


def _events(
    path: str,
    datasets: tuple[str, ...],
    order: str | None,
    column: str | tuple[str, ...],
    uniform: bool,
) -> ak.Array:
    """Return the columns that a pool's toys need."""
    if Path(path).suffix == ".parquet" and not datasets and order is None:
        events = _any_parquet(path)
    else:
        pair = read_pair(path, datasets=datasets or None)
        by_order = dict(zip(LEADING.orders, (pair.a.events, pair.b.events), strict=True))
        events = by_order.get(order or "")
        events = joined_events(pair.a, pair.b) if events is None else events
    names = [column] if isinstance(column, str) else list(column)
    if "weight" in ak.fields(events) and not uniform:
        names.append("weight")
    sample = Sample(events)
    try:
        return ak.zip({name: sample.column(name) for name in names}, depth_limit=1)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _any_parquet(path: str) -> ak.Array:
    """Read columns of a Parquet file that need not be a pair."""
    events = read_events(path)
    label = LEADING.column
    return ak.without_field(events, label) if label in events.fields else events


def _digest(samples: Iterable[ak.Array | None]) -> dict[str, Any]:
    """Return what identifies events: a hash of their values, and how many there are."""
    digest = hashlib.sha256()
    events, distinct = [], []
    for sample in samples:
        if sample is None:
            continue
        values = []
        for name in sorted(ak.fields(sample)):
            column = np.ascontiguousarray(ak.to_numpy(sample[name]), dtype="<f8")
            digest.update(f"{name} {column.size} ".encode())
            digest.update(column.tobytes())
            if name != "weight":
                values.append(column)
        events.append(len(sample))
        distinct.append(len(np.unique(np.stack(values, axis=1), axis=0)))
    return {"sha256": digest.hexdigest(), "events": events, "distinct": distinct}
