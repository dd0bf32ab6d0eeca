"""What systematic effects make of a signal: of columns with factors, or of other datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hist import Hist

from eμsym.analysis.signals import SignalShape
from eμsym.errors import ConfigurationError
from eμsym.folder import ProcessedFolder
from eμsym.pair import Pair
from eμsym.pair_io import read_pair

#: The histograms of a signal in A and in B.
Planes = tuple[Any, Any]


def varied_planes(
    folder: ProcessedFolder,
    pair: Pair,
    shape: SignalShape,
    effects: Mapping[str, tuple[str, str]],
    region: str | None = None,
) -> tuple[dict[str, tuple[Planes, Planes]], list[str]]:
    """Return a signal's histograms up and down by effect, and a line for each that it lacks.

    Parameters
    ----------
    folder : ProcessedFolder
    pair : Pair
        Unweighted; of weighted events no effect is in the limit, and a line says so.
    shape : SignalShape
    effects : mapping of str to (up, down)
        As `eμsym.analysis.limit_options.LimitOptions.shapes`.
    region : str, optional
        Where the signal's events are.

    Raises
    ------
    ConfigurationError
        If a name is neither a column of the signal's events nor a dataset.
    """
    found: dict[str, tuple[Planes, Planes]] = {}
    notes = []
    for effect, names in effects.items():
        if not pair.pool.unit:
            notes.append(f"{effect}: is not in the limits, which are expected of weighted events")
        elif shape.origin != "dataset":
            notes.append(f"{effect}: is not in the limits on {shape.name}, a stored shape")
        else:
            axes = pair.axes_of("plane")
            up, down = (_planes(folder, shape, name, axes, region) for name in names)
            found[effect] = up, down
    return found, notes


def _planes(
    folder: ProcessedFolder, shape: SignalShape, name: str, axes: Any, region: str | None
) -> Planes:
    if name in shape.events.pool.fields:
        return _weighted(shape, name, axes)
    if name in folder.results().cutflow:
        events = read_pair(folder.path, datasets=[name], region=region)
        return replace(shape, events=events).planes(axes)
    raise ConfigurationError(
        f"{name!r} is neither a column of the events of {shape.name} nor a dataset; there are "
        f"the datasets {', '.join(folder.results().cutflow)}"
    )


def _weighted(shape: SignalShape, name: str, axes: Any) -> Planes:
    pool = shape.events.pool
    weight = pool.weight * pool.column(name)
    filled = []
    for label in (1, 0):
        chosen = pool.labels == label
        histogram = Hist(*axes, storage="weight")
        columns = {axis.name: pool.column(axis.name)[chosen] for axis in axes}
        filled.append(histogram.fill(**columns, weight=weight[chosen]))
    return filled[0], filled[1]
