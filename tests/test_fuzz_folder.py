"""Damaged folders and configurations: one line each, or the right answer; seeded and bounded.

The quick form tries some of each; the long one, marked slow, many more.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from eμsym import EmusymError, read_pair
from eμsym.analysis.yields import Cutflow, Yields
from eμsym.cli import main
from eμsym.folder import ProcessedFolder
from eμsym.plots import draw_cutflow
from eμsym.processors.run_config import RunConfig, read_run_config
from eμsym.studies import Study, read_study

#: Mutants of each kind: in the usual tests, and in the long form.
QUICK, LONG = (
    {"parquet": 60, "results": 150, "toml": 100},
    {
        "parquet": 600,
        "results": 2000,
        "toml": 2000,
    },
)


def mutants(n: int, quick: int) -> list[Any]:
    """Return seeds as parameters: the quick form's, then those that are slow."""
    first = pytest.param(range(quick), id="quick")
    return [first, pytest.param(range(quick, n), id="long", marks=pytest.mark.slow)]


def sized(kind: str) -> list[Any]:
    return mutants(LONG[kind], QUICK[kind])


def outcome(read: Callable[[], Any]) -> Any:
    """Return what is read, or the error's one line; any other exception passes."""
    try:
        return read()
    except EmusymError as error:
        line = str(error)
        assert line
        assert "\n" not in line
        return line


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


def mutated_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip a bit, overwrite, zero, cut out, put in or cut off some bytes."""
    data = bytearray(content)
    place = int(rng.integers(len(data)))
    length = int(rng.integers(1, 400))
    kind = rng.integers(6)
    if kind == 0:
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data[place : place + length] = rng.bytes(len(data[place : place + length]))
    elif kind == 2:
        data[place : place + length] = bytes(len(data[place : place + length]))
    elif kind == 3:
        del data[place : place + length]
    elif kind == 4:
        data[place:place] = rng.bytes(length)
    else:
        del data[place:]
    return bytes(data)


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

OTHERS = (None, True, -1, 0, 3, 1.5, 1e308, "", "x", "..", [], {}, [1, "a", None], {"a": {}})


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of a JSON value and a key of it."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


def mutated_json(content: Any, rng: np.random.Generator) -> str:
    """Replace, remove, double or rename some of a JSON value, or write what is no JSON."""
    changed = copy.deepcopy(content)
    for _ in range(int(rng.integers(1, 4))):
        found = list(places(changed))
        if not found:
            break
        holder, key = found[int(rng.integers(len(found)))]
        kind = rng.integers(4)
        if kind == 0:
            holder[key] = OTHERS[int(rng.integers(len(OTHERS)))]
        elif kind == 1:
            del holder[key]
        elif kind == 2 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif kind == 2:
            holder[f"{key}x"] = holder.pop(key)
        elif isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
            holder[key] = holder[key] * (1 + 10.0 ** -rng.integers(1, 7)) + int(rng.integers(2))
    text = json.dumps(changed, ensure_ascii=False)
    if rng.random() < 0.2:
        text = mutated_bytes(text.encode(), rng).decode("latin-1")
    return text


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


# TOML

RUN = """
inputs = ["a.root", "b/*.root"]
tree = "Delphes"
pair = ["data"]
luminosity_ifb = 36.1
workers = 2
chunksize = 1000
allow_missing = true

[processor.cuts]
pt_min = 15.0
eta_max = 2.3

[[processor.plane]]
column = "m_coll"
bins = 28
start = 30.0
stop = 170.0

[[processor.plane]]
column = "lead_pt"
bins = 28
start = 10.0
stop = 150.0
"""
STUDY = """
name = "nulls"
seed = 20401

[[tests]]
name = "spline"
kind = "spline"
k = 13

[[rows]]
name = "2000"
source = "toy"
toys = 100
n_a = 2000
n_b = 2000
"""
WORDS = ("-1", "0", "1e400", "nan", "-inf", "1e-300", '"x"', "[]", "{}", "true", "1979-05-27", "''")


def mutated_toml(text: str, rng: np.random.Generator) -> bytes:
    """Replace a value, remove, double or garble a line, or damage bytes."""
    lines = text.splitlines()
    kind, k = rng.integers(5), int(rng.integers(len(lines)))
    if kind == 0 and "=" in lines[k]:
        lines[k] = f"{lines[k].split('=')[0]}= {WORDS[int(rng.integers(len(WORDS)))]}"
    elif kind == 1:
        del lines[k]
    elif kind == 2:
        lines.insert(k, lines[int(rng.integers(len(lines)))])
    elif kind == 3:
        lines[k] = "".join(rng.permutation(list(lines[k]))) if lines[k] else "]"
    data = "\n".join(lines).encode()
    return mutated_bytes(data, rng) if kind == 4 else data


@pytest.mark.parametrize("seeds", sized("toml"))
@pytest.mark.parametrize(
    ("text", "read", "kind"), [(RUN, read_run_config, RunConfig), (STUDY, read_study, Study)]
)
def test_damaged_configurations_are_one_line_or_can_be_used(
    tmp_path: Path, text: str, read: Callable[[Path], Any], kind: type, seeds: range
) -> None:
    path, refused = tmp_path / "x.toml", 0
    for seed in seeds:
        path.write_bytes(mutated_toml(text, np.random.default_rng([4, seed])))
        found = outcome(lambda: read(path))
        refused += isinstance(found, str)
        assert isinstance(found, (str, kind)), seed
    assert refused > 0.3 * len(seeds)
