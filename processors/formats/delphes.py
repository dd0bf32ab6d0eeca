"""Delphes' trees, as its TreeWriter makes them."""

from __future__ import annotations

from eμsym.processors.formats.chunk import JET_FIELDS
from eμsym.processors.formats.options import FormatOptions
from eμsym.processors.formats.own_counts import OwnCountsSchema
from eμsym.processors.formats.quantities import Bit, Field
from eμsym.processors.formats.seam import Format
from eμsym.selection import LEPTON_FIELDS


def _field(collection: str, member: str) -> Field:
    return Field(
        (collection, member),
        counts=f"{collection}_size",
        branch=f"{collection}/{collection}.{member}",
    )


#: Where the efficiencies of the cards of ATLAS and CMS that come with Delphes 3 step.
CRACKS = (1.5,)

#: All that is Delphes' own. ``Jet.BTag`` has one bit for every b-tagging
#: module of the card, the lowest for the first: in the cards of ATLAS and CMS the only one.
DELPHES = Format(
    name="Delphes",
    tree="Delphes",
    schema=OwnCountsSchema,
    electrons={name: _field("Electron", name) for name in LEPTON_FIELDS},
    muons={name: _field("Muon", name) for name in LEPTON_FIELDS},
    met=_field("MissingET", "MET"),
    met_phi=_field("MissingET", "Phi"),
    weight=_field("Event", "Weight"),
    remedy="keep it in the TreeWriter of the Delphes card",
    jets={name: _field("Jet", name) for name in JET_FIELDS},
    btag=Bit(_field("Jet", "BTag")),
    event_numbers={"event": _field("Event", "Number")},
    cracks=CRACKS,
)


def delphes(options: FormatOptions) -> Format:
    """Return Delphes' format.

    Raises
    ------
    ConfigurationError
        If anything else than its name is asked for: Delphes knows one kind of everything.
    """
    options.refuse(
        "Delphes",
        *("met", "electron_id", "muon_id", "jet_id", "electron_isolation", "muon_isolation"),
        *("btag", "triggers", "golden_json", "weight"),
    )
    return DELPHES
