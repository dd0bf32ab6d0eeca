"""Legends that cover nothing: the axis is made longer until what is drawn lies below them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from eμsym.arrays import FloatArray

#: Where a legend may stand; the first place that needs the shortest axis is taken.
_PLACES = ("upper right", "upper left", "upper center")
#: Pixels between a legend and what is drawn.
_PAD = 4.0
#: What is drawn keeps this share of the axis at least.
_LEAST = 0.25


def make_room(figure: Figure) -> None:
    """Put every legend of a figure into an upper corner, and lift the axis until it is free.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        With all that is to be drawn; its layout is run.
    """
    legends = [axes.get_legend() for axes in figure.axes]
    if not any(legends):
        return
    figure.draw_without_rendering()
    canvas = figure.canvas
    renderer = FigureCanvasAgg(figure).get_renderer()  # it takes the other canvas's place
    figure.set_canvas(canvas)
    for axes, legend in zip(figure.axes, legends, strict=True):
        if legend is None:
            continue
        shared = [each for each in figure.axes if np.allclose(each.bbox.bounds, axes.bbox.bounds)]
        shares = {}
        for place in _PLACES:
            legend.set_loc(place)
            box = legend.get_window_extent(renderer)
            shares[place] = min(_share(each, box, renderer) for each in shared)
        place = max(shares, key=lambda name: shares[name])
        legend.set_loc(place)
        box = legend.get_window_extent(renderer)
        for each in shared:
            _lift(each, _share(each, box, renderer))


def _share(axes: Any, legend: Any, renderer: Any) -> float:
    """Return what share of the axis what is drawn may keep, so that it lies below a legend."""
    low, length = axes.bbox.y0, axes.bbox.height
    top = low
    for points in (*_drawn(axes), *_written(axes, renderer)):
        top = max(top, _highest(points, legend.x0 - _PAD, legend.x1 + _PAD))
    top = min(top, axes.bbox.y1)
    free = max(legend.y0 - _PAD - low, _LEAST * length)
    return float(min(1.0, free / (top - low))) if top > low else 1.0


def _lift(axes: Any, share: float) -> None:
    """Make an axis longer at its top, so that what is drawn has this share of its length."""
    if share >= 1:
        return
    scale = axes.yaxis.get_transform()
    bottom, top = scale.transform(np.array(axes.get_ylim()))
    axes.set_ylim(top=float(scale.inverted().transform(bottom + (top - bottom) / share)))


def _drawn(axes: Any) -> Iterator[FloatArray]:
    """Yield the outlines of what is drawn at places of both axes, in pixels."""
    for artist in (*axes.lines, *axes.patches):
        if artist.get_visible() and all(_at_data(artist, axes)):
            yield from _polygons(artist.get_path(), artist.get_transform())
    for collection in axes.collections:
        if collection.get_visible() and all(_at_data(collection, axes)):
            for path in collection.get_paths():
                yield from _polygons(path, collection.get_transform())


def _polygons(path: Any, transform: Any) -> list[FloatArray]:
    # Not by to_polygons alone, which knows nothing of logarithms.
    found: list[FloatArray] = transform.transform_path(path).to_polygons(closed_only=False)
    return found


def _at_data(artist: Any, axes: Any) -> tuple[bool, bool]:
    x, y = artist.get_transform().contains_branch_seperately(axes.transData)
    return bool(x), bool(y)


def _written(axes: Any, renderer: Any) -> Iterator[FloatArray]:
    """Yield the frames of texts inside the axes, in pixels."""
    for text in axes.texts:
        box = text.get_window_extent(renderer)
        if text.get_visible() and box.y0 < axes.bbox.y1 - 1:
            yield np.array([[box.x0, box.y1], [box.x1, box.y1]])


def _highest(points: FloatArray, left: float, right: float) -> float:
    """Return how high a line reaches between two places."""
    x, y = np.asarray(points, dtype=np.float64).T
    if x.size == 1:
        return float(y[0]) if left <= x[0] <= right else -np.inf
    x0, x1, y0, y1 = x[:-1], x[1:], y[:-1], y[1:]
    there = (np.minimum(x0, x1) <= right) & (np.maximum(x0, x1) >= left)
    x0, x1, y0, y1 = x0[there], x1[there], y0[there], y1[there]
    if not x0.size:
        return -np.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(x0 == x1, 0.0, (y1 - y0) / (x1 - x0))
    upright = np.where(x0 == x1, np.maximum(y0, y1), -np.inf)
    ends = [y0 + slope * (np.clip(each, left, right) - x0) for each in (x0, x1)]
    return float(np.max([*ends, upright]))
