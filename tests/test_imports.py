"""The house's arrows: no module, and no room, imports itself by any way round."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import eμsym

PACKAGE = Path(eμsym.__file__).parent
#: Rooms that stand at the top of the repository, and are installed inside the package.
OUTSIDE = {
    name: Path(__file__).parents[1] / folder
    for name, folder in (
        ("processors", "processors"),
        ("plots", "plots"),
        ("recipes", "data-recipes"),
    )
}


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for root, prefix in ((PACKAGE, "eμsym"), *((p, f"eμsym.{n}") for n, p in OUTSIDE.items())):
        for path in root.rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join((prefix, *parts)).removesuffix(".__init__")
            found[name] = path
    return found


def imported(path: Path, name: str, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of ours that a file imports, wherever it does: in functions too.

    The public face (`eμsym` itself) imports on demand, and names what it does so in a
    block for type checkers; nobody else may have such a block.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [each if each in known else str(node.module) for each in names]
        else:
            continue
        yield from (each for each in names if each in known and each != name)


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    assert len(known) > 150
    return {
        name: set(imported(path, name, known)) - {"eμsym"}
        for name, path in known.items()
        if name != "eμsym"
    }


def circle(graph: dict[str, set[str]]) -> list[str] | None:
    """Return a way from a node back to itself, or None."""
    done: set[str] = set()

    def visit(node: str, way: list[str]) -> list[str] | None:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return None
        for target in sorted(graph.get(node, ())):
            if found := visit(target, [*way, node]):
                return found
        done.add(node)
        return None

    for node in sorted(graph):
        if found := visit(node, []):
            return found
    return None


def test_the_search_finds_circles() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) is None
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_no_module_imports_itself_by_any_way_round(graph: dict[str, set[str]]) -> None:
    assert circle(graph) is None


def room(module: str) -> str:
    """Return the folder that a module stands in, or its own name if it is in none."""
    parts = module.split(".")
    folder = PACKAGE / parts[1]
    return parts[1] if len(parts) > 2 or folder.is_dir() or parts[1] in OUTSIDE else module


def test_no_arrow_runs_back_between_rooms(graph: dict[str, set[str]]) -> None:
    rooms: dict[str, set[str]] = {}
    for module, targets in graph.items():
        rooms.setdefault(room(module), set()).update(room(target) for target in targets)
    assert circle({name: targets - {name} for name, targets in rooms.items()}) is None


def test_nobody_asks_of_what_kind_a_pair_or_its_symmetry_is() -> None:
    kinds = {"EqualisedPair", "Calibrated", "FairCoin", "Exchangeable", "Symmetry"}
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                asked = {each.id for each in ast.walk(node.args[1]) if isinstance(each, ast.Name)}
                assert not asked & kinds, f"{name}, line {node.lineno}"
