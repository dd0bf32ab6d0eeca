"""The code that a page of the book shows, run as the build of the book runs it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

#: A notebook's cells, or blocks of Python of a page that is none.
_SHOWN = re.compile(r"^```(?:python|\{code-cell\})\n(.*?)^```$", flags=re.S | re.M)


def cells_of(page: Path) -> list[str]:
    """Return what stands in the cells of a page, in their order."""
    return _SHOWN.findall(page.read_text(encoding="utf-8"))


def is_notebook(page: Path) -> bool:
    """Return whether the build executes a page."""
    return page.read_text(encoding="utf-8").startswith("---\nfile_format: mystnb\n")


def run_page(page: Path, folder: Path) -> tuple[dict[str, Any], str]:
    """Run a page's cells in a folder; what fails raises.

    Returns
    -------
    names : dict
        What the cells have left, by its names.
    printed : str
        By the cells and the commands in them.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    here = os.getcwd()  # noqa: PTH109 (pathlib cannot go back there)
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed):
            for number, cell in enumerate(cells_of(page)):
                _run_cell(cell, f"{page.name}, cell {number}", names, printed)
    finally:
        os.chdir(here)
    return names, printed.getvalue()


def _run_cell(cell: str, name: str, names: dict[str, Any], printed: io.StringIO) -> None:
    lines = [line for line in cell.splitlines() if not line.startswith(":")]
    if lines and lines[0].startswith("%%writefile "):
        Path(lines[0].split()[1]).write_text("\n".join(lines[1:]) + "\n", encoding="utf-8")
        return
    code = "\n".join("" if line.startswith("!") else line for line in lines)
    exec(compile(code, name, "exec"), names)
    for line in lines:
        if not line.startswith("!"):
            continue
        # As IPython has it: names in braces are those of the cells.
        command = line[1:].format_map(names)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, shell=True, capture_output=True, text=True, env={**os.environ, "PATH": path}
        )
        assert done.returncode == 0, f"{name}: {command}\n{done.stderr}"
        printed.write(done.stdout)
