"""Files that can be read, and every way in which they cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hist
import pytest
import uproot

from eμsym.processors.inspection import inspect_file, inspect_files, read_whole_file
from tests.delphes_file import emu


def test_genuine_files_are_fine(sample: Path) -> None:
    reports = inspect_files((str(path), "Delphes") for path in sorted(sample.glob("*.root")))
    assert len(reports) == 8
    assert all(report.ok for report in reports)
    with uproot.open(sample / "ww.root") as file:
        entries, uuid = file["Delphes"].num_entries, str(file.file.uuid)
    report = next(r for r in reports if r.path.endswith("/ww.root"))
    assert (report.entries, report.uuid) == (entries, uuid)
    assert read_whole_file(report, chunksize=1000) == report


def test_file_with_all_branches_of_the_card() -> None:
    path = Path(__file__).parents[1] / "data" / "all_branches.root"
    assert read_whole_file(inspect_file(str(path))).ok


def problem(path: Path, tree: str = "Delphes") -> str:
    report = inspect_file(str(path), tree)
    assert not report.ok
    assert report.problem is not None
    assert "\n" not in report.problem
    assert report.problem.startswith(str(path))
    return report.problem


def test_no_file_empty_file_folder_and_text(tmp_path: Path) -> None:
    assert "does not exist" in problem(tmp_path / "absent.root")
    assert "is a folder" in problem(tmp_path)
    (tmp_path / "empty.root").touch()
    assert "is empty (0 bytes)" in problem(tmp_path / "empty.root")
    (tmp_path / "text.root").write_text("not a tree\n", encoding="utf-8")
    assert "is not a ROOT file" in problem(tmp_path / "text.root")
    (tmp_path / "magic.root").write_bytes(b"root")
    assert "cannot be opened as ROOT" in problem(tmp_path / "magic.root")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_truncated_file(tmp_path: Path, sample: Path, keep: float) -> None:
    whole = (sample / "ww.root").read_bytes()
    path = tmp_path / "cut.root"
    path.write_bytes(whole[: int(keep * len(whole))])
    assert f"is truncated ({int(keep * len(whole))} of {len(whole)} bytes)" in problem(path)


def test_tree_of_another_name(delphes_file: Callable[..., Path]) -> None:
    path = delphes_file([emu()], tree="Events")
    message = problem(path)
    assert "has no tree 'Delphes'" in message
    assert "it has Events; name one with --tree" in message
    assert inspect_file(str(path), "Events").ok


def test_object_that_is_no_tree(tmp_path: Path) -> None:
    path = tmp_path / "hist.root"
    with uproot.recreate(path) as file:
        file["Delphes"] = hist.Hist.new.Reg(2, 0, 1).Double()
    assert "'Delphes' is a TH1D, not a TTree" in problem(path)
    assert "it has no tree" in problem(path, "Other")


def test_missing_branches_are_all_named(delphes_file: Callable[..., Path]) -> None:
    message = problem(delphes_file([emu()], drop=("Muon.Charge", "MissingET.Phi")))
    assert "branch Muon/Muon.Charge, MissingET/MissingET.Phi is missing" in message


def test_deep_check_finds_bad_values_and_bad_bytes(
    delphes_file: Callable[..., Path], damaged_file: Path
) -> None:
    bad = emu()
    bad["Muon"][0]["PT"] = float("nan")
    shallow = inspect_file(str(delphes_file([emu(), bad])))
    assert shallow.ok
    deep = read_whole_file(shallow, chunksize=1)
    assert deep.problem is not None
    assert "Muon.PT = nan in entry 1" in deep.problem

    shallow = inspect_file(str(damaged_file))
    assert shallow.ok
    deep = read_whole_file(shallow)
    assert deep.problem is not None
    assert "branch Muon.PT cannot be read" in deep.problem
    assert "\n" not in deep.problem
