"""The fitted log-ratios f and g over the observable, beside the samples' own ratio."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.label_rule import LEADING
from eμsym.plots.style import COLOR_A, COLOR_B, COLOR_BOTH, Style, one_panel

BINS = 28


def draw_likelihood_ratio(
    result: Any,
    a: ArrayLike,
    b: ArrayLike,
    *,
    weights_a: ArrayLike | None = None,
    weights_b: ArrayLike | None = None,
    names: tuple[str, str] = LEADING.names,
    label: str = "x",
    scale: float = 1.0,
    style: Style = "neutral",
) -> Figure:
    """Draw e^f and e^g with the binned samples over what the symmetry expects of them.

    Under the symmetry sample A is Ñ_A/(Ñ_A + Ñ_B) of both together; e^f is the
    fitted ratio of A to that, e^g that of B. Points are the same ratio in bins of
    nearly equal content.

    Parameters
    ----------
    result : result of a symmetrized test
        With callables ``f`` and ``g`` of an array of shape (n,), and ``t``.
    a, b : array_like, shape (n,), (m,)
        The observable, as the test saw it.
    weights_a, weights_b : array_like, optional
    names : tuple of str
    label : str
        Axis label with its unit.
    scale : float
        What x is multiplied by on the axis, 100 for m_coll/(100 GeV) in GeV.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x_a, x_b = (np.asarray(x, dtype=np.float64).ravel() for x in (a, b))
    w_a = np.ones(x_a.size) if weights_a is None else np.asarray(weights_a, dtype=np.float64)
    w_b = np.ones(x_b.size) if weights_b is None else np.asarray(weights_b, dtype=np.float64)
    edges = np.unique(np.quantile(np.concatenate([x_a, x_b]), np.linspace(0, 1, BINS + 1)))
    low, high = np.quantile(np.concatenate([x_a, x_b]), [0.002, 0.97])
    grid = np.linspace(low, high, 400)
    with one_panel(style, (6.4, 4.8)) as (figure, axes):
        fraction = w_a.sum() / (w_a.sum() + w_b.sum())
        both = _binned(x_a, w_a, edges)[0] + _binned(x_b, w_b, edges)[0]
        for x, w, part, curve, name, color in (
            (x_a, w_a, fraction, result.f, names[0], COLOR_A),
            (x_b, w_b, 1 - fraction, result.g, names[1], COLOR_B),
        ):
            counts, errors = _binned(x, w, edges)
            expected = np.where(both > 0, part * both, np.nan)
            axes.errorbar(
                scale * (edges[:-1] + edges[1:]) / 2,
                counts / expected,
                errors * (1 - part) / expected,
                scale * np.diff(edges) / 2,
                fmt="none",
                color=color,
                alpha=0.6,
                linewidth=1,
            )
            axes.plot(scale * grid, np.exp(curve(grid)), color=color, label=name)
        axes.axhline(1, color=COLOR_BOTH, linewidth=0.8)
        axes.set_xlim(scale * low, scale * high)
        axes.set_xlabel(label)
        axes.set_ylabel("sample / expected by the symmetry")
        axes.legend(title=f"t = {result.t:.1f}, dof = {result.dof}")
    return figure


def _binned(x: FloatArray, weight: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Σw and the root of Σw² in every bin."""
    counts, _ = np.histogram(x, edges, weights=weight)
    variances, _ = np.histogram(x, edges, weights=weight**2)
    return counts, np.sqrt(variances)
