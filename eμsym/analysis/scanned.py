"""What `emusym scan` computes: a folder's pair, corrected and scanned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym import __version__
from eμsym.analysis.correction import Equalisation
from eμsym.analysis.problem import Problem
from eμsym.analysis.scan_request import ScanRequest
from eμsym.analysis.signals import signals
from eμsym.difference import Difference
from eμsym.errors import ConfigurationError, EmusymError
from eμsym.expression import Expression
from eμsym.folder import ProcessedFolder
from eμsym.folder_files import SCAN_PARTS
from eμsym.pair import Pair
from eμsym.pair_io import read_pair
from eμsym.pool import Pool
from eμsym.running.keepers import Keeper
from eμsym.scanning.findings import Confirmation, Finding, FindingTest, Frozen, confirm
from eμsym.scanning.injection import Injected, Sensitivity, inject
from eμsym.scanning.kept import KeptOnDisk
from eμsym.scanning.places import Place
from eμsym.scanning.plan import comparable
from eμsym.scanning.result import Entry, Scan
from eμsym.scanning.scan import scan
from eμsym.scanning.splitting import folds, split

SCHEMA, VERSION = "emusym/scan", 1

#: How many of the first entries are looked at more closely.
FIRST = 10


@dataclass(frozen=True)
class CloserLook:
    """One of the first entries.

    Attributes
    ----------
    entry : Entry
    place : Place
    follows : tuple of str
        Variables or classes of the calibration that the entry is made of: its asymmetry may
        be the detector's.
    z_with : float
        Nσ of its window, all its events counted together.
    z_without : float, Problem or None
        The same with r fitted without them, what differs the fit had taken for the detector's;
        why it cannot be; None where r is not fitted to the pair.
    """

    entry: Entry
    place: Place
    follows: tuple[str, ...]
    z_with: float
    z_without: float | Problem | None

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        without = self.z_without
        return {
            **self.entry.to_dict(),
            **self.place.to_dict(),
            "follows_calibration": list(self.follows),
            "window_nsigma": self.z_with,
            "window_nsigma_r_without_it": None if isinstance(without, Problem) else without,
            "why_not_without_it": without.reason if isinstance(without, Problem) else None,
        }


@dataclass(frozen=True, eq=False)
class FolderScan:
    """Everything that came of it.

    Attributes
    ----------
    request : ScanRequest
    scan : Scan
    first : tuple of CloserLook
    correction : str or Problem or None
        Where the correction is from; why there is none; None if none was wanted.
    frozen : Frozen
        The first findings.
    confirmed : Confirmation, optional
        With the other part of the events.
    folds : tuple of Confirmation
        Of every part.
    sensitivity : Sensitivity, optional
    """

    request: ScanRequest
    scan: Scan
    first: tuple[CloserLook, ...]
    correction: str | Problem | None
    frozen: Frozen
    confirmed: Confirmation | None = None
    folds: tuple[Confirmation, ...] = ()
    sensitivity: Sensitivity | None = None

    @property
    def p_folds(self) -> float | None:
        """The p-value of all folds by Bonferroni; None without folds."""
        if not self.folds:
            return None
        return min(1.0, len(self.folds) * min(each.pvalue for each in self.folds))

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        why = self.correction.reason if isinstance(self.correction, Problem) else None
        source = None if isinstance(self.correction, Problem) else self.correction
        return {
            "schema": SCHEMA,
            "version": VERSION,
            **self.scan.to_dict(),
            "first": [each.to_dict() for each in self.first],
            "correction": {"source": source, "why_not": why},
            "options": self.request.options.to_dict(),
            "explored_share": self.request.explore,
            "confirmed": None if self.confirmed is None else self.confirmed.to_dict(),
            "folds": None
            if not self.folds
            else {"pvalue": self.p_folds, "parts": [each.to_dict() for each in self.folds]},
            "sensitivity": None if self.sensitivity is None else self.sensitivity.to_dict(),
        }


def scan_folder(
    folder: ProcessedFolder,
    request: ScanRequest,
    *,
    progress: bool | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> FolderScan:
    """Scan the pair of a processed folder; nothing but what is done so far is written.

    Parameters
    ----------
    folder : ProcessedFolder
    request : ScanRequest
    progress : bool, optional
        As for `eμsym.scan`.
    say : callable
        Told of each stage in a line.

    Raises
    ------
    EmusymError
        If the folder is none, a correction that was asked for cannot be had, or nothing can
        be scanned.
    """
    raw = _raw(folder, request)
    signal = None
    if request.inject is not None:
        # A signal that is not there is said before minutes of work.
        signal = _signal(folder, request.inject[0], raw)
    explored, kept_apart = raw, None
    if request.explore is not None:
        explored, kept_apart = split(raw, request.explore, rng=request.options.seed)
    pair, correction = _corrected(explored, request.equalisation)
    keeper = KeptOnDisk.resumed(folder.path / SCAN_PARTS, *_what(pair, request))
    if keeper.answers:
        say("going on where an earlier scan was ended")
    found = _scan(pair, request, request.options.seed, keeper, progress, say)
    keeper.remove()
    first = tuple(_closer(pair, found, entry, place) for entry, place in found.first(FIRST))
    frozen = Frozen.of(found, pair.pool, request.findings, **request.equalisation.to_dict())
    result = FolderScan(request, found, first, correction, frozen)
    if kept_apart is not None:
        say(f"confirming {len(frozen.findings)} findings with {len(kept_apart.pool):,} events")
        result = replace(result, confirmed=_confirmed(kept_apart, frozen, request))
    if request.folds is not None:
        result = replace(result, folds=tuple(_each_fold(raw, request, progress, say)))
    if signal is not None:
        result = replace(result, sensitivity=_sensitivity(pair, signal, request, progress, say))
    return result


def confirm_folder(
    folder: ProcessedFolder,
    frozen: Frozen,
    *,
    datasets: Sequence[str] = (),
    relabellings: int = 1000,
    seed: int = 20401,
) -> tuple[Confirmation, str | Problem | None]:
    """Test findings on the pair of another folder, corrected as the first was.

    Raises
    ------
    DataError
        If some of its events were used to find them, or a finding has none.
    """
    raw = _raw(folder, ScanRequest(pair=tuple(datasets)))
    frozen.check_apart(raw.pool)
    try:
        equalisation = Equalisation.from_dict(frozen.equalise)
    except EmusymError as error:
        raise ConfigurationError(f"equalise of the findings: {error}") from error
    pair, correction = _corrected(raw, equalisation)
    return _confirm(pair, frozen, relabellings, seed), correction


def _raw(folder: ProcessedFolder, request: ScanRequest) -> Pair:
    datasets = folder.results().datasets_of(request.pair, str(folder.path))
    return read_pair(folder.path, datasets=datasets)


def _corrected(raw: Pair, equalisation: Equalisation) -> tuple[Pair, str | Problem | None]:
    found = equalisation.apply(raw)
    if isinstance(found, Pair):
        return found, found.symmetry.source
    return raw, found


def _scan(
    pair: Pair,
    request: ScanRequest,
    seed: int,
    keeper: Keeper | None = None,
    progress: bool | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Scan:
    options = request.options
    regions, skipped = options.regions_of(pair.pool)
    # What cannot be scanned is said before a stage is.
    comparable(pair.pool, pair.symmetry.exchange, options.observables or "all")
    say(
        f"scanning {len(pair.pool):,} events in up to {len(regions) + 1} regions, "
        f"{options.relabellings:,} relabellings"
    )
    found = scan(
        pair,
        regions,
        options.observables or "all",
        planes=options.planes,
        tests=options.tests,
        windows=options.windows,
        n=options.relabellings,
        fewest=options.fewest,
        bins=(options.bins, options.bins_2d),
        rng=seed,
        workers=request.workers,
        dask=request.dask,
        keeper=keeper,
        progress=progress,
    )
    return replace(found, skipped=tuple(dict.fromkeys((*skipped, *found.skipped))))


def _what(pair: Pair, request: ScanRequest) -> list[Any]:
    """Return what the statistics of a scan depend on."""
    pool = pair.pool
    columns = [np.ascontiguousarray(np.asarray(x)).tobytes() for x in pool.columns.values()]
    return [
        __version__,
        np.__version__,
        *columns,
        pool.labels.tobytes(),
        list(pool.columns),
        pair.symmetry.log_ratio.tobytes(),
        request.options.to_dict(),
        request.equalisation,
    ]


def _closer(pair: Pair, found: Scan, entry: Entry, place: Place) -> CloserLook:
    where = found.regions[entry.region].where
    names = set(entry.observables) | set(Expression(where).names if where else ())
    follows = tuple(name for name in pair.symmetry.reads if name in names)
    finding = Finding.of(entry, place, where)
    test = FindingTest(finding.condition, "b")
    return CloserLook(entry, place, follows, _nsigma(test, pair), _without(pair, test))


def _nsigma(test: FindingTest, pair: Pair) -> float:
    difference: Difference = test.difference(pair)
    return float(difference.pull[0])


def _without(pair: Pair, test: FindingTest) -> float | Problem | None:
    """Return Nσ with r fitted to the events outside the window; None where r is not fitted."""
    if pair.symmetry.source != "self":
        return None
    inside = test.alike(pair.pool) == 0
    raw = pair.raw
    try:
        control = replace(raw, events=raw.pool.where(~inside), histograms=({}, {}))
        part = replace(raw, events=raw.pool.where(inside), histograms=({}, {}))
        return _nsigma(FindingTest("true", "b"), part.equalised(control=control))
    except EmusymError as error:
        return Problem(str(error))


def _confirmed(raw: Pair, frozen: Frozen, request: ScanRequest) -> Confirmation:
    pair = _corrected(raw, request.equalisation)[0]
    return _confirm(pair, frozen, request.options.relabellings, request.options.seed)


def _confirm(pair: Pair, frozen: Frozen, n: int, seed: int) -> Confirmation:
    # A small p-value is worth more relabellings: one number each is soon computed.
    return confirm(pair, frozen.findings, n, limit=20 * n, rng=seed)


def _each_fold(
    raw: Pair, request: ScanRequest, progress: bool | None, say: Callable[[str], None]
) -> list[Confirmation]:
    assert request.folds is not None
    found = []
    parts = folds(raw, request.folds, rng=request.options.seed)
    for number, (explored, part) in enumerate(parts, start=1):
        say(f"fold {number} of {request.folds}")
        pair = _corrected(explored, request.equalisation)[0]
        each = _scan(pair, request, request.options.seed + number, None, progress, say)
        frozen = Frozen.of(each, pair.pool, request.findings)
        found.append(_confirmed(part, frozen, request))
    return found


def _signal(folder: ProcessedFolder, name: str, raw: Pair) -> Pool:
    chosen = name.strip()
    if not chosen:
        raise ConfigurationError("--inject: name a dataset of the folder, as in SIGNAL:EVENTS")
    if chosen in folder.results().cutflow:
        return read_pair(folder.path, datasets=[chosen]).pool
    stored = {each.name: each for each in signals(folder, raw.names).shapes}
    if chosen not in stored:
        known = ", ".join((*folder.results().cutflow, *stored))
        raise ConfigurationError(f"{folder.path}: no signal {chosen!r}; there are {known}")
    return stored[chosen].events.pool


def _sensitivity(
    pair: Pair,
    signal: Pool,
    request: ScanRequest,
    progress: bool | None,
    say: Callable[[str], None],
) -> Sensitivity:
    assert request.inject is not None
    name, events = request.inject

    def scanned(raw: Pair, seed: int) -> tuple[Pair, Scan]:
        corrected = _corrected(raw, request.equalisation)[0]
        return corrected, _scan(corrected, request, seed, None, progress)

    def done(found: Sequence[Injected]) -> None:
        last = found[-1]
        say(
            f"{name}, sample {len(found)} of {request.samples}: {last.n_signal} events, global "
            f"p = {last.p_global:.3g}, first: {last.first}"
        )

    return inject(
        pair,
        signal,
        events,
        scanned,
        name=name,
        samples=request.samples,
        seed=request.options.seed,
        done=done,
    )
