"""Templates on disk, and templates from the folders that ``emusym process`` writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import hist

from eμsym.binned.templates import (
    FLAT_ENTRIES,
    Templates,
    describe,
    signal_templates,
    symmetric_template,
)
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import read_json, write_json
from eμsym.folder import ProcessedFolder
from eμsym.histogram_io import select
from eμsym.label_rule import rule_of

SCHEMA = "emusym/templates"
VERSION = 1
#: Datasets whose luminosities differ by more than this do not add up to one experiment.
_TOLERANCE = 0.05


def write_templates(templates: Templates, path: str | Path) -> None:
    """Write templates as JSON, the histograms in the UHI format, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    import uhi.io.json

    data = {
        "schema": SCHEMA,
        "version": VERSION,
        "provenance": dict(templates.provenance),
        "background": templates.background,
        "signal": templates.signal,
        **({} if templates.other is None else {"other": templates.other}),
    }
    write_json(path, data, default=uhi.io.json.default)


def read_templates(path: str | Path) -> Templates:
    """Read templates that `write_templates` wrote; older ones have no ``other`` order.

    Raises
    ------
    InputFileError, ConfigurationError
        If the file is missing, is no templates file, or is damaged.
    DataError
        If T and S do not fit together.
    """
    import uhi.io.json

    data = read_json(path, schema=SCHEMA, object_hook=uhi.io.json.object_hook)
    try:
        background, signal = (hist.Hist(data[name]) for name in ("background", "signal"))
        other = hist.Hist(data["other"]) if "other" in data else None
        provenance = dict(data["provenance"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputFileError(f"{path}: a part is missing or damaged ({error!r})") from error
    return Templates(background, signal, provenance, other)


def templates_from_folders(
    background: str | Path,
    signal: str | Path,
    *,
    background_datasets: Iterable[str] | None = None,
    signal_dataset: str | None = None,
    signal_order: str | None = None,
    luminosity_ifb: float | None = None,
    flat: float = FLAT_ENTRIES,
) -> Templates:
    """Make T and S of the histogram ``plane`` of processed folders.

    T is symmetrised from both flavour orders of all background datasets, S is
    one signal dataset in one flavour order, normalised; the same in the other order is
    kept beside it, divided by the same sum.

    Parameters
    ----------
    background, signal : str or Path
        Output folders of ``emusym process``; they may be the same.
    background_datasets : iterable of str, optional
        Default: those whose role is background.
    signal_dataset : str, optional
        Default: the only one whose role is signal.
    signal_order : str, optional
        One of the orders of the folder's label rule, such as ``emu``.
        Default: the order with more of the signal, which is the one in which the
        lepton that comes straight from the Higgs leads.
    luminosity_ifb : float, optional
        Scale T to this integrated luminosity, fb⁻¹. Default: as the folder has it.
    flat : float
        Entries added to every bin of T.

    Returns
    -------
    Templates
        Its provenance says which files (by name and ROOT's UUID) and how many
        selected events of each dataset went in.

    Raises
    ------
    InputFileError, ConfigurationError
        If a folder is not a processed one, a dataset is not there, there are
        several signals and none is chosen, the folders' cuts or axes differ, or
        the datasets stand for different luminosities (or unknown ones) and
        `luminosity_ifb` is not given (or cannot be reached).
    DataError
        If T has negative bins or S is empty.
    """
    folder, results, planes = _open(background)
    names = _backgrounds(folder, results, background_datasets)
    scales = _scales(folder, results, names, luminosity_ifb)
    sides = []
    for order in ProcessedFolder(folder).results().orders:
        total = hist.Hist(*planes.axes[2:], storage=hist.storage.Weight())
        for name in names:
            total += select(planes, datasets=[name], order=order) * scales[name]
        sides.append(total)
    t = symmetric_template(sides[0], sides[1], flat=flat)

    signal_folder, signal_results, signal_planes = _open(signal)
    _check_same_processing(folder, results, signal_folder, signal_results)
    dataset = _signal(signal_folder, signal_results, signal_dataset)
    orders = ProcessedFolder(signal_folder).results().orders
    samples = {o: select(signal_planes, datasets=[dataset], order=o) for o in orders}
    order = signal_order or max(orders, key=lambda o: float(samples[o].values().sum()))
    if order not in orders:
        raise ConfigurationError(f"signal order {order!r}: choose {' or '.join(orders)}")
    (other_order,) = (o for o in orders if o != order)
    s, other = signal_templates(samples[order], samples[other_order])

    luminosities = [_luminosity(results, name) for name in names]
    provenance = {
        "versions": results["provenance"]["packages"],
        "cuts": results["configuration"]["processor"]["cuts"],
        "luminosity_ifb": luminosity_ifb if luminosity_ifb is not None else luminosities[0],
        "flat": flat,
        "background": {
            "datasets": {name: _dataset(results, name, scales[name]) for name in names},
            **_without_flat(t, flat),
        },
        "signal": {
            "dataset": dataset,
            "order": order,
            **_dataset(signal_results, dataset, None),
            **describe(s),
        },
        "other": {"order": other_order, **describe(other)},
    }
    return Templates(t, s, provenance, other)


def _open(path: str | Path) -> tuple[Path, dict[str, Any], hist.Hist]:
    folder = ProcessedFolder(Path(path))
    return folder.path, folder.content(), folder.histogram("plane")


def _names(results: Mapping[str, Any], role: str) -> list[str]:
    return [name for name, entry in results["datasets"].items() if entry["role"] == role]


def _backgrounds(
    folder: Path, results: Mapping[str, Any], chosen: Iterable[str] | None
) -> list[str]:
    names = _names(results, "background") if chosen is None else list(dict.fromkeys(chosen))
    if not names:
        raise ConfigurationError(f"{folder}: no dataset is a background; choose some by name")
    _check_known(folder, results, names)
    return names


def _signal(folder: Path, results: Mapping[str, Any], chosen: str | None) -> str:
    names = _names(results, "signal") if chosen is None else [chosen]
    _check_known(folder, results, names)
    if len(names) != 1:
        known = ", ".join(names) or "none"
        raise ConfigurationError(
            f"{folder}: one signal dataset is needed, there are: {known}; choose it by name"
        )
    return names[0]


def _check_known(folder: Path, results: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if name not in results["datasets"]:
            known = ", ".join(results["datasets"])
            raise ConfigurationError(f"{folder}: no dataset {name!r}; there are {known}")


def _luminosity(results: Mapping[str, Any], name: str) -> float | None:
    """Return the luminosity that a dataset stands for as the folder has it scaled."""
    entry = results["normalisation"][name]
    known = entry["luminosity_ifb"]
    return None if known is None else float(known * entry["scale"])


def _scales(
    folder: Path, results: Mapping[str, Any], names: list[str], target: float | None
) -> dict[str, float]:
    """Return the factor on every dataset's histograms."""
    luminosities = {name: _luminosity(results, name) for name in names}
    unknown = [name for name, value in luminosities.items() if not value]
    if target is not None:
        if not target > 0:
            raise ConfigurationError(f"luminosity {target} fb⁻¹: must be positive")
        if unknown:
            raise ConfigurationError(
                f"{folder}: dataset {unknown[0]!r} cannot be scaled to {target:g} fb⁻¹: give "
                "cross_section_pb and n_generated (or luminosity_ifb) in the fileset's metadata"
            )
        return {name: target / float(value or 0) for name, value in luminosities.items()}
    known = [value for value in luminosities.values() if value]
    if known and max(known) > min(known) * (1 + _TOLERANCE):
        raise ConfigurationError(
            f"{folder}: the backgrounds stand for different luminosities, from {min(known):.3g} to "
            f"{max(known):.3g} fb⁻¹; give one to scale them to"
        )
    return dict.fromkeys(names, 1.0)


def _check_same_processing(
    folder: Path, results: Mapping[str, Any], other: Path, others: Mapping[str, Any]
) -> None:
    for key in ("cuts", "plane"):
        if results["configuration"]["processor"][key] != others["configuration"]["processor"][key]:
            raise ConfigurationError(
                f"{folder} and {other} were processed with different {key}; process one of them "
                "again with the other's configuration"
            )


def _dataset(results: Mapping[str, Any], name: str, scale: float | None) -> dict[str, Any]:
    """Return what went into a template from one dataset; files by name only."""
    flow = results["cutflow"][name]
    entry = results["normalisation"][name]
    described = {
        "files": [
            {"name": Path(file["path"]).name, "uuid": file["uuid"], "events": file["processed"]}
            for file in results["inputs"]
            if file["dataset"] == name
        ],
        "selected_events": {order: flow[order]["raw"] for order in rule_of(results).orders},
        "luminosity_ifb": entry["luminosity_ifb"],
    }
    if scale is not None:
        described["weight"] = entry["scale"] * scale
    return described


def _without_flat(t: hist.Hist, flat: float) -> dict[str, Any]:
    bare = t.copy()
    bare.view()["value"] -= flat
    return {**describe(bare), "bins_without_events": int((bare.variances() == 0).sum())}
