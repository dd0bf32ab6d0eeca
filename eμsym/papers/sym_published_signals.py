"""What the SYM paper says of signals, beside ours: Fig. 4, 5, 6 and 8."""

from __future__ import annotations

import math

import numpy as np

from eμsym.papers.sym_claims import Claim, near, shown
from eμsym.papers.sym_inputs import SymInputs
from eμsym.papers.sym_power import (
    BENCHMARKS,
    HIGGS,
    RATIOS,
    SIGNALS,
    branching_at_2sigma,
    curve,
    ideal_at_2sigma,
    perfect_fit_at_2sigma,
    permutation_z,
)
from eμsym.papers.sym_statistics import median_z
from eμsym.unbinned.references import ideal_significance_binned

#: Events that the paper has at 20 fb⁻¹, and of H→τe at a branching ratio of 1 %.
PAPER_BACKGROUND, PAPER_SIGNAL = 2.2e5, 456
#: Bins of the ideal significance, in GeV: 10 GeV, and all that is below and above.
IDEAL_EDGES = (0.0, *range(30, 210, 10), np.inf)


def fig4_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 4."""
    nulls, power = inputs.studies["nulls"], inputs.studies["power"]
    found = []
    for signal in SIGNALS:
        for row, ratio in RATIOS.items():
            ideal = ideal_at_2sigma(nulls, power, row, signal)
            if ideal is None:
                continue
            known = math.isfinite(ideal.value)
            last = curve(nulls.null(row), power, row, signal)[-1]
            highest = f"{last.z:.1f}σ at {last.x:.0f}σ ideal"
            found.append(
                Claim(
                    f"{signal}, N_B/N_A = {ratio}: ideal Z that is found at 2σ",
                    "4 to 6",
                    shown(ideal, 1, unit="σ") if known else f"above 8 ({highest})",
                    ideal.value,
                    ideal.error,
                    known and ideal.low <= 6 and ideal.high >= 4,
                    f"A perfect fit would need {perfect_fit_at_2sigma(ratio):.1f}σ (appendix C, by "
                    "χ²₁₂); 5·10⁵ epochs find part of it.",
                )
            )
    return found


def fig5_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 5."""
    study = inputs.studies["higgs"]
    found = []
    at_10 = branching_at_2sigma(study, 10)
    for luminosity in HIGGS:
        ours = branching_at_2sigma(study, luminosity)
        if ours is None:
            continue
        paper = 2.7 * (10 / luminosity) ** 0.5
        found.append(
            Claim(
                f"BR(H→τe) at 2σ, {luminosity} fb⁻¹",
                f"{paper:.1f} %" + ("" if luminosity == 10 else " (2.7 % by √L)"),
                shown(ours, 2, unit="%"),
                ours.value,
                ours.error,
                near(ours.value, paper, ours.error),
                _higgs_note(inputs, luminosity, ours.value),
            )
        )
    if at_10 is not None:
        ours = at_10
        down = (10 / 140) ** 0.5
        found.append(
            Claim(
                "the same at 140 fb⁻¹, by √L",
                "0.7 %",
                shown(ours, 2, scale=down, unit="%"),
                down * ours.value,
                down * ours.error,
                near(down * ours.value, 0.7, down * ours.error),
                "As at 10 fb⁻¹, from which it follows.",
            )
        )
    return found


def _higgs_note(inputs: SymInputs, luminosity: int, branching: float) -> str:
    """Say what a branching ratio is worth ideally, and with our number of signal events."""
    if not math.isfinite(branching):
        return ""
    note = "For the paper's 456 events of 1 % at 20 fb⁻¹."
    if inputs.signal_events is not None:
        scaled = branching * PAPER_SIGNAL / inputs.signal_events
        note += f" Of ours, {inputs.signal_events:.0f}, it takes {scaled:.1f} %."
    if inputs.background is not None and inputs.signal is not None:
        b, s = (
            np.histogram(sample, IDEAL_EDGES, weights=weights)[0]
            for sample, weights in ((inputs.background, inputs.weights), (inputs.signal, None))
        )
        events = PAPER_SIGNAL * branching * luminosity / 20
        ideal = ideal_significance_binned(b * (HIGGS[luminosity] / b.sum()), s * (events / s.sum()))
        if math.isfinite(ideal):
            note += f" Ideally, with our shapes, it is worth {ideal:.1f}σ; see Fig. 4."
    return note


def fig6_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 6."""
    nulls, benchmarks = inputs.studies["nulls"], inputs.studies["benchmarks"]
    found = []
    for n, (n_signal, papers) in BENCHMARKS.items():
        null = nulls.null(f"{n} {n}")
        for signal, paper in ((0, papers[0]), (n_signal, papers[1])):
            t = benchmarks.statistics(f"{n} S3 {n_signal}") if signal else null.samples
            if not t.size:
                continue
            z = permutation_z(inputs.studies["permutations"], n, signal, t)
            if z is None:
                continue
            by_toys = median_z(t, null)
            what = f"{signal} of S3" if signal else "no signal"
            found.append(
                Claim(
                    f"N = {n:,}, {what}: median Z by permutations",
                    f"{paper:g}σ",
                    f"{z.z:z.2f} ± {z.total_error:.2f} σ",
                    z.z,
                    z.total_error,
                    near(z.z, paper, z.total_error),
                    f"By toys {by_toys.z:z.2f} ± {by_toys.total_error:.2f} σ.",
                )
            )
    return found


def fig8_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 8."""
    if inputs.weights is None or inputs.background is None or inputs.signal_events is None:
        return []
    total = float(np.sum(inputs.weights))
    distinct = len(np.unique(inputs.background))
    return [
        Claim(
            "eμ background events at 20 fb⁻¹",
            "2.2·10⁵",
            f"{total:,.0f}",
            total,
            None,
            abs(total / PAPER_BACKGROUND - 1) < 0.1,
            f"{distinct:,} distinct events of Delphes stand for them, of weights up to "
            f"{np.max(inputs.weights):.0f}. The paper does not print its cross sections and "
            "has Wt and Drell-Yan to e and μ besides. The studies draw as many as the paper has.",
        ),
        Claim(
            "events of H→τe, BR 1 %, at 20 fb⁻¹",
            "456",
            f"{inputs.signal_events:.0f}",
            inputs.signal_events,
            None,
            abs(inputs.signal_events / PAPER_SIGNAL - 1) < 0.1,
            "Of gluon and vector boson fusion, 52.4 pb. The studies inject the paper's numbers.",
        ),
    ]
