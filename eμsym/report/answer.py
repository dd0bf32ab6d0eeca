"""The answer in one sentence, and what it must not be read without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eμsym.report.scan import global_p
from eμsym.results import Results
from eμsym.written_numbers import pvalue, z_of

#: Above this p nobody would look twice.
_USUAL = 0.05
#: Z from which the field says evidence, and observation.
_EVIDENCE, _OBSERVATION = 3.0, 5.0


def answer(results: Results, scan: Mapping[str, Any] | None) -> str:
    """Return what was found, in one sentence.

    Parameters
    ----------
    results : Results
        A part of ``tests`` that is missing or wrong raises `KeyError` or `TypeError`.
    scan : mapping or None
        The content of ``scan.json``.
    """
    a, b = results.label_rule.names
    if results.tests:
        said = _of_tests(results.tests["global"], a, b)
        if scan is not None:
            said = f"{said.removesuffix('.')}; {_of_scan(scan)}."
        return said
    if scan is not None:
        return f"Of {a} and {b}, {_of_scan(scan)}."
    return (
        f"Whether {a} and {b} are compatible is not known yet: the events are processed, and "
        "not tested."
    )


def _of_tests(found: Mapping[str, Any], a: str, b: str) -> str:
    if "problem" in found:
        return (
            f"Whether {a} and {b} are compatible is not known: the p-values of the tests could not "
            f"be put together ({found['problem']})."
        )
    if found["smallest"] is None:
        return f"Whether {a} and {b} are compatible is not known: no test could be run."
    n = len(found["tests"])
    counted = f"with all {n} tests counted" if n > 1 else "by the one test there is"
    return (
        f"{_verdict(found, a, b)}: {counted}, p {_equals(pvalue(found))} and "
        f"Z {_equals(z_of(found))}, the smallest p being that of {found['smallest']}."
    )


def _equals(text: str) -> str:
    """Return a number behind its sign: "= 0.02", "< 0.001"."""
    return text if text[:1] in ("<", ">") else f"= {text}"


def _verdict(found: Mapping[str, Any], a: str, b: str) -> str:
    p, z = found["pvalue"], found["z"]
    if p > _USUAL:
        return f"{a} and {b} are compatible"
    if z is not None and z >= _OBSERVATION:
        return f"{a} and {b} differ by far more than chance allows"
    if z is not None and z >= _EVIDENCE:
        return f"{a} and {b} differ by more than chance is likely to give"
    if not found["resolved"]:
        return f"{a} and {b} differ by more than any of the redrawn labels"
    return f"{a} and {b} differ by a little more than is usual by chance, which is no evidence"


def _of_scan(scan: Mapping[str, Any]) -> str:
    return (
        f"the scan of {len(scan['entries']):,} combinations of regions, observables and tests has "
        f"p {_equals(pvalue(global_p(scan)))}, all of them counted"
    )


def caveats(results: Results) -> tuple[str, ...]:
    """Return what the answer must not be read without: p's meaning, and what the events are."""
    found = []
    if results.blinding:
        found.append(f"Blinded: {results.blinding_line}.")
    if results.tests:
        found.append(
            "p is how often labels alone, with nothing new in the events, give as much or more; "
            "Z = Φ⁻¹(1 − p) is the same in standard deviations. By the field's convention Z of 3 "
            "is evidence and of 5 an observation, of a difference, and not of its cause."
        )
        if results.tests["warning"] is not None:
            found.append(str(results.tests["warning"]))
    roles = {results.datasets[name].role for name in results.pair if name in results.datasets}
    if roles and "data" not in roles:
        found.append("The events of the pair are simulation, not data.")
    return tuple(found)
