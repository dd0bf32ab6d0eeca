"""What is printed of a paper: tables as plain data, and those of its claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eμsym.papers.ddp_published import Comparison
from eμsym.papers.sym_claims import Claim


@dataclass(frozen=True)
class Column:
    """How a column of a table is set.

    Parameters
    ----------
    heading : str
    right : bool
        Whether its cells stand at the right, as numbers do.
    no_wrap : bool
        Whether its cells are one line each.
    max_width : int, optional
        In characters.
    """

    heading: str
    right: bool = False
    no_wrap: bool = False
    max_width: int | None = None


@dataclass(frozen=True)
class Note:
    """A line or more below a table; marked, where ours and the paper's differ."""

    text: str
    differs: bool = False


@dataclass(frozen=True)
class Table:
    """A table with its notes.

    Parameters
    ----------
    title : str
    columns : sequence of Column
    rows : sequence of sequence of str
    differing : frozenset of int
        Rows that are to catch the eye.
    notes : sequence of Note
    close : bool
        Whether its columns stand close to each other.
    edged : bool
        Whether there is an empty line above and below it, and room beside it.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    differing: frozenset[int] = frozenset()
    notes: Sequence[Note] = ()
    close: bool = False
    edged: bool = False


def claim_table(given: Iterable[Claim], title: str, remark: str = "") -> Table:
    """Return what the paper says and ours, and why those differ that do.

    Parameters
    ----------
    given : iterable of Claim
    title : str
    remark : str
        What must be known to read the table.
    """
    given = list(given)
    reasons: dict[tuple[str, bool], list[str]] = {}
    for claim in given:
        if claim.note or claim.holds is False:
            reasons.setdefault((claim.note, claim.holds is False), []).append(claim.quantity)
    notes = [Note(remark)] if remark else []
    for (reason, differs), quantities in reasons.items():
        named = "; ".join(quantities)
        notes.append(Note(f"{named}: {reason}" if reason else f"{named}: differs.", differs))
    return Table(
        title,
        [
            Column("quantity", max_width=32),
            Column("paper", max_width=12),
            Column("ours", max_width=33),
        ],
        [(claim.quantity, claim.paper, claim.ours) for claim in given],
        frozenset(i for i, claim in enumerate(given) if claim.holds is False),
        notes,
    )


def claim_tables(found: Any, claims: Mapping[str, Sequence[Claim]]) -> list[Table]:
    """Return a table of each figure's claims, if it has any."""
    return [claim_table(given, figure) for figure, given in claims.items() if given]


def comparison_table(rows: Sequence[Comparison], title: str) -> Table:
    """Return the paper's numbers and ours, and why those differ that do."""
    return Table(
        title,
        [
            Column("quantity"),
            *(Column(name, right=True, no_wrap=True) for name in ("paper", "ours", "difference")),
        ],
        [(row.quantity, *_cells(row)) for row in rows],
        frozenset(i for i, row in enumerate(rows) if row.differs),
        [
            Note(f"{row.quantity}: {text}", row.differs)
            for row in rows
            for text in (row.note, row.remark)
            if text
        ],
        close=True,
        edged=True,
    )


def _cells(row: Comparison) -> tuple[str, str, str]:
    ours = f"{row.ours:.{row.digits}f}"
    if row.error is not None:
        ours += f" ± {row.error:.{row.digits}f}"
    percent = f"{100 * row.difference:+.1f} %"
    if row.difference != row.difference:
        percent = "–"
    elif percent in ("+0.0 %", "-0.0 %"):
        percent = "0.0 %"
    return f"{row.paper:g}", ours, percent
