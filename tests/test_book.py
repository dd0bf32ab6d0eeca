"""The book has a place for every page and name, its links lead somewhere, its code runs."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import eμsym
from eμsym.cli.app import cli
from eμsym.processors.fileset import read_fileset
from eμsym.processors.run_config import read_run_config
from tests.notebook_page import cells_of, is_notebook, run_page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
NOTEBOOKS = [page for page in PAGES if is_notebook(page)]
#: Two journeys: own arrays to a p-value, own processor on another symmetry to a limit.
JOURNEYS = ("own_arrays", "another_symmetry")


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.S | re.M)


def test_every_public_name_is_in_the_reference() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\.\. auto(?:class|function):: eμsym\.(\w+)$", text, flags=re.M)
    assert sorted(shown) == sorted(name for name in eμsym.__all__ if not name.startswith("__"))


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), (page, target)


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed: set[Path] = set()
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", index, flags=re.S | re.M):
        for line in block.splitlines():
            if line and not line.startswith(":"):
                found = list(DOCS.glob(f"{line}.md"))
                assert found, line
                listed.update(found)
    assert listed | {DOCS / "index.md"} == set(PAGES)


def test_shown_output_is_the_real_one(main_job: Path) -> None:
    page = DOCS / "command_line.md"
    (shown,) = (block for block in blocks(page, "") if "Best square window" in block)
    output = (main_job / "printed.txt").read_text(encoding="utf-8")
    printed = [line.rstrip() for line in output.strip().splitlines()]
    assert shown.strip().splitlines() == printed


def test_shown_configurations_are_valid(tmp_path: Path) -> None:
    found = 0
    for page in PAGES:
        if page.parent != DOCS:
            continue
        for number, shown in enumerate(blocks(page, "toml")):
            path = tmp_path / f"{page.stem}{number}.toml"
            # What a configuration names must be there.
            for name in re.findall(r'"([\w.]+\.(?:json|txt))"', shown):
                (tmp_path / name).touch()
            path.write_text(shown, encoding="utf-8")
            read_run_config(path)
            found += 1
    assert found >= 4


def test_the_shown_fileset_is_one(tmp_path: Path) -> None:
    (shown,) = blocks(DOCS / "command_line.md", "json")
    (dataset,) = json.loads(shown).values()
    for name in dataset["files"]:
        (tmp_path / name).touch()
    (tmp_path / "fileset.json").write_text(shown, encoding="utf-8")
    (read,) = read_fileset([str(tmp_path / "fileset.json")])
    assert [Path(path).name for path in read.files] == list(dataset["files"])


def command_lines() -> Iterator[tuple[str, list[str]]]:
    for page in [ROOT / "README.md", *PAGES]:
        for block in [*blocks(page, ""), *blocks(page, "bash"), *cells_of(page)]:
            for line in block.splitlines():
                if not line.startswith(("emusym ", "!emusym ")):
                    continue
                for part in re.split(r"&&|\|", line.lstrip("!")):
                    words = shlex.split(part, comments=True)
                    if words[:1] == ["emusym"] and len(words) > 1:
                        yield f"{page.name}: {part.strip()}", words[1:]


def commands_of_the_workflow() -> Iterator[tuple[str, list[str]]]:
    text = (DOCS / "workflow" / "Snakefile").read_text(encoding="utf-8")
    for shell in re.findall(r"shell:\n((?: +\".*\"\n)+)", text):
        line = "".join(ast.literal_eval(part.strip()) for part in shell.splitlines())
        yield line, shlex.split(re.sub(r"\{[^}]*\}", "1", line))[1:]


def test_shown_commands_have_the_options_that_are_shown() -> None:
    of_the_workflow = list(commands_of_the_workflow())
    assert len(of_the_workflow) == 6
    found = [*command_lines(), *of_the_workflow]
    assert len(found) > 40
    for shown, (name, *arguments) in found:
        if ">" in arguments:
            arguments = arguments[: arguments.index(">")]
        try:
            cli.commands[name].make_context(name, arguments)
        except click.exceptions.Exit:
            assert "--help" in arguments
        except (KeyError, click.ClickException) as error:
            pytest.fail(f"{shown}: {error!r}")


def test_code_that_is_shown_is_python() -> None:
    for page in PAGES:
        for code in cells_of(page):
            if not code.startswith("%%"):
                lines = (x for x in code.splitlines() if not x.startswith(("!", ":")))
                ast.parse("\n".join(lines), str(page))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[] if page.stem in JOURNEYS else pytest.mark.slow)
        for page in NOTEBOOKS
    ],
)
def test_notebooks_run(page: Path, tmp_path: Path) -> None:
    run_page(page, tmp_path)


def test_own_arrays_have_a_small_p_value(tmp_path: Path) -> None:
    _, printed = run_page(DOCS / "own_arrays.md", tmp_path)
    assert "p = 0.005" in printed.splitlines()[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scan", "studies/README"])
def test_python_of_other_pages_runs(name: str, embedded_run: Path, tmp_path: Path) -> None:
    page = DOCS / f"{name}.md"
    assert cells_of(page)
    shutil.copytree(embedded_run, tmp_path / "emusym-output")
    quick = (DOCS / "studies" / "quick.toml").read_text(encoding="utf-8")
    few = quick.replace("toys = 2000", "toys = 20").replace("toys = 100", "toys = 2")
    (tmp_path / "quick.toml").write_text(few, encoding="utf-8")
    mine = few.replace('kind = "spline"\nk = 13', 'kind = "mean_difference"')
    (tmp_path / "mine.toml").write_text(mine, encoding="utf-8")
    if "quick" in page.read_text(encoding="utf-8"):
        cli.main(["toys", str(tmp_path / "quick.toml")], standalone_mode=False)
    run_page(page, tmp_path)


def test_spelling() -> None:
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
    texts += (ROOT / "data-recipes").rglob("*.md")
    command = [sys.executable, "-m", "codespell_lib", "--toml", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*command, *map(str, texts)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
