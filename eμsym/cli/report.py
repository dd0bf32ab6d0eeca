"""What the commands say on the terminal."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from eμsym.analysis.yields import Cutflow
from eμsym.cli.tables import plain_console, plain_table, print_table

_HEADINGS = {
    "all": "all",
    "electron_and_muon": "e & μ",
    "pt": "pT",
    "eta": "|η|",
    "isolation": "isol.",
    "exactly_one_each": "1e1μ",
    "opposite_charge": "+ −",
    "emu": "eμ",
    "mue": "μe",
}


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"


def print_cutflow(cutflow: Cutflow) -> None:
    """Print events after every cut, dataset by dataset, scaled as the histograms are."""
    table = plain_table(padding=0)
    table.add_column("dataset", no_wrap=True)
    for cut in cutflow.cuts:
        table.add_column(_HEADINGS.get(cut, cut), justify="right", no_wrap=True)
    for name, flow in cutflow.datasets.items():
        table.add_row(escape(name), *map(_number, flow.values()))
    table.add_section()
    table.add_row("pair", *map(_number, cutflow.total.values()), style="bold")
    print_table("Events after each cut", table)


def print_tests(results: dict[str, Any]) -> None:
    """Print the correction, Nσ, the best window, q0 and the unbinned tests."""
    console, tests = plain_console(), results["tests"]
    raw = tests.get("raw")
    yields = tests["yields"]
    line = ", ".join(
        f"{yields[order]['label']} {_number(yields[order]['sumw'])} ± {yields[order]['error']:.1f}"
        for order in ("emu", "mue")
    )
    if "ratio" in yields:
        line += f", ratio {yields['ratio']['value']:.4f} ± {yields['ratio']['error']:.4f}"
    console.print(f"\n[bold]Yields[/]  {line}")
    _print_equalisation(console, tests)
    table = plain_table(padding=0)
    table.add_column("histogram")
    headings = ("Nσ", "p (two-sided)", "bins", "empty", "all ≥ 25 entries")
    for heading in headings if raw is None else ("raw Nσ", *headings):
        table.add_column(heading, justify="right")
    for name, test in tests["nsigma"].items():
        known = test["z"] is not None
        before = [] if raw is None else [_nsigma(raw["nsigma"][name])]
        table.add_row(
            name,
            *before,
            _nsigma(test),
            f"{test['pvalue_two_sided']:.2g}" if known else "",
            str(test["n_bins"]),
            str(test["n_empty"]),
            "no" if test["sparse"] else "yes",
        )
    print_table("Nσ of μe − eμ (negative: eμ has the excess)", table)
    _print_window(console, results)
    _print_q0(console, tests["q0"], None if raw is None else raw["q0"])
    _print_unbinned(console, tests)
    if "pyhf" in tests:
        console.print(f"[yellow]![/] The pyhf workspaces hold {tests['pyhf']}.")
    if tests["warning"] is not None:
        console.print(f"[yellow]![/] {tests['warning']}")


def _nsigma(test: dict[str, Any]) -> str:
    return "no entries" if test["z"] is None else f"{test['z']:+.2f}"


def _print_equalisation(console: Console, tests: dict[str, Any]) -> None:
    """Print what was done about the detector's e/μ difference, and how well it went."""
    found = tests.get("equalisation")
    if found is None:
        return
    if "problem" in found:
        console.print(
            f"[yellow]![/] [bold]Not corrected[/] for the detector's e/μ difference: "
            f"{escape(found['problem'])}"
        )
        return
    calibration = found["calibration"]
    if calibration is None:
        how = f"{found['source']}"
    else:
        shape = [len(calibration["ratio"][name]) - 1 for name in ("pt_edges", "abseta_edges")]
        how = (
            f"r = ε_μ/ε_e in {shape[0]} × {shape[1]} bins of pT and |η|, fitted to "
            f"{calibration['n_events']:,} events"
        )
        for column, (low, high) in calibration["exclude"].items():
            how += f", without {column} {low:g}-{high:g}"
    if found["ratio"] is not None:
        how += f"; ratio {found['ratio']['value']:.4f} ± {found['ratio']['error']:.4f}"
    _print_wrapped(console, "Corrected", how)
    quality = []
    if calibration is not None and calibration["goodness_of_fit"]["pvalue"] is not None:
        quality.append(f"goodness of fit p = {calibration['goodness_of_fit']['pvalue']:.2g}")
    if "z" in found["closure"]:
        closure = found["closure"]
        of = "the other half" if closure["n_fitted"] else "all events"
        more = "eμ" if closure["z"] > 0 else "μe"
        worst = closure["worst"]
        quality.append(
            f"on {of} {more} exceeds by {abs(closure['z']):.1f}σ, and of "
            f"{len(closure['variables'])} variables {worst} fits worst, "
            f"p = {closure['variables'][worst]['pvalue']:.2g}"
        )
    if quality:
        _print_wrapped(console, "Closure", "; ".join(quality))


def _print_wrapped(console: Console, heading: str, text: str) -> None:
    """Print a paragraph of 80 columns."""
    lines = textwrap.wrap(f"{heading}  {text}", 80, subsequent_indent="  ", break_long_words=False)
    lines[0] = f"[bold]{heading}[/]" + escape(lines[0].removeprefix(heading))
    console.print("\n".join([lines[0], *map(escape, lines[1:])]))


def _print_window(console: Console, results: dict[str, Any]) -> None:
    scan = results["tests"]["best_window"]
    best = scan["best"]
    if best is None:
        console.print("No window of the plane holds an event.")
        return
    axes = [axis["column"] for axis in results["configuration"]["processor"]["plane"]]
    where = ", ".join(
        f"{name} {low:g}-{high:g}" for name, (low, high) in zip(axes, best["edges"], strict=True)
    )
    side = "μe" if best["local_z"] > 0 else "eμ"
    console.print(
        f"[bold]Best {scan['shape']} window[/]  {where}: Nσ = {best['local_z']:+.2f} "
        f"(excess of {side}), local: the largest of {scan['n_windows']:,} windows."
    )
    known = scan["global"]
    if known["beyond_all_toys"]:
        worth = f"below {known['smallest_pvalue']:.2g} (none of {known['null']['n']} toys)"
    else:
        worth = f"{known['pvalue']:.2g} ± {known['pvalue_error']:.1g}"
        if known["z"] is not None:
            worth += f", Z = {known['z']:.2f}"
    symmetry = "the calibrated" if "raw" in results["tests"] else "an exact"
    console.print(f"With all windows counted, its p-value under {symmetry} symmetry is {worth}.")


def _print_q0(console: Console, tests: dict[str, Any], raw: dict[str, Any] | None) -> None:
    if not tests:
        return
    table = plain_table(padding=0)
    numbers = ["Z", "μ [events]", "MINOS interval"]
    if raw is not None:
        numbers.insert(0, "raw Z")
    for heading in ("signal", "in", "shape", *numbers):
        table.add_column(heading, justify="right" if heading in numbers else "left")
    labels = {"emu": "eμ", "mue": "μe"}
    for name, fit in tests.items():
        if "problem" in fit:
            console.print(f"[yellow]![/] q0 of {escape(name)}: {escape(fit['problem'])}")
            continue
        low, high = (_maybe(fit.get(key)) for key in ("mu_low", "mu_high"))
        interval = f"{low} to {high}" if low and high else ""
        mu = f"{fit['mu']:.1f} ± {_maybe(fit['mu_error']) or '?'}"
        z = [f"{fit['z']:+.2f}"]
        if raw is not None:
            z.insert(0, f"{raw[name]['z']:+.2f}" if "z" in raw[name] else "")
        table.add_row(escape(name), labels[fit["order"]], fit["shape"], *z, mu, interval)
    if table.row_count:
        print_table("q0 of each signal, against the other sample", table)


def _print_unbinned(console: Console, tests: dict[str, Any]) -> None:
    table = plain_table(padding=0)
    results, raw = tests["unbinned"], tests.get("raw")
    before = {} if raw is None else raw.get("unbinned", {})
    headings = ["test", "t", "dof", "p (χ²)", "p (redrawn labels)", "Z"]
    if before:
        headings.insert(1, "raw t")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "test" else "right")
    for name in ("spline", "network"):
        result = results.get(name)
        if result is None:
            continue
        if "problem" in result:
            console.print(f"[yellow]![/] {name} test: {escape(result['problem'])}")
            continue
        permuted = result["permutations"]
        reference = result["pvalue"]
        old = before.get(name, {})
        cells = [f"{old['t']:.1f}" if "t" in old else ""] if before else []
        table.add_row(
            name,
            *cells,
            f"{result['t']:.1f}",
            str(result["dof"]),
            f"{reference:.2g}",
            f"{permuted['pvalue']:.2g} ± {permuted['pvalue_error']:.1g}",
            "" if permuted["z"] is None else f"{permuted['z']:+.2f}",
        )
    if table.row_count:
        title = f"Symmetrized likelihood ratio of {', '.join(results['columns'])}, unbinned"
        print_table(title, table)


def _maybe(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else ""


def print_written(folder: Path, results: dict[str, Any]) -> None:
    """Print what is missing, what to beware of, and where the results are."""
    console = plain_console()
    for problem in results["missing"]:
        console.print(f"[red]missing[/] {escape(problem)}")
    for warning in [*results["warnings"], *results.get("figure_problems", ())]:
        console.print(f"[yellow]![/] {escape(warning)}")
    figures = folder / "figures"
    n_figures = len(list(figures.glob("*.png"))) if figures.is_dir() else 0
    also = f" and {n_figures} figures (PNG, PDF) in {figures}" if n_figures else ""
    console.print(escape(f"Results in {folder / 'results.json'}{also}"))
