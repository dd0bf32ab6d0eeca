"""What correcting for the detector's e/μ difference costs, and what not correcting does.

Writes ``results/equalisation.json``: run ``python -m eμsym.papers.equalisation_study``
(a few minutes of one core, on all of them). Toys have the kinematics of genuine Delphes events, and
labels that are drawn with a known r = ε_μ/ε_e, so that the truth is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from hist import Hist
from hist.axis import Regular
from numpy.random import SeedSequence
from scipy.stats import chi2, norm

from eμsym.arrays import FloatArray
from eμsym.binned.injection import injection_strength
from eμsym.binned.nsigma import nsigma_of
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.binned.templates_io import read_templates
from eμsym.calibration.bradley_terry import probability
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
from eμsym.files import write_json
from eμsym.pair import Pair
from eμsym.progress import Advance, toy_bar
from eμsym.recipes import embedded_fileset, stored_templates
from eμsym.running.loop import answers_of
from eμsym.unbinned.spline import SplineTest

SCHEMA, VERSION = "emusym/equalisation-study", 1
RESULTS = Path(__file__).parent / "results" / "equalisation.json"
SEED = 20401
N_NULL, N_SIGNAL = 400, 200
#: The signals' expected significance by q0, were there no difference of e and μ.
Z_INJECTED = 3.0
EXCLUDED = {"m_coll": (110.0, 140.0)}
COLUMNS = ("lead_pt", "lead_eta", "sub_pt", "sub_eta", "m_coll")
SIGNALS = {"hlfv_taue": True, "hlfv_taumu": False}
CORRECTIONS = ("none", "self", "self_excluded", "true")
STATISTICS = ("nsigma_plane", "nsigma_m_coll", "nsigma_window", "q0", "t")

#: Histograms that Nσ is of; the window is the one that a calibration may exclude.
AXES = {
    "nsigma_plane": (
        Regular(28, 30, 170, name="m_coll"),
        Regular(28, 10, 150, name="lead_pt"),
    ),
    "nsigma_m_coll": (Regular(28, 30, 170, name="m_coll"),),
    "nsigma_window": (Regular(6, 110, 140, name="m_coll"),),
}
#: Degrees of freedom of t.
DOF = SplineTest().k - 1


def true_ratio() -> EfficiencyRatio:
    """Return the r = ε_μ/ε_e that the toys are drawn with.

    It falls with pT and rises with |η|, by about as much as a calibration finds in the
    embedded sample; its bins are finer than those of a calibration, with other edges.
    """
    bins = LeptonBins(tuple(np.geomspace(14, 260, 17)), tuple(np.linspace(0, 2.4, 9)))
    pt = np.sqrt(np.array(bins.pt_edges[:-1]) * bins.pt_edges[1:])
    abseta = (np.array(bins.abseta_edges[:-1]) + bins.abseta_edges[1:]) / 2
    log_ratio = (-0.12 * np.log(pt / 40))[:, None] + (0.15 * (abseta / 2) ** 2)[None, :]
    return EfficiencyRatio(bins, log_ratio.ravel(), np.zeros((len(bins), len(bins))))


@dataclass(frozen=True, eq=False)
class StudySource:
    """Pairs with the kinematics of a pool and labels drawn with a known r.

    Parameters
    ----------
    pool : mapping of str to ndarray, shape (n,)
        Columns of background events of both orders; drawn with replacement, as many
        as there are, with a Poisson fluctuation.
    ratio : EfficiencyRatio
    signal : mapping of str to ndarray, shape (m,), optional
        Columns, and ``electron_leads``.
    n_signal : float
        Expected signal events of both orders.
    electron : bool
        Whether the signal is as it stands, H→τe; else with e and μ exchanged.
    """

    pool: Mapping[str, FloatArray]
    ratio: EfficiencyRatio
    signal: Mapping[str, FloatArray] | None = None
    n_signal: float = 0.0
    electron: bool = True

    def draw(self, rng: np.random.Generator | int | None = None) -> Pair:
        """Draw a pair."""
        generator = np.random.default_rng(rng)
        n = self.pool["m_coll"].size
        chosen = generator.integers(0, n, generator.poisson(n))
        columns = {name: self.pool[name][chosen] for name in COLUMNS}
        bins = self.ratio.bins
        lead = bins.index(columns["lead_pt"], columns["lead_eta"])
        sub = bins.index(columns["sub_pt"], columns["sub_eta"])
        p = probability(self.ratio.log_ratio, lead, sub)
        in_a = generator.random(chosen.size) < p
        if self.signal is not None:
            m = self.signal["m_coll"].size
            added = generator.integers(0, m, generator.poisson(self.n_signal))
            columns = {
                name: np.concatenate([columns[name], self.signal[name][added]]) for name in COLUMNS
            }
            leads = self.signal["electron_leads"][added] == self.electron
            in_a = np.concatenate([in_a, leads])
        a, b = ({name: values[part] for name, values in columns.items()} for part in (in_a, ~in_a))
        return Pair.from_columns(a, b, names=("eμ", "μe"))


def genuine_events(
    further: Sequence[str] = (),
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Return columns of the embedded sample: of the backgrounds, and of H→τe.

    Parameters
    ----------
    further : sequence of str
        Columns besides `COLUMNS` and ``electron_leads``.
    """
    from eμsym.processors.fileset import read_fileset
    from eμsym.processors.runner import process

    datasets = read_fileset([embedded_fileset()])
    processed = process(datasets, workers=1)
    kinds: dict[bool, list[Any]] = {True: [], False: []}
    for dataset in datasets:
        kinds[dataset.metadata.role == "signal"].append(processed.events(dataset.name))
    names = (*COLUMNS, *further, "electron_leads")
    pool, signal = (
        {name: ak.to_numpy(ak.concatenate(kinds[kind])[name]) for name in names}
        for kind in (False, True)
    )
    return (
        {name: np.asarray(values, dtype=np.float64) for name, values in pool.items()},
        {name: np.asarray(values, dtype=np.float64) for name, values in signal.items()},
    )


def corrected(pair: Pair, correction: str, ratio: EfficiencyRatio) -> Pair:
    """Return a pair as one of `CORRECTIONS` makes it."""
    if correction == "none":
        return pair
    if correction == "true":
        return pair.equalised(ratio)
    return pair.equalised(exclude=EXCLUDED if correction == "self_excluded" else None)


def measure(pair: Pair, shape: Hist, *, in_a: bool) -> dict[str, float]:
    """Return the test statistics of a pair, corrected or not.

    Parameters
    ----------
    pair : Pair
    shape : hist.Hist
        Of the signal in m_coll, for q0.
    in_a : bool
        Whether q0 looks for it in A.

    Returns
    -------
    dict
        Nσ, positive for an excess in the sample that the signal is in; Z of q0 of m_coll,
        for in the plane these few events leave bins empty, which biases it; t of m_coll.
    """
    differences = {name: pair.difference(*axes) for name, axes in AXES.items()}
    found = {name: nsigma_of(x.swapped if in_a else x).z for name, x in differences.items()}
    found["q0"] = Q0Test(shape, AXES["nsigma_m_coll"], signal_in="a" if in_a else "b")(pair).z
    x_a, x_b = (sample.column("m_coll") / 100 for sample in (pair.a, pair.b))
    found["t"] = SplineTest()(x_a, x_b, weights_a=pair.a.weight, weights_b=pair.b.weight).t
    return found


@dataclass(frozen=True, eq=False)
class _Toys:
    """All statistics of a source's toys, with every correction."""

    source: StudySource
    shape: Hist
    electron: bool
    seed: int

    def __call__(self, numbers: Sequence[int]) -> list[dict[str, dict[str, float]]]:
        return [self._measured(number) for number in numbers]

    def _measured(self, number: int) -> dict[str, dict[str, float]]:
        seed = SeedSequence(self.seed, spawn_key=(number,))
        pair, ratio = self.source.draw(np.random.default_rng(seed)), self.source.ratio
        return {
            correction: {
                statistic: round(value, 4)
                for statistic, value in measure(
                    corrected(pair, correction, ratio), self.shape, in_a=self.electron
                ).items()
            }
            for correction in CORRECTIONS
        }


def compute(
    *,
    n_null: int = N_NULL,
    n_signal: int = N_SIGNAL,
    seed: int = SEED,
    advance: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study.

    Parameters
    ----------
    n_null, n_signal : int
        Toys without signal, and with each of the signals.
    seed : int
        Toy i of a row uses child i, whatever the correction.
    advance : bool or callable, optional
        Whether a bar shows each row's time left, or what is called in its place with
        the number of toys done since.

    Returns
    -------
    dict
        For JSON; `read_rows` and `summary` read it.
    """
    ratio = true_ratio()
    pool, signal = genuine_events()
    rows = []
    for name, electron in (("none", True), *SIGNALS.items()):
        template = read_templates(stored_templates("hlfv_taue" if name == "none" else name))
        shape = template.signal.project("m_coll")
        expected, source = 0.0, StudySource(pool, ratio)
        if name != "none":
            expected = signal_events(pool, signal, shape)
            source = StudySource(pool, ratio, signal, expected, electron)
        n = n_null if name == "none" else n_signal
        toys = answers_of(_Toys(source, shape, electron, seed), range(n), progress=advance)
        values = {
            correction: {
                statistic: [toy[correction][statistic] for toy in toys] for statistic in STATISTICS
            }
            for correction in CORRECTIONS
        }
        rows.append({"signal": name, "n_signal": expected, "n_toys": n, "values": values})
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_pool": int(pool["m_coll"].size),
        "z_injected": Z_INJECTED,
        "excluded": {name: list(edges) for name, edges in EXCLUDED.items()},
        "true_ratio": {k: v for k, v in ratio.to_dict().items() if k not in ("modes", "error")},
        "rows": rows,
    }


def signal_events(
    pool: Mapping[str, FloatArray], signal: Mapping[str, FloatArray], shape: Hist
) -> float:
    """Return how many signal events, of both orders, are worth `Z_INJECTED` by q0 of m_coll.

    Those in the other order, a fifth of all, take away from it.
    """
    edges = AXES["nsigma_m_coll"][0].edges
    template = np.histogram(pool["m_coll"], bins=edges)[0] / 2
    mu = injection_strength(template, shape.values(), Z_INJECTED, background="profiled")
    in_a, in_b = (
        np.histogram(signal["m_coll"][signal["electron_leads"] == leads], bins=edges)[0].sum()
        for leads in (1, 0)
    )
    return float(mu * signal["m_coll"].size / (in_a - in_b))


@dataclass(frozen=True)
class Summary:
    """One statistic over the toys of a row.

    Attributes
    ----------
    mean, mean_error, width, width_error : float
    median : float
        As a significance: of t by χ².
    power : float
        Fraction of toys beyond the 95 % quantile of the toys without signal that
        were corrected in the same way, on the side of the signal.
    rejected : float
        Fraction of toys with a p-value below 0.05 by N(0,1), two-sided, or by χ².
    """

    mean: float
    mean_error: float
    width: float
    width_error: float
    median: float
    power: float
    rejected: float


def summary(data: Mapping[str, Any], signal: str, correction: str, statistic: str) -> Summary:
    """Return the summary of a statistic of the study."""
    x, null = (
        np.array(row["values"][correction][statistic])
        for name in (signal, "none")
        for row in data["rows"]
        if row["signal"] == name
    )
    width = float(x.std(ddof=1))
    if statistic == "t":
        median = float(norm.isf(chi2.sf(np.median(x), DOF)))
        rejected = float(np.mean(x > chi2.isf(0.05, DOF)))
    else:
        median = float(np.median(x))
        rejected = float(np.mean(np.abs(x) > norm.isf(0.025)))
    return Summary(
        mean=float(x.mean()),
        mean_error=width / x.size**0.5,
        width=width,
        width_error=width / (2 * x.size) ** 0.5,
        median=median,
        power=float(np.mean(x > np.quantile(null, 0.95))),
        rejected=rejected,
    )


def main() -> None:
    """Run the study and write it."""
    with toy_bar(N_NULL + 2 * N_SIGNAL, None, after=2.0) as advance:
        write_json(RESULTS, compute(advance=advance))


if __name__ == "__main__":
    main()
