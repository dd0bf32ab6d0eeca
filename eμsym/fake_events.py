"""Fakes that control events estimate, subtracted from a pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym.errors import ConfigurationError, DataError
from eμsym.fakes import WithFakes, check_error
from eμsym.pair import Pair
from eμsym.pool import FAKE, WEIGHT, Pool


@dataclass(frozen=True)
class FakeYields:
    """How many fakes of one source are subtracted from A and from B.

    Attributes
    ----------
    a, b : float
    error_a, error_b : float
        Of the control events' statistics and of τ together.
    """

    a: float
    b: float
    error_a: float
    error_b: float

    def to_dict(self) -> dict[str, float]:
        """Return the numbers and their errors, for JSON."""
        return {"a": self.a, "error_a": self.error_a, "b": self.b, "error_b": self.error_b}


def subtract_fakes(
    pair: Pair,
    control: Pair,
    transfer_factor: float,
    error: float,
    *,
    prompt: Pair | None = None,
) -> Pair:
    """Return a pair with the fakes subtracted that control events estimate.

    Parameters
    ----------
    pair : Pair
        Of data, with events.
    control : Pair
        Events of the same selection, but for a lepton that fails (say its isolation),
        labelled as the pair's are, with the same columns.
    transfer_factor : float
        τ: fakes in the data for one control event; a τ of each event may be in its weight.
    error : float
        δτ, at most half of τ.
    prompt : Pair, optional
        Simulated events of the control sample in which both leptons are prompt, weighted
        to its luminosity: they are taken off it.

    Returns
    -------
    Pair
        Its symmetry is `eμsym.fakes.WithFakes`, and carries the control events' statistics
        and δτ. Histograms that it had are filled anew.

    Raises
    ------
    ConfigurationError
        If τ is not above zero, or its error not between zero and half of it.
    DataError
        If there are no data or no events, columns are missing, or no fakes are left when
        the prompt events are taken off.

    Examples
    --------
    >>> data = Pair.from_events({"x": [1.0] * 9, "electron_leads": [True] * 4 + [False] * 5})
    >>> control = Pair.from_events({"x": [1.0] * 5, "electron_leads": [True] + [False] * 4})
    >>> pair = subtract_fakes(data, control, 0.25, 0.025)
    >>> float(pair.a.weight.sum()), float(pair.b.weight.sum())
    (3.75, 4.0)
    """
    check_transfer_factor(transfer_factor, error)
    if not len(pair.pool):
        raise DataError("there are no data beside the fakes; give the data too")
    known = pair.pool.fake
    source = int(np.abs(known).max(initial=0)) + 1
    parts = [pair.pool.with_columns({WEIGHT: pair.pool.weight, FAKE: known.astype(np.int8)})]
    for events, factor in ((control, -transfer_factor), (prompt, transfer_factor)):
        if events is None:
            continue
        pool = events.pool
        marks = np.where(pool.labels, source, -source).astype(np.int8)
        parts.append(pool.with_columns({WEIGHT: factor * pool.weight, FAKE: marks}))
    errors = (*pair.symmetry.fake_errors, error / transfer_factor)
    symmetry = WithFakes(pair.symmetry.of_data, errors)
    found = replace(pair, events=_joined(parts), symmetry=symmetry, histograms=({}, {}))
    check_fakes(found.pool)
    return found.filled_like(pair.histograms) if any(pair.histograms) else found


def check_transfer_factor(transfer_factor: float, error: float) -> None:
    """Raise a `ConfigurationError` unless 0 < τ and 0 ≤ δτ ≤ τ/2."""
    if not 0 < transfer_factor < math.inf:
        raise ConfigurationError(f"transfer factor {transfer_factor}: must be above zero")
    check_error(error / transfer_factor)


def fake_yields(pool: Pool, errors: Sequence[float]) -> list[FakeYields]:
    """Return how many fakes of each source are in A and B of a pool, with their errors.

    Parameters
    ----------
    pool : Pool
    errors : sequence of float
        δτ/τ of every source.
    """
    found = []
    for k, error in enumerate(errors, start=1):
        number, spread = [], []
        for chosen in (pool.fake == k, pool.fake == -k):
            weight = pool.weight[chosen]
            number.append(-float(weight.sum()))
            spread.append(math.hypot(math.sqrt(float(weight @ weight)), error * number[-1]))
        found.append(FakeYields(number[0], number[1], spread[0], spread[1]))
    return found


def check_fakes(pool: Pool, names: Sequence[str] = ()) -> None:
    """Raise a `DataError` where prompt events outweigh the fakes that they are taken off."""
    marks = np.abs(pool.fake)
    for k in range(1, int(marks.max(initial=0)) + 1):
        chosen = marks == k
        total = float(pool.weight[chosen].sum())
        if total >= 0 and np.any(chosen):
            name = names[k - 1] if k <= len(names) else f"source {k}"
            raise DataError(
                f"fakes of {name}: the prompt events taken off weigh as much as all control "
                f"events or more ({-total:.3g} fakes are left); mend their normalisation"
            )


def _joined(parts: Sequence[Pool]) -> Pool:
    columns: dict[str, Any] = {}
    for name in parts[0].columns:
        for part in parts:
            if name not in part.columns:
                raise DataError(f"the events that estimate fakes have no column {name!r}")
        columns[name] = np.concatenate([np.asarray(part.columns[name]) for part in parts])
    return Pool(columns, np.concatenate([part.labels for part in parts]))
