"""What the commands say of the tests on the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from eμsym.analysis.analyse import difference_of
from eμsym.cli.report import print_resolution
from eμsym.cli.tables import plain_console, plain_table, print_table
from eμsym.label_rule import rule_of
from eμsym.written_numbers import events as number
from eμsym.written_numbers import maybe, p_and_z, pvalue, rounded, z_of

_CONVENTION = (
    "how often labels alone give as much or more, in every direction that a test looks in; "
    "Z = Φ⁻¹(1 − p) is of the same side, negative where p is above a half"
)


def print_tests(results: dict[str, Any]) -> None:
    """Print the correction, Nσ, the best window, q0, the unbinned tests, and all together."""
    console, tests = plain_console(), results["tests"]
    yields = tests["yields"]
    orders = [x for x in yields if x not in ("datasets", "ratio")]
    line = ", ".join(
        f"{yields[order]['label']} {number(yields[order]['sumw'])} ± {yields[order]['error']:.1f}"
        for order in orders
    )
    if "ratio" in yields:
        line += f", ratio {yields['ratio']['value']:.4f} ± {yields['ratio']['error']:.4f}"
    where = "" if tests["region"] is None else f" in region {escape(tests['region'])}"
    console.print(f"\n[bold]Yields[/]{where}  {line}")
    _print_fakes(console, tests, orders)
    _print_equalisation(console, results)
    print_resolution(results)
    print_wrapped(console, "p", _CONVENTION)
    labels = {order: yields[order]["label"] for order in orders}
    _print_nsigma(tests, tuple(labels.values()))
    _print_window(console, results, tuple(labels.values()))
    _print_q0(console, tests, labels)
    _print_unbinned(console, tests)
    _print_extra(console, tests)
    _print_global(console, tests["global"])
    for note in tests["notes"]:
        console.print(f"[yellow]![/] {escape(note)}")
    if tests["warning"] is not None:
        console.print(f"[yellow]![/] {tests['warning']}")


def _print_nsigma(tests: dict[str, Any], names: tuple[str, ...]) -> None:
    raw, table = tests.get("raw"), plain_table(padding=0)
    sparse = any(test["sparse"] and test["z"] is not None for test in tests["nsigma"].values())
    headings = ["Nσ", "p", "Z", "bins", "empty"]
    headings = (["raw Nσ"] if raw is not None else []) + headings
    headings += ["p by", "N(0,1)"] if sparse else ["p by"]
    table.add_column("histogram")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "p by" else "right")
    for name, test in tests["nsigma"].items():
        found = test["significance"]
        before = [] if raw is None else [_nsigma(raw["nsigma"][name])]
        cells = [_nsigma(test), pvalue(found), z_of(found), f"{test['n_bins']}"]
        cells += [f"{test['n_empty']}", "" if found is None else found["by"]]
        if sparse:
            cells.append("" if found is None or not test["sparse"] else pvalue(test["by_normal"]))
        table.add_row(name, *before, *cells)
    a, b = names
    print_table(f"Nσ of {b} − {a} (negative: {a} has the excess), in either direction", table)


def _nsigma(test: dict[str, Any]) -> str:
    return "no entries" if test["z"] is None else f"{test['z']:+.2f}"


def _print_fakes(console: Console, tests: dict[str, Any], orders: list[str]) -> None:
    """Print how many fakes were subtracted, and from how many events of the data."""
    found = tests.get("fakes")
    if found is None:
        return
    labels = [tests["yields"][order]["label"] for order in orders]
    for name, each in found["sources"].items():
        numbers = ", ".join(
            f"{label} {each[side]:,.1f} ± {each[f'error_{side}']:,.1f}"
            for label, side in zip(labels, ("a", "b"), strict=True)
        )
        factor = f"{each['transfer_factor']:g} ± {each['transfer_factor_error']:g}"
        print_wrapped(console, "Fakes", f"subtracted by {name}, τ = {factor}: {numbers}")
    data = ", ".join(
        f"{label} {number(found['data'][side])}"
        for label, side in zip(labels, ("a", "b"), strict=True)
    )
    print_wrapped(console, "Data", f"with the fakes in them: {data}")


#: What the ratios of label rules are.
_RATIOS = {
    "r": "r = ε_μ/ε_e",
    "r+": "r+ = ε_μ/ε_e of positive leptons",
    "r-": "r- = ε_μ/ε_e of negative leptons",
    "a_e": "a_e = ε_e(η)/ε_e(-η)",
    "a_mu": "a_mu = ε_μ(η)/ε_μ(-η)",
}


def _fitted(ratio: Mapping[str, Any]) -> str:
    """Return what was fitted: one r, those of a label rule, or either of classes."""
    if "classes" in ratio:
        ratio = ratio["classes"][0]["ratio"]
    names = list(ratio.get("ratios", ["r"]))
    constant = "" if ratio.get("constant") is None else " and a constant"
    return f"{' and '.join(_RATIOS.get(x, x) for x in names)} of pT and |η|{constant}"


def _print_equalisation(console: Console, results: dict[str, Any]) -> None:
    """Print what was done about the detector's difference of A and B, and how well it went."""
    found = results["tests"].get("equalisation")
    if found is None:
        return
    if "problem" in found:
        of = difference_of(rule_of(results))
        console.print(
            f"[yellow]![/] [bold]Not corrected[/] for the detector's {of}: {found['problem']}"
        )
        return
    calibration = found["calibration"]
    if calibration is None:
        how = f"{found['source']}"
    else:
        how = (
            f"{_fitted(calibration['ratio'])}, {calibration['n_terms']} terms fitted to "
            f"{calibration['n_events']:,} events"
        )
        if calibration["by"] is not None:
            how += f" in {calibration['n_classes']} classes of {calibration['by']}"
        if found["given"] is not None:
            how += f", on top of {found['given']}"
        for column, (low, high) in calibration["exclude"].items():
            how += f", without {column} {low:g}-{high:g}"
        how += _jumps(found.get("jumps"))
    if found["ratio"] is not None:
        how += f"; ratio {found['ratio']['value']:.4f} ± {found['ratio']['error']:.4f}"
    print_wrapped(console, "Corrected", how)
    quality = found["quality"]
    if "problem" in quality:
        console.print(f"[yellow]![/] Its quality is not known: {escape(quality['problem'])}")
    else:
        goodness, closure = quality["goodness_of_fit"], quality["closure"]
        of = f" ({quality['folds']} folds)" if quality["folds"] > 1 else ""
        print_wrapped(
            console,
            "Quality",
            f"goodness of fit p = {goodness['pvalue']:.2g}, in {len(goodness['bins'])} kinds of "
            f"bins; closure{of} p = {closure['pvalue']:.2g}, in {len(closure['variables']) - 1} "
            f"variables and all events ({closure['z']:+.1f}σ)",
        )
        for warning in quality["warnings"]:
            print_wrapped(console, "!", warning)
    if found.get("unchecked"):
        console.print(f"[yellow]![/] {escape(found['unchecked'])}")


def _jumps(found: Mapping[str, Any] | None) -> str:
    """Return where r may jump in |η|, and why there."""
    if found is None:
        return ""
    if not found["abseta"]:
        return f"; r jumps nowhere in |η| ({found['because']})"
    edges = ", ".join(f"{edge:g}" for edge in found["abseta"])
    return f"; r may jump at |η| {edges} ({found['because']})"


def print_wrapped(console: Console, heading: str, text: str) -> None:
    """Print a paragraph of 80 columns below a heading in bold."""
    lines = textwrap.wrap(f"{heading}  {text}", 80, subsequent_indent="  ", break_long_words=False)
    lines[0] = f"[bold]{heading}[/]" + escape(lines[0].removeprefix(heading))
    console.print("\n".join([lines[0], *map(escape, lines[1:])]))


def _print_window(console: Console, results: dict[str, Any], names: tuple[str, ...]) -> None:
    scan = results["tests"]["best_window"]
    best = scan["best"]
    if best is None:
        console.print("No window of the plane holds an event.")
        return
    axes = [axis["column"] for axis in results["configuration"]["processor"]["plane"]]
    where = ", ".join(
        f"{name} {low:g}-{high:g}" for name, (low, high) in zip(axes, best["edges"], strict=True)
    )
    text = (
        f"{where}: Nσ = {best['local_z']:+.2f} (excess of {names[best['local_z'] > 0]}), local: "
        f"the largest of {scan['n_windows']:,} windows"
    )
    found = scan["significance"]
    if found is not None:
        n = scan["global"]["null"]["n"]
        text += f"; with all of them counted, {p_and_z(found)} ({n:,} redrawn labels)"
    print_wrapped(console, f"Best {scan['shape']} window", text)
    if found is None:
        console.print("[yellow]![/] Its p-value is not there: its relabellings could not be drawn.")


def _print_q0(console: Console, tests: dict[str, Any], labels: Mapping[str, str]) -> None:
    fits, raw = tests["q0"], tests.get("raw")
    fitted, seen = {n: fit for n, fit in fits.items() if "z" in fit}, set()
    headings = ["√q0", "p", "Z", "μ", "68 % interval"]
    headings = (["raw √q0"] if raw is not None else []) + headings
    kept = any("kept_by_calibration" in fit for fit in fitted.values())
    table = plain_table(padding=0)
    for heading in ("signal", "in", *headings, *(["kept"] if kept else [])):
        table.add_column(heading, justify="left" if heading in ("signal", "in") else "right")
    for name, fit in sorted(fitted.items(), key=lambda item: -item[1]["z"]):
        if name in seen:
            continue
        seen |= {name, fit["mirror"]}
        low, high = (maybe(fit.get(key)) for key in ("mu_low", "mu_high"))
        cells = [f"{fit['z']:+.2f}", pvalue(fit["significance"]), z_of(fit["significance"])]
        cells += [f"{fit['mu']:.1f} ± {maybe(fit['mu_error']) or '?'}"]
        cells += [f"{low or '?'} to {high or '?'}"]
        if raw is not None:
            before = raw["q0"].get(name, {})
            cells.insert(0, f"{before['z']:+.2f}" if "z" in before else "")
        if kept:
            share = fit.get("kept_by_calibration")
            cells.append("" if share is None else f"{100 * share:.0f} %")
        mirrored = "" if fit["mirror"] is None else f"\n| {escape(fit['mirror'])}"
        table.add_row(escape(name) + mirrored, labels[fit["order"]], *cells)
    if table.row_count:
        title = "q0 of each signal, each sample being the other's background; μ in events"
        print_table(title, table)
        _print_fitted(console, fitted)
    _print_expected(console, fits)
    for name, fit in fits.items():
        if "problem" in fit:
            console.print(f"[yellow]![/] q0 of {escape(name)}: {escape(fit['problem'])}")


def _print_fitted(console: Console, fits: Mapping[str, Any]) -> None:
    """Print what the rows of q0 need beside them."""
    merged = sorted({fit["bins"]["n_bins"] for fit in fits.values() if "bins" in fit})
    lines = [f"in {' and '.join(map(str, merged))} bins, merged without looking at the labels"]
    if any(fit["mirror"] is not None for fit in fits.values()):
        lines.append(
            "a signal and its mirror image (|) are one row, the favoured one's, p of either"
        )
    if any("kept_by_calibration" in fit for fit in fits.values()):
        lines.append("kept: what the self-calibration leaves of a signal, the rest it takes for r")
    print_wrapped(console, "Fitted", "; ".join(lines))
    for name, fit in fits.items():
        if fit["sparse"]:
            console.print(
                f"[yellow]![/] q0 of {escape(name)}: too few events for its bins; Z does not hold"
            )


def _print_expected(console: Console, fits: Mapping[str, Any]) -> None:
    """Print what is expected of simulation that is scaled to a luminosity."""
    expected = {name: fit["expected"] for name, fit in fits.items() if "expected" in fit}
    if not expected:
        return
    with_z = any(each["z"] is not None for each in expected.values())
    table = plain_table(padding=0)
    given = ("expected Z", "events") if with_z else ()
    for heading in ("signal", *given, "± of μ without signal", "fb⁻¹"):
        table.add_column(heading, justify="left" if heading == "signal" else "right")
    for name, each in expected.items():
        cells = ["", ""] if with_z else []
        if each["z"] is not None:
            cells = [f"{each['z']:.2f} ± {maybe(each['z_error'], 2) or '?'}", f"{each['mu']:,.1f}"]
        luminosity = each["luminosity_ifb"]
        cells += [maybe(each["mu_error_at_null"]), "" if luminosity is None else f"{luminosity:g}"]
        table.add_row(escape(name), *cells)
    print_table("Expected of q0: Asimov data of the symmetrised simulation", table)
    if any(each["z"] is None for each in expected.values()):
        console.print(
            "Of signals stored with the package no number of events is known, and so no Z expected."
        )


def _print_unbinned(console: Console, tests: dict[str, Any]) -> None:
    table = plain_table(padding=0)
    results, raw = tests["unbinned"], tests.get("raw")
    before = {} if raw is None else raw.get("unbinned", {})
    headings = ["test", "t", "expected", "dof", "p (χ²)", "p", "Z"]
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
        found, old = result.get("significance"), before.get(name, {})
        cells = [f"{old['t']:.1f}" if "t" in old else ""] if before else []
        table.add_row(
            name,
            *cells,
            f"{result['t']:.1f}",
            maybe(result.get("expected")),
            str(result["dof"]),
            f"{result['pvalue']:.2g}",
            pvalue(found),
            z_of(found),
        )
    if table.row_count:
        title = f"Symmetrized likelihood ratio of {', '.join(results['columns'])}, unbinned"
        print_table(f"{title}; p by redrawn labels", table)
    if "subspace" in results:
        _print_subspace(console, results["subspace"], tests["yields"])


def _print_subspace(console: Console, found: Mapping[str, Any], yields: Mapping[str, Any]) -> None:
    """Print which view of the columns differs most, where, and what all views are worth."""
    if "problem" in found:
        console.print(f"[yellow]![/] subspace test: {escape(found['problem'])}")
        return
    orders = [name for name in yields if name not in ("datasets", "ratio")]
    more = yields[orders[0 if found["excess"] == "A" else 1]]["label"]
    where = ", ".join(
        f"{name} {rounded(low)}-{rounded(high)}" for name, (low, high) in found["region"].items()
    )
    worth = found.get("significance")
    counted = f"with all {len(found['local'])} views counted, "
    if worth is None:
        counted += "there is no p-value: its relabellings could not be drawn"
    else:
        n = found["permutations"]["null"]["n"]
        counted += f"{p_and_z(worth)} ({n:,} redrawn labels)"
    print_wrapped(
        console,
        "Subspaces",
        f"the view that differs most is the {found['best']}, local Z = "
        f"{found['local'][found['best']]:+.2f}; most at {where}, where {more} exceeds by "
        f"{abs(found['pull']):.1f}σ, local; {counted}",
    )


def _print_extra(console: Console, tests: dict[str, Any]) -> None:
    """Print the tests that the user gave."""
    if not tests.get("extra"):
        return
    table = plain_table(padding=0)
    for heading in ("test", "statistic", "p", "Z"):
        table.add_column(heading, justify="left" if heading == "test" else "right")
    for name, result in tests["extra"].items():
        if "problem" in result:
            console.print(f"[yellow]![/] {escape(name)}: {escape(result['problem'])}")
            continue
        found = result.get("significance")
        table.add_row(escape(name), f"{result['statistic']:.4g}", pvalue(found), z_of(found))
    if table.row_count:
        print_table("Further tests; p by redrawn labels", table)


def _print_global(console: Console, found: dict[str, Any]) -> None:
    if "problem" in found:
        console.print(f"[yellow]![/] All tests together: {escape(found['problem'])}")
        return
    if found["smallest"] is None:
        console.print("[yellow]![/] All tests together: no test could be run")
    else:
        known = {**found, "pvalue_error": found["pvalue_error"]}
        print_wrapped(
            console,
            "All together",
            f"the smallest p is that of {found['smallest']}; with all {len(found['tests'])} tests "
            f"counted, {p_and_z(known)} ({found['n']:,} redrawn labels, the "
            "same for every test)",
        )
    for name, reason in found["left_out"].items():
        console.print(f"[yellow]![/] Not counted, {escape(name)}: {escape(reason)}")
