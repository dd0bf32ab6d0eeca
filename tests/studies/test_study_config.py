"""Studies' configurations: what is accepted, what is refused and how, what identifies them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eμsym.errors import ConfigurationError, DataError, EmusymError, InputFileError
from eμsym.nulls import permutation_null
from eμsym.pair import Pair
from eμsym.pair_io import write_pair
from eμsym.running.toys import toy_statistics
from eμsym.sources import PoolSource
from eμsym.studies import PoolRow, Study, StudyTest, ToyRow, read_study, run_study, study_from_dict
from eμsym.studies.row_sources import prepare
from eμsym.studies.running import in_turn
from eμsym.studies.study_file import StudyFile
from eμsym.toy_model import ToyModel
from eμsym.unbinned.nplm import NPLMTest
from eμsym.unbinned.spline import SplineScan, SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest

CONTENT: dict[str, Any] = {
    "name": "all kinds",
    "seed": 5,
    "tests": [
        {"kind": "symmetrized", "preset": "paper", "record_epochs": [25_000, 500_000]},
        {"kind": "nplm", "name": "clipped", "epochs": 100, "clip": 9},
        {"kind": "spline_scan", "k": [8, 13]},
    ],
    "rows": [
        {"name": "null", "source": "toy", "toys": 5, "n_a": 100, "n_b": 200},
        {"name": "permuted", "source": "permutation", "of": "null", "toy": 2, "toys": 3},
    ],
}


def test_what_is_read() -> None:
    study = study_from_dict(CONTENT)
    network, nplm, scan = (test.test for test in study.tests)
    assert network == SymmetrizedTest.paper()
    assert nplm == NPLMTest(epochs=100, clip=9)
    assert scan == SplineScan((8, 13))
    assert [test.name for test in study.tests] == ["symmetrized", "clipped", "spline_scan"]
    assert study.tests[0].record_epochs == (25_000, 500_000)
    assert study.rows[0] == ToyRow("null", 5, 100, 200)
    assert study.toys == 8
    assert study_from_dict(study.to_dict()) == study


def test_toml_and_its_paths(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "pool"\nseed = 1\n[[tests]]\nkind = "spline"\n[[rows]]\nname = "null"\n'
        'source = "pool"\npath = "processed"\nsignal_path = "signal.parquet"\n'
        'column = ["m_coll", "pt"]\ntoys = 3\nn_a = 10\nn_b = 10\n',
        encoding="utf-8",
    )
    (row,) = read_study(path).rows
    assert isinstance(row, PoolRow)
    assert (row.path, row.signal_path) == (
        str(tmp_path / "processed"),
        str(tmp_path / "signal.parquet"),
    )
    assert row.column == ("m_coll", "pt")


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = copy.deepcopy(CONTENT)
    change(content)
    return content


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda c: c.update(extra=1), "unknown key 'extra'"),
        (lambda c: c.pop("seed"), "seed is missing"),
        (lambda c: c.update(seed=-1), "seed = -1"),
        (lambda c: c.update(rows=[]), r"one of \[\[rows\]\]"),
        (lambda c: c.update(tests=3), "tests = 3"),
        (lambda c: c["rows"][0].update(n_aa=1), r"unknown key 'rows\.0\.n_aa'"),
        (lambda c: c["rows"][0].pop("source"), r"rows\.0\.source: one of toy, pool"),
        (lambda c: c["rows"][0].update(source="x"), r"rows\.0\.source: one of toy, pool"),
        (lambda c: c["rows"][0].update(toys=0), "row 'null': toys = 0"),
        (lambda c: c["rows"][0].update(toys=2.5), r"rows\.0\.toys = 2\.5"),
        (lambda c: c["rows"][0].update(n_a=float("nan")), "row 'null': n_a = nan"),
        (lambda c: c["rows"][0].update(seed=-1), "row 'null': seed = -1"),
        (lambda c: c["rows"][0].update(signal="S9"), r"rows\.0\.signal = 'S9'"),
        (lambda c: c["rows"][0].update(n_signal=5), "n_signal without a signal"),
        (lambda c: c["rows"][1].update(name="null"), "rows: the name 'null' comes twice"),
        (lambda c: c["rows"][1].update(of="nobody"), "of = 'nobody': name a row .* null"),
        (lambda c: c["rows"][1].update(of="permuted"), "of = 'permuted': name a row .* null"),
        (lambda c: c["rows"][1].update(toy=-1), "row 'permuted': toy = -1"),
        (lambda c: c["rows"][1].update(column="x"), "column, scale and datasets are those"),
        (lambda c: c["rows"][1].update(path="x"), "either path or of"),
        (lambda c: c["rows"][1].pop("of"), "either path or of"),
        (lambda c: c["rows"][1].update(of=None, path="x"), "column: say what the tests read"),
        (lambda c: c["tests"][0].update(epochs=9), "the paper fixes epochs"),
        (lambda c: c["tests"][0].update(record_epochs=[9]), "9 is none of the epochs .* 25000"),
        (lambda c: c["tests"][1].update(name="symmetrized"), "tests: the name 'symmetrized'"),
        (lambda c: c["tests"][1].update(epochs="many"), r"tests\.1 \(clipped\): epochs = 'many'"),
        (lambda c: c["tests"][1].update(epochs=0), "epochs: a whole number from 1 on"),
        (lambda c: c["tests"][1].update(epoks=9), "unknown key 'epoks'; there are hidden"),
        (lambda c: c["tests"][1].pop("kind"), r"tests\.1\.kind = None: one of symmetrized"),
        (lambda c: c["tests"][2].update(k=[2]), "from 4 to 200, got 2"),
        (lambda c: c["tests"][2].update(preset="paper"), "'paper', for the networks"),
        (lambda c: c["tests"][2].update(record_epochs=[9]), "SplineScan has no epochs"),
    ],
)
def test_what_is_refused(change: Callable[[dict[str, Any]], object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        study_from_dict(changed(change))
    assert "\n" not in str(error.value)


def test_files_that_are_no_study(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        read_study(tmp_path / "absent.toml")
    path = tmp_path / "study.toml"
    path.write_text("name = ", encoding="utf-8")
    with pytest.raises(InputFileError, match="is not TOML"):
        read_study(path)
    path.write_text("name = 'x'", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"study\.toml: seed is missing"):
        read_study(path)


def test_a_test_that_cannot_be_written_down_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a study can keep symmetrized"):
        StudyTest("own", lambda a, b, *, rng: 1.0)  # type: ignore[arg-type]


def fingerprint(content: dict[str, Any]) -> str:
    prepared = prepare(study_from_dict(content))
    return StudyFile(prepared.study, prepared.inputs, ()).fingerprint


def test_what_identifies_a_study() -> None:
    """Whatever changes a toy, and nothing else."""
    same = fingerprint(CONTENT)
    for change in (
        lambda c: c.update(name="another"),
        lambda c: c["rows"][0].update(toys=99),
        lambda c: c["rows"][0].update(n_signal=0),
        lambda c: c["tests"][1].update(threads=2),
        lambda c: c["tests"][0].update(engine="auto"),
    ):
        assert fingerprint(changed(change)) == same
    for change in (
        lambda c: c.update(seed=6),
        lambda c: c["rows"].reverse(),
        lambda c: c["rows"][0].update(n_a=101),
        lambda c: c["rows"][0].update(seed=7),
        lambda c: c["rows"][1].update(toy=3),
        lambda c: c["rows"][1].update(source="repeat"),
        lambda c: c["tests"][1].update(epochs=101),
        lambda c: c["tests"].pop(),
    ):
        assert fingerprint(changed(change)) != same
    made = Study("all kinds", 5, study_from_dict(CONTENT).tests, study_from_dict(CONTENT).rows)
    prepared = prepare(made)
    assert StudyFile(prepared.study, prepared.inputs, ()).fingerprint == same


def test_all_rows_progress_together() -> None:
    rows = tuple(ToyRow(name, toys, 10, 10) for name, toys in (("a", 200), ("b", 10), ("c", 40)))
    order = in_turn(Study("s", 1, (StudyTest("t", SplineTest()),), rows))
    assert sorted(order) == [(i, toy) for i, row in enumerate(rows) for toy in range(row.toys)]
    half = order[: len(order) // 2]
    assert [sum(row == i for row, _ in half) for i in range(3)] == [100, 5, 20]
    for i in range(3):
        assert [toy for row, toy in order if row == i] == list(range(rows[i].toys))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A background and a signal on disk, with weights, as pairs."""
    rng = np.random.default_rng(1)
    for name, n in (("background", 4000), ("signal", 500)):
        columns = [
            {
                "m": rng.normal(90, 20, n),
                "pt": rng.exponential(30, n),
                "weight": rng.uniform(0.5, 1.5, n),
            }
            for _ in range(2)
        ]
        write_pair(Pair.from_columns(*columns), tmp_path / f"{name}.parquet")
    return tmp_path


def pooled(pair: Pair, *names: str) -> dict[str, Any]:
    return {n: np.r_[pair.a.column(n), pair.b.column(n)] for n in names}


def test_a_pool_is_what_pool_source_draws_from(files: Path) -> None:
    from eμsym.pair_io import read_pair

    background, signal = (read_pair(files / f"{n}.parquet") for n in ("background", "signal"))
    row = PoolRow(
        "with signal",
        6,
        str(files / "background.parquet"),
        "m",
        900,
        800,
        scale=0.01,
        signal_path=str(files / "signal.parquet"),
        n_signal=50,
    )
    variants: list[tuple[dict[str, Any], PoolSource]] = [
        (
            {},
            PoolSource(
                pooled(background, "m", "weight"), 900, 800, pooled(signal, "m", "weight"), 50
            ),
        ),
        (
            {"uniform": True},
            PoolSource(pooled(background, "m"), 900, 800, pooled(signal, "m"), 50),
        ),
        (
            {"order": "mue", "uniform": True, "signal_path": None, "n_signal": 0},
            PoolSource({"m": background.b.column("m")}, 900, 800),
        ),
    ]
    for number, (options, source) in enumerate(variants):
        study = Study("pool", 3, (StudyTest("spline", SplineTest(8)),), (replace(row, **options),))
        results = run_study(study, files / f"store{number}", workers=1)
        expected = toy_statistics(
            SplineTest(8), source, 6, column="m", scale=0.01, rng=3, workers=1
        )
        assert np.array_equal(results.statistics(), expected)
    assert results.inputs["with signal"]["events"] == [4000]


def splines_of_one(a: Any, b: Any, *, rng: Any = None, **weights: Any) -> float:
    """The spline test without its way to do many relabellings at once, as studies draw them."""
    return SplineTest(8)(a, b, **weights).t


def test_a_permutation_row_is_the_null_of_its_pair(files: Path) -> None:
    from eμsym.pair_io import read_pair

    path = files / "background.parquet"
    content = changed(lambda c: c.update(tests=[{"kind": "spline", "k": 8}]))
    content["rows"] = [
        {"name": "toys", "source": "toy", "toys": 3, "n_a": 500, "n_b": 400, "seed": 9},
        {"name": "of a toy", "source": "permutation", "toys": 5, "of": "toys", "toy": 2},
        {
            "name": "of a file",
            "source": "permutation",
            "toys": 5,
            "path": str(path),
            "column": "m",
            "scale": 0.01,
        },
        {"name": "again", "source": "repeat", "toys": 4, "of": "toys", "toy": 1},
    ]
    results = run_study(study_from_dict(content), files / "store", workers=1)
    of_file = permutation_null(
        splines_of_one, read_pair(path), 5, column="m", scale=0.01, rng=5, workers=1
    )
    assert np.array_equal(results.statistics("of a file"), of_file.samples)
    for_draw, _ = np.random.SeedSequence(9).spawn(3)[2].spawn(2)
    pair = ToyModel(500, 400).draw(np.random.default_rng(for_draw))
    of_toy = permutation_null(splines_of_one, pair, 5, column="x", rng=5, workers=1)
    assert np.array_equal(results.statistics("of a toy"), of_toy.samples)
    assert np.array_equal(results.statistics("again"), [results.statistics("toys")[1]] * 4)


def test_events_that_cannot_be_had_name_their_row(files: Path) -> None:
    def refused(error: type[EmusymError], message: str, **options: Any) -> None:
        row = PoolRow("mine", 2, str(files / "background.parquet"), "m", 10, 10)
        rows = (replace(row, **options),)
        with pytest.raises(error, match=message):
            run_study(Study("s", 1, (StudyTest("t", SplineTest()),), rows), files / "store")
        assert not (files / "store").exists()

    refused(DataError, r"row 'mine': .*background\.parquet: no column 'x'; .* m, pt", column="x")
    refused(InputFileError, "row 'mine': .*absent", path=str(files / "absent.parquet"))
    refused(InputFileError, "row 'mine': .*absent", path=str(files / "absent"))
    refused(ConfigurationError, "without a signal_path", n_signal=3)
    refused(ConfigurationError, "datasets can be chosen only from", datasets=("ww",))


def test_a_file_of_other_events_is_another_study(files: Path) -> None:
    row = PoolRow("mine", 4, str(files / "background.parquet"), "m", 100, 100, scale=0.01)
    study = Study("s", 1, (StudyTest("t", SplineTest(5)),), (row,))
    first = run_study(study, files / "store", workers=1)
    moved = replace(row, path=str(files / "moved.parquet"))
    (files / "background.parquet").rename(files / "moved.parquet")
    again = run_study(replace(study, rows=(moved,)), files / "store", workers=1)
    assert again.table.equals(first.table)
    other = replace(row, path=str(files / "signal.parquet"))
    with pytest.raises(
        ConfigurationError, match="row 'mine': the files' events are not those of before"
    ):
        run_study(replace(study, rows=(other,)), files / "store")
