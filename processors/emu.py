"""The coffea processor: events in; cutflow, histograms and columns out."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from coffea.analysis_tools import PackedSelection
from coffea.processor import ProcessorABC, column_accumulator

from eμsym.calibration.resolution_maps import read_resolution
from eμsym.kinematics import collinear_mass
from eμsym.label_rule import LEADING, LabelRule
from eμsym.processors.columns import record_array
from eμsym.processors.config import EMuConfig
from eμsym.processors.control_cuts import control_cuts
from eμsym.processors.file_identity import file_id_at
from eμsym.processors.formats import DELPHES, Chunk, Format
from eμsym.processors.resolution import equal_resolution
from eμsym.selection import CUT_NAMES, Cuts, emu_leptons, emu_masks, into_slots


class EMuProcessor(ProcessorABC):
    """Select eμ events and split them by which lepton leads.

    Use it with any coffea ``Runner`` on the format's schema, or on coffea's own
    ``DelphesSchema``, or through ``emusym process``. (`DelphesSchema` needs members of
    collections that the selection does not, and of an event with two missing momenta at
    the very end of a chunk it gives the first.)

    Parameters
    ----------
    config : EMuConfig, optional
        Cuts, plane, observables, and resolutions, whose file is read at once.
    file_format : Format, optional
        What kind of files the events come from. Default: Delphes.

    Attributes
    ----------
    rule : LabelRule
        Which events are A, and what the samples are called.

    Notes
    -----
    ``process`` returns a dictionary that coffea's ``accumulate`` adds up:

    ``cutflow`` : dataset → cut → ``raw``, ``sumw``, ``sumw2``
        After every cut in turn; ``all`` before any. The last two, by default ``emu``
        and ``mue``, are the selected events of A and of B.
    ``histograms`` : name → `hist.Hist`
        Weighted, with axes dataset, order (``emu``, ``mue``), observables.
    ``columns`` : dataset → ``column_accumulator`` of an awkward record array
        One record per selected event; see `eμsym.processors.columns.COLUMNS`.
    """

    rule: LabelRule = LEADING

    def __init__(self, config: EMuConfig | None = None, file_format: Format = DELPHES) -> None:
        self.config = config or EMuConfig()
        self.file_format = file_format
        resolution = self.config.resolution
        self._resolution = None if resolution is None else read_resolution(resolution.file)

    def process(self, events: Any) -> dict[str, Any]:
        """Process one chunk.

        Parameters
        ----------
        events : NanoEvents of the format's schema
            Its metadata name the dataset, the file and the first entry; perhaps ``cuts`` of
            the dataset's own, see `control_cuts`.

        Raises
        ------
        InputFileError, DataError
            If the chunk cannot be read or holds impossible values.
        """
        metadata = getattr(events, "metadata", None) or {}
        dataset = metadata.get("dataset", "events")
        chunk = self.file_format.read(events)
        if self._resolution is not None and self.config.resolution is not None:
            chunk = equal_resolution(chunk, self._resolution, self.config.resolution.seed)
        cuts = self.config.cuts
        if "cuts" in metadata:
            cuts = control_cuts(cuts, metadata["cuts"])
        selection = PackedSelection()
        selection.add_multiple(emu_masks(chunk.electrons, chunk.muons, cuts))
        passed = selection.cutflow(*CUT_NAMES).result().maskscutflow
        columns = self._columns(chunk, passed[-1], metadata, cuts)
        cutflow = {"all": yields(chunk.weight)}
        for name, mask in zip(CUT_NAMES, passed, strict=True):
            cutflow[name] = yields(chunk.weight[mask])
        in_a = ak.to_numpy(columns[self.rule.column])
        samples = dict(zip(self.rule.orders, (in_a, ~in_a), strict=True))
        weight = ak.to_numpy(columns.weight)
        cutflow |= {order: yields(weight[mask]) for order, mask in samples.items()}
        histograms = self.config.histograms(dataset, orders=self.rule.orders)
        for histogram in histograms.values():
            for order, mask in samples.items():
                values = [ak.to_numpy(columns[axis.name])[mask] for axis in histogram.axes[2:]]
                histogram.fill(dataset, order, *values, weight=weight[mask])
        return {
            "cutflow": {dataset: cutflow},
            "histograms": histograms,
            "columns": {dataset: column_accumulator(columns)},
        }

    def postprocess(self, accumulator: Any) -> Any:
        """Return the accumulated output as it is."""
        return accumulator

    def _columns(self, chunk: Chunk, selected: Any, metadata: Any, cuts: Cuts) -> ak.Array:
        electron, muon = emu_leptons(chunk.electrons[selected], chunk.muons[selected], cuts)
        lead, sub, in_a = into_slots(electron, muon, by=self.rule.ordered_by)
        met = chunk.met[selected]
        columns: dict[str, Any] = {"m_coll": collinear_mass(lead, sub, met)}
        for prefix, lepton in (("lead", lead), ("sub", sub)):
            columns[f"{prefix}_pt"] = lepton.PT
            columns[f"{prefix}_eta"] = lepton.Eta
            columns[f"{prefix}_phi"] = lepton.Phi
            columns[f"{prefix}_charge"] = lepton.Charge
            columns[f"{prefix}_isolation"] = lepton.IsolationVar
        entry = metadata.get("entrystart", 0) + np.flatnonzero(selected)
        columns |= {
            "met": met,
            "met_phi": chunk.met_phi[selected],
            self.rule.column: in_a,
            "weight": chunk.weight[selected],
            "file_id": np.full(len(entry), _file_id(metadata), dtype=np.uint64),
            "entry": entry,
        }
        return record_array(columns)


def _file_id(metadata: Any) -> int:
    """Return what the file is: as our own runner says, or else by a look at it; 0: no file."""
    if "file_id" in metadata:
        return int(metadata["file_id"])
    return file_id_at(metadata["filename"]) if "filename" in metadata else 0


def yields(weight: Any) -> dict[str, Any]:
    """Return the number of events, Σw and Σw² of some weights, shape (n,)."""
    return {
        "raw": len(weight),
        "sumw": float(np.sum(weight)),
        "sumw2": float(np.sum(np.square(weight))),
    }
