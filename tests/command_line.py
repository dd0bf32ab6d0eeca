"""The command line, run in the test's own process."""

from __future__ import annotations

import pytest

from eμsym.cli import main

#: How lines begin that tell of a stage.
STAGES = (
    "correcting ",
    "drawing ",
    "limits on ",
    "removing ",
    "scanning ",
    "selecting ",
    "testing ",
    "writing ",
)


def run(*arguments: object) -> int:
    """Run the command and return its exit code."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must fail as a user's mistake does; return its one line."""
    capsys.readouterr()
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    *stages, line = captured.err.strip().splitlines()
    assert all(stage.startswith(STAGES) for stage in stages)
    assert line.startswith("emusym: error: ")
    return line
