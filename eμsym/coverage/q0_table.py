"""What the study of q0 stored, summarised: means, widths, rejections, coverage, and its table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import kstest, norm

from eμsym.arrays import FloatArray

SCHEMA, VERSION = "emusym/coverage-q0", 1

#: What the table calls a correction.
_NAMES = {"true": "known", "self": "self", "self_excluded": "self, window excluded"}


@dataclass(frozen=True)
class Q0Summary:
    """One statistic over the toys of a row.

    Attributes
    ----------
    n : int
        Toys that could be fitted; of these is all else.
    mean, mean_error, width, width_error : float
        Of Z.
    zero : float
        Share with Z exactly zero.
    rejected : float
        Share with p < 0.05.
    uniform : float
        p of Kolmogorov and Smirnov's test that the p-values are uniform.
    coverage, coverage_error : float
        Share of intervals that hold the true μ.
    mu, mu_error : float
        Mean of μ̂ and its error.
    """

    n: int
    mean: float
    mean_error: float
    width: float
    width_error: float
    zero: float
    rejected: float
    uniform: float
    coverage: float
    coverage_error: float
    mu: float
    mu_error: float


def numbers(text: str) -> FloatArray:
    """Return numbers that are stored as text with a space between, shape (toys,)."""
    return np.array(text.split(), dtype=np.float64)


def summary(cell: Mapping[str, Any]) -> Q0Summary | None:
    """Return the summary of a stored cell; None if fewer than two toys could be fitted."""
    z, mu = (numbers(cell[name]) for name in ("z", "mu"))
    there = np.isfinite(z)
    z, mu, n = z[there], mu[there], int(there.sum())
    if n < 2:
        return None
    covered = cell["covered"].count("1") / n
    width, p = float(z.std(ddof=1)), norm.sf(z)
    return Q0Summary(
        n=n,
        mean=float(z.mean()),
        mean_error=width / n**0.5,
        width=width,
        width_error=width / (2 * n) ** 0.5,
        zero=float(np.mean(z == 0)),
        rejected=float(np.mean(p < 0.05)),
        uniform=float(kstest(p, "uniform").pvalue),
        coverage=covered,
        coverage_error=(covered * (1 - covered) / n) ** 0.5,
        mu=float(mu.mean()),
        mu_error=float(mu.std(ddof=1)) / n**0.5,
    )


def gain(cells: Mapping[str, Any]) -> tuple[float, float]:
    """Return the mean of Z of the plane less Z of m_coll on the same toys, and its error."""
    difference = numbers(cells["plane"]["z"]) - numbers(cells["m_coll"]["z"])
    difference = difference[np.isfinite(difference)]
    if difference.size < 2:
        return float("nan"), float("nan")
    return float(difference.mean()), float(difference.std(ddof=1)) / difference.size**0.5


def table(data: Mapping[str, Any]) -> str:
    """Return the study as two tables of Markdown: without signal, and with."""
    null = [row for row in data["rows"] if not row["n_signal"]]
    signal = [row for row in data["rows"] if row["n_signal"]]
    lines = [
        "# q0 of toys",
        "",
        f"Written by `python -m eμsym.coverage.q0` with the seed {data['seed']}; "
        "[README.md](README.md) says what is in it.",
        "",
        "## Without signal",
        "",
        *_table(null, _null_columns),
    ]
    for n_signal in sorted({row["n_signal"] for row in signal}):
        some = [row for row in signal if row["n_signal"] == n_signal]
        lines += ["", f"## With {n_signal:g} signal events", "", *_table(some, _signal_columns)]
    return "\n".join(lines) + "\n"


def _table(rows: Iterable[Mapping[str, Any]], columns: Any) -> list[str]:
    found = [
        {
            "events": f"{row['n_events']:,}",
            "r": row["ratio"],
            "ln r": _NAMES[correction],
            "q0 of": name,
            "bins": _bins(cells[name]),
            "toys": f"{len(cells[name]['covered']) - cells[name]['not_fitted']:,}",
            "not fitted": f"{cells[name]['not_fitted']:,}",
            **columns(row, correction, name),
        }
        for row in rows
        for correction, cells in row["corrections"].items()
        for name in ("plane", "m_coll")
    ]
    names = list(found[0])
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return lines + [f"| {' | '.join(line[name] for name in names)} |" for line in found]


def _bins(cell: Mapping[str, Any]) -> str:
    return "" if cell["mean_bins"] is None else f"{cell['mean_bins']:.1f}"


def _null_columns(row: Mapping[str, Any], correction: str, name: str) -> dict[str, str]:
    cells, left = row["corrections"][correction], row["unresolved_z"][correction]
    names = ("mean Z", "of coarse r", "width", "Z = 0", "p < 0.05", "KS p", "covers 0", "mean μ̂")
    found = summary(cells[name])
    if found is None:
        return dict.fromkeys(names, "")
    values = (
        f"{found.mean:+.2f} ± {found.mean_error:.2f}",
        "" if left is None else f"{left:+.2f}",
        f"{found.width:.3f} ± {found.width_error:.3f}",
        f"{100 * found.zero:.2f} %",
        f"{100 * found.rejected:.1f} %",
        f"{found.uniform:.2g}",
        f"{100 * found.coverage:.1f} ± {100 * found.coverage_error:.1f} %",
        f"{found.mu:+.1f} ± {found.mu_error:.1f}",
    )
    return dict(zip(names, values, strict=True))


def _signal_columns(row: Mapping[str, Any], correction: str, name: str) -> dict[str, str]:
    cells = row["corrections"][correction]
    names = ("mean Z", "less m_coll's", "width", "covers μ", "mean μ̂", "of the true", "kept")
    found = summary(cells[name])
    if found is None:
        return dict.fromkeys(names, "")
    more, more_error = gain(cells)
    values = (
        f"{found.mean:+.2f} ± {found.mean_error:.2f}",
        f"{more:+.2f} ± {more_error:.2f}" if name == "plane" else "",
        f"{found.width:.3f} ± {found.width_error:.3f}",
        f"{100 * found.coverage:.1f} ± {100 * found.coverage_error:.1f} %",
        f"{found.mu:+.1f} ± {found.mu_error:.1f}",
        f"{100 * found.mu / row['n_signal']:.0f} ± {100 * found.mu_error / row['n_signal']:.0f} %",
        f"{100 * row['kept'][correction][name]:.0f} %" if correction in row["kept"] else "",
    )
    return dict(zip(names, values, strict=True))
