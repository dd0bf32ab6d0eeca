"""Folders to report, small and quick to make, and their pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eμsym.folder import ProcessedFolder
from eμsym.report import write_report
from tests.report.html_page import Node, parsed
from tests.results_file import results_of

#: The least that a browser takes for a picture.
SVG = (
    '<?xml version="1.0"?>\n<!-- made for a test -->\n<svg xmlns="http://www.w3.org/2000/svg" '
    'width="10pt" height="10pt"><path id="a" d="M 1.23456 2 \nL 3 4.56789 \nz\n"/></svg>\n'
)
PNG = b"\x89PNG\r\n\x1a\n and so on"


def page_of(folder: Path) -> Node:
    """Write a folder's report and return it as it is read."""
    return parsed(write_report(folder).read_text(encoding="utf-8"))


def made(folder: Path, **parts: Any) -> ProcessedFolder:
    """Make a processed folder of one dataset of 3 and 2 events, with other parts in its results."""
    folder.mkdir(exist_ok=True)
    result = ProcessedFolder(folder)
    selected = {"zz": {"emu": [1.0] * 3, "mue": [1.0] * 2}}
    result.write_results({**results_of(["zz"], selected), **parts})
    return result


def copy_of(folder: Path, to: Path, **parts: Any) -> Path:
    """Copy a folder's results and figures, with other parts in the results."""
    content = {**results_in(folder), **parts}
    (to / "figures").mkdir(parents=True)
    for name in content["figures"]:
        if (folder / "figures" / name).is_file():
            (to / "figures" / name).write_bytes((folder / "figures" / name).read_bytes())
    (to / "results.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return to


def results_in(folder: Path) -> dict[str, Any]:
    """Return the content of a folder's results.json."""
    content: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return content


def limit_of(observed: float | None, median: float) -> dict[str, Any]:
    """Return a limit as results.json has it."""
    expected = {"-2": 0.5 * median, "-1": 0.7 * median, "median": median}
    expected |= {"+1": 1.4 * median, "+2": 1.9 * median}
    return {"observed": observed, "expected": expected, "mu": 1.0, "cl": 0.95}


LIMITS: dict[str, Any] = {
    "cl": 0.95,
    "method": "asymptotic",
    "correction": "self",
    "uncertainties": {"luminosity": 0.02},
    "signals": {
        "hlfv_taue": {
            "events": limit_of(298.17243058, 1116.5509),
            "cross_section": limit_of(1.52974486, 0.59107),
            "branching_ratio": {"problem": "no limit on BR: the cross section is missing"},
            "impacts": {
                "mu": 2.0,
                "mu_error": 1.0,
                "nuisances": [
                    {"name": f"ratio {j}", "pull": 0.1, "error": 0.9, "up": j + 0.5, "down": -j}
                    for j in range(12)
                ],
            },
        },
        "hlfv_taumu": {
            "events": limit_of(None, 101.30848),
            "cross_section": {"problem": "no σ × BR"},
            "branching_ratio": {"problem": "no BR"},
        },
    },
    "notes": ["hlfv_taumu: no limit on σ × BR nor on BR, for there is no dataset of that name"],
    "together": {
        "signals": ["hlfv_taue", "hlfv_taumu"],
        "unit": "events",
        "best": [99.5, -99.1],
        "first": {"best": -4372.1, "low": "-inf", "high": "inf", "bounded": False},
        "second": {"best": 12.3456, "low": -1.0, "high": 30.25, "bounded": True},
        "difference": {"best": -154.18, "low": -1171.79, "high": 357.996, "bounded": True},
        "cl": 0.95,
    },
    "combined": {
        "hlfv_taue": {
            "folders": ["one", "two"],
            "cross_section": limit_of(1.25, 0.5),
            "branching_ratio": {"problem": "no BR of two"},
        }
    },
    "figures": [],
}

SCAN: dict[str, Any] = {
    "schema": "emusym/scan",
    "version": 1,
    "p_global": 0.01234,
    "p_global_error": 0.0035,
    "z_global": 2.247,
    "resolved": True,
    "caveat": "r is fitted to 1,234 events: so few do not hold it",
    "relabellings": 999,
    "entries": [
        {
            "region": "all" if j == 0 else f"region {j}",
            "observables": ["m_coll", "lead_pt"] if j % 2 else ["m_coll"],
            "test": "nsigma",
            "statistic": 3.14159 - 0.1 * j,
            "p_local": 0.0004 * (j + 1),
            "p_adjusted": 0.0123 * (j + 1),
        }
        for j in reversed(range(30))
    ],
    "first": [
        {
            "region": "all",
            "observables": ["m_coll", "lead_pt"],
            "test": "window",
            "statistic": 16.0,
            "p_local": 0.0004,
            "p_adjusted": 0.0123,
            "window": [[100.0, 140.0], [None, 55.5]],
            "z": -4.0,
            "a": 1234,
            "b": 987,
            "follows_calibration": ["lead_pt"],
        }
    ],
    "confirmed": {"pvalue": 0.25, "relabellings": 20000, "findings": [{}, {}]},
    "folds": {"pvalue": 0.5, "parts": [{}, {}, {}]},
    "sensitivity": {"signal": "hlfv_taue", "events": 150.0, "first": 0.7},
    "skipped": [{"what": "region 31", "why": "it has 3 events"}],
    "figures": ["scan_map.png", "scan_map.svg"],
}
