"""What `emusym scan` does with a processed folder, and which figures it draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from eμsym.analysis.scan_request import ScanRequest
from eμsym.analysis.scanned import FolderScan, scan_folder
from eμsym.blinding import Blinding
from eμsym.cli.drawing import headed, save_figures
from eμsym.cli.stages import say_stage
from eμsym.files import write_json
from eμsym.folder import ProcessedFolder
from eμsym.plots import draw_scan_entry, draw_scan_expected, draw_scan_map
from eμsym.plots.style import Style
from eμsym.processors.columns import LABELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Of how many of the first entries figures are drawn.
DRAWN = 5


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
    found = scan_folder(folder, request, say=say_stage)
    if freeze is not None:
        found.frozen.write(freeze)
    write_json(folder.path / "scan.json", found.to_dict(), one_line=True)
    results = folder.results()
    datasets = results.datasets_of(request.pair, str(folder.path))
    drawn = figures(found, headed(style, results, datasets), blinding=results.blinding)
    say_stage(f"drawing {len(drawn)} figures")
    written, problems = save_figures(folder, drawn)
    folder.update_part("scan", {"file": "scan.json", "p_global": found.scan.p_global}, written)
    return found, problems


def figures(
    found: FolderScan, style: Style = "neutral", *, blinding: Blinding | None = None
) -> dict[str, Callable[[], Figure]]:
    """Return what draws the figures of a scan, by their names.

    Parameters
    ----------
    found : FolderScan
    style : str
        See `eμsym.plots.style.styled`.
    blinding : Blinding, optional
        The window whose events are left out, which is shaded.
    """
    scan = found.scan
    drawn: dict[str, Callable[[], Figure]] = {
        "scan_expected": partial(draw_scan_expected, scan.expected, style=style),
        "scan_map": partial(draw_scan_map, scan.entries, labels=LABELS, style=style),
    }
    for rank, each in enumerate(found.first[:DRAWN], start=1):
        drawn[f"scan_{rank}"] = partial(
            draw_scan_entry,
            each.entry,
            each.place,
            names=scan.names,
            labels=LABELS,
            blinding=blinding,
            style=style,
        )
    return drawn
