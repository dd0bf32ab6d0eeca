"""Stored results of the SYM paper's studies: what is kept, and that the code gives it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import read_json, write_json
from eμsym.papers import sym_power, sym_studies
from eμsym.papers.catalogue import reproducible
from eμsym.papers.spline_power import ideal
from eμsym.papers.sym import RESULTS, STUDIES, read_pool, signal_events, studies_in
from eμsym.papers.sym_inputs import FIG1, FIG2, FIG9
from eμsym.papers.sym_overfit import SCHEMA as OVERFIT_SCHEMA
from eμsym.papers.sym_overfit import overfit_scores, overfit_to_dict, read_overfit
from eμsym.papers.sym_power import (
    BENCHMARKS,
    BRANCHING,
    HIGGS,
    RATIOS,
    SIGNALS,
    higgs_row,
)
from eμsym.papers.sym_results import (
    StoredStudy,
    portable_study,
    read_stored,
    store_study,
    stored_study,
)
from eμsym.running.toys import toy_statistics
from eμsym.studies import (
    Study,
    StudyTest,
    ToyRow,
    read_results,
    read_study,
    run_study,
)
from eμsym.studies.records import Work, run_toy
from eμsym.studies.row_sources import prepare
from eμsym.toy_model import ToyModel
from eμsym.unbinned.references import overfit_bound
from eμsym.unbinned.symmetrized import SymmetrizedTest

#: Every study of the paper.
NAMES = tuple(sorted(path.stem for path in STUDIES.glob("*.toml")))
STORED = tuple(name for name in NAMES if (RESULTS / f"{name}.json").is_file())
README = (RESULTS.parent / "README.md").read_text(encoding="utf-8")


def tiny(**options: object) -> Study:
    test = SymmetrizedTest(epochs=300)
    rows = (ToyRow("null", 5, 60.0, 80.0), ToyRow("signal", 3, 60.0, 80.0, "S3", 9.0))
    return Study("tiny", 7, (StudyTest("network", test, (15, 150)),), rows, **options)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores") / "tiny"
    run_study(tiny(), folder, workers=1)
    return folder


# What is kept of a store


def test_a_study_comes_back_as_it_was_stored(store, tmp_path):
    results = read_results(store)
    write_json(tmp_path / "tiny.json", store_study(results))
    stored = read_stored(tmp_path / "tiny.json")
    assert stored.study == tiny()
    assert stored.complete
    expected = toy_statistics(SymmetrizedTest(epochs=300), ToyModel(60, 80), 5, rng=7)
    np.testing.assert_allclose(stored.statistics("null"), expected, rtol=0, atol=5e-5)
    np.testing.assert_array_equal(stored.null("null").samples, stored.statistics("null"))
    assert stored.statistics("signal", "network").size == 3
    assert list(stored.epochs()) == [15, 150]
    at_epochs = stored.row("null").at_epochs
    np.testing.assert_allclose(at_epochs, results.at_epochs("null")[1], rtol=0, atol=5e-5)
    assert (stored.row("null").dof, stored.row("null").diverged) == (12, 0)
    assert stored.versions[0]["numpy"] == np.__version__
    assert stored.to_dict() == read_json(tmp_path / "tiny.json")
    for row, test in (("none", None), ("null", "spline")):
        with pytest.raises(ConfigurationError, match="has no row"):
            stored.row(row, test)


def test_of_a_study_done_in_part_the_first_toys_are_kept(tmp_path):
    """Jobs 0 and 2 of 3 leave out every third toy: nothing after the first gap counts."""
    study = Study("part", 3, tiny().tests, (ToyRow("null", 6, 60.0, 80.0),))
    for job in (0, 2):
        run_study(study, tmp_path / "part", workers=1, job=job, jobs=3)
    stored = stored_study(read_results(tmp_path / "part"))
    assert stored.statistics("null").size == 1
    assert not stored.complete
    assert stored.study.rows[0].toys == 6
    run_study(study, tmp_path / "part", workers=1)
    whole = stored_study(read_results(tmp_path / "part"))
    assert whole.complete
    assert whole.statistics("null")[0] == stored.statistics("null")[0]


def test_infinity_and_failures_are_told_apart(store, tmp_path):
    data = store_study(read_results(store))
    row = data["rows"][0]
    row["t"][1] = row["t"][3] = None
    row["failed"], row["diverged"] = [3], 1
    row["t_at_epochs"][1] = [2.0, None]
    write_json(tmp_path / "odd.json", data)
    stored = read_stored(tmp_path / "odd.json")
    assert np.isinf(stored.row("null").t[1])
    assert np.isnan(stored.row("null").t[3])
    assert stored.row("null").found.size == 4
    assert list(stored.row("null").at_epochs[1]) == [2.0, np.inf]
    assert np.all(np.isnan(stored.row("null").at_epochs[3]))
    data["rows"][0]["t_at_epochs"][3] = [None, None]
    assert stored.to_dict() == data
    empty = StoredStudy(stored.study, (), {}, stored.rows)
    assert empty.complete


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda data: data["rows"].pop(), "('signal', 'network') are missing"),
        (lambda data: data["rows"][0]["t"].pop(), "4 of 5 toys"),
        (lambda data: data["rows"][0]["t_at_epochs"].pop(), "4 of 5 toys"),
        (lambda data: data.pop("rows"), "KeyError"),
        (lambda data: data["study"]["rows"].clear(), "needs at least one"),
        (lambda data: data["rows"][0].update(test="other"), "KeyError"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(store, tmp_path, change, message):
    data = store_study(read_results(store))
    change(data)
    write_json(tmp_path / "bad.json", data)
    with pytest.raises(InputFileError) as refused:
        read_stored(tmp_path / "bad.json")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_another_file_is_refused(tmp_path):
    with pytest.raises(InputFileError, match="cannot be read"):
        read_stored(tmp_path / "none.json")
    write_json(tmp_path / "other.json", {"schema": "emusym/ddp"})
    for read in (read_stored, read_overfit):
        with pytest.raises(ConfigurationError, match="expected 'emusym/"):
            read(tmp_path / "other.json")


def test_paths_are_stored_without_their_folders():
    study = read_study(STUDIES / "higgs.toml")
    row = portable_study(study)["rows"][-1]
    assert (row["path"], row["signal_path"]) == ("emu_pool.parquet", "hlfv_taue_pool.parquet")
    assert str(STUDIES) not in json.dumps(portable_study(study))


# Overfit scores


def test_overfit_scores_are_of_the_toys_that_the_tests_have(tmp_path):
    study = tiny()
    seen = []

    def spy(a: object, b: object, **_: object) -> float:
        seen.append((np.array(a), np.array(b)))
        return 0.0

    toy_statistics(spy, ToyModel(60, 80), 3, rng=study.seed, workers=1)
    scores = overfit_scores(study, 3)
    assert list(scores) == [overfit_bound(a, b).t for a, b in seen]
    write_json(tmp_path / "overfit.json", overfit_to_dict(study, scores))
    np.testing.assert_allclose(read_overfit(tmp_path / "overfit.json"), scores, atol=5e-5)
    write_json(tmp_path / "bad.json", {"schema": OVERFIT_SCHEMA, "version": 1, "t": []})
    with pytest.raises(InputFileError, match="no scores"):
        read_overfit(tmp_path / "bad.json")
    with pytest.raises(ConfigurationError, match="of the toy model"):
        overfit_scores(read_study(STUDIES / "higgs.toml"), 2)


# The command that keeps them


def test_stores_are_kept_by_the_names_of_their_studies(tmp_path, monkeypatch, store):
    monkeypatch.setattr(sym_studies, "STUDIES", tmp_path)
    toml = (
        'name = "tiny"\nseed = 7\n[[tests]]\nname = "network"\nkind = "symmetrized"\n'
        "epochs = 300\nrecord_epochs = [15, 150]\n"
        '[[rows]]\nname = "null"\ntoys = 99\nsource = "toy"\nn_a = 60\nn_b = 80\n'
        '[[rows]]\nname = "signal"\ntoys = 3\nsource = "toy"\nn_a = 60\nn_b = 80\n'
        'signal = "S3"\nn_signal = 9\n'
    )
    (tmp_path / "tiny.toml").write_text(toml, encoding="utf-8")
    path = sym_studies.keep(store, tmp_path / "out")
    assert path == tmp_path / "out" / "tiny.json"
    assert read_stored(path).statistics("null").size == 5
    (tmp_path / "tiny.toml").write_text(toml.replace("seed = 7", "seed = 8"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is not of the study that"):
        sym_studies.keep(store, tmp_path / "out")
    with pytest.raises(ConfigurationError, match="name the stores"):
        sym_studies.main([])


# The studies that are stored


def test_every_study_is_stored_and_every_stored_one_is_a_study():
    assert set(NAMES) == set(studies_in(reproducible("sym-numbers").needs))
    assert {path.stem for path in RESULTS.glob("*.json")} == {*NAMES, "overfit"}


@pytest.mark.parametrize("name", STORED)
def test_what_is_stored_is_the_study_of_its_file(name):
    stored = read_stored(RESULTS / f"{name}.json")
    assert portable_study(stored.study) == portable_study(read_study(STUDIES / f"{name}.toml"))
    for (row, test), found in stored.rows.items():
        assert np.count_nonzero(np.isinf(found.t)) == found.diverged, (row, test)
        assert not np.any(np.isnan(found.t)), (row, test)
        assert found.dof == (13 if name.startswith("nplm_expected") else 12)
    if (RESULTS / "overfit.json").is_file() and name == "epochs":
        (row,) = stored.rows.values()
        scores = read_overfit(RESULTS / "overfit.json")
        assert scores.size == row.t.size
        np.testing.assert_allclose(overfit_scores(stored.study, 3), scores[:3], atol=1e-3)


@pytest.mark.parametrize("name", STORED)
def test_t_at_the_recorded_epochs_grows(name):
    """It is with the best parameters until then, which never get worse."""
    stored = read_stored(RESULTS / f"{name}.json")
    for found in stored.rows.values():
        if found.at_epochs.shape[1]:
            along = np.column_stack([found.at_epochs, found.t])
            # t is of all events, the others of what the training used.
            assert np.min(np.diff(along, axis=1)) > -0.05


#: Toys that cost a second each, from every kind of source and test.
AGAIN = (
    ("nulls", "1000 10000"),
    ("nplm", "2200 220000"),
    ("benchmarks", "5500 S3 160"),
    ("permutations", "5500 permuted 160"),
    ("higgs", "10 fb 4 %"),
)


@pytest.mark.slow
@pytest.mark.parametrize("name, row", [each for each in AGAIN if each[0] in STORED])
def test_the_first_toys_again(name, row):
    """The study's seeds give the stored t.

    To all digits on the same kind of processor; elsewhere rounding may differ, and a
    training that is just leaving a plateau takes that further. Half of the toys are
    within 0.02, of a t that spreads by 5.
    """
    stored = read_stored(RESULTS / f"{name}.json")
    prepared = prepare(read_study(STUDIES / f"{name}.toml"))
    names = tuple(each.name for each in prepared.study.rows)
    work = Work(prepared.study.tests, prepared.rows, names)
    again = [run_toy(work, (names.index(row), toy)) for toy in range(3)]
    for place, test in enumerate(prepared.study.tests):
        kept = stored.statistics(row, test.name)[:3]
        t = np.array([lines[place]["statistic"] for lines in again])
        same = (t == kept) | (np.abs(np.nan_to_num(t - kept, nan=np.inf)) < 0.02)
        assert np.count_nonzero(same) >= 2, (t, kept)


def test_the_rows_are_those_that_the_figures_look_for():
    rows = {name: {row.name for row in read_study(STUDIES / f"{name}.toml").rows} for name in NAMES}
    assert {*FIG2[0], *FIG2[1], *RATIOS, *(f"{n} {n}" for n in BENCHMARKS)} == rows["nulls"]
    assert set(FIG1) == rows["nplm"]
    assert {f"{r} {s} {z}" for r in RATIOS for s in SIGNALS for z in sym_power.IDEAL} == rows[
        "power"
    ]
    assert {higgs_row(x, br) for x in HIGGS for br in (0, *BRANCHING)} == rows["higgs"]
    assert {f"{n} S3 {signal}" for n, (signal, _) in BENCHMARKS.items()} <= rows["benchmarks"]
    for n, (signal, _) in BENCHMARKS.items():
        assert {f"{n} permuted 0", f"{n} permuted {signal}"} <= rows["permutations"]
    assert all(len(rows[name]) == 1 for name in (*FIG9, "epochs"))


def test_signals_have_the_ideal_significance_that_their_rows_say():
    for row in read_study(STUDIES / "power.toml").rows:
        _, _, signal, z = row.name.split()
        assert ideal(signal, row.n_a, row.n_signal) == pytest.approx(float(z), abs=0.005)
    for row in read_study(STUDIES / "benchmarks.toml").rows:
        if row.name.endswith(" 6"):
            assert ideal(row.signal, row.n_a, row.n_signal) == pytest.approx(6, abs=0.005)


def test_the_paper_s_sizes_are_in_the_studies():
    """2.2·10⁵ events at 20 fb⁻¹, 456 of the signal for 1 %; Fig. 2, 6 and 9 as their captions."""
    for row in read_study(STUDIES / "higgs.toml").rows:
        luminosity, _, branching, *_ = [*row.name.split(), "0"]
        assert row.n_a == row.n_b == pytest.approx(2.2e5 * int(luminosity) / 20)
        assert row.n_signal == pytest.approx(456 * int(branching) * int(luminosity) / 20)
    nulls = {row.name: row for row in read_study(STUDIES / "nulls.toml").rows}
    for panels, total in zip(FIG2, (2.2e5, 1e4), strict=True):
        sizes = [(nulls[name].n_a, nulls[name].n_b) for name in panels]
        assert sizes == [(total / 2, total / 2), (total / 10, total), (total / 100, total)]
    for name, shares in zip(FIG9, ((1 / 2, 1 / 2), (1 / 5, 4 / 5), (1 / 15, 4 / 5)), strict=True):
        (row,) = read_study(STUDIES / f"{name}.toml").rows
        assert (row.n_a, row.n_b) == pytest.approx([share * 2.2e5 for share in shares], abs=1)


def test_the_signal_pool_is_of_the_events_that_set_its_yield():
    """N = σ·L·BR·acceptance: 52.36 pb, 20 fb⁻¹, 1 %, τ → μ 17.39 %, 2274 of 12,000 selected."""
    assert len(read_pool("hlfv_taue_pool")) == 2274
    assert signal_events() == pytest.approx(52.36e3 * 20 * 0.01 * 0.1739 * 2274 / 12_000, rel=1e-3)


# Tables of the README


def test_tables_are_those_of_the_readme():
    nulls, benchmarks = (read_stored(RESULTS / f"{name}.json") for name in ("nulls", "benchmarks"))
    for table in (sym_studies.null_table(nulls), sym_studies.power_table(nulls, benchmarks)):
        assert "\n".join(table) in README
