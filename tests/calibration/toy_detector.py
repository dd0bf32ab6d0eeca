"""Toy events of a symmetric process, seen by a detector that treats e and μ differently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.calibration.efficiency_ratio import LeptonBins
from eμsym.pair import Pair

#: Where the toy detector's ln(ε_μ/ε_e) steps, and its values there: as in Delphes files.
BINS = LeptonBins((15, 20, 27, 40, 60, 300), (0, 1.5, 2.4))
LOG_RATIO = np.array([0.12, 0.22, 0.08, 0.25, 0.03, 0.1, -0.06, 0.08, -0.13, 0.02])
EFFICIENCY = 0.7


@dataclass(frozen=True)
class ToyDetector:
    """Symmetric events thinned by the efficiencies of their electron and their muon.

    `n` is about the number of selected events, and `signal` the expected number of
    those in A of a resonance at m_coll = 125 GeV in which the electron leads.
    """

    n: float
    signal: float = 0.0
    log_ratio: tuple[float, ...] = tuple(LOG_RATIO)

    def draw(self, rng=None):
        rng = np.random.default_rng(rng)
        a, b = self._selected(rng, rng.poisson(2.67 * self.n))
        if self.signal:
            added, _ = self._selected(rng, int(100 * self.signal))
            near = np.flatnonzero(np.abs(added["m_coll"] - 125) < 10)
            chosen = rng.choice(near, rng.poisson(self.signal))
            a = {name: np.append(a[name], added[name][chosen]) for name in a}
        return Pair.from_columns(a, b, names=("eμ", "μe"))

    def _selected(self, rng, n):
        """Draw electron and muon alike, keep what the detector sees, and say which leads."""
        pt = 12 + rng.exponential(12, n) + rng.exponential(20, (2, n))
        eta = np.clip(rng.normal(0, 0.5, n) + rng.normal(0, 1.1, (2, n)), -3, 3)
        dphi, met = rng.uniform(0, np.pi, n), rng.exponential(25, n)
        electron, muon = EFFICIENCY * np.exp(np.outer([-0.5, 0.5], self.log_ratio))
        bins = BINS.index(pt, eta)
        seen = np.all((pt > 15) & (np.abs(eta) < 2.4), axis=0)
        seen &= (rng.random(n) < electron[bins[0]]) & (rng.random(n) < muon[bins[1]])
        pt, eta, dphi, met = pt[:, seen], eta[:, seen], dphi[seen], met[seen]
        electron_leads = pt[0] > pt[1]
        lead_pt, sub_pt = np.where(electron_leads, pt, pt[::-1])
        lead_eta, sub_eta = np.where(electron_leads, eta, eta[::-1])
        angles = np.cosh(lead_eta - sub_eta) - np.cos(dphi)
        columns = {
            "lead_pt": lead_pt,
            "lead_eta": lead_eta,
            "sub_pt": sub_pt,
            "sub_eta": sub_eta,
            "m_coll": np.sqrt(2 * lead_pt * (sub_pt + met) * angles),
        }
        return tuple(
            {name: values[chosen] for name, values in columns.items()}
            for chosen in (electron_leads, ~electron_leads)
        )
