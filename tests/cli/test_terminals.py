"""The command in any terminal: every locale, every encoding, and readers that leave."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: A locale whose file names are not encoded in UTF-8, as Python is made to take it.
ASCII_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The command's script, as it is installed."""
    with (ROOT / "pyproject.toml").open("rb") as stream:
        entry = tomllib.load(stream)["project"]["scripts"]["emusym"]
    assert entry.isascii()
    module, _, function = entry.partition(":")
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "emusym"
    path.write_text(f"from {module} import {function}\n{function}()\n", encoding="ascii")
    return path


def emusym(
    script: Path, *arguments: object, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command, followed by a piece of shell."""
    words = shlex.join([sys.executable, str(script), *map(str, arguments)])
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {words} {shell}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )


#: What `emusym process` says of its stages.
STAGES = b"selecting events of 1 file\nwriting events and histograms\n"


def test_a_locale_that_cannot_spell_the_package_runs_the_command(
    script: Path, sample: Path, tmp_path: Path
) -> None:
    out = tmp_path / "ausgabe-ä"
    done = emusym(script, "process", sample / "ww.root", "-o", out, **ASCII_LOCALE)
    assert done.returncode == 0, done.stderr
    assert done.stderr == STAGES
    assert (out / "results.json").is_file()
    table = done.stdout.decode("ascii")
    assert "| emu| mue" in table


def test_elsewhere_such_a_locale_is_told_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import emusym"],
        cwd=ROOT,
        env={**os.environ, **ASCII_LOCALE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "set PYTHONUTF8=1 in the environment" in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("encoding", "spelled"),
    [
        ("ascii", "emu 3, mue 3"),
        ("latin-1", "emu 3, mue 3"),
        ("iso8859-7", "eμ 3, μe 3"),
        ("utf-8", "eμ 3, μe 3"),
    ],
)
def test_an_encoding_that_lacks_our_letters_gets_them_spelled(
    encoding: str, spelled: str, tmp_path: Path
) -> None:
    code = (
        "from eμsym.terminal import prepare_terminal\n"
        "from rich.console import Console\n"
        "prepare_terminal()\n"
        "Console(highlight=False).print('eμ 3, μe 3')\n"
        "print('\\u4e2d ± 1')\n"
    )
    script = tmp_path / "print.py"
    script.write_text(code, encoding="utf-8")
    done = emusym(script, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    first, second = done.stdout.decode(encoding).splitlines()
    assert first == spelled
    in_ascii = {"utf-8": "中 ± 1", "ascii": r"\u4e2d +- 1"}
    assert second == in_ascii.get(encoding, r"\u4e2d ± 1")


@pytest.mark.parametrize("shell", ["| true", "| head -1", "2>&1 | true", ">&-", "2>&-", "<&-"])
def test_a_reader_that_leaves_changes_nothing(
    script: Path, sample: Path, tmp_path: Path, shell: str
) -> None:
    out = tmp_path / "out"
    done = emusym(script, "process", sample / "ww.root", "-o", out, "--workers", 1, shell=shell)
    assert done.returncode == 0
    assert done.stderr == (b"" if "2>" in shell else STAGES)
    assert (out / "results.json").is_file()


def test_python_without_docstrings_is_told_of_in_a_line(script: Path) -> None:
    done = emusym(script, "--version", PYTHONOPTIMIZE="2")
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("emusym: error: PYTHONOPTIMIZE=2 (python -OO) takes away")
    assert emusym(script, "--version", PYTHONOPTIMIZE="1").returncode == 0


def test_a_reader_that_leaves_hides_no_error(script: Path, tmp_path: Path) -> None:
    done = emusym(script, "check", tmp_path / "absent.root", shell="| true")
    assert done.returncode == 2
    assert b"cannot be processed" in done.stderr


def test_a_full_disk_under_what_is_printed_is_one_line(
    script: Path, sample: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = emusym(script, "process", sample / "ww.root", "-o", out, shell="> /dev/full")
    assert done.returncode == 2
    assert done.stderr.startswith(STAGES)
    (line,) = done.stderr.removeprefix(STAGES).decode().strip().splitlines()
    assert line.startswith("emusym: error: what is printed cannot be written (No space left")
    assert (out / "results.json").is_file()


@pytest.mark.parametrize("shell", ["2> /dev/full", "2>&-"])
def test_an_error_that_nobody_can_read_is_an_error(
    script: Path, tmp_path: Path, shell: str
) -> None:
    assert emusym(script, "check", tmp_path / "absent.root", shell=shell).returncode == 2


@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_is_closed_is_like_a_polite_kill(
    script: Path, sample: Path, tmp_path: Path, ignored: bool
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, str(script), "process", str(sample / "ww.root"), "-o", str(out)]
    before = ["nohup"] if ignored else []
    # The tests themselves may run under nohup, which children inherit.
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        process = subprocess.Popen(
            [*before, *command, "--workers", "1", "--chunksize", "20"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGHUP, inherited)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.partial-*/.parts/*/*.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    _, errors = process.communicate(timeout=120)
    if ignored:
        assert process.returncode == 0
        assert (out / "results.json").is_file()
        return
    assert process.returncode == 2
    assert errors.splitlines()[-1] == "emusym: interrupted; no half-written result was left"
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
