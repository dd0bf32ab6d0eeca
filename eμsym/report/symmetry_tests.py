"""The section on tests: each with what it means, its numbers and its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eμsym.report.parts import Block, Heading, Paragraph, Section, Table, some
from eμsym.report.pictures import Pictures
from eμsym.report.signal_tests import signal_tests
from eμsym.report.unbinned_tests import further_tests, unbinned_tests
from eμsym.results import Results
from eμsym.written_numbers import p_and_z, pvalue, z_of


def tests_section(results: Results, pictures: Pictures) -> Section | None:
    """Return all tests, those together first; None if there were none yet.

    Parameters
    ----------
    results : Results
    pictures : Pictures
    """
    if not results.tests:
        return None
    tests = results.tests
    names = results.label_rule.names
    axes = [axis["column"] for axis in results.configuration.processor.get("plane", ())]
    blocks: list[Block | None] = [
        *_together(tests["global"]),
        *_nsigma(tests, names, pictures),
        *_window(tests["best_window"], names, axes),
        pictures.take("plane", "The plane", _of_plane(tests, names, axes)),
        *signal_tests(tests, pictures),
        *unbinned_tests(tests, names, pictures),
        *further_tests(tests, pictures),
    ]
    return Section("tests", "Tests", some(blocks))


def _together(found: Mapping[str, Any]) -> Iterator[Block]:
    if "problem" in found or found["smallest"] is None:
        return
    n = found["n"]
    yield Heading("All together")
    yield Paragraph(
        f"The smallest p is that of {found['smallest']}; with all {len(found['tests'])} tests "
        f"counted, {p_and_z(found)}. Labels were drawn anew {n:,} times, "
        "the same for every test, and the smallest p of each drawing compared with that of the "
        "data: so that many tests are looked at costs what it must, however alike they are."
    )
    yield Table(
        f"p of each test among the same {n:,} redrawn labels; the smallest alone means little",
        ("test", "p"),
        tuple((name, f"{p:.2g}") for name, p in found["tests"].items()),
    )


def _nsigma(
    tests: Mapping[str, Any], names: tuple[str, str], pictures: Pictures
) -> Iterator[Block | None]:
    a, b = names
    raw = tests.get("raw")
    sparse = any(test["sparse"] and test["z"] is not None for test in tests["nsigma"].values())
    headings = ["Nσ", "p", "Z", "bins", "empty", "p by", *(["p by N(0,1)"] if sparse else [])]
    rows = []
    for name, test in tests["nsigma"].items():
        found = test["significance"]
        row = [name, *([] if raw is None else [nsigma(raw["nsigma"][name])])]
        row += [nsigma(test), pvalue(found), z_of(found), f"{test['n_bins']}"]
        row += [f"{test['n_empty']}", "" if found is None else found["by"]]
        if sparse:
            row.append("" if found is None or not test["sparse"] else pvalue(test["by_normal"]))
        rows.append(tuple(row))
    yield Heading("Nσ")
    yield Paragraph(
        f"Nσ adds the difference {b} − {a} of all bins, each in units of its error, and divides by "
        "the square root of their number: a standard normal number if only labels differ. It "
        "sees what is broad and of one sign; a signal in few of many bins it hardly sees."
    )
    yield Table(
        f"Nσ of {b} − {a} (negative: {a} has the excess), in either direction",
        ("histogram", *([] if raw is None else ["raw Nσ"]), *headings),
        tuple(rows),
        words=frozenset({"p by"}),
    )
    for name, test in tests["nsigma"].items():
        if name != "plane":
            yield pictures.take(
                name,
                f"{name}: both samples, and their difference in units of its error",
                f"Histograms of {name} of {a} and of {b}, and below them the difference {b} − {a} "
                f"of every bin in units of its error; all together Nσ = {nsigma(test)}, "
                f"p = {pvalue(test['significance'])}.",
            )


def nsigma(test: Mapping[str, Any]) -> str:
    """Return Nσ as it is written."""
    return "no entries" if test["z"] is None else f"{test['z']:+.2f}"


def _window(
    scan: Mapping[str, Any], names: tuple[str, str], axes: list[str]
) -> Iterator[Block | None]:
    best = scan["best"]
    yield Heading(f"Best {scan['shape']} window")
    if best is None:
        yield Paragraph("No window of the plane holds an event.")
        return
    where = where_is(best, axes)
    text = (
        f"{where}: Nσ = {best['local_z']:+.2f} (excess of {names[best['local_z'] > 0]}), local: "
        f"the largest of {scan['n_windows']:,} windows."
    )
    found = scan["significance"]
    if found is None:
        text += " Its p-value is not there: its relabellings could not be drawn."
    else:
        n = scan["global"]["null"]["n"]
        text += (
            f" With all windows counted, {p_and_z(found)} ({n:,} redrawn "
            "labels). This looks for an excess anywhere in the plane, of any size."
        )
    yield Paragraph(text)


def where_is(best: Mapping[str, Any], axes: list[str]) -> str:
    """Return the ranges of a window, axis by axis."""
    return ", ".join(
        f"{name} {low:g}-{high:g}" for name, (low, high) in zip(axes, best["edges"], strict=True)
    )


def _of_plane(tests: Mapping[str, Any], names: tuple[str, str], axes: list[str]) -> str:
    a, b = names
    text = (
        f"Three maps of the plane of {' and '.join(axes)}: events of {a}, events of {b}, and their "
        "difference in every bin in units of its error."
    )
    best = tests["best_window"]["best"]
    if best is not None:
        text += (
            f" The best window is marked, {where_is(best, axes)}, Nσ = {best['local_z']:+.2f}, "
            "local."
        )
    return text
