"""What `emusym scan` and `emusym test --confirm` say on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from eμsym.analysis.problem import Problem
from eμsym.analysis.scanned import FolderScan
from eμsym.cli.tables import plain_console, plain_table, print_table
from eμsym.scanning.findings import Confirmation
from eμsym.scanning.injection import Sensitivity

#: Entries that are printed, and things left out that are named one by one.
_ENTRIES, _SKIPPED = 10, 12


def print_scan(
    found: FolderScan, folder: Path, problems: Sequence[str], freeze: str | None = None
) -> None:
    """Print the global p-value, the first entries, what is left out, and where the results are."""
    scan, console = found.scan, plain_console()
    a, b = scan.names
    table = plain_table(padding=0)
    for name in ("region", "observables", "test", "window"):
        table.add_column(name, overflow="fold")
    for heading in (a, b, "Nσ", "p local", "p adj."):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in found.first[:_ENTRIES]:
        entry, place = each.entry, each.place
        table.add_row(
            escape(entry.region) + (" *" if each.follows else ""),
            escape(" × ".join(entry.observables)),
            entry.test,
            escape(_ranges(place.window)),
            f"{place.a:,}",
            f"{place.b:,}",
            f"{place.z:+.2f}",
            _p(entry.p_local),
            _p(entry.p_adjusted),
        )
    print_table(f"The most asymmetric entries; Nσ of {b} − {a} in the best window", table)
    if any(each.follows for each in found.first):
        console.print(
            "  * made of variables that the calibration of r has: may be the detector's doing"
        )
    _print_answer(found)
    if found.confirmed is not None:
        share = found.request.explore or 0.0
        others = f"Confirmed with the other {100 * (1 - share):.0f} %"
        print_confirmation(found.confirmed, others, scan.names)
    if found.folds:
        console.print(
            f"[bold]Folds[/]  {len(found.folds)} parts, each confirming what the others show: "
            f"p = {_p(found.p_folds or 1.0)} (Bonferroni)"
        )
    if found.sensitivity is not None:
        _print_sensitivity(found.sensitivity)
    _print_skipped(found)
    for problem in problems:
        console.print(f"[yellow]![/] {escape(problem)}")
    also = f"; what was found in {freeze}" if freeze else ""
    console.print(escape(f"Results in {folder / 'scan.json'}{also}"))


def _print_answer(found: FolderScan) -> None:
    scan, console = found.scan, plain_console()
    if isinstance(found.correction, Problem):
        console.print(
            f"[yellow]![/] not corrected for the detector: {escape(found.correction.reason)}"
        )
    elif found.correction is None:
        console.print("[yellow]![/] not corrected for the detector")
    console.print(
        f"[bold]Scanned[/]  {len(scan.regions):,} regions, {len(scan.entries):,} entries, "
        f"{scan.windows:,} windows; corrected: {escape(str(scan.source))}"
    )
    limit = "" if scan.resolved else " (no relabelling reached it: p is at most this)"
    tail = "" if scan.count >= 10 else f"; by the tail of all labellings {_p(scan.p_global_tail)}"
    console.print(
        f"[bold]Global[/]  p = {_p(scan.p_global)} ± {scan.p_global_error:.2g}, "
        f"Z = {scan.z:+.2f}: how often labels alone give as small a p anywhere "
        f"({scan.n:,} relabellings){limit}{tail}"
    )
    if scan.caveat is not None:
        console.print(f"[yellow]![/] {escape(scan.caveat)}")
    begins, error = scan.tail
    console.print(
        f"Local p-values below {begins:.2g} are of a tail, whose width is known to "
        f"{100 * error:.1f} %"
    )


def print_confirmation(
    found: Confirmation, title: str, names: tuple[str, str] = ("A", "B")
) -> None:
    """Print what findings are worth on other events."""
    table = plain_table(padding=0)
    table.add_column("finding", overflow="fold")
    for heading in (*names, "Nσ", "p", "Z"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in found.results:
        table.add_row(
            escape(each.finding.name),
            f"{each.a:,}",
            f"{each.b:,}",
            f"{each.z:+.2f}",
            _p(each.pvalue),
            f"{each.significance:+.2f}",
        )
    print_table(f"{title}; Nσ in the direction that was found", table)
    counted = "no trials factor" if len(found.results) == 1 else f"p = {_p(found.pvalue)} in all"
    plain_console().print(f"  {counted}, {found.joint.n:,} relabellings")


def _print_sensitivity(found: Sensitivity) -> None:
    console = plain_console()
    console.print(
        f"[bold]Sensitivity[/]  {found.events:g} events of {escape(found.signal)}, "
        f"{len(found.samples)} samples: first in {100 * found.share(1):.0f} %, in the first ten "
        f"in {100 * found.share(10):.0f} %, median global p = {_p(found.median_p_global)}"
    )


def _print_skipped(found: FolderScan) -> None:
    """Name what is left out as a whole; combinations of classes are only counted."""
    console, skipped = plain_console(), found.scan.skipped
    whole = [x for x in skipped if ", " not in x.what and " in region " not in x.what]
    for each in whole[:_SKIPPED]:
        console.print(f"[dim]left out[/] {escape(each.what)}: {escape(each.why)}")
    if (more := len(skipped) - len(whole[:_SKIPPED])) > 0:
        console.print(
            f"[dim]left out[/] {more:,} more, most of them regions with too few events; see "
            "skipped in scan.json"
        )


def _ranges(window: Sequence[tuple[float | None, float | None]]) -> str:
    found = []
    for low, high in window:
        if low is None and high is None:
            found.append("all")
        elif low is None:
            found.append(f"< {high:.4g}")
        else:
            found.append(f"≥ {low:.4g}" if high is None else f"{low:.4g} to {high:.4g}")
    return ", ".join(found)


def _p(value: float) -> str:
    return f"{value:.2g}"
