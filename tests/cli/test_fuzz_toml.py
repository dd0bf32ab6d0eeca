"""Damaged configurations and studies: what they say, or one clear line."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from eμsym.errors import EmusymError
from eμsym.processors.run_config import read_run_config
from eμsym.studies.study_config import read_study
from tests.fuzzing import mutants, outcome

CONFIG = """
inputs = ["a.root", "b/*.root"]
tree = "Delphes"
pair = ["x", "y"]
luminosity_ifb = 20.5
workers = 2
chunksize = 1000
allow_missing = true
[processor.cuts]
pt_min = 20.0
eta_max = 2.5
[[processor.plane]]
column = "m_coll"
bins = 10
start = 30.0
stop = 170.0
[[processor.plane]]
column = "lead_pt"
bins = 10
start = 10.0
stop = 150.0
[[processor.observables]]
column = "met"
bins = 4
start = 0
stop = 100
"""
ODD = (
    *("-1", "0", "1.5", "1e999", "nan", "-inf", "9" * 5000, "1" + "0" * 400, "1000000000", "true"),
    *("''", "'x'", "[]", "{}", "[[]]", "{a = 1}", "1979-05-27", "[" * 99 + "]" * 99, '"\\u0000"'),
)


def mutant(text: str, number: int) -> str:
    """Return a TOML text with one value that is another, or a few characters that are."""
    rng = random.Random(number)
    lines = text.strip().splitlines()
    for _ in range(rng.randrange(1, 3)):
        place = rng.randrange(len(lines))
        name, is_value, _ = lines[place].partition(" = ")
        match rng.randrange(5):
            case 0 | 1 if is_value:
                lines[place] = f"{name} = {rng.choice(ODD)}"
            case 2:
                lines.insert(place, rng.choice(lines))
            case 3 if rng.random() < 0.3:
                lines[place] = "".join(rng.sample(lines[place], len(lines[place])))
            case 3:
                del lines[place : place + rng.randrange(1, 3)]
                lines = lines or [""]
            case _:
                at = rng.randrange(len(lines[place]) + 1)
                odd = rng.choice('[]{}="#.\\\n\t\x00μ')
                lines[place] = lines[place][:at] + odd + lines[place][at + rng.randrange(2) :]
    return "\n".join(lines)


def wrong(read: Callable[[Path], object], path: Path) -> str | None:
    """Return what is wrong with how a text is taken; None if nothing is."""
    try:
        found = outcome(lambda: read(path))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    clear = not isinstance(found, str) or (found.startswith(f"{path}: ") and len(found) < 2000)
    return None if clear else f"no clear line: {found!r}"


@pytest.mark.parametrize("numbers", mutants(3000, quick=300))
def test_damaged_configurations(tmp_path: Path, numbers: range) -> None:
    path, found, read = tmp_path / "c.toml", [], 0
    for number in numbers:
        path.write_text(mutant(CONFIG, number), encoding="utf-8")
        problem = wrong(read_run_config, path)
        if problem is not None:
            found.append(f"{number}: {problem}")
            continue
        try:
            config = read_run_config(path)
        except EmusymError:
            continue
        read += 1
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        cuts = said.get("processor", {}).get("cuts", {})
        kept = {**asdict(config), **asdict(config.processor.cuts)}
        values = {**{k: v for k, v in said.items() if k not in ("inputs", "processor")}, **cuts}
        for name, value in values.items():
            plain = list(kept[name]) if isinstance(value, list) else kept[name]
            assert plain == value, (number, name)
    assert found == []
    assert 0.04 * len(numbers) < read < 0.96 * len(numbers)  # some say something, some nothing


STUDY = """
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
toys = 10
[[rows]]
name = "permuted"
source = "permutation"
of = "null"
toys = 4
"""


@pytest.mark.parametrize("numbers", mutants(3000, quick=300))
def test_damaged_studies(tmp_path: Path, numbers: range) -> None:
    path, found = tmp_path / "s.toml", []
    path.write_text(STUDY, encoding="utf-8")
    assert [row.name for row in read_study(path).rows] == ["null", "permuted"]
    for number in numbers:
        path.write_text(mutant(STUDY, number), encoding="utf-8")
        problem = wrong(read_study, path)
        if problem is not None:
            found.append(f"{number}: {problem}")
    assert found == []
