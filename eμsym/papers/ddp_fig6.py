"""Fig. 6 of the DDP paper: its classifier's largest score by the injected signal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from eμsym.binned.templates_io import read_templates
from eμsym.papers.ddp_classifier import (
    DEFAULT_SEED,
    SCALE,
    ClassifierStudy,
    compute_classifier_study,
    mean_and_deviation,
    read_classifier_study,
)
from eμsym.papers.ddp_results import HLFV
from eμsym.papers.figures.ddp_fig6 import draw_ddp_fig6
from eμsym.papers.sym_claims import Claim
from eμsym.papers.sym_statistics import crossing
from eμsym.recipes import stored_templates

RESULTS = Path(__file__).parent / "results" / "ddp-classifier.json"
_WHY = (
    "The largest of all scores is where the net errs most, without asymmetry often at the sparse "
    "edges of the plane, and that hides what it learns of the signal. Inputs in GeV, or in 100 "
    "GeV, in place of standardised ones do no better (four toys). The paper prints neither its "
    "inputs' scale nor its learning rate."
)


def stored(needs: Sequence[str]) -> ClassifierStudy:
    """Return the stored study.

    Raises
    ------
    InputFileError
        If the file is damaged.
    """
    return read_classifier_study(RESULTS)


def computed(
    needs: Sequence[str],
    folder: Path,
    say: Callable[[str], None],
    *,
    templates: str | None = None,
    scale: float = SCALE,
    seed: int = DEFAULT_SEED,
) -> ClassifierStudy:
    """Train anew.

    Parameters
    ----------
    needs, folder, say
        Of no use here: nothing is kept on the way.
    templates : str, optional
        A templates file in place of the stored example.
    scale : float
        T is multiplied by it.
    seed : int

    Raises
    ------
    EmusymError
        If the templates cannot be read or used, or torch is missing.
    """
    chosen = read_templates(stored_templates(HLFV) if templates is None else templates)
    return compute_classifier_study(chosen, scale=scale, seed=seed)


def claims(study: ClassifierStudy) -> dict[str, list[Claim]]:
    """Return what the paper says of the classifier, beside ours."""
    return {"ddp-fig6 of arXiv:2203.07529": classifier_claims(study)}


def record(study: ClassifierStudy, said: Mapping[str, Sequence[Claim]]) -> dict[str, Any]:
    """Return the study and what it says, for JSON."""
    found = [claim.to_dict() for given in said.values() for claim in given]
    return {**study.to_dict(), "claims": found}


def draw(study: ClassifierStudy, style: Any) -> Figure:
    """Draw the scores with their bands."""
    return draw_ddp_fig6(study, style=style)


def classifier_claims(study: ClassifierStudy) -> list[Claim]:
    """Return what the paper says of the classifier, beside ours."""
    mean, sigma = study.band
    n = study.symmetric.size
    centres = [mean_and_deviation(point.scores)[0] for point in study.points]
    ideal = [point.ideal_z for point in study.points]
    percent = [100 * point.fraction for point in study.points]
    found = [
        Claim(
            "largest score without asymmetry",
            "0.5",
            f"{mean:.3f} ± {sigma:.3f} (spread)",
            mean,
            sigma,
            abs(mean - 0.5) < 0.05,
            f"{study.n_background:,.0f} background events a sample, {n} bootstraps and toys, so "
            f"that σ itself is known to {100 / math.sqrt(2 * (n - 1)):.0f} %. The largest score "
            "is above B's share of the events by what the net learns of fluctuations.",
        )
    ]
    thresholds = [(centre - mean) / sigma for centre in centres]
    for level, paper in ((1.0, ""), (2.0, "~5σ, a few ‰")):
        z = crossing(ideal, thresholds, level)
        where = crossing(percent, thresholds, level)
        known = math.isfinite(z)
        highest = f"highest {max(thresholds):.1f}σ, for {ideal[-1]:.0f}σ"
        found.append(
            Claim(
                f"ideal Z (signal over background) where the mean score is {level:.0f}σ "
                "above no asymmetry",
                paper or "–",
                f"{z:.1f}σ ({where:.2f} %)" if known else highest,
                z,
                None,
                (known and 3 <= z <= 7) if paper else None,
                _WHY if paper and not (known and z <= 7) else "",
            )
        )
    return found
