"""The helicities of the two τ of a Z or photon, drawn from the hard process.

Pythia computes the decays of both τ with all of their spins, which takes as long as all else
of an event. The τ being light against the Z, their helicities are opposite, and decays of two
τ of given helicities are quick. What this leaves out are correlations of the two decays across
the direction of flight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: With this Pythia takes the helicities of `set_helicities`.
SETTING = "TauDecays:externalMode = 0"
_TAU = 15


@dataclass(frozen=True)
class Couplings:
    """What the helicities depend on besides the event.

    Attributes
    ----------
    sin2_theta_w : float
    z_mass, z_width : float
        GeV.
    """

    sin2_theta_w: float
    z_mass: float
    z_width: float

    @classmethod
    def of(cls, pythia: Any) -> Couplings:
        """Return those that Pythia has, before its start too."""
        particles = pythia.particleData
        sine = float(pythia.settings.parm("StandardModel:sin2thetaW"))
        return cls(sine, float(particles.m0(23)), float(particles.mWidth(23)))

    def chiral(self, code: int) -> tuple[float, float, float]:
        """Return charge, left- and right-handed coupling to the Z of a quark or lepton.

        The couplings are v ± a with a = ±1 the sign of the weak isospin, v = a − 4 Q sin²θ.

        Parameters
        ----------
        code : int
            Of the PDG: 1 to 5, or 15.
        """
        up = code % 2 == 0
        charge = (2 / 3 if up else -1 / 3) if code < 10 else -1.0
        a = 1.0 if up else -1.0
        v = a - 4 * charge * self.sin2_theta_w
        return charge, v + a, v - a

    def left_handed(self, quark: int, s: float, cosine: float) -> float:
        """Return the probability that the τ⁻ of q q̄ → Z or photon → τ⁻τ⁺ is left-handed.

        Parameters
        ----------
        quark : int
            Code of the quark, 1 to 5.
        s : float
            Squared mass of the pair, GeV².
        cosine : float
            Of the angle of the τ⁻ to the quark in the frame of the pair.

        Notes
        -----
        Each chirality i of the quark and j of the τ⁻ has the amplitude
        Q_q Q_τ / s + g_i g_j / (16 sin²θ cos²θ (s − m² + i s Γ/m)), times 1 + cos θ where they
        are alike and 1 − cos θ where not; e.g. M. E. Peskin and D. V. Schroeder, An
        Introduction to Quantum Field Theory, §20.
        """
        charge, *quarks = self.chiral(quark)
        tau_charge, *taus = self.chiral(_TAU)
        sine = self.sin2_theta_w
        z = 16 * sine * (1 - sine) * complex(s - self.z_mass**2, s * self.z_width / self.z_mass)
        share = [0.0, 0.0]
        for i, g_quark in enumerate(quarks):
            for j, g_tau in enumerate(taus):
                amplitude = charge * tau_charge / s + g_quark * g_tau / z
                share[j] += abs(amplitude * (1 + cosine if i == j else 1 - cosine)) ** 2
        return share[0] / (share[0] + share[1])


def set_helicities(process: Any, couplings: Couplings, drawn: float) -> None:
    """Give the two τ of Pythia's own process Z or photon → ττ their helicities.

    Parameters
    ----------
    process : pythia8mc.Event
        The hard process, in which entries 3 and 4 come in and 6 and 7 are the τ.
    couplings : Couplings
    drawn : float
        Uniform in 0 … 1.
    """
    quark = process[3] if process[3].id() > 0 else process[4]
    tau, other = (process[6], process[7]) if process[6].id() > 0 else (process[7], process[6])
    s = process[5].m2Calc()
    # Products of four-vectors, which need no frame; the mass of the τ is left out.
    product = quark.e() * tau.e() - quark.pz() * tau.pz()
    cosine = min(1.0, max(-1.0, 1 - 4 * product / s))
    left = drawn < couplings.left_handed(quark.id(), s, cosine)
    tau.pol(-1 if left else 1)
    other.pol(1 if left else -1)
