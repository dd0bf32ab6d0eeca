"""The command line interrupted: one line, and nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: The same where Ctrl-C works, even if the tests run in the background, where it is ignored.
INTERRUPTIBLE = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from eμsym.cli import main; main()",
]


@pytest.mark.parametrize(
    "stop, how",
    [
        (signal.SIGINT, ["--workers", "2"]),
        (signal.SIGINT, ["--dask", "local"]),
        (signal.SIGTERM, ["--workers", "1"]),
        pytest.param(signal.SIGINT, ["--workers", "1"], marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, ["--workers", "2"], marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, ["--dask", "local"], marks=pytest.mark.slow),
    ],
)
def test_interrupted_run_leaves_nothing(
    tmp_path: Path, sample: Path, stop: signal.Signals, how: list[str]
) -> None:
    out = tmp_path / "out"
    options = ["--chunksize", "20", *how]  # minutes of work
    source = str(sample / "fileset.json")
    process = subprocess.Popen(
        [*INTERRUPTIBLE, "process", source, "-o", str(out), *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.partial-*/.parts/*/*.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if stop == signal.SIGINT:
        os.killpg(process.pid, stop)  # Ctrl-C reaches the workers as well
    else:
        os.kill(process.pid, stop)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.splitlines()[-1] == "emusym: interrupted; no half-written result was left"
    assert list(tmp_path.iterdir()) == []
