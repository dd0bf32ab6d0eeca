"""``emusym toys`` as a user meets it, and the recipes for batch systems."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from eμsym.running.toys import toy_statistics
from eμsym.studies import read_results, read_study
from eμsym.toy_model import ToyModel
from eμsym.unbinned.spline import SplineTest
from tests.cli.test_cli import error_of, run

RECIPES = Path(__file__).parents[2] / "docs" / "studies"

TOML = """
name = "small"
seed = 3

[[tests]]
kind = "spline"
k = 6

[[rows]]
name = "null"
source = "toy"
n_a = 90
n_b = 80
toys = {toys}

[[rows]]
name = "permuted"
source = "permutation"
of = "null"
toys = 4
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(TOML.format(toys=10), encoding="utf-8")
    return path


def test_a_study_and_its_table(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("toys", study, "--workers", 1) == 0
    out, err = capsys.readouterr()
    assert not err
    expected = toy_statistics(SplineTest(6), ToyModel(90, 80), 10, rng=3, workers=1)
    table = pq.read_table(study.with_suffix("") / "toys.parquet")
    assert np.array_equal(table["statistic"].to_numpy()[:10], expected)
    (line,) = [line for line in out.splitlines() if line.startswith("null")]
    median = np.sort(expected)[4]
    assert line.split()[:5] == ["null", "toy", "spline", "10", f"{median:.1f}"]
    assert "4.4 (5)" in line  # the median of χ² with 5 degrees of freedom is 4.35
    assert "All 14 toys are in" in out
    assert max(map(len, out.split("All 14")[0].splitlines())) <= 80


def test_more_toys_and_fewer(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("toys", study, "-o", study.parent / "store") == 0
    study.write_text(TOML.format(toys=15), encoding="utf-8")
    assert run("toys", study, "-o", study.parent / "store") == 0
    assert "All 19 toys" in capsys.readouterr().out
    study.write_text(TOML.format(toys=9), encoding="utf-8")
    assert "15 toys there, and 9 are asked" in error_of(
        capsys, "toys", study, "-o", study.parent / "store"
    )


def test_jobs_and_their_merging(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stores = [study.parent / f"job{i}" for i in range(2)]
    for i, store in enumerate(stores):
        assert run("toys", study, "-o", store, "--job", i, "--jobs", 2) == 0
        assert "7 toys are in" in capsys.readouterr().out
    assert run("toys", "--merge", *stores, "-o", study.parent / "merged") == 0
    assert "All 14 toys" in capsys.readouterr().out
    assert run("toys", study, "-o", study.parent / "direct") == 0
    for name in ("toys.parquet", "study.json"):
        assert (study.parent / "merged" / name).read_bytes() == (
            study.parent / "direct" / name
        ).read_bytes()


def test_mistakes_are_one_line(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eμsym.workers.ANSWER_SECONDS", 1.0)
    store = study.parent / "store"
    assert run("toys", study, "-o", store) == 0
    capsys.readouterr()
    other = study.parent / "other.toml"
    other.write_text(TOML.format(toys=10).replace("90", "91"), encoding="utf-8")
    assert "rows.0.n_a is 91.0, and was 90.0; choose another" in error_of(
        capsys, "toys", other, "-o", store
    )
    assert "absent.toml: cannot be read" in error_of(capsys, "toys", "absent.toml")
    other.write_text("seed = 1", encoding="utf-8")
    assert "other.toml: name is missing" in error_of(capsys, "toys", other)
    assert "2 studies: give one" in error_of(capsys, "toys", study, other)
    assert "--merge: name the folder" in error_of(capsys, "toys", "--merge", store)
    assert "job 2 of 2: give 0 to 1" in error_of(
        capsys, "toys", study, "-o", store, "--job", 2, "--jobs", 2
    )
    assert "no scheduler answers" in error_of(
        capsys, "toys", study, "-o", study.parent / "new", "--dask", "tcp://127.0.0.1:1"
    )
    content = json.loads((store / "study.json").read_text(encoding="utf-8"))
    content["version"] = 2
    (store / "study.json").write_text(json.dumps(content), encoding="utf-8")
    assert "version 2 of emusym/study" in error_of(capsys, "toys", study, "-o", store)


def test_failures_and_corrupt_parts_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "failing.toml"
    text = TOML.format(toys=12).replace("k = 6", "k = 9").replace("= 90", "= 4")
    study.write_text(text.replace("= 80", "= 5").split('[[rows]]\nname = "perm')[0])
    store = tmp_path / "store"
    assert run("toys", study, "-o", store, "--job", 1, "--jobs", 2) == 0
    part = next((store / "parts").iterdir())
    part.write_bytes(part.read_bytes()[:-10])
    capsys.readouterr()
    assert run("toys", study, "-o", store) == 0
    out, err = capsys.readouterr()
    assert err.startswith("emusym: note: ")
    assert len(err.splitlines()) == 1
    assert f"{part.name}: is corrupt" in err
    failed = int(np.isnan(read_results(store).statistics()).sum())
    assert f"{failed} tests failed and are in no quantile" in out
    assert "9 spline functions need 9 distinct values" in out


def test_a_pool_of_processed_events(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recipe, on the embedded sample."""
    files = [sample / f"{name}.root" for name in ("ztautau", "hlfv_taue")]
    fileset = {
        path.stem: {"files": {str(path): "Delphes"}, "metadata": {"role": "background"}}
        for path in files
    }
    (tmp_path / "fileset.json").write_text(json.dumps(fileset), encoding="utf-8")
    assert run("process", tmp_path / "fileset.json", "-o", tmp_path / "processed") == 0
    text = (RECIPES / "pool.toml").read_text(encoding="utf-8")
    text = re.sub(r"\ndatasets = .*", '\ndatasets = ["ztautau"]', text)
    text = re.sub("toys = .*", "toys = 12", text)
    (tmp_path / "pool.toml").write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert run("toys", tmp_path / "pool.toml", "--workers", 1) == 0
    out = capsys.readouterr().out
    results = read_results(tmp_path / "pool")
    n = results.inputs["signal"]["events"]
    assert f"Row signal draws from {n[0]:,} + {n[1]:,} events" in out
    mean = results.column("n_a", "signal").mean() - results.column("n_b", "signal").mean()
    assert mean == pytest.approx(100, abs=5 * np.sqrt(2 * 2000 / 12))
    assert results.statistics("signal").mean() > results.statistics("null").mean()


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_are_studies(path: Path) -> None:
    assert read_study(path).toys > 100


def test_help_is_quick() -> None:
    code = (
        "import sys\nfrom eμsym.cli import main\n"
        "try:\n    main(['toys', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'scipy', 'awkward', 'pyarrow', 'pydantic', 'distributed', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--merge" in done.stdout
    assert "Killed at any moment" in done.stdout


# Batch systems: their commands are played by scripts that start the jobs here.


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """An environment with ``emusym``, and with a place for a batch system's commands."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program(
        folder / "emusym", f"exec '{sys.executable}' -c 'from eμsym.cli import main; main()' \"$@\""
    )
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_the_slurm_array(study: Path, programs: dict[str, str]) -> None:
    for task in range(2):
        variables = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "2"}
        command = ["sh", str(RECIPES / "slurm_array.sh"), str(study), str(study.parent / "store")]
        subprocess.run(command, env=programs | variables, check=True, capture_output=True)
    assert read_results(study.parent / "store").complete


def test_the_htcondor_array(study: Path, programs: dict[str, str]) -> None:
    text = (RECIPES / "htcondor_array.sub").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^(\w+) = (.*)$", text, flags=re.MULTILINE))
    settings |= {"n": "2", "study": str(study), "output": str(study.parent / "store")}
    assert re.search(r"^queue \$\(n\)$", text, flags=re.MULTILINE)
    for process in range(2):
        arguments = settings["arguments"]
        for name, value in (settings | {"Process": str(process)}).items():
            arguments = arguments.replace(f"$({name})", value)
        command = [settings["executable"], *arguments.split()]
        subprocess.run(command, env=programs, check=True, capture_output=True)
    assert read_results(study.parent / "store").complete


SUBMITTED = {
    # sbatch FILE: the file is removed once it has been taken; prints the job's number.
    "sbatch": 'cp "$1" "$0.job"\nsh "$0.job" >/dev/null 2>&1 &\necho "Submitted batch job $!"',
    # condor_submit FILE: the job is what stands after "-c" in its arguments.
    "condor_submit": (
        f"'{sys.executable}' - \"$1\" <<'EOF'\n"
        "import re, shlex, subprocess, sys\n"
        "text = open(sys.argv[1]).read()\n"
        "line = re.search(r'^Arguments *= *\"(.*)\"$', text, re.M)[1].replace('\"\"', '\"')\n"
        "command = shlex.split(line)[-1]\n"
        "job = subprocess.Popen(['sh', '-c', command], stdout=-3, stderr=-3)\n"
        "print(f'1 job(s) submitted to cluster {job.pid}.')\n"
        "EOF"
    ),
}


@pytest.mark.parametrize(
    "recipe, submit, cancel",
    [
        ("slurm_dask", "sbatch", "scancel"),
        pytest.param("htcondor_dask", "condor_submit", "condor_rm", marks=pytest.mark.slow),
    ],
)
def test_dask_on_a_batch_system(
    study: Path, programs: dict[str, str], recipe: str, submit: str, cancel: str
) -> None:
    folder = study.parent / "bin"
    program(folder / submit, SUBMITTED[submit])
    program(folder / cancel, 'for job in "$@"; do kill "${job%.*}" 2>/dev/null; done; true')
    store = study.parent / "store"
    subprocess.run(
        [sys.executable, str(RECIPES / f"{recipe}.py"), str(study), str(store), "1"],
        env=programs,
        check=True,
        timeout=120,
    )
    assert run("toys", study, "--workers", 1) == 0
    assert (store / "toys.parquet").read_bytes() == (
        study.with_suffix("") / "toys.parquet"
    ).read_bytes()
