"""No correction is fitted to the events that it corrects, unless that is accounted for.

Which events a self-calibration was fitted to goes with it, in memory and in its file.
Toys say what that is for: Nσ's width is 0.6 or less where the events of the fit are
corrected by it as if it were of others, and 1 where they are others indeed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import awkward as ak
import correctionlib
import numpy as np
import pyarrow.parquet as pq
import pytest
from correctionlib import schemav2
from hist.axis import Regular

from eμsym import EfficiencyRatio, FairCoin, Pair, Pool, read_correction, read_pair, write_pair
from eμsym.analysis.correction import Equalisation
from eμsym.analysis.problem import Problem
from eμsym.calibration.correction_file import EVENTS, write_correction
from eμsym.calibration.event_list import EventList
from eμsym.cli import job
from eμsym.errors import ConfigurationError, DataError, InputFileError
from eμsym.exchange import LEPTONS, Exchange
from eμsym.label_rule import LEADING, LabelRule
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector
from tests.command_line import error_of, run

M_COLL = Regular(28, 30, 170, name="m_coll")
LEAD_PT = Regular(10, 15, 115, name="lead_pt")
QUICK = ("--permutations", "9", "--minimizer", "newton")
WINDOW = {"m_coll": (80.0, 140.0)}


def numbered(pair: Pair, file: int, first: int = 0) -> Pair:
    """Return a pair whose events are of a file, with their entries in it."""
    n = len(pair.pool)
    numbers = {"file_id": np.full(n, file, dtype=np.uint64), "entry": first + np.arange(n)}
    return replace(pair, events=pair.pool.with_columns(numbers))


def fitted(pair: Pair, **options: object) -> EfficiencyRatio:
    """Return the ratio of a self-calibration."""
    return pair.equalised(bins=BINS, **options).symmetry.correction  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pair() -> Pair:
    return numbered(ToyDetector(3000).draw(rng=1), 7)


# ---------------------------------------------------------------- lists of events


@pytest.mark.parametrize(
    "columns",
    [
        {"file_id": [2**63 + 5, 4, 4], "entry": [0, 2**40, 3]},
        {"run": [1, 1, 2], "luminosityBlock": [5, 6, 5], "event": [9, 9, 2**63 + 1]},
        {"runNumber": [3, 3, 3], "eventNumber": [8, 6, 7]},
        {"x": [0.5, np.nan, -0.0], "y": [1.0, 2.0, 3.0]},
        {"file_id": [], "entry": []},
    ],
    ids=["file", "run, block", "run", "values", "none"],
)
def test_a_list_says_the_same_after_it_was_text(columns) -> None:
    columns = {name: np.array(values) for name, values in columns.items()}
    pool = Pool.of_one(columns)
    events = EventList.of(pool)
    again = EventList.from_text(events.to_text())
    assert len(again) == len(pool)
    assert again.known_by == events.known_by == pool.known_by
    assert again.hold(pool).all()
    backwards = pool.where(np.arange(len(pool))[::-1])
    assert EventList.of(backwards).to_text() == events.to_text()
    if len(pool):
        assert again.hold(pool.where(slice(1, None))).all()
        one = EventList.from_text(EventList.of(pool.where(slice(0, 1))).to_text())
        assert one.hold(pool).tolist() == [True, False, False]


def test_events_of_two_files_or_runs_are_different_ones_though_their_numbers_agree() -> None:
    rng = np.random.default_rng(3)
    file, entry = rng.integers(1, 30, 5000).astype(np.uint64), rng.integers(0, 400, 5000)
    chosen = rng.random(5000) < 0.3
    pool = Pool.of_one({"file_id": file, "entry": entry})
    events = EventList.from_text(EventList.of(pool.where(chosen)).to_text())
    known = set(zip(file[chosen].tolist(), entry[chosen].tolist(), strict=True))
    pairs = zip(file.tolist(), entry.tolist(), strict=True)
    assert events.hold(pool).tolist() == [each in known for each in pairs]


def test_a_list_of_many_events_is_short() -> None:
    """A tenth of the entries of five files: about a byte an event; by fingerprints 8."""
    rng = np.random.default_rng(4)
    file = np.repeat(rng.integers(1, 2**63, 5), 20_000).astype(np.uint64)
    entry = np.concatenate([rng.choice(200_000, 20_000, replace=False) for _ in range(5)])
    text = EventList.of(Pool.of_one({"file_id": file, "entry": entry})).to_text()
    assert len(text) < 1.2 * file.size
    assert text.isascii()
    values = EventList.of(Pool.of_one({"x": rng.normal(size=100_000)})).to_text()
    assert len(values) < 8.5 * 100_000


def test_labels_are_no_part_of_what_an_event_is(pair) -> None:
    bare = ToyDetector(500).draw(rng=2)
    events = ak.with_field(bare.pool.events, bare.pool.labels, "electron_leads")
    labelled = Pair.from_events(events)
    drawn = labelled.relabelled(~labelled.pool.labels)
    assert EventList.of(labelled.pool).hold(drawn.pool).all()


def test_what_nothing_tells_apart_has_no_list() -> None:
    assert EventList.of(Pool.of_counts(b=[3, 2], a=[1, 2])) is None
    assert EventList.of(Pool.of_one({"weight": [1.0, 2.0]})) is None
    # File number 0 of all events is that of no file.
    unknown = Pool.of_one({"file_id": [0, 0], "entry": [1, 2], "x": [0.5, 0.7]})
    assert EventList.of(unknown).by_value


def damaged(text: str, **changes: object) -> str:
    return json.dumps({**json.loads(text), **changes})


def test_damaged_lists_are_refused() -> None:
    text = EventList.of(Pool.of_one({"file_id": [3, 3, 4], "entry": [1, 2, 3]})).to_text()
    data = json.loads(text)["data"]
    for wrong in (
        "hello",
        "[]",
        damaged(text, format="other"),
        damaged(text, version=2),
        damaged(text, events=4),
        damaged(text, events=-1),
        damaged(text, events=10**30),
        damaged(text, groups=1),
        damaged(text, known_by=None),
        damaged(text, data=data[:-8]),
        damaged(text, data="?" + data[1:]),
        damaged(text, data=data[:8] + "AAAA" + data[12:]),
        damaged(text, data=5),
    ):
        with pytest.raises(DataError, match="this is no list of events"):
            EventList.from_text(wrong)


# ---------------------------------------------------------------- kept in the file


def test_the_file_says_which_events_and_is_still_correctionlib_s(pair, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_correction(fitted(pair), path)
    text = path.read_text(encoding="utf-8")
    schemav2.CorrectionSet.model_validate_json(text)
    content = correctionlib.CorrectionSet.from_string(text)
    assert content[EVENTS].evaluate() == len(pair.pool)
    assert content["ratio_mu_e"].evaluate(20.0, 0.3) > 0
    assert read_correction(path).events.hold(pair.pool).all()
    assert len(text) < 20_000 + 2 * len(pair.pool)


def test_a_damaged_list_in_a_file_is_one_line(pair, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_correction(fitted(pair), path)
    content = json.loads(path.read_text(encoding="utf-8"))
    (item,) = (each for each in content["corrections"] if each["name"] == EVENTS)
    for description in (item["description"][:-40], None):
        item["description"] = description
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(InputFileError, match=r"r\.json: ratio_mu_e is not as it was") as error:
            pair.equalised(path)
        assert "\n" not in str(error.value)


# ---------------------------------------------------------------- refused, or said


def test_a_pair_is_not_corrected_by_what_was_fitted_to_it(pair, tmp_path: Path) -> None:
    ratio = fitted(pair)
    write_correction(ratio, tmp_path / "r.json")
    n = f"{len(pair.pool):,}"
    whole = f"{n} of the pair's {n} events are among the {n} that it was fitted to"
    with pytest.raises(DataError, match=f"^the correction given: {whole}"):
        pair.equalised(ratio)
    with pytest.raises(DataError, match=rf"r\.json: {whole}, .*; calibrate with 'self'"):
        pair.equalised(tmp_path / "r.json")
    # New labels, a change of the weights or of the order, a selection: the same events.
    drawn = pair.relabelled(~pair.pool.labels)
    part = replace(pair, events=pair.pool.where(np.arange(len(pair.pool)) % 3 == 0))
    for same in (drawn, part, Pair.from_columns(pair.b.events, pair.a.events)):
        with pytest.raises(DataError, match="that it was fitted to"):
            same.equalised(ratio)


def test_a_part_that_is_shared_is_seen_and_counted(pair) -> None:
    """File 7 has n events; the pair has n of file 8, and 100 of file 7 from entry n − 100 on."""
    n = len(pair.pool)
    other = numbered(ToyDetector(1000).draw(rng=3), 8)
    both = other + numbered(ToyDetector(500).draw(rng=4), 7, first=n - 100)
    total = f"{len(both.pool):,}"
    with pytest.raises(DataError, match=f"100 of the pair's {total} events are among the {n:,}"):
        both.equalised(fitted(pair))
    equal = other.equalised(fitted(pair))
    assert equal.symmetry.unchecked is None
    assert equal.symmetry.to_dict()["unchecked"] is None
    # A calibration from the other one knows of no event of the first.
    assert pair.equalised(fitted(other)).symmetry.unchecked is None


def test_events_of_an_excluded_window_are_none_of_the_fit(pair) -> None:
    values = pair.pool.column("m_coll")
    within = (values >= 80) & (values < 140)
    ratio = fitted(pair, exclude=WINDOW)
    assert len(ratio.events) == np.count_nonzero(~within)
    window = replace(pair, events=pair.pool.where(within))
    assert window.equalised(ratio).symmetry.unchecked is None
    with pytest.raises(DataError, match=f"^the correction given: {np.sum(~within):,} of the"):
        pair.equalised(ratio)
    # Of a control region the same holds.
    assert window.equalised(control=pair, exclude=WINDOW, bins=BINS).symmetry.unchecked is None
    with pytest.raises(DataError, match=f"^control: {len(window.pool):,} of the"):
        window.equalised(control=pair, bins=BINS)


def test_runs_and_events_are_compared_before_files() -> None:
    """Events that another file holds again, by their numbers in the experiment."""
    first = numbered(ToyDetector(1500).draw(rng=5), 1)
    n = len(first.pool)
    numbers = {"run": np.full(n, 300_000), "event": np.arange(n), "lumi": np.arange(n) // 50}
    first = replace(first, events=first.pool.with_columns(numbers))
    other_file = first.pool.with_columns({"file_id": np.full(n, 2, dtype=np.uint64)})
    with pytest.raises(DataError, match=f"{n:,} of the pair's"):
        replace(first, events=other_file).equalised(fitted(first))


def test_events_without_numbers_are_known_by_their_values() -> None:
    one, other = ToyDetector(1500).draw(rng=6), ToyDetector(1500).draw(rng=7)
    with pytest.raises(DataError, match=r"fitted to \(as all their values agree\), "):
        (one + other).equalised(fitted(one))
    assert other.equalised(fitted(one)).symmetry.unchecked is None


def test_what_cannot_be_checked_is_said(pair, tmp_path: Path) -> None:
    other = ToyDetector(1500).draw(rng=8)
    line = other.equalised(fitted(pair)).symmetry.unchecked
    assert line == (
        "the correction given: its events are known by file_id, entry, and the pair's by "
        "lead_eta, lead_pt, m_coll, sub_eta, sub_pt; that none of the pair's own events are "
        "among them could not be checked"
    )
    known = EfficiencyRatio(BINS, LOG_RATIO, np.zeros((10, 10)))
    path = tmp_path / "old.json"
    write_correction(known, path)
    assert EVENTS not in path.read_text(encoding="utf-8")
    symmetry = pair.equalised(path).symmetry
    assert symmetry.unchecked == (
        f"{path}: does not say which events it was fitted to; that none of the pair's own "
        "events are among them could not be checked"
    )
    assert symmetry.to_dict()["unchecked"] == symmetry.unchecked
    assert pair.equalised(bins=BINS).symmetry.unchecked is None


def test_the_events_of_the_fit_stay_with_a_draw_of_it(pair) -> None:
    equal = pair.equalised(bins=BINS)
    drawn = equal.relabelled(~pair.pool.labels)
    with pytest.raises(DataError, match="that it was fitted to"):
        pair.equalised(drawn.symmetry.correction)


# ---------------------------------------------------------------- of which rule


CHARGE = LabelRule(
    name="charge",
    ordered_by="Charge",
    orders=("ep_mum", "mup_em"),
    names=("e⁺μ⁻", "μ⁺e⁻"),
    exchange=replace(LEPTONS, label="electron_positive"),
)


def recorded(pair: Pair, rule: LabelRule) -> Pair:
    """Return the pair that a coffea run by that rule would give."""
    events = ak.with_field(pair.pool.events, pair.pool.labels, rule.column)
    output = {"columns": {"one": events}, "histograms": {}}
    return Pair.from_output(output, rule=rule)


def test_pairs_of_another_rule_are_refused(pair) -> None:
    other = recorded(pair, CHARGE)
    message = "labelled by the rule 'charge'.* the rule 'leading' alone; compare them without"
    for options in ({}, {"correction": EfficiencyRatio(BINS, LOG_RATIO, np.eye(10))}):
        with pytest.raises(ConfigurationError, match=message) as error:
            other.equalised(**options)
        assert "\n" not in str(error.value)
    with pytest.raises(ConfigurationError, match="'charge'"):
        pair.equalised(control=other)
    with pytest.raises(ConfigurationError, match="'charge'"):
        other.relabelled(~other.pool.labels).equalised()
    # By default such a pair stays as it is, and that is said; who asks gets an error.
    problem = Equalisation().apply(other)
    assert isinstance(problem, Problem)
    assert "rule 'charge'" in problem.reason
    with pytest.raises(ConfigurationError, match=r"'charge'.*; or give --equalise none"):
        Equalisation("self").apply(other)
    leading = recorded(pair, LEADING)
    assert leading.rule == LEADING
    assert leading.equalised(bins=BINS).symmetry.source == "self"


@pytest.mark.parametrize("ending", ["parquet", "root"])
def test_a_rule_stays_with_a_pair_that_is_written_or_added_to(
    pair, tmp_path: Path, ending: str
) -> None:
    for rule in (LEADING, CHARGE):
        write_pair(recorded(pair, rule), path := tmp_path / f"{rule.name}.{ending}")
        found = read_pair(path)
        assert (found.rule, found.names) == (rule, rule.names)
        assert found.symmetry == FairCoin(rule.exchange)
    with pytest.raises(ConfigurationError, match="'charge'"):
        read_pair(path).equalised()
    write_pair(pair, bare := tmp_path / f"bare.{ending}")
    assert read_pair(bare).rule is None
    one = recorded(pair, CHARGE)
    assert (one + one).rule == (one + replace(one, rule=None)).rule == CHARGE
    assert (replace(one, rule=None) + one).rule == CHARGE
    with pytest.raises(DataError, match="labelled by 'charge' and 'leading' are not added"):
        _ = one + replace(one, rule=LEADING)


def test_a_file_with_half_a_rule_is_one_line(pair, tmp_path: Path) -> None:
    write_pair(recorded(pair, CHARGE), tmp_path / "pair.parquet")
    table = pq.read_table(tmp_path / "pair.parquet")
    for note in ("{}", "leading", "[1"):
        notes = {**table.schema.metadata, b"emusym label rule": note.encode()}
        pq.write_table(table.replace_schema_metadata(notes), tmp_path / "half.parquet")
        with pytest.raises(InputFileError, match=r"half\.parquet: a part is missing or damaged"):
            read_pair(tmp_path / "half.parquet")


def test_an_exchange_of_other_things_is_refused_without_a_rule(pair) -> None:
    exchange = Exchange(flipped=("_eta",), label="forward")
    symmetry = FairCoin(exchange)
    with pytest.raises(ConfigurationError, match="the exchange of 'forward'"):
        replace(pair, symmetry=symmetry).equalised()
    # What a column of labels is called says nothing.
    called = FairCoin(replace(LEPTONS, label="is_emu"))
    assert replace(pair, symmetry=called).equalised(bins=BINS).symmetry.source == "self"
    assert pair.rule is None


# ---------------------------------------------------------------- toys


def nsigmas(n: int, *, shared: bool) -> np.ndarray:
    """Nσ of the leading pT of toys, corrected by a fit to a toy: the same one or another."""
    found = []
    for i in range(n):
        toy = ToyDetector(2500).draw(rng=[50, i])
        other = toy if shared else ToyDetector(2500).draw(rng=[51, i])
        ratio = other.equalised(bins=BINS).symmetry.correction
        if shared:
            with pytest.raises(DataError, match="that it was fitted to"):
                toy.equalised(ratio)
            ratio = replace(ratio, events=None)  # as if nobody knew
        equal = toy.equalised(ratio)
        assert (equal.symmetry.unchecked is not None) == shared
        found.append(equal.nsigma(LEAD_PT).z)
    return np.array(found)


def test_the_width_of_nsigma_is_one_of_disjoint_events_and_less_of_the_same() -> None:
    """150 toys: widths are known to 6 %."""
    disjoint, same = (nsigmas(150, shared=shared) for shared in (False, True))
    assert np.std(disjoint) == pytest.approx(1.0, abs=0.2)
    assert abs(np.mean(disjoint)) < 0.3
    assert np.std(same) < 0.7


# ---------------------------------------------------------------- commands


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures out, which take most of the time."""
    monkeypatch.setattr(job, "save_figure", lambda *arguments: [])


@pytest.fixture(scope="module")
def ztautau(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A processed and calibrated folder of one file: read only."""
    out = tmp_path_factory.mktemp("ztautau") / "out"
    assert run("process", sample / "ztautau.root", "-o", out) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "save_figure", lambda *arguments: [])
        assert run("test", out, "--equalise", "self", *QUICK) == 0
    return out


def processed(tmp_path: Path, *paths: Path, dataset: str = "other") -> tuple[Path, int]:
    """Process copies of files elsewhere, by other names; return the folder and its events."""
    copies = [Path(shutil.copy(path, tmp_path / f"copy of {path.name}")) for path in paths]
    out = tmp_path / "out"
    assert run("process", *copies, "-o", out, "--dataset", dataset) == 0
    return out, len(read_pair(out).pool)


def test_a_folder_s_own_file_is_refused(
    ztautau: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(ztautau, tmp_path / "results"))
    before = (folder / "results.json").read_bytes()
    own = folder / "equalisation.json"
    n = f"{len(read_pair(folder).pool):,}"
    line = error_of(capsys, "test", folder, "--equalise", own)
    assert line == (
        f"emusym: error: {own}: {n} of the pair's {n} events are among the {n} that it was fitted "
        "to, whose fluctuations it has taken up; calibrate with 'self' (--equalise self), or "
        "leave those events out of one of the two; or give --equalise none"
    )
    assert (folder / "results.json").read_bytes() == before


def test_the_same_file_by_another_name_and_dataset_is_refused(
    ztautau: Path, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, n = processed(tmp_path, sample / "ztautau.root")
    line = error_of(capsys, "test", out, "--equalise", ztautau / "equalisation.json")
    assert f"{n:,} of the pair's {n:,} events are among the {n:,} that it was fitted to" in line


def test_one_of_two_files_is_seen_and_others_are_free(
    ztautau: Path, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pair has a shared file and another; then the other alone, which is corrected."""
    both, n = processed(tmp_path, sample / "ztautau.root", sample / "ttbar.root")
    shared = len(read_pair(ztautau).pool)
    line = error_of(capsys, "test", both, "--equalise", ztautau / "equalisation.json")
    assert f": {shared:,} of the pair's {n:,} events are among the {shared:,} that" in line
    (tmp_path / "apart").mkdir()
    apart, _ = processed(tmp_path / "apart", sample / "ttbar.root", dataset="data")
    assert run("test", apart, "--equalise", ztautau / "equalisation.json", *QUICK) == 0
    tests = json.loads((apart / "results.json").read_text(encoding="utf-8"))["tests"]
    assert tests["equalisation"]["source"] == str(ztautau / "equalisation.json")
    assert tests["equalisation"]["unchecked"] is None


def test_a_window_left_out_may_be_corrected_by_the_rest(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, n = processed(tmp_path, sample / "ttbar.root")
    options = ("--equalise-exclude", "m_coll=80:140", *QUICK)
    assert run("test", out, "--equalise", "self", *options) == 0
    pair = read_pair(out)
    m_coll = pair.pool.column("m_coll")
    within = (m_coll >= 80) & (m_coll < 140)
    line = error_of(capsys, "test", out, "--equalise", out / "equalisation.json")
    assert f"{np.sum(~within):,} of the pair's {n:,} events" in line
    window = replace(pair, events=pair.pool.where(within))
    assert window.equalised(out / "equalisation.json").symmetry.unchecked is None


def test_a_folder_of_an_earlier_version_is_compared_by_values_or_it_is_said(
    ztautau: Path, tmp_path: Path
) -> None:
    """Its files were numbered by their datasets' names, 16 hexadecimal digits of BLAKE2b."""
    folder = Path(shutil.copytree(ztautau, tmp_path / "old"))
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    (file,) = content["inputs"]
    digest = hashlib.blake2b(f"{file['dataset']}\0{file['uuid']}".encode(), digest_size=8)
    file["file_id"] = digest.digest()[::-1].hex()
    (folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    old = read_pair(folder)
    assert "file_id" not in old.pool.fields
    line = old.equalised(ztautau / "equalisation.json").symmetry.unchecked
    assert "its events are known by file_id, entry, and the pair's by entry, lead_charge" in line
    with pytest.raises(DataError, match="as all their values agree"):
        old.equalised(old.equalised().symmetry.correction)
