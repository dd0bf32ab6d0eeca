"""Simulated samples beside genuine Delphes files: simulate, select, compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from eμsym.binned.templates import Templates
from eμsym.binned.templates_io import read_templates
from eμsym.errors import InputFileError
from eμsym.files import make_folder
from eμsym.processors.fileset import Dataset, read_fileset
from eμsym.processors.runner import process
from eμsym.recipes import STORED_SIGNALS, embedded_fileset, stored_templates
from eμsym.recipes.cross_sections import cross_section, processes
from eμsym.recipes.simulation.comparison import (
    OBSERVABLES,
    Counts,
    SampleComparison,
    Selected,
    chi2_pvalue,
    find_peak,
    histogram,
    ks_pvalues,
)
from eμsym.recipes.simulation.production import simulate

SCHEMA, VERSION = "emusym/samples", 1
RESULTS = Path(__file__).parent / "samples.json"
N_GENERATED, SEED = 2000, 20401
#: Z → ττ is generated so many times more often: only one event in fifty is selected.
MORE_EVENTS = {"ztautau": 10}
#: Flavour order in which the lepton that comes straight from the Higgs leads.
_SIGNAL_ORDER = {"hlfv_taue": True, "hlfv_taumu": False}
_PEAK_EDGES = np.arange(0.0, 250.5, 0.5)


def compute(
    folder: Path, *, n: int = N_GENERATED, seed: int = SEED, workers: int | None = None
) -> dict[str, Any]:
    """Simulate all processes and compare them.

    Parameters
    ----------
    folder : Path
        For the simulated files.
    n : int
        Events to generate of a process; of those in `MORE_EVENTS` more.
    seed, workers : int or None
        See `eμsym.recipes.simulation.production.simulate`.

    Returns
    -------
    dict
        For JSON; `read_comparisons` reads it.
    """
    make_folder(folder)
    genuine = {dataset.name: dataset for dataset in read_fileset([embedded_fileset()])}
    templates = {name: read_templates(stored_templates(name)) for name in STORED_SIGNALS}
    comparisons, records = [], {}
    for name in processes():
        sample = simulate(
            name,
            n * MORE_EVENTS.get(name, 1),
            folder / f"{name}.root",
            seed=seed,
            workers=workers,
            overwrite=True,
        )
        (simulated,) = read_fileset([sample.fileset])
        embedded = genuine.get(name)
        comparisons.append(
            compare(
                name,
                selected_events(simulated),
                None if embedded is None else selected_events(embedded),
                templates,
            )
        )
        records[name] = sample.record
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "comparisons": [comparison.to_dict() for comparison in comparisons],
        "simulated": records,
    }


def read_comparisons(data: dict[str, Any]) -> list[SampleComparison]:
    """Return the comparisons that `compute` described.

    Raises
    ------
    InputFileError
        If a part is missing or damaged.
    """
    try:
        return [SampleComparison.from_dict(entry) for entry in data["comparisons"]]
    except (AttributeError, KeyError, TypeError) as error:
        raise InputFileError(f"{RESULTS}: a part is missing or damaged ({error!r})") from error


def selected_events(dataset: Dataset) -> Selected:
    """Select the eμ events of a dataset, as ``emusym process`` does.

    Parameters
    ----------
    dataset : Dataset
        Its metadata say how many events were generated.
    """
    events = process([dataset], workers=1).events(dataset.name)
    leads = ak.to_numpy(events.electron_leads)
    columns = {name: ak.to_numpy(events[name]) for name in ("m_coll", "met")}
    for name in ("pt", "eta", "isolation"):
        lead, sub = (ak.to_numpy(events[f"{place}_{name}"]) for place in ("lead", "sub"))
        columns[f"electron_{name}"] = np.where(leads, lead, sub)
        columns[f"muon_{name}"] = np.where(leads, sub, lead)
    columns |= {"electron_leads": leads, "lead_pt": ak.to_numpy(events.lead_pt)}
    return Selected(float(dataset.metadata.n_generated or 0), columns)


def compare(
    name: str,
    simulated: Selected,
    embedded: Selected | None,
    templates: dict[str, Templates],
) -> SampleComparison:
    """Compare one process.

    Parameters
    ----------
    name : str
    simulated : Selected
    embedded : Selected or None
        Of the embedded sample.
    templates : dict of str to Templates
        The stored ones; they tell how many genuine events there are in all.

    Returns
    -------
    SampleComparison
    """
    masses = {"simulated": simulated.columns["m_coll"]}
    if embedded is not None:
        masses["delphes"] = embedded.columns["m_coll"]
    m_coll_template, peaks = None, {}
    if name in templates:
        edges, ours, theirs = _beside_template(name, simulated, templates[name])
        m_coll_template = chi2_pvalue(ours, theirs)
        peaks = {
            which: find_peak(counts, edges, rng=i)
            for i, (which, counts) in enumerate({"simulated": ours, "delphes": theirs}.items())
        }
    elif name == "ztautau":
        peaks = {
            which: find_peak(np.histogram(values, _PEAK_EDGES)[0], _PEAK_EDGES, rng=i)
            for i, (which, values) in enumerate(masses.items())
        }
    samples = {"simulated": simulated} | ({} if embedded is None else {"delphes": embedded})
    return SampleComparison(
        process=name,
        simulated=simulated.counts,
        delphes=delphes_counts(name, templates),
        embedded=None if embedded is None else embedded.counts,
        ks={} if embedded is None else ks_pvalues(simulated, embedded),
        m_coll_template=m_coll_template,
        histograms={
            observable: {
                which: histogram(observable, sample.columns[observable])
                for which, sample in samples.items()
            }
            for observable in OBSERVABLES
        },
        peaks={which: peak for which, peak in peaks.items() if peak is not None},
    )


def delphes_counts(name: str, templates: dict[str, Templates]) -> Counts:
    """Return how many genuine events of a process were generated and selected in all.

    Templates keep the luminosity that their events stand for; with the cross section
    that they were given, that is the number of generated events.
    """
    provenance = next(iter(templates.values())).provenance
    if name in templates:
        part = templates[name].provenance["signal"]
        cross_section_pb = cross_section(name).filtered_pb
    else:
        part = provenance["background"]["datasets"][name]
        metadata = {d.name: d.metadata for d in read_fileset([embedded_fileset()])}
        cross_section_pb = float(metadata[name].cross_section_pb or 0)
    selected = part["selected_events"]
    n_generated = float(round(part["luminosity_ifb"] * 1000 * cross_section_pb))
    return Counts(n_generated, selected["emu"], selected["mue"])


def _beside_template(
    name: str, simulated: Selected, templates: Templates
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the bins of S in the collinear mass, our events in them, and those behind S."""
    signal = templates.signal
    mass_axis, pt_axis = signal.axes
    of_order = simulated.columns["electron_leads"] == _SIGNAL_ORDER[name]
    ours, _, _ = np.histogram2d(
        simulated.columns["m_coll"][of_order],
        simulated.columns["lead_pt"][of_order],
        bins=(mass_axis.edges, pt_axis.edges),
    )
    n = templates.provenance["signal"]["effective_events"]
    return mass_axis.edges, ours.sum(axis=1), signal.values().sum(axis=1) * n
