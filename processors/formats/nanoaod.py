"""NanoAOD of CMS, versions 9 to 15, as TTree or RNTuple, of data and of simulation.

What is read, and what CMS recommends:

- Isolation relative to pT: ``Electron_pfRelIso03_all``, ``Muon_pfRelIso04_all``. The cuts'
  defaults are 0.15 for electrons and 0.25 for muons; the latter is ``PFIsoLoose`` of the muon
  group, whose ``PFIsoTight`` is 0.15 (twiki SWGuideMuonIdRun2).
- Identification: ``Electron_cutBased >= 3`` (medium, isolation included), ``Muon_mediumId``;
  both are in every version, unlike the electrons' multivariate ones, which are called
  ``mvaFall17V2Iso_WP90`` up to version 9 and ``mvaIso_WP90`` after it.
- Missing momentum: ``PuppiMET``, the only one of all versions: 15 has no ``MET``, before 15
  there is no ``PFMET``.
- b-tags: no working point holds for all years, so that one must be named.
"""

from __future__ import annotations

from dataclasses import asdict

from coffea.nanoevents import BaseSchema

from eμsym.processors.formats.golden import certified
from eμsym.processors.formats.options import FormatOptions
from eμsym.processors.formats.quantities import Field, OneIfMissing, Quantity
from eμsym.processors.formats.requirements import NONE, AnyOf, Passes, passes
from eμsym.processors.formats.seam import Format

#: The gap between barrel and endcaps of the CMS calorimeter (arXiv:2012.06888).
CRACKS = (1.4442, 1.566)

_PATHS = {"PT": "pt", "Eta": "eta", "Phi": "phi", "Charge": "charge"}
_GENERATED = Field(("genWeight",))


def _member(collection: str, name: str) -> Field:
    """Return a member of a collection, spelled with the collection's name before it or without."""
    return Field((collection, name.removeprefix(f"{collection}_")), counts=f"n{collection}")


def nanoaod(options: FormatOptions) -> Format:
    """Return NanoAOD as a user wants it read.

    Raises
    ------
    ConfigurationError
        If an option is no requirement.
    InputFileError
        If the golden JSON cannot be read.
    """

    def required(option: str, collection: str, default: str) -> Passes | None:
        text = getattr(options, option) or default
        return passes(f"format.{option}", text, lambda name: _member(collection, name))

    def leptons(collection: str, isolation: str) -> dict[str, Quantity]:
        members: dict[str, Quantity] = {x: _member(collection, p) for x, p in _PATHS.items()}
        return {**members, "IsolationVar": _member(collection, isolation)}

    met = options.met or "PuppiMET"
    run, lumi = Field(("run",)), Field(("luminosityBlock",))
    before: dict[str, Quantity] = {}
    if options.golden_json is not None:
        before["golden_json"] = certified(options.golden_json, run, lumi, _GENERATED)
    if options.triggers:
        before["trigger"] = AnyOf(options.triggers)
    weight = options.weight or "genWeight"
    return Format(
        name="NanoAOD",
        tree="Events",
        schema=BaseSchema,
        electrons=leptons("Electron", options.electron_isolation or "pfRelIso03_all"),
        muons=leptons("Muon", options.muon_isolation or "pfRelIso04_all"),
        met=Field((met, "pt")),
        met_phi=Field((met, "phi")),
        weight=None if weight == NONE else OneIfMissing(Field((weight,))),
        remedy="name one that this version of NanoAOD has in [format] of the configuration",
        jets={x: _member("Jet", x.lower()) for x in ("PT", "Eta", "Phi", "Mass")},
        btag=required("btag", "Jet", NONE),
        btag_remedy='name a working point in [format], such as btag = "btagDeepFlavB > 0.2783"',
        event_numbers={"run": run, "lumi": lumi, "event": Field(("event",))},
        electron_id=required("electron_id", "Electron", "cutBased >= 3"),
        muon_id=required("muon_id", "Muon", "mediumId"),
        jet_id=required("jet_id", "Jet", NONE),
        passes=before,
        settings=asdict(options),
        cracks=CRACKS,
    )


NANOAOD = nanoaod(FormatOptions())
