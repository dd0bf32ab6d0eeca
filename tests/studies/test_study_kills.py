"""Studies whose processes, workers or scheduler are killed: every toy is there in the end, once."""

from __future__ import annotations

import multiprocessing
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from eμsym import workers
from eμsym.errors import ConfigurationError
from eμsym.running import loop, pools
from eμsym.studies import Study, read_results, run_study
from eμsym.workers import LostWorkersError
from tests.studies.toy_studies import SLOW, finished, toys_of


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return finished(SLOW, tmp_path_factory.mktemp("slow") / "store")


def one_life(study: Study, folder: Path, options: dict[str, Any]) -> None:
    """Run a study in a process that is going to be killed."""
    loop.KEEP_SECONDS = 0.02
    run_study(study, folder, **options)


@pytest.mark.slow
def test_killed_again_and_again(tmp_path: Path, slow: bytes) -> None:
    """SIGKILL at a dozen random moments; what is kept grows, and is the same in the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.studies.test_study_kills"])
    dice = random.Random(1)
    folder = tmp_path / "store"
    kills, kept = 0, [0]
    while True:
        process = context.Process(target=one_life, args=(SLOW, folder, {"workers": 1}))
        process.start()
        if kills == 14:
            process.join()
            break
        # Some die while they begin, some in the middle, some while they write.
        wanted = n_parts(folder) + dice.randrange(5)
        wait_for(lambda wanted=wanted: n_parts(folder) >= wanted)
        process.join(dice.uniform(0, 0.05))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        kills += 1
        if (folder / "study.json").exists():
            kept.append(read_results(folder).done)
    assert process.exitcode == 0
    assert kept == sorted(kept)
    assert len({n for n in kept if 0 < n < SLOW.toys}) > 5
    assert toys_of(folder) == slow
    assert {path.name for path in folder.iterdir()} == {"study.json", "toys.parquet"}


PROCESSES = """
import sys
from eμsym.running import loop
from eμsym.studies import run_study
from tests.studies.toy_studies import SLOW
loop.KEEP_SECONDS = 0.02
run_study(SLOW, sys.argv[1], workers=2, dask=sys.argv[2] or None)
"""


@pytest.mark.parametrize("dask", ["", pytest.param("local", marks=pytest.mark.slow)])
def test_workers_do_not_outlive_a_kill(tmp_path: Path, slow: bytes, dask: str) -> None:
    folder = tmp_path / "store"
    command = [sys.executable, "-c", PROCESSES, str(folder), dask]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_for(lambda: n_parts(folder) > 2)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=30)[1]
    before = read_results(folder).done
    assert 0 < before < SLOW.toys
    assert run_study(SLOW, folder, workers=1).complete
    assert toys_of(folder) == slow


def n_parts(folder: Path) -> int:
    return len(list(folder.glob("parts/*.parquet")))


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def killer(pids: Callable[[], list[int]], folder: Path, times: int) -> threading.Thread:
    """Kill a worker whenever some more toys have been kept."""

    def kill() -> None:
        for number in range(times):
            wait_for(lambda least=number: n_parts(folder) > 2 * least)
            wait_for(lambda: len(pids()) > 0)
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                psutil.Process(pids()[0]).kill()

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def test_a_dask_worker_killed(tmp_path: Path, slow: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(loop, "KEEP_SECONDS", 0.05)
    folder = tmp_path / "store"
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"
    ) as cluster:
        first = {worker.pid for worker in cluster.workers.values()}

        def alive() -> list[int]:
            return [w.pid for w in cluster.workers.values() if w.pid and w.pid in first]

        thread = killer(alive, folder, 1)
        results = run_study(SLOW, folder, dask=cluster.scheduler_address)
        thread.join()
        assert {worker.pid for worker in cluster.workers.values()} != first
    assert results.complete
    assert toys_of(folder) == slow


def local_workers() -> list[int]:
    children = psutil.Process().children(recursive=True)
    return [child.pid for child in children if "LokyProcess" in " ".join(child.cmdline())]


def test_local_workers_killed(tmp_path: Path, slow: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool is started anew."""
    monkeypatch.setattr(loop, "KEEP_SECONDS", 0.05)
    folder = tmp_path / "store"
    thread = killer(local_workers, folder, 1)
    assert run_study(SLOW, folder, workers=2).complete
    thread.join()
    assert toys_of(folder) == slow


def test_workers_that_always_die(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few pools the study gives up, and keeps what there is."""
    lives: list[int] = []

    class Dying(ThreadPoolExecutor):
        def submit(self, function: Any, *arguments: Any, **options: Any) -> Any:  # type: ignore[override]
            if not lives[-1]:
                raise BrokenExecutor
            lives[-1] -= 1
            return super().submit(function, *arguments, **options)

    def start(workers: int, **options: Any) -> Any:
        lives.append(9)
        pool = Dying(workers)
        return pool, pool.shutdown

    monkeypatch.setattr(pools, "start_pool", start)
    with pytest.raises(LostWorkersError, match="killed 4 times") as error:
        run_study(SLOW, tmp_path / "store", workers=2)
    assert "run again" in str(error.value)
    assert len(lives) == 4
    assert 0 < read_results(tmp_path / "store").done < SLOW.toys


def test_a_scheduler_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(loop, "KEEP_SECONDS", 0.05)
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 1.0)
    folder = tmp_path / "store"
    cluster = LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"
    )

    def close() -> None:
        wait_for(lambda: n_parts(folder) > 2)
        cluster.close()

    thread = threading.Thread(target=close)
    thread.start()
    with pytest.raises(LostWorkersError, match="the scheduler is gone; run again"):
        run_study(SLOW, folder, dask=cluster.scheduler_address)
    thread.join()
    assert 0 < read_results(folder).done < SLOW.toys
    with pytest.raises(ConfigurationError, match="no scheduler answers"):
        run_study(SLOW, folder, dask="tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    "options", [{"workers": 1}, {"workers": 2}, {"dask": "local", "workers": 1}], ids=str
)
def test_an_interrupt_keeps_what_is_done(tmp_path: Path, options: dict[str, Any]) -> None:
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from eμsym.studies import run_study\nfrom tests.studies.toy_studies import SLOW\n"
        f"run_study(SLOW, sys.argv[1], **{options!r})"
    )
    folder = tmp_path / "store"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: n_parts(folder) > 0)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert errors.strip().endswith("KeyboardInterrupt")
    if options != {"workers": 1}:
        assert errors.count("Traceback") == 1, errors
    assert 0 < read_results(folder).done < SLOW.toys
