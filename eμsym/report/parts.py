"""What a report is made of: plain texts, tables and pictures, in the order in which they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from eμsym.errors import DataError


@dataclass(frozen=True)
class Paragraph:
    """A paragraph.

    Attributes
    ----------
    text : str
    heading : str
        Written in bold before it; none if it is empty.
    """

    kind: ClassVar[str] = "paragraph"
    text: str
    heading: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading below that of the section.

    Attributes
    ----------
    text : str
    """

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Notes:
    """What to beware of: a list of lines.

    Attributes
    ----------
    lines : tuple of str
    """

    kind: ClassVar[str] = "notes"
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """A list of lines that warn of nothing.

    Attributes
    ----------
    lines : tuple of str
    """

    kind: ClassVar[str] = "listing"
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table, the first cell of whose rows says what the row is of.

    Attributes
    ----------
    caption : str
    headings : tuple of str
        One a column.
    rows : tuple of tuple of str
    total : tuple of str
        A last row that sums up; none if it is empty.
    words : frozenset of str
        Headings of columns of words, which stand to the left; all others but the first are of
        numbers and stand to the right.
    """

    kind: ClassVar[str] = "table"
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for row in (*self.rows, *([self.total] if self.total else [])):
            if len(row) != len(self.headings):
                raise DataError(
                    f"table {self.caption!r}: a row of {len(row)} cells under "
                    f"{len(self.headings)} headings"
                )

    def is_words(self, column: int) -> bool:
        """Whether a column, counted from 0, is of words."""
        return column == 0 or self.headings[column] in self.words


@dataclass(frozen=True)
class Picture:
    """A figure of the folder.

    Attributes
    ----------
    name : str
        Of the figure's files, without an ending.
    source : str
        A ``data:`` URI of the whole picture.
    caption : str
    alt : str
        What it shows, for those who do not see it.
    """

    kind: ClassVar[str] = "picture"
    name: str
    source: str
    caption: str
    alt: str


Block = Paragraph | Heading | Notes | Listing | Table | Picture


@dataclass(frozen=True)
class Section:
    """A part of the report with a heading.

    Attributes
    ----------
    anchor : str
        What links point to.
    title : str
    blocks : tuple of Block
    """

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes
    ----------
    title : str
    answer : str
        One sentence.
    caveats : tuple of str
        What the answer must not be read without.
    sections : tuple of Section
    """

    title: str
    answer: str
    caveats: tuple[str, ...]
    sections: tuple[Section, ...]


def filled(*sections: Section | None) -> tuple[Section, ...]:
    """Return the sections that there are."""
    return tuple(section for section in sections if section is not None)


def some(blocks: Sequence[Block | None]) -> tuple[Block, ...]:
    """Return the blocks that there are."""
    return tuple(block for block in blocks if block is not None)
