"""What bins have in common because a calibration was fitted to their events, or has errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.pool import Pool
from eμsym.symmetry import Symmetry
from eμsym.unbinned.subspace_views import Moments

#: A direction that takes less than this part of the variance of any sum is left out.
_SMALL = 0.02


@dataclass(frozen=True, eq=False)
class SharedTerms:
    r"""How sums of residuals over bins are correlated.

    .. math:: \mathrm{cov}(S)_{ij} = V_i δ_{ij} + \sum_k s_k Z_{ik} Z_{jk}

    Attributes
    ----------
    rows : ndarray of float, shape (n, m)
        What each event adds to :math:`Z`.
    signs : ndarray of float, shape (m,)
        −1 of what a fit has taken up, 1 of an error from elsewhere.
    """

    rows: FloatArray
    signs: FloatArray

    @classmethod
    def of(cls, pool: Pool, symmetry: Symmetry, moments: Moments) -> SharedTerms:
        """Return those of a pool; m is 0 where bins are independent."""
        if moments.centred:
            rows = moments.variance[:, np.newaxis]
            middle = np.array([[-1.0 / rows.sum()]])
        elif (found := symmetry.shared_terms(pool)) is not None:
            rows, middle = found
        else:
            return cls(np.zeros((len(pool), 0)), np.zeros(0))
        spread = np.where(moments.variance > 0, moments.variance, np.inf)
        metric = (rows / spread[:, np.newaxis]).T @ rows
        values, vectors = np.linalg.eigh(metric)
        good = values > 1e-12 * values[-1]
        root = vectors[:, good] * np.sqrt(values[good])
        inverse = vectors[:, good] / np.sqrt(values[good])
        part, turned = np.linalg.eigh(root.T @ middle @ root)
        kept = np.abs(part) > _SMALL
        directions = inverse @ (turned[:, kept] * np.sqrt(np.abs(part[kept])))
        return cls(np.ascontiguousarray(rows @ directions), np.sign(part[kept]))

    def __len__(self) -> int:
        """Return the number of directions."""
        return int(self.signs.size)
