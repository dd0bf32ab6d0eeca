"""Giving up Z → ττ early, for what is left of an event is what takes the time.

Half of the events end in two leptons of a flavour, and in half of what is left the τ are too
soft, or too far forward, for the leptons that the filter wants. The first can be known before
anything else; the second nearly, once the harder emissions are there, before hundreds of soft
ones; and surely before the τ decay.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from eμsym.errors import ConfigurationError
from eμsym.recipes.simulation.pythia_events import load_pythia
from eμsym.recipes.simulation.tau_spins import SETTING, Couplings, set_helicities

#: A lepton has at most 0.1 GeV more pT than its τ of 10 GeV, and is at most 0.1 away in η, so
#: these lose nothing of the filter's pT > 10 GeV and |η| < 2.6.
TAU_PT_MIN, TAU_ETA_MAX = 9.5, 2.7
#: Where emissions of this pT, GeV, and more are there, τ beyond these are given up. It loses
#: 0.2 % (2 of 1,025) of the events whose τ would have come back within the limits above.
EARLY_SCALE, EARLY_PT_MIN, EARLY_ETA_MAX = 6.0, 5.0, 3.0
DESCRIPTION = (
    f"Z → ττ with both τ → e or both → μ, or a τ of pT < {TAU_PT_MIN:g} GeV or |η| > "
    f"{TAU_ETA_MAX:g}, or beyond {EARLY_PT_MIN:g} GeV or {EARLY_ETA_MAX:g} before emissions of "
    f"less than {EARLY_SCALE:g} GeV, is given up before the τ decay, whatever else is in the "
    "event; the τ decay with their helicities"
)
#: With this a veto ends the event, which is counted, not replaced.
SETTINGS = ("Check:abortIfVeto = on", SETTING)
_TAU, _ELECTRON, _MUON = 15, 11, 13
#: Where in the event record the boson of Pythia's own process is, and in that of the process
#: its τ.
_RESONANCE, _TAUS = 5, (6, 7)
#: How Pythia marks a decay channel: of a particle only, of an antiparticle only.
_PARTICLE, _ANTIPARTICLE = 2, 3
#: How Pythia says that a shower is one of decay products.
_IN_DECAYS = 5


class TauVeto:
    """What gives up events of Z → ττ that cannot end in an electron and a muon.

    It first draws, by the branching ratios, to which of e and μ each τ decays, and gives up
    two of a flavour before the showers; then, in and after the showers, τ too soft or too far
    forward. What is left decays as drawn, by the helicities of `set_helicities`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws two numbers an event.

    Attributes
    ----------
    n_vetoed : int
        Events given up so far.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.n_vetoed = 0
        self._rng = rng
        self._hook: Any = None  # Pythia does not keep it alive

    def attach(self, pythia: Any) -> None:
        """Let Pythia ask.

        Parameters
        ----------
        pythia : pythia8mc.Pythia
            Before ``init``, with the settings of Z → ττ read.

        Raises
        ------
        ConfigurationError
            If the τ may decay in other ways than to e and μ, one channel each.
        """
        for line in SETTINGS:
            pythia.readString(line)
        self._hook = _hook_class()(self, pythia, self._rng)
        pythia.setUserHooksPtr(self._hook)


def _leptonic_channels(pythia: Any) -> dict[int, Any]:
    """Return the two open decay channels of the τ, by the code of the lepton."""
    entry = pythia.particleData.particleDataEntryPtr(_TAU)
    channels: dict[int, Any] = {}
    for channel in map(entry.channel, range(entry.sizeChannels())):
        if channel.onMode():
            codes = {abs(channel.product(k)) for k in range(channel.multiplicity())}
            channels[min(codes & {_ELECTRON, _MUON}, default=len(channels))] = channel
    if set(channels) != {_ELECTRON, _MUON}:
        raise ConfigurationError(
            "the τ of Z → ττ do not decay to e and μ alone; turn the filter off with --no-filter"
        )
    return channels


@cache
def _hook_class() -> type[Any]:
    """Return the class, once Pythia is there to derive it from."""

    class Hook(load_pythia().UserHooks):  # type: ignore[misc]
        def __init__(self, veto: TauVeto, pythia: Any, rng: np.random.Generator) -> None:
            super().__init__()
            self._veto, self._pythia, self._rng = veto, pythia, rng
            channels = _leptonic_channels(pythia)
            self._electron, self._muon = channels[_ELECTRON], channels[_MUON]
            ratio = self._electron.bRatio() / (self._electron.bRatio() + self._muon.bRatio())
            self._two_electrons = ratio**2
            self._each_order = ratio * (1 - ratio)
            self._couplings = Couplings.of(pythia)
            self._four_vector = load_pythia().Vec4

        def canVetoProcessLevel(self) -> bool:  # noqa: N802
            return True

        def doVetoProcessLevel(self, process: Any) -> bool:  # noqa: N802
            drawn = self._rng.random() - self._two_electrons
            helicities = self._rng.random()
            if not 0 <= drawn < 2 * self._each_order:
                return self._give_up()
            # The τ⁻ is the particle.
            if drawn < self._each_order:
                self._electron.onMode(_PARTICLE)
                self._muon.onMode(_ANTIPARTICLE)
            else:
                self._electron.onMode(_ANTIPARTICLE)
                self._muon.onMode(_PARTICLE)
            # What a hook is given is a copy.
            set_helicities(self._pythia.process, self._couplings, helicities)
            return False

        def canVetoPT(self) -> bool:  # noqa: N802
            return True

        def scaleVetoPT(self) -> float:  # noqa: N802
            return EARLY_SCALE

        def doVetoPT(self, where: int, event: Any) -> bool:  # noqa: N802
            if where == _IN_DECAYS:
                return False
            # The τ are not there yet: they follow their boson.
            process = self._pythia.process
            boson = event[event[_RESONANCE].iBotCopyId()].p()
            for number in _TAUS:
                tau = self._four_vector(process[number].p())
                tau.bstback(process[_RESONANCE].p())
                tau.bst(boson)
                if tau.pT() < EARLY_PT_MIN or abs(tau.eta()) > EARLY_ETA_MAX:
                    return self._give_up()
            return False

        def canVetoPartonLevel(self) -> bool:  # noqa: N802
            return True

        def doVetoPartonLevel(self, event: Any) -> bool:  # noqa: N802
            resonance = event[event[_RESONANCE].iBotCopyId()]
            for daughter in (resonance.daughter1(), resonance.daughter2()):
                tau = event[event[daughter].iBotCopyId()]
                if tau.pT() < TAU_PT_MIN or abs(tau.eta()) > TAU_ETA_MAX:
                    return self._give_up()
            return False

        def _give_up(self) -> bool:
            self._veto.n_vetoed += 1
            return True

    return Hook
