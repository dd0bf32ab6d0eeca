"""The wheel, away from the checkout, does the main job on the sample that it carries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STUBS = ("__init__.pyi", "py.typed")


PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("wheel")
    # From a copy: a build leaves folders behind, and would take up what lies in them.
    source = tmp_path / "source"
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "emusym-output")
    shutil.copytree(ROOT, source, ignore=left_out)
    subprocess.run([*PIP, "wheel", "--no-deps", "-w", str(tmp_path), str(source)], check=True)
    (built,) = tmp_path.glob("emusym-*.whl")
    return built


def test_wheel_holds_all_rooms_and_their_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for room in ("__init__.py", "processors/emu.py", "plots/plane.py", "recipes/__init__.py"):
        assert f"eμsym/{room}" in names
    assert {f"{name}/{part}" for name in ("eμsym", "emusym") for part in STUBS} <= set(names)
    for data in (
        "sample/fileset.json",
        "templates/hlfv_taumu.json",
        "cross_sections.toml",
        "madgraph/launch.mg5",
        "pythia/common.cmnd",
        "simulation/samples.json",
    ):
        assert f"eμsym/recipes/{data}" in names
    for data in ("results/ddp.json", "results/sym/nulls.json", "studies/nulls.toml"):
        assert f"eμsym/papers/{data}" in names
    assert not [name for name in names if name.startswith("tests")]


@pytest.mark.slow
def test_wheel_runs_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run([*PIP, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    code = (
        "import emusym, eμsym; print(eμsym.__file__)\n"
        "assert emusym is eμsym\n"
        "from emusym.cli import main; main(['run', '-o', 'out'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0].startswith(str(site))
    results = json.loads((elsewhere / "out" / "results.json").read_text(encoding="utf-8"))
    assert all(entry["path"].startswith(str(site)) for entry in results["inputs"])
    assert results["tests"]["yields"]["emu"]["sumw"] > 6000


def test_make_bench_finds_every_benchmark() -> None:
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "--collect-only", "-q"]
    # Not as a worker of the tests beside this one, where pytest-benchmark warns.
    alone = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    result = subprocess.run(
        [*command, "tests/benchmarks"],
        cwd=ROOT,
        env=alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    for path in (ROOT / "tests" / "benchmarks").glob("bench_*.py"):
        assert f"tests/benchmarks/{path.name}::" in result.stdout
