"""What ``emusym reproduce samples`` does: simulate, select, compare with genuine Delphes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from rich.console import Console

import eμsym.recipes
from eμsym.binned.templates import Templates
from eμsym.binned.templates_io import read_templates
from eμsym.cli.options import only_with_recompute
from eμsym.cli.tables import titled_table
from eμsym.errors import InputFileError
from eμsym.files import make_folder, read_json, write_json
from eμsym.plots.samples import draw_samples
from eμsym.plots.style import save_figure
from eμsym.processors.fileset import Dataset, read_fileset
from eμsym.processors.runner import process
from eμsym.recipes import STORED_SIGNALS, embedded_fileset, stored_templates
from eμsym.recipes.cross_sections import cross_section, processes
from eμsym.recipes.simulation.comparison import (
    OBSERVABLES,
    Counts,
    Peak,
    Ratio,
    SampleComparison,
    Selected,
    chi2_pvalue,
    find_peak,
    histogram,
    ks_pvalues,
    overall_pvalue,
)
from eμsym.recipes.simulation.production import simulate

SCHEMA, VERSION = "emusym/samples", 1
RESULTS = Path(eμsym.recipes.__file__).parent / "simulation" / "samples.json"
N_GENERATED, SEED = 2000, 20401
#: Z → ττ is generated so many times more often: only one event in fifty is selected.
MORE_EVENTS = {"ztautau": 10}
#: Flavour order in which the lepton that comes straight from the Higgs leads.
_SIGNAL_ORDER = {"hlfv_taue": True, "hlfv_taumu": False}
_PEAK_EDGES = np.arange(0.0, 250.5, 0.5)
_WIDTH = 80
_NOTE = (
    "Delphes: all genuine events behind the stored templates, which contain the embedded "
    "sample. The Kolmogorov-Smirnov p-values are against the embedded sample alone; it has no "
    "H→τμ, whose collinear mass is compared with the stored template (χ²)."
)


def reproduce_samples(
    *,
    output: str,
    recompute: bool,
    n: int | None,
    seed: int | None,
    workers: int | None,
    style: Any,
) -> None:
    """Compare simulated samples with genuine ones, draw that, and print it.

    Parameters
    ----------
    output : str
        Folder; made if it is not there. Samples that are simulated go into its
        folder ``samples``.
    recompute : bool
        Simulate anew, in place of reading the stored comparison.
    n : int or None
        Events to generate of a process; of those in `MORE_EVENTS` more.
    seed, workers : int or None
        See `eμsym.recipes.simulation.production.simulate`.
    style : str
        See `eμsym.plots.style.styled`.

    Raises
    ------
    EmusymError
        If an option makes no sense without `recompute`, Pythia is missing, or a file
        cannot be read or written.
    """
    only_with_recompute(recompute, {"-n": n, "--seed": seed, "--workers": workers})
    folder = make_folder(output)
    if recompute:
        data = compute(
            folder / "samples",
            n=N_GENERATED if n is None else n,
            seed=SEED if seed is None else seed,
            workers=workers,
        )
    else:
        data = read_json(RESULTS, schema=SCHEMA)
    comparisons = read_comparisons(data)
    written = save_figure(draw_samples(comparisons, style=style), folder, "samples")
    write_json(folder / "samples.json", data)
    print_comparisons(comparisons)
    files = ", ".join(path.name for path in [*written, folder / "samples.json"])
    Console(highlight=False, soft_wrap=True).print(f"Written to {folder}: {files}")


def compute(folder: Path, *, n: int, seed: int, workers: int | None) -> dict[str, Any]:
    """Simulate all processes and compare them.

    Parameters
    ----------
    folder : Path
        For the simulated files.
    n, seed, workers
        See `reproduce_samples`.

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


def print_comparisons(comparisons: Iterable[SampleComparison]) -> None:
    """Print acceptances, flavour orders, p-values and peaks, ours beside Delphes'."""
    comparisons = list(comparisons)
    console = Console(highlight=False, soft_wrap=True)
    table = titled_table("Selected events per generated one, and eμ over μe")
    for heading in ("process", "generated", "selected", "accepted", "over Delphes", "eμ/μe"):
        table.add_column(heading, justify="left" if heading == "process" else "right")
    table.add_column("over Delphes", justify="right")
    for c in comparisons:
        ratio = c.simulated.emu_over_mue
        table.add_row(
            c.process,
            f"{c.simulated.n_generated:,.0f}",
            f"{c.simulated.emu + c.simulated.mue:,}",
            f"{100 * c.simulated.acceptance:.2f} %",
            _ratio(c.acceptance),
            "" if ratio is None else f"{ratio:.3f}",
            _ratio(c.order),
        )
    console.print(table)
    for what, ratios in (
        ("acceptances", [c.acceptance for c in comparisons if c.acceptance]),
        ("flavour orders", [c.order for c in comparisons if c.order]),
    ):
        console.print(f"  χ² of the {len(ratios)} {what}: p = {overall_pvalue(ratios):.2f}")
    _print_shapes(console, comparisons)
    _print_peaks(console, comparisons)
    console.print(textwrap.indent("\n".join(textwrap.wrap(_NOTE, _WIDTH - 2)), "  "))


def _print_shapes(console: Console, comparisons: list[SampleComparison]) -> None:
    table = titled_table("Kolmogorov-Smirnov p-values")
    table.add_column("process")
    headings = ("m_coll", "pT e", "pT μ", "η e", "η μ", "isol. e", "isol. μ", "MET")
    for heading in headings:
        table.add_column(heading, justify="right")
    for c in comparisons:
        cells = [_pvalue(c.ks.get(name)) for name in OBSERVABLES]
        if not c.ks and c.m_coll_template is not None:
            cells[0] = f"{_pvalue(c.m_coll_template)} (χ²)"
        table.add_row(c.process, *cells)
    console.print(table)


def _print_peaks(console: Console, comparisons: list[SampleComparison]) -> None:
    table = titled_table("Peak of the collinear mass [GeV]")
    for heading in ("process", "ours", "Delphes", "expected"):
        table.add_column(heading, justify="left" if heading in ("process", "expected") else "right")
    for c in comparisons:
        if c.peaks:
            table.add_row(
                c.process,
                _peak(c.peaks.get("simulated")),
                _peak(c.peaks.get("delphes")),
                "below m_Z = 91.2: two τ share the neutrinos"
                if c.process == "ztautau"
                else "m_H = 125: all neutrinos fly along the τ",
            )
    console.print(table)
    console.print("  The papers print no number for them; their figures show the distributions.")


def _ratio(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"{ratio.value:.3f} ± {ratio.error:.3f}"


def _pvalue(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"


def _peak(peak: Peak | None) -> str:
    return "" if peak is None else f"{peak.position:.1f} ± {peak.error:.1f}"
