"""Where r may jump in |η| unless edges are given: as the format of the files says."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eμsym import Pair, read_pair
from eμsym.analysis.analyse import analyse
from eμsym.analysis.correction import Equalisation
from eμsym.analysis.options import Tests
from eμsym.calibration.efficiency_ratio import LeptonBins
from eμsym.errors import InputFileError
from eμsym.folder import ProcessedFolder
from eμsym.pair_io import write_pair
from eμsym.processors.formats import FORMATS
from tests.calibration.toy_detector import BINS, ToyDetector
from tests.command_line import run
from tests.processors.rewritten import nano_columns, write_flat, write_nano


def levels(pair: Pair) -> LeptonBins:
    fit = pair.symmetry.calibration
    assert fit is not None
    return fit.ratio.bins


@pytest.fixture(scope="module")
def toy() -> Pair:
    return ToyDetector(1_500).draw(rng=1)


def test_every_format_says_where_its_detector_may_jump() -> None:
    """The gaps of the calorimeters, as both collaborations cut them out, and the cards' edge."""
    cracks = {each.name: each.cracks for each in FORMATS}
    assert cracks.pop("flat") == (1.37, 1.4442, 1.5, 1.52, 1.566)
    assert cracks == {"Delphes": (1.5,), "NanoAOD": (1.4442, 1.566), "PHYSLITE": (1.37, 1.52)}


def test_a_folder_a_pair_and_its_correction_have_those_of_the_format(
    processed_sample: Path, sample: Path, tmp_path: Path
) -> None:
    raw = read_pair(processed_sample)
    assert raw.cracks == (1.5,)
    delphes = raw.equalised()
    assert {1.5} == {1.37, 1.4442, 1.5, 1.52, 1.566} & set(levels(delphes).abseta_edges)
    by_hand = replace(raw, cracks=None).equalised(abseta_edges=(1.5,))
    assert delphes.nsigma("m_coll").z == by_hand.nsigma("m_coll").z
    assert delphes.nsigma("m_coll").z != replace(raw, cracks=None).equalised().nsigma("m_coll").z
    columns = nano_columns(sample / "hlfv_taue.root", data=True)
    assert run("process", write_nano(tmp_path / "n.root", columns), "-o", tmp_path / "nano") == 0
    nano = read_pair(tmp_path / "nano")
    assert nano.cracks == (1.4442, 1.566)
    assert {1.4442, 1.566} < set(levels(nano.equalised()).abseta_edges)


def test_what_is_given_comes_first_and_bins_have_their_own(toy: Pair) -> None:
    pair = replace(toy, cracks=(1.4442, 1.566))
    assert {1.4442, 1.566} < set(levels(pair.equalised()).abseta_edges)
    assert {1.37, 1.5, 1.52} < set(levels(toy.equalised()).abseta_edges)
    given = levels(pair.equalised(abseta_edges=(1.1,))).abseta_edges
    assert 1.1 in given
    assert 1.4442 not in given
    assert 1.4 in levels(replace(toy, cracks=()).equalised(abseta_edges=())).abseta_edges
    assert levels(pair.equalised(bins=BINS)) == BINS
    ratio = pair.equalised(bins=BINS).symmetry.correction
    other = ToyDetector(500).draw(rng=2)
    assert replace(other, cracks=(1.5,)).equalised(ratio).symmetry.source == "given"


@pytest.mark.parametrize("ending", ["parquet", "json", "root"])
def test_files_and_sums_keep_them(toy: Pair, tmp_path: Path, ending: str) -> None:
    from hist.axis import Regular

    axis = Regular(4, 10, 110, name="lead_pt")
    a, b = toy.hist(axis)
    pair = replace(toy, histograms=({"lead_pt": a}, {"lead_pt": b}))
    for cracks in (None, (), (1.37, 1.52)):
        write_pair(replace(pair, cracks=cracks), path := tmp_path / f"x.{ending}")
        assert read_pair(path).cracks == cracks
    one, other = replace(pair, cracks=(1.5,)), replace(pair, cracks=(1.37,))
    assert (one + one).cracks == (1.5,)
    assert (one + other).cracks is None
    assert one.where("lead_pt > 30").cracks == (1.5,)


def test_results_say_which_and_why(processed_sample: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(processed_sample, tmp_path / "old"))
    results = json.loads((old / "results.json").read_text(encoding="utf-8"))
    del results["configuration"]["format"]
    (old / "results.json").write_text(json.dumps(results), encoding="utf-8")
    flat = write_flat(tmp_path / "f.parquet", events_of(processed_sample))
    assert run("process", flat, "-o", tmp_path / "flat") == 0
    for where, pair, given, expected, because in (
        (processed_sample, ("ww",), None, [1.5], "those of Delphes files"),
        (processed_sample, ("ww",), (1.1, 1.6), [1.1, 1.6], "as given"),
        (tmp_path / "flat", (), None, [1.37, 1.4442, 1.5, 1.52, 1.566], "may be of any detector"),
        (old, ("ww",), None, [1.37, 1.5, 1.52], "of what format files were is unknown"),
    ):
        tests = Tests(
            pair=pair,
            equalisation=Equalisation(abseta_edges=given),
            permutations=1,
            max_permutations=1,
        )
        found = analyse(ProcessedFolder(where), tests).to_dict()["equalisation"]["jumps"]
        assert found["abseta"] == expected
        assert because in found["because"]


def events_of(folder: Path) -> Any:
    from eμsym.event_io import read_events

    return read_events(folder / "events" / "ww.parquet")


def test_no_jumps_at_all_are_said_too(toy: Pair) -> None:
    jumps = Equalisation("self", abseta_edges=()).jumps(toy, "Delphes")
    assert jumps is not None
    assert jumps.to_dict() == {"abseta": [], "because": "as given"}
    assert Equalisation("none").jumps(toy, "Delphes") is None


@pytest.mark.parametrize("cracks", ["[1.5, -1]", '"1.5"', '["x"]', "7"])
def test_a_folder_with_edges_that_are_none_is_one_line(
    processed_sample: Path, tmp_path: Path, cracks: str
) -> None:
    folder = Path(shutil.copytree(processed_sample, tmp_path / "out"))
    text = (folder / "results.json").read_text(encoding="utf-8")
    results = json.loads(text)
    results["configuration"]["format"]["cracks"] = "HERE"
    (folder / "results.json").write_text(
        json.dumps(results).replace('"HERE"', cracks), encoding="utf-8"
    )
    with pytest.raises(InputFileError, match=r"results\.json: .*cracks"):
        read_pair(folder)
