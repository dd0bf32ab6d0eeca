"""Toys whose truth is known: kinematics of simulated events, labels drawn with a known r."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import awkward as ak
import numpy as np
from hist import Hist
from scipy.special import erf

from eμsym.arrays import FloatArray, Rng
from eμsym.calibration.bradley_terry import probability
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
from eμsym.event_io import read_events
from eμsym.pair import Pair
from eμsym.papers.equalisation_study import COLUMNS, genuine_events, true_ratio
from eμsym.pool import Pool
from eμsym.recipes import stored_signal
from eμsym.sources import check_mean

ELECTRON_LEADS = "electron_leads"

#: r at the ends of the strong dependence, and the leptons that have it.
_STRONG = (0.5, 1.5)
_PT_ENDS, _ABSETA_END = (15.0, 150.0), 2.3

#: How much of the strong r's range pT takes; |η| takes the rest.
_PT_SHARE = 0.6


def strong_ratio() -> EfficiencyRatio:
    """Return an r = ε_μ/ε_e that goes from 0.5 to 1.5, falling with ln pT and rising with |η|.

    Linear in both, in bins finer than those of a calibration, with other edges.
    """
    n_pt, n_abseta = 20, 8
    pt_edges, abseta_edges = (
        np.geomspace(*_PT_ENDS, n_pt + 1),
        np.linspace(0, _ABSETA_END, n_abseta + 1),
    )
    bins = LeptonBins(tuple(pt_edges), tuple(abseta_edges))
    fall = (np.arange(n_pt) + 0.5) / n_pt
    rise = (np.arange(n_abseta) + 0.5) / n_abseta
    low, high = _STRONG
    share = _PT_SHARE * (1 - fall)[:, None] + (1 - _PT_SHARE) * rise[None, :]
    log_ratio = np.log(low + (high - low) * share)
    return EfficiencyRatio(bins, log_ratio.ravel(), np.zeros((len(bins), len(bins))))


def fine_ratio(log_ratio: Callable[[FloatArray, FloatArray], FloatArray]) -> EfficiencyRatio:
    """Return a function of pT [GeV] and |η| as an exact ratio, in bins too fine to matter."""
    pt_edges = np.geomspace(_PT_ENDS[0] - 1, 300, 251)
    abseta_edges = np.linspace(0, 2.5, 251)
    pt, abseta = np.sqrt(pt_edges[1:] * pt_edges[:-1]), (abseta_edges[1:] + abseta_edges[:-1]) / 2
    bins = LeptonBins(tuple(pt_edges), tuple(abseta_edges))
    values = log_ratio(pt[:, None], abseta[None, :]) * np.ones((pt.size, abseta.size))
    return EfficiencyRatio(bins, values.ravel(), modes=np.zeros((1, len(bins))))


def turn_on_ratio() -> EfficiencyRatio:
    """Return the r of electrons whose efficiency rises from 0.4 to 1 around 22 GeV."""
    return fine_ratio(lambda pt, abseta: -np.log(0.4 + 0.3 * (1 + erf((pt - 22) / 4))))


def crack_ratio() -> EfficiencyRatio:
    """Return an r that doubles in 1.37 < |η| < 1.52 and rises with the tenth power of pT."""
    return fine_ratio(
        lambda pt, abseta: (
            np.where((abseta > 1.37) & (abseta < 1.52), np.log(2), 0.0) + 0.1 * np.log(pt / 30)
        )
    )


#: The dependences of r that toys are drawn with.
RATIOS: Mapping[str, Callable[[], EfficiencyRatio]] = MappingProxyType(
    {"mild": true_ratio, "strong": strong_ratio}
)

#: Those, and two that change within a bin.
DETECTORS: Mapping[str, Callable[[], EfficiencyRatio]] = MappingProxyType(
    {**RATIOS, "turn-on": turn_on_ratio, "crack": crack_ratio}
)


@dataclass(frozen=True, eq=False)
class SignalEvents:
    """The stored events of a signal, which are its truth: what is in which order, and where.

    Attributes
    ----------
    columns : mapping of str to ndarray, shape (m,)
    electron_leads : ndarray of bool, shape (m,)
    """

    columns: Mapping[str, FloatArray]
    electron_leads: np.ndarray[Any, np.dtype[np.bool_]]

    @classmethod
    def stored(cls, name: str = "hlfv_taue") -> SignalEvents:
        """Return those that come with the package, all orders, in and outside any plane."""
        events = read_events(stored_signal(name))
        columns = {c: np.asarray(ak.to_numpy(events[c]), dtype=np.float64) for c in COLUMNS}
        return cls(columns, np.asarray(ak.to_numpy(events[ELECTRON_LEADS]), dtype=bool))

    @classmethod
    def none(cls, names: Iterable[str]) -> SignalEvents:
        """Return what stands in with such columns where no event of a signal is drawn."""
        return cls({name: np.full(1, np.nan) for name in names}, np.ones(1, dtype=bool))

    def __len__(self) -> int:
        """Return the number of events."""
        return self.electron_leads.size

    @property
    def pool(self) -> Pool:
        """The events of both orders, with their labels."""
        return Pool(dict(self.columns), self.electron_leads)

    def shapes(self, *axes: Any, rng: Rng = None) -> tuple[Hist, Hist]:
        """Return (S_A, S_B) of a simulation of as many events: each is there Poisson(1) times.

        So a test is given a shape that is off by what its own statistics allow, and that
        is what its variances say.
        """
        times = np.random.default_rng(rng).poisson(1.0, len(self))
        shapes = []
        for leads in (True, False):
            chosen = np.repeat(np.arange(len(self)), times * (self.electron_leads == leads))
            shape = Hist(*axes, storage="weight")
            shape.fill(**{axis.name: self.columns[axis.name][chosen] for axis in axes})
            shapes.append(shape)
        return shapes[0], shapes[1]


@dataclass(frozen=True, eq=False)
class KnownRatioSource:
    """Pairs with the kinematics of background events and labels drawn with a known r.

    Parameters
    ----------
    background : mapping of str to ndarray, shape (n,)
        Columns of events of both orders, drawn with replacement; those of the leptons and
        m_coll among them. The signal has them all, too.
    n_background : float
        Expected events of both orders, all kinematics.
    ratio : EfficiencyRatio
    signal : SignalEvents
        Drawn with replacement too, each with the order that it has.
    n_signal : float
        Expected signal events of both orders, in and outside any plane: the true μ.

    Raises
    ------
    ConfigurationError
        If an expected number is negative or not finite.
    """

    background: Mapping[str, FloatArray]
    n_background: float
    ratio: EfficiencyRatio
    signal: SignalEvents
    n_signal: float = 0.0

    def __post_init__(self) -> None:
        check_mean(self.n_background, "n_background")
        check_mean(self.n_signal, "n_signal")

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair: eμ and μe, with the columns of the background."""
        generator = np.random.default_rng(rng)
        size = self.background[COLUMNS[0]].size
        chosen = generator.integers(0, size, generator.poisson(self.n_background))
        columns = {name: values[chosen] for name, values in self.background.items()}
        bins = self.ratio.bins
        lead = bins.index(columns["lead_pt"], columns["lead_eta"])
        sub = bins.index(columns["sub_pt"], columns["sub_eta"])
        in_a = generator.random(chosen.size) < probability(self.ratio.log_ratio, lead, sub)
        added = generator.integers(0, len(self.signal), generator.poisson(self.n_signal))
        columns = {
            name: np.concatenate([values, self.signal.columns[name][added]])
            for name, values in columns.items()
        }
        in_a = np.concatenate([in_a, self.signal.electron_leads[added]])
        a, b = ({name: values[part] for name, values in columns.items()} for part in (in_a, ~in_a))
        return Pair.from_columns(a, b, names=("eμ", "μe"))


def background_events(*further: str) -> dict[str, FloatArray]:
    """Return the columns of the embedded sample's background events, all of one processing.

    Parameters
    ----------
    *further : str
        Columns besides those of the leptons and m_coll.
    """
    pool, _ = genuine_events(further)
    return {name: pool[name] for name in (*COLUMNS, *further)}
