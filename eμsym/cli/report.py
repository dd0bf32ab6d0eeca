"""What the commands say of events on the terminal, and of what they wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape

from eμsym.analysis.yields import Cutflow
from eμsym.cli.tables import plain_console, plain_table, print_table
from eμsym.results import NOT_BLINDED
from eμsym.symmetries import RULES
from eμsym.written_numbers import events as number

_HEADINGS = {
    "all": "all",
    "golden_json": "cert.",
    "trigger": "trig.",
    "electron_and_muon": "e & μ",
    "two_leptons": "2 lep.",
    "a_lepton": "≥ 1 lep.",
    "pt": "pT",
    "eta": "|η|",
    "identification": "id.",
    "isolation": "isol.",
    "exactly_one_each": "1e1μ",
    "exactly_two": "2 good",
    "exactly_one": "1 good",
    "a_jet": "≥ 1 jet",
    "opposite_charge": "+ −",
    NOT_BLINDED: "shown",
    **{
        order: name
        for rule in RULES.values()
        for order, name in zip(rule.orders, rule.names, strict=True)
    },
}


def print_cutflow(cutflow: Cutflow) -> None:
    """Print events after every cut, dataset by dataset, scaled as the histograms are."""
    table = plain_table(padding=0)
    table.add_column("dataset", no_wrap=True)
    for cut in cutflow.cuts:
        table.add_column(_HEADINGS.get(cut, cut), justify="right", no_wrap=True)
    for name, flow in cutflow.datasets.items():
        table.add_row(escape(name), *map(number, flow.values()))
    table.add_section()
    table.add_row("pair", *map(number, cutflow.total.values()), style="bold")
    print_table("Events after each cut", table)


def print_resolution(results: Mapping[str, Any]) -> None:
    """Print whether electrons and muons were given equal momentum resolutions.

    Nothing is said of results that do not say how their events were processed.
    """
    processor = results.get("configuration", {}).get("processor")
    if processor is None:
        return
    found, console = processor.get("resolution"), plain_console()
    if found is None:
        console.print("[bold]Resolution[/]  not equalised (no maps under \\[processor.resolution])")
    else:
        text = f"equalised by {found['file']}, seed {found['seed']}"
        console.print(f"[bold]Resolution[/]  {escape(text)}")


def print_written(folder: Path, results: dict[str, Any]) -> None:
    """Print what is missing, what to beware of, and where the results are."""
    console = plain_console()
    for problem in results["missing"]:
        console.print(f"[red]missing[/] {escape(problem)}")
    for warning in [*results["warnings"], *results.get("figure_problems", ())]:
        console.print(f"[yellow]![/] {escape(warning)}")
    figures = folder / "figures"
    n_figures = len(list(figures.glob("*.png"))) if figures.is_dir() else 0
    also = f" and {n_figures} figures (PNG, PDF, SVG) in {figures}" if n_figures else ""
    console.print(escape(f"Results in {folder / 'results.json'}{also}"))
