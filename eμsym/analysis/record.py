"""What a processed folder keeps of its tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eμsym.analysis.analyse import Analysis
from eμsym.analysis.correction import Correction
from eμsym.calibration.correction_file import write_correction
from eμsym.folder import ProcessedFolder

#: Parts of ``results.json`` that other commands add, each of which names its own figures.
_OTHERS = ("limits", "scan")


def record(
    analysis: Analysis, folder: ProcessedFolder, figures: Iterable[str] = ()
) -> dict[str, Any]:
    """Write an analysis into the folder that was tested, in place of an earlier one.

    Parameters
    ----------
    analysis : Analysis
    folder : ProcessedFolder
    figures : iterable of str
        Names of the files of its figures; those of earlier tests are removed.

    Returns
    -------
    dict
        The new content of ``results.json``.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    for name, content in (analysis.workspaces or {}).items():
        folder.write_workspace(name, content)
    correction = analysis.correction
    if isinstance(correction, Correction) and len(correction.fitted) == 1 and correction.of_orders:
        write_correction(correction.fitted[0], folder.equalisation_file)
    elif not isinstance(correction, Correction) or correction.fitted:
        folder.equalisation_file.unlink(missing_ok=True)
    content = folder.content()
    others = [name for part in _OTHERS for name in content.get(part, {}).get("figures", ())]
    return folder.update_results(
        pair=list(analysis.yields.datasets),
        tests={**analysis.to_dict(), **folder.made_blinded()},
        figures=folder.replace_figures(dict.fromkeys([*figures, *others])),
    )
