"""A list of events: short as text, and the same events when it is read."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest

from eμsym import Pair, Pool
from eμsym.calibration.event_list import EventList
from eμsym.errors import DataError
from tests.calibration.toy_detector import ToyDetector


@pytest.mark.parametrize(
    "columns",
    [
        {"file_id": [2**63 + 5, 4, 4], "entry": [0, 2**40, 3]},
        {"run": [1, 1, 2], "luminosityBlock": [5, 6, 5], "event": [9, 9, 2**63 + 1]},
        {"runNumber": [3, 3, 3], "eventNumber": [8, 6, 7]},
        {"x": [0.5, np.nan, -0.0], "y": [1.0, 2.0, 3.0]},
        {"file_id": [], "entry": []},
    ],
    ids=["file", "run, block", "run", "values", "none"],
)
def test_a_list_says_the_same_after_it_was_text(columns) -> None:
    columns = {name: np.array(values) for name, values in columns.items()}
    pool = Pool.of_one(columns)
    events = EventList.of(pool)
    again = EventList.from_text(events.to_text())
    assert len(again) == len(pool)
    assert again.known_by == events.known_by == pool.known_by
    assert again.hold(pool).all()
    backwards = pool.where(np.arange(len(pool))[::-1])
    assert EventList.of(backwards).to_text() == events.to_text()
    if len(pool):
        assert again.hold(pool.where(slice(1, None))).all()
        one = EventList.from_text(EventList.of(pool.where(slice(0, 1))).to_text())
        assert one.hold(pool).tolist() == [True, False, False]


def test_events_of_two_files_or_runs_are_different_ones_though_their_numbers_agree() -> None:
    rng = np.random.default_rng(3)
    file, entry = rng.integers(1, 30, 5000).astype(np.uint64), rng.integers(0, 400, 5000)
    chosen = rng.random(5000) < 0.3
    pool = Pool.of_one({"file_id": file, "entry": entry})
    events = EventList.from_text(EventList.of(pool.where(chosen)).to_text())
    known = set(zip(file[chosen].tolist(), entry[chosen].tolist(), strict=True))
    pairs = zip(file.tolist(), entry.tolist(), strict=True)
    assert events.hold(pool).tolist() == [each in known for each in pairs]


def test_a_list_of_many_events_is_short() -> None:
    """A tenth of the entries of five files: about a byte an event; by fingerprints 8."""
    rng = np.random.default_rng(4)
    file = np.repeat(rng.integers(1, 2**63, 5), 20_000).astype(np.uint64)
    entry = np.concatenate([rng.choice(200_000, 20_000, replace=False) for _ in range(5)])
    text = EventList.of(Pool.of_one({"file_id": file, "entry": entry})).to_text()
    assert len(text) < 1.2 * file.size
    assert text.isascii()
    values = EventList.of(Pool.of_one({"x": rng.normal(size=100_000)})).to_text()
    assert len(values) < 8.5 * 100_000


def test_labels_are_no_part_of_what_an_event_is() -> None:
    bare = ToyDetector(500).draw(rng=2)
    events = ak.with_field(bare.pool.events, bare.pool.labels, "electron_leads")
    labelled = Pair.from_events(events)
    drawn = labelled.relabelled(~labelled.pool.labels)
    assert EventList.of(labelled.pool).hold(drawn.pool).all()


def test_what_nothing_tells_apart_has_no_list() -> None:
    assert EventList.of(Pool.of_counts(b=[3, 2], a=[1, 2])) is None
    assert EventList.of(Pool.of_one({"weight": [1.0, 2.0]})) is None
    # File number 0 of all events is that of no file.
    unknown = Pool.of_one({"file_id": [0, 0], "entry": [1, 2], "x": [0.5, 0.7]})
    assert EventList.of(unknown).by_value


def damaged(text: str, **changes: object) -> str:
    return json.dumps({**json.loads(text), **changes})


def test_damaged_lists_are_refused() -> None:
    text = EventList.of(Pool.of_one({"file_id": [3, 3, 4], "entry": [1, 2, 3]})).to_text()
    data = json.loads(text)["data"]
    for wrong in (
        "hello",
        "[]",
        damaged(text, format="other"),
        damaged(text, version=2),
        damaged(text, events=4),
        damaged(text, events=-1),
        damaged(text, events=10**30),
        damaged(text, groups=1),
        damaged(text, known_by=None),
        damaged(text, data=data[:-8]),
        damaged(text, data="?" + data[1:]),
        damaged(text, data=data[:8] + "AAAA" + data[12:]),
        damaged(text, data=5),
    ):
        with pytest.raises(DataError, match="this is no list of events"):
            EventList.from_text(wrong)
