"""Datasets that estimate fake leptons: what a fileset says of them, and how they are scaled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eμsym.errors import ConfigurationError
from eμsym.fakes import MAX_ERROR
from eμsym.processors.fileset import Dataset

#: Control events, of which each stands for τ fakes; and simulated prompt events among them.
FAKE, PROMPT = "fake", "fake_prompt"


def check_fake_datasets(datasets: Iterable[Dataset]) -> None:
    """Check what a fileset says of the datasets that estimate fakes.

    Raises
    ------
    ConfigurationError
        If a dataset of the role ``fake`` has no transfer factor or no error of it, the error
        is too large, another role has one, or prompt events are to be taken off a dataset
        that is not there.
    """
    by_name = {dataset.name: dataset.metadata for dataset in datasets}
    fakes = [name for name, about in by_name.items() if about.role == FAKE]
    for name, about in by_name.items():
        where = f"dataset {name!r}"
        given = about.transfer_factor, about.transfer_factor_error
        if about.role == FAKE:
            factor, error = given
            if factor is None or error is None:
                lacks = "transfer_factor" if factor is None else "transfer_factor_error"
                raise ConfigurationError(
                    f"{where}: has the role 'fake' and no {lacks}; give both in its metadata"
                )
            if error > MAX_ERROR * factor:
                raise ConfigurationError(
                    f"{where}: transfer_factor {factor:g} ± {error:g}: an error of at most "
                    f"{MAX_ERROR:g} of it can be taken; measure it better"
                )
        elif given != (None, None):
            raise ConfigurationError(
                f"{where}: has a transfer factor and the role {about.role!r}; it is for 'fake'"
            )
        if about.cuts is not None and about.role not in (FAKE, PROMPT):
            raise ConfigurationError(
                f"{where}: has cuts of its own and the role {about.role!r}; they are for control "
                "events, of the roles 'fake' and 'fake_prompt'"
            )
        if about.role == PROMPT:
            if about.subtracted_from not in fakes:
                raise ConfigurationError(
                    f"{where}: subtracted_from = {about.subtracted_from!r}; name the dataset of "
                    f"the role 'fake' whose prompt events these are ({', '.join(fakes) or 'none'})"
                )
        elif about.subtracted_from is not None:
            raise ConfigurationError(
                f"{where}: has subtracted_from and the role {about.role!r}; it is for {PROMPT!r}"
            )


def transfer_factor(dataset: Dataset, datasets: Sequence[Dataset]) -> float | None:
    """Return the τ that a dataset's events are multiplied by; None if it estimates no fakes."""
    about = dataset.metadata
    if about.role == FAKE:
        return about.transfer_factor
    if about.role != PROMPT:
        return None
    of = {each.name: each.metadata for each in datasets}[str(about.subtracted_from)]
    return of.transfer_factor
