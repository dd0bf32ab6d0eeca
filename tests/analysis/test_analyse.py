"""The analysis of a processed folder as dataclasses, and what it costs to add to it."""

from __future__ import annotations

import ast
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

import eμsym
from eμsym.analysis.analyse import Analysis, analyse
from eμsym.analysis.correction import Correction, Equalisation
from eμsym.analysis.options import Tests
from eμsym.analysis.problem import Problem
from eμsym.analysis.record import record
from eμsym.analysis.statistics import AgainstNull
from eμsym.errors import ConfigurationError, DataError, InputFileError
from eμsym.folder import ProcessedFolder

QUICK = {"permutations": 19, "max_permutations": 19, "minimizer": "newton"}


@dataclass(frozen=True)
class CountedExcess:
    """A statistic of one's own: |N_A − N_B| of the events with m_coll in a window."""

    low: float
    high: float
    columns: tuple[str, ...] = ("m_coll",)

    def __call__(self, pair: Any, *, rng: Any = None) -> float:
        m = pair.pool.column("m_coll")
        inside = (m >= self.low) & (m < self.high)
        return abs(float(np.sum(pair.weight[inside & pair.pool.labels])
                         - np.sum(pair.weight[inside & ~pair.pool.labels])))  # fmt: skip


@dataclass(frozen=True)
class MeanDistance:
    """One of arrays, with a result of its own that says more than a number."""

    def __call__(
        self, a: Any, b: Any, *, weights_a: Any = None, weights_b: Any = None, rng: Any = None
    ) -> Distance:
        means = [np.average(x, weights=w) for x, w in ((a, weights_a), (b, weights_b))]
        return Distance(abs(float(means[0] - means[1])), int(np.ndim(a)))


@dataclass(frozen=True)
class Distance:
    statistic: float
    ndim: int

    def to_dict(self) -> dict[str, Any]:
        return {"ndim": self.ndim}


@dataclass(frozen=True)
class TooFew:
    """A test that cannot be had."""

    columns: tuple[str, ...] = ("m_coll",)

    def __call__(self, pair: Any, *, rng: Any = None) -> float:
        raise DataError("too few events for it")


@pytest.fixture(scope="module")
def analysed(processed_sample: Path) -> Analysis:
    extra = {"counted": CountedExcess(110, 140), "distance": MeanDistance(), "never": TooFew()}
    return analyse(ProcessedFolder(processed_sample), Tests(extra=extra, **QUICK))


@pytest.fixture
def folder(processed_sample: Path, tmp_path: Path) -> ProcessedFolder:
    return ProcessedFolder(Path(shutil.copytree(processed_sample, tmp_path / "out")))


def test_a_statistic_of_one_s_own_has_its_row(analysed: Analysis, folder: ProcessedFolder) -> None:
    returned = record(analysed, folder)
    stored = json.loads(folder.results_file.read_text(encoding="utf-8"))
    assert returned == stored
    rows = stored["tests"]["extra"]
    assert list(rows) == ["counted", "distance", "never"]
    pair = eμsym.read_pair(folder.path).equalised()
    observed = CountedExcess(110, 140)(pair)
    assert rows["counted"]["statistic"] == pytest.approx(observed)
    drawn = pair.symmetry.relabel(pair.pool, 19, rng=20401)
    assert drawn.log_ratio is not None
    redrawn = [pair.relabelled(*each) for each in zip(drawn.labels, drawn.log_ratio, strict=True)]
    above = sum(CountedExcess(110, 140)(each) >= observed for each in redrawn)
    row = rows["counted"]["permutations"]
    assert row["pvalue"] == pytest.approx((above + 1) / 20)
    assert row["z"] == pytest.approx(norm.isf((above + 1) / 20))
    assert row["null"]["n"] == 19

    # Of arrays: the columns of the unbinned tests are what it reads.
    means = [np.average(s.column("m_coll"), weights=s.weight) / 100 for s in (pair.a, pair.b)]
    assert rows["distance"]["statistic"] == pytest.approx(abs(means[0] - means[1]), rel=1e-6)
    assert rows["distance"]["ndim"] == 1
    assert 0 < rows["distance"]["permutations"]["pvalue"] <= 1
    assert rows["never"] == {"problem": "too few events for it"}


def test_what_was_not_asked_for_is_not_there(folder: ProcessedFolder) -> None:
    found = analyse(folder, Tests(pair=("ttbar",), equalisation=Equalisation("none"), **QUICK))
    assert found.correction is None
    assert found.raw is None
    assert {"extra", "raw", "equalisation", "pyhf"}.isdisjoint(found.to_dict())
    assert folder.content()["tests"] == {}
    assert not folder.equalisation_file.exists()


def test_the_parts_say_what_the_pair_says(analysed: Analysis, processed_sample: Path) -> None:
    pair = eμsym.read_pair(processed_sample).equalised()
    for name, each in analysed.comparisons.items():
        assert each.nsigma.z == pytest.approx(pair.nsigma(name).z)
        np.testing.assert_allclose(each.b.values() - each.a.values(), each.difference.value)
    assert set(analysed.comparisons) == {"plane", "m_coll", "lead_pt", "sub_pt"}
    yields = analysed.yields
    assert (yields.a.value, yields.b.value) == (len(pair.raw.a.events), len(pair.raw.b.events))
    assert yields.ratio is not None
    assert yields.ratio.value == pytest.approx(yields.a.value / yields.b.value)
    assert yields.ratio.error == pytest.approx(
        yields.ratio.value * math.hypot(yields.a.value**-0.5, yields.b.value**-0.5)
    )
    assert analysed.cutflow.total["emu"] == yields.a.value
    spline = analysed.unbinned.tests["spline"]
    assert isinstance(spline, AgainstNull)
    assert spline.null is not None
    assert spline.null.samples.size == 19


def test_the_variable_that_fits_worst_is_named(analysed: Analysis) -> None:
    assert isinstance(analysed.correction, Correction)
    closure = analysed.correction.to_dict()["quality"]["closure"]
    pvalues = {name: entry["pvalue"] for name, entry in closure["variables"].items()}
    assert closure["worst"] == min(pvalues, key=pvalues.__getitem__)


def test_a_window_beyond_all_toys_is_said(analysed: Analysis) -> None:
    worth = analysed.to_dict()["best_window"]["global"]
    assert worth["beyond_all_toys"] is (worth["pvalue"] == worth["smallest_pvalue"])


def test_workspaces_are_written_when_recorded(folder: ProcessedFolder) -> None:
    found = analyse(folder, Tests(pair=("ttbar", "ztautau"), pyhf=True, **QUICK))
    assert not (folder.path / "pyhf").exists()
    record(found, folder)
    there = {path.stem for path in (folder.path / "pyhf").glob("*.json")}
    assert there == {name for name, fit in found.q0.items() if fit.fit is not None}
    assert folder.content()["pair"] == ["ttbar", "ztautau"]
    assert folder.equalisation_file.is_file()
    record(analyse(folder, Tests(equalisation=Equalisation("none"), pair=("ww",), **QUICK)), folder)
    assert not folder.equalisation_file.exists()


def test_too_few_events_for_a_correction_are_a_problem_unless_asked_for(
    folder: ProcessedFolder,
) -> None:
    found = analyse(folder, Tests(pair=("zz",), **QUICK))
    assert isinstance(found.correction, Problem)
    assert found.to_dict()["equalisation"] == {"problem": found.correction.reason}
    with pytest.raises(DataError, match="or give --equalise none"):
        analyse(folder, Tests(pair=("zz",), equalisation=Equalisation("self"), **QUICK))


def test_what_cannot_be_tested_is_refused(folder: ProcessedFolder, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no dataset 'x'; there are ztautau"):
        analyse(folder, Tests(pair=("x",)))
    with pytest.raises(ConfigurationError, match="no dataset 'y'; there are ztautau"):
        analyse(folder, Tests(signals=("y",)))
    with pytest.raises(DataError, match="no column 'mass'"):
        analyse(folder, Tests(columns=("mass",), equalisation=Equalisation("none"), **QUICK))
    with pytest.raises(InputFileError, match=r"absent\.json"):
        Tests(equalisation=Equalisation(str(tmp_path / "absent.json")))
    with pytest.raises(InputFileError, match=r"has no results\.json"):
        analyse(ProcessedFolder(tmp_path))


def imported_by(room: str) -> Iterator[tuple[str, str]]:
    """Yield every module of a room with every module that it imports."""
    for path in (Path(eμsym.__file__).parent / room).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                yield path.name, str(node.module)
            elif isinstance(node, ast.Import):
                yield from ((path.name, alias.name) for alias in node.names)


def test_the_analysis_prints_nothing_and_draws_nothing() -> None:
    forbidden = ("eμsym.plots", "eμsym.cli", "eμsym.papers", "matplotlib", "rich", "click")
    found = list(imported_by("analysis"))
    assert len(found) > 20
    assert not [(file, name) for file, name in found if name.startswith(forbidden)]


@pytest.mark.parametrize("asked", [None, "self"])
def test_a_correction_that_nobody_asked_for_ends_no_run(
    processed_sample: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None
) -> None:
    def fails(pair: eμsym.Pair, **options: object) -> Correction:
        raise DataError("the covariance of ln r is nonsense")

    monkeypatch.setattr(Correction, "of", fails)
    tests = Tests(equalisation=Equalisation(asked), signals=("hlfv_taue",), **QUICK)
    folder = ProcessedFolder(processed_sample)
    if asked is not None:
        with pytest.raises(DataError, match="nonsense"):
            analyse(folder, tests)
        return
    found = analyse(folder, tests)
    assert isinstance(found.correction, Problem)
    assert "nonsense" in str(found.correction.to_dict())
    assert found.source == "none"
    assert found.raw is None
