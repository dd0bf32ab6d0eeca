"""The page as one reads, hears or prints it: structure, alternatives, contrast, nothing fetched."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from eμsym.report import write_report
from tests.report.html_page import Node, parsed
from tests.report.reported import LIMITS, SCAN, SVG, copy_of


@pytest.fixture(scope="module")
def folder(embedded_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The main job's folder with limits and a scan added."""
    to = copy_of(embedded_run, tmp_path_factory.mktemp("report") / "out", limits=LIMITS)
    (to / "scan.json").write_text(json.dumps(SCAN), encoding="utf-8")
    (to / "figures" / "scan_map.svg").write_text(SVG, encoding="utf-8")
    return to


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Node:
    return parsed(text)


def test_the_main_job_ends_with_a_report_and_says_where(main_job: Path) -> None:
    printed = (main_job / "printed.txt").read_text(encoding="utf-8")
    assert printed.splitlines()[-1] == "Report in emusym-output/report.html"
    report = main_job / "emusym-output" / "report.html"
    found = parsed(report.read_text(encoding="utf-8"))
    figures = {path.stem for path in (main_job / "emusym-output" / "figures").glob("*.svg")}
    assert len(found.all("img")) == len(figures) > 5


def test_the_parts_come_in_their_order(page: Node) -> None:
    assert [x.text for x in page.all("h2")] == [
        "Events",
        "Calibration",
        "Tests",
        "Scan",
        "Limits",
        "Warnings, and what is left out",
        "Where it is from",
    ]
    # The answer comes before all of them.
    header, nav, main, _ = page.one("body").elements
    assert [x.tag for x in (header, nav, main)] == ["header", "nav", "main"]
    assert header.elements[1].attributes["class"] == "answer"


def test_headings_do_not_jump_and_links_lead_somewhere(page: Node) -> None:
    levels = [int(x.tag[1]) for x in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    names = [x.attributes["id"] for x in page.walk() if "id" in x.attributes]
    assert len(names) == len(set(names))
    targets = [x.attributes["href"] for x in page.all("a")]
    assert len(targets) == len(page.all("section"))
    assert {x.removeprefix("#") for x in targets} <= set(names)
    for node in page.walk():
        if "aria-labelledby" in node.attributes:
            assert node.attributes["aria-labelledby"] in names


def test_the_page_says_its_language_and_title(page: Node) -> None:
    assert page.attributes["lang"] == "en"
    assert "eμ" in page.one("title").text
    assert {"charset": "utf-8"} in [x.attributes for x in page.all("meta")]


def test_every_table_has_a_caption_and_headings_of_rows_and_columns(page: Node) -> None:
    assert len(page.all("table")) > 12
    for table in page.all("table"):
        assert len(table.one("caption").text) > 7
        (head,) = table.one("thead").all("tr")
        assert all(x.tag == "th" and x.attributes["scope"] == "col" for x in head.elements)
        body = [row for part in table.all("tbody", "tfoot") for row in part.all("tr")]
        assert body
        for row in body:
            first, *others = row.elements
            assert (first.tag, first.attributes["scope"]) == ("th", "row")
            assert all(cell.tag == "td" for cell in others)
            assert len(row.elements) == len(head.elements)
        # Who has no mouse can scroll a table that is too wide.
        (around,) = (x for x in page.walk() if table in x.elements)
        assert around.attributes["tabindex"] == "0"
        assert around.attributes["role"] == "region"


def test_every_picture_says_what_it_shows(page: Node) -> None:
    pictures, figures = page.all("img"), page.all("figure")
    assert len(pictures) == len(figures) > 10
    alts = [x.attributes["alt"] for x in pictures]
    assert all(len(alt) > 40 and alt.endswith(".") for alt in alts)
    assert len(set(alts)) == len(alts)
    for figure in figures:
        assert figure.one("figcaption").text
        assert figure.one("img").attributes["src"].startswith("data:image/")
    by_caption = {x.one("figcaption").text: x.one("img").attributes["alt"] for x in figures}
    alt = next(alt for caption, alt in by_caption.items() if caption.startswith("m_coll: both"))
    assert "Nσ = -2.40" in alt
    assert "hlfv_taue: the profile of μ" in by_caption


def test_nothing_is_fetched_and_nothing_runs(text: str, page: Node) -> None:
    assert not page.all("script", "link", "iframe", "object", "embed", "base", "form", "svg")
    for node in page.walk():
        assert not [name for name in node.attributes if name.startswith("on")]
        for name in ("src", "href"):
            assert node.attributes.get(name, "#").startswith(("#", "data:image/"))
    style = page.one("style").text
    assert "@import" not in style
    assert "url(" not in style
    shown = re.sub(r'src="data:[^"]*"', "", text)
    assert "http" not in shown


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = [int(color[j : j + 2], 16) / 255 for j in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return sum(weight * x for weight, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_text_stands_out_in_light_in_dark_and_on_paper(page: Node) -> None:
    style = page.one("style").text
    schemes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", found))
        for found in re.findall(r":root \{([^}]*)\}", style)
    ]
    assert len(schemes) == 3  # light, dark, print
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    for scheme in schemes:
        for above, below in (
            ("text", "page"),
            ("text", "stripe"),
            ("quiet", "page"),
            ("link", "page"),
            ("answer-text", "answer"),
            ("note-text", "note"),
        ):
            light, dark = sorted((luminance(scheme[x]) for x in (above, below)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (above, below)


def test_the_same_folder_gives_the_same_bytes(folder: Path, text: str) -> None:
    assert write_report(folder).read_text(encoding="utf-8") == text
    assert "\r" not in text
    assert str(folder) not in text
