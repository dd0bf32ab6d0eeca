"""The unbinned tests of a processed folder: splines at once, the network on request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from eμsym.errors import DataError
from eμsym.nulls import null
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
        Relabellings for each test's null, as the pair's symmetry draws them; a
        correction that was fitted to the pair is fitted to each of them.
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
    pair.pool.restricted(names)
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
            reads = OnColumns(test, columns, tuple(scales))
            result = reads(pair, rng=options.seed)
            drawn = null(reads, pair, options.permutations, rng=options.seed)
        except DataError as error:
            results[name] = {"problem": str(error)}
            continue
        results[name] = {
            **result.to_dict(),
            "permutations": {
                "pvalue": drawn.pvalue(result.statistic),
                "pvalue_error": drawn.pvalue_error(result.statistic),
                "z": _finite(drawn.z(result.statistic)),
                "smallest_pvalue": drawn.smallest_pvalue,
                "null": drawn.to_dict(),
            },
        }
        figures[f"{name}_null"] = draw_null(
            drawn,
            result.statistic,
            dof=result.dof,
            label=f"t ({name})",
            source="redrawn labels",
            style=options.style,
        )
        if len(names) == 1:
            a, b, weights_a, weights_b = pair_columns(pair, columns, scale=scales[0])
            figures[f"{name}_ratio"] = draw_likelihood_ratio(
                result,
                a,
                b,
                names=pair.names,
                label=labels[0],
                scale=1 / scales[0],
                style=options.style,
                weights_a=weights_a,
                weights_b=weights_b,
            )
    return results, figures


def raw_spline(pair: Pair, column: str) -> dict[str, Any]:
    """Return the spline test of an uncorrected pair, beside that of the corrected one."""
    from eμsym.processors.columns import LABELS

    scale = GEV_SCALE if "[GeV]" in LABELS.get(column, column) else 1.0
    try:
        found: dict[str, Any] = OnColumns(SplineTest(), column, scale)(pair).to_dict()
        return found
    except DataError as error:
        return {"problem": str(error)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
