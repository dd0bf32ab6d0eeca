"""`emusym simulate` of Les Houches files: every hard process once, and damaged files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from eμsym.recipes.cross_sections import cross_section
from eμsym.recipes.pythia_cards import pythia_settings
from eμsym.recipes.simulation import simulate
from tests.cli.simulated_files import content
from tests.command_line import error_of, run

pythia8mc = pytest.importorskip("pythia8mc")


@pytest.fixture(scope="module")
def les_houches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 hard processes of tt̄, made by Pythia, in a folder with a blank in its name."""
    path = tmp_path_factory.mktemp("les houches") / "tt μ.lhe"
    pythia = pythia8mc.Pythia("", False)
    off = ("PartonLevel:all = off", "ProcessLevel:resonanceDecays = off", "Print:quiet = on")
    for line in (*pythia_settings("ttbar"), *off, "Random:setSeed = on", "Random:seed = 3"):
        assert pythia.readString(line)
    assert pythia.init()
    writer = pythia8mc.LHAupFromPYTHIA8(pythia.process, pythia.infoPython())
    writer.openLHEF(str(path))
    writer.setInit()
    writer.initLHEF()
    for _ in range(30):
        assert pythia.next()
        writer.setEvent()
        writer.eventLHEF()
    writer.closeLHEF(False)
    return path


def tops(path: Path) -> list[float]:
    """Return the momentum fraction x1 of the events of a Les Houches file."""
    found, lines = [], iter(path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith("<event"):
            next(lines)
            found.append(float(next(lines).split()[9]) / 6500.0)
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_every_hard_process_of_a_file_is_used_once(
    les_houches: Path, tmp_path: Path, workers: int
) -> None:
    packed = tmp_path / "tt.lhe.gz"
    packed.write_bytes(gzip.compress(les_houches.read_bytes()))
    given = les_houches if workers == 1 else packed
    sample = simulate(
        "ttbar",
        25,
        tmp_path / "tt.root",
        seed=1,
        lhe=given,
        job_size=10,
        filtered=False,
        workers=workers,
    )
    assert sample.entries == 25
    found = ak.flatten(content(sample.path)["Event/Event.X1"])
    np.testing.assert_allclose(found, tops(les_houches)[:25], rtol=1e-5)
    assert sample.record["lhe"]["n_events"] == 30
    assert sample.cross_section_pb == cross_section("ttbar", chain="madgraph").filtered_pb


def test_process_that_pythia_has_not(les_houches: Path, tmp_path: Path, capsys: Any) -> None:
    options = ("-n", 3, "-o", tmp_path / "wt.root")
    line = error_of(capsys, "simulate", "wt", *options)
    assert "make its events with MadGraph and give them with --lhe" in line
    assert run("simulate", "wt", *options, "--lhe", les_houches, "--no-filter") == 0
    assert "wt: 3 events of 3 generated" in capsys.readouterr().out


def damaged(les_houches: Path, how: str) -> bytes:
    text = les_houches.read_text(encoding="utf-8")
    if how == "cut":
        return text[: int(0.6 * len(text))].encode()
    if how == "cut gzip":
        return gzip.compress(text.encode())[:-2000]
    if how == "no init":
        return text.replace("<init>", "<other>").encode()
    if how == "damaged init":
        return text.replace("  3  1\n", "  3  4\n", 1).encode()
    if how == "other beams":
        return text.replace("6.500000e+03", "7.000000e+03").encode()
    return b"root\x00\x01"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("cut", "ends early, after "),
        ("cut gzip", "ends early"),
        ("no init", "is not a Les Houches event file"),
        ("damaged init", "its <init> block is damaged"),
        ("other beams", "beams of 7000 and 7000 GeV"),
        ("no such file", "is not a Les Houches event file"),
    ],
)
def test_damaged_les_houches_file(
    les_houches: Path, tmp_path: Path, capsys: Any, how: str, told: str
) -> None:
    path = tmp_path / "bad.lhe"
    path.write_bytes(damaged(les_houches, how))
    out = tmp_path / "out.root"
    line = error_of(capsys, "simulate", "ttbar", "-n", 5, "-o", out, "--lhe", path)
    assert f"{path}: " in line
    assert told in line
    assert [p.name for p in tmp_path.iterdir()] == ["bad.lhe"]


def test_too_few_hard_processes(les_houches: Path, tmp_path: Path, capsys: Any) -> None:
    options = ("-n", 31, "-o", tmp_path / "out.root", "--lhe", les_houches)
    assert "holds 30 events, 31 were asked for" in error_of(capsys, "simulate", "ttbar", *options)
    missing = ("-n", 1, "-o", tmp_path / "out.root", "--lhe", tmp_path / "none.lhe")
    assert "none.lhe: cannot be read" in error_of(capsys, "simulate", "ttbar", *missing)
    assert list(tmp_path.iterdir()) == []
