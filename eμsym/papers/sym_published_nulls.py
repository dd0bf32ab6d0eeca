"""What the SYM paper says of t without signal, beside ours: Fig. 1, 2, 3, 7, 9 and 10."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.stats import chi2

from eμsym.distributions import Null
from eμsym.papers.sym_claims import Claim, shown, shown_range
from eμsym.papers.sym_inputs import FIG1, FIG2, FIG9, SymInputs, last_epoch, panel
from eμsym.papers.sym_power import HIGGS, higgs_row
from eμsym.papers.sym_results import RowStatistics
from eμsym.papers.sym_statistics import (
    fraction,
    ks_chi2,
    mean,
    quantile,
    upper_limit,
    z_where_chi2_says,
)

#: χ² is good where the Z that toys give to its 2σ is no farther from 2 than this, within errors.
GOOD_ENOUGH = 0.5
#: Why the symmetrized t is not χ².
_ABOVE = (
    " Above χ²: in 5·10⁵ epochs the nets overfit, the more the fewer events there are; the "
    "paper sees it at 5.5·10³ (its section III E)."
)
_BELOW = " Below χ²: after 5·10⁵ epochs these trainings are still on their way (Fig. 7)."
#: Epochs of the paper's trainings.
EPOCHS = 500_000


def fig1_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 1."""
    study = inputs.studies["nplm"]
    found = []
    for row in FIG1:
        free = study.row(row, "free")
        if free.t.size:
            share = fraction(free.diverged, free.t.size)
            found.append(
                Claim(
                    f"no clipping, {panel(row)}: diverged",
                    "a few %",
                    shown_range(share, 1, scale=100, unit="%"),
                    share.value,
                    share.error,
                    share.high >= 0.01 and share.low <= 0.1,
                    f"{free.diverged} of {free.t.size} toys.",
                )
            )
    clipped = [study.row(row, "clipped") for row in FIG1]
    found.append(_never("clipped at 9: diverged", clipped))
    papers: tuple[tuple[str, bool | None], ...] = (
        ("deviates", False),
        ("–", None),
        ("follows χ²₁₂", True),
    )
    for row, (paper, good) in zip(FIG1, papers, strict=True):
        claim = _chi2_claim(
            f"clipped at 9, {panel(row)}", study.row(row, "clipped"), 12, paper, good=good
        )
        found.append(claim)
    return found


def fig2_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 2."""
    study = inputs.studies["nulls"]
    found = [
        _chi2_claim(panel(row), study.row(row), 12, "good", reasons=True)
        for rows in FIG2
        for row in rows
    ]
    for many, few in zip(*FIG2, strict=True):
        if min(study.statistics(many).size, study.statistics(few).size) > 1:
            a, b = mean(study.statistics(many)), mean(study.statistics(few))
            error = float(np.hypot(a.error, b.error))
            found.append(
                Claim(
                    f"mean t, {panel(many)} less {panel(few)}",
                    "below 0",
                    f"{a.value - b.value:+.1f} ± {error:.1f}",
                    a.value - b.value,
                    error,
                    a.value - b.value < 2 * error,
                )
            )
    networks = [
        row
        for other in inputs.studies.values()
        for (_, test), row in other.rows.items()
        if test == "network"
    ]
    found.append(_never("symmetrized, all studies: diverged", networks))
    return found


def fig3_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 3."""
    study = inputs.studies["higgs"]
    distinct = study.inputs["10 fb"]["distinct"][0] if "10 fb" in study.inputs else 0
    found = [
        _chi2_claim(
            f"{luminosity} fb⁻¹, {n:,} events each",
            study.row(higgs_row(luminosity, 0)),
            12,
            "good",
            reasons=True,
        )
        for luminosity, n in HIGGS.items()
    ]
    note = (
        f"{found[-1].note} All are drawn with replacement from {distinct:,} distinct events; "
        "the paper has 2.2·10⁵ distinct ones."
    )
    return [*found[:-1], replace(found[-1], note=note)]


def fig7_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 7."""
    study = inputs.studies["epochs"]
    (row,) = study.rows.values()
    epochs = study.epochs()
    place = int(np.argmin(np.abs(epochs - EPOCHS)))
    good = ~np.isnan(row.t)
    early, late = row.at_epochs[good, place], row.t[good]
    if late.size < 2:
        return []
    drift = mean(late - early)
    found = [
        Claim(
            f"mean growth of t from {epochs[place]:,} to {last_epoch(study):,} epochs",
            "small, upwards",
            shown(drift, 2),
            drift.value,
            drift.error,
            drift.low > 0 and drift.value < 12 / 2,
            f"The same {late.size} trainings.",
        )
    ]
    for level in (0.16, 0.5, 0.84, 0.975):
        before, after = quantile(early, level), quantile(late, level)
        reference = float(chi2.ppf(level, 12))
        found.append(
            Claim(
                f"{100 * level:g} % of t at {epochs[place]:,} and {last_epoch(study):,} epochs",
                f"χ²₁₂: {reference:.1f}",
                f"{shown(before, 1)}; {shown(after, 1)}",
                after.value,
                after.error,
            )
        )
    return found


def fig9_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 9."""
    found = []
    papers: tuple[tuple[str, bool | None], ...] = (("deviates", False), ("–", None), ("–", None))
    for name, (paper, good) in zip(FIG9, papers, strict=True):
        study = inputs.studies[name]
        (row,) = [row.name for row in study.study.rows]
        found.append(_chi2_claim(panel(row), study.row(row), 13, paper, good=good))
    return found


def fig10_claims(inputs: SymInputs) -> list[Claim]:
    """Return what the paper says with its Fig. 10."""
    found = []
    if inputs.overfit is not None:
        centre = quantile(inputs.overfit, 0.5)
        spread = float(np.std(inputs.overfit))
        found.append(
            Claim(
                "overfit solutions, N_A = 10⁵: median t",
                "~70",
                shown(centre, 1),
                centre.value,
                centre.error,
                abs(centre.value / 70 - 1) < 0.1,
                f"Their standard deviation is {spread:.1f}; {inputs.overfit.size} toys. "
                "The paper's number is rounded.",
            )
        )
    study = inputs.studies["epochs"]
    (row,) = study.rows.values()
    if row.found.size > 1:
        centre = quantile(row.found, 0.5)
        found.append(
            Claim(
                f"trained for {last_epoch(study):,} epochs: median t",
                "far below",
                f"{shown(centre, 1)}; largest {np.max(row.found):.1f}",
                centre.value,
                centre.error,
                None if inputs.overfit is None
                else bool(np.quantile(row.found, 0.95) < np.quantile(inputs.overfit, 0.05)),
            )
        )  # fmt: skip
    return found


def _chi2_claim(
    what: str,
    found: RowStatistics,
    dof: int,
    paper: str,
    *,
    good: bool | None = True,
    reasons: bool = False,
) -> Claim:
    """Return how well χ² describes a null: what its 2σ are worth, the mean, and a KS test.

    Diverged toys count as above any threshold, and are in no mean.
    """
    t = found.found
    if t.size < 2:
        return Claim(what, paper, "no toys")
    true_z = z_where_chi2_says(Null(t), dof)
    finite = t[np.isfinite(t)]
    average = mean(finite)
    agrees = true_z.low <= 2 + GOOD_ENOUGH and true_z.high >= 2 - GOOD_ENOUGH
    note = f"KS p of χ² {ks_chi2(finite, dof):.1g}, {t.size} toys."
    if reasons and not agrees:
        note += _BELOW if average.value < dof else _ABOVE
    return Claim(
        what,
        paper,
        f"mean {shown(average, 1)}, Z(2) {shown(true_z)}",
        average.value,
        average.error,
        None if good is None else agrees == good,
        note,
    )


def _never(what: str, rows: list[RowStatistics]) -> Claim:
    count, total = sum(row.diverged for row in rows), sum(row.t.size for row in rows)
    if not total:
        return Claim(what, "never", "no toys")
    limit = 100 * upper_limit(count, total)
    return Claim(
        what,
        "never",
        f"{count} of {total:,}; below {limit:.2g} % at 95 % CL",
        count / total,
        None,
        count == 0,
    )
