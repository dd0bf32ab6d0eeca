"""The stored null and power of the network: what the tables say, and that the code gives it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eμsym.recipes import network_power
from eμsym.recipes.spline_power import SEED
from eμsym.sources import ToyModel
from eμsym.symmetrized import SymmetrizedTest
from eμsym.toy_loop import toy_statistics

ROWS = network_power.stored_rows()
README = Path(network_power.RESULTS).with_name("README.md").read_text(encoding="utf-8")


def test_what_the_module_computes_is_stored() -> None:
    for row, stored in zip(network_power.rows(), ROWS, strict=True):
        assert (stored["n"], len(stored["t"]), stored["signal"]) == (row.n, row.n_toys, row.signal)
        assert stored["n_signal"] == pytest.approx(row.n_signal)


@pytest.mark.slow
@pytest.mark.parametrize("row", [ROWS[0], ROWS[2]], ids=["null", "S3"])
def test_the_first_toys_again(row: dict[str, object]) -> None:
    """Equal here; elsewhere rounding may differ, and a training that leaves a plateau with it."""
    model = ToyModel(row["n"], row["n"], row["signal"], row["n_signal"])
    again = toy_statistics(SymmetrizedTest.paper(), model, 3, rng=SEED)
    assert np.median(np.abs(again - row["t"][:3])) < 0.02


def test_tables_are_those_of_the_readme() -> None:
    for table in (network_power.null_table(ROWS), network_power.power_table(ROWS)):
        assert "\n".join(table) in README
