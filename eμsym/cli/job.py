"""What `emusym run` and `emusym test` do with a processed folder, and which figures they draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from eμsym.analysis.analyse import Analysis, analyse
from eμsym.analysis.correction import Correction
from eμsym.analysis.options import Tests
from eμsym.analysis.record import record
from eμsym.analysis.statistics import AgainstNull
from eμsym.binned.q0_minuit import ProfileFit
from eμsym.blinding import Blinding
from eμsym.cli.drawing import headed, save_figures
from eμsym.cli.network_time import announce_network
from eμsym.cli.stages import say_stage
from eμsym.folder import ProcessedFolder
from eμsym.plots import (
    draw_cutflow,
    draw_equalisation,
    draw_likelihood_ratio,
    draw_log_odds_map,
    draw_null,
    draw_observable,
    draw_plane,
    draw_profile,
)
from eμsym.plots.process_names import process_names
from eμsym.plots.style import Style
from eμsym.processors.columns import ALL_LABELS
from eμsym.unbinned.subspace import SubspaceResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_tests(
    folder: ProcessedFolder, tests: Tests, style: Style
) -> tuple[Analysis, dict[str, Any]]:
    """Test a processed folder, draw the figures, and add both to it.

    Returns
    -------
    analysis : Analysis
    results : dict
        The new content of ``results.json``.

    Raises
    ------
    EmusymError
        As for `analyse` and `record`.
    """
    announce_network(folder, tests)
    analysis = analyse(folder, tests, say=say_stage)
    results = folder.results()
    about = {name: each.model_dump() for name, each in results.datasets.items()}
    drawn = figures(
        analysis,
        headed(style, results, analysis.cutflow.pair),
        labels=process_names(about),
        blinding=results.blinding,
    )
    say_stage(f"drawing {len(drawn)} figures")
    written, problems = save_figures(folder, drawn)
    record(analysis, folder, written)
    return analysis, folder.update_results(figure_problems=problems)


def figures(
    analysis: Analysis,
    style: Style = "neutral",
    *,
    labels: Mapping[str, str] | None = None,
    blinding: Blinding | None = None,
) -> dict[str, Callable[[], Figure]]:
    """Return what draws the figures of an analysis, by their names.

    Parameters
    ----------
    analysis : Analysis
    style : str
        See `eμsym.plots.style.styled`.
    labels : mapping of str to str, optional
        What to call a dataset or a signal. Default: its name.
    blinding : Blinding, optional
        The window whose events are left out, which is shaded.
    """
    called = labels or {}
    names, flow = analysis.names, analysis.cutflow
    cuts = {
        name: {cut: {"sumw": sumw} for cut, sumw in flow.datasets[name].items()}
        for name in flow.pair
    }
    drawn: dict[str, Callable[[], Figure]] = {
        "cutflow": partial(draw_cutflow, cuts, labels=called, style=style)
    }
    for name, each in analysis.comparisons.items():
        if name == "plane":
            drawn[name] = partial(
                draw_plane,
                each.a,
                each.b,
                each.difference,
                analysis.window.found.best,
                each.nsigma,
                names=names,
                blinding=blinding,
                style=style,
            )
        else:
            sides = each.a, each.b, each.difference, each.nsigma
            drawn[name] = partial(
                draw_observable, *sides, names=names, blinding=blinding, style=style
            )
    if isinstance(analysis.correction, Correction):
        shown = analysis.correction.before_after
        drawn["equalisation"] = partial(
            draw_equalisation, shown, names=names, labels=ALL_LABELS, style=style
        )
    for name, signal in analysis.q0.items():
        if isinstance(signal.fit, ProfileFit):
            drawn[f"q0_{name}"] = partial(
                draw_profile, signal.fit, called.get(name, name), style=style
            )
    return drawn | _unbinned_figures(analysis, style)


def _unbinned_figures(analysis: Analysis, style: Style) -> dict[str, Callable[[], Figure]]:
    unbinned = analysis.unbinned
    drawn: dict[str, Callable[[], Figure]] = {}
    for name, test in unbinned.tests.items():
        if not isinstance(test, AgainstNull) or test.null is None:
            continue
        of_views = isinstance(test.result, SubspaceResult)
        drawn[f"{name}_null"] = partial(
            draw_null,
            test.null,
            test.statistic,
            dof=None if of_views else test.result.dof,
            label="Z of the mean local p of all views" if of_views else f"t ({name})",
            source="redrawn labels",
            style=style,
        )
        if of_views and test.result.map is not None:
            drawn[f"{name}_map"] = partial(
                draw_log_odds_map,
                test.result.map,
                region=test.result.region,
                names=analysis.names,
                labels=ALL_LABELS,
                style=style,
            )
        if unbinned.samples is not None and not of_views:
            a, b, weights_a, weights_b = unbinned.samples
            drawn[f"{name}_ratio"] = partial(
                draw_likelihood_ratio,
                test.result,
                a,
                b,
                names=analysis.names,
                label=unbinned.columns.labels[0],
                scale=1 / unbinned.columns.scales[0],
                style=style,
                weights_a=weights_a,
                weights_b=weights_b,
            )
    return drawn
