"""What the commands say on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

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


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _table() -> Table:
    """Return a table narrow enough for 80 columns."""
    return Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
        pad_edge=False,
        header_style="none",
    )


def _print_table(title: str, table: Table) -> None:
    """Print a table with all its digits, even where the terminal is too narrow for it."""
    console = _console()
    console.print(f"\n[bold]{title}[/]")
    needed = Console(width=1000).measure(table).maximum
    Console(highlight=False, width=max(console.width, needed)).print(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"


def print_cutflow(results: dict[str, Any]) -> None:
    """Print events after every cut, dataset by dataset, scaled as the histograms are."""
    cutflow, normalisation = results["cutflow"], results["normalisation"]
    table = _table()
    table.add_column("dataset", no_wrap=True)
    steps = list(next(iter(cutflow.values())))
    for step in steps:
        table.add_column(_HEADINGS.get(step, step), justify="right", no_wrap=True)
    totals = dict.fromkeys(steps, 0.0)
    for name, flow in cutflow.items():
        counts = {s: flow[s]["sumw"] * normalisation[name]["scale"] for s in steps}
        if name in results["pair"]:
            totals = {step: totals[step] + counts[step] for step in steps}
        table.add_row(name, *(_number(counts[step]) for step in steps))
    table.add_section()
    table.add_row("pair", *(_number(totals[step]) for step in steps), style="bold")
    _print_table("Events after each cut", table)


def print_tests(results: dict[str, Any]) -> None:
    """Print the yields, Nσ and the best window, and what they do not mean."""
    console, tests = _console(), results["tests"]
    yields = tests["yields"]
    line = ", ".join(
        f"{yields[order]['label']} {_number(yields[order]['sumw'])} ± {yields[order]['error']:.1f}"
        for order in ("emu", "mue")
    )
    if "ratio" in yields:
        line += f", ratio {yields['ratio']['value']:.4f} ± {yields['ratio']['error']:.4f}"
    console.print(f"\n[bold]Yields[/]  {line}")
    table = _table()
    table.add_column("histogram")
    for heading in ("Nσ", "p (two-sided)", "bins", "empty", "all ≥ 25 entries"):
        table.add_column(heading, justify="right")
    for name, test in tests["nsigma"].items():
        known = test["z"] is not None
        table.add_row(
            name,
            f"{test['z']:+.2f}" if known else "no entries",
            f"{test['pvalue_two_sided']:.2g}" if known else "",
            str(test["n_bins"]),
            str(test["n_empty"]),
            "no" if test["sparse"] else "yes",
        )
    _print_table("Nσ of μe − eμ (negative: eμ has the excess)", table)
    _print_window(console, results)
    _print_q0(console, tests["q0"])
    _print_unbinned(console, tests["unbinned"])
    console.print(f"[yellow]![/] {tests['warning']}")


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
    if known["pvalue"] <= known["smallest_pvalue"]:
        worth = f"below {known['smallest_pvalue']:.2g} (none of {known['null']['n']} toys)"
    else:
        worth = f"{known['pvalue']:.2g} ± {known['pvalue_error']:.1g}"
        if known["z"] is not None:
            worth += f", Z = {known['z']:.2f}"
    console.print(f"With all windows counted, its p-value under an exact symmetry is {worth}.")


def _print_q0(console: Console, tests: dict[str, Any]) -> None:
    if not tests:
        return
    table = _table()
    for heading in ("signal", "in", "shape", "Z", "μ [events]", "MINOS interval"):
        numbers = heading in ("Z", "μ [events]", "MINOS interval")
        table.add_column(heading, justify="right" if numbers else "left")
    labels = {"emu": "eμ", "mue": "μe"}
    for name, fit in tests.items():
        if "problem" in fit:
            console.print(f"[yellow]![/] q0 of {name}: {fit['problem']}")
            continue
        low, high = (_maybe(fit.get(key)) for key in ("mu_low", "mu_high"))
        interval = f"{low} to {high}" if low and high else ""
        mu = f"{fit['mu']:.1f} ± {_maybe(fit['mu_error']) or '?'}"
        table.add_row(name, labels[fit["order"]], fit["shape"], f"{fit['z']:+.2f}", mu, interval)
    if table.row_count:
        _print_table("q0 of each signal, against the other sample", table)


def _print_unbinned(console: Console, results: dict[str, Any]) -> None:
    table = _table()
    for heading in ("test", "t", "dof", "p (χ²)", "p (permutations)", "Z"):
        table.add_column(heading, justify="left" if heading == "test" else "right")
    for name in ("spline", "network"):
        result = results.get(name)
        if result is None:
            continue
        if "problem" in result:
            console.print(f"[yellow]![/] {name} test: {result['problem']}")
            continue
        permuted = result["permutations"]
        reference = result["pvalue"] if "pvalue" in result else result["chi2_pvalue"]
        table.add_row(
            name,
            f"{result['t']:.1f}",
            str(result["dof"]),
            f"{reference:.2g}",
            f"{permuted['pvalue']:.2g} ± {permuted['pvalue_error']:.1g}",
            "" if permuted["z"] is None else f"{permuted['z']:+.2f}",
        )
    if table.row_count:
        title = f"Symmetrized likelihood ratio of {', '.join(results['columns'])}, unbinned"
        _print_table(title, table)


def _maybe(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else ""


def print_written(folder: Path, results: dict[str, Any]) -> None:
    """Print what is missing, what to beware of, and where the results are."""
    console = _console()
    for problem in results["missing"]:
        console.print(f"[red]missing[/] {problem}")
    for warning in results["warnings"]:
        console.print(f"[yellow]![/] {warning}")
    figures = folder / "figures"
    n_figures = len(list(figures.glob("*.png"))) if figures.is_dir() else 0
    also = f" and {n_figures} figures (PNG, PDF) in {figures}" if n_figures else ""
    console.print(f"Results in {folder / 'results.json'}{also}")
