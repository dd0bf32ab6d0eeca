"""What ``emusym reproduce equalisation`` does: read or compute the study, draw and print it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from eμsym.cli.options import only_with_recompute
from eμsym.cli.tables import titled_table
from eμsym.errors import InputFileError
from eμsym.files import make_folder, read_json, write_json
from eμsym.papers.equalisation_study import (
    CORRECTIONS,
    DOF,
    N_NULL,
    N_SIGNAL,
    RESULTS,
    SCHEMA,
    SEED,
    SIGNALS,
    STATISTICS,
    Summary,
    compute,
    summary,
)
from eμsym.papers.figures.equalisation_study import draw_equalisation_study
from eμsym.plots.style import save_figure
from eμsym.progress import toy_bar

HEADINGS = {
    "nsigma_plane": "Nσ plane",
    "nsigma_m_coll": "Nσ m_coll",
    "nsigma_window": "Nσ 110-140",
    "q0": "q0",
    "t": "t",
}
NAMES = {
    "none": "no correction",
    "self": "self-calibration",
    "self_excluded": "self, 110-140 GeV excluded",
    "true": "true efficiencies",
}
_SHORT = {"none": "none", "self": "self", "self_excluded": "self, excluded", "true": "true"}
_SIGNAL_NAMES = {"hlfv_taue": "H→τe", "hlfv_taumu": "H→τμ"}
_WIDTH = 80


def reproduce_equalisation(
    *, output: str, recompute: bool, toys: int | None, seed: int | None, style: Any
) -> None:
    """Draw the study of what a correction costs, write its data beside it, and print it.

    Parameters
    ----------
    output : str
        Folder; made if it is not there.
    recompute : bool
        Compute anew.
    toys : int or None
        Pairs without signal; half as many with each signal.
    seed : int or None
    style : str
        See `eμsym.plots.style.styled`.

    Raises
    ------
    EmusymError
        If an option makes no sense without `recompute`, a file cannot be read, or the
        output cannot be written.
    """
    only_with_recompute(recompute, {"--toys": toys, "--seed": seed})
    folder = make_folder(output)
    if recompute:
        n = N_NULL if toys is None else toys
        n_signal = max(2, round(n * N_SIGNAL / N_NULL))
        with toy_bar(n + 2 * n_signal, None, after=2.0) as advance:
            data = compute(
                n_null=n,
                n_signal=n_signal,
                seed=SEED if seed is None else seed,
                advance=advance,
            )
    else:
        data = read_json(RESULTS, schema=SCHEMA)
    summaries = all_summaries(data)
    figure = draw_equalisation_study(summaries, HEADINGS, NAMES, _SIGNAL_NAMES, DOF, style=style)
    written = save_figure(figure, folder, "equalisation")
    write_json(folder / "equalisation.json", data)
    print_study(data, summaries)
    files = ", ".join(path.name for path in [*written, folder / "equalisation.json"])
    Console(highlight=False, soft_wrap=True).print(f"Written to {folder}: {files}")


def all_summaries(data: Mapping[str, Any]) -> dict[tuple[str, str, str], Summary]:
    """Return the summary of every signal ("none" too), correction and statistic.

    Raises
    ------
    InputFileError
        If a part of the study is missing or damaged.
    """
    try:
        return {
            (signal, correction, statistic): summary(data, signal, correction, statistic)
            for signal in ("none", *SIGNALS)
            for correction in CORRECTIONS
            for statistic in STATISTICS
        }
    except (KeyError, TypeError, ValueError) as error:
        raise InputFileError(f"{RESULTS}: a part is missing or damaged ({error!r})") from error


def print_study(data: Mapping[str, Any], found: Mapping[tuple[str, str, str], Summary]) -> None:
    """Print bias and width without signal, and the significances with one."""
    console = Console(highlight=False, soft_wrap=True)
    n = {row["signal"]: row["n_toys"] for row in data["rows"]}
    console.print(
        _table(
            f"Without signal, {n['none']} toys of {data['n_pool']:,} events: mean ± width",
            lambda c, s: f"{found['none', c, s].mean:+.2f} ± {found['none', c, s].width:.2f}",
        )
    )
    console.print(
        _table(
            "Without signal: fraction of toys with p < 0.05, by N(0,1) or χ²",
            lambda c, s: f"{found['none', c, s].rejected:.3f}",
        )
    )
    for signal, name in _SIGNAL_NAMES.items():
        expected = next(row["n_signal"] for row in data["rows"] if row["signal"] == signal)
        console.print(
            _table(
                f"{expected:.0f} events of {name}, {n[signal]} toys: median Z",
                lambda c, s, signal=signal: f"{found[signal, c, s].median:+.2f}",
            )
        )
        console.print(
            _table(
                f"{name}: fraction of toys above 95 % of those without signal",
                lambda c, s, signal=signal: f"{found[signal, c, s].power:.2f}",
            )
        )
    kept = {
        c: ", ".join(
            f"{100 * kept_share(found, signal, c):.0f} % of {name}"
            for signal, name in _SIGNAL_NAMES.items()
        )
        for c in ("self", "self_excluded")
    }
    note = (
        f"Of q0's mean significance with the true efficiencies self-calibration keeps "
        f"{kept['self']}; with the window excluded {kept['self_excluded']}. Nσ and q0 are positive "
        "for an excess in the order that the signal is in (eμ without one). q0 and t are of "
        f"m_coll; t has {DOF} degrees of freedom, its Z is by χ². The signals are worth "
        f"{data['z_injected']:g}σ by q0. Excluded: m_coll 110-140 GeV is not in the fit."
    )
    console.print(textwrap.indent("\n".join(textwrap.wrap(note, _WIDTH - 2)), "  "))


def kept_share(
    found: Mapping[tuple[str, str, str], Summary], signal: str, correction: str
) -> float:
    """Return the mean Z of q0 under a correction, over that with the true efficiencies."""
    return found[signal, correction, "q0"].mean / found[signal, "true", "q0"].mean


def _table(title: str, cell: Any) -> Table:
    table = titled_table(title, padding=0)
    table.add_column("correction", no_wrap=True)
    for statistic in STATISTICS:
        table.add_column(HEADINGS[statistic], justify="right", no_wrap=True)
    for correction in CORRECTIONS:
        table.add_row(_SHORT[correction], *(cell(correction, s) for s in STATISTICS))
    return table
