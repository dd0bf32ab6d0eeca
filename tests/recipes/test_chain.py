"""The chain's script, run with stand-ins for MadGraph and Delphes."""

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

import psutil
import pytest

from eμsym.cli import main as emusym
from eμsym.errors import ConfigurationError, EmusymError, InputFileError
from eμsym.files import read_json
from eμsym.processors.fileset import read_fileset
from eμsym.recipes.chain_jobs import plan_jobs
from eμsym.recipes.chain_programs import ProgramError, delphes_version, find_card, find_programs
from eμsym.recipes.chain_run import n_events_for
from eμsym.recipes.cross_sections import cross_section, processes
from eμsym.recipes.generate import main, make_samples
from tests.recipes.chain_programs import CARD, calls, install


def run(tools: Path, output: Path, *arguments: str) -> None:
    """Run the script in this process, errors raised."""
    options = ["--madgraph", str(tools), "--delphes", str(tools), "-o", str(output)]
    make_samples.main([*arguments, *options], standalone_mode=False)


def error_of(tools: Path, output: Path, *arguments: str) -> str:
    with pytest.raises(EmusymError) as caught:
        run(tools, output, *arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Programs that give 4, 3 and 3 events for seeds 5, 6 and 7."""
    return install(tmp_path / "tools", {5: 4, 6: 3, 7: 3})


TEN = ("-n", "10", "--jobs", "3", "--seed", "5")


def test_whole_chain(tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "samples"
    run(tools, output, "ww", *TEN)
    # Every job has its own seed, the same for both programs.
    assert calls(tools) == [
        *(f"DelphesPythia8 {seed} {n}" for seed, n in ((5, 4), (6, 3), (7, 3))),
        *(f"mg5_aMC p {seed} {n}" for seed, n in ((5, 4), (6, 3), (7, 3))),
    ]
    said = capsys.readouterr().out
    assert "ElectronIsolation PTRatioMax: 0.12 → 0.15" in said
    assert "MuonIsolation PTRatioMax: 0.25 already" in said
    assert "ww: 10 events in 3 files, 12.599 pb, 0.00079368 fb⁻¹" in said

    entry = read_json(output / "fileset.json")["ww"]
    sigma = cross_section("ww", chain="madgraph").filtered_pb
    metadata = entry["metadata"]
    assert metadata["cross_section_pb"] == pytest.approx(sigma, rel=1e-4)
    assert metadata["luminosity_ifb"] == pytest.approx(10 / sigma / 1000, rel=1e-4)
    assert (metadata["n_generated"], metadata["entries"], metadata["role"]) == (
        10,
        10,
        "background",
    )
    assert metadata["seeds"] == [5, 6, 7]
    versions = dict(metadata["versions"])
    assert versions.pop("emusym")
    assert versions.pop("root")[0].isdigit()
    assert versions == {"madgraph": "3.5.7", "pythia": "8.311", "delphes": "3.5.1"}

    (dataset,) = read_fileset([output / "fileset.json"])
    assert [Path(path).name for path in dataset.files] == [f"ww_00{i}.root" for i in range(3)]
    assert dataset.metadata.n_generated == 10
    # Cards, logs and the events stay; what is large and not needed any more goes.
    assert sorted(path.name for path in (output / "ww" / "ww_000").iterdir()) == [
        "delphes.log",
        "events.lhe.gz",
        "madgraph.log",
        "madgraph.mg5",
        "pythia.cmnd",
    ]


def test_emusym_reads_what_was_made(tools: Path, tmp_path: Path) -> None:
    run(tools, tmp_path / "samples", "ww", *TEN)
    emusym(["process", str(tmp_path / "samples" / "fileset.json"), "-o", str(tmp_path / "out")])
    results = read_json(tmp_path / "out" / "results.json")
    assert results["cutflow"]["ww"]["all"]["raw"] == 10


def test_finished_jobs_are_not_made_again(tools: Path, tmp_path: Path) -> None:
    output = tmp_path / "samples"
    run(tools, output, "ww", *TEN)
    before = read_json(output / "fileset.json")
    calls(tools)
    run(tools, output, "ww", *TEN)
    assert calls(tools) == []
    assert read_json(output / "fileset.json") == before

    # Without its record a job is not finished, nor with a damaged file.
    (output / "ww" / "ww_000.json").unlink()
    damaged = output / "ww" / "ww_002.root"
    damaged.write_bytes(damaged.read_bytes()[:500])
    run(tools, output, "ww", *TEN)
    # MadGraph's events were still there.
    assert calls(tools) == ["DelphesPythia8 5 4", "DelphesPythia8 7 3"]
    assert read_json(output / "fileset.json") == before


def test_other_settings_in_the_same_folder_are_refused(tools: Path, tmp_path: Path) -> None:
    output = tmp_path / "samples"
    run(tools, output, "ww", *TEN)
    calls(tools)
    message = error_of(tools, output, "ww", "-n", "10", "--jobs", "3", "--seed", "6")
    assert "ww_000.json: made with other settings (seed 5 → 6" in message
    assert "choose another folder with -o" in message
    message = error_of(tools, output, "ww", *TEN, "--pythia-only")
    assert "chain madgraph → pythia" in message
    card = tools / "cards" / "delphes_card_ATLAS.tcl"
    card.write_text(CARD + "# new\n", encoding="utf-8")
    assert "is another card than" in error_of(tools, output, "ww", *TEN)
    assert calls(tools) == []


def test_a_sample_grows_by_jobs_and_by_processes(tools: Path, tmp_path: Path) -> None:
    output = tmp_path / "samples"
    run(tools, output, "ww", "-n", "3", "--seed", "6")
    run(tools, output, "ww", "-n", "6", "--jobs", "2", "--seed", "6")
    run(tools, output, "zz", "-n", "4", "--seed", "5")
    assert len(calls(tools)) == 6
    fileset = read_json(output / "fileset.json")
    assert list(fileset) == ["ww", "zz"]
    assert fileset["ww"]["metadata"]["n_generated"] == 6


def test_pythia_alone(tools: Path, tmp_path: Path) -> None:
    output = tmp_path / "samples"
    arguments = ("-n", "4", "--seed", "5", "--pythia-only", "--lfv-branching-ratio", "0.1")
    run(tools, output, "hlfv_taue", *arguments)
    assert calls(tools) == ["DelphesPythia8 5 4"]
    card = (output / "hlfv_taue" / "hlfv_taue_000" / "pythia.cmnd").read_text(encoding="utf-8")
    assert "HiggsSM:gg2H = on" in card
    assert "Beams:LHEF" not in card
    metadata = read_json(output / "fileset.json")["hlfv_taue"]["metadata"]
    # As in the embedded sample: 52.36 pb × 10 % × BR(τ → μ).
    assert metadata["cross_section_pb"] == pytest.approx(0.9105, abs=5e-5)
    assert (metadata["branching_ratio"], metadata["role"]) == (0.1, "signal")
    assert "madgraph" not in metadata["versions"]


def test_a_failing_job_is_one_line_and_the_others_go_on(tools: Path, tmp_path: Path) -> None:
    output = tmp_path / "samples"
    (tools / "fail_6").touch()
    message = error_of(tools, output, "ww", *TEN)
    log = output / "ww" / "ww_001" / "delphes.log"
    assert message == (
        "ww_001: DelphesPythia8 ended with status 1 (** ERROR: cannot allocate); "
        f"see {log}; the same command again runs only what is missing"
    )
    assert log.is_file()
    assert not (output / "fileset.json").exists()
    (tools / "fail_6").unlink()
    calls(tools)
    run(tools, output, "ww", *TEN)
    assert calls(tools) == ["DelphesPythia8 6 3"]


def test_all_failures_are_counted(tools: Path, tmp_path: Path) -> None:
    for seed in (5, 7):
        (tools / f"no_events_{seed}").touch()
    message = error_of(tools, tmp_path / "samples", "ww", *TEN)
    assert message.startswith("ww_000: MadGraph made no events; see ")
    assert "madgraph.log (and 1 other jobs)" in message


def test_a_full_disk_is_one_line(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    output = tmp_path / "samples"
    for place in ("chain_madgraph.shutil.copyfileobj", "chain_jobs.inspect_file"):
        with monkeypatch.context() as patch:
            patch.setattr(f"eμsym.recipes.{place}", refuse)
            message = error_of(tools, output, "ww", *TEN)
        assert message.startswith(("ww_000: ", f"{output}/ww/ww_000/events.lhe: "))
        assert "(No space left on device)" in message
        assert message.endswith("the same command again runs only what is missing")
        assert not list((output / "ww").glob("*.root"))
        assert not (output / "fileset.json").exists()
    calls(tools)
    run(tools, output, "ww", *TEN)
    assert not any(call.startswith("mg5_aMC") for call in calls(tools))
    assert read_json(output / "fileset.json")["ww"]["metadata"]["entries"] == 10


def test_what_the_programs_wrote_is_checked(tools: Path, tmp_path: Path) -> None:
    (tools / "cut_5").touch()
    message = error_of(tools, tmp_path / "a", "ww", "-n", "4", "--seed", "5")
    assert "events.lhe.gz: ends early" in message
    (tools / "cut_5").unlink()
    # Events that end early are not kept for the next try.
    run(tools, tmp_path / "a", "ww", "-n", "4", "--seed", "5")

    (tools / "3_6.root").rename(tools / "other.root")
    message = error_of(tools, tmp_path / "b", "ww", "-n", "100", "--seed", "5")
    assert "ww_000: Delphes wrote 3 of 100 events; see " in message
    (tools / "other.root").write_bytes(b"not root")
    message = error_of(tools, tmp_path / "c", "ww", "-n", "100", "--seed", "5")
    assert "is not a ROOT file" in message
    assert "delphes.log" in message

    weighted = install(tmp_path / "weighted", {5: 4}, weight=12.6)
    message = error_of(weighted, tmp_path / "d", "ww", "-n", "4", "--seed", "5")
    assert "event weights other than 1" in message
    for folder in "bcd":
        assert not list((tmp_path / folder / "ww").glob("*.json"))


def test_interrupted_and_resumed(tools: Path, tmp_path: Path) -> None:
    output = tmp_path / "samples"
    (tools / "stall_7").touch()
    script = Path(sys.modules[make_samples.callback.__module__].__file__ or "")
    options = ["--madgraph", str(tools), "--delphes", str(tools), "-o", str(output)]
    command = [sys.executable, str(script), "ww", *TEN, "--parallel", "3", *options]
    child = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # Ctrl-C works even if the tests run in the background, where it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    finished = [output / "ww" / f"ww_00{i}.json" for i in range(2)]
    limit = time.monotonic() + 60
    while not ((tools / "stalled").exists() and all(path.exists() for path in finished)):
        assert time.monotonic() < limit
        time.sleep(0.02)
    stalled = [
        process
        for process in psutil.Process(child.pid).children(recursive=True)
        if "DelphesPythia8" in " ".join(process.cmdline())
    ]
    assert len(stalled) == 1
    os.kill(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert said.strip() == "generate.py: interrupted; the same command goes on from here"
    assert child.returncode == 2
    psutil.wait_procs(stalled, timeout=10)
    assert not stalled[0].is_running()
    assert not (output / "ww" / "ww_002.json").exists()
    assert not (output / "fileset.json").exists()

    (tools / "stall_7").unlink()
    calls(tools)
    run(tools, output, "ww", *TEN)
    assert calls(tools) == ["DelphesPythia8 7 3"]
    assert read_json(output / "fileset.json")["ww"]["metadata"]["seeds"] == [5, 6, 7]


def test_dry_run_only_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "a folder"
    arguments = ["ww", *TEN, "--dry-run", "-o", str(output)]
    make_samples.main(arguments, standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# ")
    assert "not found; install it" in lines[0]
    assert lines[1] == f"cd '{output}/ww/ww_000' && mg5_aMC madgraph.mg5"
    assert lines[2] == (
        f"cd '{output}/ww/ww_000' && DelphesPythia8 '{output}/delphes_card_ATLAS.tcl' "
        "pythia.cmnd delphes.root"
    )
    assert len(lines) == 7
    assert not output.exists()
    make_samples.main(["all", *TEN, "--dry-run"], standalone_mode=False)
    assert len(capsys.readouterr().out.splitlines()) == 1 + 6 * len(processes("madgraph"))


def test_missing_programs_are_one_line(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as caught:
        main(["ww", "-n", "4", "-o", str(tmp_path / "samples")])
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        "generate.py: error: DelphesPythia8: not found; install it (data-recipes/README.md says "
        "how), or give its folder with --delphes\n"
    )
    monkeypatch.setenv("PATH", str(tools))
    found = find_programs(madgraph=None, delphes=None, need_madgraph=True)
    assert (found.madgraph, found.delphes) == (tools / "mg5_aMC", tools / "DelphesPythia8")
    with pytest.raises(ProgramError, match=r"there is no program mg5_aMC in it; mend --madgraph"):
        find_programs(madgraph=tmp_path, delphes=None, need_madgraph=True)


def test_where_installations_keep_things(tools: Path, tmp_path: Path) -> None:
    # conda: programs in bin, cards beside it, the version in the name of its record.
    conda = tmp_path / "conda"
    (conda / "bin").mkdir(parents=True)
    (conda / "conda-meta").mkdir()
    (tools / "DelphesPythia8").rename(conda / "bin" / "DelphesPythia8")
    (conda / "conda-meta" / "delphes-3.5.1-h273de11_1.json").touch()
    delphes = find_programs(madgraph=None, delphes=conda, need_madgraph=False).delphes
    assert delphes_version(delphes) == "3.5.1"
    with pytest.raises(InputFileError, match=r"no cards/delphes_card_ATLAS\.tcl beside it"):
        find_card(delphes)
    (tools / "cards").rename(conda / "cards")
    assert find_card(delphes) == conda / "cards" / "delphes_card_ATLAS.tcl"
    with pytest.raises(InputFileError, match=r"nowhere\.tcl: is not a file"):
        find_card(delphes, "nowhere.tcl")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["ww"], "give the number of events with -n"),
        (["ww", "-n", "5", "--luminosity", "1"], "give the number of events with -n"),
        (["ww", "-n", "0"], "0 events: choose a whole number"),
        (["ww", "-n", "2", "--jobs", "3"], "3 jobs for 2 events of ww: choose 1 to 2"),
        (["ww", "-n", "2", "--seed", "0"], "seed 0: choose 1 to"),
        (["ww", "-n", "3", "--jobs", "3", "--seed", "899999999"], "choose 1 to 899,999,998"),
        (["ww", "-n", "2000000"], "1,000,000; use more jobs"),
        (["ww", "--luminosity", "-1"], "luminosity -1.0 fb⁻¹: must be positive"),
        (["ww", "-n", "2", "--parallel", "0"], "--parallel 0: choose 1 or more"),
        (["hww", "-n", "2"], "no such process with madgraph; there is one with pythia"),
        (["wt", "-n", "2", "--pythia-only"], "no such process with pythia"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    tools: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    assert message in error_of(tools, tmp_path / "samples", *arguments)
    assert calls(tools) == []
    assert not (tmp_path / "samples").exists()


def test_luminosity_gives_the_events() -> None:
    # 831.8 pb × 0.3258² × 20 fb⁻¹.
    assert n_events_for("ttbar", 20.0, "madgraph") == pytest.approx(1_765_838, rel=1e-6)
    with pytest.raises(ConfigurationError, match="must be positive"):
        n_events_for("ttbar", float("nan"), "madgraph")


def test_jobs_share_the_events_and_no_seed(tmp_path: Path) -> None:
    jobs = plan_jobs("ww", chain="madgraph", n_events=11, n_jobs=4, seed=100, output=tmp_path)
    assert [job.n_events for job in jobs] == [3, 3, 3, 2]
    assert [job.seed for job in jobs] == [100, 101, 102, 103]
    assert len({job.root_file for job in jobs}) == 4


def test_records_are_json_with_the_settings(tools: Path, tmp_path: Path) -> None:
    run(tools, tmp_path / "samples", "ww", "-n", "4", "--seed", "5")
    text = (tmp_path / "samples" / "ww" / "ww_000.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert record["schema"] == "emusym/chain-job"
    made = record["configuration"]
    assert (made["process"], made["chain"], made["seed"], made["n_events"]) == (
        "ww",
        "madgraph",
        5,
        4,
    )
