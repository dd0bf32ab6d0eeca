"""The study of what a correction for the detector costs: read or computed, and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from eμsym.errors import InputFileError
from eμsym.files import read_json
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
from eμsym.papers.tables import Column, Note, Table
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


def stored(needs: Sequence[str]) -> dict[str, Any]:
    """Return the stored study.

    Raises
    ------
    InputFileError, ConfigurationError
        If the file is missing, is another one, or is damaged.
    """
    data: dict[str, Any] = read_json(RESULTS, schema=SCHEMA)
    all_summaries(data)
    return data


def computed(
    needs: Sequence[str],
    folder: Path,
    say: Callable[[str], None],
    *,
    toys: int = N_NULL,
    seed: int = SEED,
) -> dict[str, Any]:
    """Compute the study anew.

    Parameters
    ----------
    needs, folder, say
        Of no use here: nothing is kept on the way.
    toys : int
        Pairs without signal; half as many with each signal.
    seed : int
    """
    n_signal = max(2, round(toys * N_SIGNAL / N_NULL))
    with toy_bar(toys + 2 * n_signal, None, after=2.0) as advance:
        return compute(n_null=toys, n_signal=n_signal, seed=seed, advance=advance)


def record(data: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the study, for JSON."""
    return data


def draw(data: Mapping[str, Any], style: Any) -> Figure:
    """Draw mean and width without signal, and the median Z with one."""
    summaries = all_summaries(data)
    return draw_equalisation_study(summaries, HEADINGS, NAMES, _SIGNAL_NAMES, DOF, style=style)


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


def report(data: Mapping[str, Any], said: Mapping[str, Any]) -> list[Table]:
    """Return bias and width without signal, and the significances with one."""
    found = all_summaries(data)
    n = {row["signal"]: row["n_toys"] for row in data["rows"]}
    tables = [
        _table(
            f"Without signal, {n['none']} toys of {data['n_pool']:,} events: mean ± width",
            lambda c, s: f"{found['none', c, s].mean:+.2f} ± {found['none', c, s].width:.2f}",
        ),
        _table(
            "Without signal: fraction of toys with p < 0.05, by N(0,1) or χ²",
            lambda c, s: f"{found['none', c, s].rejected:.3f}",
        ),
    ]
    for signal, name in _SIGNAL_NAMES.items():
        expected = next(row["n_signal"] for row in data["rows"] if row["signal"] == signal)
        tables += [
            _table(
                f"{expected:.0f} events of {name}, {n[signal]} toys: median Z",
                lambda c, s, signal=signal: f"{found[signal, c, s].median:+.2f}",
            ),
            _table(
                f"{name}: fraction of toys above 95 % of those without signal",
                lambda c, s, signal=signal: f"{found[signal, c, s].power:.2f}",
            ),
        ]
    tables[-1] = replace(tables[-1], notes=[Note(_explanation(data, found))])
    return tables


def _explanation(data: Mapping[str, Any], found: Mapping[tuple[str, str, str], Summary]) -> str:
    kept = {
        c: ", ".join(
            f"{100 * kept_share(found, signal, c):.0f} % of {name}"
            for signal, name in _SIGNAL_NAMES.items()
        )
        for c in ("self", "self_excluded")
    }
    return (
        f"Of q0's mean significance with the true efficiencies self-calibration keeps "
        f"{kept['self']}; with the window excluded {kept['self_excluded']}. Nσ and q0 are positive "
        "for an excess in the order that the signal is in (eμ without one). q0 and t are of "
        f"m_coll; t has {DOF} degrees of freedom, its Z is by χ². The signals are worth "
        f"{data['z_injected']:g}σ by q0. Excluded: m_coll 110-140 GeV is not in the fit."
    )


def kept_share(
    found: Mapping[tuple[str, str, str], Summary], signal: str, correction: str
) -> float:
    """Return the mean Z of q0 under a correction, over that with the true efficiencies."""
    return found[signal, correction, "q0"].mean / found[signal, "true", "q0"].mean


def _table(title: str, cell: Any) -> Table:
    columns = [Column("correction", no_wrap=True)]
    columns += [Column(HEADINGS[name], right=True, no_wrap=True) for name in STATISTICS]
    rows = [(_SHORT[c], *(cell(c, s) for s in STATISTICS)) for c in CORRECTIONS]
    return Table(title, columns, rows, close=True)
