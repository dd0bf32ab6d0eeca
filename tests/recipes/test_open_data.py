"""Filesets of open data: made of listings that were written by hand from the public records."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from eμsym.cli.app import cli
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import read_json
from eμsym.processors.fileset import read_fileset
from eμsym.processors.run_config import read_run_config
from eμsym.recipes.cross_sections import cross_section
from eμsym.recipes.open_data import (
    atlas_fileset,
    catalogue,
    cms_fileset,
    datasets,
    main,
    open_data,
    sums_of_weights,
)
from tests.recipes.test_recipes_readme import parsed

ROOM = Path(__file__).parents[2] / "data-recipes"
PAGE = (ROOM / "open-data.md").read_text(encoding="utf-8")
EOS = "root://eospublic.cern.ch//eos/opendata/cms/Run2016G/MuonEG/NANOAOD/"


def record(name: str, n: int, **changes: Any) -> dict[str, Any]:
    """What the portal's API says of a record, as far as a fileset needs it."""
    files = [{"uri": f"{EOS}{i:02d}.root", "size": 1, "checksum": "adler32:0"} for i in range(n)]
    half = n // 2
    metadata = {
        "title": name,
        "recid": "30528",
        "distribution": {"number_files": n, "number_events": 5},
        "_file_indices": [{"files": files[half:]}, {"files": files[:half]}],
    }
    return {"id": "30528", "metadata": {**metadata, **changes}}


@pytest.fixture
def listings(tmp_path: Path) -> Path:
    for about in datasets("cms").values():
        content = record(about["name"], about.get("files", 3))
        (tmp_path / f"{about['record']}.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


def test_cms_records_become_a_fileset(listings: Path, tmp_path: Path) -> None:
    out = tmp_path / "cms.json"
    main(["cms", "--listings", str(listings), "-o", str(out)])
    read = {dataset.name: dataset for dataset in read_fileset([str(out)])}
    assert set(read) == set(datasets("cms"))
    data = read["muoneg_2016g"]
    assert next(iter(data.files)) == f"{EOS}00.root"
    assert (len(data.files), set(data.files.values())) == (29, {"Events"})
    assert (data.metadata.role, data.metadata.entries) == ("data", 33_854_612)
    total = sum(read[f"muoneg_2016{era}"].metadata.luminosity_ifb for era in "gh")
    assert total == pytest.approx(16.39)
    assert read["ttbar"].metadata.cross_section_pb == 88.29
    assert read["ttbar"].metadata.n_generated is None


def test_a_part_of_a_dataset_has_no_luminosity(listings: Path) -> None:
    fileset = cms_fileset(listings, ("muoneg_2016h", "ww"), protocol="http", max_files=2)
    data = fileset["muoneg_2016h"]
    assert list(data["files"]) == [
        f"http://opendata.cern.ch/eos/opendata/cms/Run2016G/MuonEG/NANOAOD/0{i}.root"
        for i in (0, 1)
    ]
    assert data["metadata"] == {"role": "data"}
    assert fileset["ww"]["metadata"] == {"role": "background", "cross_section_pb": 12.178}


def test_a_list_of_addresses_does_as_well(listings: Path) -> None:
    (listings / "72676.json").unlink()
    (listings / "72676.txt").write_text(f"{EOS}b.root\n{EOS}a.root\n", encoding="utf-8")
    fileset = cms_fileset(listings, ("ww",))
    assert list(fileset["ww"]["files"]) == [f"{EOS}a.root", f"{EOS}b.root"]


@pytest.mark.parametrize(
    "content, message",
    [
        (None, r"30528\.json: is missing; save https://opendata\.cern\.ch/api/records/30528"),
        ({"message": "gone"}, "is no record of the portal"),
        ([1], "is no record of the portal"),
        (record("/MuonEG/Run2016B", 29), "is of '/MuonEG/Run2016B', and not of /MuonEG/Run2016G"),
        (record(datasets("cms")["muoneg_2016g"]["name"], 28), "lists 28 ROOT files .* has 29"),
    ],
)
def test_listings_that_are_none_are_one_line(tmp_path: Path, content: Any, message: str) -> None:
    if content is not None:
        (tmp_path / "30528.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputFileError, match=message) as error:
        cms_fileset(tmp_path, ("muoneg_2016g",))
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigurationError, match="no open dataset 'x'; there are muoneg_2016g"):
        cms_fileset(tmp_path, ("x",))


def saved() -> dict[str, Any]:
    """What ``atlasopenmagic`` says, with numbers that are made up."""
    address = "root://eospublic.cern.ch:1094//eos/opendata/atlas/rucio/mc20_13TeV/"
    found: dict[str, Any] = {}
    for about in datasets("atlas").values():
        key = about["key"]
        found[key] = {"urls": [f"{address}{key}._{i}.pool.root.1" for i in (2, 1)]}
        if about["role"] != "data":
            found[key]["metadata"] = {
                "dataset_number": key, "physics_short": about["name"], "cross_section_pb": 80.0,
                "genFiltEff": 0.5, "kFactor": 1.1, "nEvents": 10, "sumOfWeights": 1.5e9,
            }  # fmt: skip
    return found


def test_what_atlasopenmagic_says_becomes_a_fileset(tmp_path: Path) -> None:
    (tmp_path / "saved.json").write_text(json.dumps(saved()), encoding="utf-8")
    out = tmp_path / "atlas.json"
    main(["atlas", "--saved", str(tmp_path / "saved.json"), "-o", str(out), "ttbar", "data_2016"])
    ttbar, data = read_fileset([str(out)])
    assert (ttbar.name, data.name, data.metadata.role) == ("ttbar", "data_2016", "data")
    assert ttbar.metadata.cross_section_pb == pytest.approx(44.0)
    assert ttbar.metadata.n_generated == 1.5e9
    assert [path.rsplit("/", 1)[1] for path in ttbar.files] == [
        "410472._1.pool.root.1",
        "410472._2.pool.root.1",
    ]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"urls": []}, "ttbar: nothing is saved of '410472'"),
        ({"metadata": {"kFactor": 1.0}}, "ttbar: its metadata have no number 'cross_section_pb'"),
        (
            {"metadata": {**saved()["410472"]["metadata"], "kFactor": "none"}},
            "ttbar: its metadata have no number",
        ),
        (
            {"metadata": {**saved()["410472"]["metadata"], "physics_short": "Zee"}},
            "ttbar: 410472 is 'Zee', and not PhPy8EG",
        ),
    ],
)
def test_metadata_that_lack_something_are_one_line(change: Any, message: str) -> None:
    known = saved()
    known["410472"] |= change
    with pytest.raises(ConfigurationError, match=message) as error:
        atlas_fileset(known, ("ttbar",))
    assert "\n" not in str(error.value)


def test_sums_of_weights_are_read_of_every_file(tmp_path: Path) -> None:
    files = {}
    for name, sums in (("a", [1.5, 2.5]), ("b", [10.0])):
        with uproot.recreate(path := tmp_path / f"{name}.root") as file:
            file["Runs"] = {"genEventSumw": np.array(sums)}
        files[str(path)] = "Events"
    fileset = {
        "ww": {"files": files, "metadata": {"role": "background", "cross_section_pb": 2.0}},
        "data": {"files": {"none.root": "Events"}, "metadata": {"role": "data"}},
    }
    source, out = tmp_path / "one.json", tmp_path / "two.json"
    source.write_text(json.dumps(fileset), encoding="utf-8")
    main(["weights", str(source), "-o", str(out)])
    found = read_json(out)
    assert found["ww"]["metadata"]["n_generated"] == 14.0
    assert found["data"] == fileset["data"]
    with uproot.recreate(tmp_path / "c.root") as file:
        file["Events"] = {"x": np.ones(1)}
    for bad in ("c.root", "missing.root"):
        wrong = {"ww": {"files": {str(tmp_path / bad): "Events"}, "metadata": {}}}
        with pytest.raises(InputFileError, match="Runs/genEventSumw, cannot be read") as error:
            sums_of_weights(wrong)
        assert "\n" not in str(error.value)


def test_the_page_has_what_the_table_has() -> None:
    for about in datasets("cms").values():
        assert str(about["record"]) in PAGE
        if about["role"] == "data":
            numbers = f"{about['events']:,} | {about['files']} | {about['size_gib']} GiB"
            assert f"`{about['name']}`" in PAGE
            assert numbers in PAGE
        else:
            assert about["source"]
    for about in datasets("atlas").values():
        assert about["key"] in PAGE
    assert catalogue()["atlas"]["release"] in PAGE
    assert str(catalogue()["cms"]["golden_json_record"]) in PAGE


def test_cross_sections_agree_with_those_of_the_samples() -> None:
    """Where both have the same process: tt̄ and WW to two leptons, and tW."""
    own = {name: cross_section(name, chain="madgraph") for name in ("ttbar", "ww", "wt")}
    cms = {name: about["cross_section_pb"] for name, about in datasets("cms").items()
           if "cross_section_pb" in about}  # fmt: skip
    assert cms["ttbar"] == pytest.approx(own["ttbar"].filtered_pb, rel=0.01)
    assert cms["ww"] == pytest.approx(own["ww"].value_pb * (3 * 0.10675) ** 2, rel=0.01)
    assert cms["wt"] + cms["wtbar"] == pytest.approx(own["wt"].value_pb, rel=0.01)


def test_the_commands_of_the_page_exist(tmp_path: Path) -> None:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.S | re.M)
    lines = [line for kind, block in blocks if not kind for line in block.splitlines()]
    assert sum(line.startswith(("emusym ", "python ")) for line in lines) > 4
    for line in lines:
        words = shlex.split(line, comments=True)
        if line.startswith("emusym "):
            parsed(cli, words[1:])
        elif line.startswith("python data-recipes/open_data.py "):
            parsed(open_data, words[2:])
    (toml,) = (block for kind, block in blocks if kind == "toml")
    golden = catalogue()["cms"]["golden_json"]
    (tmp_path / golden).write_text("{}", encoding="utf-8")
    (tmp_path / "cms.toml").write_text(toml, encoding="utf-8")
    assert read_run_config(tmp_path / "cms.toml") is not None
