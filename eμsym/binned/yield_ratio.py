"""The ratio of the yields that two samples are expected to have, bin by bin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class YieldRatio(Shown):
    """ln κ of every bin, ln κ = log_ratio + Σ_k ν_k modes_k with ν_k ~ N(0, 1).

    Parameters
    ----------
    log_ratio : array_like, shape (*bins)
    modes : array_like, shape (k, *bins)
        The directions in which ln κ is uncertain, each of one standard deviation.
        None is allowed: shape (0, *bins).

    Raises
    ------
    DataError
        If shapes do not fit, or a value is not finite.

    Examples
    --------
    >>> ratio = YieldRatio(np.log([1.1, 1.2]), [[0.03, 0.0], [0.04, 0.01]])
    >>> ratio.error.round(3).tolist()
    [0.05, 0.01]
    """

    log_ratio: FloatArray
    modes: FloatArray

    def __post_init__(self) -> None:
        log_ratio = np.asarray(self.log_ratio, dtype=np.float64)
        modes = np.asarray(self.modes, dtype=np.float64)
        if modes.shape[1:] != log_ratio.shape or modes.ndim != log_ratio.ndim + 1:
            raise DataError(
                f"ln κ has shape {log_ratio.shape}, its uncertain directions {modes.shape}"
            )
        if not (np.all(np.isfinite(log_ratio)) and np.all(np.isfinite(modes))):
            raise DataError("ln κ or its uncertainty is not finite; ratios must be above zero")
        object.__setattr__(self, "log_ratio", log_ratio)
        object.__setattr__(self, "modes", modes)

    @classmethod
    def exact(cls, ratio: ArrayLike) -> YieldRatio:
        """Return a ratio κ, shape (*bins), without uncertainty."""
        values = np.asarray(ratio, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            return cls(np.log(values), np.zeros((0, *values.shape)))

    @property
    def ratio(self) -> FloatArray:
        """κ of every bin, at ν = 0."""
        return np.asarray(np.exp(self.log_ratio))

    @property
    def error(self) -> FloatArray:
        """The standard error of ln κ in every bin."""
        return np.asarray(np.sqrt(np.sum(self.modes**2, axis=0)))

    def inverse(self) -> YieldRatio:
        """Return the ratio with A and B exchanged."""
        return YieldRatio(-self.log_ratio, -self.modes)

    def to_dict(self) -> dict[str, Any]:
        """Return κ, the error of ln κ and the number of nuisances, for JSON."""
        return {
            "ratio": self.ratio.tolist(),
            "log_error": self.error.tolist(),
            "n_nuisances": len(self.modes),
        }
