"""What ``emusym reproduce ddp-fig6`` does: read or train, draw, and print the comparison."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rich.console import Console

import eμsym.papers
from eμsym.binned.templates_io import read_templates
from eμsym.cli.options import only_with_recompute
from eμsym.cli.reproduce_sym import print_claims
from eμsym.errors import ConfigurationError
from eμsym.files import make_folder, write_json
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
from eμsym.plots.style import save_figure
from eμsym.recipes import stored_templates

RESULTS = Path(eμsym.papers.__file__).parent / "results" / "ddp-classifier.json"
_BAR_AFTER_SECONDS = 2.0
_WHY = (
    "The largest of all scores is where the net errs most, without asymmetry often at the sparse "
    "edges of the plane, and that hides what it learns of the signal. Inputs in GeV, or in 100 "
    "GeV, in place of standardised ones do no better (four toys). The paper prints neither its "
    "inputs' scale nor its learning rate."
)


def reproduce_ddp_fig6(
    *,
    output: str,
    recompute: bool,
    templates: str | None,
    scale: float | None,
    seed: int | None,
    style: Any,
) -> None:
    """Draw Fig. 6 of the DDP paper, write its data beside it, and print the comparison.

    Parameters
    ----------
    output : str
        Folder; made if it is not there.
    recompute : bool
        Train anew.
    templates : str or None
        A templates file in place of the stored example.
    scale : float or None
        T is multiplied by it.
    seed : int or None
    style : str
        See `eμsym.plots.style.styled`.

    Raises
    ------
    EmusymError
        If an option makes no sense, a file cannot be read, or the output cannot be written.
    """
    only_with_recompute(recompute, {"--templates": templates, "--scale": scale, "--seed": seed})
    if scale is not None and not (math.isfinite(scale) and scale > 0):
        raise ConfigurationError(f"--scale {scale:g}: give a number above 0")
    folder = make_folder(output)
    if recompute:
        chosen = read_templates(stored_templates(HLFV) if templates is None else templates)
        study = compute_classifier_study(
            chosen,
            scale=SCALE if scale is None else scale,
            seed=DEFAULT_SEED if seed is None else seed,
        )
    else:
        study = read_classifier_study(RESULTS)
    written = save_figure(draw_ddp_fig6(study, style=style), folder, "ddp-fig6")
    found = classifier_claims(study)
    data = {**study.to_dict(), "claims": [claim.to_dict() for claim in found]}
    write_json(folder / "ddp-fig6.json", data)
    print_claims(found, "ddp-fig6 of arXiv:2203.07529")
    files = ", ".join(path.name for path in [*written, folder / "ddp-fig6.json"])
    Console(highlight=False, soft_wrap=True).print(f"Written to {folder}: {files}")


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
