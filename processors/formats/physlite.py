"""PHYSLITE of ATLAS, release 22 and later, of data and of simulation.

What is read, and what ATLAS recommends:

- Momenta in MeV, which become GeV. Charges, η, φ as they are.
- Isolation is made of its parts: tracks in a cone that shrinks with pT, over the pT,
  ``ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt1000`` of electrons and
  ``ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt1000`` of muons. "Loose_VarRad" of both asks
  for less than 0.15 of it, and for little in the calorimeter (arXiv:1908.00005,
  arXiv:2012.00578); the cuts' default for muons is 0.25.
- Identification: ``DFCommonElectronsLHMedium``; the muons' quality ``Medium`` or better,
  which is in the two lowest bits of ``quality``: 0 tight, 1 medium, 2 loose, 3 very loose
  (arXiv:2012.00578).
- Missing momentum: the files hold no final one, but core soft terms and a map from which
  ATLAS' own software makes it. ``rebuilt``, the default, is its plain approximation: the
  core soft term of tracks, less the sum of the identified electrons and muons of 10 GeV and
  more and of the jets of 20 GeV and more that are no such electron (ΔR > 0.4). What it
  lacks: photons, taus, tracks of jets that were rejected, and the muons' energy loss inside
  jets. ``CONTAINER:TERM`` takes a term
  of a container as it stands, such as one that was made with ATLAS' software, and
  ``CONTAINER`` alone its only term.
- Weights: the first of ``mcEventWeights``; data have none, and count once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import awkward as ak
import numpy as np
from coffea.nanoevents import BaseSchema

from eμsym.errors import ConfigurationError
from eμsym.processors.formats.options import FormatOptions
from eμsym.processors.formats.quantities import Field, OneIfMissing, Quantity
from eμsym.processors.formats.requirements import NONE, passes
from eμsym.processors.formats.seam import Format

#: The gap between barrel and endcaps of the ATLAS calorimeter (arXiv:1908.00005).
CRACKS = (1.37, 1.52)

_GEV = 1e-3
_ELECTRONS, _MUONS, _JETS = "AnalysisElectrons", "AnalysisMuons", "AnalysisJets"
_CORE, _SOFT = "MET_Core_AnalysisMET", "PVSoftTrkCore"
_REBUILT = "rebuilt"
_QUALITIES = {"tight": 0, "medium": 1, "loose": 2, "veryloose": 3}
_CONES = {
    _ELECTRONS: "ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt1000",
    _MUONS: "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt1000",
}


def _member(container: str, name: str, unit: float = 1.0) -> Field:
    return Field((container, name), unit, branch=f"{container}AuxDyn.{name}")


@dataclass(frozen=True)
class Ratio:
    """One member over another.

    Parameters
    ----------
    over, under : Field
    """

    over: Field
    under: Field

    @property
    def name(self) -> str:
        """Both, as a fraction."""
        return f"{self.over.name} / {self.under.name.rpartition('.')[2]}"

    @property
    def branches(self) -> tuple[str, ...]:
        """Those of both."""
        return (*self.over.branches, *self.under.branches)

    def read(self, events: Any) -> ak.Array:
        """Return the fraction, n * var * float."""
        return self.over.read(events) / self.under.read(events)


@dataclass(frozen=True)
class QualityOf:
    """Whether a muon's quality, the two lowest bits of its word, is good enough.

    Parameters
    ----------
    word : Field
    worst : int
        0 tight, 1 medium, 2 loose, 3 very loose.
    """

    word: Field
    worst: int

    @property
    def name(self) -> str:
        """What the word is called."""
        return self.word.name

    @property
    def branches(self) -> tuple[str, ...]:
        """Those of the word."""
        return self.word.branches

    def read(self, events: Any) -> ak.Array:
        """Return whether it is, n * var * bool."""
        return (self.word.read(events) & 3) <= self.worst


@dataclass(frozen=True)
class First:
    """The first value of every event's list: the nominal weight.

    Parameters
    ----------
    values : Field
    """

    values: Field

    @property
    def name(self) -> str:
        """What the list is called."""
        return self.values.name

    @property
    def branches(self) -> tuple[str, ...]:
        """Those of the list."""
        return self.values.branches

    def is_in(self, events: Any) -> bool:
        """Return whether some events have it."""
        return self.values.is_in(events)

    def read(self, events: Any) -> ak.Array:
        """Return the first values, a list of at most one for every event."""
        return self.values.read(events)[:, :1]


@dataclass(frozen=True)
class Missing:
    """Size or direction of the missing momentum.

    Parameters
    ----------
    container, term : str
        The term that is taken; empty: the only one that there is.
    angle : bool
        Whether it is the direction.
    objects : tuple of (str, float, Quantity or None)
        What is taken from it: the container, its objects' smallest pT, GeV, and what they
        must pass.
    """

    container: str
    term: str
    angle: bool
    objects: tuple[tuple[str, float, Quantity | None], ...] = ()

    @property
    def name(self) -> str:
        """Container and term."""
        return f"{self.container}:{self.term}" if self.term else self.container

    @property
    def branches(self) -> tuple[str, ...]:
        """Those of the term, and of the objects."""
        members = ("name", "mpx", "mpy") if self.term else ("mpx", "mpy")
        fields = [_member(self.container, name) for name in members]
        needed: list[Quantity] = [*fields]
        for container, _, identified in self.objects:
            needed += [_member(container, name) for name in ("pt", "eta", "phi")]
            needed += [] if identified is None else [identified]
        return tuple(branch for each in needed for branch in each.branches)

    def read(self, events: Any) -> ak.Array:
        """Return it, GeV or radians: a list of one for events that have the term once."""
        x, y = (_member(self.container, name, _GEV).read(events) for name in ("mpx", "mpy"))
        if self.term:
            named = _member(self.container, "name").read(events) == self.term
            x, y = x[named], y[named]
        if self.objects:
            sum_x, sum_y = self._sum_of_objects(events)
            x, y = x - sum_x, y - sum_y
        return np.arctan2(y, x) if self.angle else np.hypot(x, y)

    def _sum_of_objects(self, events: Any) -> tuple[ak.Array, ak.Array]:
        found = {}
        for container, pt_min, identified in self.objects:
            members = {
                "pt": _member(container, "pt", _GEV).read(events),
                "eta": _member(container, "eta").read(events),
                "phi": _member(container, "phi").read(events),
            }
            good = members["pt"] >= pt_min
            if identified is not None:
                good = good & identified.read(events)
            found[container] = ak.zip(members)[good]
        jets = found[_JETS]
        found[_JETS] = jets[~_near(jets, found[_ELECTRONS])]
        along_x = [ak.sum(each.pt * np.cos(each.phi), axis=1) for each in found.values()]
        along_y = [ak.sum(each.pt * np.sin(each.phi), axis=1) for each in found.values()]
        return sum(along_x), sum(along_y)


def _near(jets: ak.Array, electrons: ak.Array) -> ak.Array:
    """Return which jets are within ΔR < 0.4 of an electron, n * var * bool."""
    pairs = ak.cartesian({"jet": jets, "electron": electrons}, nested=True)
    dphi = np.abs(pairs.jet.phi - pairs.electron.phi)
    dphi = ak.where(dphi > np.pi, 2 * np.pi - dphi, dphi)
    return ak.any(np.hypot(pairs.jet.eta - pairs.electron.eta, dphi) < 0.4, axis=-1)


def physlite(options: FormatOptions) -> Format:
    """Return PHYSLITE as a user wants it read.

    Raises
    ------
    ConfigurationError
        If an option is none that PHYSLITE has, or no requirement.
    """
    options.refuse("PHYSLITE", "golden_json", "triggers", "btag")

    def leptons(container: str, cone: str | None) -> dict[str, Quantity]:
        pt = _member(container, "pt", _GEV)
        return {
            "PT": pt,
            "Eta": _member(container, "eta"),
            "Phi": _member(container, "phi"),
            "Charge": _member(container, "charge"),
            "IsolationVar": Ratio(_member(container, cone or _CONES[container], _GEV), pt),
        }

    def required(option: str, container: str, default: str) -> Quantity | None:
        text = getattr(options, option) or default
        quality = _QUALITIES.get(text.strip().lower()) if option == "muon_id" else None
        if quality is not None:
            return QualityOf(_member(container, "quality"), quality)
        return passes(f"format.{option}", text, lambda name: _member(container, name))

    electron_id = required("electron_id", _ELECTRONS, "DFCommonElectronsLHMedium")
    muon_id = required("muon_id", _MUONS, "Medium")
    jet_id = required("jet_id", _JETS, NONE)
    container, term = _missing(options.met or _REBUILT)
    objects: tuple[tuple[str, float, Quantity | None], ...] = ()
    if options.met in (None, _REBUILT):
        objects = (
            (_ELECTRONS, 10.0, electron_id),
            (_MUONS, 10.0, muon_id),
            (_JETS, 20.0, jet_id),
        )
    weight = options.weight or "mcEventWeights"
    return Format(
        name="PHYSLITE",
        tree="CollectionTree",
        schema=BaseSchema,
        electrons=leptons(_ELECTRONS, options.electron_isolation),
        muons=leptons(_MUONS, options.muon_isolation),
        met=Missing(container, term, False, objects),
        met_phi=Missing(container, term, True, objects),
        weight=None if weight == NONE else OneIfMissing(First(_member("EventInfo", weight))),
        remedy="name one that this release of PHYSLITE has in [format] of the configuration",
        jets={
            name: _member(_JETS, member, unit)
            for name, member, unit in (
                ("PT", "pt", _GEV),
                ("Eta", "eta", 1.0),
                ("Phi", "phi", 1.0),
                ("Mass", "m", _GEV),
            )
        },
        event_numbers={
            "run": _member("EventInfo", "runNumber"),
            "lumi": _member("EventInfo", "lumiBlock"),
            "event": _member("EventInfo", "eventNumber"),
        },
        electron_id=electron_id,
        muon_id=muon_id,
        jet_id=jet_id,
        settings=asdict(options),
        cracks=CRACKS,
    )


def _missing(text: str) -> tuple[str, str]:
    """Return the container of the missing momentum that is read, and the term in it, if any."""
    if text == _REBUILT:
        return _CORE, _SOFT
    container, colon, term = text.partition(":")
    if not container or bool(colon) != bool(term):
        raise ConfigurationError(
            f"format.met = {text!r}: of PHYSLITE write {_REBUILT}, or a container, if need be with "
            f"its term, such as {_CORE}:{_SOFT}"
        )
    return container, term


PHYSLITE = physlite(FormatOptions())
