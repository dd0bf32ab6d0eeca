"""The book has a place for every page and every public name, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import eμsym

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)


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


def test_code_that_is_shown_is_python() -> None:
    found = 0
    shown = re.compile(r"^```(?:python|\{code-cell\})\n(.*?)^```$", flags=re.S | re.M)
    for page in PAGES:
        for code in shown.findall(page.read_text(encoding="utf-8")):
            lines = (x for x in code.splitlines() if not x.startswith(("!", ":")))
            compile("\n".join(lines), str(page), "exec")
            found += 1
    assert found > 5
