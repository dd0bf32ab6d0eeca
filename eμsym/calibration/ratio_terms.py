r"""What ln r may look like: a few terms, each with the size that it is expected to have.

.. math::
    \ln r(p_T, η) = a\,u + \sum_j b_j\,(u - u_j)_+ + \sum_k s_k\,[|η| \ge η_k]
        + \sum_{g,l} c_{gl}\,h_l(u)\,[|η| \ge η_g] + \sum_m t_m\,[p_T \ge p_m],
        \qquad u = \ln p_T,

a slope in ln pT, bends at knots, steps in |η|, steps that change with ln pT, and, where thresholds
are stated, steps in pT. It is evaluated
at the middle of narrow bins, the levels, so that a fit needs no more than counts of events by the
levels of their two leptons. Each term has a Gaussian prior of mean zero and of the standard
deviation declared here: what the events do not tell stays near zero, and what they do tell is
theirs, for the prior's weight does not grow with them. The fit stays convex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from eμsym.arrays import FloatArray, summed
from eμsym.calibration.efficiency_ratio import LeptonBins
from eμsym.errors import ConfigurationError, DataError
from eμsym.shown import Shown

#: Where r may jump in |η| unless edges are given: the gap of the ATLAS calorimeter, and 1.5,
#: where the efficiencies of the public Delphes cards do.
CRACKS = (1.37, 1.5, 1.52)

#: The expected sizes of the terms, as standard deviations of ln r: of the slope per unit of
#: ln pT and of its change at a knot; of a step at a jump and elsewhere; of what a step may
#: change by with pT.
SLOPE, BEND, JUMP, STEP, PRODUCT = 2.0, 2.0, 1.0, 0.5, 0.5

#: That of a step at a threshold in pT, which may all but exclude one flavour.
THRESHOLD = 3.0

#: That of the logarithm of the ratio of two rates: next to nothing is known of it.
CONSTANT = 5.0

#: Knots in ln pT, over the fourth root of the number of leptons: what a bend between them
#: leaves falls with their square, what fluctuations hide as much as falls with the square
#: root of the number of leptons.
KNOTS = 0.75

#: Levels in pT, over the square root of the number of leptons, and how many at least and at most:
#: fewer would not follow a turn-on, however few the events.
LEVELS, FEWEST_LEVELS, MOST_LEVELS = 0.25, 20, 64

#: Leptons from which on ln r has bends, and from which on fine steps and products.
ENOUGH_FOR_BENDS, ENOUGH_FOR_ALL = 400, 2000

#: Width of the levels in |η|, and of those that are all that few events have.
FINE, COARSE = 0.2, (0.8,)

#: Steps in |η| that may change with pT, and in how many pieces of ln pT.
_CHANGING, _PIECES = (0.8, 1.5), 4

#: So many leptons are above the last knot: beyond it ln r goes on straight.
_ABOVE = 20


@dataclass(frozen=True, eq=False, repr=False)
class RatioTerms(Shown):
    """ln r of leptons as a linear function of terms.

    Attributes
    ----------
    basis : ndarray of float, shape (levels, terms)
        The derivative of each level's ln r by each term.
    prior : ndarray of float, shape (terms,)
        The standard deviation that each term has before any event is seen; infinite if
        nothing is known of it.
    """

    basis: FloatArray
    prior: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[RatioTerms]) -> RatioTerms:
        """Return the terms of several kinds of leptons, each with levels of its own."""
        basis = np.asarray(block_diag(*(part.basis for part in parts)))
        return cls(basis, np.concatenate([part.prior for part in parts]))

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: numbers of levels and terms."""
        return {"levels": len(self.basis), "terms": self.prior.size}

    @property
    def precision(self) -> FloatArray:
        """1/prior², shape (terms,)."""
        return np.asarray(1.0 / self.prior**2)

    def centred(self, use: FloatArray) -> RatioTerms:
        """Return terms of which none changes the mean of ln r over leptons.

        A constant in ln r cancels in every event.

        Parameters
        ----------
        use : ndarray of float, shape (levels,)
            The share of the leptons in each level.
        """
        return replace(self, basis=self.basis - use @ self.basis)

    def with_level(self) -> RatioTerms:
        """Return the terms with one more, of all levels alike: the mean of ln r.

        It is as wide as a step, or free as the others are.
        """
        width = np.inf if np.all(np.isinf(self.prior)) else JUMP
        basis = np.concatenate([self.basis, np.ones((len(self.basis), 1))], axis=1)
        return RatioTerms(basis, np.append(self.prior, width))


def constant_term(*, free: bool) -> RatioTerms:
    """Return the one term of a constant, at a level of its own.

    Parameters
    ----------
    free : bool
        Whether nothing at all is known of it. Else it has a prior of the width `CONSTANT`,
        which holds it where all events happen to have one label.
    """
    return RatioTerms(np.ones((1, 1)), np.array([np.inf if free else CONSTANT]))


def binned_terms(bins: LeptonBins) -> RatioTerms:
    """Return one term a bin but for the first, which the others are relative to."""
    k = len(bins)
    return RatioTerms(np.eye(k)[:, 1:], np.full(k - 1, np.inf))


def smooth_terms(
    pt: FloatArray,
    eta: FloatArray,
    *,
    abseta_edges: Sequence[float] | None = None,
    pt_edges: Sequence[float] = (),
    signed: bool = False,
) -> tuple[LeptonBins, RatioTerms]:
    """Return levels, and as many terms as leptons of these kinematics bear.

    Few leptons have a slope in ln pT and steps at a few |η|; more have bends, and steps every
    0.2 that may change with pT.

    Parameters
    ----------
    pt, eta : ndarray of float, of any one shape
        All leptons, whatever their flavour, so that the labels have no part in the choice;
        pT in GeV.
    abseta_edges : sequence of float, optional
        Where r may jump in |η|. Default: `CRACKS`.
    pt_edges : sequence of float
        Where it may jump in pT, in GeV: thresholds of triggers.
    signed : bool
        Whether r may differ between η and −η.

    Returns
    -------
    bins : LeptonBins
        The levels: narrow bins in which ln r is taken to be constant.
    terms : RatioTerms

    Raises
    ------
    DataError
        If there are no leptons, or a value is not finite.
    ConfigurationError
        If edges are not positive, finite, rising numbers.
    """
    jumps = checked_jumps(CRACKS if abseta_edges is None else abseta_edges)
    thresholds = checked_jumps(pt_edges, "pT")
    pt, abseta = pt.ravel(), np.abs(eta).ravel()
    if not pt.size:
        raise DataError("0 events are too few to calibrate with: add events")
    if not (np.all(np.isfinite(pt)) and np.all(np.isfinite(abseta)) and np.all(pt > 0)):
        raise DataError("a lepton's pT or η is NaN, infinite or no momentum; remove such events")
    u, n = np.log(pt), pt.size
    low, high = float(u.min()), float(np.quantile(u, max(1 - _ABOVE / n, 0.5)))
    high = max(high, low + 1e-3)
    n_levels = int(np.clip(LEVELS * n**0.5, FEWEST_LEVELS, MOST_LEVELS))
    first, last = float(np.floor(pt.min())), float(np.floor(pt.max())) + 1
    inner = np.unique([*np.exp(_spaced(u, low, high, n_levels)[1:-1]), *thresholds])
    bins = LeptonBins(
        (first, *inner[(inner > pt.min()) & (inner < last)].tolist(), last),
        _steps(jumps, float(abseta.max()), fine=n >= ENOUGH_FOR_ALL),
        signed,
    )
    parts = _parts(bins, _middles(bins, pt, abseta), jumps, n, (u, low, high))
    parts += _thresholds(bins, thresholds)
    basis, prior = (np.concatenate(x, axis=-1) for x in zip(*parts, strict=True))
    return bins, RatioTerms(basis.reshape(len(bins), -1), prior)


def _parts(
    bins: LeptonBins,
    middle: FloatArray,
    jumps: Sequence[float],
    n: int,
    leptons: tuple[FloatArray, float, float],
) -> list[tuple[FloatArray, FloatArray]]:
    """Return the columns of the basis, (pT levels, η levels, terms), and their priors."""
    u, low, high = leptons
    n_pt, n_eta = bins.shape
    lower = np.array(bins.abseta_edges[:-1])
    abseta = np.tile(lower, 2 if bins.signed else 1)

    def whole(columns: FloatArray, rows: FloatArray) -> FloatArray:
        """Products of functions of pT, (pT levels, p), and of η, (η levels, q)."""
        both = columns[:, None, :, None] * rows[None, :, None, :]
        return both.reshape(n_pt, n_eta, -1)

    one_pt, one_eta = np.ones((n_pt, 1)), np.ones((n_eta, 1))
    slope = (middle - low)[:, None]
    parts = [(whole(slope, one_eta), np.array([SLOPE]))]
    if n >= ENOUGH_FOR_BENDS:
        knots = _spaced(u, low, high, max(2, round(KNOTS * n**0.25)))[1:-1]
        bends = np.maximum(middle[:, None] - knots, 0.0)
        parts.append((whole(bends, one_eta), np.full(knots.size, BEND)))
    at = lower[1:]
    steps = (abseta[:, None] >= at - _CLOSE).astype(np.float64)
    sizes = np.where(np.min(np.abs(at[:, None] - np.array(jumps)), axis=1) < _CLOSE, JUMP, STEP)
    parts.append((whole(one_pt, steps), sizes))
    changing = (abseta[:, None] >= np.array(_CHANGING) - _CLOSE).astype(np.float64)
    if n >= ENOUGH_FOR_ALL:
        pieces = _spaced(u, low, high, _PIECES)
        products = whole(_hats(middle, pieces), changing)
        parts.append((products, np.full(products.shape[-1], PRODUCT)))
    if bins.signed:
        side = np.repeat([0.0, 1.0], lower.size)[:, None]
        odd = whole(np.concatenate([one_pt, slope], axis=1), side)
        parts.append((odd, np.array([JUMP, SLOPE])))
        parts.append((whole(one_pt, steps * side), sizes))
    return parts


def _thresholds(bins: LeptonBins, thresholds: Sequence[float]) -> list[tuple[FloatArray, Any]]:
    """Return the columns of steps in pT, as `_parts` does."""
    lower, within = np.array(bins.pt_edges[:-1]), [x for x in thresholds if x in bins.pt_edges]
    if not within:
        return []
    steps = (lower[:, None] >= np.array(within)).astype(np.float64)
    columns = np.broadcast_to(steps[:, None, :], (*bins.shape, len(within)))
    return [(columns, np.full(len(within), THRESHOLD))]


#: Edges closer than this are one.
_CLOSE = 1e-6


def checked_jumps(edges: Any, of: str = "|η|") -> tuple[float, ...]:
    """Return edges in |η|, or in pT, at which ln r may jump; an infinite one for none.

    Raises
    ------
    ConfigurationError
        If they are not positive, finite, rising numbers.
    """
    try:
        found = tuple(float(edge) for edge in edges)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"edges in {of}: give numbers, got {edges!r}") from error
    if not (np.all(np.isfinite(found)) and np.all(np.diff((0.0, *found)) > _CLOSE)):
        raise ConfigurationError(
            f"edges in {of}: give rising positive numbers, got {', '.join(map(str, found))}"
        )
    return found or (np.inf,)


def _steps(jumps: Sequence[float], largest: float, *, fine: bool) -> tuple[float, ...]:
    """Return edges in |η|: those of the jumps, and others where none is near."""
    top = float(np.ceil(10 * largest) / 10) or 0.1
    others = np.arange(FINE, top, FINE) if fine else np.array(COARSE)
    near = np.min(np.abs(others[:, None] - np.array(jumps)), axis=1) < FINE / 2 - _CLOSE
    inner = np.unique(np.round([*others[~near], *jumps], 6))
    return (0.0, *inner[(inner > 0) & (inner < top - _CLOSE)].tolist(), top)


def _spaced(u: FloatArray, low: float, high: float, n: int) -> FloatArray:
    """Return edges of n pieces of ln pT, half-way between equal numbers and equal widths."""
    share = np.linspace(0, 1, n + 1)
    edges = (np.quantile(u, share) + low + (high - low) * share) / 2
    edges[[0, -1]] = low, high
    return np.unique(np.clip(edges, low, high))


def _middles(bins: LeptonBins, pt: FloatArray, abseta: FloatArray) -> FloatArray:
    """Return the mean ln pT of the leptons in each bin of pT, shape (pT bins,)."""
    n_pt, n_eta = bins.shape
    row = bins.index(pt, abseta) // n_eta
    count = np.bincount(row, minlength=n_pt)
    edges = np.log(np.maximum(bins.pt_edges, 1.0))
    middle = (edges[1:] + edges[:-1]) / 2
    full = count > 0
    middle[full] = summed(row, np.log(pt), n_pt)[full] / count[full]
    return middle


def _hats(x: FloatArray, knots: FloatArray) -> FloatArray:
    """Return the functions that are one at a knot and fall linearly to its neighbours."""
    return np.stack([np.interp(x, knots, row) for row in np.eye(knots.size)], axis=1)
