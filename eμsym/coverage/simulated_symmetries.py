"""Flavour and lepton + jets on simulated Z → ee, μμ and W + jets: what fires, from which size on.

``python -m eμsym.coverage.simulated_symmetries -n 80000`` writes
``docs/coverage/simulated_symmetries.json`` and its table. It generates so many events of each
process (``emusym simulate``: Pythia 8 and a parametrised detector), selects them as the command
does, and compares A with B in disjoint parts of several sizes, with and without corrections.
There is nothing new in these events: what fires is the detector, or radiation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hist.axis import Variable

from eμsym.calibration.quality import fit_quality
from eμsym.calibration.resolution_maps import ELECTRON, MUON
from eμsym.coverage.command import command_of
from eμsym.coverage.simulated_symmetries_table import SCHEMA, VERSION, table
from eμsym.errors import DataError
from eμsym.files import write_json
from eμsym.pair import Pair
from eμsym.processors.config import EMuConfig
from eμsym.processors.fileset import read_fileset
from eμsym.processors.resolution import Resolution
from eμsym.processors.runner import process
from eμsym.recipes.simulation import simulate
from eμsym.recipes.simulation.atlas_card import ECAL, track_resolution
from eμsym.symmetry import FairCoin

SEED = 171

#: Process → the symmetry of its final state.
SYMMETRIES = {"zll": "flavour", "wjets": "lepton_jet"}
#: What makes an event fifteen times faster: nearly all of Pythia's time goes into these.
NO_UNDERLYING = ("PartonLevel:MPI = off",)
#: Sample → its process, settings of Pythia's, and its share of the events that are asked for.
SAMPLES: Mapping[str, tuple[str, tuple[str, ...], float]] = {
    "zll": ("zll", (), 1.0),
    "zll, no underlying event": ("zll", NO_UNDERLYING, 2.0),
    "wjets": ("wjets", (), 0.5),
    "wjets, no underlying event": ("wjets", NO_UNDERLYING, 2.0),
}

#: What A and B are compared in.
OBSERVABLES = {
    "zll": ("m_ll", "lead_pt", "sub_pt", "pt_ll", "deta_ll", "met", "mt_lead", "n_jets", "jet1_pt"),
    "wjets": ("mt_lead", "lead_pt", "met", "n_jets", "jet1_pt", "ht"),
}
#: Bins of about equal contents; n_jets has its own.
N_BINS = 12
_JETS = (-0.5, 0.5, 1.5, 2.5, 3.5, 20.5)

#: Parts of a sample, and how many of a size at most.
SIZES, MAX_PARTS = (500, 2_000, 10_000), 20
#: Relabellings of the whole sample for the quality lines.
N_RELABELLINGS = 99

#: Where there is hardly a Z: outside of this m_ll in GeV.
WINDOW = (80.0, 100.0)


@dataclass(frozen=True)
class Row:
    """One way to compare the events of a sample.

    Attributes
    ----------
    sample : str
        One of `SAMPLES`.
    calibrated : bool
        Whether ln r is fitted to the events, as ``--equalise self`` does.
    maps : bool
        Whether the better leptons are smeared to the resolution of the worse.
    off_peak : bool
        Whether only events outside of `WINDOW` are looked at.
    """

    sample: str
    calibrated: bool = True
    maps: bool = False
    off_peak: bool = False

    @property
    def process(self) -> str:
        """Of its sample."""
        return SAMPLES[self.sample][0]


ROWS = (
    *(Row("zll", calibrated=each) for each in (False, True)),
    *(Row("zll, no underlying event", calibrated=each) for each in (False, True)),
    Row("zll, no underlying event", maps=True),
    Row("zll, no underlying event", off_peak=True),
    *(Row("wjets", calibrated=each) for each in (False, True)),
    *(Row("wjets, no underlying event", calibrated=each) for each in (False, True)),
    Row("wjets, no underlying event", maps=True),
)


def card_resolutions() -> dict[str, Any]:
    """Return the detector's relative pT resolutions as the content of a correctionlib file.

    Muons have that of their track; electrons that of track and calorimeter, weighted by 1/σ².
    """
    pt_edges, eta_edges = np.geomspace(10.0, 2000.0, 61), np.linspace(0.0, 2.6, 53)
    pt = np.sqrt(pt_edges[:-1] * pt_edges[1:])[:, None]
    abseta = 0.5 * (eta_edges[:-1] + eta_edges[1:])[None, :]
    pt, abseta = (np.ascontiguousarray(x) for x in np.broadcast_arrays(pt, abseta))
    shape = pt.shape
    pt, abseta = pt.ravel(), abseta.ravel()
    track = track_resolution("electron", pt, abseta)
    energy = pt * np.cosh(abseta)
    tower = ECAL.sigma(energy, abseta) / energy
    electron = 1 / np.hypot(1 / track, 1 / tower)
    muon = track_resolution("muon", pt, abseta)

    def correction(name: str, values: Any) -> dict[str, Any]:
        return {
            "name": name,
            "version": 1,
            "inputs": [{"name": x, "type": "real"} for x in ("pt", "abseta")],
            "output": {"name": "resolution", "type": "real"},
            "data": {
                "nodetype": "multibinning",
                "inputs": ["pt", "abseta"],
                "edges": [pt_edges.tolist(), eta_edges.tolist()],
                "content": [float(f"{x:.6g}") for x in values.reshape(shape).ravel()],
                "flow": "clamp",
            },
        }

    return {
        "schema_version": 2,
        "corrections": [correction(ELECTRON, electron), correction(MUON, muon)],
    }


def selected(fileset: Path, symmetry: str, maps: Path | None) -> tuple[Pair, dict[str, Any]]:
    """Select the events of a sample, as ``emusym process`` does.

    Parameters
    ----------
    fileset : Path
        Of one dataset.
    symmetry : str
    maps : Path or None
        correctionlib file with resolutions that are to be equalised.

    Returns
    -------
    pair : Pair
    about : dict
        What was generated, and how many events pass which cuts.
    """
    config = EMuConfig(
        symmetry=symmetry,
        keep=("jets",),
        resolution=None if maps is None else Resolution(str(maps)),
    )
    (dataset,) = read_fileset([fileset])
    found = process([dataset], config, workers=1)
    rule = found.rule
    pair = Pair.from_events(
        found.events(dataset.name),
        by=rule.column,
        names=rule.names,
        symmetry=FairCoin(rule.exchange),
    )
    pair = replace(pair, rule=rule, cracks=found.file_format.cracks)
    about = {
        "n_generated": dataset.metadata.n_generated,
        "luminosity_ifb": dataset.metadata.luminosity_ifb,
        "cutflow": {cut: int(n["raw"]) for cut, n in found.cutflow[dataset.name].items()},
    }
    return pair, about


def axis_of(pair: Pair, column: str) -> Any:
    """Return bins of a column that hold about the same numbers of events, whatever their label."""
    if column == "n_jets":
        return Variable(_JETS, name=column)
    values = pair.pool.column(column)
    low, high = values[np.isfinite(values)].min(), values[np.isfinite(values)].max()
    there = values[values > 0] if column == "jet1_pt" else values
    inner = np.quantile(there, np.linspace(0, 1, N_BINS + 1)[1:-1])
    first = 0.0 if column == "jet1_pt" else min(low, 0.0)
    return Variable([first, *np.unique(inner), high + 1.0], name=column)


def parts(pair: Pair, size: int, rng: np.random.Generator) -> Iterator[Pair]:
    """Yield disjoint parts of a pair, `MAX_PARTS` of them at most; the whole if it is small."""
    n = len(pair.pool)
    order = rng.permutation(n)
    for i in range(min(n // size, MAX_PARTS)):
        chosen = np.zeros(n, dtype=bool)
        chosen[order[i * size : (i + 1) * size]] = True
        yield _part(pair, chosen)


def _part(pair: Pair, chosen: Any) -> Pair:
    events, labels = pair.pool.columns, pair.pool.labels
    names = list(events)
    a, b = (
        {name: np.asarray(pair.pool.column(name))[chosen & side] for name in names}
        for side in (labels, ~labels)
    )
    part = Pair.from_columns(a, b, names=pair.names, symmetry=pair.symmetry)
    return replace(part, rule=pair.rule, cracks=pair.cracks)


def compared(pair: Pair, axes: Mapping[str, Any]) -> dict[str, tuple[float, int, float]]:
    """Return χ², its degrees of freedom and p of B − A in each column's bins."""
    found = {}
    for name, axis in axes.items():
        chi_square = pair.difference(axis).chi_square()
        found[name] = (chi_square.chi2, chi_square.dof, chi_square.pvalue)
    return found


def measured(row: Row, pair: Pair, *, seed: int) -> dict[str, Any]:
    """Compare A with B in all events of a sample and in parts of it.

    Parameters
    ----------
    row : Row
    pair : Pair
        Of all selected events, smeared if the row says so.
    seed : int
        Divides them.

    Returns
    -------
    dict
        For JSON: p-values by size and column, χ² and pulls of the whole, quality lines.
    """
    low, high = WINDOW
    if row.off_peak:
        pair = pair.where(f"(m_ll < {low}) | (m_ll > {high})")
    axes = {name: axis_of(pair, name) for name in OBSERVABLES[row.process]}
    rng = np.random.default_rng(seed)
    by_size: dict[str, dict[str, list[float]]] = {}
    problems: dict[str, int] = {}
    for size in SIZES:
        found: dict[str, list[float]] = {}
        for part in parts(pair, size, rng):
            try:
                part = part.equalised() if row.calibrated else part
                for name, (_, _, p) in compared(part, axes).items():
                    found.setdefault(name, []).append(float(f"{p:.4g}"))
            except DataError as error:
                problems[str(error)] = problems.get(str(error), 0) + 1
        if found:
            by_size[str(size)] = found
    whole = pair.equalised() if row.calibrated else pair
    pulls = {name: whole.difference(axis).pull for name, axis in axes.items()}
    n_a = int(np.count_nonzero(pair.pool.labels))
    told = None
    if row.calibrated:
        quality = fit_quality(whole, variables=("lead_pt", "lead_eta"), n=N_RELABELLINGS, rng=seed)
        told = {"goodness of fit": quality.goodness.pvalue, "closure": quality.closure.pvalue}
    return {
        "sample": row.sample,
        "process": row.process,
        "symmetry": SYMMETRIES[row.process],
        "calibrated": row.calibrated,
        "maps": row.maps,
        "off_peak": row.off_peak,
        "n_a": n_a,
        "n_b": len(pair.pool) - n_a,
        "parts": by_size,
        "problems": problems,
        "whole": {
            name: {"chi2": round(chi2, 3), "dof": dof, "p": float(f"{p:.4g}")}
            for name, (chi2, dof, p) in compared(whole, axes).items()
        },
        "edges": {name: [round(float(x), 3) for x in axis.edges] for name, axis in axes.items()},
        "pulls": {
            name: [None if np.isnan(x) else round(float(x), 2) for x in values]
            for name, values in pulls.items()
        },
        "quality": told,
    }


def compute(
    n_generated: int,
    *,
    seed: int = SEED,
    rows: Sequence[Row] = ROWS,
    workers: int | None = None,
    samples: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """Run the study.

    Parameters
    ----------
    n_generated : int
        Of a sample whose share is 1.
    seed : int
    rows : sequence of Row
    workers : int, optional
        Default: all cores.
    samples : mapping of str to Path, optional
        Filesets of samples that are there already, by their names.

    Returns
    -------
    dict
        For JSON.
    """
    found: list[dict[str, Any]] = []
    about: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        maps = Path(folder) / "resolution.json"
        write_json(maps, card_resolutions())
        for name in dict.fromkeys(row.sample for row in rows):
            process_name, settings, share = SAMPLES[name]
            fileset = (samples or {}).get(name)
            if fileset is None:
                fileset = simulate(
                    process_name,
                    round(n_generated * share),
                    Path(folder) / f"{process_name}.root",
                    seed=seed,
                    workers=workers,
                    pythia=settings,
                    overwrite=True,
                ).fileset
            pairs: dict[bool, Pair] = {}
            for row in (each for each in rows if each.sample == name):
                if row.maps not in pairs:
                    given = maps if row.maps else None
                    pairs[row.maps], said = selected(fileset, SYMMETRIES[process_name], given)
                    about.setdefault(name, said)
                found.append(measured(row, pairs[row.maps], seed=seed))
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "window": list(WINDOW),
        "samples": about,
        "rows": found,
    }


main = command_of("simulated_symmetries", compute, table, toys=80_000, seed=SEED)


if __name__ == "__main__":
    main()
