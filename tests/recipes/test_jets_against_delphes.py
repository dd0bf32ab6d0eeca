"""Jets of simulated samples beside those of Delphes: what is stored, and how it is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import uproot
from scipy.stats import chi2_contingency

import eμsym.recipes
from eμsym.recipes.simulation.jets_against_delphes import (
    EDGES,
    ETA_MAX,
    N_GENERATED,
    PT_MIN,
    jet_counts,
    pvalues,
    stored,
    table,
)

GENUINE = Path(__file__).parents[1] / "data" / "all_branches.root"


def test_counts_are_those_of_a_plain_loop() -> None:
    tree = uproot.open(GENUINE)["Delphes"]
    columns = [tree[f"Jet.{name}"].array().tolist() for name in ("PT", "Eta", "BTag")]
    numbers, tagged, first, second = [], [], [], []
    for pts, etas, tags in zip(*columns, strict=True):
        kept = [i for i in range(len(pts)) if pts[i] > PT_MIN and abs(etas[i]) < ETA_MAX]
        numbers.append(len(kept))
        tagged.append(sum(tags[i] for i in kept))
        first += [pts[i] for i in kept[:1]]
        second += [pts[i] for i in kept[1:2]]
    found = jet_counts(GENUINE)
    for name, values in (
        ("number of jets", numbers),
        ("number of b-tagged jets", tagged),
        ("pT of the first jet", first),
        ("pT of the second jet", second),
    ):
        assert found[name] == np.histogram(values, EDGES[name])[0].tolist()


def test_stored_jets_are_like_those_of_delphes() -> None:
    """Seven distributions of each process; the smallest p-value counts all of them."""
    data = stored()
    assert set(data["processes"]) == set(N_GENERATED)
    every = []
    for name, both in data["processes"].items():
        assert sum(both["simulated"]["number of jets"]) > 300, name
        assert sum(both["delphes"]["number of jets"]) > 500, name
        found = pvalues(both)
        counts = np.array(
            [both[which]["pT of the first jet"] for which in ("simulated", "delphes")]
        )
        assert counts.min() >= 5
        p = found["pT of the first jet"]
        assert p is not None
        assert abs(p - chi2_contingency(counts, correction=False).pvalue) < 1e-9
        every += [p for p in found.values() if p is not None]
    assert len(every) == len(EDGES) * len(N_GENERATED)
    assert min(every) > 0.01 / len(every)  # Bonferroni
    assert np.mean(np.array(every) < 0.05) < 0.2


def test_the_table_of_the_readme_is_that_of_the_stored_counts() -> None:
    readme = Path(eμsym.recipes.__file__).parent / "README.md"
    assert table(stored()) in readme.read_text(encoding="utf-8")
