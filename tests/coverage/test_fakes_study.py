"""The study of fakes among the data: its toys, and its table."""

import numpy as np
import pytest

from eμsym.coverage.fakes import (
    ELECTRON_LEADS,
    RELATIVE_ERROR,
    TRANSFER_FACTOR,
    FakeSource,
    Row,
    compute,
)
from eμsym.coverage.fakes_table import false_alarms, table
from eμsym.coverage.sources import background_events


@pytest.fixture(scope="module")
def source():
    return FakeSource(background_events(), 12_000, 0.05)


def test_fakes_are_as_many_and_as_soft_as_they_are_said_to_be(source):
    counts = np.array([len(source.data(seed).pool) for seed in range(30)])
    assert abs(counts.mean() - 12_000) < 4 * np.sqrt(12_000 / 30)
    control = source.control(1).pool
    assert abs(len(control) - 600 / TRANSFER_FACTOR) < 4 * np.sqrt(3_000)
    assert abs(control.labels.mean() - ELECTRON_LEADS) < 4 * np.sqrt(0.21 / 3_000)
    data = source.data(1).pool
    assert np.median(control.column("lead_pt")) < 0.75 * np.median(data.column("lead_pt"))


def test_the_measured_transfer_factor_has_its_error(source):
    factors = np.array([-source.draw(seed).pool.weight.min() for seed in range(60)])
    pulls = (factors / TRANSFER_FACTOR - 1) / RELATIVE_ERROR
    assert abs(pulls.mean()) < 4 / np.sqrt(60)
    assert abs(pulls.std() - 1) < 4 / np.sqrt(120)


def test_a_study_is_tabulated():
    data = compute(2, rows=(Row(1_500, 0.05, "one", "none"),), seed=1, workers=1)
    (row,) = data["rows"]
    assert (row["n_toys"], row["not_done"]) == (2, 0)
    assert set(row["counts"]) == {"raw", "subtracted"}
    assert all(len(text.split()) == 2 for text in row["counts"]["raw"].values())
    text = table(data)
    assert "| Nσ of lead_pt |" in text
    assert "1,500 events, 5 % fakes, r one, correction none" in text
    assert false_alarms("1 5 6 100", 99) == 0.5
