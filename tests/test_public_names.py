"""The names that the package offers, and what importing it costs."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import eμsym

MICRO, MU = "\u00b5", "\u03bc"


def run_python(code: str, *arguments: str) -> str:
    """Run code in a fresh interpreter, warnings being errors, and return what it prints."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def imported_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has imported after some code."""
    report = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    return set(run_python(f"{code}\n{report}").splitlines()[-1].split())


@pytest.mark.parametrize("name", eμsym.__all__)
def test_a_public_name_is_something_of_ours_with_a_docstring(name):
    value = getattr(eμsym, name)
    assert value.__module__.startswith("eμsym.")
    assert value.__name__ == name
    assert inspect.getdoc(value)
    assert name in dir(eμsym)


CONTRACT = """
nsigma q0 q0_toys profile_fit injection_strength asimov_z scan_windows window_pvalue
SymmetrizedTest NPLMTest CrossEntropyTest SplineTest ClassifierTest NSigmaTest WindowTest Q0Test
Pair Pool FairCoin Exchangeable Calibrated Difference OnColumns Null
null permutation_null toy_null read_pair read_correction
collinear_mass emu_masks emu_leptons lead_and_sub EmusymError
scan upper_limit SubspaceTest
"""


def test_the_contract_s_names_are_there():
    assert set(CONTRACT.split()) <= set(eμsym.__all__)


def test_the_face_stays_small():
    assert len(eμsym.__all__) <= 60


def test_type_checkers_see_the_names_that_python_sees():
    stub = Path(eμsym.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    seen = {
        (alias.name, alias.asname, node.module)
        for node in ast.parse(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {offered for _, offered, _ in seen} == set(eμsym.__all__)
    for name, offered, module in seen:
        assert offered == name
        assert getattr(importlib.import_module(module), name) is getattr(eμsym, name)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nsigma_of_everything'"):
        eμsym.nsigma_of_everything  # noqa: B018 (asking is the test)
    assert not hasattr(eμsym, "numpy")


def test_from_import_works_for_all_of_them():
    code = "from eμsym import *\nimport eμsym\nassert set(eμsym.__all__) <= set(globals())"
    run_python(code)


def test_the_version_is_the_installed_distribution_s():
    from importlib.metadata import version

    assert eμsym.__version__ == version("emusym")


def test_importing_the_package_imports_no_library():
    heavy = {"numpy", "scipy", "awkward", "hist", "coffea", "matplotlib", "uproot", "click"}
    assert not heavy & imported_after("import eμsym")
    assert "numpy" in imported_after("import eμsym; eμsym.nsigma")


def test_help_imports_no_library_that_takes_long():
    code = (
        "from eμsym.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as exit:\n    assert exit.code in (0, None)"
    )
    heavy = {"numpy", "scipy", "awkward", "hist", "coffea", "matplotlib", "uproot"}
    imported = imported_after(code)
    assert "click" in imported
    assert not heavy & imported
    assert "run" in run_python(code)


@pytest.mark.parametrize("letter", [MICRO, MU])
def test_either_letter_that_a_keyboard_has_imports_the_package(letter):
    name = f"e{letter}sym"
    found = run_python(f"import {name}; from {name} import nsigma; print({name}.__name__)")
    assert found.strip() == f"e{MU}sym"


ALIAS = """
import sys
import emusym
import eμsym
assert emusym is eμsym is sys.modules["emusym"], emusym
from emusym.processors import EMuProcessor
import eμsym.processors
assert EMuProcessor is eμsym.processors.EMuProcessor
import eμsym.binned.nsigma, emusym.binned.nsigma as nsigma
assert nsigma is eμsym.binned.nsigma and nsigma.NSigmaTest is emusym.NSigmaTest
assert nsigma.__spec__.name == nsigma.__name__ == "eμsym.binned.nsigma"
import emusym.pool
from eμsym.pair import Pool
assert emusym.pool is eμsym.pool and emusym.pool.Pool is Pool
try:
    import emusym.nothing
except ModuleNotFoundError as error:
    assert error.name == "emusym.nothing"
else:
    raise AssertionError
"""


def test_the_ascii_name_is_the_same_module_and_so_is_all_in_it():
    run_python(ALIAS)


@pytest.mark.parametrize("first, then", [("emusym", "eμsym"), ("eμsym", "emusym")])
def test_an_object_made_by_one_name_is_read_by_the_other(first, then):
    code = (
        f"from {first}.distributions import Normal\n"
        f"from {then}.distributions import Normal as Other\n"
        "from multiprocessing import Pipe\n"
        "near, far = Pipe()\n"
        "near.send(Normal())\n"
        "assert isinstance(far.recv(), Other)"
    )
    run_python(code)


def test_importing_the_ascii_name_imports_no_library():
    assert not {"numpy", "scipy", "awkward", "click"} & imported_after("import emusym")


def test_the_folder_is_spelled_with_the_greek_letter():
    assert Path(eμsym.__file__).parent.name == f"e{MU}sym"


@pytest.mark.parametrize("room", ["processors", "plots"])
def test_the_rooms_are_inside_the_package_and_offer_what_they_list(room):
    module = importlib.import_module(f"eμsym.{room}")
    assert module.__all__
    for name in module.__all__:
        assert hasattr(module, name), name


STATISTICS = ("binned", "calibration", "engines", "running", "studies", "unbinned")


@pytest.mark.parametrize("room", ["cli", "processors", "plots"])
def test_the_statistics_never_import_the_rooms_above_them(room):
    package = Path(eμsym.__file__).parent
    rooms = [package, *(package / name for name in STATISTICS)]
    for path in sorted(path for folder in rooms for path in folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith(f"eμsym.{room}") for name in names), path.name


def private_names_in(path: Path) -> list[str]:
    """Return what a file of tests names of others that begins with one underscore."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names += [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", None) != "self":
            names.append(node.attr)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "setattr":
            texts = [x.value for x in node.args if isinstance(x, ast.Constant)]
            names += [part for text in texts for part in str(text).split(".")]
    # A name that ends like one of Python's is a protocol's, as notebooks' `_repr_html_`.
    return [x for x in names if x.startswith("_") and not (x.startswith("__") or x.endswith("_"))]


def test_tests_name_nothing_private():
    files = Path(__file__).parent.rglob("*.py")
    found = {path.name: names for path in files if (names := private_names_in(path))}
    # A process that ends as if it were killed.
    assert found == {"test_runner.py": ["_exit"]}
