"""Whether permutations of one pair have the null of toys, at several ratios of the samples.

Part of `eμsym.coverage.overfitting`. The paper shows it at N_A = N_B (SYM section III E).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.arrays import FloatArray
from eμsym.nulls import permutation_null, toy_null
from eμsym.pair import Pair
from eμsym.papers.sym_results import read_stored
from eμsym.running.toys import draw_and_test
from eμsym.sources import permutations
from eμsym.toy_model import ToyModel
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest

#: Of the stored studies.
SEED = 20401

#: Pairs whose permutations are made for the splines.
PAIRS = 3


@dataclass(frozen=True)
class Sizes:
    """Expected sizes of the samples.

    Attributes
    ----------
    n_a, n_b : int
    network : int
        Permutations of the first pair for the network; 0 where 500 are stored.
    splines : int
        Toys, and permutations of each pair, for the splines.
    """

    n_a: int
    n_b: int
    network: int = 0
    splines: int = 500


#: All of which have 500 stored toys of the network.
ROWS = (Sizes(5_500, 5_500), Sizes(1_000, 10_000, 30), Sizes(100, 10_000, 30, 100))

_STORED = Path(__file__).parents[1] / "papers" / "results" / "sym"


def toy_of(sizes: Sizes, number: int) -> tuple[Pair, np.random.Generator]:
    """Return a toy of the stored studies, and the generator that its test has there."""
    for_draw, for_test = draw_and_test(SeedSequence(SEED, spawn_key=(number,)))
    pair = ToyModel(sizes.n_a, sizes.n_b).draw(np.random.default_rng(for_draw))
    return pair, np.random.default_rng(for_test)


def splines(
    sizes: Sizes, *, n: int, pairs: int = PAIRS, workers: int | None = None
) -> dict[str, Any]:
    """Return the spline test's t of n toys, and of n permutations of each of the first pairs."""
    options: dict[str, Any] = {"column": "x", "workers": workers, "progress": False}
    test = SplineTest()
    toys = toy_null(test, ToyModel(sizes.n_a, sizes.n_b), n, rng=SEED, **options)
    permuted = [
        permutation_null(test, toy_of(sizes, i)[0], n, rng=i, **options).samples
        for i in range(pairs)
    ]
    return {"toys": _listed(toys.samples), "permuted": [_listed(t) for t in permuted]}


def network(sizes: Sizes, *, n: int, first: int = 0) -> FloatArray:
    """Return the network's t of permutations of the first pair, after 5·10⁵ epochs, shape (n,)."""
    source = permutations(toy_of(sizes, 0)[0])
    test = SymmetrizedTest()
    t = []
    for i in range(first, first + n):
        for_draw, for_test = draw_and_test(SeedSequence(SEED, spawn_key=(i,)))
        drawn = source.draw(np.random.default_rng(for_draw))
        rng = np.random.default_rng(for_test)
        t.append(test(drawn.a.column("x"), drawn.b.column("x"), rng=rng).t)
    return np.array(t)


def stored_toys(sizes: Sizes) -> FloatArray:
    """Return the network's t of the stored toys without signal, shape (500,)."""
    return read_stored(_STORED / "nulls.json").statistics(f"{sizes.n_a} {sizes.n_b}")


def permuted(sizes: Sizes) -> FloatArray:
    """Return the network's t of permutations of a pair: those that are stored, or new ones."""
    if sizes.network:
        return network(sizes, n=sizes.network)
    return read_stored(_STORED / "permutations.json").statistics(f"{sizes.n_a} permuted 0")


def row(sizes: Sizes, of_splines: dict[str, Any], of_network: FloatArray) -> dict[str, Any]:
    """Return what is stored of a row, given `splines` and the network's t of permutations."""
    return {
        "n_a": sizes.n_a,
        "n_b": sizes.n_b,
        "spline": of_splines,
        "network": {"toys": _listed(stored_toys(sizes)), "permuted": [_listed(of_network)]},
    }


def compute(*, rows: Sequence[Sizes] = ROWS, workers: int | None = None) -> list[Mapping[str, Any]]:
    """Return the rows, for JSON."""
    return [
        row(sizes, splines(sizes, n=sizes.splines, workers=workers), permuted(sizes))
        for sizes in rows
    ]


def _listed(t: FloatArray) -> str:
    return " ".join(f"{each:.4f}" for each in t)
