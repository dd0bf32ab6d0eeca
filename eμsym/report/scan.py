"""The section on a scan, drawn from ``scan.json`` where the folder has one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eμsym.errors import InputFileError
from eμsym.files import read_json
from eμsym.input_files import is_file
from eμsym.report.parts import Block, Notes, Paragraph, Section, Table, some
from eμsym.report.pictures import Pictures

SCAN_FILE = "scan.json"
#: So many entries are listed, those of the smallest p.
_FIRST = 20


def read_scan(folder: Path) -> dict[str, Any] | None:
    """Return the content of a folder's ``scan.json``; None if it has none.

    Raises
    ------
    InputFileError
        If it cannot be read, or is of nothing like a scan.
    """
    path = folder / SCAN_FILE
    if not is_file(path):
        return None
    content = read_json(path)
    if not isinstance(content, dict) or not {"p_global", "entries"} <= set(content):
        raise InputFileError(f"{path}: is of no scan; make it anew with emusym scan {folder}")
    return content


def scan_section(scan: Mapping[str, Any] | None, pictures: Pictures) -> Section | None:
    """Return p of the whole scan, its figures and its first entries; None without a scan.

    Parameters
    ----------
    scan : mapping or None
        As `read_scan` gives it.
    pictures : Pictures
    """
    if scan is None:
        return None
    entries = scan["entries"]
    blocks: list[Block | None] = [
        Paragraph(
            f"p = {scan['p_global']:.2g}, with all {len(entries):,} combinations of regions, "
            "observables and tests counted. Local p is that of an entry by itself; adjusted p "
            "that with all others beside it, and the one to judge an entry by.",
            "The whole scan",
        )
    ]
    for number, name in enumerate(figure_names(scan)):
        title = "The map of the scan" if number == 0 else f"The scan: {name}"
        blocks.append(pictures.take_file(name, title, _alt(scan, title)))
    if entries:
        blocks.append(_first(entries))
    skipped = scan.get("skipped") or []
    if skipped:
        blocks.append(Notes(tuple(f"{x['what']}: {x['why']}" for x in skipped)))
    return Section("scan", "Scan", some(blocks))


def figure_names(scan: Mapping[str, Any]) -> list[str]:
    """Return the names of the scan's figures, without their files' endings."""
    return list(dict.fromkeys(Path(str(name)).stem for name in scan.get("figures") or ()))


def _alt(scan: Mapping[str, Any], title: str) -> str:
    best = _ranked(scan["entries"])[:1]
    if not best:
        return f"{title}; it has no entries."
    return f"{title}; its first entry is {' '.join(_named(best[0]))}. The table has the first ones."


def _ranked(entries: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    def small(entry: Mapping[str, Any]) -> tuple[float, ...]:
        both = entry["p_adjusted"], entry["p_local"]
        return tuple(math.inf if p is None else p for p in both)

    return sorted(entries, key=small)


def _named(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    observables = entry["observables"]
    return (
        str(entry["region"] or "all events"),
        observables if isinstance(observables, str) else ", ".join(map(str, observables)),
        str(entry["test"]),
    )


def _first(entries: list[Mapping[str, Any]]) -> Table:
    ranked = _ranked(entries)[:_FIRST]
    which = f"The first {len(ranked)} of {len(entries):,}" if len(entries) > _FIRST else "All"
    return Table(
        f"{which} entries, by adjusted p",
        ("region", "observables", "test", "statistic", "local p", "adjusted p"),
        tuple(
            (
                *_named(entry),
                *(
                    "" if entry[key] is None else f"{entry[key]:.{digits}g}"
                    for key, digits in (("statistic", 4), ("p_local", 2), ("p_adjusted", 2))
                ),
            )
            for entry in ranked
        ),
        words=frozenset({"observables", "test"}),
    )
