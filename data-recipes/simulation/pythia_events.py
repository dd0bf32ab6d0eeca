"""Events from Pythia 8, batch by batch, as flat columns of final-state particles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from eμsym.arrays import FloatArray
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.recipes.simulation.atlas_card import PARTON_ETA_MAX, PARTON_PT_MIN
from eμsym.recipes.simulation.particles import BoolArray, IntArray, Particles, Partons

#: Events in memory at a time, with all that Pythia remembers of each.
BATCH = 100

#: Columns of Pythia's ``info`` that are kept: name here → name there.
_INFO = {
    "id1": "id1",
    "id2": "id2",
    "x1": "x1",
    "x2": "x2",
    "pdf1": "pdf1",
    "pdf2": "pdf2",
    "alpha_qed": "alphaEM",
    "alpha_qcd": "alphaS",
    "q2_renormalisation": "Q2Ren",
    "q2_factorisation": "Q2Fac",
}


@dataclass(frozen=True, eq=False)
class Generated:
    """Some events as the generator made them.

    Attributes
    ----------
    particles : Particles
        In their final state, of events 0 … n_events − 1.
    partons : Partons
        Those that may decide a jet's flavour.
    weight : ndarray, shape (n_events,)
    number : ndarray of int, shape (n_events,)
        Counting what was asked of the generator, from 0.
    info : dict of str to ndarray, shape (n_events,)
        The hard process: incoming partons, scales and couplings.
    """

    particles: Particles
    partons: Partons
    weight: FloatArray
    number: IntArray
    info: dict[str, np.ndarray[Any, Any]]

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.weight)

    def __getitem__(self, kept: BoolArray) -> Generated:
        """Return the events of a mask of shape (n_events,), numbered anew."""
        particles = self.particles[kept[self.particles.event]]
        partons = self.partons[kept[self.partons.event]]
        new = np.cumsum(kept) - 1
        return Generated(
            replace(particles, event=new[particles.event]),
            replace(partons, event=new[partons.event]),
            self.weight[kept],
            self.number[kept],
            {name: values[kept] for name, values in self.info.items()},
        )


def load_pythia() -> Any:
    """Return the module of Pythia 8.

    Raises
    ------
    ConfigurationError
        If it is not installed.
    """
    try:
        return import_module("pythia8mc")
    except ImportError as error:
        raise ConfigurationError(
            "Pythia 8 (pythia8mc) is not installed; run: pip install 'emusym[generate]'"
        ) from error


def generate(
    settings: tuple[str, ...],
    n: int,
    *,
    lhe: Path | None = None,
    skip: int = 0,
    batch: int = BATCH,
    prepare: Callable[[Any], None] | None = None,
) -> Iterator[Generated]:
    """Generate events.

    Parameters
    ----------
    settings : tuple of str
        Pythia's, seed included.
    n : int
        Number of events to ask for. Events that Pythia gives up are left out.
    lhe : Path, optional
        Les Houches file of the hard processes, plain or with gzip.
    skip : int
        Events at the beginning of that file that are left out.
    batch : int
        Events in memory at a time.
    prepare : callable, optional
        Called with Pythia when all settings are read, before it starts: to attach a hook, whose
        vetoed events are left out like those that Pythia gives up.

    Yields
    ------
    Generated

    Raises
    ------
    ConfigurationError
        If Pythia is not installed, does not know a setting, or cannot start.
    InputFileError
        If the file cannot be read, or has too few events.
    """
    pythia = load_pythia().Pythia("", False)
    for line in (*settings, "Print:quiet = on"):
        if not pythia.readString(line):
            raise ConfigurationError(f"Pythia does not understand the setting {line!r}")
    if lhe is not None:
        # Not as a line of text, which a blank in the path would end.
        pythia.settings.word("Beams:LHEF", str(lhe))
        pythia.settings.mode("Beams:nSkipLHEFatInit", skip)
    if prepare is not None:
        prepare(pythia)
    if not pythia.init():
        if lhe is not None:
            raise InputFileError(f"{lhe}: Pythia cannot use this Les Houches event file")
        raise ConfigurationError("Pythia cannot start with these settings")
    charges: dict[int, float] = {}
    for start in range(0, n, batch):
        asked = min(batch, n - start)
        # Failed events come as None: skipped and replaced, they would shift those of a file.
        events = pythia.nextBatch(asked, "none")
        if pythia.infoPython().atEndOfFile():
            raise InputFileError(f"{lhe}: ends before event {skip + n:,}; ask for fewer events")
        made = np.flatnonzero(~ak.to_numpy(ak.is_none(events)))
        if len(made):
            yield _columns(ak.drop_none(events), start + made, pythia.particleData, charges)


def _columns(
    events: Any, number: IntArray, particle_data: Any, charges: dict[int, float]
) -> Generated:
    final = events.prt[events.prt.status > 0]
    pdg = _flat(final.id).astype(np.int64)
    for code in np.unique(pdg):
        if int(code) not in charges:
            charges[int(code)] = float(particle_data.charge(int(code)))
    codes, which = np.unique(pdg, return_inverse=True)
    charge = np.array([charges[int(code)] for code in codes])[which]
    # Without a vertex of its own a particle comes from the collision, at the origin.
    position = [_flat(ak.fill_none(final.vProd[axis], 0.0)) for axis in ("px", "py", "pz")]
    particles = Particles(
        np.repeat(np.arange(len(events)), ak.to_numpy(ak.num(final))),
        pdg,
        charge,
        np.stack([_flat(final.p[axis]) for axis in ("px", "py", "pz")]),
        _flat(final.p.e),
        np.stack(position),
    )
    info = {name: ak.to_numpy(events.info[there]) for name, there in _INFO.items()}
    weight = ak.to_numpy(events.info.weights[:, 0]).astype(np.float64)
    return Generated(particles, _partons(events), weight, number, info)


def _partons(events: Any) -> Partons:
    """Return the quarks and gluons of the whole record, within the limits of the flavours."""
    code = _flat(events.prt.id)
    size = np.abs(code)
    chosen = np.flatnonzero(((size >= 1) & (size <= 5)) | (size == 21))
    momentum = events.prt.p
    px, py, pz = (_flat(momentum[axis])[chosen] for axis in ("px", "py", "pz"))
    pt = np.hypot(px, py)
    hard = pt > PARTON_PT_MIN
    chosen, px, py, pz, pt = chosen[hard], px[hard], py[hard], pz[hard], pt[hard]
    eta = np.arcsinh(pz / pt)
    central = np.abs(eta) <= PARTON_ETA_MAX
    chosen = chosen[central]
    event = np.repeat(np.arange(len(events)), ak.to_numpy(ak.num(events.prt)))
    return Partons(
        event[chosen],
        code[chosen].astype(np.int64),
        eta[central],
        np.arctan2(py[central], px[central]),
    )


def _flat(values: Any) -> np.ndarray[Any, Any]:
    return np.asarray(ak.to_numpy(ak.flatten(values)))
