"""Selected events that any other framework hands over: a flat Parquet file, one event a row.

The layout, of which `docs/formats.md` has the table:

- ``lead_pt``, ``lead_eta``, ``lead_phi``, ``lead_charge``, ``lead_isolation`` of one lepton
  and the same with ``sub_`` of the other; ``electron_leads``: whether the first one is the
  electron. Which of them leads is found again from the values.
- ``met``, ``met_phi``. GeV and radians throughout.
- Where there: ``weight`` (else every event counts once), ``run``, ``lumi``, ``event``, and
  lists with one value a jet: ``jet_pt``, ``jet_eta``, ``jet_phi``, ``jet_mass``, ``jet_btag``.

Other columns are left alone. The files of a results folder have this layout.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import awkward as ak
import numpy as np
from coffea.nanoevents import BaseSchema

from eμsym.processors.formats import delphes, nanoaod, physlite
from eμsym.processors.formats.options import FormatOptions
from eμsym.processors.formats.quantities import Field, OneIfMissing, Quantity
from eμsym.processors.formats.seam import Format

#: Such files may be of any detector: the jumps of all that are known.
CRACKS = tuple(sorted({*delphes.CRACKS, *nanoaod.CRACKS, *physlite.CRACKS}))

_COLUMNS = {
    "PT": "pt",
    "Eta": "eta",
    "Phi": "phi",
    "Charge": "charge",
    "IsolationVar": "isolation",
}
_ELECTRON_LEADS = Field(("electron_leads",), branch="electron_leads")


@dataclass(frozen=True)
class OfOne:
    """A member of the only lepton of its kind, of which either may stand first.

    Parameters
    ----------
    member : str
    electron : bool
        Whether the lepton is the electron.
    """

    member: str
    electron: bool

    @property
    def name(self) -> str:
        """The two columns that it may stand in."""
        return f"lead_{self.member} or sub_{self.member}"

    @property
    def branches(self) -> tuple[str, ...]:
        """Both, and which is which."""
        return (f"lead_{self.member}", f"sub_{self.member}", "electron_leads")

    def read(self, events: Any) -> ak.Array:
        """Return a list of one value for every event.

        Raises
        ------
        ValueError
            If a column has not one number for every event.
        """
        lead, sub, electron_leads = (
            ak.to_numpy(Field((name,), branch=name).read(events)) for name in self.branches
        )
        if not lead.ndim == sub.ndim == electron_leads.ndim == 1:
            raise ValueError("it does not hold one number of every event")
        if electron_leads.dtype != np.bool_:
            raise ValueError(f"electron_leads holds {electron_leads.dtype}, expected bool")
        values = np.where(electron_leads == self.electron, lead, sub)
        return ak.unflatten(values, np.ones(len(values), dtype=np.int64))


def _column(name: str) -> Field:
    return Field((name,), branch=name)


def flat(options: FormatOptions) -> Format:
    """Return the flat layout.

    Raises
    ------
    ConfigurationError
        If anything else than its name is asked for: its columns are what they are.
    """
    options.refuse(
        "flat",
        *("met", "electron_id", "muon_id", "jet_id", "electron_isolation", "muon_isolation"),
        *("btag", "triggers", "golden_json", "weight"),
    )
    electrons: dict[str, Quantity] = {x: OfOne(name, True) for x, name in _COLUMNS.items()}
    muons: dict[str, Quantity] = {x: OfOne(name, False) for x, name in _COLUMNS.items()}
    return Format(
        name="flat",
        container="parquet",
        tree="",
        schema=BaseSchema,
        electrons=electrons,
        muons=muons,
        met=_column("met"),
        met_phi=_column("met_phi"),
        weight=OneIfMissing(_column("weight")),
        remedy="write it; an isolation on which your own selection has cut can be 0",
        jets={x: _column(f"jet_{x.lower()}") for x in ("PT", "Eta", "Phi", "Mass")},
        btag=_column("jet_btag"),
        event_numbers={name: _column(name) for name in ("run", "lumi", "event")},
        settings=asdict(options),
        cracks=CRACKS,
    )


FLAT = flat(FormatOptions())
