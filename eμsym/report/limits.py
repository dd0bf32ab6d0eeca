"""The section on limits: those on every signal, of two together, and of several folders."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from eμsym.report.parts import Block, Heading, Notes, Paragraph, Section, Table, some
from eμsym.report.pictures import Pictures
from eμsym.results import Results
from eμsym.written_numbers import limit

_UNITS = (("events", "events"), ("σ × BR [pb]", "cross_section"), ("BR", "branching_ratio"))
#: So many uncertainties are named, the largest.
_MOST = 8


def limits_section(results: Results, pictures: Pictures) -> Section | None:
    """Return the limits and their figures; None if there are none yet.

    Parameters
    ----------
    results : Results
        With the part ``limits`` that `emusym limit` adds.
    pictures : Pictures
    """
    limits = (results.model_extra or {}).get("limits")
    if limits is None:
        return None
    percent = f"{100 * limits['cl']:g} %"
    method = "" if limits["method"] == "asymptotic" else f", {limits['method']} toys"
    blocks: list[Block | None] = [
        Paragraph(
            "What lies above the observed limit would have given a sample as free of signal as "
            f"this one in less than {100 * (1 - limits['cl']):.3g} % of cases, relative to no "
            "signal (CLs); the expected limit is that of samples without signal, with the range "
            "of one and of two standard deviations."
        ),
        _table(limits, f"Upper limits at {percent} CL (CLs{method}{_where(limits)})"),
        _each_region(limits),
        _overview("events", pictures),
        _overview("cross_section", pictures),
        _overview("branching_ratio", pictures),
    ]
    for name, each in limits["signals"].items():
        of_signal = some(list(_of_signal(name, each, pictures)))
        blocks += [Heading(name), *of_signal] if of_signal else []
    blocks += _together(limits, percent, pictures)
    blocks += _combined(limits, percent)
    return Section("limits", "Limits", some(blocks))


def _table(limits: Mapping[str, Any], caption: str) -> Table:
    rows = []
    for name, each in limits["signals"].items():
        for unit, key in _UNITS:
            found = each[key]
            if "problem" not in found:
                rows.append((name, unit, *(limit(x) for x in _values(found))))
    headings = ("signal", "limit on", "observed", "expected", "−1σ", "+1σ", "−2σ", "+2σ")
    return Table(caption, headings, tuple(rows), words=frozenset({"limit on"}))


def _where(limits: Mapping[str, Any]) -> str:
    region = limits.get("region")
    return f", region {region}" if region else ""


def _each_region(limits: Mapping[str, Any]) -> Table | None:
    """Return the limits of each of several regions alone."""
    rows = []
    for region, signals in limits.get("regions", {}).items():
        for name, each in signals.items():
            for unit, key in _UNITS:
                if "problem" not in each[key]:
                    observed, median, *_ = _values(each[key])
                    rows.append((name, region, unit, limit(observed), limit(median)))
    headings = ("signal", "region", "limit on", "observed", "expected")
    words = frozenset({"region", "limit on"})
    return Table("Each region alone", headings, tuple(rows), words=words) if rows else None


def _values(found: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the observed limit and the expected ones, the median first."""
    expected = found["expected"]
    given = found["observed"], *(expected[key] for key in ("median", "-1", "+1", "-2", "+2"))
    return tuple(math.nan if value is None else float(value) for value in given)


def _overview(unit: str, pictures: Pictures) -> Block | None:
    name = "limits" if unit == "events" else f"limits_{unit}"
    on = {"events": "events", "cross_section": "σ × BR", "branching_ratio": "BR"}[unit]
    return pictures.take(
        name,
        f"Limits on {on}, of every signal",
        f"Observed and expected upper limits on {on}, with bands of one and two standard "
        "deviations; the numbers are those of the table of limits.",
    )


def _of_signal(name: str, each: Mapping[str, Any], pictures: Pictures) -> Iterator[Block | None]:
    found = each["events"]
    if "problem" not in found:
        observed, median, *_ = map(limit, _values(found))
        yield pictures.take(
            f"limit_{name}",
            f"{name}: CLs of every strength",
            f"CLs against the events of {name}, observed and expected with its bands; the line of "
            f"the confidence level is met at {observed or 'no point'} observed, {median} expected.",
        )
    yield pictures.take(
        f"sensitivity_{name}",
        f"{name}: expected limits with more data",
        f"Expected upper limit on events of {name} against the integrated luminosity.",
    )
    impacts = each.get("impacts")
    if impacts is not None and "problem" not in impacts:
        yield _impacts(name, impacts)
        yield pictures.take(
            f"impacts_{name}",
            f"{name}: what each uncertainty does",
            f"Pulls of the uncertainties of the fit for {name}, and what each adds to μ; the "
            "table before it has the largest.",
        )


def _impacts(name: str, impacts: Mapping[str, Any]) -> Table:
    every = impacts["nuisances"]
    ranked = sorted(every, key=lambda x: -max(abs(x["up"]), abs(x["down"])))[:_MOST]
    most = f"the largest {_MOST} of {len(every)}" if len(every) > _MOST else "all of them"
    return Table(
        f"{name}: what uncertainties do to μ, in events, {most}",
        ("uncertainty", "pull", "its error", "up", "down"),
        tuple(
            (x["name"], *(f"{x[key]:.3g}" for key in ("pull", "error", "up", "down")))
            for x in ranked
        ),
    )


def _together(
    limits: Mapping[str, Any], percent: str, pictures: Pictures
) -> Iterator[Block | None]:
    both = limits.get("together")
    if both is None or "problem" in both:
        return
    one, other = both["signals"]
    yield Heading("Two signals together")
    yield Table(
        f"{one} and {other} together, {both['unit']} at {percent} CL, all else at its best",
        ("of", "interval"),
        (
            (f"{one} alone", _interval(both["first"])),
            (f"{other} alone", _interval(both["second"])),
            (f"{one} less {other}", _interval(both["difference"])),
        ),
    )
    yield pictures.take(
        "contour",
        f"{one} and {other} together",
        f"Contour of the fit in the strengths of {one} and {other}.",
    )


def _interval(found: Mapping[str, Any]) -> str:
    if not found["bounded"]:
        return "not bounded"
    return f"{found['best']:.4g}, from {found['low']:.4g} to {found['high']:.4g}"


def _combined(limits: Mapping[str, Any], percent: str) -> Iterator[Block]:
    combined = limits.get("combined")
    if not combined:
        return
    rows, problems = [], []
    for name, each in combined.items():
        for unit, key in _UNITS[1:]:
            if "problem" in each[key]:
                problems.append(f"{name}, {unit} of all folders: {each[key]['problem']}")
            else:
                observed, median, *_ = _values(each[key])
                rows.append((name, unit, limit(observed), limit(median)))
    yield Heading("Several folders together")
    folders = next(iter(combined.values()))["folders"]
    yield Table(
        f"{len(folders)} folders together at {percent} CL: {', '.join(folders)}",
        ("signal", "limit on", "observed", "expected"),
        tuple(rows),
        words=frozenset({"limit on"}),
    )
    if problems:
        yield Notes(tuple(problems))
