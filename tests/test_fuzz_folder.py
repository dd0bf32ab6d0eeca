"""Damaged folders: one line each, or the right answer; seeded and bounded.

The quick form tries some of each; the long one, marked slow, many more.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from eμsym import read_pair
from eμsym.analysis.yields import Cutflow, Yields
from eμsym.cli import main
from eμsym.folder import ProcessedFolder
from eμsym.plots import draw_cutflow
from tests.fuzzing import mutants, mutated_bytes, mutated_json, outcome

#: Mutants of each kind: in the usual tests, and in the long form.
QUICK, LONG = {"parquet": 60, "results": 150}, {"parquet": 600, "results": 2000}


def sized(kind: str) -> list[Any]:
    return mutants(LONG[kind], QUICK[kind])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A processed folder of two datasets: read only."""
    folder = tmp_path_factory.mktemp("fuzz")
    files = {name: {"files": {str(sample / f"{name}.root"): "Delphes"}} for name in ("ww", "zz")}
    (folder / "fileset.json").write_text(json.dumps(files), encoding="utf-8")
    main(["process", str(folder / "fileset.json"), "-o", str(folder / "out"), "--workers", "1"])
    return folder / "out"


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    shutil.copytree(whole, tmp_path / "out")
    return tmp_path / "out"


def content_of(folder: Path) -> tuple[Any, ...]:
    """Return all that is read of a folder, to be compared."""
    pair = read_pair(folder)
    histograms = [
        np.asarray(side.values(flow=True)) for name in pair.a.histograms for side in pair.hist(name)
    ]
    events = [ak.to_numpy(pair.pool.columns[name]) for name in sorted(pair.pool.columns)]
    return (pair.pool.labels, *events, *histograms)


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


# Parquet


def mutated_rows(path: Path, rng: np.random.Generator) -> None:
    """Drop, repeat or move rows, drop or rename or retype a column, as another program might."""
    table = ak.from_parquet(str(path))
    n, kind = len(table), rng.integers(6)
    name = str(rng.choice(ak.fields(table)))
    if kind == 0:
        table = table[: int(rng.integers(n))]
    elif kind == 1:
        table = table[rng.integers(0, n, n)]
    elif kind == 2:
        table = table[[field for field in ak.fields(table) if field != name]]
    elif kind == 3:
        table = ak.with_field(table, ak.Array([str(i) for i in range(n)]), name)
    elif kind == 4:
        table = ak.with_field(table, ak.to_numpy(table.weight) * rng.uniform(0.5, 2), "weight")
    else:
        table = ak.with_field(table, rng.permutation(ak.to_numpy(table[name])), name)
    ak.to_parquet(table, str(path), extensionarray=False)


@pytest.mark.parametrize("seeds", sized("parquet"))
def test_damaged_bytes_of_events_are_never_read_as_others(
    whole: Path, damaged: Path, seeds: range
) -> None:
    path, right = damaged / "events" / "ww.parquet", content_of(whole)
    content, refused = path.read_bytes(), 0
    for seed in seeds:
        path.write_bytes(mutated_bytes(content, np.random.default_rng([1, seed])))
        found = outcome(lambda: content_of(damaged))
        if isinstance(found, str):
            assert found.startswith(f"{path}: "), seed
            refused += 1
        else:
            assert same(found, right), seed
    # Nearly every byte of such a file says something.
    assert refused > 0.8 * len(seeds)


@pytest.mark.parametrize("seeds", sized("parquet"))
def test_events_written_anew_with_others_rows_or_columns(
    whole: Path, damaged: Path, seeds: range
) -> None:
    path = damaged / "events" / "ww.parquet"
    content, refused = path.read_bytes(), 0
    for seed in seeds:
        path.write_bytes(content)
        mutated_rows(path, np.random.default_rng([2, seed]))
        found = outcome(lambda: content_of(damaged))
        refused += isinstance(found, str)
    assert refused > 0.3 * len(seeds)


# results.json


def summary_of(folder: Path) -> tuple[Any, ...]:
    """Return what is read of a folder, and do with ``results.json`` what the commands do."""
    results = ProcessedFolder(folder).results()
    cutflow = Cutflow.of(results)
    _ = cutflow.cuts, cutflow.total
    Yields.of(results, tuple(results.pair), results.label_rule.names).to_dict()
    sums = {
        name: {cut: {"sumw": sumw} for cut, sumw in flow.items()}
        for name, flow in cutflow.datasets.items()
    }
    if results.pair:
        draw_cutflow({name: sums[name] for name in results.pair})
    _ = ProcessedFolder(folder).strangers()
    return content_of(folder)


@pytest.mark.parametrize("seeds", sized("results"))
def test_damaged_results_are_one_line_or_change_no_event(
    whole: Path, damaged: Path, seeds: range
) -> None:
    path, right = damaged / "results.json", content_of(whole)
    content, refused = json.loads(path.read_text(encoding="utf-8")), 0
    for seed in seeds:
        text = mutated_json(content, np.random.default_rng([3, seed]))
        path.write_text(text, encoding="utf-8")
        found = outcome(lambda: summary_of(damaged))
        if isinstance(found, str):
            refused += 1
        else:
            assert same(found, right), (seed, text)
    assert 0.2 * len(seeds) < refused < len(seeds)
