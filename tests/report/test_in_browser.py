"""The report in a real browser: nothing to complain of, nothing repaired, in light, dark and print.

Run by ``make test-browser``, which needs Chromium; pictures are kept where EMUSYM_PICTURES says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from matplotlib.image import imread

from eμsym.report import write_report
from tests.report.html_page import Node, parsed
from tests.report.reported import LIMITS, SCAN, SVG, copy_of

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--v=0")


@pytest.fixture(scope="module")
def report(embedded_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = copy_of(embedded_run, tmp_path_factory.mktemp("browser") / "out", limits=LIMITS)
    (to / "scan.json").write_text(json.dumps(SCAN), encoding="utf-8")
    (to / "figures" / "scan_map.svg").write_text(SVG, encoding="utf-8")
    return write_report(to)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("EMUSYM_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def browser() -> str:
    found = [path for path in map(shutil.which, BROWSERS) if path is not None]
    assert found, f"no browser; install one of {', '.join(BROWSERS)}"
    return found[0]


def looked_at(report: Path, *options: str) -> str:
    """Open the report; return what the browser prints, which complains of nothing in the page."""
    command = [browser(), *OPTIONS, "--enable-logging=stderr", *options, report.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "CONSOLE" not in done.stderr
    return done.stdout


def shape(node: Node) -> list[tuple[str, int]]:
    return [(each.tag, len(each.elements)) for each in node.walk()]


def test_the_browser_repairs_nothing(report: Path) -> None:
    read = parsed(looked_at(report, "--dump-dom"))
    assert shape(read) == shape(parsed(report.read_text(encoding="utf-8")))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_what_they_say(report: Path, pictures: Path, scheme: str) -> None:
    picture = pictures / f"report-{scheme}.png"
    preferred = f"--blink-settings=preferredColorScheme={int(scheme == 'light')}"
    looked_at(report, preferred, "--window-size=1200,1000", f"--screenshot={picture}")
    pixels = imread(picture)[..., :3]
    assert pixels.shape[:2] == (1000, 1200)
    # The margins are the page's own colour.
    margin = pixels[:, :8].mean()
    assert margin > 0.95 if scheme == "light" else margin < 0.15
    assert pixels.std() > 0.05


def test_a_telephone_shows_it_without_a_page_that_is_too_wide(report: Path, pictures: Path) -> None:
    picture = pictures / "report-narrow.png"
    looked_at(report, "--window-size=500,1000", f"--screenshot={picture}")
    pixels = imread(picture)[..., :3]
    # Nothing reaches into the right margin: tables scroll in themselves.
    assert pixels[:, -8:].std() < 0.01


def test_it_is_printed_on_a_few_pages(report: Path, pictures: Path) -> None:
    pdf = pictures / "report.pdf"
    looked_at(report, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF-")
    assert 3 < content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") < 40
