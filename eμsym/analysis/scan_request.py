"""What `emusym scan` is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from eμsym.analysis.correction import Equalisation
from eμsym.errors import ConfigurationError
from eμsym.scanning.options import ScanOptions


@dataclass(frozen=True)
class ScanRequest:
    """What `emusym scan` does with a folder.

    Attributes
    ----------
    options : ScanOptions
    pair : tuple of str
        Datasets.
    equalisation : Equalisation
    explore : float, optional
        Share of the events that is explored; what is found is confirmed with the others.
    folds : int, optional
        So many parts in turn are confirmed with, and the others explored.
    findings : int
        How many are frozen, or confirmed.
    inject : tuple of (str, float), optional
        A signal's dataset and events.
    samples : int
        Scans with the signal.
    workers : int, optional
    dask : str, optional
    """

    options: ScanOptions = field(default_factory=ScanOptions)
    pair: tuple[str, ...] = ()
    equalisation: Equalisation = field(default_factory=Equalisation)
    explore: float | None = None
    folds: int | None = None
    findings: int = 1
    inject: tuple[str, float] | None = None
    samples: int = 10
    workers: int | None = None
    dask: str | None = None

    def __post_init__(self) -> None:
        if self.explore is not None and self.folds is not None:
            raise ConfigurationError("--explore and --folds divide the events twice; give one")
