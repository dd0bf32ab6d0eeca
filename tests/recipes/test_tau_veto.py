"""Z → ττ that cannot end in an electron and a muon is given up before the τ decay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from numpy.random import SeedSequence

from eμsym.recipes.pythia_cards import pythia_settings
from eμsym.recipes.simulation import simulate
from eμsym.recipes.simulation.delphes_layout import read_record
from eμsym.recipes.simulation.event_filters import LEPTON_ETA_MAX, LEPTON_PT_MIN
from eμsym.recipes.simulation.jobs import Job, run_job
from eμsym.recipes.simulation.tau_veto import DESCRIPTION, TAU_ETA_MAX, TAU_PT_MIN

pytest.importorskip("pythia8mc")

#: PDG: the masses of τ and μ, GeV.
TAU_MASS, MUON_MASS = 1.777, 0.1057
N = 300
JOB = Job(pythia_settings("ztautau"), first=0, n=N, pythia_seed=11, response_seed=SeedSequence(5))


def test_no_lepton_of_the_filter_comes_from_what_is_given_up() -> None:
    """Leptons of the largest energy there is in the decay, in all directions."""
    rng = np.random.default_rng(1)
    n = 400_000
    pt, eta = rng.uniform(8, 60, n), rng.uniform(-3.2, 3.2, n)
    momentum = np.stack([pt, np.zeros(n), pt * np.sinh(eta)])
    energy = np.sqrt(np.sum(momentum**2, axis=0) + TAU_MASS**2)
    cosine, phi = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
    sine = np.sqrt(1 - cosine**2)
    own_energy = (TAU_MASS**2 + MUON_MASS**2) / (2 * TAU_MASS)
    own = own_energy * np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine])
    # A Lorentz boost from the rest frame of the τ, of a lepton without mass.
    along = np.sum(own * momentum, axis=0) / TAU_MASS
    lepton = own + momentum * (along / (energy + TAU_MASS) + own_energy / TAU_MASS)
    lepton_pt = np.hypot(lepton[0], lepton[1])
    passes = (lepton_pt > LEPTON_PT_MIN) & (
        np.abs(np.arcsinh(lepton[2] / lepton_pt)) < LEPTON_ETA_MAX
    )
    given_up = (pt < TAU_PT_MIN) | (np.abs(eta) > TAU_ETA_MAX)
    assert np.sum(passes & ~given_up) > 50_000
    assert not np.any(passes & given_up)


def test_events_given_up_are_counted_and_the_rest_is_an_electron_and_a_muon() -> None:
    made = run_job(replace(JOB, tau_veto=True, event_filter=None))
    assert made.n_generated == made.sum_of_weights == N
    entries = len(made.columns["Event"])
    # Half are of two flavours; of these about half are hard and central.
    assert 0.15 * N < entries < 0.35 * N
    again = run_job(replace(JOB, tau_veto=True, event_filter=None))
    assert all(ak.array_equal(made.columns[name], again.columns[name]) for name in made.columns)


@pytest.mark.slow
def test_as_many_events_pass_the_filter_as_without_it() -> None:
    """The share that passes, three times as many where that is quick; the electron's charge."""
    without = run_job(replace(JOB, n=800))
    with_veto = run_job(replace(JOB, n=2_400, tau_veto=True))
    few, many = (len(each.columns["Event"]) for each in (without, with_veto))
    assert (without.n_generated, with_veto.n_generated) == (800, 2_400)
    assert abs(3 * few - many) < 3 * np.sqrt(9 * few + many)
    charges = ak.to_numpy(ak.flatten(with_veto.columns["Electron"]["Charge"]))
    assert abs(np.mean(charges)) < 3 / np.sqrt(len(charges))


def test_the_record_says_so_and_settings_of_ones_own_turn_it_off(tmp_path: Path) -> None:
    options = {"seed": 1, "workers": 1, "progress": False}
    simulate("ztautau", 40, tmp_path / "z.root", **options)
    simulate("ztautau", 10, tmp_path / "own.root", pythia=("PartonLevel:MPI = off",), **options)
    simulate("ztautau", 10, tmp_path / "all.root", filtered=False, **options)
    filters = [read_record(tmp_path / f"{name}.root")["filter"] for name in ("z", "own", "all")]
    assert filters[0].endswith(DESCRIPTION)
    assert DESCRIPTION not in filters[1]
    assert filters[2] is None
