"""The eμ selection once more, as plain Python over uproot's arrays.

Written from the papers' text, sharing no line with the package, to compare with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import uproot

FIELDS = ("PT", "Eta", "Phi", "Charge", "IsolationVar")


@dataclass
class Counted:
    cuts: list[int] = field(default_factory=lambda: [0] * 7)
    emu: int = 0
    mue: int = 0
    entries: list[int] = field(default_factory=list)
    m_coll: list[float] = field(default_factory=list)
    lead_pt: list[float] = field(default_factory=list)


def count(path: Path, tree: str = "Delphes") -> Counted:
    with uproot.open({str(path): None}) as file:
        branches = file[tree]
        read = {
            kind: [branches[f"{kind}.{name}"].array().to_list() for name in FIELDS]
            for kind in ("Electron", "Muon")
        }
        met = [values[0] for values in branches["MissingET.MET"].array().to_list()]
    result = Counted()
    for entry, missing in enumerate(met):
        electrons = list(zip(*(column[entry] for column in read["Electron"]), strict=True))
        muons = list(zip(*(column[entry] for column in read["Muon"]), strict=True))
        steps = [True, bool(electrons) and bool(muons)]
        for n_cuts in (1, 2, 3):
            good = [
                [x for x in kind if all(passes(x, bound)[:n_cuts])]
                for kind, bound in ((electrons, 0.15), (muons, 0.25))
            ]
            steps.append(all(good))
        steps.append(len(good[0]) == 1 and len(good[1]) == 1)
        steps.append(steps[-1] and good[0][0][3] * good[1][0][3] < 0)
        for i in range(7):
            result.cuts[i] += all(steps[: i + 1])
        if all(steps):
            electron, muon = good[0][0], good[1][0]
            if electron[0] > muon[0]:
                first, second = electron, muon
                result.emu += 1
            else:
                first, second = muon, electron
                result.mue += 1
            angle = math.cosh(first[1] - second[1]) - math.cos(first[2] - second[2])
            result.entries.append(entry)
            result.lead_pt.append(first[0])
            result.m_coll.append(math.sqrt(2 * first[0] * (second[0] + missing) * angle))
    return result


def passes(lepton: tuple[float, ...], isolation: float) -> list[bool]:
    return [lepton[0] >= 15.0, abs(lepton[1]) <= 2.3, lepton[4] < isolation]
