"""The helicities of the two τ of a Z, which `emusym simulate` draws from the hard process."""

from __future__ import annotations

import numpy as np
import pytest

from eμsym.recipes.pythia_cards import pythia_settings
from eμsym.recipes.simulation.tau_spins import Couplings
from eμsym.recipes.simulation.tau_veto import TauVeto

#: PDG: m and Γ of the Z, GeV, and sin²θ as it is at the Z.
COUPLINGS = Couplings(sin2_theta_w=0.2315, z_mass=91.188, z_width=2.495)
AT_THE_Z = COUPLINGS.z_mass**2
#: Nothing but the hard process and its decays.
ALONE = (
    "PartonLevel:MPI = off",
    "PartonLevel:ISR = off",
    "PartonLevel:FSR = off",
    "PartonLevel:Remnants = off",
    "HadronLevel:Hadronize = off",
    "Check:event = off",
)


@pytest.mark.parametrize("quark", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("cosine", [-0.9, -0.3, 0.0, 0.5, 1.0])
def test_polarisation_at_the_z_is_that_of_lep(quark: int, cosine: float) -> None:
    """Phys. Rept. 427 (2006) 257, hep-ex/0509008, §4, of a quark in place of the electron.

    P(cos θ) = −(A_τ(1 + cos²θ) + 2 A_q cos θ)/(1 + cos²θ + 2 A_q A_τ cos θ), with
    A = 2 v a/(v² + a²) and without the photon, which takes some thousandths.
    """

    def asymmetry(charge: float, isospin: float) -> float:
        v = isospin - 2 * charge * COUPLINGS.sin2_theta_w
        return 2 * v * isospin / (v**2 + isospin**2)

    tau = asymmetry(-1, -1 / 2)
    other = asymmetry(2 / 3, 1 / 2) if quark in (2, 4) else asymmetry(-1 / 3, -1 / 2)
    even, odd = 1 + cosine**2, 2 * cosine
    expected = -(tau * even + other * odd) / (even + other * tau * odd)
    left = COUPLINGS.left_handed(quark, AT_THE_Z, cosine)
    assert (1 - left) - left == pytest.approx(expected, abs=0.01)


def test_the_photon_has_no_preference() -> None:
    assert COUPLINGS.left_handed(2, 1.0, 0.3) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.slow
def test_leptons_have_the_energies_that_the_helicities_give_them() -> None:
    """Y. S. Tsai, Phys. Rev. D 4, 2821 (1971): f(x) of a lepton of a τ⁻ of helicity h.

    f = 5/3 − 3x² + 4/3 x³ + h(1/3 − 3x² + 8/3 x³), so that the mean of x is
    7/20 − h/20. Helicities of the two are opposite, which makes their means the same: the
    covariance of the two x is (1 − P²)/400, with P = ⟨h⟩ = −0.147 at the Z (PDG), where nearly
    all events are.
    """
    pythia8mc = pytest.importorskip("pythia8mc")
    pythia = pythia8mc.Pythia("", False)
    settings = (*pythia_settings("ztautau"), *ALONE, "Random:setSeed = on", "Random:seed = 4")
    for line in (*settings, "Print:quiet = on"):
        assert pythia.readString(line)
    veto = TauVeto(np.random.default_rng(4))
    veto.attach(pythia)
    assert pythia.init()
    found = []
    for _ in range(30_000):
        if not pythia.next():
            continue
        share = {}
        for particle in map(pythia.event.__getitem__, range(pythia.event.size())):
            mother = pythia.event[particle.mother1()]
            if abs(particle.id()) in (11, 13) and abs(mother.id()) == 15:
                share[mother.id()] = particle.e() / mother.e()
        found.append((share[15], share[-15]))
    x = np.array(found)
    assert len(x) > 6_000
    assert abs(x.mean() - (7 + 0.147) / 20) < 3 * x.std() / np.sqrt(x.size)
    covariance, sigma = np.cov(x.T)[0, 1], np.var(x) / np.sqrt(len(x))
    assert abs(covariance - (1 - 0.147**2) / 400) < 3 * sigma
    assert covariance > 3 * sigma
