"""Tests and sources of the user's own: their nulls and their studies, none of our files touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eμsym.errors import ConfigurationError, DataError
from eμsym.nulls import permutation_null, toy_null
from eμsym.pair import Pair
from eμsym.running.toys import toy_statistics
from eμsym.studies import (
    SourceRow,
    Study,
    StudyTest,
    ToyRow,
    read_results,
    read_study,
    register_source,
    register_test,
    run_study,
    study_from_dict,
)
from eμsym.toy_model import ToyModel


@dataclass(frozen=True)
class Moments:
    """The largest difference of the first few moments of two samples; a plain number."""

    orders: tuple[int, ...] = (1, 2)

    def __call__(
        self, a: Any, b: Any, *, rng: Any = None, weights_a: Any = None, weights_b: Any = None
    ) -> float:
        return max(
            abs(float(np.average(a**k, weights=weights_a) - np.average(b**k, weights=weights_b)))
            for k in self.orders
        )


@dataclass(frozen=True)
class Found:
    """A result that has more to keep than its statistic."""

    statistic: float
    shift: float
    column: str = "t_a"

    def study_record(self, record_epochs: Sequence[int]) -> dict[str, Any]:
        return {self.column: self.shift, "dof": 1}


@dataclass(frozen=True)
class Shift:
    """A test of pairs in batches, with a noise of its own; it refuses large samples."""

    column: str = "t_a"
    most: int = 10_000
    batch: int = 8

    def __call__(self, a: Any, b: Any, *, rng: Any = None) -> Found:
        if len(a) > self.most:
            raise DataError(f"{len(a)} events in A")
        shift = float(a.mean() - b.mean()) + 0.1 * np.random.default_rng(rng).normal()
        return Found(abs(shift), shift, self.column)

    def each(self, pairs: Sequence[Any], *, rngs: Sequence[Any]) -> list[Found]:
        return [self(a, b, rng=rng) for (a, b), rng in zip(pairs, rngs, strict=True)]


@dataclass(frozen=True)
class Uniform:
    """Uniform samples with two columns."""

    n_a: int
    n_b: int = 40
    width: float = 1.0

    def draw(self, rng: Any = None) -> Pair:
        generator = np.random.default_rng(rng)
        return Pair.from_columns(
            *(
                {name: generator.uniform(0, self.width, n) for name in ("m", "pt")}
                for n in (self.n_a, self.n_b)
            )
        )


@pytest.fixture(autouse=True)
def registered() -> None:
    register_test("moments", Moments)
    register_test("shift", Shift)
    register_source("uniform", Uniform)


TOML = """
name = "mine"
seed = 4

[[tests]]
kind = "moments"
orders = [1, 3]

[[tests]]
kind = "spline"
k = 5

[[rows]]
name = "toys"
source = "toy"
toys = 12
n_a = 60
n_b = 50

[[rows]]
name = "mine"
source = "uniform"
toys = 10
n_a = 30
width = 200
column = "m"
scale = 0.01
seed = 9

[[rows]]
name = "permuted"
source = "permutation"
of = "mine"
toy = 3
toys = 6
"""


def test_a_statistic_of_our_own_gets_its_null() -> None:
    one = toy_null(Moments(), ToyModel(60, 50), 20, rng=1, workers=1)
    two = toy_null(Moments(), ToyModel(60, 50), 20, rng=1, workers=2)
    assert np.array_equal(one.samples, two.samples)
    pair = Uniform(30).draw(2)
    null = permutation_null(Moments(), pair, 99, column="m", rng=1, workers=1)
    assert 0.01 <= null.pvalue(Moments()(pair.a.column("m"), pair.b.column("m"))) <= 1


def test_own_tests_and_sources_in_a_study(tmp_path: Path) -> None:
    """From TOML, in part, then on two processes; the numbers are those of toy_statistics."""
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    study = read_study(path)
    assert study.tests[0] == StudyTest("moments", Moments((1, 3)))
    assert study.rows[1] == SourceRow("mine", 10, Uniform(30, width=200.0), "m", 0.01, 9)
    assert study_from_dict(study.to_dict()) == study
    partly = run_study(study, tmp_path / "store", workers=1, jobs=3)
    assert not partly.complete
    results = run_study(study, tmp_path / "store", workers=2)
    assert results.complete
    again = read_results(tmp_path / "store")
    assert again.table.equals(results.table)
    assert again.study == study
    assert np.array_equal(
        again.statistics("toys", "moments"),
        toy_statistics(Moments((1, 3)), ToyModel(60, 50), 12, rng=4, workers=1),
    )
    source = Uniform(30, width=200.0)
    options: dict[str, Any] = {"column": "m", "scale": 0.01, "workers": 1}
    assert np.array_equal(
        again.statistics("mine", "moments"),
        toy_statistics(Moments((1, 3)), source, 10, rng=9, **options),
    )
    for_draw = np.random.SeedSequence(9).spawn(4)[3].spawn(2)[0]
    pair = source.draw(np.random.default_rng(for_draw))
    null = permutation_null(Moments((1, 3)), pair, 6, rng=4, **options)
    assert again.statistics("permuted", "moments") == pytest.approx(null.samples, rel=1e-12)
    assert [line["source"] for line in again.summary()][::2] == ["toy", "uniform", "permutation"]


def test_batches_of_a_study_give_what_single_toys_give(tmp_path: Path) -> None:
    """Toys of several rows together; one that is refused is kept as such."""
    rows = (ToyRow("toys", 13, 40, 30), SourceRow("mine", 9, Uniform(45), "pt"))
    tables = []
    for batch, workers in ((1, 1), (8, 1), (5, 2)):
        study = Study("s", 3, (StudyTest("shift", Shift(most=46, batch=batch)),), rows)
        results = run_study(study, tmp_path / f"{batch}", workers=workers)
        tables.append(results.table)
    assert all(table.equals(tables[0]) for table in tables)
    failed = results.summary()[0]["failed"]
    assert 0 < failed < 13
    shift = results.column("t_a", "mine")
    assert np.array_equal(np.abs(shift), results.statistics("mine"))
    assert results.summary()[1]["dof"] == 1


def test_a_test_of_the_whole_pair(tmp_path: Path) -> None:
    """A row without a column."""
    register_test("of pairs", OfPairs)
    study = Study("s", 3, (StudyTest("p", OfPairs()),), (SourceRow("mine", 4, Uniform(45)),))
    t = run_study(study, tmp_path / "store", workers=1).statistics()
    assert np.array_equal(t, toy_statistics(OfPairs(), Uniform(45), 4, column=None, rng=3))


@dataclass(frozen=True)
class OfPairs:
    def __call__(self, pair: Pair, *, rng: Any = None) -> float:
        return float(pair.a.column("m").mean() - pair.b.column("pt").mean())


@dataclass
class Thawed:
    """Not frozen."""


@dataclass(frozen=True)
class Named:
    name: str = "x"


@dataclass(frozen=True)
class Holding:
    values: Any = None

    def __call__(self, a: Any, b: Any, *, rng: Any = None) -> float:
        return 0.0


def test_what_cannot_be_registered() -> None:
    register_test("moments", Moments)  # once more is no harm
    for cls, message in (
        (Shift, "'moments': is .*Moments'> already"),
        (Moments(), "is no frozen dataclass"),
        (Thawed, "is no frozen dataclass"),
        (int, "is no frozen dataclass"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            register_test("moments", cls)  # type: ignore[arg-type]
    for register in (register_test, register_source):
        with pytest.raises(ConfigurationError, match="a study has a 'name' of its own"):
            register("named", Named)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="'toy': is a kind of our own"):
        register_source("toy", Uniform)


def test_what_a_study_refuses_of_own_kinds(tmp_path: Path) -> None:
    def refused(message: str, **row: Any) -> None:
        content = {"name": "mine", "source": "uniform", "toys": 3, "n_a": 5, **row}
        tests = [{"kind": "moments"}]
        with pytest.raises(ConfigurationError, match=message):
            study_from_dict({"name": "s", "seed": 1, "tests": tests, "rows": [content]})

    refused(r"unknown key 'rows\.0\.widht'", widht=3)
    refused(r"rows\.0\.n_a = 'many'", n_a="many")
    refused(r"rows\.0\.toys = 2\.5", toys=2.5)
    refused("row 'mine': toys = 0", toys=0)
    refused("row 'mine': scale without a column", scale=0.1)
    refused(r"rows\.0\.source: one of toy, .*uniform", source="normal")
    with pytest.raises(ConfigurationError, match=r"test 'x': a study can keep .*register_test"):
        StudyTest("x", Holding())
    register_test("holding", Holding)
    with pytest.raises(ConfigurationError, match=r"values = array.* cannot be written down"):
        StudyTest("x", Holding(np.zeros(2)))
    with pytest.raises(ConfigurationError, match="Moments has no epochs"):
        StudyTest("x", Moments(), (3,))
    unknown = Study("s", 1, (StudyTest("x", Shift("colour")),), (ToyRow("n", 2, 9, 9),))
    with pytest.raises(ConfigurationError, match="study_record has 'colour'"):
        run_study(unknown, tmp_path / "store", workers=1)
