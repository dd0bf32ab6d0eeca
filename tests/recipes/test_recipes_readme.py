"""What the README of the recipes tells a reader to type is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from eμsym.cli.app import cli
from eμsym.cli.simulate import simulate
from eμsym.recipes.cross_sections import Chain, processes
from eμsym.recipes.generate import make_samples

ROOM = Path(__file__).parents[2] / "data-recipes"
README = (ROOM / "README.md").read_text(encoding="utf-8")
SCRIPT = "python data-recipes/generate.py "


def commands(beginning: str) -> list[list[str]]:
    """The words of every command shown that begins so, without it."""
    blocks = re.findall(r"^```\n(.*?)^```$", README, flags=re.S | re.M)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    found = [line.removeprefix(beginning) for line in lines if line.startswith(beginning)]
    assert found
    return [shlex.split(words, comments=True) for words in found]


def parsed(command: click.Command, words: list[str]) -> click.Context:
    """Read a command line to its end, or raise what click says of it; nothing runs."""
    context = command.make_context(command.name, list(words))
    if isinstance(command, click.Group):
        below = command.get_command(context, words[0])
        assert below is not None, words
        return parsed(below, words[1:])
    return context


@pytest.mark.parametrize("words", commands("emusym "), ids=" ".join)
def test_commands_of_emusym_exist(words: list[str]) -> None:
    context = parsed(cli, words)
    if context.command.name == "simulate":
        process = context.params["process"]
        chain: Chain = "madgraph" if context.params["lhe"] else "pythia"
        assert process in processes(chain, final_state=None)


@pytest.mark.parametrize("words", commands(SCRIPT), ids=" ".join)
def test_commands_of_the_script_would_run(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = [*words, "--dry-run", "-o", str(tmp_path / "samples")]
    make_samples.main(there, standalone_mode=False)
    assert "DelphesPythia8" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_command_would_be_found() -> None:
    for words in (["simulate", "ttbar", "-n", "5"], ["simulate", "--seeds", "1"]):
        with pytest.raises(click.UsageError):
            parsed(cli, words)


def test_every_option_and_file_named_is_there() -> None:
    samples = parsed(cli, ["reproduce", "samples"]).command
    known = {"--help"}.union(*map(_options, (make_samples, simulate, samples)))
    assert set(re.findall(r"`(--[a-z-]+)", README)) <= known
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", README):
        assert (ROOM / target).exists(), target


def _options(command: click.Command) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


def test_processes_are_all_named() -> None:
    words = set(re.findall(r"\w+", README))
    assert {*processes("madgraph"), *processes("pythia", final_state=None)} <= words


def test_environment_has_the_programs() -> None:
    environment = (ROOM / "environment.yml").read_text(encoding="utf-8")
    (name,) = re.findall(r"^name: (\S+)$", environment, flags=re.M)
    assert f"conda activate {name}\n" in README
    packages = re.findall(r"^  - (\w+)", environment, flags=re.M)
    assert {"root", "pythia8", "delphes", "mg5amcnlo"} <= set(packages)
