"""What `emusym limit` does with a processed folder, and which figures it draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from eμsym.analysis.combined_limits import CombinedLimits, check_apart, combined_limits
from eμsym.analysis.limit_options import LimitOptions
from eμsym.analysis.limits import FolderLimits, TwoLimits, folder_limits
from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.cli.drawing import headed, save_figures
from eμsym.cli.stages import say_stage
from eμsym.folder import ProcessedFolder
from eμsym.limits.hepdata import write_submission
from eμsym.limits.impacts import Impacts
from eμsym.limits.upper_limit import UpperLimit
from eμsym.plots import (
    draw_cls,
    draw_contour,
    draw_impacts,
    draw_limits,
    draw_limits_against_luminosity,
)
from eμsym.plots.process_names import process_names
from eμsym.plots.style import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_limits(
    folder: ProcessedFolder,
    options: LimitOptions,
    style: Style = "neutral",
    *,
    pyhf: bool = False,
    hepdata: str | None = None,
) -> tuple[FolderLimits, list[str]]:
    """Set limits in a processed folder, draw the figures, and add both to it.

    Returns
    -------
    found : FolderLimits
    problems : list of str
        One line for every figure that could not be drawn.

    Raises
    ------
    EmusymError
        As for `folder_limits`; or if a file cannot be written, or a submission to HEPData
        cannot be made.
    """
    found = folder_limits(folder, options, say=say_stage)
    results = folder.results()
    datasets = results.datasets_of(options.pair, str(folder.path))
    about = {name: each.model_dump() for name, each in results.datasets.items()}
    drawn = figures(
        found,
        headed(style, results, datasets, options.luminosity_ifb),
        labels=process_names(about),
    )
    say_stage(f"drawing {len(drawn)} figures")
    written, problems = save_figures(folder, drawn)
    if pyhf:
        _write_workspaces(folder, found)
    if hepdata is not None:
        write_submission(_tables(found), hepdata)
    folder.update_part("limits", found.to_dict(), written)
    return found, problems


def figures(
    found: FolderLimits, style: Style = "neutral", *, labels: Mapping[str, str] | None = None
) -> dict[str, Callable[[], Figure]]:
    """Return what draws the figures of limits, by their names.

    Parameters
    ----------
    found : FolderLimits
    style : str
        See `eμsym.plots.style.styled`.
    labels : mapping of str to str, optional
        What to call a signal. Default: its name.
    """
    called = labels or {}
    drawn: dict[str, Callable[[], Figure]] = {}
    for unit, name in (
        ("events", "limits"),
        ("cross_section", "limits_cross_section"),
        ("branching_ratio", "limits_branching_ratio"),
    ):
        limits = {key: getattr(each, unit) for key, each in found.signals.items()}
        known = {called.get(key, key): x for key, x in limits.items() if isinstance(x, UpperLimit)}
        if known:
            drawn[name] = partial(draw_limits, known, style=style)
    for name, each in found.signals.items():
        label = called.get(name, name)
        if each.scan is not None and isinstance(each.events, UpperLimit):
            drawn[f"limit_{name}"] = partial(draw_cls, each.scan, each.events, label, style=style)
        if each.sensitivity is not None and len(each.sensitivity.luminosities) > 1:
            drawn[f"sensitivity_{name}"] = partial(
                draw_limits_against_luminosity, each.sensitivity, label, style=style
            )
        if isinstance(each.impacts, Impacts):
            drawn[f"impacts_{name}"] = partial(draw_impacts, each.impacts, style=style)
    if isinstance(found.together, TwoLimits):
        pair = found.together
        drawn["contour"] = partial(
            draw_contour,
            pair.found,
            (called.get(pair.names[0], pair.names[0]), called.get(pair.names[1], pair.names[1])),
            unit=pair.unit,
            style=style,
        )
    return drawn


def combine(
    folder: ProcessedFolder, found: FolderLimits, others: Sequence[Path]
) -> dict[str, CombinedLimits]:
    """Set limits of several folders together, and add them to the first.

    Raises
    ------
    EmusymError
        As for `folder_limits`, or if two of them share an event.
    """
    folders = [folder, *(ProcessedFolder(path) for path in others)]
    pairs = [found.options.pair or tuple(each.results().pair) for each in folders]
    check_apart(folders, pairs)
    every = {str(folder.path): found}
    for each in folders[1:]:
        say_stage(f"limits of {each.path}")
        every[str(each.path)] = folder_limits(each, found.options, say=say_stage)
    together = combined_limits(every, found.options)
    limits = folder.content()["limits"]
    combined = {name: each.to_dict() for name, each in together.items()}
    folder.update_results(limits={**limits, "combined": combined})
    return together


def _tables(found: FolderLimits) -> dict[str, dict[str, UpperLimit]]:
    """Return the limits that there are, by what their table is called and by signal."""
    names = {
        "Limits on signal events": "events",
        "Limits on cross section times branching ratio": "cross_section",
        "Limits on branching ratios": "branching_ratio",
    }
    return {
        title: {
            name: limit
            for name, each in found.signals.items()
            if isinstance(limit := getattr(each, unit), UpperLimit)
        }
        for title, unit in names.items()
    }


def _write_workspaces(folder: ProcessedFolder, found: FolderLimits) -> None:
    orders = folder.results().orders
    for name, each in found.signals.items():
        if each.region is None or not isinstance(each.events, UpperLimit):
            continue
        events = each.events.median
        folder.write_workspace(
            name,
            pyhf_workspace(
                each.region.b,
                each.region.a,
                each.region.signals[0],
                ratio=each.region.ratio,
                fakes=each.region.fakes,
                shapes={
                    effect: (one.up_a, one.up_b, one.down_a, one.down_b)
                    for effect, (one,) in each.region.shapes.items()
                    if one is not None
                },
                channels=orders,
                signal_events=events,
                mu_bounds=(0.0, 20.0),
            ),
        )
