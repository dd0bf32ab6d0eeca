"""Filters: which generated events reach the detector."""

from __future__ import annotations

import numpy as np
import pytest

from eμsym.final_states import FINAL_STATES
from eμsym.recipes.cross_sections import cross_section, processes
from eμsym.recipes.simulation.event_filters import FILTERS
from eμsym.recipes.simulation.particles import Particles

#: PDG number, pT, η and φ of a particle.
Kinematics = tuple[int, float, float, float]


def event(*given: Kinematics) -> Particles:
    code, pt, eta, phi = (np.array(column) for column in zip(*given, strict=True))
    momentum = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    n = len(code)
    return Particles(
        np.zeros(n, dtype=np.int64),
        code,
        np.zeros(n),
        momentum,
        pt * np.cosh(eta),
        np.zeros((3, n)),
    )


ELECTRON, SOFT_ELECTRON = (11, 30.0, 0.0, 0.0), (-11, 9.9, 1.0, 2.0)
MUON, FORWARD_MUON = (-13, 20.0, 1.0, 1.0), (13, 30.0, 2.7, 1.0)
SECOND_MUON, NEUTRINO = (13, 10.1, -2.5, -1.0), (14, 80.0, 0.5, 3.0)
PION, NEIGHBOUR = (211, 10.0, 0.5, 3.0), (-211, 6.0, 0.7, 3.1)
HARD_PION = (211, 15.1, 2.0, -2.0)


@pytest.mark.parametrize(
    ("given", "passes"),
    [
        ((ELECTRON, MUON), {"emu"}),
        ((ELECTRON, SECOND_MUON), {"emu"}),
        ((ELECTRON, FORWARD_MUON), {"one_lepton"}),  # what is no hard lepton may be in a jet
        ((SOFT_ELECTRON, MUON), set()),
        ((MUON, SECOND_MUON), {"same_flavour"}),
        ((ELECTRON, SOFT_ELECTRON), set()),
        ((ELECTRON, HARD_PION), {"one_lepton"}),
        ((MUON, PION, NEIGHBOUR), {"one_lepton"}),  # 16 GeV together
        ((MUON, PION), set()),
        ((MUON, NEUTRINO), set()),  # a neutrino is no jet
        ((PION, NEIGHBOUR), set()),
        ((SOFT_ELECTRON, HARD_PION), set()),
        ((ELECTRON, MUON, HARD_PION), {"emu", "one_lepton"}),
    ],
)
def test_what_passes(given: tuple[Kinematics, ...], passes: set[str]) -> None:
    particles = event(*given)
    assert {name for name, each in FILTERS.items() if each.passes(particles, 1)[0]} == passes


def test_events_are_told_apart() -> None:
    """The second of three events is empty, the third has a jet."""
    one, three = event(ELECTRON), event(MUON, HARD_PION)
    columns = ("event", "pdg", "charge", "momentum", "energy", "position")
    both = [np.concatenate([getattr(p, c) for p in (one, three)], axis=-1) for c in columns]
    both[0] = np.array([0, 2, 2])
    assert FILTERS["one_lepton"].passes(Particles(*both), 3).tolist() == [False, False, True]


def test_every_final_state_has_a_filter_that_says_what_it_wants() -> None:
    assert FILTERS.keys() == FINAL_STATES.keys()
    used = {cross_section(name).final_state for name in processes(final_state=None)}
    assert used == FILTERS.keys()
    # That of the embedded sample, as its files say.
    expected = "an electron and a muon in the final state with pT > 10 GeV, |η| < 2.6"
    assert FILTERS["emu"].description == expected
    assert "jet" in FILTERS["one_lepton"].description
