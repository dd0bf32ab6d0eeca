"""Axes of equal bins, edges, whole numbers and categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hist.axis import IntCategory, Integer, Regular, Variable

from eμsym import Pair
from eμsym.axes import index_on
from eμsym.errors import ConfigurationError
from eμsym.plots import draw_observable
from eμsym.plots.drawn_axis import drawn_edges
from eμsym.processors import Binning, EMuConfig

VALUES = np.array([-5.0, 0.0, 1.0, 2.0, 2.0, 7.0, 150.0, np.nan])


@pytest.mark.parametrize(
    "given, kind, inside",
    [
        ({"bins": 3, "start": 0, "stop": 3}, Regular, [1, 1, 2]),
        ({"bins": 3, "start": 0, "stop": 3, "overflow": True}, Variable, [1, 1, 4]),
        ({"edges": (0, 2, 10)}, Variable, [2, 3]),
        ({"edges": (-10, 2, 10), "overflow": True}, Variable, [3, 4]),
        ({"integers": (-1, 2)}, Integer, [0, 1, 1, 2]),
        ({"categories": (7, 2, 150)}, IntCategory, [1, 2, 1]),
    ],
)
def test_every_kind_of_axis_counts_what_it_says(
    given: dict[str, Any], kind: type, inside: list[int]
) -> None:
    binning = Binning("met", **given)
    assert type(binning.axis) is kind
    assert binning.n_bins == len(inside)
    events = {"met": VALUES, "electron_leads": np.ones(len(VALUES), dtype=bool)}
    pair = Pair.from_events(events)
    (counted, _), (index, shape) = pair.hist(binning.axis), pair.bin_index(binning.axis)
    assert counted.values().tolist() == inside
    assert np.bincount(index[index >= 0], minlength=shape[0]).tolist() == inside
    assert index[-1] == -1  # NaN is in no bin
    if "overflow" not in given:
        assert counted.sum(flow=True).value == len(VALUES)


def test_what_is_no_whole_number_is_outside() -> None:
    values = np.array([1.5, np.inf, -np.inf, np.nan, 1e300, -(2.0**31), 1.0])
    for axis in (Integer(0, 3), IntCategory([0, 1, 2])):
        inside = (found := index_on(axis, values)) >= 0
        assert (inside & (found < 3)).tolist() == [False] * 6 + [True]


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "give bins, start and stop, or edges, or integers, or categories"),
        ({"bins": 3}, "give bins, start and stop"),
        ({"bins": 3, "start": 0, "stop": 1, "edges": (0, 1)}, "give bins, start and stop, or"),
        ({"edges": (1,)}, "give two or more"),
        ({"edges": (1, 3, 2)}, "in ascending order"),
        ({"edges": (0, float("inf"))}, "an edge is infinite; .* overflow = true"),
        ({"edges": (0, float("nan"))}, "ascending order"),
        ({"integers": (3, 2)}, "integers from 3 to 2"),
        ({"integers": (0, 10**9)}, "1,000,000 at most"),
        ({"integers": (2**40, 2**40)}, "integers from"),
        ({"categories": (1, 1)}, "each once"),
        ({"categories": (2**40,)}, "31 bits"),
        ({"categories": (1, 2), "overflow": True}, "overflow is of equal bins and of edges"),
    ],
)
def test_axes_that_are_none(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Binning("met", **given)


@pytest.mark.parametrize(
    "column, message",
    [
        ("mass", "observables: no column 'mass' to histogram; there are m_coll, "),
        ("weight", "observables: no column 'weight' to histogram"),
        ("file_id", "observables: no column 'file_id'"),
        ("lead_isolation", "observables: column 'lead_isolation' is not comparable"),
    ],
)
def test_columns_that_no_histogram_is_of(column: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        EMuConfig(observables=(Binning(column, 3, 0, 1),))


def test_the_plane_has_neighbours() -> None:
    categories = Binning("lead_charge", categories=(-1, 1))
    with pytest.raises(ConfigurationError, match="plane: categories have no neighbours"):
        EMuConfig(plane=(Binning("met", 3, 0, 1), categories))


@pytest.mark.parametrize(
    "given, edges, ticks",
    [
        ({"bins": 2, "start": 0, "stop": 4, "overflow": True}, [0, 2, 4], None),
        ({"integers": (0, 2)}, [-0.5, 0.5, 1.5, 2.5], ["0", "1", "2"]),
        ({"categories": (7, 2)}, [0, 1, 2], ["7", "2"]),
    ],
)
def test_every_axis_is_drawn(
    given: dict[str, Any], edges: list[float], ticks: list[str] | None
) -> None:
    axis = Binning("met", **given).axis
    assert drawn_edges(axis).tolist() == edges
    labels = np.arange(len(VALUES)) % 2 == 0
    pair = Pair.from_events({"met": VALUES, "electron_leads": labels})
    figure = draw_observable(*pair.hist(axis), pair.difference(axis), pair.nsigma(axis))
    below = figure.axes[1]
    assert list(below.get_xlim()) == [edges[0], edges[-1]]
    if ticks is not None:
        assert [tick.get_text() for tick in below.get_xticklabels()] == ticks
    else:
        assert below.get_xlabel().endswith("the last bin and beyond")
