"""How much luminosity the processed events stand for, and how to scale them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import hist

from eμsym.errors import ConfigurationError, LostEventsError
from eμsym.processors.fakes import FAKE, PROMPT, check_fake_datasets, transfer_factor
from eμsym.processors.fileset import Dataset
from eμsym.processors.runner import FileAccount, Processed

PB_PER_FB = 1e-3
#: Datasets whose luminosities differ by more than this do not add up to one experiment.
LUMINOSITY_TOLERANCE = 0.05


@dataclass(frozen=True)
class Normalisation:
    """What one dataset's events are multiplied by, and why.

    Attributes
    ----------
    entries : int or None
        Events asked for; None if a file could not be opened and the fileset does
        not say how many events there should be.
    processed : int
        Events processed.
    luminosity_ifb : float or None
        Integrated luminosity that the processed events stand for, unscaled; None of those
        that estimate fakes.
    scale : float
        Factor on every event weight; negative where fakes are subtracted.
    """

    entries: int | None
    processed: int
    luminosity_ifb: float | None
    scale: float

    def to_dict(self) -> dict[str, Any]:
        """Return the normalisation, for JSON."""
        return asdict(self)


def normalise(
    processed: Processed, *, luminosity_ifb: float | None = None, allow_missing: bool = False
) -> dict[str, Normalisation]:
    """Work out the scale of every dataset.

    Simulated events that were lost are made up for by scaling up the others.
    With a target luminosity L, simulated events get L·σ/N_generated, where
    N_generated is reduced to the part that was processed. Data are never scaled.
    Events that estimate fakes get −τ, and simulated prompt ones among them τ times their
    scale.
    Events that were not asked for, as the steps of a fileset leave some out, are not
    lost: without a target nothing is made up for them.

    Parameters
    ----------
    processed : Processed
    luminosity_ifb : float, optional
        Target luminosity, fb⁻¹.
    allow_missing : bool
        Accept datasets with fewer events than their fileset says.

    Returns
    -------
    dict of str to Normalisation

    Raises
    ------
    LostEventsError
        If a fileset promises more events than the files hold and `allow_missing` is false.
    ConfigurationError
        If a target is given and a dataset's luminosity is unknown, a fileset promises
        fewer events than the files hold, or prompt events have no target.
    """
    if luminosity_ifb is not None and not 0 < luminosity_ifb < math.inf:
        raise ConfigurationError(f"luminosity {luminosity_ifb} fb⁻¹: must be positive and finite")
    files_of = processed.files_by_dataset
    result = {}
    for dataset in processed.datasets:
        files = files_of[dataset.name]
        there_are = _entries(dataset, files, allow_missing)
        done = _normalise_one(
            dataset,
            there_are,
            _asked(there_are, files),
            sum(file.processed for file in files),
            luminosity_ifb,
        )
        factor = transfer_factor(dataset, processed.datasets)
        result[dataset.name] = done if factor is None else _of_fakes(done, dataset, factor)
    return result


def _of_fakes(done: Normalisation, dataset: Dataset, factor: float) -> Normalisation:
    """Return the scale of events that estimate fakes: to subtract, or to take off those."""
    sign = -1.0 if dataset.metadata.role == FAKE else 1.0
    return Normalisation(done.entries, done.processed, None, sign * factor * done.scale)


def _asked(there_are: int | None, files: list[FileAccount]) -> int | None:
    """Return how many of a dataset's events are asked for."""
    if all(file.asked == file.entries for file in files):
        return there_are
    known = [file.asked for file in files if file.asked is not None]
    return sum(known) if len(known) == len(files) else None


def _entries(dataset: Dataset, files: list[FileAccount], allow_missing: bool) -> int | None:
    """Return how many events a dataset has, asked for or not."""
    promised = dataset.metadata.entries
    if any(file.entries is None for file in files):
        return promised
    found = sum(file.entries or 0 for file in files)
    if promised is None or promised == found:
        return found
    if promised < found:
        raise ConfigurationError(
            f"dataset {dataset.name!r}: its files hold {found} events, the fileset says "
            f"{promised}; mend 'entries' (and n_generated) in the fileset"
        )
    if not allow_missing:
        raise LostEventsError(
            f"dataset {dataset.name!r}: its files hold {found} events, the fileset says "
            f"{promised}; add the missing files, or go on without with --allow-missing"
        )
    return promised


def _normalise_one(
    dataset: Dataset,
    there_are: int | None,
    entries: int | None,
    processed: int,
    target: float | None,
) -> Normalisation:
    fraction = None if entries is None else processed / entries if entries else 1.0
    of_all = None if there_are is None else processed / there_are if there_are else 1.0
    luminosity = _luminosity(dataset)
    here = None if luminosity is None or of_all is None else luminosity * of_all
    if dataset.metadata.role in ("data", FAKE):
        return Normalisation(entries, processed, here, 1.0)
    if dataset.metadata.role == PROMPT and target is None:
        raise ConfigurationError(
            f"dataset {dataset.name!r}: prompt events are taken off at the luminosity of the "
            "data; give --luminosity"
        )
    if target is None or processed == 0:
        return Normalisation(entries, processed, here, 1.0 if not fraction else 1.0 / fraction)
    if here is None:
        missing = (
            "cross_section_pb and n_generated (or luminosity_ifb)"
            if luminosity is None
            else "entries, for a file of it cannot be opened"
        )
        raise ConfigurationError(
            f"dataset {dataset.name!r} cannot be scaled to {target} fb⁻¹: "
            f"give {missing} in the fileset's metadata"
        )
    return Normalisation(entries, processed, here, target / here)


def _luminosity(dataset: Dataset) -> float | None:
    metadata = dataset.metadata
    if metadata.cross_section_pb is not None and metadata.n_generated is not None:
        return metadata.n_generated / metadata.cross_section_pb * PB_PER_FB
    return metadata.luminosity_ifb


def pair_datasets(datasets: tuple[Dataset, ...], chosen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the datasets that make up the pair: the data if there are any, else all.

    Those that estimate the fakes of the data are of the pair too.

    Parameters
    ----------
    datasets : tuple of Dataset
    chosen : tuple of str
        The user's own choice.

    Raises
    ------
    ConfigurationError
        If a chosen dataset is not there, there is nothing beside fakes, or what is said of
        the fakes is not whole, see `check_fake_datasets`.
    """
    check_fake_datasets(datasets)
    names = [dataset.name for dataset in datasets]
    for name in chosen:
        if name not in names:
            raise ConfigurationError(f"no dataset {name!r}; there are {', '.join(names)}")
    fakes = [d.name for d in datasets if d.metadata.role in (FAKE, PROMPT)]
    others = [name for name in chosen or names if name not in fakes]
    if not others:
        raise ConfigurationError(
            f"dataset {', '.join(chosen or names)}: there are no data beside the fakes; give the "
            "data too"
        )
    if chosen:
        return tuple(chosen)
    data = [d.name for d in datasets if d.metadata.role == "data"]
    return (*(data or others), *fakes)


def luminosity_warning(
    normalisation: Mapping[str, Normalisation], names: tuple[str, ...]
) -> str | None:
    """Return a line if the datasets of a pair stand for different luminosities as scaled."""
    known = {
        name: normalisation[name].luminosity_ifb * normalisation[name].scale  # type: ignore[operator]
        for name in names
        if normalisation[name].luminosity_ifb is not None
    }
    if not known:
        return None
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    if known[high] <= known[low] * (1 + LUMINOSITY_TOLERANCE):
        return None
    return (
        f"the datasets stand for different luminosities, from {known[low]:.3g} ({low}) to "
        f"{known[high]:.3g} fb⁻¹ ({high}): their sum is no experiment; give --luminosity"
    )


def scaled(
    histograms: Mapping[str, hist.Hist], normalisation: Mapping[str, Normalisation]
) -> dict[str, hist.Hist]:
    """Return the histograms with every dataset multiplied by its scale."""
    result = {}
    for name, histogram in histograms.items():
        copy = histogram.copy()
        view = copy.view(flow=True)
        for i, dataset in enumerate(copy.axes["dataset"]):
            scale = normalisation[dataset].scale
            view["value"][i] *= scale
            view["variance"][i] *= scale**2
        result[name] = copy
    return result
