"""Views of one column or two: spline scores, and scans for a local excess.

A view turns the residuals y − p of events, y = 1 for A, into a statistic that is large where
they follow its columns. Columns are ranks in cells, so that a labelling is but its sums by cell.

A **score** is the quadratic form of the scores S_k = Σ φ_k (y − p) of B-splines φ_k that is
χ² in large samples (Rao's score test): where signals are small it is the likelihood-ratio test
of `eμsym.SplineTest`. A **scan** is the largest square of a locally smoothed excess over its
standard deviation, at one of several widths. Each width is a view of its own: the largest of
narrow windows is larger without a signal than that of wide ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from eμsym.arrays import FloatArray, summed
from eμsym.unbinned.subspace_axis import Cells
from eμsym.unbinned.subspace_sums import cell_sums

#: Cells of a view of one column, and of each column in a view of two.
CELLS_1D, CELLS_2D = 256, 48

#: Numbers of splines of a view of one column, and in each column of a view of two.
SPLINES_1D, SPLINES_2D = (8, 16), (5, 9)

#: Widths of scans, standard deviations of a Gaussian in ranks.
WIDTHS_1D, WIDTHS_2D = (0.01, 0.025, 0.06, 0.15), (0.025, 0.06, 0.12)

#: A scan looks where its window holds at least as many events as this.
_FEWEST = 25.0

#: Directions of the scores that have less than this part of the largest variance are none.
_DEGENERATE = 1e-9

#: How a statistic is distributed: a sum of squares, or the largest of many squares.
Tail = Literal["sum", "largest"]


@dataclass(frozen=True)
class View:
    """What one statistic looks at.

    Attributes
    ----------
    kind : str
        Such as "spline 8", "scan 0.06", "forest 64" or "kernel 0.3".
    columns : tuple of str
    tail : {"sum", "largest"}
    """

    kind: str
    columns: tuple[str, ...]
    tail: Tail

    @property
    def name(self) -> str:
        """The kind and the columns."""
        return f"{self.kind} of {', '.join(self.columns)}"


@dataclass(frozen=True, eq=False)
class Moments:
    """What is known of the residuals y − p whatever the labels are.

    Attributes
    ----------
    variance : ndarray of float, shape (n,)
        Of each event's residual times its weight: w² p (1 − p).
    centred : bool
        Whether they add up to zero, as with sizes kept.
    """

    variance: FloatArray
    centred: bool


@dataclass(frozen=True, eq=False)
class LogOddsMap:
    """ln of A over B, compared with what the symmetry expects, over a view's columns.

    Attributes
    ----------
    columns : tuple of str
        One or two.
    edges : tuple of ndarray of float
        Of the cells of each column, in its own unit.
    log_odds : ndarray of float, shape (cells,) or (cells, cells)
        Smoothed with the best of the scans' widths; NaN where there are no events.
    pull : ndarray of float, same shape
        The smoothed excess of A over its standard deviation; NaN where events are few.
    """

    columns: tuple[str, ...]
    edges: tuple[FloatArray, ...]
    log_odds: FloatArray
    pull: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return the map for JSON, NaN as None."""
        return {
            "columns": list(self.columns),
            "edges": [edges.tolist() for edges in self.edges],
            "log_odds": _listed(self.log_odds),
            "pull": _listed(self.pull),
        }


@dataclass(frozen=True, eq=False)
class Place:
    """Where a view sees most.

    Attributes
    ----------
    region : dict of str to (float, float)
        A range of each of its columns.
    pull : float
        The excess of A there over its standard deviation; negative for one of B.
    map : LogOddsMap or None
        Of a view of one column or two.
    """

    region: dict[str, tuple[float, float]]
    pull: float
    map: LogOddsMap | None = None


class Block(Protocol):
    """Views that are computed together."""

    @property
    def views(self) -> tuple[View, ...]:
        """The views."""
        ...  # pragma: no cover

    def statistics(self, residuals: FloatArray) -> FloatArray:
        """Return their statistics, shape (views, labellings), of (n, labellings) residuals."""
        ...  # pragma: no cover

    def place(self, view: int, residuals: FloatArray) -> Place:
        """Return where one of them sees most, of residuals of shape (n,)."""
        ...  # pragma: no cover


class GridBlock:
    """Spline scores and a scan of one column or two.

    Parameters
    ----------
    columns : tuple of str
        One or two.
    cells : tuple of Cells
        Of each, `CELLS_1D` of one and `CELLS_2D` of two at most.
    moments : Moments
    """

    def __init__(
        self, columns: tuple[str, ...], cells: tuple[Cells, ...], moments: Moments
    ) -> None:
        one = len(columns) == 1
        self._columns, self._cells = columns, cells
        self._shape = tuple(len(cells) for cells in self._cells)
        flat = np.ravel_multi_index(tuple(each.index for each in cells), self._shape)
        size = int(np.prod(self._shape))
        self._index: NDArray[Any] = flat.astype(np.uint16)[np.newaxis]
        variance = summed(flat, moments.variance, size)
        count = np.bincount(flat, minlength=size).astype(np.float64)
        self._variance = variance.reshape(self._shape)
        splines = SPLINES_1D if one else SPLINES_2D
        bases = [[spline_basis(cells, k) for cells in self._cells] for k in splines]
        self._scores = [_whitened(basis, variance, moments.centred) for basis in bases]
        self._smoothers = [
            _Smoother.of(self._cells, width, self._variance, count.reshape(self._shape))
            for width in (WIDTHS_1D if one else WIDTHS_2D)
        ]
        kinds = [f"spline {k}" if one else f"spline {k}×{k}" for k in splines]
        self.views = (
            *(View(kind, self._columns, "sum") for kind in kinds),
            *(View(f"scan {each.width:g}", self._columns, "largest") for each in self._smoothers),
        )

    def statistics(self, residuals: FloatArray) -> FloatArray:
        """Return the statistics, shape (views, labellings), of (n, labellings) residuals."""
        sums = cell_sums(self._index, residuals, int(np.prod(self._shape)))[0]
        scores = [np.sum((whitened @ sums) ** 2, axis=0) for whitened in self._scores]
        local = sums.reshape(*self._shape, -1)
        largest = [smoother.largest(local) for smoother in self._smoothers]
        return np.stack([*scores, *largest])

    def place(self, view: int, residuals: FloatArray) -> Place:
        """Return where the columns show most, whichever view it is, of (n,) residuals."""
        sums = summed(self._index[0], residuals, int(np.prod(self._shape)))
        local = sums.reshape(*self._shape, 1)
        best = max(self._smoothers, key=lambda smoother: float(smoother.largest(local)[0]))
        pull, log_odds = best.pull(local)[..., 0], best.log_odds(local, self._variance)[..., 0]
        at = np.unravel_index(int(np.nanargmax(np.abs(pull))), pull.shape)
        region = {}
        for column, cells, i in zip(self._columns, self._cells, at, strict=True):
            near = np.abs(cells.centre - cells.centre[i]) <= best.width
            inside = np.flatnonzero(near)
            region[column] = (float(cells.edges[inside[0]]), float(cells.edges[inside[-1] + 1]))
        edges = tuple(cells.edges for cells in self._cells)
        return Place(region, float(pull[at]), LogOddsMap(self._columns, edges, log_odds, pull))


def spline_basis(cells: Cells, k: int) -> FloatArray:
    """Return K cubic B-splines at the cells' mean ranks, shape (cells, K).

    Of no more than K cells, each is a function of its own: a column of few values.
    """
    if len(cells) <= k:
        return np.eye(len(cells))
    inner = np.linspace(0.0, 1.0, k - 2)
    knots = np.concatenate([[0.0] * 3, inner, [1.0] * 3])
    return np.asarray(BSpline.design_matrix(cells.centre, knots, 3).toarray())


def _whitened(bases: list[FloatArray], variance: FloatArray, centred: bool) -> FloatArray:
    """Return what turns sums by cell into scores of unit covariance, shape (dof, cells)."""
    basis = bases[0] if len(bases) == 1 else np.kron(bases[0], bases[1])
    covariance = basis.T @ (variance[:, np.newaxis] * basis)
    if centred:
        mean = basis.T @ variance
        covariance -= np.outer(mean, mean) / variance.sum()
    values, vectors = np.linalg.eigh(covariance)
    kept = values > _DEGENERATE * values[-1]
    return np.asarray((vectors[:, kept] / np.sqrt(values[kept])).T @ basis.T)


@dataclass(frozen=True, eq=False)
class _Smoother:
    """Gaussian sums of cells around each, and their standard deviations; NaN of few events."""

    width: float
    kernels: tuple[FloatArray, ...]
    deviation: FloatArray

    @classmethod
    def of(
        cls, cells: tuple[Cells, ...], width: float, variance: FloatArray, count: FloatArray
    ) -> _Smoother:
        kernels = tuple(
            np.exp(-0.5 * ((each.centre[:, np.newaxis] - each.centre) / width) ** 2)
            for each in cells
        )
        spread = _smoothed(tuple(kernel**2 for kernel in kernels), variance[..., np.newaxis])
        content = _smoothed(kernels, count[..., np.newaxis])
        enough = (content >= _FEWEST) & (spread > 0)
        return cls(width, kernels, np.where(enough, np.sqrt(np.abs(spread)), np.nan))

    def pull(self, sums: FloatArray) -> FloatArray:
        """Return the smoothed sums over their deviations; (…, labellings) as the sums."""
        return _smoothed(self.kernels, sums) / self.deviation

    def log_odds(self, sums: FloatArray, variance: FloatArray) -> FloatArray:
        """Return the smoothed change of the log odds, Σ(y − p)/Σp(1 − p)."""
        weight = _smoothed(self.kernels, variance[..., np.newaxis])
        found = _smoothed(self.kernels, sums) / np.where(weight > 0, weight, np.nan)
        return np.where(np.isnan(self.deviation), np.nan, found)

    def largest(self, sums: FloatArray) -> FloatArray:
        """Return the largest square of a pull, shape (labellings,); 0 where events are few."""
        pull = self.pull(sums) ** 2
        flat = pull.reshape(-1, pull.shape[-1])
        return np.asarray(np.max(np.where(np.isnan(flat), 0.0, flat), axis=0))


def _smoothed(kernels: tuple[FloatArray, ...], sums: FloatArray) -> FloatArray:
    """Return sums of shape (cells, labellings) or (cells, cells, labellings), smoothed."""
    found = np.tensordot(kernels[0], sums, axes=(1, 0))
    if len(kernels) == 2:
        found = np.swapaxes(np.tensordot(kernels[1], found, axes=(1, 1)), 0, 1)
    return np.ascontiguousarray(found)


def _listed(values: FloatArray) -> Any:
    listed: NDArray[Any] = values.astype(object)
    listed[np.isnan(values)] = None
    return listed.tolist()
