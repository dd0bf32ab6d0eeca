"""`emusym simulate`: seeds and jobs, bad input, and what a failure leaves."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from eμsym import read_pair
from eμsym.errors import OutputError
from eμsym.recipes.cross_sections import cross_section
from eμsym.recipes.pythia_cards import pythia_settings
from eμsym.recipes.simulation import parallel, simulate
from eμsym.recipes.simulation.delphes_layout import MEMBERS, DelphesFile, read_record
from eμsym.recipes.simulation.jobs import cut_into_jobs, run_job
from eμsym.workers import LostWorkersError
from tests.cli.simulated_files import content, hard_processes, same
from tests.command_line import error_of, run

pythia8mc = pytest.importorskip("pythia8mc")

COMMAND = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from eμsym.cli import main; main()",
]
#: A process that Pythia is quick with, and of which half passes the filter.
PROCESS = "hlfv_taue"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of 250 generated events in jobs of 100, made by one worker."""
    path = tmp_path_factory.mktemp("made") / "one.root"
    simulate(PROCESS, 250, path, seed=4, job_size=100, workers=1)
    return path


# ---------------------------------------------------------------- seeds and jobs


def test_same_seed_same_content_for_any_number_of_workers(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.root"
    options = ("--seed", 4, "--job-size", 100, "--workers", 2)
    assert run("simulate", PROCESS, "-n", 250, "-o", path, *options) == 0
    assert same(content(made), content(path))
    assert read_record(made) == read_record(path)
    fileset, other = (
        json.loads(p.with_suffix(".json").read_text(encoding="utf-8"))[PROCESS]["metadata"]
        for p in (made, path)
    )
    assert fileset == other
    with uproot.open(made) as a, uproot.open(path) as b:
        assert a.file.uuid == b.file.uuid


def test_no_event_comes_twice(made: Path, tmp_path: Path) -> None:
    """Neither within a sample, nor with another seed, job size or process."""
    others = [
        simulate(PROCESS, 150, tmp_path / "seed.root", seed=5, job_size=100, workers=1),
        simulate(PROCESS, 150, tmp_path / "jobs.root", seed=4, job_size=75, workers=1),
        simulate("hlfv_taumu", 150, tmp_path / "mu.root", seed=4, job_size=100, workers=1),
    ]
    samples = [hard_processes(made), *(hard_processes(other.path) for other in others)]
    entries = [len(content(made)["Event/Event.Weight"]), *(other.entries for other in others)]
    assert [len(sample) for sample in samples] == entries
    assert len(set.union(*samples)) == sum(entries)
    # statistically they are one: each passes the filter about as often
    passed = np.array(entries) / np.array([250, 150, 150, 150])
    assert np.all(np.abs(passed - passed.mean()) < 4 * np.sqrt(0.25 / 150))
    with uproot.open(made) as a, uproot.open(others[0].path) as b:
        assert a.file.uuid != b.file.uuid


def test_a_job_does_not_depend_on_the_others(made: Path) -> None:
    (_, second) = cut_into_jobs(PROCESS, pythia_settings(PROCESS), 200, seed=4, job_size=100)
    alone = run_job(second).columns
    whole = content(made)
    number = whole["Event/Event.Number"][:, 0]
    of_job = (number >= 100) & (number < 200)
    for name, members in MEMBERS.items():
        for member in members:
            branch = whole[f"{name}/{name}.{member}"][of_job]
            assert ak.array_equal(alone[name][member], branch, check_parameters=False), branch


def test_seeds_of_jobs() -> None:
    jobs = cut_into_jobs("ttbar", (), 10_000_500, seed=1)
    assert sum(job.n for job in jobs) == 10_000_500
    assert [job.first for job in jobs[:3]] == [0, 1000, 2000]
    assert jobs[-1].n == 500
    seeds = {job.pythia_seed for job in jobs}
    assert len(seeds) == len(jobs) == 10_001
    assert min(seeds) >= 1
    assert max(seeds) <= 900_000_000
    states = {tuple(job.response_seed.generate_state(4)) for job in jobs}
    assert len(states) == len(jobs)


def test_filter_keeps_what_it_should(tmp_path: Path, made: Path) -> None:
    """Without it, the same hard processes and more; each generated event is written."""
    every = simulate(
        PROCESS, 100, tmp_path / "all.root", seed=4, job_size=100, workers=1, filtered=False
    )
    assert every.entries == every.n_generated == 100
    whole = content(made)
    first = set(ak.flatten(whole["Event/Event.Number"]).tolist())
    first = {number for number in first if number < 100}
    assert 30 < len(first) < 70
    assert every.record["filter"] is None
    everything = content(every.path)
    kept = np.isin(ak.to_numpy(everything["Event/Event.Number"][:, 0]), sorted(first))
    names = ("Event/Event.X1", "Event/Event.X2")
    for name in names:
        both = everything[name][kept], whole[name][: len(first)]
        assert ak.array_equal(*both)


def test_settings_of_pythia_s_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scalar of 300 GeV in place of the Higgs boson: hard leptons; and no underlying event."""
    path = tmp_path / "heavy.root"
    heavy = ("--pythia", "25:m0 = 300", "--pythia", "PartonLevel:MPI = off")
    assert run("simulate", PROCESS, "-n", 100, "-o", path, "--workers", 1, *heavy) == 0
    record = read_record(path)
    assert record is not None
    assert record["pythia_settings"] == [*pythia_settings(PROCESS), *heavy[1::2]]
    electrons = ak.firsts(content(path)["Electron/Electron.PT"])
    assert 90 < np.median(ak.to_numpy(ak.drop_none(electrons))) < 170
    other = ("-n", 5, "-o", tmp_path / "b.root", "--pythia", "25:mass = 300")
    told = error_of(capsys, "simulate", PROCESS, *other)
    assert "Pythia does not understand the setting '25:mass = 300'" in told


@pytest.mark.parametrize(
    ("process", "symmetry", "wanted"),
    [
        ("zll", "flavour", "two electrons or two muons in the final state"),
        ("wjets", "lepton_jet", "an electron or a muon in the final state"),
    ],
)
def test_other_final_states(tmp_path: Path, process: str, symmetry: str, wanted: str) -> None:
    """Both leptons' flavours come out in the selection that the symmetry is for, with jets."""
    path = tmp_path / "a.root"
    options = ("-n", 400, "-o", path, "--workers", 1)
    assert run("simulate", process, *options) == 0
    record = read_record(path)
    assert record is not None
    assert record["filter"].startswith(wanted)
    assert 0.2 < record["entries"] / record["n_generated"] < 0.8
    assert run("check", "--deep", path) == 0
    folder = tmp_path / "out"
    assert run("process", tmp_path / "a.json", "-o", folder, "--symmetry", symmetry) == 0
    pool = read_pair(folder).pool
    assert 10 < np.count_nonzero(pool.labels) < len(pool) - 10
    if process == "zll":
        assert 85 < np.median(pool.column("m_ll")) < 95
    else:
        assert np.all(pool.column("n_jets") >= 1)


# ---------------------------------------------------------------- what is written about it


def test_command_fileset_and_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.root"
    options = ["-n", 120, "-o", path, "--workers", 1, "--branching-ratio", 0.1]
    assert run("simulate", PROCESS, *options) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "of 120 generated" in captured.out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.root"]
    metadata = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))[PROCESS]["metadata"]
    expected = cross_section(PROCESS, lfv_branching_ratio=0.1).filtered_pb
    assert metadata["cross_section_pb"] == pytest.approx(expected)
    assert metadata["n_generated"] == pytest.approx(120, rel=0.01)  # a few weights above 1
    assert metadata["luminosity_ifb"] == pytest.approx(metadata["n_generated"] / expected / 1000)
    assert metadata["role"] == "signal"
    assert metadata["sqrt_s_tev"] == 13
    assert metadata["branching_ratio"] == 0.1
    assert metadata["seed"] == 1
    record = read_record(path)
    assert record is not None
    assert record["n_generated"] == 120
    assert record["entries"] == metadata["entries"]
    assert record["pythia_settings"] == list(pythia_settings(PROCESS))
    assert record["versions"]["pythia8mc"]
    assert run("check", "--deep", path) == 0
    assert run("process", tmp_path / "a.json", "-o", tmp_path / "out", "--luminosity", 1) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    scale = results["normalisation"][PROCESS]["scale"]
    assert scale == pytest.approx(1000 * expected / metadata["n_generated"])


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["zprime", "-n", "5"], "no process 'zprime'; there are ztautau, ttbar, ww,"),
        (["ttbar", "-n", "0"], "0 events: choose a whole number, 1 or more"),
        (["ttbar", "-n", "-3"], "-3 events: choose a whole number, 1 or more"),
        (["ttbar", "-n", "5", "--workers", "0"], "0 workers: choose a whole number, 1 or more"),
        (["ttbar", "-n", "5", "--job-size", "0"], "0 events in a job: choose a whole number"),
        (["ttbar", "-n", "5", "--seed", "-1"], "seed -1: choose a whole number, 0 or more"),
        (["hlfv_taue", "-n", "5", "--branching-ratio", "2"], "branching ratio 2.0"),
    ],
)
def test_impossible_requests(tmp_path: Path, capsys: Any, arguments: Any, told: str) -> None:
    assert told in error_of(capsys, "simulate", *arguments, "-o", tmp_path / "a.root")
    assert list(tmp_path.iterdir()) == []


def test_output_in_the_way(tmp_path: Path, capsys: Any) -> None:
    there = tmp_path / "a.root"
    there.write_text("old")
    options = ["simulate", PROCESS, "-n", 5, "--workers", 1, "-o"]
    assert "give --overwrite" in error_of(capsys, *options, there)
    assert there.read_text() == "old"
    assert "is not a folder" in error_of(capsys, *options, tmp_path / "none" / "a.root")
    assert "is a folder" in error_of(capsys, *options, tmp_path)
    assert "end in .root" in error_of(capsys, *options, tmp_path / "a.json")
    line = error_of(capsys, *options, there, "--overwrite")
    assert f"{there}: was not written by emusym simulate" in line
    assert there.read_text() == "old"


def test_only_what_simulate_wrote_is_replaced(tmp_path: Path, capsys: Any) -> None:
    there, fileset = tmp_path / "a.root", tmp_path / "a.json"
    options = ["simulate", PROCESS, "-n", 5, "--workers", 1, "-o", there]
    assert run(*options) == 0
    first = there.read_bytes()
    assert run(*options, "--seed", 2, "--overwrite") == 0
    record = read_record(there)
    assert record is not None
    assert record["seed"] == 2
    assert there.read_bytes() != first
    mine = json.loads(fileset.read_text(encoding="utf-8"))
    mine[PROCESS]["files"]["more.root"] = "Delphes"
    fileset.write_text(json.dumps(mine), encoding="utf-8")
    assert f"{fileset}: was not written" in error_of(capsys, *options, "--overwrite")
    assert json.loads(fileset.read_text(encoding="utf-8")) == mine


def test_missing_pythia(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pythia8mc", None)
    line = error_of(capsys, "simulate", PROCESS, "-n", 5, "-o", tmp_path / "a.root")
    assert "pip install 'emusym[generate]'" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_full_disk(tmp_path: Path, monkeypatch: Any, workers: int) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(DelphesFile, "add", refuse)
    with pytest.raises(OutputError, match=r"a\.root: cannot be written \(No space left on device"):
        simulate("hww", 60, tmp_path / "a.root", seed=1, job_size=30, workers=workers)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    """A limit on the size of files stops the writing itself, in the middle of the file."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            limited + COMMAND[-1],
            *("simulate", PROCESS, "-n", "300", "-o", str(tmp_path / "a.root"), "--workers", "1"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"emusym: error: {tmp_path / 'a.root'}: cannot be written (")
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- parallel work


def test_progress_bar(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(parallel, "BAR_AFTER_SECONDS", 0.05)
    for progress, shown in ((True, True), (False, False), (None, False)):
        with parallel.progress_bar(1000, progress) as advance:
            advance(300)
            time.sleep(0.3)
        assert ("300/1000" in capsys.readouterr().err) is shown


def test_first_error_stops_the_other_jobs() -> None:
    seen: list[int] = []
    with pytest.raises(ZeroDivisionError):
        parallel.run_in_order(one_over, list(range(-5, 500)), lambda x: seen.append(1), workers=2)
    assert len(seen) == 5


def one_over(x: int) -> float:
    return 1 / x


def test_killed_worker_is_one_line() -> None:
    with pytest.raises(LostWorkersError, match="a worker was killed"):
        parallel.run_in_order(killed, [1, 2], lambda x: None, workers=2)


def killed(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_interrupt_leaves_nothing(tmp_path: Path, workers: str) -> None:
    child = subprocess.Popen(
        [
            *COMMAND,
            *("simulate", "zz", "-n", "100000", "-o", str(tmp_path / "a.root")),
            *("--workers", workers),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".a.root.partial-*")):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1.0)  # into the events
    os.killpg(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 2
    assert errors.strip() == "emusym: interrupted; no half-written result was left"
    assert list(tmp_path.iterdir()) == []
    deadline = time.monotonic() + 20
    while any_left(child.pid):
        assert time.monotonic() < deadline, "workers are left behind"
        time.sleep(0.1)


def any_left(group: int) -> bool:
    """Whether a process of a group still runs."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
