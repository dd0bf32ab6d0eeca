r"""From events of a signal to its cross section and branching ratio.

.. math::
    N = \mathcal{L}\, σ\, \mathrm{BR}\, (A ε)

with N the selected events of both orders, and A ε the share of the generated ones that is
selected, measured in the signal's simulation.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from eμsym.errors import DataError
from eμsym.limits.upper_limit import UpperLimit

_FB_PER_PB = 1e3


@dataclass(frozen=True)
class SignalYield:
    """What events of a signal are worth; None where something is not known.

    Attributes
    ----------
    luminosity_ifb : float or None
        Of the data, fb⁻¹.
    acceptance : float or None
        A ε.
    acceptance_error : float or None
        Its standard error from the simulation's statistics.
    production_pb : float or None
        Cross section of the production alone, without the branching ratio, pb.
    """

    luminosity_ifb: float | None = None
    acceptance: float | None = None
    acceptance_error: float | None = None
    production_pb: float | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """What a branching ratio needs and is not known."""
        needed = {
            "the luminosity of the data": self.luminosity_ifb,
            "acceptance × efficiency": self.acceptance,
            "the cross section": self.production_pb,
        }
        return tuple(what for what, value in needed.items() if value is None)

    @property
    def events_per_branching_ratio(self) -> float:
        """The events of the signal for a branching ratio of one; zero if that is not known."""
        known = (self.luminosity_ifb, self.acceptance, self.production_pb)
        return _FB_PER_PB * math.prod(x or 0.0 for x in known)

    def cross_section(self, limit: UpperLimit) -> UpperLimit:
        """Return a limit in events as one on σ × BR, in pb.

        Raises
        ------
        DataError
            If the luminosity or the acceptance is not known or not above zero.
        """
        if self.luminosity_ifb is None or self.acceptance is None:
            raise DataError(f"no limit on σ × BR: {' and '.join(self.missing)} missing")
        events_per_pb = _FB_PER_PB * self.luminosity_ifb * self.acceptance
        if not events_per_pb > 0:
            raise DataError(
                f"no limit on σ × BR: {self.luminosity_ifb:g} fb⁻¹ at an acceptance of "
                f"{self.acceptance:g} give no event"
            )
        return limit.scaled(1 / events_per_pb, "pb")

    def branching_ratio(self, limit: UpperLimit) -> UpperLimit:
        """Return a limit in events as one on the branching ratio; errors as `cross_section`."""
        if self.production_pb is None:
            raise DataError(f"no limit on BR: {' and '.join(self.missing)} missing")
        return self.cross_section(limit).scaled(1 / self.production_pb, "BR")

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)
