"""What a correction of the detector's difference between A and B has to offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

from scipy.sparse import csr_array

from eμsym.arrays import FloatArray
from eμsym.calibration.design import Design
from eμsym.pool import Pool


class Correction(Protocol):
    """ln r as numbered values: `EfficiencyRatio`, `RuleRatios`, `ClassRatios`, or `MapLevels`."""

    @property
    def log_ratio(self) -> FloatArray:
        """The values, shape (k,)."""
        ...  # pragma: no cover

    @property
    def modes(self) -> FloatArray | None:
        """The directions in which they are uncertain, shape (m, k); None if they are exact."""
        ...  # pragma: no cover

    @property
    def slots(self) -> dict[str, str]:
        """The objects, by what their columns begin with, and which r each has."""
        ...  # pragma: no cover

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that they depend on."""
        ...  # pragma: no cover

    def design(self, pool: Pool) -> Design:
        """Return which of the values are in ln P(A)/P(B) of events, and with which signs."""
        ...  # pragma: no cover

    def with_log_ratio(self, log_ratio: FloatArray) -> Self:
        """Return others in their place."""
        ...  # pragma: no cover


@dataclass(frozen=True, eq=False)
class Known:
    """Efficiencies from elsewhere, on top of which ln r is fitted.

    Attributes
    ----------
    correction : Correction
        Such as the efficiencies of pairs that an OR of triggers leaves.
    source : str
        What to call it: the file that it is from.
    """

    correction: Correction
    source: str

    def offset(self, pool: Pool) -> FloatArray:
        """Return ln P(A)/P(B) of every event, shape (entries,)."""
        return self.correction.design(pool).logit(self.correction.log_ratio)

    def modes(self, pool: Pool) -> csr_array | None:
        """Return what each independent error does to `offset`, (entries, m); None without any."""
        modes = self.correction.modes
        if modes is None or not modes.size:
            return None
        return self.correction.design(pool).sparse_rows(csr_array(modes.T))
