"""Studies on disks that are full, read-only or broken."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eμsym.errors import OutputError
from eμsym.studies import durable_file, run_study, running
from tests.studies.toy_studies import SMALL, finished, half_done, parts


@pytest.fixture(autouse=True)
def every_toy_is_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "KEEP_SECONDS", -1.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What toys.parquet holds if nothing happens."""
    return finished(SMALL, tmp_path_factory.mktemp("whole") / "store")


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A store with seven of the eighteen toys."""
    return half_done(tmp_path / "store")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_refuses(
    half: Path, whole: bytes, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync
    calls = [0]

    def refuse(handle: int) -> None:
        calls[0] += 1
        if calls[0] > 4:
            raise OSError(code, os.strerror(code))
        fsync(handle)

    before = parts(half)
    monkeypatch.setattr(durable_file.os, "fsync", refuse)
    with pytest.raises(OutputError, match=rf"parts.*parquet: cannot be .*{os.strerror(code)}") as e:
        run_study(SMALL, half, workers=1)
    assert "\n" not in str(e.value)
    monkeypatch.undo()
    assert set(before) < set(parts(half))
    assert all(path.suffix == ".parquet" for path in parts(half))
    assert run_study(SMALL, half, workers=1).complete
    assert (half / "toys.parquet").read_bytes() == whole


def in_a_disk_of_its_own(script: str, mount: Path, options: str) -> str:
    """Run a script where a small file system is mounted, as only a namespace allows anyone to."""
    command = f"mount -t tmpfs -o {options} none '{mount}' && {script}"
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{done.stdout}{done.stderr}exit {done.returncode}"


def namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--map-root-user", "--mount", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


TOML = """
name = "small"
seed = 3
tests = [{kind = "spline", k = 5}]
rows = [{name = "null", source = "toy", n_a = 90, n_b = 80, toys = 60}]
"""


@pytest.mark.skipif(not namespaces(), reason="no user namespaces: no disk of our own to fill")
def test_a_disk_that_is_full_and_one_that_is_read_only(tmp_path: Path) -> None:
    """For real: the command on a disk of 64 kB, then of more, then read-only."""
    (tmp_path / "study.toml").write_text(TOML, encoding="utf-8")
    mount = tmp_path / "disk"
    mount.mkdir()
    code = (
        "import eμsym.studies.running as r; r.KEEP_SECONDS = -1.0; "
        "from eμsym.cli import main; main()"
    )
    toys = f"'{sys.executable}' -c '{code}' toys '{tmp_path}/study.toml' -o '{mount}/store' 2>&1"
    script = (
        f"{toys}; echo first $?; ls '{mount}/store/parts' | grep -c parquet; "
        f"ls -A '{mount}/store/parts' | grep -c partial; "
        f"mount -o remount,ro '{mount}'; {toys}; echo second $?; "
        f"mount -o remount,rw,size=9m '{mount}'; {toys} > /dev/null; echo third $?; "
        f"mount -o remount,ro '{mount}'; {toys}; echo fourth $?; ls -A '{mount}/store'"
    )
    lines = in_a_disk_of_its_own(script, mount, "size=64k").splitlines()
    errors = [line for line in lines if line.startswith("emusym: error:")]
    assert "No space left on device" in errors[0]
    assert lines[1] == "first 2"
    assert int(lines[2]) >= 3  # the parts that were kept
    assert lines[3] == "0"
    assert "Read-only file system" in errors[1]
    assert lines[5:7] == ["second 2", "third 0"]
    # Whole, it is read without anything being written.
    assert len(errors) == 2
    assert lines[-4:] == ["fourth 0", "study.json", "toys.parquet", "exit 0"]
    assert any(line.startswith("null") and " 60 " in line for line in lines[7:])
