r"""CLs of q̃_μ by the asymptotic formulae (Cowan et al., arXiv:1007.1727, section 3.6).

With q the data's q̃_μ and q_A that of the background-only Asimov data, whose √q_A is μ/σ,

.. math::
    \sqrt{q} \le \sqrt{q_A}: \quad & CL_{s+b} = Φ(-\sqrt{q}), & CL_b = Φ(\sqrt{q_A} - \sqrt{q}) \\
    \text{else}: \quad & CL_{s+b} = Φ\Bigl(-\frac{q + q_A}{2\sqrt{q_A}}\Bigr),
    & CL_b = Φ\Bigl(-\frac{q - q_A}{2\sqrt{q_A}}\Bigr)

and CLs = CL_{s+b}/CL_b (A. Read, J. Phys. G 28 (2002) 2693). Where the background alone
fluctuates by N standard deviations, :math:`CL_s = Φ(N - \sqrt{q_A})/Φ(N)`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from eμsym.arrays import FloatArray

#: The fluctuations of the background at which limits are expected, in standard deviations.
BANDS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])


def log_cls(
    q: FloatArray, q_asimov: FloatArray, dq: FloatArray, dq_asimov: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return ln CLs and its derivative by μ, each of shape (n,).

    Parameters
    ----------
    q, q_asimov : ndarray of float, shape (n,)
        q̃_μ of the data, and of the Asimov data; not negative.
    dq, dq_asimov : ndarray of float, shape (n,)
        Their derivatives by μ.
    """
    root, root_asimov = np.sqrt(q), np.sqrt(q_asimov)
    with np.errstate(divide="ignore", invalid="ignore"):
        d_root = np.where(root > 0, dq / (2 * root), 0.0)
        d_asimov = np.where(root_asimov > 0, dq_asimov / (2 * root_asimov), 0.0)
        far = root > root_asimov
        half = np.where(far, (q + q_asimov) / (2 * root_asimov), root)
        d_half = np.where(
            far, (dq + dq_asimov) / (2 * root_asimov) - half * d_asimov / root_asimov, d_root
        )
    # Half of q − q_A over √q_A, or √q − √q_A, is that less √q_A.
    first, second = _log_and_slope(-half), _log_and_slope(root_asimov - half)
    slope = -first[1] * d_half - second[1] * (d_asimov - d_half)
    return first[0] - second[0], slope


def expected_root(cl: float) -> FloatArray:
    """Return the √q_A at which each of the expected limits stands, shape (5,), see `BANDS`.

    Parameters
    ----------
    cl : float
        Confidence level.
    """
    return np.asarray(BANDS - ndtri((1 - cl) * ndtr(BANDS)))


def expected_cls(q_asimov: FloatArray) -> FloatArray:
    """Return CLs where the background fluctuates by each of `BANDS`, shape (n, 5).

    Parameters
    ----------
    q_asimov : ndarray of float, shape (n,)
    """
    root = np.sqrt(q_asimov)[:, None]
    return np.asarray(ndtr(BANDS - root) / ndtr(BANDS))


def _log_and_slope(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ln Φ(x) and its derivative."""
    log = log_ndtr(x)
    return log, np.exp(-(x**2) / 2 - log) / np.sqrt(2 * np.pi)
