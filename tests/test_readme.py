"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

from tests.notebook_page import cells_of, run_page

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "README.md"
README = PAGE.read_text(encoding="utf-8")


def test_it_is_one_screen_and_links() -> None:
    assert len(README.splitlines()) <= 80


def test_ten_lines_of_python_find_the_signal(tmp_path: Path) -> None:
    (cell,) = cells_of(PAGE)
    assert len([line for line in cell.splitlines() if line.strip()]) <= 10
    _, printed = run_page(PAGE, tmp_path)
    assert 0 < float(printed) < 0.2


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_every_page_of_the_book_is_named() -> None:
    targets = set(re.findall(r"\]\((docs/[^)#]+)[^)]*\)", README))
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert pages - targets == {"docs/index.md"}


def test_two_commands_are_in_the_makefile() -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    (first, *_) = re.findall(r"^```\n(.*?)^```$", README, flags=re.S | re.M)
    commands = re.findall(r"^make ([\w-]+)", first, flags=re.M)
    assert commands == ["run", "test"]
    assert set(commands) <= set(targets)
    continuous_integration = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("make test", "make test-slow"):
        assert f"\n{command}\n" in continuous_integration
