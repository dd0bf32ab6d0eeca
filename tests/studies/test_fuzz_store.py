"""Damaged stores of toys: one line each, or the very toys; seeded and bounded.

Whatever happens to its files, a store never gives a toy that was not drawn, and once it can
be finished it ends with the bytes of one that nothing happened to.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eμsym.running import loop
from eμsym.studies import StudyResults, read_results, run_study
from tests.fuzzing import mutants, mutated_bytes, mutated_json, outcome
from tests.studies.toy_studies import SMALL, half_done, parts

Damage = Callable[[Path, Path, np.random.Generator], None]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with some toys in parts, a finished one, and parts of another study."""
    folder, keep = tmp_path_factory.mktemp("stores"), loop.KEEP_SECONDS
    loop.KEEP_SECONDS = -1.0  # every toy is a part of its own
    try:
        half_done(folder / "half")
        run_study(SMALL, folder / "whole", workers=1)
        run_study(replace(SMALL, seed=4), folder / "other", workers=1, job=0, jobs=9)
    finally:
        loop.KEEP_SECONDS = keep
    return folder


def files(store: Path, *patterns: str) -> list[Path]:
    found = [path for pattern in patterns for path in sorted(store.glob(pattern))]
    return [path for path in found if path.is_file()]


def tables(store: Path) -> list[Path]:
    return files(store, "parts/*", "toys.parquet")


def one_of(paths: list[Path], rng: np.random.Generator) -> Path:
    return paths[int(rng.integers(len(paths)))]


def any_table(store: Path, rng: np.random.Generator) -> Path:
    return one_of(tables(store), rng)


def other_bytes(store: Path, stores: Path, rng: np.random.Generator) -> None:
    path = any_table(store, rng)
    path.write_bytes(mutated_bytes(path.read_bytes(), rng))


def other_configuration(store: Path, stores: Path, rng: np.random.Generator) -> None:
    for path in files(store, "study.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(mutated_json(content, rng), encoding="utf-8")


def removed(store: Path, stores: Path, rng: np.random.Generator) -> None:
    one_of(files(store, "parts/*", "*"), rng).unlink()


def renamed(store: Path, stores: Path, rng: np.random.Generator) -> None:
    path = any_table(store, rng)
    new = (f"{rng.bytes(16).hex()}.parquet", f".{path.name}", f"{path.name}~", "a b[1].parquet")
    path.rename(path.with_name(str(rng.choice(new))))


def exchanged(store: Path, stores: Path, rng: np.random.Generator) -> None:
    one, other = any_table(store, rng), any_table(store, rng)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def twice(store: Path, stores: Path, rng: np.random.Generator) -> None:
    path = any_table(store, rng)
    shutil.copy(path, path.with_name(f"{rng.bytes(16).hex()}.parquet"))


def of_another_study(store: Path, stores: Path, rng: np.random.Generator) -> None:
    (store / "parts").mkdir(exist_ok=True)
    foreign = one_of(parts(stores / "other"), rng)
    target = (store / "parts" / foreign.name, store / "toys.parquet", any_table(store, rng))
    shutil.copy(foreign, target[int(rng.integers(3))])


def not_a_table(store: Path, stores: Path, rng: np.random.Generator) -> None:
    (store / "parts").mkdir(exist_ok=True)
    path = store / "parts" / f"{rng.bytes(16).hex()}.parquet"
    match rng.integers(5):
        case 0:
            path.mkdir()
        case 1:
            os.mkfifo(path)
        case 2:
            path.symlink_to("nothing")
        case 3:
            path.write_text("PAR1", encoding="ascii")
        case _:
            path.with_suffix(".txt").write_text("a note", encoding="utf-8")


def in_the_way(store: Path, stores: Path, rng: np.random.Generator) -> None:
    path = one_of(files(store, "parts/*", "*"), rng)
    path.unlink()
    if rng.random() < 0.5:
        path.mkdir()
    else:
        os.mkfifo(path)


DAMAGES: tuple[Damage, ...] = (
    *(other_bytes, other_configuration, removed, renamed, exchanged),
    *(twice, of_another_study, not_a_table, in_the_way),
)


def toys(results: StudyResults) -> set[tuple[str, ...]]:
    """Return the rows of a table of toys, whose NaN equal each other."""
    return {tuple(map(repr, row.values())) for row in results.table.to_pylist()}


@pytest.mark.parametrize("seeds", mutants(600, quick=100))
def test_a_damaged_store_gives_no_other_toy(stores: Path, tmp_path: Path, seeds: range) -> None:
    right, finished = toys(read_results(stores / "whole")), stores / "whole" / "toys.parquet"
    refused = ended = 0
    for seed in seeds:
        rng, store = np.random.default_rng([5, seed]), tmp_path / str(seed)
        shutil.copytree(stores / str(rng.choice(["half", "half", "whole"])), store)
        for _ in range(int(rng.integers(1, 3))):
            if tables(store):
                DAMAGES[int(rng.integers(len(DAMAGES)))](store, stores, rng)
        found = outcome(lambda store=store: read_results(store))
        if isinstance(found, str):
            assert str(store) in found, (seed, found)
            refused += 1
        else:
            assert toys(found) <= right, seed
        table = store / "toys.parquet"
        # What no reader reads may be damaged in a table that has all toys already.
        before = table.read_bytes() if table.is_file() else b""
        found = outcome(lambda store=store: run_study(SMALL, store, workers=1))
        if isinstance(found, str):
            assert str(store) in found, (seed, found)
        else:
            assert toys(found) == right, seed
            assert table.read_bytes() in (finished.read_bytes(), before), seed
            ended += 1
        shutil.rmtree(store)
    # Some damages are seen, and most of those of parts are mended.
    assert refused > 0.3 * len(seeds)
    assert ended > 0.3 * len(seeds)
