"""All histograms and planes of one region, prepared for any labelling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray, IntArray
from eμsym.difference import ABSORBED
from eμsym.scanning.choices import NO_CELL, STATISTICS
from eμsym.scanning.shared_terms import SharedTerms
from eμsym.scanning.view_kernel import view_statistics
from eμsym.scanning.view_layout import ViewLayout
from eμsym.unbinned.subspace_axis import Cells
from eμsym.unbinned.subspace_sums import cell_sums
from eμsym.unbinned.subspace_views import spline_basis

#: B-splines of the score of an observable.
SPLINES = 8

#: Directions of a covariance that matter to χ² less than this are left out of it.
_SMALL = 0.02
#: Directions with less variance than this are none.
_DEGENERATE = 1e-9


@dataclass(frozen=True, eq=False)
class RegionViews:
    """The views of a region.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        The region's events.
    layout : ViewLayout
    scale, forms, weights : ndarray of float
        As `view_statistics` takes them.
    summed : ndarray of float, shape (views,)
        Zero where the labels that the symmetry allows leave the sum of all pulls as it is, as
        where sizes are kept and all events are in bins of equal contents; else one.
    """

    rows: IntArray
    layout: ViewLayout
    scale: FloatArray
    forms: FloatArray
    weights: FloatArray
    summed: FloatArray

    @classmethod
    def of(
        cls, rows: IntArray, layout: ViewLayout, variance: FloatArray, shared: SharedTerms
    ) -> RegionViews:
        """Prepare them.

        Parameters
        ----------
        rows : ndarray of int, shape (n,)
        layout : ViewLayout
            Of these events.
        variance : ndarray of float, shape (n,)
            Of each event's residual.
        shared : SharedTerms
            Of these events.
        """
        cells, size = layout.flat_cells(), layout.most_bins
        per_event = np.concatenate([variance[:, np.newaxis], shared.rows], axis=1)
        sums = cell_sums(cells, per_event, size + 1)[:, :size]
        own, terms = sums[:, :, 0], sums[:, :, 1:]
        total = own + (terms**2) @ shared.signs
        used = (own > 0) & (total > ABSORBED * own)
        inverse = np.where(used, 1 / np.sqrt(np.where(used, own, 1.0)), 0.0)
        ratio = np.where(used, np.sqrt(np.where(used, own, 0.0) / np.where(used, total, 1.0)), 0.0)
        unit = terms * inverse[:, :, np.newaxis]
        forms, for_chi2 = _correlations(unit, shared.signs)
        scores = _scores(layout, own, unit, shared.signs)
        count = forms.shape[1]
        most = max((len(each) for each in scores), default=0)
        every = np.zeros((len(cells), count + most, size))
        weights = np.zeros((len(cells), 2, count + most))
        every[:, :count], weights[:, 0, :count] = forms, for_chi2
        for view, score in enumerate(scores):
            every[view, count : count + len(score)] = score
            weights[view, 1, count : count + len(score)] = 1.0
        shared_sums = np.einsum("vb,vbm->vm", ratio, unit)
        spread = np.sum(ratio**2, axis=1) + (shared_sums**2) @ shared.signs
        summed = np.where(spread > ABSORBED * used.sum(axis=1), 1.0, 0.0)
        return cls(rows, layout, np.stack([inverse, ratio], axis=1), every, weights, summed)

    def statistics(self, residuals: FloatArray) -> FloatArray:
        """Return the statistics of all views, (views, 4, LANES), of (n, LANES) residuals."""
        found = view_statistics(
            self.layout.cells,
            self.layout.views,
            self.scale,
            self.forms,
            self.weights,
            residuals,
            squares=self.layout.squares,
        )
        # What is left of a sum that is zero for all labels depends on the order of its terms.
        found[:, STATISTICS.index("nsigma")] *= self.summed[:, np.newaxis]
        return found


def _scores(
    layout: ViewLayout, own: FloatArray, unit: FloatArray, signs: FloatArray
) -> list[FloatArray]:
    """Return what turns sums over σ into the unit scores of splines, of each observable."""
    found = []
    for view, axis in enumerate(layout.observables):
        size = axis.bins
        counts = np.bincount(axis.index[axis.index != NO_CELL], minlength=size)
        rank = (np.cumsum(counts) - counts / 2) / counts.sum()
        basis = spline_basis(Cells(np.zeros(0, dtype=int), rank, axis.edges), SPLINES)
        root = np.sqrt(own[view, :size])[:, np.newaxis] * basis
        across = root.T @ unit[view, :size]
        covariance = root.T @ root + (across * signs) @ across.T
        values, vectors = np.linalg.eigh(covariance)
        kept = values > _DEGENERATE * values[-1]
        rows = np.zeros((int(kept.sum()), own.shape[1]))
        rows[:, :size] = (vectors[:, kept] / np.sqrt(values[kept])).T @ root.T
        found.append(rows)
    return found


def _correlations(unit: FloatArray, signs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the forms whose squares times weights make the sum of squares a χ².

    With C = V^½ (1 + Σ s z zᵀ) V^½ of directions z, and λ, q the eigenvalues and vectors of
    Σ s z zᵀ, χ² = Σ u² − Σ λ/(1 + λ) (q·u)² of the sums u over the events' own σ.
    """
    views, bins, m = unit.shape
    if not m:
        return np.zeros((views, 0, bins)), np.zeros((views, 0))
    if np.all(signs == signs[0]):
        # The few directions' own matrix has the same eigenvalues.
        values, vectors = np.linalg.eigh(np.swapaxes(unit, 1, 2) @ unit)
        length = np.sqrt(np.where(values > 0, values, 1.0))
        directions, values = unit @ vectors / length[:, np.newaxis], values * signs[0]
    else:
        values, directions = np.linalg.eigh((unit * signs) @ np.swapaxes(unit, 1, 2))
    order = np.argsort(-np.abs(values), axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    forms = np.take_along_axis(np.swapaxes(directions, 1, 2), order[:, :, np.newaxis], axis=1)
    left = 1 + values
    # A direction that the fit has used up holds no information: it leaves the sum of squares.
    weights = np.where(left > _DEGENERATE, -values / np.where(left > _DEGENERATE, left, 1.0), -1.0)
    weights = np.where(np.abs(values) > _SMALL, weights, 0.0)
    count = int(np.max(np.count_nonzero(weights, axis=1), initial=0))
    return np.ascontiguousarray(forms[:, :count]), np.ascontiguousarray(weights[:, :count])
