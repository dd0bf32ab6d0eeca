"""The coffea processor: events in; cutflow, histograms and columns out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from coffea.processor import ProcessorABC, column_accumulator

from eμsym.axes import for_axis
from eμsym.calibration.resolution_maps import read_resolution
from eμsym.errors import ConfigurationError, EmusymError
from eμsym.final_states import FINAL_STATES, WITH_JETS, FinalState, Leptons
from eμsym.flat_objects import flat_objects, records
from eμsym.jets import good_jets, jet_columns
from eμsym.label_rule import LabelRule
from eμsym.processors.columns import EVENT_NUMBERS, by_flavour, columns_of, typed
from eμsym.processors.config import EMuConfig
from eμsym.processors.control_cuts import control_cuts
from eμsym.processors.file_identity import file_id_at
from eμsym.processors.formats import DELPHES, Chunk, Format
from eμsym.processors.labels import (
    charge_columns,
    flavour_columns,
    in_a,
    lepton_columns,
    oriented,
)
from eμsym.processors.own_columns import with_branches
from eμsym.processors.resolution import equal_resolution


class SymmetryProcessor(ProcessorABC):
    """Select events and split them into A and B, as a symmetry has it.

    Use it with any coffea ``Runner`` on the format's schema, or on coffea's own
    ``DelphesSchema``, or through ``emusym process``. (`DelphesSchema` needs members of
    collections that the selection does not, and of an event with two missing momenta at
    the very end of a chunk it gives the first.)

    Parameters
    ----------
    config : EMuConfig, optional
        Cuts, columns, regions, plane, observables, and resolutions, whose file is read at once.
    file_format : Format, optional
        What kind of files the events come from. Default: Delphes.
    rule : LabelRule, optional
        Which events are A, in place of what the configuration's symmetry says.

    Attributes
    ----------
    rule : LabelRule
        Which events are A, and what the samples are called.

    Notes
    -----
    ``process`` returns a dictionary that coffea's ``accumulate`` adds up:

    ``cutflow`` : dataset → cut → ``raw``, ``sumw``, ``sumw2``
        After every cut in turn; ``all`` before any, those of ``config.where`` last. Then
        come, by default as ``emu`` and ``mue``, the selected events of A and of B.
    ``histograms`` : name → `hist.Hist`
        Weighted, with axes dataset, order (``emu``, ``mue``), observables.
    ``columns`` : dataset → ``column_accumulator`` of an awkward record array
        One record per selected event; see `eμsym.processors.columns.COLUMNS`. Where the
        files hold them come jets and event numbers, then the user's own columns.
    """

    def __init__(
        self,
        config: EMuConfig | None = None,
        file_format: Format = DELPHES,
        rule: LabelRule | None = None,
    ) -> None:
        self.config = config or EMuConfig()
        self.file_format = with_branches(file_format, self.config.columns)
        self.rule = self.config.rule if rule is None else rule
        resolution = self.config.resolution
        self._resolution = None if resolution is None else read_resolution(resolution.file)

    @property
    def wanted(self) -> tuple[str, ...]:
        """What is read beside leptons, missing momentum and weights, see `Format.read`."""
        return self.config.wanted

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
        chunk = self.file_format.read(events, self.wanted)
        if self._resolution is not None and self.config.resolution is not None:
            chunk = equal_resolution(chunk, self._resolution, self.config.resolution.seed)
        cuts = self.config.cuts
        if "cuts" in metadata:
            cuts = control_cuts(cuts, metadata["cuts"])
        electrons, muons = flat_objects(chunk.electrons), flat_objects(chunk.muons)
        masks = {**chunk.passes, **self._state.masks(electrons, muons, cuts)}
        cutflow = {"all": yields(chunk.weight)}
        passed = np.arange(len(chunk.weight))
        for name, mask in masks.items():
            passed = passed[mask[passed]]
            cutflow[name] = yields(chunk.weight[passed])
        leptons = self._state.leptons(electrons.of_events(passed), muons.of_events(passed), cuts)
        made = self._columns(chunk, leptons, passed, metadata)
        made |= self._own_columns(made, chunk.extra, events, passed)
        columns = typed(made)
        if self.rule.selection in WITH_JETS:
            columns = _chosen(columns, columns["n_jets"] > 0)
            cutflow["a_jet"] = yields(columns["weight"])
        for name, condition in self.config.named_cuts.items():
            with _said_of(f"where {condition.text!r}", metadata):
                columns = _chosen(columns, condition.condition(columns))
            cutflow[name] = yields(columns["weight"])
        self._check_regions(columns, metadata)
        histograms = self.config.histograms(dataset, orders=self.rule.orders)
        filled = {n: columns[n] for n in ("weight", *self._histogrammed(columns, metadata))}
        labels = columns[self.rule.column]
        for order, mask in zip(self.rule.orders, (labels, ~labels), strict=True):
            sample = {n: x.astype(np.float64) for n, x in _chosen(filled, mask).items()}
            cutflow[order] = yields(sample["weight"])
            for histogram in histograms.values():
                values = [for_axis(axis, sample[axis.name]) for axis in histogram.axes[2:]]
                histogram.fill(dataset, order, *values, weight=sample["weight"])
        return {
            "cutflow": {dataset: cutflow},
            "histograms": histograms,
            "columns": {dataset: column_accumulator(records(columns))},
        }

    def postprocess(self, accumulator: Any) -> Any:
        """Return the accumulated output as it is."""
        return accumulator

    @property
    def _state(self) -> FinalState:
        return FINAL_STATES[self.rule.selection]

    def _columns(
        self, chunk: Chunk, leptons: Leptons, selected: Any, metadata: Any
    ) -> dict[str, Any]:
        """Return the columns of the selected events, but for the user's own."""
        met, met_phi = (np.asarray(x)[selected] for x in (chunk.met, chunk.met_phi))
        entry = metadata.get("entrystart", 0) + selected
        columns = lepton_columns(leptons, met, met_phi)
        if self.rule.ordered_by == "Charge":
            columns |= charge_columns(leptons, met, met_phi)
        if by_flavour(self.rule):
            columns |= flavour_columns(leptons)
        columns |= {
            "weight": chunk.weight[selected],
            "file_id": np.full(len(entry), _file_id(metadata), dtype=np.uint64),
            "entry": entry,
        }
        if chunk.jets is not None:
            jets = good_jets(chunk.jets[selected], leptons.all, self.config.jets)
            columns |= jet_columns(jets)
        numbers = {name: getattr(chunk, name) for name in EVENT_NUMBERS}
        columns |= {n: x[selected] for n, x in numbers.items() if x is not None}
        with _said_of(f"symmetry {self.rule.name!r}", metadata):
            columns[self.rule.column] = in_a(self.rule, leptons, columns)
        columns = oriented(self.rule, columns)
        return {name: columns[name] for name in columns_of(self.rule) if name in columns}

    def _own_columns(
        self, made: dict[str, Any], branches: Mapping[str, Any], events: Any, selected: Any
    ) -> dict[str, Any]:
        """Return the user's columns; each may read those before it."""
        own: dict[str, Any] = {}
        if self.config.columns:
            # As they are written, so that whoever computes it again finds the same.
            known = typed(made)
            for column in self.config.columns:
                with _said_of("", getattr(events, "metadata", None) or {}):
                    own[column.name] = column.values({**known, **own}, branches, events, selected)
        return own

    def _check_regions(self, columns: Mapping[str, Any], metadata: Any) -> None:
        """Evaluate the conditions of the regions, so that a fault in one is not found later."""
        for name, condition in self.config.named_regions.items():
            with _said_of(f"region {name!r}", metadata):
                condition.condition(columns)

    def _histogrammed(self, columns: Mapping[str, Any], metadata: Any) -> list[str]:
        """Return the columns that histograms are of, all of which are there."""
        binnings = (*self.config.plane, *self.config.observables)
        names = list(dict.fromkeys(binning.column for binning in binnings))
        for name in names:
            if name not in columns:
                with _said_of("histograms", metadata):
                    raise ConfigurationError(f"no column {name!r}")
        return names


class EMuProcessor(SymmetryProcessor):
    """The processor of eμ events: A and B by which lepton leads, unless something else is said."""


@contextmanager
def _said_of(what: str, metadata: Any) -> Iterator[None]:
    """Put the file and what an error is about before it."""
    try:
        yield
    except EmusymError as error:
        parts = [str(metadata.get("filename", "events")), what, str(error)]
        line = ": ".join(part for part in parts if part)
        if any(f"no column {name!r}" in line for name in EVENT_NUMBERS):
            line += "; such files have no number of that name"
        raise type(error)(line) from error


def _chosen(columns: Mapping[str, Any], mask: Any) -> dict[str, Any]:
    """Return the columns of some of the events."""
    return {name: values[mask] for name, values in columns.items()}


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
