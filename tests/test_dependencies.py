"""Every library that the code imports is one that the distribution declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("eμsym", "emusym", "processors", "plots", "data-recipes")
OURS = {"eμsym", "emusym"}
#: The extras that are for those who work on the package.
INSIDE = {"test", "dev"}


def plain(name: str) -> str:
    """Return a distribution's name as package indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    """Return the distributions that requirements are of."""
    return {plain(re.split(r"[^\w.-]", each, maxsplit=1)[0]) for each in requirements}


def libraries(statements: list[ast.stmt], *, inner: bool) -> Iterator[str]:
    """Yield the top-level packages that statements import, with those in functions or without."""
    for node in (node for each in statements for node in (ast.walk(each) if inner else (each,))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [str(node.module)]
        else:
            continue
        for name in found:
            package = name.split(".")[0]
            if package not in sys.stdlib_module_names and package not in OURS:
                yield package


def imported(*folders: str, inner: bool) -> dict[str, set[str]]:
    """Return the distributions that files import, and which files do."""
    distributions = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for package in libraries(ast.parse(path.read_text(encoding="utf-8")).body, inner=inner):
            name = plain(distributions.get(package, [package])[0])
            found.setdefault(name, set()).add(path.name)
    return found


@pytest.fixture(scope="module")
def declared() -> dict[str, set[str]]:
    """The distributions that each extra asks for, and those that all need as ""."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: names(each) for name, each in project["optional-dependencies"].items()}
    return {"": names(project["dependencies"]), **extras}


def test_every_import_is_declared(declared: dict[str, set[str]]) -> None:
    known = set().union(*(asked for extra, asked in declared.items() if extra not in INSIDE))
    found = imported(*FOLDERS, inner=True)
    assert len(found) > 15
    assert {name: files for name, files in found.items() if name not in known} == {}


def test_what_is_imported_with_a_module_is_asked_of_everybody(
    declared: dict[str, set[str]],
) -> None:
    found = imported("eμsym", "emusym", "processors", "plots", inner=False)
    assert {name: files for name, files in found.items() if name not in declared[""]} == {}


def test_what_a_message_tells_to_install_is_an_extra_that_is_declared(
    declared: dict[str, set[str]],
) -> None:
    told = {
        extra
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for extra in re.findall(r"emusym\[(\w+)\]", path.read_text(encoding="utf-8"))
    }
    assert {"dask", "generate", "hepdata", "torch"} <= told <= set(declared)


def test_what_is_declared_is_pinned_for_tests(declared: dict[str, set[str]]) -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = {plain(line.split("==")[0]) for line in text.splitlines() if "==" in line}
    assert declared[""] <= pinned
