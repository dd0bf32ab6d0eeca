"""What `emusym scan` does with a processed folder, and which figures it draws."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from eμsym.analysis.scan_request import ScanRequest
from eμsym.analysis.scanned import FolderScan, scan_folder
from eμsym.cli.drawing import save_figures
from eμsym.files import write_json
from eμsym.folder import ProcessedFolder
from eμsym.plots.style import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_scan(
    folder: ProcessedFolder, request: ScanRequest, style: Style, *, freeze: str | None = None
) -> tuple[FolderScan, list[str]]:
    """Scan a processed folder, draw the figures, and add both to it.

    Returns
    -------
    found : FolderScan
    problems : list of str
        One line for every figure that could not be drawn.

    Raises
    ------
    EmusymError
        As for `scan_folder`; or if a file cannot be written.
    """
    found = scan_folder(folder, request, say=_say)
    if freeze is not None:
        found.frozen.write(freeze)
    write_json(folder.path / "scan.json", found.to_dict(), one_line=True)
    content = folder.content()
    written, problems = save_figures(folder, figures(found, style))
    stale = set(content.get("scan", {}).get("figures", ())).difference(written)
    kept = [name for name in content.get("figures", ()) if name not in stale]
    for name in stale.intersection(content.get("figures", ())):
        (folder.figures / name).unlink(missing_ok=True)
    summary = {"file": "scan.json", "p_global": found.scan.p_global, "figures": written}
    folder.update_results(scan=summary, figures=list(dict.fromkeys([*kept, *written])))
    return found, problems


def figures(found: FolderScan, style: Style = "neutral") -> dict[str, Callable[[], Figure]]:
    """Return what draws the figures of a scan, by their names."""
    return {}


def _say(line: str) -> None:
    """Tell of a stage on standard error, where a bar shows the rest."""
    print(line, file=sys.stderr, flush=True)
