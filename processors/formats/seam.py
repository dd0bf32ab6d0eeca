"""What a format of files is: its tree, its branches, and how a chunk is read and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import awkward as ak
import numpy as np

from eμsym.errors import InputFileError
from eμsym.processors.formats.chunk import JET_FIELDS, ON_REQUEST, Chunk
from eμsym.processors.formats.quantities import Quantity, ones, place_of
from eμsym.processors.formats.values import collection, numbers, per_event, truths
from eμsym.selection import LEPTON_FIELDS


@dataclass(frozen=True, eq=False)
class Format:
    """How events stand in the files of one kind, and how they are read.

    Parameters
    ----------
    name : str
        What to call such files.
    tree : str
        Name of their tree, unless something else is said.
    schema : type
        coffea's schema, which makes events of the branches.
    electrons, muons : mapping of str to Quantity
        Keys: `eμsym.selection.LEPTON_FIELDS`.
    met, met_phi : Quantity
    weight : Quantity or None
        The events' weights. None: every event counts once.
    remedy : str
        What to do about a branch that is missing.
    jets : mapping of str to Quantity, optional
        Keys: `eμsym.processors.formats.chunk.JET_FIELDS`. Empty: such files have no jets.
    btag : Quantity, optional
        Whether a jet is b-tagged.
    event_numbers : mapping of str to Quantity, optional
        What there is of ``run``, ``lumi``, ``event``.
    electron_id, muon_id, jet_id : Quantity, optional
        Whether a lepton is identified; whether a jet is one at all.
    passes : mapping of str to Quantity, optional
        What events must pass before anything else, by the names of the cutflow's rows.
    settings : mapping of str to Any, optional
        What the format was told, for the record.
    container : str
        ``root``, or ``parquet``, which has no tree.
    btag_remedy : str
        What to do about jets without b-tags.
    cracks : tuple of float, optional
        Where the efficiencies of the detectors whose files these are may jump in |η|. None:
        that is not known.
    extra : mapping of str to Quantity, optional
        Further numbers of every event that are needed, such as branches of the user's.
    """

    name: str
    tree: str
    schema: type
    electrons: Mapping[str, Quantity]
    muons: Mapping[str, Quantity]
    met: Quantity
    met_phi: Quantity
    weight: Quantity | None
    remedy: str
    jets: Mapping[str, Quantity] = field(default_factory=dict)
    btag: Quantity | None = None
    event_numbers: Mapping[str, Quantity] = field(default_factory=dict)
    electron_id: Quantity | None = None
    muon_id: Quantity | None = None
    jet_id: Quantity | None = None
    passes: Mapping[str, Quantity] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    container: Literal["root", "parquet"] = "root"
    btag_remedy: str = "ask for other things"
    extra: Mapping[str, Quantity] = field(default_factory=dict)
    cracks: tuple[float, ...] | None = None

    @property
    def branches(self) -> tuple[str, ...]:
        """All that the selection cannot do without, as uproot lists them."""
        return self.needed(())

    def needed(self, wanted: Collection[str]) -> tuple[str, ...]:
        """Return the branches of what is asked for; no others are read.

        Parameters
        ----------
        wanted : collection of str
            What is to be read beside leptons, missing momentum and weight, see `read`.
        """
        quantities = self._quantities(wanted)
        return tuple(dict.fromkeys(branch for each in quantities for branch in each.branches))

    def where_there(self, wanted: Collection[str]) -> tuple[str, ...]:
        """Return the branches that are read too where a tree has them."""
        quantities = self._quantities(wanted)
        return tuple(branch for each in quantities for branch in getattr(each, "where_there", ()))

    def missing(self, branches: Collection[str], wanted: Collection[str] = ()) -> tuple[str, ...]:
        """Return the needed branches that are not among those of a tree."""
        return tuple(branch for branch in self.needed(wanted) if branch not in branches)

    def only(self, wanted: Collection[str]) -> dict[str, Any]:
        """Return options of coffea's ``iteritems_options`` that leave out all unneeded branches.

        What else stands in a tree, a user's own branches or types that nobody knows,
        then cannot be in the way.
        """
        names = frozenset((*self.needed(wanted), *self.where_there(wanted)))
        return {"filter_name": names.__contains__}

    def _quantities(self, wanted: Collection[str]) -> Iterator[Quantity]:
        if self.weight is not None:
            yield self.weight
        yield from self._leptons("electrons").values()
        yield from self._leptons("muons").values()
        yield from (self.met, self.met_phi, *self.extra.values())
        yield from self.passes.values()
        for requested in self._requested(wanted).values():
            yield from requested

    def _leptons(self, kind: str) -> dict[str, Quantity]:
        members = self.electrons if kind == "electrons" else self.muons
        identified = self.electron_id if kind == "electrons" else self.muon_id
        found = {name: members[name] for name in LEPTON_FIELDS}
        return found if identified is None else {**found, "Identified": identified}

    def _jet_members(self, wanted: Collection[str]) -> dict[str, Quantity]:
        members = {name: self.jets[name] for name in JET_FIELDS}
        if "btags" in wanted and self.btag is not None:
            members["BTag"] = self.btag
        return members if self.jet_id is None else {**members, "Identified": self.jet_id}

    def _requested(self, wanted: Collection[str]) -> dict[str, list[Quantity]]:
        """Return the quantities of everything that is asked for beyond what is always read."""
        if "btags" in wanted:
            wanted = {"jets", *wanted}
        there: dict[str, list[Quantity]] = {
            "jets": list(self._jet_members(()).values()) if self.jets else [],
            "btags": [] if self.btag is None else [self.btag],
            "event_numbers": list(self.event_numbers.values()),
        }
        return {name: there[name] for name in ON_REQUEST if name in wanted}

    def lacking(self, wanted: Collection[str]) -> str | None:
        """Return what is asked for that such files are not read for, and the remedy, or None."""
        for name, quantities in self._requested(wanted).items():
            if not quantities:
                remedy = self.btag_remedy if name == "btags" else "ask for other things"
                return f"{self.name} as it is read here has no {ON_REQUEST[name]}; {remedy}"
        return None

    def notes(self, branches: Collection[str]) -> list[str]:
        """Return what should be known of a file with these branches, a line each."""
        weights = getattr(self.weight, "where_there", ())
        missing = [name for name in weights if name not in branches]
        return [f"no {name}: every event counts once" for name in missing]

    def read(self, events: Any, wanted: Collection[str] = ()) -> Chunk:
        """Read what the selection needs of events that coffea made with the schema.

        Parameters
        ----------
        events : NanoEvents
        wanted : collection of str
            Any of ``"jets"``, ``"btags"`` (of the jets, which are then read too) and
            ``"event_numbers"``: what else is to be read.

        Returns
        -------
        Chunk

        Raises
        ------
        InputFileError
            If a branch is missing, its bytes cannot be decoded, two branches disagree
            about how many leptons an event has, or the format has not what is asked for.
        DataError
            If a value is not finite, a momentum or isolation is negative, or an event has
            not one weight or one missing momentum.
        """
        if lacking := self.lacking(wanted):
            raise InputFileError(f"{place_of(events, 0)[0]}: {lacking}")
        weight = ones(events) if self.weight is None else per_event(events, self.weight)
        asked = self.event_numbers if "event_numbers" in wanted else {}
        return Chunk(
            electrons=collection(events, self._leptons("electrons")),
            muons=collection(events, self._leptons("muons")),
            met=per_event(events, self.met, never_negative=True),
            met_phi=per_event(events, self.met_phi),
            weight=weight.astype(np.float64),
            jets=self._read_jets(events, wanted),
            **{name: numbers(events, number) for name, number in asked.items()},
            extra={name: per_event(events, each) for name, each in self.extra.items()},
            passes={name: truths(events, each) for name, each in self.passes.items()},
        )

    def _read_jets(self, events: Any, wanted: Collection[str]) -> ak.Array | None:
        if not {"jets", "btags"} & set(wanted):
            return None
        jets = collection(events, self._jet_members(wanted))
        if self.jet_id is None:
            return jets
        return ak.without_field(jets[jets.Identified], "Identified")
