"""The table of `eμsym.coverage.genuine`: what is found of genuine signals, and from where on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr
from scipy.stats import norm

from eμsym.arrays import FloatArray

SCHEMA, VERSION = "emusym/coverage-genuine", 1

#: Of the branching ratio of one per cent that is found in 0.9 fb⁻¹, which have 12,386 events of
#: background: selected events of both orders (2,742 in 131.8 fb⁻¹, and 2,708 in 128.6 fb⁻¹).
EVENTS_A_PERCENT = {
    "hlfv_taue": 2742 / 131.8 * 0.9 * 12_000 / 12_386,
    "hlfv_taumu": 2708 / 128.6 * 0.9 * 12_000 / 12_386,
}

_NAMES = {"hlfv_taue": "H→τe", "hlfv_taumu": "H→τμ"}

_LEVELS = (0.05, 0.01)

#: Draws of toys with replacement, for the errors.
_BOOTSTRAPS = 100


def pvalues(row: Mapping[str, Any], name: str, n: int) -> FloatArray:
    """Return the p-values of a row's toys by one test."""
    return np.array(row["ranks"][name].split(), dtype=np.float64) / (n + 1)


def half_found(sizes: Sequence[float], shares: Sequence[float]) -> float:
    """Return the size of which half is found: Φ(a + b ln size) fitted to shares that are.

    Parameters
    ----------
    sizes, shares : sequence of float
        Shares of equally many toys.
    """
    x, found = np.log(np.asarray(sizes)), np.asarray(shares)

    def cost(parameters: FloatArray) -> float:
        a, b = parameters
        z = a + np.exp(b) * (x - x.mean())
        return -float(np.sum(found * log_ndtr(z) + (1 - found) * log_ndtr(-z)))

    middle = norm.ppf(np.clip(found.mean(), 0.02, 0.98))
    # Where a step has all or nothing found its height is not known: it is held to some end.
    a, b = minimize(cost, [middle, 1.0], method="L-BFGS-B", bounds=[(-9, 9), (-2, 3)]).x
    return float(np.exp(x.mean() - a / np.exp(b)))


def thresholds(
    data: Mapping[str, Any], signal: str, level: float = 0.05
) -> dict[str, tuple[float, float, float, float]]:
    """Return from how many events on each test finds half of a signal's toys.

    Parameters
    ----------
    data : mapping
        As `eμsym.coverage.genuine.compute` returns.
    signal : str
    level : float
        That p is to be at most.

    Returns
    -------
    dict of str to (float, float, float, float)
        The number and its error, and over that of the spline of m_coll with the ratio's
        error: both of toys drawn anew, the same for all tests.
    """
    rows = [row for row in data["rows"] if row["signal"] == signal and row["n_signal"]]
    sizes = [row["n_signal"] for row in rows]
    names = list(rows[0]["ranks"])
    found = np.array(
        [[pvalues(row, name, data["n"]) <= level + 1e-9 for row in rows] for name in names]
    )
    rng = np.random.default_rng(1)
    size = found.shape[-1]
    draws = [np.arange(size)] + [rng.integers(0, size, size) for _ in range(_BOOTSTRAPS)]
    half = np.array(
        [[half_found(sizes, each[:, draw].mean(axis=1)) for each in found] for draw in draws]
    )
    spline = half[:, names.index("spline of m_coll"), np.newaxis]
    ratio = half / spline
    # Half the distance of the central 68 %: a fit may run away in a draw.
    error, of_ratio = (
        np.diff(np.quantile(each[1:], [0.16, 0.84], axis=0), axis=0)[0] / 2
        for each in (half, ratio)
    )
    return {
        name: (float(half[0, i]), float(error[i]), float(ratio[0, i]), float(of_ratio[i]))
        for i, name in enumerate(names)
    }


def table(data: Mapping[str, Any]) -> str:
    """Return the tables, as Markdown."""
    names = list(data["rows"][0]["ranks"])
    lines = [
        "# From where on genuine signals are found",
        "",
        f"{data['n_events']:,} expected events of background of both orders, and so many of a "
        "signal. In how many percent of the toys p ≤ 0.05, and ≤ 0.01; "
        f"{data['n']} relabellings a toy, the same for all tests.",
        "",
        "| signal | events of it | toys | " + " | ".join(names) + " |",
        "|---" * (3 + len(names)) + "|",
    ]
    for row in data["rows"]:
        cells = []
        for name in names:
            p = pvalues(row, name, data["n"])
            cells.append(", ".join(f"{100 * np.mean(p <= level + 1e-9):.0f}" for level in _LEVELS))
        signal = _NAMES[row["signal"]] if row["n_signal"] else "none"
        lines.append(f"| {signal} | {row['n_signal']} | {p.size} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Events of which half of the toys have p ≤ 0.05, the branching ratio that has them where "
        "there are as many events of background (0.87 fb⁻¹), and its ratio to what the spline of "
        "m_coll needs, by the same toys.",
        "",
        "| signal | test | events | branching ratio | over the spline's |",
        "|---|---|---|---|---|",
    ]
    for signal, an_event in EVENTS_A_PERCENT.items():
        for name, (n, error, ratio, of_ratio) in thresholds(data, signal).items():
            over = "1" if name == "spline of m_coll" else f"{ratio:.2f} ± {of_ratio:.2f}"
            lines.append(
                f"| {_NAMES[signal]} | {name} | {n:.0f} ± {error:.0f} | {n / an_event:.1f} % "
                f"| {over} |"
            )
    return "\n".join(lines) + "\n"
