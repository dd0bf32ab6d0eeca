"""Pairs of processed folders: what is chosen is read, and what does not fit is refused."""

from __future__ import annotations

import shutil

import awkward as ak
import hist
import numpy as np
import pytest
from hist.axis import StrCategory

from eμsym import Pair, read_pair, write_pair
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import write_json
from eμsym.histogram_io import read_histograms, select, write_histograms
from tests.results_file import write_results
from tests.written_pairs import (
    PLANE,
    events,
    refused,
    sample_of,
)


@pytest.fixture
def pair():
    return Pair.from_samples(sample_of(70, 1), sample_of(50, 2), names=("left", "right"))


DATASETS = {"ztautau": 30, "h/lfv τe": 20, "100% qcd": 10}
FILES = {"ztautau": "ztautau", "h/lfv τe": "h%2Flfv%20%CF%84e", "100% qcd": "100%25%20qcd"}


@pytest.fixture
def folder(tmp_path):
    """A processed folder made by hand, with datasets that need quoting in file names."""
    out = tmp_path / "out"
    (out / "events").mkdir(parents=True)
    order = StrCategory(["emu", "mue"], name="order")
    by_dataset = hist.Hist(
        StrCategory(list(DATASETS), name="dataset"), order, *PLANE, storage=hist.storage.Weight()
    )
    selected = {name: {} for name in DATASETS}
    for i, (name, n) in enumerate(DATASETS.items()):
        columns = events(n, seed=i)
        leads = np.arange(n) % 3 > 0
        ak.to_parquet(
            ak.with_field(columns, leads, "electron_leads"),
            str(out / "events" / f"{FILES[name]}.parquet"),
            extensionarray=False,
        )
        for label, mask in (("emu", leads), ("mue", ~leads)):
            chosen = columns[mask]
            weight = selected[name][label] = ak.to_numpy(chosen.weight)
            by_dataset.fill(name, label, chosen.m_coll, chosen.lead_pt, weight=weight)
    write_histograms(out / "histograms.json", {"plane": by_dataset})
    write_results(out, DATASETS, selected)
    return out


@pytest.mark.parametrize("datasets", [None, ["ztautau"], ["h/lfv τe", "100% qcd"], ("100% qcd",)])
def test_a_folder_gives_the_events_and_histograms_of_the_chosen_datasets(datasets, folder):
    pair = read_pair(folder, datasets=datasets)
    chosen = list(DATASETS) if datasets is None else datasets
    assert len(pair.a.events) + len(pair.b.events) == sum(DATASETS[name] for name in chosen)
    assert len(pair.a.events) == sum(int(np.sum(np.arange(DATASETS[n]) % 3 > 0)) for n in chosen)
    for stored, filled in zip(pair.hist("plane"), pair.hist(*PLANE), strict=True):
        assert filled.sum().value != 0
        np.testing.assert_allclose(stored.values(flow=True), filled.values(flow=True))
        np.testing.assert_allclose(stored.variances(flow=True), filled.variances(flow=True))
        assert [axis.name for axis in stored.axes] == ["m_coll", "lead_pt"]
    assert pair.names == ("eμ", "μe")


def test_a_dataset_that_is_named_twice_counts_once(folder):
    once = read_pair(folder, datasets=["ztautau"])
    twice = read_pair(folder, datasets=["ztautau", "ztautau"])
    assert len(twice.a.events) == len(once.a.events)
    assert twice.hist("plane")[0] == once.hist("plane")[0]


def test_a_dataset_without_any_histogram_entry_counts_as_empty(folder):
    histogram = read_histograms(folder / "histograms.json")["plane"]
    assert select(histogram, datasets=["unknown"], order="emu").sum().value == 0.0
    only = select(histogram, datasets=["ztautau"], order="mue")
    assert select(histogram, datasets=["ztautau", "unknown"], order="mue") == only


def test_histograms_by_dataset_come_back(folder):
    histogram = read_histograms(folder / "histograms.json")["plane"]
    assert list(histogram.axes["dataset"]) == list(DATASETS)
    assert list(histogram.axes["order"]) == ["emu", "mue"]
    assert [axis.label for axis in histogram.axes[2:]] == [axis.label for axis in PLANE]


def test_datasets_that_a_folder_does_not_have_are_refused(folder):
    refused(
        lambda: read_pair(folder, datasets=["ztautau", "top"]),
        ConfigurationError,
        "no dataset 'top'; there are .*ztautau",
    )
    refused(lambda: read_pair(folder, datasets=[]), ConfigurationError, "no dataset is chosen")


def test_datasets_of_a_single_file_are_refused(pair, tmp_path):
    write_pair(pair, tmp_path / "pair.json")
    refused(
        lambda: read_pair(tmp_path / "pair.json", datasets=["ztautau"]),
        ConfigurationError,
        "only from a processed folder",
    )


def test_folders_that_were_not_processed_are_refused(folder, tmp_path):
    refused(lambda: read_pair(tmp_path), InputFileError, "has no results.json")
    for path in (folder / "events").iterdir():
        path.unlink()
    refused(lambda: read_pair(folder), InputFileError, "has no events")


def test_a_folder_with_a_damaged_part_is_refused(folder):
    (folder / "events" / "ztautau.parquet").write_bytes(b"PAR1")
    refused(lambda: read_pair(folder), InputFileError, r"ztautau\.parquet: is not a readable")
    write_json(folder / "histograms.json", {"schema": "emusym/histograms"})
    refused(lambda: read_pair(folder), InputFileError, r"histograms\.json: a part is missing")
    (folder / "histograms.json").unlink()
    refused(lambda: read_pair(folder), InputFileError, r"histograms\.json: cannot be read")


def rewritten(path, change):
    """Write a dataset's events anew, as a change of them has them."""
    ak.to_parquet(change(ak.from_parquet(path)), str(path), extensionarray=False)


def without(name):
    return lambda table: table[[field for field in ak.fields(table) if field != name]]


def replaced(name, values):
    return lambda table: ak.with_field(table, values(ak.to_numpy(table[name])), name)


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda table: table[: len(table) // 4], r"holds \d+ emu events, the cutflow counted 20"),
        (lambda table: table[[*range(30), 0]], "holds 1[01] mue events, the cutflow counted 10"),
        (lambda table: table[:0], "holds 0 emu events, the cutflow counted 20"),
        (without("weight"), "has no column 'weight'"),
        (without("electron_leads"), "has no column 'electron_leads'"),
        (replaced("weight", lambda w: w * 1.001), "the weights of emu add up to"),
        (
            replaced("weight", lambda w: np.where(np.arange(len(w)) == 3, np.nan, w)),
            ".* add up to nan",
        ),
        (replaced("weight", lambda w: w.astype(str)), "weight is .* and must be a number"),
        (replaced("electron_leads", lambda a: ~a), "holds 10 emu events"),
        (
            replaced("electron_leads", lambda a: a.astype(int)),
            "electron_leads is .* must be true or false",
        ),
    ],
)
def test_events_that_are_not_those_of_the_cutflow_are_refused(change, says, folder):
    path = folder / "events" / "ztautau.parquet"
    rewritten(path, change)
    refused(lambda: read_pair(folder), InputFileError, rf"ztautau\.parquet: {says}")
    assert len(read_pair(folder, datasets=["100% qcd"]).a.events) > 0


def test_histograms_that_are_not_those_of_the_cutflow_are_refused(folder):
    path = folder / "histograms.json"
    plane = read_histograms(path)["plane"]
    plane.view(flow=True)["value"][0, 1, 3, 3] += 1
    write_histograms(path, {"plane": plane})
    refused(
        lambda: read_pair(folder, datasets=["ztautau"]),
        InputFileError,
        "histograms.json: plane of mue in dataset 'ztautau' add up to",
    )


def test_a_dataset_whose_events_are_missing_or_unknown_is_not_passed_over(folder):
    moved = folder / "events" / "extra.parquet"
    (folder / "events" / "ztautau.parquet").rename(moved)
    refused(lambda: read_pair(folder), InputFileError, r"ztautau\.parquet: is missing")
    shutil.copy(moved, folder / "events" / "ztautau.parquet")
    refused(lambda: read_pair(folder), InputFileError, r"extra\.parquet: is of no dataset")
    moved.rename(folder / "events" / "._ztautau.parquet")
    assert len(read_pair(folder).a.events) == 39
