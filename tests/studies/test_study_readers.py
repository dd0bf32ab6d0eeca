"""A reader of a study beside the process that finishes it: no error, no toy twice, none lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from eμsym.studies import read_results, run_study
from tests.studies.toy_studies import SMALL, names, toys_of

KEY = ["row", "toy", "test"]
#: What a reader does to files, at any of which another process may have finished.
CALLS = ("exists", "glob", "read_bytes", "is_file")


@pytest.fixture(scope="module")
def half_done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which two of three jobs are done."""
    folder = tmp_path_factory.mktemp("half") / "store"
    for job in range(2):
        run_study(SMALL, folder, workers=1, job=job, jobs=3)
    assert not (folder / "toys.parquet").exists()
    return folder


def finished_at(call: int, after: bool, folder: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """Have the study finished before, or after, the reader's call of this number."""
    seen: list[str] = []
    busy = []

    def beside(name: str) -> Callable[..., Any]:
        plain = getattr(Path, name)

        def finishing(self: Path, *arguments: Any, **options: Any) -> Any:
            if busy:
                return plain(self, *arguments, **options)
            seen.append(name)
            due = len(seen) == call
            if due and not after:
                finish()
            try:
                result = plain(self, *arguments, **options)
                return list(result) if name == "glob" else result
            finally:
                if due and after:
                    finish()

        return finishing

    def finish() -> None:
        busy.append(True)
        run_study(SMALL, folder, workers=1)
        busy.clear()

    for name in CALLS:
        patch.setattr(Path, name, beside(name))
    return seen


@pytest.mark.parametrize("after", [False, True])
def test_a_reader_sees_every_toy_once_whenever_the_study_is_finished(
    half_done: Path, tmp_path: Path, after: bool
) -> None:
    run_study(SMALL, tmp_path / "whole", workers=1)
    whole = pq.read_table(tmp_path / "whole" / "toys.parquet")  # type: ignore[no-untyped-call]
    call, seen = 0, [""]
    while len(seen) > call:
        call += 1
        folder = tmp_path / str(call)
        shutil.copytree(half_done, folder)
        with pytest.MonkeyPatch.context() as patch:
            seen = finished_at(call, after, folder, patch)
            results = read_results(folder)
        keys = {tuple(key.values()) for key in results.table.select(KEY).to_pylist()}
        assert len(keys) == results.table.num_rows
        assert results.done in (12, 18)
        if results.complete:
            assert results.table.equals(whole.select(results.table.column_names))
        if len(seen) >= call:
            assert names(folder) == {"study.json", "toys.parquet"}
            assert toys_of(folder) == toys_of(tmp_path / "whole")
    assert call > 6
