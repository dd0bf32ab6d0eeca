"""One neutral style for all figures; experiments' styles and labels on request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import matplotlib
import mplhep
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from eμsym.files import make_folder, whole_file
from eμsym.plots.legends import make_room
from eμsym.plots.look import STYLES, Look, StyleName

__all__ = ["STYLES", "Style", "StyledFigure", "experiment_label", "one_panel", "save_figure"]

#: A style by its name, or with a width and a heading.
Style = StyleName | Look

#: Colour-blind safe (Okabe and Ito): sample A, sample B, both, highlight.
COLOR_A, COLOR_B, COLOR_BOTH, COLOR_MARK = "#0072B2", "#D55E00", "#444444", "#000000"

_NEUTRAL: dict[str, Any] = {
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.titlesize": 11,
    # No tick label stands above an axis; to look for some takes a fifth of the drawing.
    "axes.titley": 1.0,
    "figure.dpi": 100,
    "font.size": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "mathtext.default": "regular",
    "savefig.dpi": 150,
    "xtick.direction": "in",
    "xtick.minor.visible": True,
    "xtick.top": True,
    "ytick.direction": "in",
    "ytick.minor.visible": True,
    "ytick.right": True,
    # Text stays text in the PDF, and needs no font but matplotlib's own.
    "font.family": "DejaVu Sans",
    "pdf.fonttype": 42,
    # In an SVG letters are drawn, for whoever reads it may have no such font.
    "svg.fonttype": "path",
    "svg.hashsalt": "emusym",
}

#: The experiments' own sizes are made for 10 inch figures with one panel.
_EXPERIMENT_SIZES: dict[str, Any] = {
    **{key: _NEUTRAL[key] for key in _NEUTRAL if any(x in key for x in ("size", "dpi", "titley"))},
    "axes.labelpad": 4.0,
    "axes.unicode_minus": True,
    "legend.borderaxespad": 0.8,
    "legend.title_fontsize": 10,
    "savefig.bbox": None,
    **{key: _NEUTRAL[key] for key in ("pdf.fonttype", "svg.fonttype", "svg.hashsalt")},
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    **{f"{axis}tick.major.size": 6.0 for axis in "xy"},
    **{f"{axis}tick.minor.size": 3.0 for axis in "xy"},
    **{f"{axis}tick.{kind}.pad": 4.0 for axis in "xy" for kind in ("major", "minor")},
}

#: Characters of a dataset's name in a legend.
_LONGEST_NAME = 60

#: What files do not say of themselves: when, and the shown formats not by what, they were made.
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
    "svg": {"Date": None, "Creator": None},
}

_LAYOUT_SETTINGS = ("autolayout", "constrained_layout.use")

#: How an experiment writes its name, and what stands beside it.
_LABEL_FONTS: dict[StyleName, tuple[dict[str, str], dict[str, str]]] = {
    "ATLAS": ({"weight": "bold", "style": "italic"}, {}),
    "CMS": ({"weight": "bold"}, {"style": "italic"}),
    "LHCb": ({}, {}),
    "ALICE": ({"weight": "bold"}, {}),
}


class StyledFigure(Figure):
    """A figure of a look's size that is rendered with the settings that it was drawn with.

    matplotlib looks up fonts, resolution and more only when it renders, which
    is after `styled` has put the caller's settings back.

    Parameters
    ----------
    style : str or Look
    figsize : tuple of float
        Width and height on a screen, in inches.
    **options
        As of `matplotlib.figure.Figure`.
    """

    def __init__(self, style: Style, figsize: tuple[float, float], **options: Any) -> None:
        self._style: Style = style
        with self.settings():
            super().__init__(figsize=Look.of(style).size(figsize), **options)

    def settings(self) -> AbstractContextManager[None]:
        """Return a context with the settings that the figure was drawn with."""
        return styled(self._style)

    def draw(self, renderer: Any) -> None:
        """Render, as `matplotlib.figure.Figure.draw` does."""
        with self.settings():
            super().draw(renderer)

    def get_tightbbox(self, *args: Any, **options: Any) -> Any:
        """Return what the figure needs, as `matplotlib.figure.Figure.get_tightbbox` does."""
        with self.settings():
            return super().get_tightbbox(*args, **options)

    def savefig(self, *args: Any, **options: Any) -> None:
        """Write to a file, as `matplotlib.figure.Figure.savefig` does."""
        with self.settings():
            super().savefig(*args, **options)


@contextmanager
def styled(style: Style) -> Iterator[None]:
    """Draw with a style; matplotlib's own settings are as before afterwards.

    Parameters
    ----------
    style : str or Look
        A name of `STYLES`, or that with a width and a heading.

    Raises
    ------
    ConfigurationError
        If there is no such style.
    """
    look = Look.of(style)
    settings = _NEUTRAL
    if look.style != "neutral":
        settings = {**getattr(mplhep.style, look.style), **_EXPERIMENT_SIZES}
    settings = {**settings, **look.settings}
    with matplotlib.rc_context():
        # From matplotlib's own settings: the user's may ask for what is not installed.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        yield


def as_text(name: str) -> str:
    """Return a name for a figure, that is shown as it is: its dollar signs begin no formula.

    A long one is cut in its middle, for a legend has little room.
    """
    if len(name) > _LONGEST_NAME:
        half = _LONGEST_NAME // 2
        name = f"{name[:half]}…{name[-half:]}"
    return name.replace("$", r"\$")


def experiment_label(axes: Any, style: Style) -> None:
    """Write above the axes the experiment's label, if the style is one's, and the heading.

    Where a title or an axis stands there, they have a line of their own above the whole figure.

    As mplhep's labels, which are spaced for the axes' size of the moment and
    open a figure in pyplot; this one is placed when the figure is rendered.
    """
    look = Look.of(style)
    experiment = None if look.style == "neutral" else look.style
    if experiment is None and not look.heading:
        return
    above = {"xytext": (0, 3), "textcoords": "offset points", "va": "bottom"}
    place: dict[str, Any] = {"xy": (0, 1), "xycoords": "axes fraction"}
    occupied = _is_occupied_above(axes)
    if occupied:
        line = axes.figure.suptitle(look.heading or " ", x=0.99, ha="right", fontsize="medium")
        place = {"xy": (0, 0), "xycoords": ("axes fraction", line)}
        above["xytext"] = (0, 0)
    elif look.heading:
        axes.annotate(look.heading, (1, 1), xycoords="axes fraction", ha="right", **above)
    if experiment is None:
        return
    name_font, text_font = _LABEL_FONTS[experiment]
    large, medium = (9, 7) if look.printed else (13, 10)
    name = axes.annotate(experiment, **place, fontsize=large, **above, **name_font)
    # Both texts' boxes end below the baseline by a fifth of their size.
    after = {"xytext": (4, 0.6), "textcoords": "offset points", "va": "bottom"}
    text = axes.annotate(
        "Delphes simulation", (1, 0), xycoords=name, fontsize=medium, **after, **text_font
    )
    for each in (name, text):
        # The room of a line above the figure is the heading's.
        each.set_in_layout(not occupied)


def _is_occupied_above(axes: Any) -> bool:
    titled = any(axes.get_title(loc=place) for place in ("left", "center", "right"))
    return titled or axes.xaxis.get_label_position() == "top" or _has_axis_above(axes)


def _has_axis_above(axes: Any) -> bool:
    return any(
        each is not axes and each.bbox.bounds == axes.bbox.bounds and each.get_xlabel()
        for each in axes.figure.axes
    )


@contextmanager
def one_panel(style: Style, size: tuple[float, float]) -> Iterator[tuple[Figure, Any]]:
    """Draw a figure of one panel; labels are put above it, and legends beside data, afterwards.

    Parameters
    ----------
    style : str
        See `styled`.
    size : tuple of float
        Width and height on a screen, in inches.

    Yields
    ------
    tuple
        The figure and its axes.

    Raises
    ------
    ConfigurationError
        If there is no such style.
    """
    with styled(style):
        figure = StyledFigure(style, figsize=size, layout="constrained")
        axes = figure.subplots()
        yield figure, axes
        experiment_label(axes, style)
        make_room(figure)


def save_figure(
    figure: Figure, folder: str | Path, name: str, *, endings: Sequence[str] = ("png", "pdf")
) -> list[Path]:
    """Write a figure as PNG and PDF, each whole or not at all.

    The files hold no date, so that the same result gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    folder : str or Path
        Made if it is not there.
    name : str
        File name without its ending.
    endings : sequence of str
        Of "png", "pdf" and "svg"; one file each.

    Returns
    -------
    list of Path

    Raises
    ------
    OutputError
        If the folder cannot be made or written.
    """
    folder = make_folder(folder)
    written = []
    with _laid_out(figure):
        for ending in endings:
            path = folder / f"{name}.{ending}"
            with whole_file(path) as temporary:
                figure.savefig(temporary, format=ending, metadata=_METADATA[ending])
            written.append(path)
    return written


@contextmanager
def _laid_out(figure: Figure) -> Iterator[None]:
    """Lay a figure out once, as for its PNG, for all files that the block writes.

    matplotlib would do so for every file, and draw every file twice for it.
    """
    engine = figure.get_layout_engine()
    if engine is None:
        yield
        return
    with figure.settings() if isinstance(figure, StyledFigure) else nullcontext():
        _lay_out(figure, engine)
    # None is "as matplotlib's settings say", and they are to say: not at all.
    with matplotlib.rc_context({f"figure.{name}": False for name in _LAYOUT_SETTINGS}):
        figure.set_layout_engine(None)
    try:
        yield
    finally:
        figure.set_layout_engine(engine)


def _lay_out(figure: Figure, engine: Any) -> None:
    """Run a layout engine with the texts' sizes that a PNG's resolution gives."""
    canvas, dpi = figure.canvas, figure.dpi
    saved_dpi = matplotlib.rcParams["savefig.dpi"]
    FigureCanvasAgg(figure)  # it takes the other canvas's place
    try:
        figure.dpi = dpi if saved_dpi == "figure" else saved_dpi
        engine.execute(figure)
    finally:
        figure.dpi = dpi
        figure.set_canvas(canvas)
