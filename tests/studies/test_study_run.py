"""Studies that are run: the same toys for any workers, on Dask, and through any kill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from eμsym import workers
from eμsym.distributions import Null
from eμsym.engines.interface import checkpoints
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from eμsym.running import loop
from eμsym.running.toys import toy_statistics
from eμsym.studies import (
    PairRow,
    Study,
    StudyTest,
    ToyRow,
    read_results,
    run_study,
)
from eμsym.studies.records import Work, run_toy
from eμsym.studies.row_sources import RowSource
from eμsym.toy_model import ToyModel
from eμsym.unbinned.nplm import NPLMTest
from eμsym.unbinned.spline import SplineScan, SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest
from tests.studies.toy_studies import SLOW, finished, toys_of

NETWORK = SymmetrizedTest(epochs=200)
SPLINE = SplineTest(6)
ROWS = (
    ToyRow("null", 40, 150, 120),
    ToyRow("S3", 15, 150, 120, "S3", 30),
    PairRow("permuted", 20, "permutation", of="S3", toy=4),
)
BOTH = Study("both", 11, (StudyTest("network", NETWORK), StudyTest("spline", SPLINE)), ROWS)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return finished(BOTH, tmp_path_factory.mktemp("both") / "store")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return finished(SLOW, tmp_path_factory.mktemp("slow") / "store")


# The same toys


def test_a_study_s_t_is_that_of_toy_statistics(tmp_path: Path) -> None:
    results = run_study(BOTH, tmp_path / "store", workers=1)
    models = {"null": ToyModel(150, 120), "S3": ToyModel(150, 120, "S3", 30)}
    for row, model in models.items():
        for name, test in (("network", NETWORK), ("spline", SPLINE)):
            expected = toy_statistics(test, model, 15, rng=11, workers=1)
            assert np.array_equal(results.statistics(row, name)[:15], expected)
    null = results.null("null", "spline")
    assert isinstance(null, Null)
    assert null.samples.size == 40


@pytest.mark.parametrize("options", [{"workers": 2}, {"workers": 2, "dask": "local"}], ids=str)
def test_workers_change_nothing(tmp_path: Path, both: bytes, options: dict[str, Any]) -> None:
    assert run_study(BOTH, tmp_path / "store", **options).complete
    assert toys_of(tmp_path / "store") == both


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 4},
        pytest.param({"workers": 4, "dask": "local"}, marks=pytest.mark.slow),
        {"dask": "tcp"},
    ],
    ids=str,
)
def test_numbers_of_workers_change_nothing(
    tmp_path: Path, slow: bytes, options: dict[str, Any]
) -> None:
    if options.get("dask") == "tcp":
        with one_worker() as address:
            run_study(SLOW, tmp_path / "store", dask=address)
    else:
        run_study(SLOW, tmp_path / "store", **options)
    assert toys_of(tmp_path / "store") == slow


@contextmanager
def one_worker() -> Iterator[str]:
    """Give the address of a scheduler with one worker, a thread of this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.parametrize("options", [{"workers": 2}, {}])
def test_threads_change_nothing(
    tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that release the GIL run in threads; by default after a while alone."""
    study = Study("network", 11, (StudyTest("network", NETWORK),), ROWS)
    one = run_study(study, tmp_path / "one", workers=1)
    monkeypatch.setattr(loop, "ALONE_SECONDS", 0.01)
    monkeypatch.setattr(workers, "cores", lambda: 2)
    assert run_study(study, tmp_path / "more", **options).table.equals(one.table)
    assert toys_of(tmp_path / "more") == toys_of(tmp_path / "one")


def test_array_jobs_share_the_toys(tmp_path: Path, both: bytes) -> None:
    done = []
    for job in (2, 0, 1):
        results = run_study(BOTH, tmp_path / "store", workers=1, job=job, jobs=3)
        done.append(results.done)
    assert done == [25, 50, 75]
    assert results.complete
    assert toys_of(tmp_path / "store") == both
    for options in ({"job": 3, "jobs": 3}, {"job": -1}, {"jobs": 0}, {"workers": 0}):
        with pytest.raises(ConfigurationError, match="give"):
            run_study(BOTH, tmp_path / "store", **options)


# What is kept of a toy


def test_scans_have_no_more_than_their_statistic(tmp_path: Path) -> None:
    study = Study("scan", 1, (StudyTest("scan", SplineScan((5, 8))),), (ToyRow("n", 5, 90, 90),))
    results = run_study(study, tmp_path / "store", workers=1)
    expected = toy_statistics(SplineScan((5, 8)), ToyModel(90, 90), 5, rng=1, workers=1)
    assert np.array_equal(results.statistics(), expected)
    assert results.summary()[0]["dof"] is None
    assert np.all(np.isnan(results.column("t_a")))


def test_t_at_epochs_is_that_of_shorter_trainings(tmp_path: Path) -> None:
    """So few events that all are used: the same path, however far it goes.

    After e epochs a training has seen the losses of what e − 1 steps lead to; the
    shorter one looks at where its last step leads as well.
    """
    epochs = checkpoints(600)[1::6]
    test = SymmetrizedTest(epochs=600, learning_rate=0.01)
    rows = (ToyRow("null", 4, 80, 60),)
    study = Study("epochs", 2, (StudyTest("network", test, tuple(epochs)),), rows)
    recorded, t = run_study(study, tmp_path / "store", workers=1).at_epochs()
    assert recorded == tuple(epochs)
    assert t.shape == (4, len(epochs))
    for i, epoch in enumerate(epochs[:-1]):
        shorter = SymmetrizedTest(epochs=epoch - 1, learning_rate=0.01)
        expected = toy_statistics(shorter, ToyModel(80, 60), 4, rng=2, workers=1)
        assert t[:, i] == pytest.approx(expected, rel=1e-9)
    results = read_results(tmp_path / "store")
    assert np.all(np.diff(t, axis=1) >= 0)
    assert t[:, -1] == pytest.approx(results.statistics(), rel=1e-12)
    assert results.column("t_a") + results.column("t_b") == pytest.approx(results.statistics())
    p = np.exp(results.column("chi2_log_pvalue"))
    assert p == pytest.approx(chi2.sf(results.statistics(), 12))
    spline = Study("spline", 2, (StudyTest("spline", SPLINE),), rows)
    with pytest.raises(ConfigurationError, match="test 'spline' has no record_epochs"):
        run_study(spline, tmp_path / "spline", workers=1).at_epochs()


def test_repeated_pairs_differ_in_their_initial_parameters_alone(tmp_path: Path) -> None:
    rows = (ToyRow("toys", 2, 150, 120), PairRow("again", 5, "repeat", of="toys", toy=1))
    study = Study("again", 2, (StudyTest("n", NETWORK), StudyTest("s", SPLINE)), rows)
    results = run_study(study, tmp_path / "store", workers=1)
    assert np.unique(results.statistics("again", "s")).size == 1
    assert np.unique(results.statistics("again", "n")).size == 5
    assert results.statistics("again", "n")[1] == results.statistics("toys", "n")[1]


def test_failures_are_kept_and_the_others_go_on(tmp_path: Path) -> None:
    """Some twelve events do not always have 12 distinct values for 12 spline functions."""
    tests = (StudyTest("spline", SplineTest(12)), StudyTest("small", SplineTest(5)))
    study = Study("failing", 1, tests, (ToyRow("null", 24, 6, 6),))
    results = run_study(study, tmp_path / "store", workers=1)
    t = results.statistics("null", "spline")
    n = results.column("n_a", "null", "spline") + results.column("n_b", "null", "spline")
    assert np.array_equal(np.isnan(t), n < 12)
    assert 3 < np.isnan(t).sum() < 21
    assert np.all(np.isfinite(results.statistics("null", "small")))
    summary = results.summary()
    assert [line["failed"] for line in summary] == [np.isnan(t).sum(), 0]
    assert summary[0]["done"] == 24
    (problem,) = {p[:20] for p in results.select("null", "spline")["problem"].to_pylist() if p}
    assert problem == "12 spline functions "
    with pytest.raises(DataError, match="NaN"):
        results.null("null", "spline")
    before = toys_of(tmp_path / "store")
    run_study(study, tmp_path / "store", workers=1)
    assert toys_of(tmp_path / "store") == before


def test_a_diverged_training_is_a_result(tmp_path: Path) -> None:
    """One event of A lies where B has none."""
    test = NPLMTest(epochs=3000, learning_rate=0.5)
    study = Study(
        "diverging",
        3,
        (StudyTest("nplm", test, (150, 3000)),),
        (ToyRow("null", 8, 300, 20, "S1", 10),),
    )
    results = run_study(study, tmp_path / "store", workers=1)
    t = results.statistics()
    diverged = results.column("diverged")
    assert np.array_equal(np.isinf(t), diverged == 1)
    assert diverged.sum() > 0
    assert results.summary()[0]["diverged"] == diverged.sum()
    assert np.all(np.isinf(results.at_epochs()[1][diverged == 1, 1]))


@dataclass(frozen=True)
class Refusing:
    """A source that has no pair for some seeds."""

    def draw(self, rng: Any = None) -> Pair:
        raise DataError("no pair")


def test_a_pair_that_cannot_be_drawn_is_a_failure_of_every_test() -> None:
    work = Work(BOTH.tests, (RowSource(Refusing(), "x", 1.0, 1),), ("row",))
    assert [(r["test"], r["problem"]) for r in run_toy(work, (0, 3))] == [
        ("network", "no pair"),
        ("spline", "no pair"),
    ]


def test_what_is_asked_of_results(both: bytes, tmp_path: Path) -> None:
    results = run_study(BOTH, tmp_path / "store", workers=1)
    for row, test in ((None, "spline"), ("null", None), ("nobody", "spline"), ("null", "x")):
        with pytest.raises(ConfigurationError, match="name one of"):
            results.statistics(row, test)
    t = results.statistics("null", "spline")
    line = results.summary()[1]
    assert (line["row"], line["test"], line["toys"], line["dof"]) == ("null", "spline", 40, 5)
    assert line["quantiles"][0] == np.sort(t)[19]  # the 20th of 40
    assert line["chi2_quantiles"] == pytest.approx(chi2(5).ppf([0.5, 0.16, 0.84, 0.95]))


def test_what_a_machine_lacks_is_no_failure_of_a_toy(tmp_path: Path) -> None:
    """It would be kept for ever."""
    test = SymmetrizedTest(epochs=10, engine="nodes", hidden=(3, 3))
    study = Study("lacking", 1, (StudyTest("network", test),), (ToyRow("null", 3, 50, 50),))
    with pytest.raises(ConfigurationError, match="engine 'nodes' trains one hidden layer"):
        run_study(study, tmp_path / "store", workers=1)
    assert read_results(tmp_path / "store").done == 0


def test_the_bar_counts_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Study("failing", 1, (StudyTest("s", SplineTest(12)),), (ToyRow("null", 10, 3, 3),))
    run_study(study, tmp_path / "quiet", workers=1)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(loop, "BAR_AFTER_SECONDS", -1.0)
    results = run_study(study, tmp_path / "store", workers=1, progress=True)
    out, err = capsys.readouterr()
    assert not out
    assert "10/10" in err
    assert f"{results.summary()[0]['failed']} failed" in err
