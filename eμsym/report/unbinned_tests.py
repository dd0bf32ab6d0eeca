"""The tests that look at events one by one, and those that the user gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eμsym.report.parts import Block, Heading, Notes, Paragraph, Table
from eμsym.report.pictures import Pictures
from eμsym.written_numbers import maybe, p_and_z, pvalue, rounded, z_of

_MEANS = {
    "spline": "smooth curves",
    "network": "a small neural network",
}


def unbinned_tests(
    tests: Mapping[str, Any], names: tuple[str, str], pictures: Pictures
) -> Iterator[Block | None]:
    """Yield the symmetrized likelihood ratios and the subspace test, with their figures.

    Parameters
    ----------
    tests : mapping
        The part ``tests`` of ``results.json``.
    names : tuple of str
        Of A and of B.
    pictures : Pictures
    """
    results, raw = tests["unbinned"], tests.get("raw")
    before = {} if raw is None else raw.get("unbinned", {})
    rows, problems = [], []
    for name in _MEANS:
        result = results.get(name)
        if result is None:
            continue
        if "problem" in result:
            problems.append(f"{name} test: {result['problem']}")
            continue
        found, old = result.get("significance"), before.get(name, {})
        cells = [f"{old['t']:.1f}" if "t" in old else ""] if before else []
        cells += [f"{result['t']:.1f}", maybe(result.get("expected")), str(result["dof"])]
        cells += [f"{result['pvalue']:.2g}", pvalue(found), z_of(found)]
        rows.append((name, *cells))
    if rows:
        how = " and ".join(_MEANS[row[0]] for row in rows)
        yield Heading("Symmetrized likelihood ratio, unbinned")
        yield Paragraph(
            "It compares the densities of both samples with that of both together, event by event "
            f"and without bins, by {how}: a large t says that the samples differ somewhere, in "
            "whatever way. p is by redrawn labels; that of χ² is a reference only."
        )
        yield Table(
            f"Symmetrized likelihood ratio of {', '.join(results['columns'])}, unbinned",
            ("test", *(["raw t"] if before else []), *_HEADINGS),
            tuple(rows),
        )
    if problems:
        yield Notes(tuple(problems))
    for row in rows:
        yield _ratio(row[0], results["columns"], names, pictures)
        yield _null(row[0], f"t = {results[row[0]]['t']:.1f}", pictures)
    if "subspace" in results:
        yield from _subspace(results["subspace"], tests["yields"], pictures)


_HEADINGS = ("t", "expected", "dof", "p (χ²)", "p", "Z")


def _ratio(
    name: str, columns: list[str], names: tuple[str, str], pictures: Pictures
) -> Block | None:
    a, b = names
    return pictures.take(
        f"{name}_ratio",
        f"{name}: both samples, over what the symmetry expects of them",
        f"{a} and {b} in bins of {', '.join(columns)}, each over what the symmetry expects of it, "
        f"with the curves that the {name} test fits; where only labels differ both are one.",
    )


def _null(name: str, statistic: str, pictures: Pictures) -> Block | None:
    return pictures.take(
        f"{name}_null",
        f"{name}: the statistic among redrawn labels",
        f"Histogram of the statistic of the {name} test over redrawn labels, with the observed "
        f"one marked: {statistic}.",
    )


def _subspace(
    found: Mapping[str, Any], yields: Mapping[str, Any], pictures: Pictures
) -> Iterator[Block | None]:
    """Yield which view of the columns differs most, where, and what all views are worth."""
    if "problem" in found:
        yield Notes((f"subspace test: {found['problem']}",))
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
    yield Heading("Subspaces")
    yield Paragraph(
        "This test looks at every column, every two of them and all together. The view that "
        f"differs most is the {found['best']}, local Z = {found['local'][found['best']]:+.2f}; "
        f"most at {where}, where {more} exceeds by {abs(found['pull']):.1f}σ, local; {counted}."
    )
    yield _null("subspace", f"Z of the mean local p = {found['statistic']:+.2f}", pictures)
    yield pictures.take(
        "subspace_map",
        "Where the samples differ, in the view that differs most",
        f"Map of the logarithm of the odds of the samples; the region where they differ most is "
        f"marked: {where}.",
    )


def further_tests(tests: Mapping[str, Any], pictures: Pictures) -> Iterator[Block | None]:
    """Yield the tests that the user gave, with the figures of their nulls.

    Parameters
    ----------
    tests : mapping
        The part ``tests`` of ``results.json``.
    pictures : Pictures
    """
    rows, problems = [], []
    for name, result in (tests.get("extra") or {}).items():
        if "problem" in result:
            problems.append(f"{name}: {result['problem']}")
            continue
        found = result.get("significance")
        rows.append((name, f"{result['statistic']:.4g}", pvalue(found), z_of(found)))
    if rows or problems:
        yield Heading("Further tests")
    if rows:
        headings = ("test", "statistic", "p", "Z")
        yield Table("Further tests; p by redrawn labels", headings, tuple(rows))
    for row in rows:
        yield _null(row[0], row[1], pictures)
    if problems:
        yield Notes(tuple(problems))
