"""The Runner around the processor: same bits everywhere, and nothing lost silently."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import psutil
import pytest

from eμsym.cli import main
from eμsym.errors import ConfigurationError, InputFileError, LostEventsError, OutputError
from eμsym.processors.emu import SymmetryProcessor
from eμsym.processors.executors import Guard, LostChunk
from eμsym.processors.fileset import Dataset, Metadata, read_fileset
from eμsym.processors.runner import Processed, process
from eμsym.workers import LostWorkersError
from tests.delphes_file import emu, event

#: A chunk of this size cuts the embedded files into some 20 chunks.
CHUNK = 3000


def everything(output: Processed) -> dict[str, Any]:
    """All that a run gives, down to the bits."""
    columns = {}
    for dataset in output.datasets:
        events = ak.to_packed(output.events(dataset.name))
        columns[dataset.name] = {k: ak.to_numpy(events[k]).tobytes() for k in ak.fields(events)}
    return {
        "cutflow": output.cutflow,
        "categories": list(output.histograms["plane"].axes["dataset"]),
        "histograms": {k: h.view(flow=True).tobytes() for k, h in output.histograms.items()},
        "columns": columns,
        "files": output.files,
    }


@pytest.fixture(scope="module")
def datasets(sample: Path) -> tuple[Dataset, ...]:
    return read_fileset([sample / "fileset.json"])


@pytest.fixture(scope="module")
def reference(datasets: tuple[Dataset, ...]) -> dict[str, Any]:
    return everything(process(datasets, workers=1, chunksize=CHUNK))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"workers": 2}, marks=pytest.mark.slow),
        {"workers": 2, "spill": True},
        {"workers": 1, "spill": True},
        pytest.param({"workers": 2, "dask": "local"}, marks=pytest.mark.slow),
        pytest.param({"workers": 2, "dask": "local", "spill": True}, marks=pytest.mark.slow),
    ],
    ids=["futures", "futures, spilled", "iterative, spilled", "dask", "dask, spilled"],
)
def test_every_executor_gives_the_same_bits(
    datasets: tuple[Dataset, ...],
    reference: dict[str, Any],
    options: dict[str, Any],
    tmp_path: Path,
) -> None:
    if options.pop("spill", False):
        options["spill"] = tmp_path
    assert everything(process(datasets, chunksize=CHUNK, **options)) == reference


def test_every_event_is_accounted_for(datasets: tuple[Dataset, ...]) -> None:
    output = process(datasets)
    assert all(file.complete for file in output.files)
    for dataset in datasets:
        asked = dataset.metadata.entries
        assert sum(f.processed for f in output.files if f.dataset == dataset.name) == asked
        assert output.cutflow[dataset.name]["all"]["raw"] == asked


def test_a_file_that_cannot_be_read_is_an_error(
    delphes_file: Callable[..., Path], tmp_path: Path
) -> None:
    good = delphes_file([emu()])
    with pytest.raises(InputFileError, match=r"absent\.root: does not exist.*--allow-missing"):
        process(read_fileset([good, tmp_path / "absent.root"]))
    output = process(read_fileset([good, tmp_path / "absent.root"]), allow_missing=True)
    (lost,) = output.missing
    assert (lost.path, lost.entries, lost.processed) == (str(tmp_path / "absent.root"), None, 0)
    assert output.cutflow["data"]["emu"]["raw"] == 1
    with pytest.raises(InputFileError, match="no file can be read"):
        process(read_fileset([tmp_path / "a.root", tmp_path / "b.root"]), allow_missing=True)


@pytest.mark.parametrize(
    "options",
    [{"workers": 1}, {"workers": 2}, pytest.param({"dask": "local"}, marks=pytest.mark.slow)],
)
def test_a_chunk_that_cannot_be_read_is_an_error(
    damaged_file: Path, delphes_file: Callable[..., Path], options: dict[str, Any]
) -> None:
    good = delphes_file([emu()] * 3)
    given = read_fileset([good, damaged_file])
    with pytest.raises(LostEventsError, match=r"damaged\.root: entries 0-959 lost: .*Muon\.PT"):
        process(given, chunksize=1000, **options)
    output = process(given, chunksize=1000, allow_missing=True, **options)
    (lost,) = output.missing
    assert lost.path == str(damaged_file)
    assert lost.processed == 0
    assert len(lost.problems) == 2
    assert output.cutflow["data"]["all"]["raw"] == 3


def test_scheduler_of_its_own(sample: Path, reference: dict[str, Any]) -> None:
    from distributed import LocalCluster

    given = read_fileset([sample / "fileset.json"])
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        output = process(given, chunksize=CHUNK, dask=cluster.scheduler_address)
    assert everything(output) == reference


@pytest.mark.slow
def test_a_dask_worker_that_is_killed_loses_nothing(sample: Path, tmp_path: Path) -> None:
    """The command on a local cluster of three, one of which is killed in the middle."""

    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = ["process", str(sample / "ztautau.root"), "--chunksize", "800"]
    main([*command, "--workers", "1", "-o", str(whole)])
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", "from eμsym.cli import main; main()"),
            *(*command, "--workers", "3", "--dask", "local", "-o", str(killed)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob(".killed.partial-*/.parts/*/*.parquet"))) < 4:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    children = psutil.Process(process.pid).children(recursive=True)
    workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    assert len(workers) == 3
    workers[0].kill()
    done = list(tmp_path.glob(".killed.partial-*/.parts/*/*.parquet"))
    errors = process.communicate(timeout=120)[1]
    stages = ["selecting events of 1 file", "writing events and histograms"]
    assert (process.returncode, errors.splitlines()) == (0, stages)
    names = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    assert {str(path.relative_to(killed)) for path in killed.rglob("*") if path.is_file()} == names
    events = sorted(name for name in names if name.endswith(".parquet"))
    assert events == ["events/data.parquet"]
    for name in [*events, "results.json", "histograms.json"]:
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    chunks = sum(
        -(-f["entries"] // 800)
        for f in json.loads((whole / "results.json").read_text(encoding="utf-8"))["inputs"]
    )
    assert len(done) < chunks  # it was in the middle


@pytest.mark.parametrize(
    "options, message",
    [
        pytest.param(
            {"dask": "local", "workers": 1},
            "--dask local: workers died again and again",
            marks=pytest.mark.slow,
        ),
        ({"workers": 2}, "a worker was killed, .*; try fewer --workers"),
    ],
)
def test_work_that_kills_every_worker_is_told(
    delphes_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    options: dict[str, Any],
    message: str,
) -> None:
    class Deadly(SymmetryProcessor):
        def process(self, events: Any) -> Any:
            os._exit(1)

    monkeypatch.setattr("eμsym.processors.runner.SymmetryProcessor", Deadly)
    given = read_fileset([delphes_file([emu()])])
    with pytest.raises(LostWorkersError, match=message):
        process(given, **options)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("workers", [1, 2])
def test_columns_that_cannot_be_written_stop_the_run(
    delphes_file: Callable[..., Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    workers: int,
) -> None:
    (tmp_path / "file").touch()
    given = read_fileset([delphes_file([emu()] * 4)])
    with pytest.raises(OutputError, match="cannot be written"):
        process(given, chunksize=1, workers=workers, spill=tmp_path / "file", allow_missing=True)
    assert "Traceback" not in capfd.readouterr().err


def test_nothing_left_at_all(damaged_file: Path) -> None:
    with pytest.raises(LostEventsError, match="no chunk of any file could be read"):
        process(read_fileset([damaged_file]), allow_missing=True)


def test_bad_values_lose_their_chunk_and_no_other(delphes_file: Callable[..., Path]) -> None:
    bad = emu()
    bad["Electron"][0]["PT"] = float("nan")
    given = read_fileset([delphes_file([emu(), emu(), bad, emu()])])
    with pytest.raises(LostEventsError, match=r"Electron\.PT = nan in entry 2"):
        process(given, chunksize=1)
    output = process(given, chunksize=1, allow_missing=True)
    assert output.cutflow["data"]["emu"]["raw"] == 3
    assert output.events("data").entry.to_list() == [0, 1, 3]
    assert [(f.entries, f.processed) for f in output.missing] == [(4, 3)]


def test_same_events_twice_are_refused(delphes_file: Callable[..., Path], tmp_path: Path) -> None:
    first = delphes_file([emu()])
    copy = tmp_path / "copy.root"
    copy.write_bytes(first.read_bytes())
    with pytest.raises(ConfigurationError, match=r"same UUID as .*made\.root"):
        process(read_fileset([first, copy]))


def test_impossible_options(
    delphes_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eμsym.workers.ANSWER_SECONDS", 1.0)
    given = read_fileset([delphes_file([emu()])])
    for options in ({"workers": 0}, {"workers": 10**30}, {"chunksize": 0}):
        with pytest.raises(ConfigurationError, match="give at least 1"):
            process(given, **options)
    with pytest.raises(ConfigurationError, match="no scheduler answers"):
        process(given, dask="tcp://127.0.0.1:1")


class Item:
    """As much of a work item as the guard looks at."""

    dataset, filename, entrystart, entrystop = "d", "f.root", 0, 5
    fileuuid = bytes(16)


class Flaky:
    """A work function that fails a number of times."""

    def __init__(self, error: Exception, failures: int) -> None:
        self.error, self.failures, self.calls = error, failures, 0

    def __call__(self, item: Item) -> dict[str, Any]:
        self.calls += 1
        if self.calls <= self.failures:
            raise Exception("Failed processing file") from self.error
        return {"out": {"n": 5}, "processed": {item}}


KEY = ("d", "f.root", 0, 5)


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eμsym.processors.executors.PAUSE_SECONDS", 0)


@pytest.mark.usefixtures("no_pause")
def test_a_passing_read_error_is_tried_once_more() -> None:
    work = Flaky(OSError("stale file handle"), failures=1)
    assert Guard(work)(Item())["chunks"] == {KEY: {"n": 5}}
    assert work.calls == 2
    work = Flaky(OSError("stale file handle"), failures=9)
    assert Guard(work)(Item())["chunks"] == {KEY: LostChunk("stale file handle")}
    assert work.calls == 2


@pytest.mark.usefixtures("no_pause")
def test_a_bug_is_neither_tried_again_nor_hidden() -> None:
    work = Flaky(TypeError("a bug"), failures=9)
    with pytest.raises(Exception, match="Failed processing file"):
        Guard(work)(Item())
    assert work.calls == 1


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 2}])
def test_a_bug_in_the_processor_reaches_the_user(
    delphes_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
) -> None:
    class Broken(SymmetryProcessor):
        def process(self, events: Any) -> Any:
            raise ZeroDivisionError("a bug")

    monkeypatch.setattr("eμsym.processors.runner.SymmetryProcessor", Broken)
    given = read_fileset([delphes_file([emu(), event()])])
    with pytest.raises(Exception, match="a bug"):
        process(given, chunksize=1, allow_missing=True, **options)


def test_workers_default_to_what_pays_off(
    delphes_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def record(**options: Any) -> Any:
        asked.append(options["workers"])
        raise KeyboardInterrupt

    monkeypatch.setattr("eμsym.processors.runner.make_executor", record)
    monkeypatch.setattr("loky.cpu_count", lambda: 8)
    given = (Dataset("d", {str(delphes_file([emu()] * 10)): "Delphes"}, Metadata()),)
    for per_worker in (500_000, 4, 1):
        monkeypatch.setattr("eμsym.processors.runner.EVENTS_PER_WORKER", per_worker)
        with pytest.raises(KeyboardInterrupt):
            process(given)
    assert asked == [1, 3, 8]


@pytest.mark.parametrize("allow_missing", [False, True])
def test_what_cannot_be_written_is_no_fault_of_the_input(
    tmp_path: Path, sample: Path, allow_missing: bool
) -> None:
    out = tmp_path / "out"
    code = (
        "import resource, sys\n"
        "from eμsym.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"  # as a quota that is full
        "main(sys.argv[1:])"
    )
    options = ["--workers", "1", "--chunksize", "1000", *["--allow-missing"] * allow_missing]
    command = [sys.executable, "-c", code, "process", str(sample / "ww.root"), "-o", str(out)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    _stage, line = done.stderr.strip().splitlines()
    assert line.startswith(f"emusym: error: {out}/.parts/data/")
    assert "cannot be written (" in line
    assert "ww.root" not in line
    assert list(tmp_path.iterdir()) == []
