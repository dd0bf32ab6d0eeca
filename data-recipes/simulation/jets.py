"""Jets of the calorimeter's towers and of muons, as Delphes' ATLAS card makes them.

Anti-kT (arXiv:0802.1189) with FastJet (arXiv:1111.6097), then the card's scale of
energies, the flavour of the heaviest quark near a jet, and b-tags drawn with the
card's efficiencies. A jet that holds an isolated muon, or the tower of an isolated
electron or photon, is no jet (Delphes' ``UniqueObjectFinder``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any, Self

import awkward as ak
import numpy as np

from eμsym.arrays import FloatArray
from eμsym.errors import ConfigurationError
from eμsym.recipes.simulation.atlas_card import (
    FLAVOUR_CONE,
    JET_PT_MIN,
    JET_RADIUS,
    b_tag_efficiency,
    jet_scale,
)
from eμsym.recipes.simulation.energy_flow import Rng
from eμsym.recipes.simulation.isolation import pairs_within
from eμsym.recipes.simulation.particles import BoolArray, IntArray, Partons

#: What Delphes writes for a jet without electromagnetic energy.
_ALL_HADRONIC = 999.9
_GLUON = 21


@dataclass(frozen=True, eq=False)
class JetInput:
    """What jets are made of: the towers of both calorimeters, and muons.

    Attributes
    ----------
    event : ndarray of int, shape (n,)
    momentum : ndarray, shape (4, n)
        px, py, pz and energy, GeV; towers have no mass.
    electromagnetic, hadronic : ndarray, shape (n,)
        Energy that is in the one or the other calorimeter; neither of muons.
    taken : ndarray of bool, shape (n,)
        Whether it belongs to an isolated electron, muon or photon.
    """

    event: IntArray
    momentum: FloatArray
    electromagnetic: FloatArray
    hadronic: FloatArray
    taken: BoolArray

    def __getitem__(self, chosen: BoolArray | IntArray) -> Self:
        return type(self)(*(getattr(self, f.name)[..., chosen] for f in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the objects of several parts, one part after the other."""
        names = [f.name for f in fields(cls)]
        columns = [[getattr(part, name) for part in parts] for name in names]
        return cls(*(np.concatenate(column, axis=-1) for column in columns))


@dataclass(frozen=True, eq=False)
class Jets:
    """Jets of many events, by event and falling pT.

    Attributes
    ----------
    event : ndarray of int, shape (n,)
    pt, eta, phi, mass : ndarray, shape (n,)
        GeV and radians.
    had_over_em : ndarray, shape (n,)
        Hadronic over electromagnetic energy; 999.9 without the latter.
    flavour : ndarray of int, shape (n,)
        Of the heaviest quark near it, 21 of a gluon, 0 of nothing.
    b_tag : ndarray of bool, shape (n,)
    """

    event: IntArray
    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    mass: FloatArray
    had_over_em: FloatArray
    flavour: IntArray
    b_tag: BoolArray

    def __getitem__(self, chosen: BoolArray | IntArray) -> Self:
        return type(self)(*(getattr(self, f.name)[chosen] for f in fields(self)))


def find_jets(objects: JetInput, partons: Partons, n_events: int, rng: Rng) -> Jets:
    """Find the jets of events.

    Parameters
    ----------
    objects : JetInput
    partons : Partons
        Of the same events, within the card's limits of pT and η.
    n_events : int
    rng : numpy.random.Generator
        Of the b-tags.

    Returns
    -------
    Jets

    Raises
    ------
    ConfigurationError
        If FastJet is not installed.
    """
    objects = objects[np.argsort(objects.event, kind="stable")]
    event, momentum, jet = cluster(
        objects.event, objects.momentum, n_events, radius=JET_RADIUS, pt_min=JET_PT_MIN
    )
    used = jet >= 0

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(jet[used], weights=values[used], minlength=len(event)).astype(float)

    hadronic, electromagnetic = total(objects.hadronic), total(objects.electromagnetic)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(electromagnetic > 0, hadronic / electromagnetic, _ALL_HADRONIC)
    kept = total(objects.taken.astype(float)) == 0
    event, momentum, ratio = event[kept], momentum[:, kept], ratio[kept]

    px, py, pz, energy = momentum
    pt = np.hypot(px, py)
    eta, phi = np.arcsinh(pz / pt), np.arctan2(py, px)
    mass = np.sqrt(np.maximum(energy**2 - pt**2 - pz**2, 0.0))
    scale = jet_scale(pt, eta)
    pt, mass = scale * pt, scale * mass
    flavour = jet_flavour(event, eta, phi, partons)
    tagged = rng.random(len(pt)) < b_tag_efficiency(flavour, pt)
    jets = Jets(event, pt, eta, phi, mass, ratio, flavour, tagged)
    return jets[np.lexsort((-pt, event))]


def cluster(
    event: IntArray, momentum: FloatArray, n_events: int, *, radius: float, pt_min: float
) -> tuple[IntArray, FloatArray, IntArray]:
    """Cluster the objects of many events with the anti-kT algorithm.

    Parameters
    ----------
    event : ndarray of int, shape (n,)
        Ascending, from 0 to `n_events` − 1.
    momentum : ndarray, shape (4, n)
        px, py, pz and energy, GeV.
    n_events : int
    radius, pt_min : float
        R, and the smallest pT of a jet in GeV.

    Returns
    -------
    event : ndarray of int, shape (number of jets,)
    momentum : ndarray, shape (4, number of jets)
    jet : ndarray of int, shape (n,)
        The jet that an object belongs to; −1 of none.

    Raises
    ------
    ConfigurationError
        If FastJet is not installed.
    """
    jet = np.full(len(event), -1, dtype=np.int64)
    if not len(event):
        return event[:0], momentum[:, :0], jet
    fastjet = _load_fastjet()
    counts = np.bincount(event, minlength=n_events)
    names = ("px", "py", "pz", "E")
    objects = ak.zip(
        {name: ak.unflatten(p, counts) for name, p in zip(names, momentum, strict=True)},
        with_name="Momentum4D",
    )
    found = fastjet.ClusterSequence(
        objects, fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    )
    jets, members = found.inclusive_jets(min_pt=pt_min), found.constituent_index(min_pt=pt_min)
    of_event = np.repeat(np.arange(n_events), ak.to_numpy(ak.num(jets)))
    sizes = ak.to_numpy(ak.flatten(ak.num(members, axis=2)))
    first = np.cumsum(counts) - counts
    which = ak.to_numpy(ak.flatten(members, axis=None)) + np.repeat(first[of_event], sizes)
    jet[which] = np.repeat(np.arange(len(sizes)), sizes)
    momenta = [ak.to_numpy(ak.flatten(jets[name])) for name in names]
    return of_event, np.stack(momenta).astype(np.float64), jet


def _load_fastjet() -> Any:
    try:
        fastjet, base = import_module("fastjet"), import_module("fastjet._swig")
    except ImportError as error:
        raise ConfigurationError(
            "FastJet (fastjet) is not installed; run: pip install 'emusym[generate]'"
        ) from error
    # The first jets of a process are otherwise preceded by a dozen lines on standard output.
    base.ClusterSequence.set_fastjet_banner_stream(None)
    return fastjet


def jet_flavour(event: IntArray, eta: FloatArray, phi: FloatArray, partons: Partons) -> IntArray:
    """Return the flavour of jets: of the heaviest quark near them, 21 of gluons alone, else 0.

    Parameters
    ----------
    event, eta, phi : ndarray, shape (n,)
        Of the jets.
    partons : Partons
    """
    code = np.abs(partons.pdg)
    # A gluon comes after every quark, and before nothing.
    rank = np.where(code == _GLUON, 0, code)
    jet, parton = pairs_within(
        (event, eta, phi), (partons.event, partons.eta, partons.phi), FLAVOUR_CONE
    )
    highest = np.full(len(event), -1, dtype=np.int64)
    np.maximum.at(highest, jet, rank[parton])
    return np.select([highest > 0, highest == 0], [highest, _GLUON], 0)
