"""p and Z of what is printed, by one convention.

p is the probability that labels alone give as much or more, in every direction that a test
looks in; Z = Φ⁻¹(1 − p) is of the same side, and negative where p is above a half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from eμsym.distributions import Null


@dataclass(frozen=True)
class Significance:
    """A p-value and its Z.

    Attributes
    ----------
    pvalue : float
    by : str
        "N(0,1)", or "redrawn labels".
    error : float or None
        The standard error of a p-value from relabellings.
    resolved : bool
        False where no relabelling is as extreme: p is an upper limit, and Z a lower one.
    sided : str
        In which directions the test looks: "one" or "two".
    """

    pvalue: float
    by: str
    error: float | None = None
    resolved: bool = True
    sided: str = "one"

    @classmethod
    def normal(cls, z: float, *, sided: str = "one") -> Significance:
        """Return that of a standard normal statistic; of |z| if it is two-sided."""
        p = 2 * float(norm.sf(abs(z))) if sided == "two" else float(norm.sf(z))
        return cls(p, "N(0,1)", sided=sided)

    @classmethod
    def favoured(cls, z: float, n: int) -> Significance:
        """Return that of the largest of n standard normal statistics, at most n times one's p."""
        return cls(min(1.0, n * float(norm.sf(z))), "N(0,1)", sided="one" if n == 1 else "two")

    @classmethod
    def redrawn(cls, null: Null, statistic: float, *, sided: str = "one") -> Significance:
        """Return that of a statistic among relabellings."""
        p = null.pvalue(statistic)
        resolved = p > null.smallest_pvalue * (1 + 1e-9)
        return cls(p, "redrawn labels", null.pvalue_error(statistic), resolved, sided)

    @property
    def z(self) -> float:
        """Z = Φ⁻¹(1 − p)."""
        return float(norm.isf(self.pvalue))

    def to_dict(self) -> dict[str, Any]:
        """Return p and Z, for JSON; an infinite Z is None."""
        return {
            "pvalue": self.pvalue,
            "pvalue_error": self.error,
            "z": self.z if np.isfinite(self.z) else None,
            "by": self.by,
            "resolved": self.resolved,
            "sided": self.sided,
        }
