"""Toys of the symmetries other than the leading lepton's, in a detector of known efficiencies.

Events are drawn without regard to what the symmetry exchanges, every lepton is found or not with
an efficiency of its own, and the events are labelled as the symmetry's rule says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from eμsym.arrays import BoolArray, FloatArray, IntArray, Rng
from eμsym.errors import ConfigurationError
from eμsym.label_rule import LabelRule
from eμsym.pair import Pair
from eμsym.symmetries import CHARGE, FLAVOUR, FORWARD_BACKWARD, LEPTON_JET, OwnSymmetry
from eμsym.symmetry import FairCoin

#: Of leptons that are found: pT in GeV.
PT_MIN, ETA_MAX = 15.0, 2.4

#: ee against μμ once more, as a user would write it.
OWN_FLAVOUR = OwnSymmetry(
    "own",
    "electrons",
    selection="same_flavour",
    names=("ee", "μμ"),
    efficiencies={"lead": -1, "sub": -1},
).rule

RULES: Mapping[str, LabelRule] = {
    rule.name: rule for rule in (CHARGE, FLAVOUR, LEPTON_JET, FORWARD_BACKWARD, OWN_FLAVOUR)
}

#: The mass at which a resonance is, and its half width, in GeV.
PEAK, WIDTH = 90.0, 4.0

#: Which events of A a signal may be like: those of a resonance in m_ll, or in m_T of one lepton;
#: any; or those with a leading lepton of 40 to 50 GeV.
SIGNALS: Mapping[str, Callable[[FloatArray, FloatArray], BoolArray]] = {
    "resonance": lambda mass, lead_pt: np.abs(mass - PEAK) < WIDTH,
    "rate": lambda mass, lead_pt: np.ones(mass.size, dtype=bool),
    "one lepton": lambda mass, lead_pt: np.abs(lead_pt - 45) < 5,
}


@dataclass(frozen=True, eq=False)
class Leptons:
    """Leptons of events, one row a lepton.

    Attributes
    ----------
    pt, eta, phi : ndarray of float, shape (leptons, n)
    electron : ndarray of bool, shape (leptons, n)
    charge : ndarray of int, shape (leptons, n)
    """

    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    electron: BoolArray
    charge: IntArray

    def where(self, chosen: BoolArray) -> Leptons:
        """Return those of some events."""
        every = (self.pt, self.eta, self.phi, self.electron, self.charge)
        return Leptons(*(values[:, chosen] for values in every))  # type: ignore[arg-type]

    def ordered(self) -> Leptons:
        """Return the leptons of each event by falling pT."""
        order = np.argsort(-self.pt, axis=0)
        every = (self.pt, self.eta, self.phi, self.electron, self.charge)
        return Leptons(*(np.take_along_axis(x, order, axis=0) for x in every))  # type: ignore[arg-type]


Efficiency = Callable[[Leptons], FloatArray]


def unequal(leptons: Leptons) -> FloatArray:
    """Return efficiencies that depend on flavour, charge, pT and the sign of η.

    Electrons have a turn-on and a gap at 1.37 < |η| < 1.52; muons lose at large |η|. The
    charges differ by some per cent, differently for both, and so do the two sides.
    """
    pt, eta = leptons.pt, leptons.eta
    electron = 0.8 * (1 - 0.5 * np.exp(-(pt - PT_MIN) / 12))
    electron = electron * np.where((np.abs(eta) > 1.37) & (np.abs(eta) < 1.52), 0.6, 1.0)
    electron = electron * (1 + 0.08 * leptons.charge * np.tanh((pt - 30) / 20))
    electron = electron * (1 + 0.12 * np.tanh(eta))
    muon = 0.9 * (1 - 0.2 * np.abs(eta) / ETA_MAX) * np.where(np.abs(eta) < 0.8, 0.9, 1.0)
    muon = muon * (1 - 0.08 * leptons.charge * np.abs(eta) / ETA_MAX)
    muon = muon * np.where(eta < -0.8, 0.8, 1.0)
    return np.asarray(np.where(leptons.electron, electron, muon))


def alike(leptons: Leptons) -> FloatArray:
    """Return efficiencies that depend on pT alone."""
    return np.asarray(0.9 * (1 - 0.5 * np.exp(-(leptons.pt - PT_MIN) / 12)))


@dataclass(frozen=True)
class SymmetryToy:
    """Pairs of one of `RULES`.

    Parameters
    ----------
    name : str
        Of the rule.
    n_events : float
        Expected events before leptons are lost.
    n_signal : float
        Expected events of a signal in A, on top.
    efficiency : callable
        Of leptons.
    signal : str
        One of `SIGNALS`.

    Raises
    ------
    ConfigurationError
        If there is no such rule or signal.
    """

    name: str
    n_events: float = 8000.0
    n_signal: float = 0.0
    efficiency: Efficiency = unequal
    signal: str = "resonance"

    def __post_init__(self) -> None:
        for name, known in ((self.name, RULES), (self.signal, SIGNALS)):
            if name not in known:
                raise ConfigurationError(f"no toys of {name!r}; there are {', '.join(known)}")

    @property
    def rule(self) -> LabelRule:
        """The rule."""
        return RULES[self.name]

    @property
    def observable(self) -> str:
        """The mass in which a signal peaks."""
        return "mt_lead" if self.rule.selection == "one_lepton" else "m_ll"

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair with the columns that the processor would give it, or some of them."""
        generator = np.random.default_rng(rng)
        columns, labels = self._found(generator, generator.poisson(self.n_events))
        if self.n_signal:
            # Of many more events those of A that are like it.
            more, in_a = self._found(generator, int(60 * self.n_signal) + 2000)
            like = SIGNALS[self.signal](more[self.observable], more["lead_pt"])
            chosen = generator.choice(np.flatnonzero(in_a & like), generator.poisson(self.n_signal))
            columns = {n: np.concatenate([x, more[n][chosen]]) for n, x in columns.items()}
            labels = np.concatenate([labels, in_a[chosen]])
        rule = self.rule
        pair = Pair.from_columns(
            {name: values[labels] for name, values in columns.items()},
            {name: values[~labels] for name, values in columns.items()},
            names=rule.names,
            symmetry=FairCoin(rule.exchange),
        )
        return replace(pair, rule=rule)

    def _found(self, rng: np.random.Generator, n: int) -> tuple[dict[str, FloatArray], BoolArray]:
        """Return the columns of the events whose leptons are all found, and which are A's."""
        leptons = _produced(self.rule, rng, n)
        inside = (leptons.pt > PT_MIN) & (np.abs(leptons.eta) < ETA_MAX)
        found = np.all(inside & (rng.random(leptons.pt.shape) < self.efficiency(leptons)), axis=0)
        leptons = leptons.where(found).ordered()
        met, met_phi = rng.exponential(25, found.sum()), rng.uniform(-np.pi, np.pi, found.sum())
        return _columns(self.rule, leptons, met, met_phi), _in_a(self.rule, leptons)


def _produced(rule: LabelRule, rng: np.random.Generator, n: int) -> Leptons:
    """Return leptons before the detector, those of positive charge first where there are two.

    Positive leptons are harder and further forward than negative ones, as W⁺ and W⁻ are.
    """
    one, of_a_kind = rule.selection == "one_lepton", rule.selection != "emu"
    scale = np.array([[22.0], [16.0]])[: 1 if one else 2]
    pt = 10 + rng.exponential(8, n) + rng.exponential(scale, (len(scale), n))
    boost = rng.normal(0, 0.7, n)
    eta = boost + rng.normal(0, [[0.9], [0.7]][: len(scale)], pt.shape)
    phi = rng.uniform(-np.pi, np.pi, pt.shape)
    first = rng.random(n) < 0.5
    electron = np.stack([first, first if of_a_kind else ~first])[: len(scale)]
    charge = np.array([[1], [-1]])[: len(scale)] * np.ones(pt.shape, dtype=np.int64)
    if one:
        charge = rng.choice([-1, 1], pt.shape)
    return Leptons(pt, eta, phi, electron, charge)


def _in_a(rule: LabelRule, leptons: Leptons) -> BoolArray:
    """Return which events are A's, of leptons by falling pT."""
    if rule.ordered_by == "Charge":
        return np.asarray(leptons.electron[0] == (leptons.charge[0] > 0))
    if rule.oriented_by is not None:
        return np.asarray(leptons.eta[0] > 0)
    return np.asarray(leptons.electron[0])


def _columns(
    rule: LabelRule, leptons: Leptons, met: FloatArray, met_phi: FloatArray
) -> dict[str, FloatArray]:
    side = np.where(leptons.eta[0] > 0, 1.0, -1.0) if rule.oriented_by is not None else 1.0
    pt, eta, phi = leptons.pt, leptons.eta * side, leptons.phi
    columns = {"met": met, "mt_lead": np.sqrt(2 * pt[0] * met * (1 - np.cos(phi[0] - met_phi)))}
    for k, slot in enumerate(("lead", "sub")[: len(pt)]):
        columns |= {f"{slot}_pt": pt[k], f"{slot}_eta": eta[k]}
    if len(pt) == 1:
        return columns
    angles = np.cosh(eta[0] - eta[1]) - np.cos(phi[0] - phi[1])
    columns["m_ll"] = np.sqrt(2 * pt[0] * pt[1] * angles)
    columns["m_coll"] = np.sqrt(2 * pt[0] * (pt[1] + met) * angles)
    slots = {"pos": leptons.charge > 0, "neg": leptons.charge < 0}
    if rule.selection == "emu":
        slots |= {"electron": leptons.electron, "muon": ~leptons.electron}
    for slot, own in slots.items():
        columns |= {f"{slot}_pt": np.where(own[0], *pt), f"{slot}_eta": np.where(own[0], *eta)}
    return columns
