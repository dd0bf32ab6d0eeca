"""Luminosities and scales, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from eμsym.errors import ConfigurationError, LostEventsError
from eμsym.processors.config import EMuConfig
from eμsym.processors.fileset import Dataset, Metadata
from eμsym.processors.normalisation import (
    Normalisation,
    luminosity_warning,
    normalise,
    pair_datasets,
    scaled,
)
from eμsym.processors.runner import FileAccount, Processed


def processed(*files: tuple[int | None, int], **metadata: Any) -> Processed:
    """One dataset "d" of files with (entries, processed)."""
    dataset = Dataset("d", {str(i): "T" for i in range(len(files))}, Metadata(**metadata))
    accounts = tuple(
        FileAccount(
            "d", str(i), "T", "", 0, entries, entries, done, () if entries == done else ("lost",)
        )
        for i, (entries, done) in enumerate(files)
    )
    return Processed((dataset,), accounts, {}, {}, {"d": []})


def one(given: Processed, **options: Any) -> Normalisation:
    return normalise(given, **options)["d"]


def test_whole_dataset_is_left_as_it_is() -> None:
    # 2000 events of 4 pb stand for 0.5 fb-1.
    given = processed((60, 60), (40, 40), cross_section_pb=4.0, n_generated=2000)
    assert one(given) == Normalisation(100, 100, 0.5, 1.0)


def test_target_luminosity() -> None:
    given = processed((100, 100), cross_section_pb=4.0, n_generated=2000)
    assert one(given, luminosity_ifb=20).scale == pytest.approx(40.0)
    given = processed((100, 100), luminosity_ifb=0.5)
    assert one(given, luminosity_ifb=20).scale == pytest.approx(40.0)


def test_lost_events_are_made_up_for_in_simulation_but_never_in_data() -> None:
    lost = ((60, 60), (40, 20))
    result = one(processed(*lost, luminosity_ifb=1.0), allow_missing=True)
    assert (result.entries, result.processed) == (100, 80)
    assert result.luminosity_ifb == pytest.approx(0.8)
    assert result.scale == pytest.approx(1.25)
    result = one(processed(*lost, luminosity_ifb=1.0), allow_missing=True, luminosity_ifb=2.0)
    assert result.scale == pytest.approx(2.5)
    result = one(processed(*lost, luminosity_ifb=1.0, role="data"), allow_missing=True)
    assert result.luminosity_ifb == pytest.approx(0.8)
    assert result.scale == 1.0


def test_file_that_cannot_be_opened_counts_if_the_fileset_knows_the_entries() -> None:
    given = processed((60, 60), (None, 0), luminosity_ifb=1.0, entries=100)
    assert one(given, allow_missing=True).scale == pytest.approx(100 / 60)
    unknown = processed((60, 60), (None, 0), luminosity_ifb=1.0)
    assert one(unknown, allow_missing=True) == Normalisation(None, 60, None, 1.0)
    with pytest.raises(ConfigurationError, match="give entries, for a file"):
        one(unknown, allow_missing=True, luminosity_ifb=3.0)


def test_fileset_that_promises_other_numbers() -> None:
    short = processed((60, 60), entries=100, luminosity_ifb=1.0)
    with pytest.raises(LostEventsError, match="hold 60 events, the fileset says 100"):
        one(short)
    assert one(short, allow_missing=True).scale == pytest.approx(100 / 60)
    with pytest.raises(ConfigurationError, match="hold 60 events, the fileset says 50"):
        one(processed((60, 60), entries=50), allow_missing=True)


def test_unknown_cross_section_and_impossible_target() -> None:
    with pytest.raises(ConfigurationError, match="give cross_section_pb and n_generated"):
        one(processed((1, 1), cross_section_pb=2.0), luminosity_ifb=1.0)
    with pytest.raises(ConfigurationError, match="must be positive"):
        one(processed((1, 1)), luminosity_ifb=0.0)


def test_nothing_processed_divides_by_nothing() -> None:
    assert one(processed((0, 0), luminosity_ifb=1.0)).scale == 1.0
    assert one(processed((0, 0), luminosity_ifb=1.0), luminosity_ifb=2.0).scale == 1.0
    assert one(processed((5, 0), luminosity_ifb=1.0), allow_missing=True).scale == 1.0


def test_scaling_histograms() -> None:
    histograms = EMuConfig().histograms("x", "y")
    histogram = histograms["m_coll"]
    histogram.fill("x", "emu", [50.0, 55.0, 500.0], weight=2.0)
    histogram.fill("y", "mue", [50.0], weight=1.0)
    norms = {"x": Normalisation(3, 3, None, 3.0), "y": Normalisation(1, 1, None, 1.0)}
    result = scaled(histograms, norms)["m_coll"]
    x = result[{"dataset": "x", "order": "emu"}].sum(flow=True)
    assert (x.value, x.variance) == (18.0, 3 * 4.0 * 9.0)
    y = result[{"dataset": "y", "order": "mue"}].sum(flow=True)
    assert (y.value, y.variance) == (1.0, 1.0)
    assert histogram[{"dataset": "x", "order": "emu"}].sum(flow=True).value == 6.0


def test_pair_is_the_data_if_there_are_any() -> None:
    mc = Dataset("mc", {}, Metadata())
    data = Dataset("run", {}, Metadata(role="data"))
    assert pair_datasets((mc,)) == ("mc",)
    assert pair_datasets((mc, data)) == ("run",)
    assert pair_datasets((mc, data), ("mc",)) == ("mc",)
    with pytest.raises(ConfigurationError, match="no dataset 'x'; there are mc, run"):
        pair_datasets((mc, data), ("x",))


def test_warning_of_unequal_luminosities() -> None:
    norms = {
        "a": Normalisation(1, 1, 0.9, 1.0),
        "b": Normalisation(1, 1, 90.0, 1.0),
        "c": Normalisation(1, 1, 90.0, 0.01),
        "d": Normalisation(1, 1, None, 1.0),
    }
    message = luminosity_warning(norms, ("a", "b", "d"))
    assert message is not None
    assert "from 0.9 (a) to 90 fb⁻¹ (b)" in message
    assert luminosity_warning(norms, ("a", "c", "d")) is None
    assert luminosity_warning(norms, ("d",)) is None
