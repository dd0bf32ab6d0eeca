"""Are simulated events distributed like genuine Delphes events?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2, ks_2samp

from eμsym.arrays import FloatArray

#: What is compared: column → axis label, unit, lower and upper edge and number of bins.
OBSERVABLES: dict[str, tuple[str, str, float, float, int]] = {
    "m_coll": ("collinear mass", "GeV", 0.0, 250.0, 25),
    "electron_pt": ("electron $p_T$", "GeV", 15.0, 115.0, 20),
    "muon_pt": ("muon $p_T$", "GeV", 15.0, 115.0, 20),
    "electron_eta": (r"electron $\eta$", "", -2.4, 2.4, 12),
    "muon_eta": (r"muon $\eta$", "", -2.4, 2.4, 12),
    "electron_isolation": ("electron isolation", "", 0.0, 0.15, 15),
    "muon_isolation": ("muon isolation", "", 0.0, 0.25, 15),
    "met": ("missing momentum", "GeV", 0.0, 150.0, 15),
}
#: Smoothing of a distribution whose peak is looked for, and steps of the search, in GeV.
_PEAK_SIGMA, _PEAK_STEP = 5.0, 0.25
_PEAK_BOOTSTRAPS = 500


@dataclass(frozen=True, eq=False)
class Selected:
    """The events of one process that pass the eμ selection.

    Attributes
    ----------
    n_generated : float
        Events that they were selected from, before any filter.
    columns : dict of str to ndarray, shape (n,)
        The `OBSERVABLES`, and ``electron_leads``.
    """

    n_generated: float
    columns: Mapping[str, np.ndarray[Any, Any]]

    @property
    def counts(self) -> Counts:
        """How many there are."""
        leads = self.columns["electron_leads"]
        return Counts(self.n_generated, int(leads.sum()), int((~leads).sum()))


@dataclass(frozen=True)
class Counts:
    """Selected events of one process.

    Attributes
    ----------
    n_generated : float
    emu, mue : int
        Those whose electron, and those whose muon leads.
    """

    n_generated: float
    emu: int
    mue: int

    @property
    def acceptance(self) -> float:
        """Selected per generated event."""
        return (self.emu + self.mue) / self.n_generated

    @property
    def emu_over_mue(self) -> float | None:
        """Ratio of the two orders; None if one has no events."""
        return self.emu / self.mue if self.emu and self.mue else None


@dataclass(frozen=True)
class Ratio:
    """A number over another, with its statistical uncertainty.

    Attributes
    ----------
    value, error : float
    """

    value: float
    error: float

    @property
    def pull(self) -> float:
        """The deviation of its logarithm from 0, in standard deviations."""
        return math.log(self.value) * self.value / self.error


def acceptance_ratio(ours: Counts, theirs: Counts) -> Ratio | None:
    """Return our acceptance over theirs; None if either has no events."""
    selected = [c.emu + c.mue for c in (ours, theirs)]
    if not all(selected):
        return None
    value = ours.acceptance / theirs.acceptance
    variance = sum((1 - c.acceptance) / k for c, k in zip((ours, theirs), selected, strict=True))
    return Ratio(value, value * math.sqrt(variance))


def order_ratio(ours: Counts, theirs: Counts) -> Ratio | None:
    """Return our eμ/μe over theirs; None if an order has no events."""
    if ours.emu_over_mue is None or theirs.emu_over_mue is None:
        return None
    value = ours.emu_over_mue / theirs.emu_over_mue
    variance = sum(1 / k for c in (ours, theirs) for k in (c.emu, c.mue))
    return Ratio(value, value * math.sqrt(variance))


def ks_pvalues(ours: Selected, theirs: Selected) -> dict[str, float | None]:
    """Return the two-sample Kolmogorov-Smirnov p-value of every observable.

    None where a sample has no event.
    """
    both = len(ours.columns["m_coll"]) and len(theirs.columns["m_coll"])
    return {
        name: float(ks_2samp(ours.columns[name], theirs.columns[name]).pvalue) if both else None
        for name in OBSERVABLES
    }


def chi2_pvalue(ours: FloatArray, theirs: FloatArray) -> float | None:
    """Return the p-value of two histograms of counts being of one shape.

    Pearson's χ² of the two-row table, bins joined until both together have 10 entries;
    None if one of them is empty, or there is only one bin.
    """
    joined = _joined(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), 10.0)
    total = joined.sum(axis=1)
    if joined.shape[1] < 2 or not np.all(total > 0):
        return None
    expected = np.outer(total, joined.sum(axis=0)) / total.sum()
    statistic = np.sum((joined - expected) ** 2 / expected)
    return float(chi2.sf(statistic, joined.shape[1] - 1))


def _joined(a: FloatArray, b: FloatArray, least: float) -> FloatArray:
    """Join neighbouring bins until each holds `least` entries of both together."""
    columns: list[list[float]] = []
    open_a = open_b = 0.0
    for x, y in zip(a, b, strict=True):
        open_a, open_b = open_a + x, open_b + y
        if open_a + open_b >= least:
            columns.append([open_a, open_b])
            open_a = open_b = 0.0
    if columns:
        columns[-1] = [columns[-1][0] + open_a, columns[-1][1] + open_b]
    return np.array(columns, dtype=float).reshape(-1, 2).T


@dataclass(frozen=True)
class Peak:
    """Where a distribution is highest, GeV.

    Attributes
    ----------
    position, error : float
        After smoothing with a Gaussian of 5 GeV; the error is that of 500 bootstraps.
    """

    position: float
    error: float


def find_peak(
    counts: FloatArray, edges: FloatArray, *, rng: np.random.Generator | int | None = None
) -> Peak | None:
    """Find the peak of a mass distribution; None of fewer than 20 events.

    Parameters
    ----------
    counts : ndarray, shape (n,)
    edges : ndarray, shape (n + 1,)
        Of its bins, GeV.
    rng : numpy.random.Generator, int or None
        Of the bootstraps, which are Poisson draws of the counts.
    """
    counts = np.asarray(counts, dtype=float)
    if counts.sum() < 20:
        return None
    drawn = np.random.default_rng(rng).poisson(counts, size=(_PEAK_BOOTSTRAPS, len(counts)))
    masses = np.arange(edges[0], edges[-1], _PEAK_STEP)
    distance = (masses[:, None] - 0.5 * (edges[:-1] + edges[1:])) / _PEAK_SIGMA
    smooth = np.vstack([counts, drawn]) @ np.exp(-0.5 * distance**2).T
    positions = masses[np.argmax(smooth, axis=1)]
    return Peak(float(positions[0]), float(positions[1:].std()))


def histogram(name: str, values: FloatArray) -> list[int]:
    """Return the counts of an observable in its bins."""
    _, _, low, high, n_bins = OBSERVABLES[name]
    return [int(count) for count in np.histogram(values, n_bins, (low, high))[0]]


def overall_pvalue(ratios: list[Ratio]) -> float:
    """Return the p-value of all these ratios being 1, of the χ² of their pulls."""
    return float(chi2.sf(sum(ratio.pull**2 for ratio in ratios), len(ratios)))


@dataclass(frozen=True)
class SampleComparison:
    """One process, simulated here and with Delphes.

    Attributes
    ----------
    process : str
    simulated : Counts
    delphes : Counts
        Of all genuine events that this package knows of.
    embedded : Counts or None
        Of those in the embedded sample; the rest here compares with them.
    ks : dict of str to float or None
        Kolmogorov-Smirnov p-value by observable.
    m_coll_template : float or None
        p-value of the collinear mass against the stored template of a signal.
    histograms : dict of str to {"simulated", "delphes"}
        Counts in the bins of `OBSERVABLES`.
    peaks : dict of str to Peak
        Of the collinear mass, of a signal and of Z → ττ.
    """

    process: str
    simulated: Counts
    delphes: Counts
    embedded: Counts | None
    ks: dict[str, float | None]
    m_coll_template: float | None
    histograms: dict[str, dict[str, list[int]]]
    peaks: dict[str, Peak]

    @property
    def acceptance(self) -> Ratio | None:
        """Our acceptance over Delphes'."""
        return acceptance_ratio(self.simulated, self.delphes)

    @property
    def order(self) -> Ratio | None:
        """Our eμ/μe over Delphes'."""
        return order_ratio(self.simulated, self.delphes)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison, for JSON."""
        ratios = {"acceptance_ratio": self.acceptance, "order_ratio": self.order}
        return {
            **asdict(self),
            **{name: ratio and asdict(ratio) for name, ratio in ratios.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SampleComparison:
        """Return the comparison that `to_dict` described."""
        embedded = data["embedded"]
        return cls(
            process=data["process"],
            simulated=Counts(**data["simulated"]),
            delphes=Counts(**data["delphes"]),
            embedded=None if embedded is None else Counts(**embedded),
            ks=dict(data["ks"]),
            m_coll_template=data["m_coll_template"],
            histograms={name: dict(both) for name, both in data["histograms"].items()},
            peaks={name: Peak(**peak) for name, peak in data["peaks"].items()},
        )
