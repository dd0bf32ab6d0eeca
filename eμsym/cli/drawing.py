"""Saving figures, none of which is worth a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from eμsym.analysis.signal_yields import data_luminosity
from eμsym.folder import ProcessedFolder
from eμsym.folder_files import FIGURE_FORMATS, figure_files
from eμsym.plots import save_figure
from eμsym.plots.look import Look, collisions
from eμsym.plots.style import Style
from eμsym.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figures(
    folder: ProcessedFolder, drawings: Mapping[str, Callable[[], Figure]]
) -> tuple[list[str], list[str]]:
    """Draw figures and write them into a processed folder.

    Parameters
    ----------
    folder : ProcessedFolder
    drawings : mapping of str to callable
        What draws each figure, by its name.

    Returns
    -------
    written : list of str
        Names of the files.
    problems : list of str
        One line for every figure that could not be drawn or written.
    """
    written, problems = [], []
    folder.announce_figures(drawings)
    for name, draw in drawings.items():
        try:
            paths = save_figure(
                draw(), folder.figures, folder.figure_name(name), endings=FIGURE_FORMATS
            )
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            problems.append(f"figure {name}: is left out, it cannot be drawn ({reason})")
            for path in figure_files(folder.path, name):
                path.unlink(missing_ok=True)
        else:
            written += [path.name for path in paths]
    return written, problems


def headed(
    style: Style, results: Results, datasets: Sequence[str], luminosity_ifb: float | None = None
) -> Look:
    """Return a look whose figures say of which collisions their events are, as far as is known.

    Parameters
    ----------
    style : str or Look
    results : Results
    datasets : sequence of str
        Of the pair. Their ``sqrt_s_tev`` is said where it is one and the same.
    luminosity_ifb : float, optional
        Of the data. Default: as the results say.
    """
    energies = {results.datasets[name].model_dump().get("sqrt_s_tev") for name in datasets}
    energy = energies.pop() if len(energies) == 1 else None
    known = luminosity_ifb or data_luminosity(results, datasets)
    return replace(Look.of(style), heading=collisions(energy, known))
