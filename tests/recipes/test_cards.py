"""Every card of Pythia's is read by Pythia, without an unknown key, and does what it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pythia8mc

from eμsym.errors import ConfigurationError
from eμsym.recipes.cross_sections import CHAINS, Chain, processes
from eμsym.recipes.pythia_cards import PARTS, pythia_card, pythia_settings
from tests.recipes.lhe_file import dibosons, higgs, taus, write_lhe

ALL = [(chain, name) for chain in CHAINS for name in processes(chain, final_state=None)]
N_EVENTS = 40

#: What decays, to what (any of these, |PDG| sorted, without photons), process by process.
LEPTONIC_W = {(24, (11, 12)), (24, (13, 14)), (24, (15, 16))}
LEPTONIC_Z = {(23, (11, 11)), (23, (13, 13)), (23, (15, 15))}
LEPTONIC_TAU = {(15, (11, 12, 16)), (15, (13, 14, 16))}
DECAYS: dict[str, set[tuple[int, tuple[int, ...]]]] = {
    "ztautau": {(23, (15, 15)), *LEPTONIC_TAU},
    "ttbar": LEPTONIC_W,
    "ww": LEPTONIC_W,
    "wt": LEPTONIC_W,
    "wz": LEPTONIC_W | LEPTONIC_Z,
    "zz": LEPTONIC_Z,
    "hww": {(25, (24, 24)), *LEPTONIC_W},
    "htautau": {(25, (15, 15)), *LEPTONIC_TAU},
    "zll": {(23, (11, 11)), (23, (13, 13))},
    "wjets": {(24, (11, 12)), (24, (13, 14))},
    "hlfv_taue": {(25, (11, 15)), (15, (13, 14, 16))},
    "hlfv_taumu": {(25, (13, 15)), (15, (11, 12, 16))},
}


def started(name: str, chain: Chain, lhe: Path | None) -> Any:
    """A Pythia that took every line, initialised; without what costs time."""
    pythia = pythia8mc.Pythia("", False)
    settings = pythia_settings(name, chain=chain)
    assert "PartonLevel:MPI = on" in settings
    for line in settings:
        assert pythia.readString(line), line
    fast = ["PartonLevel:MPI = off", "PartonLevel:ISR = off", "PartonLevel:FSR = off"]
    for line in (*fast, "Print:quiet = on", "Random:setSeed = on", "Random:seed = 11"):
        assert pythia.readString(line)
    if lhe is not None:
        assert pythia.readString(f"Beams:LHEF = {lhe}")
    assert pythia.init(), name
    return pythia


def decays(event: Any) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Decays of H, W, Z and τ in an event; copies of a particle are no decays."""
    for i in range(event.size()):
        kind, first = abs(event[i].id()), event[i].daughter1()
        if kind not in (15, 23, 24, 25) or first == 0:
            continue
        last = max(first, event[i].daughter2())
        products = [abs(event[j].id()) for j in range(first, last + 1)]
        if kind not in products:
            yield kind, tuple(sorted(pdg for pdg in products if pdg != 22))


@pytest.mark.parametrize("chain, name", ALL)
def test_pythia_reads_the_card_and_decays_as_it_says(
    chain: Chain, name: str, tmp_path: Path
) -> None:
    lhe = None
    stem = re.sub("_(ggf|vbf)$", "", name)
    if chain == "madgraph":
        event = {"h": higgs, "ztautau": taus}.get(name if name == "ztautau" else name[0], dibosons)
        lhe = write_lhe(tmp_path / "events.lhe", event(), N_EVENTS)
    pythia = started(name, chain, lhe)
    found: Counter[tuple[int, tuple[int, ...]]] = Counter()
    for _ in range(N_EVENTS):
        assert pythia.next()
        assert pythia.infoPython().weight() == 1
        found.update(decays(pythia.event))
    expected = DECAYS[stem]
    if chain == "madgraph" and stem in ("ttbar", "ww", "wz", "zz", "wt"):
        # MadGraph's own decays, W+ → eν and W- → μν in this file, stay as they are.
        assert found == {(24, (11, 12)): N_EVENTS, (24, (13, 14)): N_EVENTS}
        return
    forced = {kind for kind, _ in expected}
    assert {decay for decay in found if decay[0] in forced} == expected
    number = {23: 2 if name == "zz" else 1, 24: 1 if name in ("wz", "wjets") else 2, 25: 1}
    number[15] = 1 if "hlfv" in name else 2
    for kind in forced:
        total = sum(n for (decayed, _), n in found.items() if decayed == kind)
        assert total == number[kind] * N_EVENTS


def test_gluon_fusion_is_part_of_every_higgs_card() -> None:
    pythia = started("hlfv_taue", "pythia", None)
    for _ in range(300):
        pythia.next()
    info = pythia.infoPython()
    codes = {int(code): float(info.sigmaGen(code)) for code in info.codesHard()}
    assert set(codes) == {902, 906, 907}  # gg2H, ff2Hff(t:ZZ), ff2Hff(t:WW)
    assert codes[902] > codes[906] + codes[907] > 0


def test_one_channel_would_leave_nothing_to_produce() -> None:
    pythia = pythia8mc.Pythia("", False)
    for line in ("HiggsSM:gg2H = on", "25:oneChannel = 1 1. 100 15 -11", "Print:quiet = on"):
        assert pythia.readString(line)
    assert not pythia.init()
    assert not any("oneChannel =" in line for chain, name in ALL for line in lines(name, chain))


def lines(name: str, chain: Chain) -> tuple[str, ...]:
    return pythia_settings(name, chain=chain)


def test_cards_are_those_of_the_embedded_sample() -> None:
    card = lines("ztautau", "pythia")
    for line in (
        "Beams:eCM = 13000.",
        "Tune:pp = 21",
        "WeakSingleBoson:ffbar2gmZ = on",
        "PhaseSpace:mHatMin = 40.",
        "23:onIfAny = 15",
        "15:onIfAny = 11 13",
    ):
        assert line in card
    assert "25:addChannel = 1 0.01 100 15 -11" in lines("hlfv_taue", "pythia")
    assert "25:addChannel = 1 0.01 100 -15 13" in lines("hlfv_taumu_vbf", "madgraph")
    assert "Beams:frameType = 4" in lines("wt", "madgraph")


def test_a_whole_card_says_how_much_and_from_where() -> None:
    card = pythia_card("ww", n_events=7, seed=3, chain="madgraph", lhe="events.lhe")
    assert card.splitlines()[-4:] == [
        "Main:numberOfEvents = 7",
        "Random:setSeed = on",
        "Random:seed = 3",
        "Beams:LHEF = events.lhe",
    ]
    assert "Beams:LHEF" not in pythia_card("ww", n_events=7, seed=3)


def test_every_part_is_used_and_ascii() -> None:
    used = "".join(pythia_card(name, n_events=1, seed=1) for name in processes(final_state=None))
    used += pythia_card("wt", n_events=1, seed=1, chain="madgraph", lhe="x")
    for part in PARTS.glob("*.cmnd"):
        text = part.read_text(encoding="utf-8")
        assert text.isascii()
        assert text in used, part


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_events": 0, "seed": 1}, "0 events: choose"),
        ({"n_events": 1, "seed": 0}, "seed 0: Pythia takes 1 to 900,000,000"),
        ({"n_events": 1, "seed": 900_000_001}, "Pythia takes 1 to"),
        ({"n_events": 1, "seed": 1, "lhe": "x.lhe"}, "ww with pythia: a Les Houches file is"),
        ({"n_events": 1, "seed": 1, "chain": "madgraph"}, "ww with madgraph: a Les Houches"),
    ],
)
def test_cards_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        pythia_card("ww", **options)
    with pytest.raises(ConfigurationError, match="no such process"):
        pythia_settings("wt")
