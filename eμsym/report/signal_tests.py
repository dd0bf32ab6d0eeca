"""The tests for given signals: q0, what is expected of it, and its profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eμsym.report.parts import Block, Heading, Notes, Paragraph, Table
from eμsym.report.pictures import Pictures
from eμsym.written_numbers import maybe, pvalue, z_of


def signal_tests(tests: Mapping[str, Any], pictures: Pictures) -> Iterator[Block | None]:
    """Yield the rows of q0, what they need beside them, and the profiles of μ.

    Parameters
    ----------
    tests : mapping
        The part ``tests`` of ``results.json``.
    pictures : Pictures
    """
    fits = tests["q0"]
    fitted = {name: fit for name, fit in fits.items() if "z" in fit}
    if fitted:
        yield Heading("q0 of signals")
        yield Paragraph(
            "q0 fits the strength μ, in events, of a signal whose shape is given, each sample "
            "being the other's background: the sharpest test for that signal, and for others a "
            "blunt one."
        )
        yield _rows(tests, fitted)
        yield Paragraph(_fitted(fitted))
        sparse = [name for name, fit in fitted.items() if fit["sparse"]]
        if sparse:
            lines = (f"q0 of {x}: too few events for its bins; Z does not hold" for x in sparse)
            yield Notes(tuple(lines))
    for name, fit in fitted.items():
        yield pictures.take(
            f"q0_{name}",
            f"{name}: the profile of μ",
            f"Curve of −2 ln λ against the strength μ of {name} in events, least at "
            f"μ = {fit['mu']:.1f} ± {maybe(fit['mu_error']) or '?'}.",
        )
    expected = {name: fit["expected"] for name, fit in fits.items() if "expected" in fit}
    if expected:
        if not fitted:
            yield Heading("q0 of signals")
        yield Paragraph(
            "Simulation that is scaled to a luminosity does not fluctuate as data do, and q0 is "
            "not fitted to it. Told is what data of that luminosity may be expected to show."
        )
        yield from _expected(expected)
    problems = [f"q0 of {name}: {fit['problem']}" for name, fit in fits.items() if "problem" in fit]
    if problems:
        yield Notes(tuple(problems))


def _rows(tests: Mapping[str, Any], fitted: Mapping[str, Any]) -> Table:
    yields, raw, seen, rows = tests["yields"], tests.get("raw"), set(), []
    kept = any("kept_by_calibration" in fit for fit in fitted.values())
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
        mirrored = "" if fit["mirror"] is None else f" | {fit['mirror']}"
        rows.append((f"{name}{mirrored}", yields[fit["order"]]["label"], *cells))
    headings = [*([] if raw is None else ["raw √q0"]), "√q0", "p", "Z", "μ", "68 % interval"]
    return Table(
        "q0 of each signal, each sample being the other's background; μ in events",
        ("signal", "in", *headings, *(["kept"] if kept else [])),
        tuple(rows),
        words=frozenset({"in"}),
    )


def _fitted(fits: Mapping[str, Any]) -> str:
    """Return what the rows of q0 need beside them."""
    merged = sorted({fit["bins"]["n_bins"] for fit in fits.values() if "bins" in fit})
    lines = [f"Fitted in {' and '.join(map(str, merged))} bins, merged without looking at labels"]
    if any(fit["mirror"] is not None for fit in fits.values()):
        lines.append(
            "a signal and its mirror image (|) are one row, the favoured one's, p of either"
        )
    if any("kept_by_calibration" in fit for fit in fits.values()):
        lines.append("kept: what the self-calibration leaves of a signal, the rest it takes for r")
    return f"{'; '.join(lines)}."


def _expected(expected: Mapping[str, Any]) -> Iterator[Block]:
    with_z = any(each["z"] is not None for each in expected.values())
    rows = []
    for name, each in expected.items():
        cells = ["", ""] if with_z else []
        if each["z"] is not None:
            cells = [f"{each['z']:.2f} ± {maybe(each['z_error'], 2) or '?'}", f"{each['mu']:,.1f}"]
        luminosity = each["luminosity_ifb"]
        cells += [maybe(each["mu_error_at_null"]), "" if luminosity is None else f"{luminosity:g}"]
        rows.append((name, *cells))
    yield Table(
        "Expected of q0: Asimov data of the symmetrised simulation",
        (
            "signal",
            *(("expected Z", "events") if with_z else ()),
            "± of μ without signal, events",
            "luminosity, fb⁻¹",
        ),
        tuple(rows),
    )
    if any(each["z"] is None for each in expected.values()):
        yield Paragraph(
            "Of signals stored with the package no number of events is known, and so no expected Z."
        )
