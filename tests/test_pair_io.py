"""Pairs on disk: what is written comes back, and what is no pair is refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace

import awkward as ak
import hist
import numpy as np
import pyarrow.parquet
import pytest
import uproot

from eμsym import Pair, Sample, read_pair, write_pair
from eμsym.errors import ConfigurationError, DataError, InputFileError, OutputError
from eμsym.event_io import read_events, write_events
from eμsym.files import write_json
from eμsym.symmetry import Exchangeable, FairCoin
from tests.written_pairs import (
    MASS,
    assert_same_contents,
    assert_same_events,
    events,
    refused,
    sample_of,
)

ENDINGS = ["parquet", "json", "root"]


@pytest.fixture
def pair():
    return Pair.from_samples(sample_of(70, 1), sample_of(50, 2), names=("left", "right"))


# There and back


def test_parquet_keeps_the_columns_and_which_sample_they_belong_to(pair, tmp_path):
    write_pair(pair, tmp_path / "pair.parquet")
    found = read_pair(tmp_path / "pair.parquet")
    assert_same_events(found, pair)
    assert found.a.histograms == {}
    flags = ak.from_parquet(tmp_path / "pair.parquet").electron_leads
    assert ak.to_list(flags) == [True] * 70 + [False] * 50


def test_parquet_is_a_plain_table_to_others(pair, tmp_path):
    write_pair(pair, tmp_path / "pair.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "pair.parquet")
    assert table.column_names == [*ak.fields(pair.a.events), "electron_leads"]
    assert {str(field.type) for field in table.schema} == {
        "double", "float", "int8", "uint64", "int64", "bool",
    }  # fmt: skip


def test_json_keeps_the_histograms_their_axes_and_the_names(pair, tmp_path):
    write_pair(pair, tmp_path / "pair.json")
    found = read_pair(tmp_path / "pair.json")
    assert_same_contents(found, pair)
    assert found.names == ("left", "right")
    assert [axis.name for axis in found.hist("plane")[0].axes] == ["m_coll", "lead_pt"]
    assert found.hist("plane")[0] == pair.hist("plane")[0]
    assert found.a.events is None
    content = json.loads((tmp_path / "pair.json").read_text(encoding="utf-8"))
    assert (content["schema"], content["version"]) == ("emusym/pair", 1)


def test_root_keeps_histograms_labels_and_columns_but_not_the_axes_names(pair, tmp_path):
    write_pair(pair, tmp_path / "pair.root")
    found = read_pair(tmp_path / "pair.root")
    assert_same_contents(found, pair)
    assert_same_events(found, pair)
    assert [axis.name for axis in found.hist("plane")[0].axes] == ["xaxis", "yaxis"]


def test_root_is_a_plain_file_to_others(pair, tmp_path):
    write_pair(pair, tmp_path / "pair.root")
    with uproot.open(tmp_path / "pair.root") as file:
        assert file["a/m_coll"].classname == "TH1D"
        assert file["b/plane"].classname == "TH2D"
        assert file["a/events"].num_entries == 70
        assert file["a/m_coll"].errors() == pytest.approx(
            np.sqrt(pair.hist("m_coll")[0].variances())
        )


@pytest.mark.parametrize("ending", ["json", "root"])
def test_histograms_without_events_come_back(ending, pair, tmp_path):
    only = Pair.from_samples(
        Sample(histograms=pair.a.histograms), Sample(histograms=pair.b.histograms)
    )
    write_pair(only, tmp_path / f"pair.{ending}")
    found = read_pair(tmp_path / f"pair.{ending}")
    assert_same_contents(found, only)
    assert found.a.events is found.b.events is None


@pytest.mark.parametrize("ending", ["parquet", "root"])
@pytest.mark.parametrize("sizes", [(0, 0), (3, 0), (0, 3)])
def test_samples_without_events_come_back_empty(ending, sizes, tmp_path):
    pair = Pair.from_samples(Sample(events(sizes[0], 1)), Sample(events(sizes[1], 2)))
    write_pair(pair, tmp_path / f"pair.{ending}")
    assert_same_events(read_pair(tmp_path / f"pair.{ending}"), pair)


@pytest.mark.parametrize("ending", ["parquet", "root"])
def test_a_permuted_pair_that_was_read_is_written_with_its_new_labels(ending, pair, tmp_path):
    write_pair(pair, tmp_path / f"first.{ending}")
    permuted = read_pair(tmp_path / f"first.{ending}").permuted(rng=1)
    write_pair(permuted, tmp_path / f"second.{ending}")
    found = read_pair(tmp_path / f"second.{ending}")
    assert found.a.column("entry").tolist() == permuted.a.column("entry").tolist()
    assert found.b.column("m_coll").tolist() == permuted.b.column("m_coll").tolist()


def test_a_weighted_and_an_unweighted_sample_share_a_table(tmp_path):
    pair = Pair.from_columns({"x": [1.0]}, {"x": [2.0], "weight": [3.0]})
    write_pair(pair, tmp_path / "pair.parquet")
    found = read_pair(tmp_path / "pair.parquet")
    assert (found.a.weight.tolist(), found.b.weight.tolist()) == ([1.0], [3.0])


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("symmetry", [Exchangeable(), FairCoin()])
def test_all_formats_keep_which_symmetry_a_pair_has(ending, symmetry, pair, tmp_path):
    write_pair(replace(pair, symmetry=symmetry), tmp_path / f"pair.{ending}")
    assert read_pair(tmp_path / f"pair.{ending}").symmetry == symmetry


@pytest.mark.parametrize("ending", ENDINGS)
def test_writing_again_replaces_the_file_and_leaves_nothing_else(ending, pair, tmp_path):
    path = tmp_path / f"pair.{ending}"
    write_pair(pair, path)
    write_pair(Pair.from_samples(pair.b, pair.a, names=pair.names), str(path))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    found = read_pair(str(path))
    if ending != "parquet":
        assert_same_contents(found, Pair.from_samples(pair.b, pair.a))
    if ending != "json":
        assert_same_events(found, Pair.from_samples(pair.b, pair.a))


# What is refused


@pytest.mark.parametrize("name", ["pair.csv", "pair", "pair.root.gz"])
def test_an_unknown_ending_is_refused_with_those_that_are_known(name, pair, tmp_path):
    path = tmp_path / name
    says = "unknown ending .* use .json, .parquet, .root"
    refused(lambda: write_pair(pair, path), ConfigurationError, says)
    path.write_text("")
    refused(lambda: read_pair(path), ConfigurationError, says)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_missing_file_is_refused(ending, tmp_path):
    path = tmp_path / f"pair.{ending}"
    refused(lambda: read_pair(path), InputFileError, f"pair.{ending}: does not exist")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x80" * 500, b"root" + b"\0" * 500])
def test_a_file_of_something_else_is_refused(ending, content, tmp_path):
    path = tmp_path / f"pair.{ending}"
    path.write_bytes(content)
    refused(lambda: read_pair(path), InputFileError, f"pair.{ending}: (is not|has no)")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_truncated_file_is_refused_wherever_it_ends(ending, pair, tmp_path):
    write_pair(pair, tmp_path / f"whole.{ending}")
    content = (tmp_path / f"whole.{ending}").read_bytes()
    path = tmp_path / f"pair.{ending}"
    for part in (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99):
        path.write_bytes(content[: int(part * len(content))])
        refused(lambda: read_pair(path), InputFileError, f"pair.{ending}: is not")


@pytest.mark.parametrize(
    "content, error, says",
    [
        ({"schema": "emusym/results"}, ConfigurationError, "schema is 'emusym/results'"),
        ({"names": ["a", "b"]}, ConfigurationError, "schema is None"),
        ({"schema": "emusym/pair"}, InputFileError, "missing or damaged"),
        (
            {"schema": "emusym/pair", "names": ["a"], "a": {}, "b": {}},
            InputFileError,
            "missing or damaged",
        ),
        (
            {"schema": "emusym/pair", "names": ["a", "b"], "a": {"x": 3}, "b": {}},
            InputFileError,
            "missing or damaged",
        ),
        (
            {"schema": "emusym/pair", "names": ["a", "b"], "a": {"x": {"uhi_schema": 1}}, "b": {}},
            InputFileError,
            "missing or damaged",
        ),
    ],
)
def test_json_that_is_not_a_whole_pair_is_refused(content, error, says, tmp_path):
    write_json(tmp_path / "pair.json", content)
    refused(lambda: read_pair(tmp_path / "pair.json"), error, says)


def test_a_root_file_without_the_two_folders_is_refused(tmp_path):
    with uproot.recreate(tmp_path / "pair.root") as file:
        file["a/m_coll"] = hist.Hist(MASS)
    refused(lambda: read_pair(tmp_path / "pair.root"), InputFileError, "has no folder 'b'")


def test_a_table_without_labels_is_refused(tmp_path):
    ak.to_parquet(ak.zip({"x": [1.0]}), str(tmp_path / "pair.parquet"))
    refused(lambda: read_pair(tmp_path / "pair.parquet"), DataError, "electron_leads")


NO_EVENTS = Sample(histograms={"x": hist.Hist(MASS)})
NO_HISTOGRAMS = Sample(ak.zip({"x": [1.0]}))


@pytest.mark.parametrize(
    "pair, ending, says",
    [
        (Pair.from_samples(NO_EVENTS, NO_EVENTS), "parquet", "histograms only"),
        (Pair.from_samples(NO_HISTOGRAMS, NO_HISTOGRAMS), "json", "no histograms to write"),
        (Pair.from_samples(Sample(), NO_EVENTS), "root", "sample a has neither"),
        (Pair.from_samples(NO_EVENTS, Sample()), "root", "sample b has neither"),
        (
            Pair.from_samples(
                NO_HISTOGRAMS, Sample(NO_HISTOGRAMS.events, {"events": hist.Hist(MASS)})
            ),
            "root",
            "a histogram is called 'events'",
        ),
    ],
)
def test_what_a_format_cannot_keep_is_refused_and_nothing_is_left(pair, ending, says, tmp_path):
    refused(lambda: write_pair(pair, tmp_path / f"pair.{ending}"), DataError, says)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_place_that_cannot_be_written_is_refused(ending, pair, tmp_path):
    (tmp_path / "plain").write_text("a file")
    for folder in ("plain", "nowhere"):
        path = tmp_path / folder / f"pair.{ending}"
        refused(lambda path=path: write_pair(pair, path), OutputError, "cannot be written")
    assert [p.name for p in tmp_path.iterdir()] == ["plain"]


@pytest.mark.parametrize("what", ["pair", "folder"])
def test_a_flipped_bit_among_the_events_is_found(what, pair, tmp_path):
    path = tmp_path / "pair.parquet"
    if what == "pair":
        write_pair(pair, path)
        read = read_pair
    else:
        write_events(path, [pair.a.events], like=pair.a.events[:0])
        read = read_events
    content = bytearray(path.read_bytes())
    read(path)
    # The values stand before the footer, whose length is in the last eight bytes.
    footer = int.from_bytes(content[-8:-4], "little") + 8
    found = 0
    for place in range(40, len(content) - footer, max(1, (len(content) - footer) // 50)):
        content[place] ^= 0x10
        path.write_bytes(content)
        try:
            read(path)
        except InputFileError:
            found += 1
        content[place] ^= 0x10
    assert found >= 45  # a bit of a page's header may say nothing that is read
