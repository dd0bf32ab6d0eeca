"""Where the bins of an axis are drawn: those without an end, of whole numbers, of categories."""

from __future__ import annotations

from typing import Any

import numpy as np
from hist import Hist, axis
from hist.storage import Weight

from eμsym.arrays import FloatArray

#: No column has as much: a last bin that ends beyond takes everything, and is drawn shorter.
_NO_END = 1e99


def drawn_edges(of: Any) -> FloatArray:
    """Return the edges between which the bins of an axis are drawn.

    Parameters
    ----------
    of : hist axis
        Whole numbers stand in the middle of their bins, categories side by side, and a last
        bin without an end is as wide as the one before it.

    Examples
    --------
    >>> drawn_edges(axis.Variable([0, 10, 20, 1e100])).tolist()
    [0.0, 10.0, 20.0, 30.0]
    >>> drawn_edges(axis.Integer(0, 3)).tolist(), drawn_edges(axis.IntCategory([11, 13])).tolist()
    ([-0.5, 0.5, 1.5, 2.5], [0.0, 1.0, 2.0])
    """
    edges = np.array(of.edges, dtype=np.float64)
    if isinstance(of, axis.Integer):
        edges -= 0.5
    if endless(of):
        width = edges[-2] - edges[-3] if edges.size > 2 else max(1.0, abs(edges[-2]))
        edges[-1] = edges[-2] + width
    return edges


def endless(of: Any) -> bool:
    """Return whether the last bin of an axis takes all that lies beyond it."""
    return bool(of.edges[-1] > _NO_END)


def drawn_label(of: Any) -> str:
    """Return the label of an axis, which says so if its last bin has no end."""
    return f"{of.label}, the last bin and beyond" if endless(of) else str(of.label)


def as_drawn(histogram: Hist) -> Hist:
    """Return a 1-D histogram on the edges on which it is drawn, without what lies outside."""
    drawn = Hist(axis.Variable(drawn_edges(histogram.axes[0])), storage=Weight())
    values = histogram.values()
    variances = histogram.variances()
    drawn.view()["value"] = values
    drawn.view()["variance"] = values if variances is None else variances
    return drawn


def mark_categories(axes: Any, of: Any) -> None:
    """Write the values of categories, and of whole numbers, below their bins."""
    if not of.traits.discrete:
        return
    edges = drawn_edges(of)
    named = list(of) if isinstance(of, axis.IntCategory) else [int(x + 0.5) for x in edges[:-1]]
    step = max(1, len(named) // 12)
    axes.set_xticks((edges[:-1] + 0.5)[::step], [str(x) for x in named[::step]])
    axes.minorticks_off()
