"""Read a page as a browser's parser would, and refuse what a careless page has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}


@dataclass
class Node:
    """An element: its tag, its attributes, and what is in it."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    inside: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, its spaces as a browser shows them."""
        return " ".join(self.words().split())

    def words(self) -> str:
        """All text in it, its spaces as they are in the file."""
        return "".join(x if isinstance(x, str) else x.words() for x in self.inside)

    @property
    def elements(self) -> list[Node]:
        """The elements directly in it."""
        return [x for x in self.inside if isinstance(x, Node)]

    def walk(self) -> Iterator[Node]:
        """Yield it and every element in it, in the page's order."""
        yield self
        for each in self.elements:
            yield from each.walk()

    def all(self, *tags: str) -> list[Node]:
        """Return every element in it of some tags."""
        return [node for node in self.walk() if node.tag in tags]

    def one(self, tag: str) -> Node:
        """Return the only element in it of a tag."""
        (found,) = self.all(tag)
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.top = Node("")
        self.open = [self.top]
        self.doctype = ""

    def handle_decl(self, decl: str) -> None:
        self.doctype = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def parsed(page: str) -> Node:
    """Return the page's <html>; every tag must be closed, and in its turn."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.doctype == "DOCTYPE html"
    assert reader.open == [reader.top], f"<{reader.open[-1].tag}> is left open"
    return reader.top.one("html")


def rows(table: Node) -> list[list[str]]:
    """Return the texts of a table's cells, the headings first."""
    return [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")]


def tables(page: Node) -> dict[str, list[list[str]]]:
    """Return every table's cells by its caption."""
    found = {table.one("caption").text: rows(table) for table in page.all("table")}
    assert len(found) == len(page.all("table")), "two tables have the same caption"
    return found


def table_of(page: Node, beginning: str) -> list[list[str]]:
    """Return the cells of the one table whose caption begins so, its headings first."""
    (found,) = (cells for caption, cells in tables(page).items() if caption.startswith(beginning))
    return found
