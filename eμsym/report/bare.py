"""The report of a folder that has no results: what lies in it, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from eμsym.files import RESULTS_FILE
from eμsym.report.parts import Block, Notes, Paragraph, Report, Section, Table, some
from eμsym.report.pictures import Pictures
from eμsym.report.report_file import REPORT_FILE

#: So many files are listed.
_MOST = 200
_PICTURES = (".svg", ".png")


def bare_report(folder: Path) -> Report:
    """Return the report of a folder without ``results.json``.

    Parameters
    ----------
    folder : Path
    """
    files = list(_files(folder))
    figures = sorted({path.name for path in files if path.parent.name == "figures"})
    shown = Pictures(
        folder / "figures", [x for x in figures if x.endswith((".svg", ".png"))]
    ).rest()
    listed = [(path.relative_to(folder).as_posix(), f"{path.stat().st_size:,}") for path in files]
    cut = f"the first {_MOST:,} of {len(listed):,}" if len(listed) > _MOST else f"{len(listed):,}"
    blocks: list[Block | None] = [
        Table(f"Files: {cut}", ("file", "bytes"), tuple(listed[:_MOST]))
        if listed
        else Paragraph("There is no file in this folder."),
        *shown,
    ]
    missing = f"{RESULTS_FILE} is missing: no event was processed into this folder, or it was lost"
    lines = (missing, "make it with emusym process or emusym run, with this folder after -o")
    return Report(
        "Report of a folder without results",
        f"There is no result to report: this folder has no {RESULTS_FILE}.",
        (),
        (
            Section("files", "What is there", some(blocks)),
            Section("left-out", "Warnings, and what is left out", (Notes(lines),)),
        ),
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield the ordinary files of a folder and of the folders in it, but for hidden ones."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.name != REPORT_FILE and path.is_file() and not path.is_symlink():
            yield path
