"""Reference distributions of test statistics under the symmetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True)
class Normal:
    """The standard normal distribution N(0,1), of statistics that grow with an excess."""

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic."""
        return float(norm.sf(statistic))

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the statistic: itself."""
        return float(statistic)

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution's name, for JSON."""
        return {"distribution": "normal"}


@dataclass(frozen=True)
class SignedChiSquared:
    """That of sign(x) x² with x from N(0,1): χ² of one degree of freedom, with a sign."""

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic."""
        return float(norm.sf(self.z(statistic)))

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the statistic: its signed root."""
        return float(np.copysign(np.sqrt(abs(statistic)), statistic))

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution's name, for JSON."""
        return {"distribution": "signed chi2", "dof": 1}
