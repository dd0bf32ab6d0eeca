"""The section on calibration: what was done about the detector, and how well it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eμsym.report.parts import Block, Notes, Paragraph, Section, Table, some
from eμsym.report.pictures import Pictures
from eμsym.results import Results


def calibration_section(results: Results, pictures: Pictures) -> Section | None:
    """Return the correction, its quality and its figure; None if nothing was tested yet.

    Parameters
    ----------
    results : Results
    pictures : Pictures
    """
    if not results.tests:
        return None
    a, b = results.label_rule.names
    blocks: list[Block | None] = [*_correction(results.tests.get("equalisation"), (a, b))]
    blocks.append(_resolution(results))
    blocks.append(
        pictures.take(
            "equalisation",
            "Before and after the correction, and r of a lepton",
            f"Six panels of the ratio {a}/{b} against transverse momenta and pseudorapidities of "
            "both leptons and two other variables, before the correction and after it, with p of "
            "the latter in each title; beside them the ratio r of the efficiencies against the "
            "lepton's transverse momentum, in classes of |η|.",
        )
    )
    return Section("calibration", "Calibration", some(blocks))


def _correction(found: Mapping[str, Any] | None, names: tuple[str, str]) -> Iterator[Block]:
    if found is None:
        yield Paragraph("no correction: the samples are compared as they were counted.", "None")
        return
    if "problem" in found:
        reason = f"Not corrected for the detector's e/μ difference: {found['problem']}"
        yield Notes((reason,))
        return
    yield Paragraph(_how(found), "Corrected")
    sides = found["yields"]
    yield Table(
        "Events of both samples, before and after the correction",
        ("events", *names),
        tuple(
            (name, *(f"{value:,.1f}" for value in sides[key]))
            for name, key in (("counted", "raw"), ("corrected", "equalised"))
        ),
    )
    quality = found["quality"]
    if "problem" in quality:
        yield Notes((f"The correction's quality is not known: {quality['problem']}",))
    else:
        yield from _quality(quality)
    if found.get("unchecked"):
        yield Notes((found["unchecked"],))


def _how(found: Mapping[str, Any]) -> str:
    calibration = found["calibration"]
    if calibration is None:
        how = f"by {found['source']}"
    else:
        how = (
            f"by r = ε_μ/ε_e of pT and |η|, {calibration['n_terms']} terms fitted to "
            f"{calibration['n_events']:,} events"
        )
        if calibration["by"] is not None:
            how += f" in {calibration['n_classes']} classes of {calibration['by']}"
        if found["given"] is not None:
            how += f", on top of {found['given']}"
        for column, (low, high) in calibration["exclude"].items():
            how += f", without {column} {low:g}-{high:g}"
    if found["ratio"] is not None:
        how += (
            f"; afterwards the ratio of the samples is {found['ratio']['value']:.4f} ± "
            f"{found['ratio']['error']:.4f}"
        )
    return f"{how}."


def _quality(quality: Mapping[str, Any]) -> Iterator[Block]:
    goodness, closure = quality["goodness_of_fit"], quality["closure"]
    of = f" ({quality['folds']} folds)" if quality["folds"] > 1 else ""
    yield Paragraph(
        f"goodness of fit p = {goodness['pvalue']:.2g}, in {len(goodness['bins'])} kinds of bins; "
        f"closure{of} p = {closure['pvalue']:.2g}, in {len(closure['variables']) - 1} variables "
        f"and all events ({closure['z']:+.1f}σ). Both count all their entries; a small p says "
        "that something of the detector is left.",
        "Quality",
    )
    yield Table(
        "Goodness of fit, and closure: what is left between the samples once corrected by r of "
        "other events; p of each by itself",
        ("looked at", "check", "p"),
        (
            *((name, "fit", f"{p:.2g}") for name, p in goodness["bins"].items()),
            *(
                (name, "closure", f"{each['pvalue']:.2g}")
                for name, each in closure["variables"].items()
            ),
        ),
        words=frozenset({"check"}),
    )
    if quality["warnings"]:
        yield Notes(tuple(quality["warnings"]))


def _resolution(results: Results) -> Block:
    found = results.configuration.processor.get("resolution")
    if found is None:
        text = "not equalised: no maps under [processor.resolution]."
    else:
        text = f"equalised by {found['file']}, seed {found['seed']}."
    return Paragraph(text, "Resolution")
