"""Pairs on disk: Parquet for columns, UHI JSON and ROOT for histograms."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import hist
import numpy as np
import pyarrow.parquet as pq

from eμsym.accounting import check_events, check_histograms
from eμsym.errors import ConfigurationError, DataError, InputFileError
from eμsym.event_io import read_events
from eμsym.fake_events import check_fakes
from eμsym.fake_sources import FakeSources
from eμsym.fakes import WithFakes, check_marks
from eμsym.files import whole_file, write_json
from eμsym.folder import ProcessedFolder
from eμsym.histogram_io import read_uhi_json, sides, whole_content
from eμsym.input_files import require_file
from eμsym.label_rule import LABEL_RULE, LabelRule
from eμsym.pair import ORDER_COLUMN, Pair
from eμsym.pool import FILE, Pool
from eμsym.root_io import identity_of, root_file
from eμsym.sample import Sample, joined_events
from eμsym.symmetry import Exchangeable, FairCoin, Symmetry

PAIR_SCHEMA = "emusym/pair"
VERSION = 1

#: Where a Parquet file says which symmetry its pair has, and the symmetries that it may say.
SYMMETRY_KEY = "emusym symmetry"
SYMMETRIES: Mapping[str, Symmetry] = {"FairCoin": FairCoin(), "Exchangeable": Exchangeable()}
DEFAULT_SYMMETRY = "FairCoin"
#: Where it says by which rule the events are labelled, if that is recorded.
RULE_KEY = "emusym label rule"
#: Where it says where the detector's efficiencies may jump in |η|, if that is known.
CRACKS_KEY = "emusym cracks"
#: Where it says δτ/τ of every source of fakes that is subtracted.
FAKES_KEY = "emusym fake errors"


def write_pair(pair: Pair, path: str | Path) -> None:
    """Write a pair; the file's ending says how.

    ``.parquet`` keeps the columns of both samples in one table, whose boolean
    column ``electron_leads`` is true for A. ``.json`` keeps the histograms in
    the UHI format. ``.root`` keeps the histograms as ``a/NAME`` and ``b/NAME``
    and the columns, if any, as trees ``a/events`` and ``b/events``. Only JSON
    keeps the samples' names. All keep whether the pair is `Exchangeable` or a
    `FairCoin`, by which rule its events are labelled and where efficiencies may jump, if it
    says, and the fakes that are subtracted; of a corrected pair the weighted events are
    kept, not the correction.

    Parameters
    ----------
    pair : Pair
    path : str or Path

    Raises
    ------
    ConfigurationError
        If the ending is another one.
    DataError
        If the pair lacks what that format keeps.
    OutputError
        If the file cannot be written.
    """
    _by_suffix(Path(path), _WRITERS)(pair, Path(path))


def read_pair(
    path: str | Path, *, datasets: Iterable[str] | None = None, region: str | None = None
) -> Pair:
    """Read a pair from a file, or from the output folder of ``emusym process``.

    Parameters
    ----------
    path : str or Path
        ``.parquet``, ``.json``, ``.root``, or a folder.
    datasets : iterable of str, optional
        For a folder: which datasets to add up. Default: all.
    region : str, optional
        For a folder: the name of a region that it was processed with. Default: all events.
        Of a blinded folder the events in the window are left out in any case.

    Returns
    -------
    Pair
        From a folder and from ROOT with both histograms and events; from JSON with
        histograms, from Parquet with events. ROOT keeps the axes' labels but not
        their names.

    Raises
    ------
    InputFileError, ConfigurationError, DataError
        If the file is not there, is not a pair, or has no such dataset or region.
    """
    path = Path(path)
    try:
        path.lstat()
    except FileNotFoundError as error:
        raise InputFileError(f"{path}: does not exist") from error
    except (OSError, ValueError):
        require_file(path)  # says why
    if os.path.isdir(path):  # noqa: PTH112 (raises nothing of a folder that is shut)
        return _read_folder(ProcessedFolder(path), datasets, region)
    for what, chosen in (("datasets", datasets), ("a region", region)):
        if chosen is not None:
            raise ConfigurationError(f"{path}: {what} can be chosen only from a processed folder")
    read = _by_suffix(path, _READERS)
    require_file(path)
    pair: Pair = read(path)
    return pair


def _by_suffix(path: Path, table: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    if path.suffix not in table:
        raise ConfigurationError(
            f"{path}: unknown ending {path.suffix!r}; use {', '.join(sorted(table))}"
        )
    return table[path.suffix]


def _write_parquet(pair: Pair, path: Path) -> None:
    events = joined_events(pair.a, pair.b)
    in_a = np.arange(len(events)) < len(pair.a.require_events())
    table = ak.to_arrow_table(ak.with_field(events, in_a, ORDER_COLUMN), extensionarray=False)
    note = {**(table.schema.metadata or {}), SYMMETRY_KEY: _symmetry_name(pair)}
    if pair.rule is not None:
        note[RULE_KEY] = json.dumps(pair.rule.to_dict(), ensure_ascii=False)
    if pair.cracks is not None:
        note[CRACKS_KEY] = json.dumps(pair.cracks)
    if pair.symmetry.fake_errors:
        note[FAKES_KEY] = json.dumps(pair.symmetry.fake_errors)
    with whole_file(path) as temporary:
        table = table.replace_schema_metadata(note)
        pq.write_table(table, str(temporary), write_page_checksum=True)


def _read_parquet(path: Path) -> Pair:
    # The symmetry, and with it what marks fakes, follows below.
    pair = Pair(Pool.split(read_events(path), by=ORDER_COLUMN))
    note = pq.read_schema(path).metadata or {}
    symmetry = _symmetry(note.get(SYMMETRY_KEY.encode(), b"").decode())
    with whole_content(path):
        rule = json.loads(note.get(RULE_KEY.encode(), b"null"))
        errors = json.loads(note.get(FAKES_KEY.encode(), b"[]"))
        cracks = _cracks(json.loads(note.get(CRACKS_KEY.encode(), b"null")))
        pair = replace(pair, symmetry=symmetry, cracks=cracks)
        pair = _with_fakes(errors, _labelled_by(rule, pair))
    try:
        check_marks(pair.pool, pair.symmetry)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return pair


def _symmetry_name(pair: Pair) -> str:
    """Return what a file says of the symmetry; a correction is not kept, nor one of one's own."""
    name = type(pair.symmetry.raw.of_data).__name__
    return name if name in SYMMETRIES else DEFAULT_SYMMETRY


def _symmetry(name: str) -> Symmetry:
    """Return what a file says of the symmetry; files of others say nothing."""
    return SYMMETRIES[name if name in SYMMETRIES else DEFAULT_SYMMETRY]


def _labelled_by(content: Any, pair: Pair) -> Pair:
    """Return a pair with the rule that its file says, if any, and what that exchanges."""
    if content is None:
        return pair
    rule = LabelRule.from_dict(content)
    coin = pair.symmetry == SYMMETRIES[DEFAULT_SYMMETRY]
    symmetry = FairCoin(rule.exchange) if coin else pair.symmetry
    return replace(pair, rule=rule, names=rule.names, symmetry=symmetry)


def _cracks(content: Any) -> tuple[float, ...] | None:
    """Return what a file says of `Pair.cracks`."""
    return None if content is None else tuple(float(x) for x in content)


def _with_fakes(errors: Any, pair: Pair) -> Pair:
    """Return a pair with the fakes subtracted whose δτ/τ its file says, if any."""
    if not errors:
        return pair
    return replace(pair, symmetry=WithFakes(pair.symmetry, tuple(float(x) for x in errors)))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _write_json(pair: Pair, path: Path) -> None:
    import uhi.io.json

    if not pair.a.histograms:
        raise DataError(f"{path}: the pair has no histograms to write; use .parquet for events")
    data = {
        "schema": PAIR_SCHEMA,
        "version": VERSION,
        "names": list(pair.names),
        "symmetry": _symmetry_name(pair),
        "fake_errors": list(pair.symmetry.fake_errors),
        LABEL_RULE: None if pair.rule is None else pair.rule.to_dict(),
        "cracks": None if pair.cracks is None else list(pair.cracks),
        "a": dict(pair.a.histograms),
        "b": dict(pair.b.histograms),
    }
    write_json(path, data, default=uhi.io.json.default)


def _read_json(path: Path) -> Pair:
    with whole_content(path):
        data = read_uhi_json(path, PAIR_SCHEMA)
        a, b = ({k: hist.Hist(v) for k, v in data[side].items()} for side in ("a", "b"))
        names = (data["names"][0], data["names"][1])
        symmetry = _symmetry(str(data.get("symmetry")))
        samples = Sample(histograms=a), Sample(histograms=b)
        pair = _labelled_by(data.get(LABEL_RULE), Pair.from_samples(*samples, symmetry=symmetry))
        pair = _with_fakes(data.get("fake_errors"), pair)
        return replace(pair, names=names, cracks=_cracks(data.get("cracks")))


def _write_root(pair: Pair, path: Path) -> None:
    for side, sample in (("a", pair.a), ("b", pair.b)):
        if sample.events is None and not sample.histograms:
            raise DataError(f"{path}: sample {side} has neither histograms nor events to write")
        if sample.events is not None and "events" in sample.histograms:
            raise DataError(f"{path}: a histogram is called 'events', as the tree of events is")
    sides = {"a": pair.a, "b": pair.b}
    histograms = {
        f"{k}/{name}": h for k, each in sides.items() for name, h in each.histograms.items()
    }
    columns = {
        side: {name: np.asarray(sample.events[name]) for name in ak.fields(sample.events)}
        for side, sample in sides.items()
        if sample.events is not None
    }
    flat = {f"{k}/{name}": values for k, each in columns.items() for name, values in each.items()}
    identity = identity_of(histograms, flat)
    with whole_file(path) as temporary, root_file(temporary, identity) as file:
        file["symmetry"] = _symmetry_name(pair)
        if pair.rule is not None:
            file[LABEL_RULE] = json.dumps(pair.rule.to_dict(), ensure_ascii=False)
        if pair.cracks is not None:
            file["cracks"] = json.dumps(pair.cracks)
        if pair.symmetry.fake_errors:
            file["fake_errors"] = json.dumps(pair.symmetry.fake_errors)
        for name, histogram in histograms.items():
            file[name] = histogram
        for side, values in columns.items():
            file.mktree(f"{side}/events", {name: each.dtype for name, each in values.items()})
            file[f"{side}/events"].extend(values)


def _read_root(path: Path) -> Pair:
    import uproot

    try:
        with uproot.open(path) as file:
            if path.stat().st_size < file.file.fEND:
                raise InputFileError(f"{path}: is not a whole ROOT file, its end is missing")
            samples = [_root_sample(file, side, path) for side in ("a", "b")]
            symmetry = _symmetry(str(file["symmetry"]) if "symmetry" in file else "")
            rule = json.loads(str(file[LABEL_RULE])) if LABEL_RULE in file else None
            errors = json.loads(str(file["fake_errors"])) if "fake_errors" in file else []
            cracks = json.loads(str(file["cracks"])) if "cracks" in file else None
    except (OSError, ValueError, uproot.exceptions.KeyInFileError) as error:
        reason = _one_line(error)
        raise InputFileError(f"{path}: is not a pair in a ROOT file ({reason})") from error
    with whole_content(path):
        pair = Pair.from_samples(samples[0], samples[1], symmetry=symmetry)
        pair = replace(pair, cracks=_cracks(cracks))
        return _with_fakes(errors, _labelled_by(rule, pair))


def _root_sample(file: Any, side: str, path: Path) -> Sample:
    if side not in file:
        raise InputFileError(f"{path}: has no folder {side!r}; write it with write_pair")
    histograms, events = {}, None
    for name, kind in file[side].classnames(cycle=False).items():
        if kind.startswith("TH"):
            histograms[name] = file[side][name].to_hist()
        elif name == "events":
            events = file[side][name].arrays()
    return Sample(events, histograms)


def _read_folder(
    folder: ProcessedFolder, datasets: Iterable[str] | None, region: str | None
) -> Pair:
    results = folder.results()
    within = None if region is None else results.region(region)
    rule, by_dataset, files = results.label_rule, folder.histograms(), folder.event_files()
    chosen = sorted(files) if datasets is None else list(dict.fromkeys(datasets))
    known = f"there are {', '.join(files)}"
    if not chosen:
        raise ConfigurationError(f"{folder.path}: no dataset is chosen; {known}")
    for name in chosen:
        if name not in files:
            raise ConfigurationError(f"{folder.path}: no dataset {name!r}; {known}")
    parts = [read_events(files[name]) for name in chosen]
    for name, part in zip(chosen, parts, strict=True):
        check_events(files[name], part, results, name)
        if ak.fields(part) != ak.fields(parts[0]):
            raise InputFileError(
                f"{files[name]}: its columns are not those of {files[chosen[0]].name}; make the "
                "folder anew with emusym process"
            )
    sources = FakeSources.of(results, chosen, str(folder.path))
    events = ak.concatenate(sources.marked(parts, chosen, rule.column))
    if any(file.known_here_alone for file in results.inputs):
        # Events are then known again by their values.
        events = events[[name for name in ak.fields(events) if name != FILE]]
    pair = Pair.from_events(
        events,
        by=rule.column,
        names=rule.names,
        symmetry=sources.symmetry(FairCoin(rule.exchange)),
    )
    check_fakes(pair.pool, sources.names)
    with whole_content(folder.path / "histograms.json"):
        for name in chosen:
            check_histograms(folder, by_dataset, results, name)
        histograms = sides(by_dataset, datasets=chosen, orders=rule.orders)
    cracks = results.configuration.format.cracks
    pair = replace(pair, histograms=histograms, rule=rule, cracks=cracks)
    if results.blinding:
        pair = pair.where(results.blinding.where)
    if within is not None:
        pair = pair.where(within.where)
    if within is not None or results.blinding:
        check_fakes(pair.pool, sources.names)
    return pair


_WRITERS: dict[str, Callable[[Pair, Path], None]] = {
    ".json": _write_json,
    ".parquet": _write_parquet,
    ".root": _write_root,
}
_READERS: dict[str, Callable[[Path], Pair]] = {
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".root": _read_root,
}
