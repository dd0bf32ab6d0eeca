r"""Whether limits are those of pyhf, over random models: where not, whose fit is the worse.

``python -m eμsym.coverage.limits_pyhf -n 200`` writes ``docs/coverage/limits_pyhf.json`` and its
table; it needs pyhf. Each model is written as a pyhf workspace, and CLs of both programs is
compared at two strengths, our observed and our median expected limit: observed and all five
expected. A difference of ln CLs over its slope in ln μ is that of a limit.

Both also fit the data, with μ free and at the observed limit. Over the saturated model

.. math::
    -2 \ln L_{\mathrm{pyhf}} + 2 \sum_i \ln \mathrm{Pois}(n_i | n_i)
        + 2 \ln C(0), \qquad C: \text{the constraints},

is our −2 ln L, so that what pyhf's optimum is above ours by is what its fit has missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from scipy.stats import poisson

from eμsym.arrays import FloatArray
from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.coverage.command import command_of
from eμsym.coverage.limits_pyhf_table import SAME, SCHEMA, VERSION, table
from eμsym.errors import ConfigurationError
from eμsym.limits.likelihoods import Likelihoods
from eμsym.limits.model import Model
from eμsym.limits.region import Region
from eμsym.limits.search import scan_of
from eμsym.limits.upper_limit import region_limit
from eμsym.progress import Advance
from eμsym.running.loop import answers_of

SEED = 20421

#: What is uncertain in a model, one after the other: nothing, the ratio of yields, and the
#: statistics of the signal's simulation besides.
KINDS = ("nothing", "ratio", "nothing", "ratio and signal")

#: Fewest and most bins, between which their logarithm is uniform.
BINS = (3, 50)

#: Minimisers of pyhf; the second is tried where the first fails or ends elsewhere than we do.
MINIMISERS = ("scipy", "minuit")
_TOLERANCE = 1e-6

_STEP = 0.005


def random_region(kind: str, n_bins: int, rng: np.random.Generator) -> Region:
    """Return a region of random templates, signal, ratio and counts.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    n_bins : int
    rng : numpy.random.Generator
    """
    mean = rng.uniform(10, 200, n_bins)
    in_b, in_a = rng.random(n_bins) ** 3 + 0.01, 0.2 * rng.random(n_bins) + 0.01
    total = in_a.sum() + in_b.sum()
    in_a, in_b = in_a / total, in_b / total
    kappa = rng.uniform(0.8, 1.3, n_bins)
    modes = rng.normal(0, 0.04, (0 if kind == "nothing" else 2, n_bins))
    variances = ((0.15 * in_a) ** 2, (0.15 * in_b) ** 2) if "signal" in kind else (None, None)
    return Region(
        "",
        rng.poisson(kappa * mean).astype(float),
        rng.poisson(mean).astype(float),
        (Signal(in_a, in_b, *variances),),
        YieldRatio(np.log(kappa), modes),
    )


@dataclass(frozen=True, eq=False)
class _Models:
    """The comparison of models, in any process."""

    seed: int
    bins: tuple[int, int]

    def __call__(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        return [self._compared(number) for number in numbers]

    def _compared(self, number: int) -> dict[str, Any]:
        rng = np.random.default_rng(SeedSequence(self.seed, spawn_key=(number,)))
        kind = KINDS[number % len(KINDS)]
        low, high = self.bins
        n_bins = int(np.floor(np.exp(rng.uniform(np.log(low), np.log(high + 1)))))
        return {"kind": kind, "n_bins": n_bins, **compared(random_region(kind, n_bins, rng))}


def compared(region: Region) -> dict[str, Any]:
    """Return how far pyhf is from our limits on a region, and by how much its fits are worse.

    Returns
    -------
    dict
        ``limit``, ours in events, and for each of `MINIMISERS` that was tried ``off``, the
        largest relative difference of a limit, and ``worse``, what −2 ln L of pyhf's fits is
        above ours with μ free and at the limit; or ``failed``.

    Raises
    ------
    ConfigurationError
        If pyhf is not installed.
    """
    limit = region_limit([region])
    likelihoods = Likelihoods.of(Model.of([region]))
    at_limit = likelihoods.profiled(np.array([[limit.observed]]))
    ours = np.array([likelihoods.fit().value[0], at_limit.value[0]])
    found: dict[str, Any] = {"limit": limit.observed}
    for minimiser in MINIMISERS:
        there = found[minimiser] = _of_pyhf(
            minimiser, region, likelihoods, (limit.observed, limit.median), ours
        )
        if "off" in there and there["off"] < SAME:
            break
    return found


def _of_pyhf(
    minimiser: str,
    region: Region,
    likelihoods: Likelihoods,
    strengths: tuple[float, float],
    ours: FloatArray,
) -> dict[str, Any]:
    try:
        import pyhf
        from pyhf.exceptions import FailedMinimization
    except ImportError as error:
        raise ConfigurationError(
            "pyhf is not installed; run: pip install 'emusym[pyhf]'"
        ) from error
    observed, events = strengths
    workspace = pyhf_workspace(
        region.b,
        region.a,
        region.signals[0],
        ratio=region.ratio,
        signal_events=events,
        mu_bounds=(0.0, 20.0),
    )
    backend, before = pyhf.get_backend()
    chosen = (
        pyhf.optimize.scipy_optimizer()
        if minimiser == "scipy"
        else pyhf.optimize.minuit_optimizer(tolerance=_TOLERANCE)
    )
    pyhf.set_backend(backend, chosen)
    try:
        opened = pyhf.Workspace(workspace)
        model = opened.model()
        data = opened.data(model)
        fits = (
            pyhf.infer.mle.fit(data, model, return_fitted_val=True),
            pyhf.infer.mle.fixed_poi_fit(observed / events, data, model, return_fitted_val=True),
        )
        theirs = [
            pyhf.infer.hypotest(
                mu / events, data, model, test_stat="qtilde", return_expected_set=True
            )
            for mu in strengths
        ]
    except FailedMinimization:
        return {"failed": True}
    finally:
        pyhf.set_backend(backend, before)
    n = np.array(opened.data(model, include_auxdata=False))
    constant = -2 * float(poisson.logpmf(n, n).sum())
    if model.config.auxdata:
        centre, auxiliary = (
            pyhf.tensorlib.astensor(x)
            for x in (model.config.suggested_init(), model.config.auxdata)
        )
        constant -= 2 * float(model.constraint_logpdf(auxiliary, centre))
    worse = [float(value) - constant - own for (_, value), own in zip(fits, ours, strict=True)]
    off = max(
        _largest_shift(likelihoods, mu, [float(x), *map(float, band)])
        for mu, (x, band) in zip(strengths, theirs, strict=True)
    )
    return {"off": float(f"{off:.3g}"), "worse": [float(f"{x:.3g}") for x in worse]}


def _largest_shift(likelihoods: Likelihoods, mu: float, cls: Sequence[float]) -> float:
    """Return by how much limits at CLs of ours and of pyhf's differ, the largest of six."""
    scan = scan_of(likelihoods, mu * np.array([1 - _STEP, 1.0, 1 + _STEP]))
    log = np.log(np.column_stack([scan.observed, scan.expected]))
    slope = (log[2] - log[0]) / np.log((1 + _STEP) / (1 - _STEP))
    return float(np.max(np.abs((np.log(cls) - log[1]) / slope)))


def compute(
    n_models: int,
    *,
    first: int = 0,
    bins: tuple[int, int] = BINS,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study.

    Parameters
    ----------
    n_models : int
    first : int
        The number of the first model, where others have been done.
    bins : tuple of int
        Fewest and most of a model.
    seed : int
    workers : int, optional
        Default: all cores.
    progress : bool or callable, optional
        As for `run_tasks`.

    Returns
    -------
    dict
        For JSON: see `eμsym.coverage.limits_pyhf_table`.

    Raises
    ------
    ConfigurationError
        If pyhf is not installed.
    """
    numbers = list(range(first, first + n_models))
    models = answers_of(_Models(seed, bins), numbers, workers=workers, progress=progress)
    return {"schema": SCHEMA, "version": VERSION, "seed": seed, "models": list(models)}


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return several parts of one study, of models that follow one another, as one."""
    return {**parts[0], "models": [model for part in parts for model in part["models"]]}


main = command_of("limits_pyhf", compute, table, toys=200, seed=SEED)

if __name__ == "__main__":
    main()
