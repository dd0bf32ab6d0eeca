"""Reports of folders of any kind: hostile names, parts that are missing or damaged, none at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eμsym.errors import EmusymError, InputFileError, OutputError
from eμsym.folder import ProcessedFolder, new_folder
from eμsym.report import report_of, write_report
from tests.fuzzing import mutants, mutated_json, outcome
from tests.report.html_page import Node, parsed, table_of
from tests.report.reported import LIMITS, PNG, SCAN, SVG, made, page_of, results_in
from tests.results_file import results_of

#: What a name may hold that is not to be taken for HTML, nor turn a terminal or a line around.
NAMES = ("<script>alert(1)</script>", "a\"b'c&amp;d", "\x1b[31mred", "\u202eturned", "{{ 7*7 }}")


def section(page: Node, anchor: str) -> Node:
    (found,) = (x for x in page.all("section") if x.attributes["id"] == anchor)
    return found


def test_names_are_shown_as_they_are_and_do_nothing(tmp_path: Path) -> None:
    folder = ProcessedFolder(tmp_path)
    parts = results_of(NAMES) | {"warnings": [f"look at {name}" for name in NAMES]}
    parts["inputs"] = [
        {"dataset": name, "path": f"/data/{name}.root", "uuid": "", "processed": 0}
        for name in NAMES
    ]
    folder.write_results(parts)
    text = write_report(tmp_path).read_text(encoding="utf-8")
    page = parsed(text)
    assert not page.all("script")
    shown = [*NAMES[:2], r"\x1b[31mred", r"\u202eturned", NAMES[4]]
    cells = [row[0] for row in table_of(page, "Events after each cut")[1:-1]]
    assert cells == shown
    assert [row[0] for row in table_of(page, "Input files")[1:]] == [
        f"/data/{name}.root" for name in shown
    ]
    for name in shown:
        assert f"look at {name}" in section(page, "left-out").text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_figure_s_name_and_content_do_nothing_either(tmp_path: Path) -> None:
    name = 'x" onerror="alert(1).svg'
    hostile = SVG.replace("<path", "<script>alert('\"1\"')</script><path")
    made(tmp_path, figures=[name])
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / name).write_text(hostile, encoding="utf-8")
    page = page_of(tmp_path)
    picture = section(page, "figures").one("img")
    # A browser runs no script of a picture; and nothing of it gets out of its attribute.
    assert set(picture.attributes) == {"src", "alt"}
    assert not page.all("script")
    assert section(page, "figures").one("figcaption").text == 'x" onerror="alert(1)'


def test_a_picture_is_the_file_s_own(tmp_path: Path) -> None:
    from urllib.parse import unquote

    made(tmp_path, figures=["cutflow.png", "cutflow.svg", "more.png", "more.svg", "gone.svg"])
    figures = tmp_path / "figures"
    figures.mkdir()
    (figures / "cutflow.svg").write_text(SVG, encoding="utf-8")
    (figures / "more.svg").write_text("no picture", encoding="utf-8")
    for name in ("cutflow", "more"):
        (figures / f"{name}.png").write_bytes(PNG)
    page = page_of(tmp_path)
    drawn = section(page, "events").one("img").attributes["src"]
    assert drawn.startswith("data:image/svg+xml,")
    kept = unquote(drawn.partition(",")[2])
    # The same curve, to a hundredth of a point, and nothing that is not drawn.
    assert 'd="M1.23,2L3,4.56z"' in kept
    assert "made for a test" not in kept
    assert 'id="a"' in kept
    other = section(page, "figures").one("img").attributes["src"]
    assert other.startswith("data:image/png;base64,iVBORw0KGgo")
    assert "figure gone: is not shown" in section(page, "left-out").text


def test_links_are_not_followed_and_huge_svgs_not_taken(tmp_path: Path) -> None:
    made(tmp_path / "out", figures=["a.svg", "b.svg", "b.png"])
    secret = tmp_path / "secret"
    secret.write_text(SVG, encoding="utf-8")
    figures = tmp_path / "out" / "figures"
    figures.mkdir()
    (figures / "a.svg").symlink_to(secret)
    (figures / "b.svg").write_text(SVG.replace("<path", "<path/>" * 1000 + "<path"))
    (figures / "b.png").write_bytes(PNG)
    page = page_of(tmp_path / "out")
    assert "figure a: is not shown" in section(page, "left-out").text
    assert section(page, "figures").one("img").attributes["src"].startswith("data:image/png")


def test_events_that_are_not_tested_yet(tmp_path: Path) -> None:
    made(tmp_path)
    page = page_of(tmp_path)
    assert [x.attributes["id"] for x in page.all("section")] == ["events", "left-out", "provenance"]
    assert "processed, and not tested" in page.one("header").text
    assert table_of(page, "Events after each cut")[-1] == ["pair", "0", "3", "2"]
    said = section(page, "left-out").text
    for command in ("emusym test", "emusym scan", "emusym limit"):
        assert command in said


def test_a_pair_that_is_not_corrected_says_so(tmp_path: Path, embedded_run: Path) -> None:
    content = results_in(embedded_run)
    tests = {**content["tests"]}
    warning, reason = "This compares raw samples.", "the pair has no column lead_eta"
    tests |= {"warning": warning, "equalisation": {"problem": reason}, "raw": None}
    made(tmp_path / "problem", tests=tests, configuration=content["configuration"])
    page = page_of(tmp_path / "problem")
    assert warning in page.one("header").text
    assert reason in section(page, "calibration").text
    del tests["equalisation"]
    made(tmp_path / "none", tests=tests, configuration=content["configuration"])
    assert "no correction" in section(page_of(tmp_path / "none"), "calibration").text


def test_a_folder_without_results_says_what_is_there(tmp_path: Path) -> None:
    empty = page_of(tmp_path)
    assert "no results.json" in empty.one("header").text
    assert "There is no file" in section(empty, "files").text
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "ww.parquet").write_bytes(b"12345")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "plane.svg").write_text(SVG, encoding="utf-8")
    (tmp_path / ".hidden").touch()
    page = page_of(tmp_path)
    assert table_of(page, "Files: 2") == [
        ["file", "bytes"],
        ["events/ww.parquet", "5"],
        ["figures/plane.svg", str(len(SVG))],
    ]
    assert len(page.all("img")) == 1
    assert "results.json is missing" in section(page, "left-out").text


def test_a_report_of_somebody_else_is_not_replaced_and_ours_is(tmp_path: Path) -> None:
    made(tmp_path)
    report = tmp_path / "report.html"
    report.write_text("<p>mine</p>", encoding="utf-8")
    with pytest.raises(OutputError, match="not made by emusym"):
        write_report(tmp_path)
    assert report.read_text(encoding="utf-8") == "<p>mine</p>"
    report.unlink()
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    report.symlink_to(elsewhere)
    with pytest.raises(OutputError, match="not made by emusym"):
        write_report(tmp_path)
    assert not elsewhere.exists()
    report.unlink()
    write_report(tmp_path)
    made(tmp_path, warnings=["changed"])
    assert "changed" in write_report(tmp_path).read_text(encoding="utf-8")
    assert sorted(x.name for x in tmp_path.iterdir()) == ["report.html", "results.json"]


def test_the_report_goes_with_the_folder_that_is_replaced(tmp_path: Path) -> None:
    made(tmp_path / "out")
    write_report(tmp_path / "out")
    with new_folder(tmp_path / "out", overwrite=True) as folder:
        folder.write_results(results_of(["new"]))
    assert [x.name for x in (tmp_path / "out").iterdir()] == ["results.json"]


def test_what_cannot_be_written_leaves_the_old_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path)
    before = write_report(tmp_path).read_bytes()
    made(tmp_path, warnings=["changed"])

    def full(*arguments: Any, **options: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left"):
        write_report(tmp_path)
    assert (tmp_path / "report.html").read_bytes() == before
    assert sorted(x.name for x in tmp_path.iterdir()) == ["report.html", "results.json"]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"tests": {"nsigma": 5}}, "cannot be reported"),
        ({"tests": {"global": {"smallest": "q0"}}}, "cannot be reported"),
        ({"limits": {"cl": "much"}}, "cannot be reported"),
        ({"limits": {**LIMITS, "signals": {"x": {}}}}, "cannot be reported"),
    ],
)
def test_damaged_results_are_one_line(tmp_path: Path, parts: dict[str, Any], says: str) -> None:
    made(tmp_path, **parts)
    with pytest.raises(InputFileError, match=says) as caught:
        write_report(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "results.json") in str(caught.value)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "other/thing"}', "\x00"])
def test_results_that_are_none_are_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content, encoding="utf-8")
    with pytest.raises(EmusymError, match=r"results\.json"):
        write_report(tmp_path)
    assert [x.name for x in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"schema": "emusym/scan", "version": 1, "p_global": 1, "entries": [{}]}',
        '{"schema": "emusym/scan", "version": 1, "p_global": "small", "entries": []}',
        '{"schema": "emusym/scan", "version": 2}',
    ],
)
def test_a_damaged_scan_is_one_line(tmp_path: Path, content: str) -> None:
    made(tmp_path)
    (tmp_path / "scan.json").write_text(content, encoding="utf-8")
    with pytest.raises(EmusymError) as caught:
        write_report(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.html").exists()


def test_many_things_left_out_of_a_scan_are_counted(tmp_path: Path) -> None:
    made(tmp_path)
    skipped = [{"what": f"region {j}", "why": "few events"} for j in range(1000)]
    content = {**SCAN, "skipped": skipped, "figures": []}
    (tmp_path / "scan.json").write_text(json.dumps(content), encoding="utf-8")
    lines = section(page_of(tmp_path), "scan").one("ul").elements
    assert len(lines) == 31
    assert lines[-1].text == "and 970 more, which scan.json names"


def test_a_scan_alone_answers(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "scan.json").write_text(json.dumps(SCAN), encoding="utf-8")
    said = page_of(tmp_path).one("header").text
    assert "Of eμ and μe, the scan of 30 combinations of regions" in said


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="is no folder"):
        write_report(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(InputFileError, match="is no folder"):
        write_report(tmp_path / "file")


def short(value: Any) -> Any:
    """A copy without the middle of long lists, which the report does not read."""
    if isinstance(value, dict):
        return {key: short(each) for key, each in value.items()}
    if isinstance(value, list):
        return [short(each) for each in value[:3]]
    return value


@pytest.mark.parametrize("seeds", mutants(2000, 150))
def test_whatever_results_say_the_report_is_whole_or_an_error_of_one_line(
    tmp_path: Path, embedded_run: Path, seeds: range
) -> None:
    content = {**short(results_in(embedded_run)), "limits": LIMITS}
    content["pair"] = list(content["cutflow"])
    content["figures"] = []
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")
    assert not isinstance(outcome(lambda: report_of(tmp_path)), str)
    results = []
    for seed in seeds:
        changed = mutated_json(content, np.random.default_rng(seed))
        (tmp_path / "results.json").write_bytes(os.fsencode(changed))
        results.append(outcome(lambda: write_report(tmp_path)))
        if not isinstance(results[-1], str):
            parsed(results[-1].read_text(encoding="utf-8"))
    refused = sum(isinstance(x, str) for x in results)
    assert 0 < refused < len(results)
