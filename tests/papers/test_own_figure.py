"""A figure of one's own paper: one entry, made outside the package, and the command knows it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import pytest
from matplotlib.figure import Figure

import eμsym
from eμsym.cli.reproduce import command_of
from eμsym.cli.reproduced import reproduce_entry
from eμsym.errors import ConfigurationError
from eμsym.papers.catalogue import CATALOGUE, reproducible
from eμsym.papers.registry import Deferred, Option, Reproducible
from eμsym.papers.sym_claims import Claim
from eμsym.papers.tables import claim_table
from tests.command_line import run


def stored(needs):
    return dict.fromkeys(needs, 2.0)


def computed(needs, folder, say, *, toys=10, scale=1.0):
    say(f"{toys} toys")
    (folder / "kept.txt").write_text("on the way", encoding="utf-8")
    a, b = np.random.default_rng(1).poisson(100, (2, toys, 50))
    z = np.array([eμsym.nsigma(y, x).z for x, y in zip(a, b, strict=True)])
    return {name: scale * float(z.std()) for name in needs}


def claims(found):
    return {
        "Fig. 1 of our paper": [
            Claim(f"width of Nσ, {name}", "1", f"{width:.2f}", width, None, abs(width - 1) < 0.5)
            for name, width in found.items()
        ]
    }


def draw(found, style):
    figure = Figure()
    figure.subplots().plot(list(found.values()))
    return figure


OWN = Reproducible(
    "own-fig1",
    "The width of Nσ.",
    needs=("null",),
    stored=stored,
    compute=computed,
    claims=claims,
    draw=draw,
    options=(
        Option("--toys", "Pairs to draw.", minimum=2),
        Option("--scale", "Of Nσ.", float, above=0.0),
    ),
)


def test_one_entry_is_drawn_written_and_told(tmp_path: Path, capsys) -> None:
    reproduce_entry(OWN, output=str(tmp_path / "out"))
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "Fig. 1 of our paper" in printed.out
    assert "! width of Nσ, null: differs." in printed.out
    assert "Written to" in printed.out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"own-fig1.png", "own-fig1.pdf", "own-fig1.json"}
    data = json.loads((tmp_path / "out" / "own-fig1.json").read_text(encoding="utf-8"))
    assert data["figure"] == "own-fig1"
    assert [claim["value"] for claim in data["claims"]] == [2.0]


def test_its_command_has_its_options(tmp_path: Path, capsys) -> None:
    group = click.Group(commands={"own-fig1": command_of(OWN)})
    out = tmp_path / "out"
    arguments = ["own-fig1", "-o", str(out), "--recompute", "--toys", "400"]
    group.main(arguments, standalone_mode=False)
    printed = capsys.readouterr()
    assert "400 toys" in printed.err
    assert "differs" not in printed.out
    assert (out / "kept.txt").exists()
    width = json.loads((out / "own-fig1.json").read_text(encoding="utf-8"))["claims"][0]["value"]
    # The standard deviation of 400 values of N(0,1).
    assert width == pytest.approx(1, abs=4 / (2 * 400) ** 0.5)
    again = [*arguments, "--scale", "2"]
    group.main(again, standalone_mode=False)
    data = json.loads((out / "own-fig1.json").read_text(encoding="utf-8"))
    assert data["claims"][0]["value"] == pytest.approx(2 * width)
    with pytest.raises(ConfigurationError, match="--scale nan: give a number above 0"):
        group.main([*arguments, "--scale", "nan"], standalone_mode=False)
    with pytest.raises(ConfigurationError, match="--toys is of use only with --recompute"):
        group.main(["own-fig1", "--toys", "400"], standalone_mode=False)


def test_numbers_alone_have_no_figure_and_nothing_to_compute(tmp_path: Path, capsys) -> None:
    numbers = Reproducible(
        "own-numbers",
        "A number.",
        stored=stored,
        needs=("a", "b"),
        claims=claims,
        report=lambda found, said: [
            *(claim_table(given, "Ours") for given in said.values()),
            "A paragraph of its own.",
        ],
        record=lambda found, said: {"widths": found},
    )
    reproduce_entry(numbers, output=str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["own-numbers.json"]
    data = json.loads((tmp_path / "own-numbers.json").read_text(encoding="utf-8"))
    assert data == {"widths": {"a": 2.0, "b": 2.0}}
    assert "A paragraph of its own." in capsys.readouterr().out
    assert "--recompute" not in {flag for each in command_of(numbers).params for flag in each.opts}
    with pytest.raises(ConfigurationError, match="own-numbers has no toys"):
        reproduce_entry(numbers, output=str(tmp_path), recompute=True)


def deferred(entry: Reproducible) -> list[Deferred]:
    """Return the functions of an entry that are imported when they are called."""
    given = [getattr(entry, name) for name in ("stored", "compute", "claims", "draw", "report")]
    given.append(entry.record)
    functions = [getattr(each, "func", each) for each in given]
    return [each for each in functions if isinstance(each, Deferred)]


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_entry_of_ours_has_its_functions(entry: Reproducible) -> None:
    assert len(deferred(entry)) >= 4
    for each in deferred(entry):
        assert each.module.startswith("eμsym.papers.")
        assert each.function.__doc__, each
    assert reproducible(entry.name) is entry
    assert entry.what


def test_names_are_told_apart(capsys) -> None:
    names = [entry.name for entry in CATALOGUE]
    assert len(set(names)) == len(names)
    with pytest.raises(ConfigurationError, match="no figure 'own-fig1'; there are ddp-fig1, "):
        reproducible("own-fig1")
    assert run("reproduce", "own-fig1") == 2


def test_nothing_that_an_entry_defers_to_looks_back_at_the_catalogue() -> None:
    room = Path(eμsym.__file__).parent / "papers"
    for path in room.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "from eμsym.papers.catalogue import" not in text, path
