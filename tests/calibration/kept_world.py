"""A falling spectrum and a peak on it, without fluctuation."""

from __future__ import annotations

import numpy as np
from hist import Hist
from hist.axis import Regular

from eμsym import Pair
from eμsym.calibration.efficiency_ratio import LeptonBins

AXES = (Regular(10, 30, 230, name="m_coll"),)
BINS = LeptonBins([15, 40, 80, 300], [0, 1.2, 2.5])


def kinematics(n, rng, *, mass=None):
    """Return leptons and m_coll: a falling spectrum, or a peak with a hard leading lepton."""
    lead = 20 + rng.exponential(30, n) if mass is None else rng.normal(mass / 2, 10, n)
    lead = np.clip(lead, 16, 290)
    columns = {
        "lead_pt": lead,
        "sub_pt": 15 + (lead - 15) * rng.random(n),
        "lead_eta": rng.uniform(-2.3, 2.3, n),
        "sub_eta": rng.uniform(-2.3, 2.3, n),
    }
    m_coll = 1.2 * lead + rng.exponential(40, n) if mass is None else rng.normal(mass, 8, n)
    return {**columns, "m_coll": m_coll}


def both_orders(columns):
    """Return a pair in which every event is there twice, once in each sample: it has r = 1."""
    return Pair.from_columns(columns, columns)


def with_signal(background, signal, in_a):
    a = {k: np.concatenate([background[k], signal[k][in_a]]) for k in background}
    b = {k: np.concatenate([background[k], signal[k][~in_a]]) for k in background}
    return Pair.from_columns(a, b)


def made_world():
    """Return background, signal, which of it is in A, and its exact shapes."""
    rng = np.random.default_rng(3)
    background, signal = kinematics(6000, rng), kinematics(400, rng, mass=125.0)
    in_a = rng.random(400) < 0.85
    shapes = [Hist(*AXES, storage="double") for _ in range(2)]
    for shape, chosen in zip(shapes, (in_a, ~in_a), strict=True):
        shape.fill(m_coll=signal["m_coll"][chosen])
        shape.view()[...] *= 0.5  # no whole numbers: an exact shape
    return background, signal, in_a, tuple(shapes)
