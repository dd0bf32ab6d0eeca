"""Jets of towers, against those that Delphes found in the towers of genuine events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from eμsym.errors import ConfigurationError
from eμsym.recipes.simulation import jets as jets_module
from eμsym.recipes.simulation.jets import JetInput, Jets, cluster, find_jets, jet_flavour
from eμsym.recipes.simulation.particles import Particles, Partons
from eμsym.recipes.simulation.response import respond

N_GENUINE = 12
NO_PARTONS = Partons(*(np.zeros(0, dtype) for dtype in (int, int, float, float)))


@pytest.fixture(scope="module")
def tree() -> Any:
    return uproot.open(Path(__file__).parents[1] / "data" / "all_branches.root")["Delphes"]


def flat(tree: Any, name: str) -> Any:
    return ak.to_numpy(ak.flatten(tree[name].array())).astype(float)


def event_of(tree: Any, collection: str) -> Any:
    return np.repeat(np.arange(N_GENUINE), tree[f"{collection}_size"].array())


def around(phi: Any) -> Any:
    return (phi + np.pi) % (2 * np.pi) - np.pi


def genuine_objects(tree: Any) -> JetInput:
    """What Delphes calls towers: those of either calorimeter, and muons, which have neither energy.

    Taken are those nearest to the isolated electrons, muons and photons.
    """
    event, eta, phi = event_of(tree, "Tower"), flat(tree, "Tower.Eta"), flat(tree, "Tower.Phi")
    energies = flat(tree, "Tower.Eem"), flat(tree, "Tower.Ehad")
    taken = np.zeros(len(event), dtype=bool)
    for name in ("Electron", "Muon", "Photon"):
        kind = (energies[0] == 0) & (energies[1] == 0) if name == "Muon" else energies[0] > 0
        columns = event_of(tree, name), flat(tree, f"{name}.Eta"), flat(tree, f"{name}.Phi")
        for of_event, at_eta, at_phi in zip(*columns, strict=True):
            away = np.hypot(eta - at_eta, around(phi - at_phi))
            away[(event != of_event) | ~kind] = np.inf
            taken[np.argmin(away)] = True
    mass = np.where((energies[0] == 0) & (energies[1] == 0), 0.10566, 0.0)
    return JetInput(event, four_momentum(flat(tree, "Tower.E"), eta, phi, mass), *energies, taken)


def four_momentum(energy: Any, eta: Any, phi: Any, mass: Any = 0.0) -> Any:
    pt = np.sqrt(energy**2 - mass**2) / np.cosh(eta)
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy])


def genuine_partons(tree: Any) -> Partons:
    code = flat(tree, "Particle.PID").astype(int)
    pt, eta = flat(tree, "Particle.PT"), flat(tree, "Particle.Eta")
    kept = ((np.abs(code) <= 5) | (code == 21)) & (pt > 1.0) & (np.abs(eta) <= 2.5)
    event = event_of(tree, "Particle")
    return Partons(event[kept], code[kept], eta[kept], flat(tree, "Particle.Phi")[kept])


def test_jets_of_genuine_towers_are_those_of_delphes(tree: Any) -> None:
    """pT, η, φ, mass, the flavour and the hadronic share of all 43 jets."""
    rng = np.random.default_rng(1)
    found = find_jets(genuine_objects(tree), genuine_partons(tree), N_GENUINE, rng)
    assert found.event.tolist() == event_of(tree, "Jet").tolist()
    assert len(found.pt) > 40
    for name, values in (("PT", found.pt), ("Eta", found.eta), ("Mass", found.mass)):
        np.testing.assert_allclose(values, flat(tree, f"Jet.{name}"), rtol=1e-4, atol=2e-3)
    np.testing.assert_allclose(around(found.phi - flat(tree, "Jet.Phi")), 0.0, atol=1e-5)
    np.testing.assert_allclose(found.had_over_em, flat(tree, "Jet.EhadOverEem"), rtol=1e-4)
    assert found.flavour.tolist() == flat(tree, "Jet.Flavor").tolist()


def test_an_object_is_in_the_jet_whose_momentum_it_is_part_of(tree: Any) -> None:
    objects = genuine_objects(tree)
    momentum = objects.momentum
    event, jets, of = cluster(objects.event, momentum, N_GENUINE, radius=0.6, pt_min=20.0)
    assert np.all(event[of[of >= 0]] == objects.event[of >= 0])
    for i in range(len(event)):
        np.testing.assert_allclose(momentum[:, of == i].sum(axis=1), jets[:, i], rtol=1e-9)


def test_two_objects_by_hand() -> None:
    """Nearer than R = 0.6 they are one jet, whose mass is that of both; farther they are two."""
    for distance, n in ((0.59, 1), (0.61, 2)):
        found = jets_of([50.0, 30.0], [0.0, distance], [0.0, 0.0])
        assert len(found.pt) == n
        scale = [np.sqrt((3.0 - 0.2 * abs(eta)) ** 2 / pt + 1.0) for eta, pt in ((0, 50.0),)]
        if n == 2:
            assert found.pt[0] == pytest.approx(50.0 * scale[0])
        else:
            mass = np.sqrt(2 * 50.0 * 30.0 * (np.cosh(distance) - 1))
            factor = np.sqrt((3.0 - 0.2 * found.eta[0]) ** 2 / 80.0 + 1.0)
            assert found.pt[0] == pytest.approx(80.0 * factor)
            assert found.mass[0] == pytest.approx(mass * factor)
    assert len(jets_of([19.9], [0.0], [0.0]).pt) == 0


def jets_of(pt: list[float], eta: list[float], phi: list[float], **options: Any) -> Jets:
    """Jets of towers of one event, electromagnetic unless told otherwise."""
    n, energy = len(pt), np.array(pt) * np.cosh(eta)
    hadronic = np.array(options.get("hadronic", [False] * n), dtype=bool)
    objects = JetInput(
        np.zeros(n, dtype=np.int64),
        four_momentum(energy, np.array(eta), np.array(phi)),
        np.where(hadronic, 0.0, energy),
        np.where(hadronic, energy, 0.0),
        np.array(options.get("taken", [False] * n), dtype=bool),
    )
    return find_jets(objects, options.get("partons", NO_PARTONS), 1, np.random.default_rng(1))


def test_a_jet_with_an_isolated_electron_is_no_jet() -> None:
    found = jets_of([50.0, 10.0, 40.0], [0.0, 0.3, 1.5], [0.0] * 3, taken=[True, False, False])
    assert found.eta.tolist() == pytest.approx([1.5])
    assert found.had_over_em.tolist() == [0.0]
    assert jets_of([50.0], [0.0], [0.0], hadronic=[True]).had_over_em.tolist() == [
        pytest.approx(999.9)
    ]


def test_flavour_is_that_of_the_heaviest_quark_near() -> None:
    def flavour(*codes_at: tuple[int, float]) -> int:
        n = len(codes_at)
        partons = Partons(
            np.zeros(n, dtype=np.int64),
            np.array([code for code, _ in codes_at], dtype=np.int64),
            np.zeros(n),
            np.array([phi for _, phi in codes_at], dtype=float),
        )
        near_the_turn = np.array([np.pi - 0.01])
        return int(jet_flavour(np.zeros(1, np.int64), np.zeros(1), near_the_turn, partons)[0])

    assert flavour() == 0
    assert flavour((21, 3.0), (5, 0.0)) == 21
    assert flavour((21, 3.0), (-2, 3.0)) == 2
    assert flavour((-4, -3.0), (5, 2.6), (3, 3.1)) == 4  # around the turn; b is 0.53 away


def test_b_tags_are_drawn_with_the_card_s_efficiencies() -> None:
    """Of 20,000 jets of 100 GeV each: b 0.7265, c 0.1439, light 0.0027 (by hand)."""
    n = 20_000
    expected = {
        5: 0.80 * np.tanh(0.3) * 30 / 9.6,
        4: 0.20 * np.tanh(2.0) / 1.34,
        21: 0.00273,
        0: 0.00273,
    }
    raw = (-9.0 + np.sqrt(81.0 + 4 * 100.0**2)) / 2  # pT √(9 / pT + 1) = 100 at η = 0
    for code, efficiency in expected.items():
        event, zero = np.arange(n), np.zeros(n)
        energy = np.full(n, float(raw))
        objects = JetInput(event, four_momentum(energy, zero, zero), energy, zero, zero > 1)
        partons = Partons(event, np.full(n, code), *(np.zeros(n),) * 2)
        found = find_jets(objects, partons if code else NO_PARTONS, n, np.random.default_rng(3))
        assert found.pt == pytest.approx(100.0)
        assert found.flavour.tolist() == [code] * n
        error = np.sqrt(efficiency * (1 - efficiency) / n)
        assert found.b_tag.mean() == pytest.approx(efficiency, abs=4 * error)


def test_of_nothing_there_are_no_jets() -> None:
    assert len(jets_of([], [], []).pt) == 0
    empty = np.zeros(0, dtype=np.int64)
    event, momentum, of = cluster(empty, np.zeros((4, 0)), 3, radius=0.6, pt_min=20.0)
    assert (event.shape, momentum.shape, of.shape) == ((0,), (4, 0), (0,))


def particles(pdg: list[int], pt: list[float], eta: float, n: int) -> Particles:
    """The same particles in n events, from the origin, each in a direction of its own."""
    k = len(pdg)
    phi = np.tile(2 * np.pi * np.arange(k) / k, n)
    tpt = np.tile(np.array(pt, dtype=float), n)
    momentum = np.stack([tpt * np.cos(phi), tpt * np.sin(phi), tpt * np.sinh(eta)])
    charge = np.tile([-1.0 if abs(code) in (11, 13) else 0.0 for code in pdg], n)
    return Particles(
        np.repeat(np.arange(n), k),
        np.tile(np.array(pdg, dtype=np.int64), n),
        charge,
        momentum,
        tpt * np.cosh(eta),
        np.zeros((3, n * k)),
    )


def test_isolated_photons_and_leptons_are_no_jets_and_others_are() -> None:
    """5 % are not identified; an electron without a track is a photon, and a muon is nothing."""
    n, left = 4000, 0.05
    error = np.sqrt(left * (1 - left) / n)
    # An electron is also one where its own shower spoils its isolation: some percent.
    for pdg, spoilt in ((22, 0.0), (11, 0.03), (13, 0.0)):
        seen = respond(particles([pdg], [60.0], 0.3, n), NO_PARTONS, n, np.random.default_rng(4))
        assert left - 4 * error < len(seen.jets.pt) / n < left + spoilt + 4 * error


def test_jets_are_drawn_anew_and_again_from_the_same_seed() -> None:
    given = particles([11, 13, 2112], [40.0, 30.0, 60.0], 0.5, 50), NO_PARTONS, 50
    one = respond(*given, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    first = respond(*given, rng)
    second = respond(*given, rng)
    assert one.jets.pt.tolist() == first.jets.pt.tolist()
    assert first.jets.pt.tolist() != second.jets.pt.tolist()
    assert len(first.jets.pt) > 30


def test_without_fastjet_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(jets_module, "import_module", missing)
    with pytest.raises(ConfigurationError, match=r"FastJet .* pip install 'emusym\[generate\]'"):
        jets_of([50.0], [0.0], [0.0])
