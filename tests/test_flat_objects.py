"""Objects laid flat, from every way in which awkward may lay them out."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from eμsym.flat_objects import flat_objects, flat_values, records

EVENTS = [[1.0, 2.0], [], [3.0], [4.0, 5.0, 6.0], []]
PLAIN = ak.zip({"PT": ak.Array(EVENTS), "Charge": ak.Array([[1, -1], [], [1], [-1, 1, 1], []])})
LAYOUTS = {
    "plain": PLAIN,
    "a part": ak.concatenate([PLAIN[3:], PLAIN, PLAIN[:1]])[2:7],
    "events in another order": PLAIN[::-1][::-1],
    "chosen objects": PLAIN[PLAIN.PT > 0],
    "packed": ak.to_packed(PLAIN[np.array([True] * 5)]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_objects_are_those_that_awkward_shows(layout: str) -> None:
    objects = LAYOUTS[layout]
    found = flat_objects(objects)
    assert found.offsets.tolist() == [0, 2, 2, 3, 6, 6]
    assert found.counts.tolist() == [2, 0, 1, 3, 0]
    assert found.event.tolist() == [0, 0, 2, 3, 3, 3]
    assert found["PT"].tolist() == [1, 2, 3, 4, 5, 6]
    assert found.to_awkward().to_list() == PLAIN.to_list()
    assert flat_objects(found) is found


def test_sums_and_choices_are_awkwards() -> None:
    found, plain = flat_objects(PLAIN), PLAIN
    positive = found["Charge"] > 0
    assert found.count(positive).tolist() == ak.sum(plain.Charge > 0, axis=1).to_list()
    assert found.any(positive).tolist() == ak.any(plain.Charge > 0, axis=1).to_list()
    assert found.chosen(positive).to_awkward().to_list() == plain[plain.Charge > 0].to_list()
    some = np.array([False, True, True, True, False])
    assert found.of_events(np.flatnonzero(some)).to_awkward().to_list() == plain[some].to_list()
    assert found.jagged(positive).to_list() == (plain.Charge > 0).to_list()


def test_a_fixed_number_and_no_events_and_missing_members() -> None:
    fixed = ak.zip({"PT": ak.to_regular(ak.Array([[1.0, 2.0], [3.0, 4.0]]))})
    assert flat_objects(fixed).offsets.tolist() == [0, 2, 4]
    assert flat_objects(PLAIN[:0]).offsets.tolist() == [0]
    with pytest.raises(ValueError, match="missing"):
        flat_objects(ak.zip({"PT": ak.Array([[1.0, None]])}))


def test_values_that_are_laid_out_in_any_other_way_are_left_to_others() -> None:
    offsets, flat = flat_values(PLAIN.PT[1:4])
    assert (offsets.tolist(), flat.tolist()) == ([0, 0, 1, 4], [3, 4, 5, 6])
    assert flat_values(ak.Array([1.0, 2.0]))[0] is None
    for other in (PLAIN, ak.Array(["a", "b"]), ak.Array([1.0, None]), ak.Array([[[1.0]]])):
        assert flat_values(other) is None


def test_records_have_columns() -> None:
    assert records({"x": np.arange(2), "y": np.ones(2)}).to_list() == [
        {"x": 0, "y": 1.0},
        {"x": 1, "y": 1.0},
    ]
