"""What `emusym limit` says on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape

from eμsym.analysis.combined_limits import CombinedLimits
from eμsym.analysis.limits import FolderLimits, TwoLimits
from eμsym.analysis.problem import Problem
from eμsym.analysis.signal_limits import SignalLimits
from eμsym.cli.tables import plain_console, plain_table, print_table
from eμsym.limits.upper_limit import UpperLimit
from eμsym.written_numbers import limit as number


def print_limits(found: FolderLimits, folder: Path, problems: Sequence[str] = ()) -> None:
    """Print a table of the limits, what is missing and why, and where the results are."""
    table = plain_table(padding=0)
    table.add_column("signal")
    table.add_column("limit on")
    for heading in ("observed", "expected", "−1σ", "+1σ", "−2σ", "+2σ"):
        table.add_column(heading, justify="right")
    for name, each in found.signals.items():
        for unit, limit in _rows(each):
            if isinstance(limit, UpperLimit):
                low, below, median, above, high = limit.expected
                values = (limit.observed, median, below, above, low, high)
                table.add_row(escape(name), escape(unit), *(number(x) for x in values))
    percent = f"{100 * found.options.cl:g} %"
    method = "" if found.options.method == "asymptotic" else f", {found.options.method} toys"
    region = _of_regions(found.options.regions)
    print_table(f"Upper limits at {percent} CL (CLs{method}{escape(region)})", table)
    _print_regions(found)
    _print_sensitivity(found)
    console = plain_console()
    for name, each in found.signals.items():
        if isinstance(each.interval, Problem):
            console.print(
                f"[yellow]![/] interval of {escape(name)}: {escape(each.interval.reason)}"
            )
        elif each.interval is not None:
            low, high = each.interval
            console.print(
                f"{escape(name)}: {number(low)} to {number(high)} events at {percent} CL "
                "(Feldman and Cousins)"
            )
    if isinstance(found.together, TwoLimits):
        both, (one, other) = found.together.found, found.together.names
        unit = found.together.unit
        console.print(escape(f"\n{one} and {other} together, {unit} at {percent} CL"))
        console.print(escape(f"  {one} alone: {both.first}"))
        console.print(escape(f"  {other} alone: {both.second}"))
        console.print(escape(f"  {one} less {other}: {both.difference}"))
    for note in (*found.notes, *problems):
        console.print(f"[yellow]![/] {escape(note)}")
    console.print(escape(f"Results in {folder / 'results.json'}"))


def _of_regions(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(f", region {name}" for name in names)
    return f", regions {', '.join(names)} together"


def _print_regions(found: FolderLimits) -> None:
    """Print what each of several regions gives alone."""
    if not found.regions:
        return
    table = plain_table(padding=0)
    for heading in ("signal", "region", "limit on"):
        table.add_column(heading)
    for heading in ("observed", "expected"):
        table.add_column(heading, justify="right")
    for name in dict.fromkeys(name for limits in found.regions.values() for name in limits):
        for region, limits in found.regions.items():
            for unit, limit in _rows(limits[name]) if name in limits else ():
                if isinstance(limit, UpperLimit):
                    row = name, region, unit, number(limit.observed), number(limit.median)
                    table.add_row(*(escape(x) for x in row))
    print_table("Each region alone", table)


def _print_sensitivity(found: FolderLimits) -> None:
    """Print the median Z of a signal that was asked for against the luminosity."""
    if found.options.branching_ratio is None:
        return
    table, notes = plain_table(padding=0), []
    table.add_column("signal")
    for heading in ("fb⁻¹", "limit on events", "median Z"):
        table.add_column(heading, justify="right")
    for name, each in found.signals.items():
        there = each.sensitivity
        if there is None or there.events_per_ifb is None:
            lacking = " and ".join(each.signal_yield.missing) or "its limit"
            notes.append(f"{name}: no Z of a branching ratio: {lacking} missing")
            continue
        for luminosity, limits, z in zip(there.luminosities, there.limits, there.z, strict=True):
            table.add_row(escape(name), f"{luminosity:g}", number(limits[2]), f"{z:.2f}")
    print_table(f"Expected with a branching ratio of {found.options.branching_ratio:g}", table)
    for note in notes:
        plain_console().print(f"[yellow]![/] {escape(note)}")


def _rows(found: SignalLimits) -> tuple[tuple[str, UpperLimit | Problem], ...]:
    return (
        ("events", found.events),
        ("σ × BR [pb]", found.cross_section),
        ("BR", found.branching_ratio),
    )


def print_combined(together: Mapping[str, CombinedLimits], cl: float) -> None:
    """Print the limits of several folders together, and why one is not there."""
    table, notes = plain_table(padding=0), []
    table.add_column("signal")
    table.add_column("limit on")
    table.add_column("observed", justify="right")
    table.add_column("expected", justify="right")
    for name, each in together.items():
        for unit, limit in (("σ × BR [pb]", each.cross_section), ("BR", each.branching_ratio)):
            if isinstance(limit, UpperLimit):
                values = number(limit.observed), number(limit.median)
                table.add_row(escape(name), escape(unit), *values)
            else:
                notes.append(f"{name}, {unit} of all folders: {limit.reason}")
    print_table(f"All folders together at {100 * cl:g} % CL", table)
    console = plain_console()
    for note in notes:
        console.print(f"[yellow]![/] {escape(note)}")
