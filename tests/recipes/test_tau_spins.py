"""The spins of the two τ of a Z, which `emusym simulate` takes as if they had no mass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eμsym.recipes.simulation import simulate
from eμsym.recipes.simulation.delphes_layout import read_record

pythia8mc = pytest.importorskip("pythia8mc")

#: Nothing but the hard process and its decays.
ALONE = (
    "PartonLevel:MPI = off",
    "PartonLevel:ISR = off",
    "PartonLevel:FSR = off",
    "PartonLevel:Remnants = off",
    "HadronLevel:Hadronize = off",
    "Check:event = off",
)
N = 8_000


def shares_of_energy(settings: list[str]) -> np.ndarray:
    """Return the leptons' shares of the energies of their τ, shape (N, 2): τ⁻, τ⁺."""
    pythia = pythia8mc.Pythia("", False)
    for line in (*settings, *ALONE, "Random:setSeed = on", "Random:seed = 4", "Print:quiet = on"):
        assert pythia.readString(line)
    assert pythia.init()
    shares = np.empty((N, 2))
    for row in shares:
        assert pythia.next()
        event = pythia.event
        for particle in map(event.__getitem__, range(event.size())):
            mother = event[particle.mother1()]
            if abs(particle.id()) in (11, 13) and abs(mother.id()) == 15:
                row[int(mother.id() < 0)] = particle.e() / mother.e()
    return shares


@pytest.mark.slow
def test_leptons_have_the_energies_that_the_spins_give_them(tmp_path: Path) -> None:
    """Y. S. Tsai, Phys. Rev. D 4, 2821 (1971): f(x) of a lepton of a τ of helicity h.

    f = 5/3 − 3x² + 4/3 x³ + h(1/3 − 3x² + 8/3 x³) for the τ⁻, so that the mean of x is
    7/20 − h/20. Helicities of the two are opposite, which makes their means the same: the
    covariance of the two x is (1 − P²)/400, with P = ⟨h⟩ = −0.15 at the Z (PDG: −0.147), and
    less of it below.
    """
    simulate("ztautau", 5, tmp_path / "z.root", seed=1, workers=1, progress=False)
    settings = read_record(tmp_path / "z.root")["pythia_settings"]
    assert "TauDecays:mMinForZ = 10." in settings
    shares = shares_of_energy(settings)
    without = shares_of_energy([*settings, "TauDecays:mode = 0"])

    mean, error = shares.mean(), shares.std() / np.sqrt(shares.size)
    assert abs(mean - (7 + 0.15) / 20) < 3 * error
    covariances = [np.cov(each.T)[0, 1] for each in (shares, without)]
    sigma = np.var(shares) / np.sqrt(N)
    assert abs(covariances[0] - (1 - 0.15**2) / 400) < 3 * sigma
    assert covariances[0] > 3 * sigma > abs(covariances[1])
