"""Dask without workers, or with workers that lack the package: one line, after a bounded wait."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import psutil
import pytest

from eμsym.errors import ConfigurationError
from eμsym.workers import dask_client

SCHEDULER = """
import asyncio, sys
from distributed import Scheduler, Worker

async def serve(workers):
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        started = [await Worker(scheduler.address, nthreads=1) for _ in range(workers)]
        print(scheduler.address, flush=True)
        await asyncio.sleep(120)

asyncio.run(serve(int(sys.argv[1])))
"""


@contextmanager
def scheduler(folder: Path, workers: int) -> Iterator[str]:
    """Give the address of a scheduler in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCHEDULER, str(workers)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_a_scheduler_without_workers_is_one_line_after_a_bounded_wait(tmp_path: Path) -> None:
    with scheduler(tmp_path, 0) as address, dask.config.set({"emusym.wait-seconds": 1.5}):
        begun = time.monotonic()
        with (
            pytest.raises(ConfigurationError, match=r"no worker answers in 1\.5 s") as error,
            dask_client(address, 1),
        ):
            pytest.fail("there is nobody to work")
        assert time.monotonic() - begun < 30
    assert address in str(error.value)
    assert "\n" not in str(error.value)


def test_workers_that_cannot_import_the_package_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eμsym.workers.PACKAGE", "no_such_package")
    says = "2 of 2 workers cannot import no_such_package"
    with (
        scheduler(tmp_path, 2) as address,
        pytest.raises(ConfigurationError, match=says) as error,
        dask_client(address, 1),
    ):
        pytest.fail("they have nothing to work with")
    assert "install emusym where the workers run" in str(error.value)


def test_a_cluster_of_ones_own_listens_on_the_loopback_address_alone() -> None:
    with dask_client("local", 2):
        mine = psutil.Process()
        listening = [
            connection.laddr
            for process in (mine, *mine.children(recursive=True))
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]
    assert listening
    assert {address.ip for address in listening} == {"127.0.0.1"}
