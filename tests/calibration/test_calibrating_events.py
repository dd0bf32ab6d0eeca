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

import correctionlib
import numpy as np
import pytest
from correctionlib import schemav2
from hist.axis import Regular

from eμsym import EfficiencyRatio, Pair, read_correction, read_pair
from eμsym.calibration.correction_file import EVENTS, write_correction
from eμsym.cli import job
from eμsym.errors import DataError, InputFileError
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector
from tests.command_line import error_of, run

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
    monkeypatch.setattr(job, "save_figures", lambda *arguments: ([], []))


@pytest.fixture(scope="module")
def ztautau(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A processed and calibrated folder of one file: read only."""
    out = tmp_path_factory.mktemp("ztautau") / "out"
    assert run("process", sample / "ztautau.root", "-o", out) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "save_figures", lambda *arguments: ([], []))
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
    line = error_of(capsys, "test", folder, "--equalise", own, "--overwrite")
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
    own = out / "equalisation.json"
    line = error_of(capsys, "test", out, "--equalise", own, "--overwrite")
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
    assert "its events are known by file_id, entry, and the pair's by " in line
    assert "could not be checked" in line
    with pytest.raises(DataError, match="as all their values agree"):
        old.equalised(old.equalised().symmetry.correction)
