"""``emusym init``: what it writes for a folder of files, and that it runs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eμsym.processors.fileset import Metadata
from eμsym.processors.run_config import RunConfig, read_run_config
from tests.command_line import error_of, run


@pytest.fixture
def data(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files of a dataset, one of another, and one in a folder within."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    (folder / "ww").mkdir(parents=True)
    for name in ("hww_1", "hww_2", "htautau", "ww/all"):
        shutil.copy(sample / f"{name.split('/')[0].split('_')[0]}.root", folder / f"{name}.root")
    # Another file in bytes and identity than the first: the same events twice are refused.
    shutil.copy(sample / "zz.root", folder / "hww_2.root")
    (folder / "notes.txt").touch()
    return folder


def test_the_written_pair_runs(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("init", "data") == 0
    assert "htautau: 1 file, 75 events (Delphes)" in capsys.readouterr().out
    fileset = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    assert {name: list(each["files"].items()) for name, each in fileset.items()} == {
        "ww": [("data/ww/all.root", "Delphes")],
        "htautau": [("data/htautau.root", "Delphes")],
        "hww": [("data/hww_1.root", "Delphes"), ("data/hww_2.root", "Delphes")],
    }
    assert {name: each["metadata"]["entries"] for name, each in fileset.items()} == {
        "ww": 1918,
        "htautau": 75,
        "hww": 166 + 25,
    }
    few = ("--permutations", "5", "--max-permutations", "5", "--equalise", "none")
    assert run("run", "study.toml", *few) == 0
    results = json.loads((tmp_path / "study-output" / "results.json").read_text(encoding="utf-8"))
    assert results["cutflow"]["ww"]["all"]["raw"] == 1918
    assert results["configuration"]["format"]["name"] == "Delphes"
    assert (tmp_path / "study-output" / "report.html").exists()


def test_its_heading_names_what_a_fileset_may_say(data: Path, tmp_path: Path) -> None:
    assert run("init", data) == 0
    heading = (tmp_path / "study.toml").read_text(encoding="utf-8").split("# 2.")[0]
    named = set(re.findall(r'^#    "(\w+)"', heading, flags=re.M))
    assert named == {"role", "cross_section_pb", "n_generated", "luminosity_ifb", "sqrt_s_tev"}
    assert named <= set(Metadata.model_fields)


def test_all_that_is_given_is_inputs_output_and_format(data: Path, tmp_path: Path) -> None:
    assert run("init", data / "htautau.root", "-o", "one.toml") == 0
    config = read_run_config(tmp_path / "one.toml")
    assert [Path(x).name for x in config.inputs] == ["one.json"]
    assert config.output == "one-output"
    assert config.format.name == "Delphes"
    assert config.processor == RunConfig().processor


def test_nothing_is_replaced(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "study.json").write_text("mine", encoding="utf-8")
    line = error_of(capsys, "init", "data")
    assert "study.json: is there already, and is not replaced; give another name with -o" in line
    assert (tmp_path / "study.json").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "study.toml").exists()


def test_one_format_a_study(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = {name: np.ones(3) for name in ("lead_pt", "lead_eta", "sub_pt", "sub_eta")}
    pq.write_table(pa.table(columns), data / "flat.parquet")
    line = error_of(capsys, "init", "data")
    assert "flat.parquet: is of the format flat" in line or "is of the format Delphes" in line


@pytest.mark.parametrize("given", ["nowhere.root", "empty", "study.toml"])
def test_what_is_no_file_of_events(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert given in error_of(capsys, "init", given)
    assert sorted(x.name for x in tmp_path.iterdir()) == ["empty"]
