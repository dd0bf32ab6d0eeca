"""The unbinned tests of a processed folder: splines at once, the network on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eμsym.calibration.equalisation import EqualisedPair
from eμsym.calibration.relabelling import calibrated_null
from eμsym.errors import DataError
from eμsym.null import Null
from eμsym.nulls import permutation_null
from eμsym.pair import Pair
from eμsym.plots import draw_likelihood_ratio, draw_null
from eμsym.sources import pair_columns
from eμsym.testing import OnColumns
from eμsym.unbinned.spline import SplineTest

#: The tests want x of order one; the papers take m_coll in units of 100 GeV.
GEV_SCALE = 0.01


@dataclass(frozen=True)
class Unbinned:
    """Which unbinned tests are run.

    Attributes
    ----------
    columns : tuple of str
        What they look at; the spline test wants one column, the network takes any number.
    symmetrized : bool
        Whether to train the network of the symmetrized test as well.
    epochs : int
        Of each training.
    permutations : int
        Permuted pairs for each test's null; of an equalised pair, pairs whose labels
        are drawn as its calibrated symmetry has them, and calibrated again.
    seed : int
    style : str
    """

    columns: tuple[str, ...] = ("m_coll",)
    symmetrized: bool = False
    epochs: int = 500_000
    permutations: int = 200
    seed: int = 0
    style: Any = "neutral"


def run_unbinned(pair: Pair, options: Unbinned) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the unbinned tests on a pair.

    Parameters
    ----------
    pair : Pair
        With events.
    options : Unbinned

    Returns
    -------
    results : dict
        For JSON: of every test its result, the permutations and its p-value, or
        the ``problem`` that kept it from being run.
    figures : dict of str to matplotlib.figure.Figure

    Raises
    ------
    DataError
        If the events have no such column.
    """
    from eμsym.processors.columns import LABELS

    names = options.columns
    labels = [LABELS.get(name, name) for name in names]
    scales = [GEV_SCALE if "[GeV]" in label else 1.0 for label in labels]
    columns: Any = names[0] if len(names) == 1 else names
    a, b, weights_a, weights_b = pair_columns(pair, columns)
    data: tuple[Any, ...] = (a * np.array(scales), b * np.array(scales))
    if len(names) == 1:
        data = (a * scales[0], b * scales[0])
    if weights_a is not None and weights_b is not None and not _all_one(weights_a, weights_b):
        data = (*data, weights_a, weights_b)
    tests: dict[str, Any] = {}
    if len(names) == 1:
        tests["spline"] = SplineTest()
    if options.symmetrized:
        from eμsym.unbinned.symmetrized import SymmetrizedTest

        tests["network"] = SymmetrizedTest(epochs=options.epochs)
    results: dict[str, Any] = {"columns": list(names), "scales": scales, "seed": options.seed}
    figures: dict[str, Any] = {}
    for name, test in tests.items():
        try:
            result, null = _run(test, pair, data, scales, options)
        except DataError as error:
            results[name] = {"problem": str(error)}
            continue
        results[name] = {
            **result.to_dict(),
            "permutations": {
                "pvalue": null.pvalue(result.statistic),
                "pvalue_error": null.pvalue_error(result.statistic),
                "z": _finite(null.z(result.statistic)),
                "smallest_pvalue": null.smallest_pvalue,
                "null": null.to_dict(),
            },
        }
        figures[f"{name}_null"] = draw_null(
            null,
            result.statistic,
            dof=result.dof,
            label=f"t ({name})",
            source="redrawn labels" if isinstance(pair, EqualisedPair) else "permutations",
            style=options.style,
        )
        if len(names) == 1:
            weights = dict(zip(("weights_a", "weights_b"), data[2:], strict=False))
            figures[f"{name}_ratio"] = draw_likelihood_ratio(
                result,
                data[0],
                data[1],
                names=pair.names,
                label=labels[0],
                scale=1 / scales[0],
                style=options.style,
                **weights,
            )
    return results, figures


def raw_spline(pair: Pair, column: str) -> dict[str, Any]:
    """Return the spline test of an uncorrected pair, beside that of the corrected one."""
    from eμsym.processors.columns import LABELS

    scale = GEV_SCALE if "[GeV]" in LABELS.get(column, column) else 1.0
    a, b, weights_a, weights_b = pair_columns(pair, column, scale=scale)
    try:
        return SplineTest()(a, b, weights_a=weights_a, weights_b=weights_b).to_dict()
    except DataError as error:
        return {"problem": str(error)}


def _run(
    test: Any, pair: Pair, data: tuple[Any, ...], scales: list[float], options: Unbinned
) -> tuple[Any, Null]:
    weights = dict(zip(("weights_a", "weights_b"), data[2:], strict=False))
    result = test(data[0], data[1], rng=options.seed, **weights)
    n, seed = options.permutations, options.seed
    if not isinstance(pair, EqualisedPair):
        return result, permutation_null(test, data, n, rng=seed)
    one = len(scales) == 1
    reads = OnColumns(test, options.columns[0] if one else options.columns, tuple(scales))
    return result, calibrated_null(reads, pair, n, rng=seed)


def _all_one(*weights: Any) -> bool:
    return all(bool(np.all(np.asarray(w) == 1)) for w in weights)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
