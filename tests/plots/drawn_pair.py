"""A small pair and a cutflow to draw, and their figures."""

from __future__ import annotations

import math

import hist
import numpy as np
from hist.axis import Regular, Variable

from eμsym import Pair, Sample, nsigma, scan_windows
from eμsym.plots import draw_cutflow, draw_observable, draw_plane

MASS = Regular(4, 40, 60, name="m_coll", label=r"$m_\mathrm{coll}$ [GeV]")
PT = Regular(3, 10, 40, name="lead_pt", label=r"leading lepton $p_\mathrm{T}$ [GeV]")
PLAIN = Regular(2, -1, 1, name="lead_eta", label=r"leading lepton $\eta$")
UNEVEN = Variable([0, 1, 5], name="met", label="MET [GeV]")


def histogram(*axes, counts=None, storage="Weight"):
    """Return a histogram with so many events in each bin, put there one by one."""
    result = hist.Hist(*axes, storage=getattr(hist.storage, storage)())
    if counts is not None:
        for index, n in np.ndenumerate(np.array(counts)):
            where = [axis.centers[i] for axis, i in zip(axes, index, strict=True)]
            result.fill(*[np.full(n, x) for x in where])
    return result


M_A, M_B = [36, 0, 100, 64], [64, 0, 81, 36]
#: (B − A)/sqrt(A + B), by hand; the second bin is empty.
M_PULLS = [2.8, 0.0, -19 / math.sqrt(181), -2.8]
PLANE_A = [[36, 1, 0], [64, 2, 9], [50, 4, 0], [0, 0, 1]]
PLANE_B = [[64, 0, 0], [36, 2, 16], [50, 5, 0], [0, 0, 0]]


def two_samples():
    """Return a pair with few events, all of them known."""
    a, b = (
        Sample(
            histograms={"m_coll": histogram(MASS, counts=m), "plane": histogram(MASS, PT, counts=p)}
        )
        for m, p in ((M_A, PLANE_A), (M_B, PLANE_B))
    )
    return Pair.from_samples(a, b)


def observable_of(pair, name, result=None, **options):
    """Return the figure of an observable of a pair."""
    a, b = pair.hist(name)
    return draw_observable(a, b, pair.difference(name), result, names=pair.names, **options)


def plane_of(pair, name="plane", window=None, result=None, **options):
    """Return the figure of the plane of a pair."""
    a, b = pair.hist(name)
    return draw_plane(a, b, pair.difference(name), window, result, names=pair.names, **options)


CUTS = [
    "all", "electron_and_muon", "pt", "eta", "isolation",
    "exactly_one_each", "opposite_charge", "emu", "mue",
]  # fmt: skip


def cutflow_of(**yields):
    return {
        name: {
            cut: {"raw": n, "sumw": float(n), "sumw2": float(n)}
            for cut, n in zip(CUTS, ns, strict=True)
        }
        for name, ns in yields.items()
    }


CUTFLOW = cutflow_of(
    ztautau=[16804, 8608, 4699, 4351, 4351, 4350, 4349, 2155, 2194],
    zz=[25, 16, 12, 12, 12, 2, 0, 0, 0],
)


def all_figures(pair, style="neutral"):
    a, b = pair.hist("plane")
    whole, best = nsigma(b, a), scan_windows(b, a).best
    observable = nsigma(*reversed(pair.hist("m_coll")))
    return {
        "observable": observable_of(pair, "m_coll", observable, style=style),
        "plane": plane_of(pair, "plane", best, whole, style=style),
        "cutflow": draw_cutflow(CUTFLOW, style=style),
    }
