"""The patch of the Delphes card: exactly two values change; what is no such card is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eμsym.errors import InputFileError, OutputError
from eμsym.recipes.delphes_card import Change, patch_card, patch_card_file

# In the style of a card, written for this test: comments, formulas, nested blocks, the same
# key in modules that must not be touched, a tab, and blanks at the end of a line.
CARD = """\
# A made-up card { with braces in comments }
set ExecutionPath {
  PhotonIsolation
  ElectronIsolation
  MuonIsolation
}

module Isolation PhotonIsolation {
  set PTRatioMax 0.12
}

# module Isolation ElectronIsolation {  not this one: }
module Isolation ElectronIsolation {
  set CandidateInputArray SomeEfficiency/electrons
  # set PTRatioMax 0.10
  set PTRatioMaxSum 0.12
  set Formula { (pt > 0.5) * (0.12) +
                (pt > 1.0) * (0.13) }
  foreach x {0.12 0.3} {
    set PTRatioMax 0.12
  }
\tset PTRatioMax\t 0.12  ; # the one to change
  set DeltaRMax 0.5
}

module  Isolation  MuonIsolation{
  set PTRatioMax 0.3
}

module Isolation OtherMuonIsolation {
  set PTRatioMax 0.3
}
"""
BEFORE_AFTER = (
    ("\tset PTRatioMax\t 0.12  ;", "\tset PTRatioMax\t 0.15  ;"),
    ("MuonIsolation{\n  set PTRatioMax 0.3\n", "MuonIsolation{\n  set PTRatioMax 0.25\n"),
)


def test_exactly_the_two_values_change() -> None:
    patched, changes = patch_card(CARD)
    expected = CARD
    for before, after in BEFORE_AFTER:
        assert expected.count(before) == 1
        expected = expected.replace(before, after)
    assert patched == expected
    assert changes == (
        Change("ElectronIsolation", "PTRatioMax", "0.12", "0.15"),
        Change("MuonIsolation", "PTRatioMax", "0.3", "0.25"),
    )
    assert str(changes[0]) == "ElectronIsolation PTRatioMax: 0.12 → 0.15"


def test_a_second_time_changes_nothing() -> None:
    patched, _ = patch_card(CARD)
    again, changes = patch_card(patched)
    assert again == patched
    assert [str(change) for change in changes] == [
        "ElectronIsolation PTRatioMax: 0.15 already",
        "MuonIsolation PTRatioMax: 0.25 already",
    ]


def test_a_right_value_stays_as_it_is_written() -> None:
    card = CARD.replace("PTRatioMax 0.3\n", "PTRatioMax 2.5e-1\n", 1)
    patched, changes = patch_card(card)
    assert "MuonIsolation{\n  set PTRatioMax 2.5e-1\n" in patched
    assert changes[1] == Change("MuonIsolation", "PTRatioMax", "2.5e-1", "2.5e-1")


def test_every_other_byte_of_the_file_stays(tmp_path: Path) -> None:
    # Windows' line ends, and a byte that is not UTF-8.
    content = b"# \xe9t\xe9\r\n" + CARD.replace("\n", "\r\n").encode()
    (tmp_path / "card.tcl").write_bytes(content)
    patch_card_file(tmp_path / "card.tcl", tmp_path / "new.tcl")
    new = (tmp_path / "new.tcl").read_bytes()
    assert (tmp_path / "card.tcl").read_bytes() == content
    for before, after in BEFORE_AFTER:
        old, replaced = (text.replace("\n", "\r\n").encode() for text in (before, after))
        content = content.replace(old, replaced)
    assert new == content


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("Isolation MuonIs", "Isolation MyMuonIs", "no module MuonIsolation, expected one"),
        ("Isolation  MuonIs", "Isolation  ElectronIs", "2 module ElectronIsolation, expected one"),
        (
            "\tset PTRatioMax\t 0.12",
            "\tset PTSumMax 0.12",
            "ElectronIsolation has no 'set PTRatioM",
        ),
        ("  set DeltaRMax 0.5", "  set PTRatioMax 1", "ElectronIsolation has 2 'set PTRatioMax'"),
        (
            "  set DeltaRMax 0.5\n}",
            "  set DeltaRMax 0.5\n",
            "line 13: a brace that is never closed",
        ),
        ("  set DeltaRMax 0.5", "  set DeltaRMax 0.5 }", "line 24: a closing brace too many"),
        ("\t 0.12  ;", "\t $ratio  ;", "ElectronIsolation: PTRatioMax is '$ratio', expected a num"),
    ],
)
def test_what_is_no_such_card_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    changed = CARD.replace("Isolation  MuonIs", "Isolation MuonIs", 1) if "My" in new else CARD
    assert old in changed
    card = tmp_path / "card.tcl"
    card.write_text(changed.replace(old, new), encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        patch_card_file(card, tmp_path / "new.tcl")
    assert message in str(caught.value)
    assert str(card) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new.tcl").exists()


def test_an_escaped_brace_does_not_count() -> None:
    patched, _ = patch_card(CARD + "set brace \\{\n")
    assert patched.endswith("set brace \\{\n")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"no\.tcl: cannot be read"):
        patch_card_file(tmp_path / "no.tcl", tmp_path / "new.tcl")
    card = tmp_path / "card.tcl"
    card.write_text(CARD, encoding="utf-8")
    with pytest.raises(OutputError, match="is not a folder"):
        patch_card_file(card, tmp_path / "nowhere" / "new.tcl")


def test_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "card.tcl").write_text(CARD, encoding="utf-8")
    command = [sys.executable, "-m", "eμsym.recipes.delphes_card", "card.tcl"]
    done = subprocess.run(
        [*command, "new.tcl"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "ElectronIsolation PTRatioMax: 0.12 → 0.15",
        "MuonIsolation PTRatioMax: 0.3 → 0.25",
    ]
    (tmp_path / "bad.tcl").write_text("module {", encoding="utf-8")
    command[-1] = "bad.tcl"
    done = subprocess.run([*command, "x.tcl"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "delphes_card.py: error: bad.tcl: line 1: a brace that is never closed\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.tcl", "card.tcl", "new.tcl"]
