"""What events of a folder's signals are worth: luminosity, acceptance, cross section."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eμsym.analysis.signals import SignalShape
from eμsym.folder import ProcessedFolder
from eμsym.limits.units import SignalYield
from eμsym.pair_io import read_pair
from eμsym.processors.normalisation import LUMINOSITY_TOLERANCE
from eμsym.results import Results


def data_luminosity(results: Results, datasets: Sequence[str]) -> float | None:
    """Return the integrated luminosity that a pair's events are of, fb⁻¹; None if unknown.

    Simulation of several processes is of one luminosity if they agree on it; so is one dataset
    of data. Of several of data it is not known whether theirs add up.
    """
    data = [name for name in datasets if results.datasets[name].role == "data"]
    if len(data) > 1:
        return None
    scales = [results.normalisation[name] for name in data or datasets]
    known = [x.luminosity_ifb * x.scale for x in scales if x.luminosity_ifb is not None]
    if not known or len(known) < len(scales):
        return None
    highest = max(known)
    return highest if highest <= min(known) * (1 + LUMINOSITY_TOLERANCE) else None


def yield_of(
    results: Results, shape: SignalShape, luminosity_ifb: float | None
) -> tuple[SignalYield, list[str]]:
    """Return what events of a signal are worth, and a line for what is not known.

    Parameters
    ----------
    results : Results
    shape : SignalShape
        Its acceptance is that of the folder's dataset of its name.
    luminosity_ifb : float or None
        Of the data.
    """
    name, notes = shape.name, []
    if name not in results.cutflow:
        return SignalYield(luminosity_ifb), [
            f"{name}: no limit on σ × BR nor on BR, for the folder has no dataset of that name to "
            "measure acceptance × efficiency with; process the signal's files too"
        ]
    about = results.datasets[name].model_dump()
    cross_section, generated = about.get("cross_section_pb"), about.get("n_generated")
    unscaled = results.normalisation[name].luminosity_ifb
    if generated is None and cross_section is not None and unscaled is not None:
        generated = 1e3 * unscaled * cross_section
    acceptance = error = None
    if generated is None:
        notes.append(
            f"{name}: no limit on σ × BR nor on BR, for acceptance × efficiency is not known; "
            "give n_generated in the fileset's metadata"
        )
    else:
        flow = results.shown_cutflow[name]
        processed, entries = _processed(results, name)
        asked = generated * (processed / entries if entries else 1.0)
        counts = [flow[order] for order in results.orders]
        acceptance = sum(x.sumw for x in counts) / asked
        error = math.sqrt(sum(x.sumw2 for x in counts)) / asked
    production = None
    if cross_section is None:
        notes.append(
            f"{name}: no limit on BR, for the cross section is not known; give cross_section_pb "
            "(and branching_ratio, if it contains one) in the fileset's metadata"
        )
    else:
        ratio = about.get("branching_ratio")
        if ratio is None:
            notes.append(
                f"{name}: cross_section_pb is taken as that of the production, for the fileset "
                "gives no branching_ratio that it would contain"
            )
        production = cross_section / (1.0 if ratio is None else float(ratio))
    return SignalYield(luminosity_ifb, acceptance, error, production), notes


def yield_in_region(
    signal_yield: SignalYield, folder: ProcessedFolder, shape: SignalShape, region: str
) -> SignalYield:
    """Return what events of a signal in a region are worth: its acceptance is a part of all."""
    if signal_yield.acceptance is None or signal_yield.acceptance_error is None:
        return signal_yield
    whole, part = (
        read_pair(folder.path, datasets=[shape.name], region=where).pool.weight
        for where in (None, region)
    )
    return replace(
        signal_yield,
        acceptance=signal_yield.acceptance * float(part.sum() / whole.sum()),
        acceptance_error=signal_yield.acceptance_error
        * float(np.sqrt(np.sum(part**2) / np.sum(whole**2))),
    )


def yield_together(yields: Sequence[SignalYield]) -> SignalYield:
    """Return what events of one signal are worth in several regions that share none."""
    first, acceptances = yields[0], [x.acceptance for x in yields]
    if None in acceptances:
        return replace(first, acceptance=None, acceptance_error=None)
    errors = [x.acceptance_error or 0.0 for x in yields]
    return replace(
        first,
        acceptance=math.fsum(x for x in acceptances if x is not None),
        acceptance_error=math.hypot(*errors),
    )


def _processed(results: Results, name: str) -> tuple[float, float]:
    """Return how many of a dataset's events were processed, and how many there are."""
    extra = results.normalisation[name].model_dump()
    return float(extra.get("processed") or 0), float(extra.get("entries") or 0)
