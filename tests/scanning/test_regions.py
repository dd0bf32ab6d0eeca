"""Classes of columns, exclusive and inclusive, and their pairs."""

from __future__ import annotations

import numpy as np
import pytest

from eμsym.errors import ConfigurationError
from eμsym.pool import Pool
from eμsym.regions import Region
from eμsym.scanning.options import ScanOptions
from eμsym.scanning.regions import classes_of, combined, thirds_of


def masks(regions, **columns):
    return {r.name: r.condition.condition(columns) for r in regions}


def test_counts_are_classes_each_and_from_each_on():
    jets = np.array([0, 1, 1, 2, 3, 5], dtype=float)
    found = masks(classes_of("n_jets", jets, (0, 1, 2)), n_jets=jets)
    assert {name: int(mask.sum()) for name, mask in found.items()} == {
        "n_jets = 0": 1,
        "n_jets = 1": 2,
        "n_jets >= 1": 5,
        "n_jets >= 2": 3,
    }


def test_two_charges_are_two_classes():
    charge = np.array([-1.0, 1.0, 1.0])
    assert [r.where for r in classes_of("lead_charge", charge, (-1, 1))] == [
        "lead_charge == -1",
        "lead_charge == 1",
    ]


def test_edges_divide_what_is_no_count():
    met = np.array([5.5, 20.0, 31.0, 70.0])
    found = masks(classes_of("met", met, (0, 30, 60)), met=met)
    assert {name: int(mask.sum()) for name, mask in found.items()} == {
        "0 <= met < 30": 2,
        "30 <= met < 60": 1,
        "met >= 30": 2,
        "met >= 60": 1,
    }


def test_thirds_hold_a_third_each():
    values = np.random.default_rng(1).normal(size=3000)
    sizes = [int(m.sum()) for m in masks(thirds_of("y", values), y=values).values()]
    assert sizes == pytest.approx([1000, 1000, 2000, 1000], abs=3)


def test_pairs_are_of_different_columns():
    jets = [Region("0j", "n == 0"), Region("1j", "n == 1")]
    met = [Region("low", "met < 30")]
    assert [region.name for region in combined([jets, met])] == [
        "0j",
        "1j",
        "low",
        "0j, low",
        "1j, low",
    ]


def test_classes_that_are_asked_for_replace_the_default_ones():
    pool = Pool.of_one({"n_jets": np.arange(300) % 3, "met": np.linspace(0, 90, 300)})
    options = ScanOptions(
        classes={"n_jets": (0, 1), "nosuch": (1,)},
        thirds=("met",),
        region=(Region("boosted", "met > 60"),),
    )
    regions, skipped = options.regions_of(pool)
    names = [region.name for region in regions]
    assert names[0] == "boosted"
    assert "n_jets = 0" in names
    assert any(name.startswith("n_jets = 0, met <") for name in names)
    assert [each.what for each in skipped] == ["classes of nosuch"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": {"met": (3, 1)}}, "classes.met"),
        ({"classes": {"met": ()}}, "classes.met"),
        ({"relabellings": 5}, "relabellings = 5"),
        ({"seed": -1}, "seed = -1"),
        ({"region": (Region("a", "x > 1"), Region("a", "x > 2"))}, "'a' is there twice"),
    ],
)
def test_options_that_are_none_are_one_line(options, message):
    with pytest.raises(ConfigurationError, match=message):
        ScanOptions(**options)
