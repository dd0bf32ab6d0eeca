"""Every number of the report is that of results.json, written as the terminal writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.html_page import Node, table_of
from tests.report.reported import LIMITS, SCAN, copy_of, made, page_of, results_in


@pytest.fixture(scope="module")
def results(embedded_run: Path) -> dict[str, Any]:
    return results_in(embedded_run)


@pytest.fixture(scope="module")
def page(embedded_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Node:
    to = copy_of(embedded_run, tmp_path_factory.mktemp("numbers") / "out", limits=LIMITS)
    (to / "scan.json").write_text(json.dumps(SCAN), encoding="utf-8")
    return page_of(to)


@pytest.fixture(scope="module")
def printed(main_job: Path) -> str:
    return " ".join((main_job / "printed.txt").read_text(encoding="utf-8").split())


def number(text: str) -> float:
    """The first number of a cell."""
    return float(text.replace("−", "-").replace(",", "").split()[0])


def answer(page: Node) -> str:
    (found,) = (x for x in page.walk() if x.attributes.get("class") == "answer")
    return found.text


def test_the_answer_is_that_of_all_tests_together(
    page: Node, results: dict[str, Any], printed: str
) -> None:
    found = results["tests"]["global"]
    said = answer(page)
    assert said.count(". ") == 0
    p = said.split("p = ")[1].split(" and ")[0]
    assert number(p) == pytest.approx(found["pvalue"], rel=0.05)
    assert number(p.split("± ")[1]) == pytest.approx(found["pvalue_error"], rel=0.5)
    assert f"Z = {found['z']:+.2f}" in said
    assert found["smallest"] in said
    assert f"all {len(found['tests'])} tests" in said
    assert f"p = {p}, Z = {found['z']:+.2f}" in printed
    assert "which is no evidence" in said
    assert "p = 0.012 ± 0.004, all of them counted" in said  # of the scan


def test_events_after_each_cut(page: Node, results: dict[str, Any]) -> None:
    headings, *body, total = table_of(page, "Events after each cut")
    assert headings[-2:] == ["eμ", "μe"]
    assert len(body) == len(results["cutflow"])
    for (name, *cells), (dataset, flow) in zip(body, results["cutflow"].items(), strict=True):
        assert name == dataset
        scale = results["normalisation"][dataset]["scale"]
        assert [number(x) for x in cells] == [cut["sumw"] * scale for cut in flow.values()]
    yields = results["tests"]["yields"]
    assert [number(x) for x in total[-2:]] == [yields["emu"]["sumw"], yields["mue"]["sumw"]]


def test_nsigma_as_the_terminal_has_it(page: Node, results: dict[str, Any], printed: str) -> None:
    headings, *body = table_of(page, "Nσ of μe − eμ")
    assert [row[0] for row in body] == list(results["tests"]["nsigma"])
    for row in body:
        cells = dict(zip(headings, row, strict=True))
        found = results["tests"]["nsigma"][cells["histogram"]]
        assert number(cells["Nσ"]) == pytest.approx(found["z"], abs=0.005)
        assert number(cells["p"]) == pytest.approx(found["significance"]["pvalue"], rel=0.05)
        assert number(cells["Z"]) == pytest.approx(found["significance"]["z"], abs=0.005)
        assert int(cells["bins"]) == found["n_bins"]
        assert int(cells["empty"]) == found["n_empty"]
        raw = results["tests"]["raw"]["nsigma"][cells["histogram"]]
        assert number(cells["raw Nσ"]) == pytest.approx(raw["z"], abs=0.005)
        assert " ".join(row).strip() in printed


def test_q0_and_the_unbinned_test_as_the_terminal_has_them(
    page: Node, results: dict[str, Any], printed: str
) -> None:
    headings, row = table_of(page, "q0 of each signal")
    cells = dict(zip(headings, row, strict=True))
    found = results["tests"]["q0"]["hlfv_taue"]
    assert cells["signal"] == "hlfv_taue | hlfv_taumu"
    assert number(cells["μ"]) == pytest.approx(found["mu"], abs=0.05)
    assert number(cells["√q0"]) == pytest.approx(found["z"], abs=0.005)
    assert number(cells["kept"]) == pytest.approx(100 * found["kept_by_calibration"], abs=0.5)
    assert " ".join(row[1:]) in printed
    headings, row = table_of(page, "Symmetrized likelihood ratio of m_coll")
    cells = dict(zip(headings, row, strict=True))
    assert number(cells["t"]) == pytest.approx(
        results["tests"]["unbinned"]["spline"]["t"], abs=0.05
    )
    assert " ".join(row) in printed


def test_all_tests_with_the_p_of_each(page: Node, results: dict[str, Any]) -> None:
    _, *body = table_of(page, "p of each test among the same 1,000 redrawn labels")
    found = {name: number(p) for name, p in body}
    assert found == pytest.approx(results["tests"]["global"]["tests"], rel=0.05)


def test_the_calibration_and_its_quality(page: Node, results: dict[str, Any], printed: str) -> None:
    found = results["tests"]["equalisation"]
    (section,) = (x for x in page.all("section") if x.attributes["id"] == "calibration")
    ratio = found["ratio"]
    assert f"{ratio['value']:.4f} ± {ratio['error']:.4f}" in section.text
    quality = found["quality"]
    said = f"goodness of fit p = {quality['goodness_of_fit']['pvalue']:.2g}"
    assert said in section.text
    assert said in printed
    _, *body = table_of(page, "Goodness of fit, and closure")
    fits = {row[0]: number(row[2]) for row in body if row[1] == "fit"}
    assert fits == pytest.approx(quality["goodness_of_fit"]["bins"], rel=0.05)
    closures = {row[0]: number(row[2]) for row in body if row[1] == "closure"}
    expected = {name: x["pvalue"] for name, x in quality["closure"]["variables"].items()}
    assert closures == pytest.approx(expected, rel=0.05)
    _, raw, corrected = table_of(page, "Events of both samples, before")
    assert [number(x) for x in raw[1:]] == found["yields"]["raw"]
    assert [number(x) for x in corrected[1:]] == pytest.approx(
        found["yields"]["equalised"], abs=0.05
    )


def test_limits_and_why_some_are_not_there(page: Node) -> None:
    headings, *body = table_of(page, "Upper limits at 95 % CL (CLs)")
    assert headings[2:] == ["observed", "expected", "−1σ", "+1σ", "−2σ", "+2σ"]
    assert [row[:2] for row in body] == [
        ["hlfv_taue", "events"],
        ["hlfv_taue", "σ × BR [pb]"],
        ["hlfv_taumu", "events"],
    ]
    assert body[0][2:4] == ["298", "1,117"]
    assert body[1][2:4] == ["1.53", "0.591"]
    assert body[2][2:] == ["", "101", "70.9", "142", "50.7", "192"]
    (warnings,) = (x for x in page.all("section") if x.attributes["id"] == "left-out")
    assert LIMITS["notes"][0] in warnings.text
    _, *both = table_of(page, "hlfv_taue and hlfv_taumu together")
    assert both[0][1] == "not bounded"
    assert both[1][1] == "12.35, from -1 to 30.25"
    _, *ranked = table_of(page, "hlfv_taue: what uncertainties do to μ, in events, the largest 8")
    assert [row[0] for row in ranked] == [f"ratio {j}" for j in range(11, 3, -1)]
    assert ranked[0][3:] == ["11.5", "-11"]
    _, combined = table_of(page, "2 folders together at 95 % CL: one, two")
    assert combined == ["hlfv_taue", "σ × BR [pb]", "1.25", "0.5"]


def test_the_scan_begins_with_its_smallest_p(page: Node) -> None:
    headings, *body = table_of(page, "The first 20 of 30 entries")
    assert headings == ["region", "observables", "test", "statistic", "local p", "adjusted p"]
    assert body[0] == ["all", "m_coll", "nsigma", "3.142", "0.0004", "0.012"]
    assert body[1][:2] == ["region 1", "m_coll × lead_pt"]
    assert len(body) == 20
    (section,) = (x for x in page.all("section") if x.attributes["id"] == "scan")
    assert "p = 0.012 ± 0.004, Z = +2.25, with all 30 entries counted" in section.text
    assert "999 redrawn labels" in section.text
    assert "But r is fitted to 1,234 events: so few do not hold it." in section.text
    _, closer = table_of(page, "Where the first entries show most")
    assert closer[3:7] == ["100 to 140, < 55.5", "1,234", "987", "-4.00"]
    assert closer[9] == "lead_pt"
    assert "2 findings, tested on events that were kept apart, have p = 0.25" in section.text
    assert "first in 70 % of samples" in section.text
    assert "region 31: it has 3 events" in section.text


def test_where_it_is_from(page: Node, results: dict[str, Any]) -> None:
    _, *versions = table_of(page, "Versions")
    found = dict(row for row in versions)
    assert found.pop("Python") == results["provenance"]["python"]
    assert found == results["provenance"]["packages"]
    headings, *files = table_of(page, "Input files")
    assert len(files) == len(results["inputs"])
    for row, file in zip(files, results["inputs"], strict=True):
        cells = dict(zip(headings, row, strict=True))
        assert cells["file"] == file["path"]
        assert cells["UUID"] == file["uuid"]
        assert number(cells["processed"]) == file["processed"]
    _, *seeds = table_of(page, "Seeds")
    assert ["tests.unbinned", str(results["tests"]["unbinned"]["seed"])] in seeds
    keys = dict(table_of(page, "How the events were processed")[1:])
    assert keys["processor.cuts.pt_min"] == "15"
    assert keys["processor.plane[1].column"] == "m_coll"
    headings, *datasets = table_of(page, "Datasets")
    signal = dict(zip(headings, next(x for x in datasets if x[0] == "hlfv_taue"), strict=True))
    assert (signal["role"], signal["σ"], signal["generated"]) == ("signal", "0.9105", "819")


@pytest.mark.parametrize(
    ("pvalue", "z", "resolved", "says"),
    [
        (0.3, 0.52, True, "are compatible: with all 2 tests counted, p = 0.3 ± 0.01 and"),
        (0.016, 2.14, True, "which is no evidence"),
        (0.0005, 3.29, True, "differ by more than chance is likely to give"),
        (1e-8, 5.6, True, "differ by far more than chance allows"),
        (0.005, 2.58, False, "differ by more than any of the redrawn labels"),
        (0.005, 2.58, False, "p < 0.005 and Z > 2.58"),
    ],
)
def test_what_the_answer_says_of_a_p(
    tmp_path: Path, results: dict[str, Any], pvalue: float, z: float, resolved: bool, says: str
) -> None:
    together = {"pvalue": pvalue, "pvalue_error": 0.01, "z": z, "resolved": resolved}
    together |= {"n": 200, "smallest": "a", "tests": {"a": 0.1, "b": 0.2}, "left_out": {}}
    tests = {**results["tests"], "global": together}
    made(tmp_path / "out", tests=tests, configuration=results["configuration"])
    assert says in answer(page_of(tmp_path / "out"))
