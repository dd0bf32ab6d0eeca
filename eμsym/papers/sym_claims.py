"""A number or a statement that a paper prints, and ours beside it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from eμsym.papers.sym_statistics import Estimate


@dataclass(frozen=True)
class Claim:
    """One number or statement of a paper, and ours.

    Attributes
    ----------
    quantity : str
    paper : str
        As printed, or in few words.
    ours : str
        With its uncertainty.
    value, error : float or None
        Ours as a number.
    holds : bool or None
        Whether ours agrees; None if the paper says nothing to compare with, or
        there are too few toys.
    note : str
        Why they differ, or what must be known to compare them; may be empty.
    """

    quantity: str
    paper: str
    ours: str
    value: float | None = None
    error: float | None = None
    holds: bool | None = None
    note: str = ""

    def __post_init__(self) -> None:
        # numpy's numbers are no JSON.
        for name, kind in (("value", float), ("error", float), ("holds", bool)):
            given = getattr(self, name)
            object.__setattr__(self, name, None if given is None else kind(given))

    def to_dict(self) -> dict[str, Any]:
        """Return the claim, for JSON; what is not finite becomes None."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


def shown(estimate: Estimate, digits: int = 2, *, scale: float = 1.0, unit: str = "") -> str:
    """Return a number with its error, as "2.24 ± 0.12 σ"."""
    if math.isnan(estimate.value):
        return "–"
    if math.isinf(estimate.value):
        return f"above {scale * estimate.low:.{digits}f} {unit}".rstrip()
    text = f"{scale * estimate.value:z.{digits}f}"
    if math.isfinite(estimate.error):
        text += f" ± {scale * estimate.error:.{digits}f}"
    return f"{text} {unit}".rstrip()


def shown_range(estimate: Estimate, digits: int = 2, *, scale: float = 1.0, unit: str = "") -> str:
    """Return a number with its interval, as "0.6 (0.3 to 1.1) %"."""
    low, value, high = (
        f"{scale * x:.{digits}f}" for x in (estimate.low, estimate.value, estimate.high)
    )
    return f"{value} ({low} to {high}) {unit}".rstrip()


def near(value: float, paper: float, error: float, *, times: float = 2.0) -> bool | None:
    """Return whether ours is within so many errors of the paper's number.

    The paper states no errors. With as many toys as ours its own is of the same
    size, so that the difference has √2 of ours. None if ours is unknown.
    """
    if not (math.isfinite(value) and math.isfinite(error)):
        return None
    return abs(value - paper) <= times * math.sqrt(2) * error
