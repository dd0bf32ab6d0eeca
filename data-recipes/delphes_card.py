"""The Delphes ATLAS card with the isolation thresholds of the papers.

The card is the one of the user's own Delphes, ``cards/delphes_card_ATLAS.tcl``; two values
in it are replaced, and every other byte stays. Delphes stores only leptons whose isolation
is below the card's threshold, so without this no looser cut can be made later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click

from eμsym.errors import InputFileError
from eμsym.exits import run_command
from eμsym.files import whole_file

CARD = "delphes_card_ATLAS.tcl"
#: Module → largest Σ pT within ΔR < 0.5 over the lepton's pT: arXiv:2401.09530, Sec. V.
ISOLATION = {"ElectronIsolation": "0.15", "MuonIsolation": "0.25"}
KEY = "PTRatioMax"


@dataclass(frozen=True)
class Change:
    """One value of a card and what became of it.

    Attributes
    ----------
    module, key : str
    old, new : str
        As they stand in the text; the same if nothing had to change.
    """

    module: str
    key: str
    old: str
    new: str

    def __str__(self) -> str:
        """Say it in one line."""
        what = f"{self.old} → {self.new}" if self.old != self.new else f"{self.old} already"
        return f"{self.module} {self.key}: {what}"


def patch_card(text: str, *, name: str = CARD) -> tuple[str, tuple[Change, ...]]:
    """Set the isolation thresholds of the papers in a Delphes card.

    Parameters
    ----------
    text : str
        The card.
    name : str
        What to call it in an error.

    Returns
    -------
    str
        The card with two values replaced; those that are right already stay as written.
    tuple of Change
        One for each value.

    Raises
    ------
    InputFileError
        If a module or its value is missing, occurs twice or is not a number, or the
        braces do not balance.
    """
    modules = _modules(text, name)
    changes = []
    # From the back, so that the places found stay right.
    for module, new in sorted(ISOLATION.items(), key=lambda item: -modules[item[0]][0]):
        start, end = modules[module]
        value = _value(text, start, end, module, name)
        old = value.group(1)
        written = old if float(old) == float(new) else new
        text = text[: value.start(1)] + written + text[value.end(1) :]
        changes.append(Change(module, KEY, old, written))
    return text, tuple(reversed(changes))


def patch_card_file(card: str | Path, path: str | Path) -> tuple[Change, ...]:
    """Write a card with the isolation thresholds of the papers.

    Parameters
    ----------
    card : str or Path
        The card of a Delphes installation; it is only read.
    path : str or Path
        Where to write.

    Returns
    -------
    tuple of Change

    Raises
    ------
    InputFileError
        If the card cannot be read, or as for `patch_card`.
    OutputError
        If `path` cannot be written.
    """
    try:
        content = Path(card).read_bytes()
    except OSError as error:
        raise InputFileError(f"{card}: cannot be read ({error.strerror})") from error
    # Bytes of any encoding go through unchanged, line ends included.
    text, changes = patch_card(content.decode("utf-8", "surrogateescape"), name=str(card))
    with whole_file(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
    return changes


def _modules(text: str, name: str) -> dict[str, tuple[int, int]]:
    """Find the blocks of the modules to change: where their content starts and ends."""
    closing = _closing_braces(text, name)
    found = {}
    for module in ISOLATION:
        starts = [
            match.end()
            for match in re.finditer(
                rf"^[ \t]*module[ \t]+\S+[ \t]+{module}[ \t]*\{{", text, re.MULTILINE
            )
        ]
        if len(starts) != 1:
            raise InputFileError(
                f"{name}: {_times(len(starts))} module {module}, expected one; "
                f"give the {CARD} that comes with Delphes 3"
            )
        found[module] = (starts[0], closing[starts[0] - 1])
    return found


def _value(text: str, start: int, end: int, module: str, name: str) -> re.Match[str]:
    """Find the one line of a block that sets the key, not deeper in it."""
    pattern = re.compile(rf"^[ \t]*set[ \t]+{KEY}[ \t]+([^\s;]+)", re.MULTILINE)
    found = [
        match
        for match in pattern.finditer(text, start, end)
        if text.count("{", start, match.start()) == text.count("}", start, match.start())
    ]
    if len(found) != 1:
        raise InputFileError(
            f"{name}: module {module} has {_times(len(found))} 'set {KEY}', expected one"
        )
    try:
        float(found[0].group(1))
    except ValueError:
        raise InputFileError(
            f"{name}: module {module}: {KEY} is {found[0].group(1)!r}, expected a number"
        ) from None
    return found[0]


def _closing_braces(text: str, name: str) -> dict[int, int]:
    """Return where each opening brace is closed; Tcl counts those in comments too."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for match in re.finditer(r"\\.|[{}]", text, re.DOTALL):
        if match.group() == "{":
            opened.append(match.start())
        elif match.group() == "}":
            if not opened:
                line = text.count("\n", 0, match.start()) + 1
                raise InputFileError(f"{name}: line {line}: a closing brace too many")
            closing[opened.pop()] = match.start()
    if opened:
        line = text.count("\n", 0, opened[-1]) + 1
        raise InputFileError(f"{name}: line {line}: a brace that is never closed")
    return closing


def _times(n: int) -> str:
    return "no" if n == 0 else str(n)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("card", metavar=CARD)
@click.argument("new_card")
def patch(card: str, new_card: str) -> None:
    """Write a copy of Delphes' ATLAS card with the isolation thresholds of the papers."""
    for change in patch_card_file(card, new_card):
        click.echo(str(change))


if __name__ == "__main__":
    run_command(patch, None, name="delphes_card.py", interrupted="no half-written card was left")
