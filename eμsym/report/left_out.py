"""The section on warnings, and on what was left out and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eμsym.report.parts import Block, Listing, Notes, Paragraph, Section, some
from eμsym.results import Results


def left_out_section(
    results: Results, scan: Mapping[str, Any] | None, problems: list[str]
) -> Section:
    """Return all warnings, what is missing, and what could be there and is not.

    Parameters
    ----------
    results : Results
    scan : mapping or None
        The content of ``scan.json``.
    problems : list of str
        Of figures that could not be shown.
    """
    warnings = list(dict.fromkeys([*_warnings(results), *problems]))
    absent = list(_absent(results, scan))
    blocks: list[Block | None] = [
        Notes(tuple(warnings)) if warnings else Paragraph("There are no warnings."),
        Paragraph("What could be here and is not:") if absent else None,
        Listing(tuple(absent)) if absent else None,
    ]
    return Section("left-out", "Warnings, and what is left out", some(blocks))


def _warnings(results: Results) -> Iterator[str]:
    extra = results.model_extra or {}
    yield from (f"missing: {line}" for line in results.missing)
    yield from results.warnings
    shared = extra.get("shared_events") or {}
    if shared.get("shared"):
        yield f"{shared['shared']:,} events are in more than one dataset"
    yield from extra.get("figure_problems") or ()
    tests = results.tests
    if tests:
        yield from tests["notes"]
        if tests["warning"] is not None:
            yield tests["warning"]
        together = tests["global"]
        if "problem" in together:
            yield f"All tests together: {together['problem']}"
        for name, reason in (together.get("left_out") or {}).items():
            yield f"not counted among all tests: {name}, for {reason}"
    limits = extra.get("limits")
    if limits is not None:
        yield from limits["notes"]


def _absent(results: Results, scan: Mapping[str, Any] | None) -> Iterator[str]:
    if not results.tests:
        yield "tests: run emusym test on this folder"
    elif "network" not in results.tests["unbinned"]:
        yield "the network of the symmetrized test, which takes long: emusym test --symmetrized"
    if scan is None:
        yield "a scan of regions, observables and tests: run emusym scan on this folder"
    if "limits" not in (results.model_extra or {}):
        yield "limits on signals: run emusym limit on this folder"
