"""Datasets of the role fake: what a fileset must say, how they are scaled, what is printed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eμsym import read_pair
from eμsym.analysis.analyse import analyse
from eμsym.analysis.correction import Equalisation
from eμsym.analysis.limit_options import LimitOptions
from eμsym.analysis.limits import folder_limits
from eμsym.analysis.options import Tests
from eμsym.cli import main
from eμsym.errors import ConfigurationError, DataError, EmusymError
from eμsym.folder import ProcessedFolder
from eμsym.processors import EMuConfig
from eμsym.processors.control_cuts import control_cuts
from eμsym.processors.fileset import Dataset, Metadata, read_fileset
from eμsym.processors.normalisation import normalise, pair_datasets
from eμsym.processors.runner import FileAccount, Processed, process
from eμsym.selection import ControlCuts, Cuts
from tests.delphes_file import event, jet, lepton

LOOSE = {"role": "fake", "transfer_factor": 0.2, "transfer_factor_error": 0.02}
PROMPT = {"role": "fake_prompt", "subtracted_from": "loose", "luminosity_ifb": 100.0}
ANTI_ISOLATED = {"electron_isolation_min": 0.15, "electron_isolation": 1.0}


def datasets(**metadata: Any) -> tuple[Dataset, ...]:
    return tuple(
        Dataset(name, {f"{name}.root": "T"}, Metadata(**about)) for name, about in metadata.items()
    )


def test_data_and_fakes_are_the_pair() -> None:
    given = datasets(mc={}, run={"role": "data"}, loose=LOOSE, prompt=PROMPT)
    assert pair_datasets(given) == ("run", "loose", "prompt")
    assert pair_datasets(given, ("run",)) == ("run",)
    assert pair_datasets(datasets(mc={}, loose=LOOSE)) == ("mc", "loose")


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"loose": LOOSE}, "dataset loose: there are no data beside the fakes"),
        ({"run": {}, "loose": {"role": "fake"}}, "'loose': has the role 'fake' and no transfer_fa"),
        (
            {"run": {}, "loose": {"role": "fake", "transfer_factor": 0.2}},
            "no transfer_factor_error; give both",
        ),
        (
            {"run": {}, "loose": {**LOOSE, "transfer_factor_error": 0.15}},
            r"transfer_factor 0\.2 ± 0\.15: an error of at most 0\.5 of it",
        ),
        ({"run": {**LOOSE, "role": "data"}}, "'run': has a transfer factor and the role 'data'"),
        ({"run": {}, "p": PROMPT}, r"'p': subtracted_from = 'loose'; name the dataset .* \(none\)"),
        (
            {"run": {"subtracted_from": "loose"}, "loose": LOOSE},
            "'run': has subtracted_from and the role 'background'",
        ),
        ({"run": {"cuts": {"pt_min": 20.0}}}, "'run': has cuts of its own and the role"),
    ],
)
def test_what_is_not_whole_is_one_line(metadata: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        pair_datasets(datasets(**metadata))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({**LOOSE, "transfer_factor": 0}, r"metadata\.transfer_factor = 0"),
        ({**LOOSE, "transfer_factor_error": -1}, r"metadata\.transfer_factor_error = -1"),
        ({**LOOSE, "cuts": {"pt": 10}}, "no cut 'pt'; there are pt_min"),
        ({**LOOSE, "cuts": {"pt_min": "10"}}, r"cuts\.pt_min = '10': must be a number"),
        ({**LOOSE, "cuts": {"opposite_charge": 1}}, "must be true or false"),
        (
            {**LOOSE, "cuts": {"electron_isolation_min": 0.15}},
            r"electron_isolation_min = 0\.15: must not be negative, and below electron_iso",
        ),
    ],
)
def test_a_fileset_says_what_is_wrong(tmp_path: Path, metadata: dict[str, Any], says: str) -> None:
    (tmp_path / "a.root").touch()
    content = {"loose": {"files": {"a.root": "Delphes"}, "metadata": metadata}}
    (tmp_path / "f.json").write_text(json.dumps(content))
    with pytest.raises(EmusymError, match=says) as caught:
        read_fileset([tmp_path / "f.json"])
    assert "\n" not in str(caught.value)


def test_cuts_of_a_control_sample_are_the_configuration_s_with_its_own() -> None:
    found = control_cuts(Cuts(pt_min=20.0), ANTI_ISOLATED)
    assert found == ControlCuts(
        pt_min=20.0, electron_isolation=1.0, electron_isolation_min=0.15, muon_isolation_min=0.0
    )
    assert found.isolation_min == (0.15, 0.0)
    assert Cuts().isolation_min == (-math.inf, -math.inf)


@pytest.mark.parametrize("symmetry", ["leading", "charge", "flavour", "lepton_jet"])
def test_control_cuts_hold_in_every_final_state(
    delphes_file: Callable[..., Path], symmetry: str
) -> None:
    muon = lepton(30.0, 1)
    events = []
    for isolation in (0.01, 0.14, 0.15, 0.4, 0.99, 1.0):
        first, second = (lepton(pt, -1, IsolationVar=isolation, Phi=2.5) for pt in (40.0, 20.0))
        of = {"flavour": [first, {**second, "Charge": 1}]}
        alone = symmetry in ("flavour", "lepton_jet")
        made = event(of.get(symmetry, [first]), [] if alone else [muon])
        events.append({**made, "Jet": [jet(50.0, -1.0, -2.0)]})
    path = str(delphes_file(events))
    loose = Dataset("loose", {path: "Delphes"}, Metadata(**LOOSE, cuts=ANTI_ISOLATED))
    tight = Dataset("tight", {path: "Delphes"})
    found = process((tight, loose), EMuConfig(symmetry=symmetry), workers=1)
    assert found.events("tight").entry.to_list() == [0, 1]
    assert found.events("loose").entry.to_list() == [2, 3, 4]


def test_scales_of_fakes_and_of_prompt_events_among_them() -> None:
    given = datasets(run={"role": "data"}, loose=LOOSE, prompt=PROMPT)
    files = tuple(
        FileAccount(d.name, f"{d.name}.root", "T", "", 0, 100, 100, 100, ()) for d in given
    )
    processed = Processed(given, files, {}, {}, {d.name: [] for d in given})
    found = normalise(processed, luminosity_ifb=10.0)
    # τ, and τ L/L_simulated with the other sign.
    assert found["run"].scale == 1.0
    assert found["loose"].scale == pytest.approx(-0.2)
    assert found["prompt"].scale == pytest.approx(0.2 * 10 / 100)
    assert found["loose"].luminosity_ifb is None
    with pytest.raises(ConfigurationError, match=r"'prompt': prompt events .* give --luminosity"):
        normalise(processed)


@pytest.fixture
def fileset(delphes_file: Callable[..., Path], tmp_path: Path) -> Path:
    """Data, control events of which some are isolated, and simulated prompt ones."""
    rng = np.random.default_rng(1)

    def events(n_a: int, n_b: int, isolation: float = 0.01) -> list[dict[str, Any]]:
        made = []
        for i in range(n_a + n_b):
            sub = 16 + rng.exponential(20)
            pt = (sub + rng.exponential(20) + 1, sub)
            e, mu = pt if i < n_a else pt[::-1]
            electron = lepton(e, -1, Eta=rng.uniform(-2, 2), IsolationVar=isolation)
            muon = lepton(mu, 1, Eta=rng.uniform(-2, 2), Phi=rng.uniform(1, 3))
            made.append(event([electron], [muon], met=rng.exponential(30)))
        return made

    delphes_file(events(400, 460), "run.root")
    delphes_file(events(100, 400, 0.4) + events(50, 50), "loose.root")
    delphes_file(events(200, 100, 0.4), "prompt.root")
    content = {
        "run": {"files": {"run.root": "Delphes"}, "metadata": {"role": "data"}},
        "loose": {
            "files": {"loose.root": "Delphes"},
            "metadata": {**LOOSE, "cuts": ANTI_ISOLATED},
        },
        "prompt": {
            "files": {"prompt.root": "Delphes"},
            "metadata": {**PROMPT, "cuts": ANTI_ISOLATED},
        },
    }
    path = tmp_path / "fileset.json"
    path.write_text(json.dumps(content))
    return path


# τ (100 − 0.1 · 200) and τ (400 − 0.1 · 100); errors τ √(100 + 2) ⊕ δτ · 80, and so on.
SUBTRACTED = (
    (16.0, math.hypot(0.2 * math.sqrt(102), 1.6)),
    (78.0, math.hypot(0.2 * math.sqrt(401), 7.8)),
)


def test_an_analysis_knows_what_was_subtracted(fileset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    main(["process", str(fileset), "-o", str(out), "--luminosity", "10"])
    tests = Tests(
        permutations=9, max_permutations=9, minimizer="newton", equalisation=Equalisation("none")
    )
    analysis = analyse(ProcessedFolder(out), tests)
    found = analysis.to_dict()
    for order, side, n, (fakes, error) in zip(
        ("emu", "mue"), ("a", "b"), (400, 460), SUBTRACTED, strict=True
    ):
        assert found["yields"][order]["sumw"] == pytest.approx(n - fakes)
        source = found["fakes"]["sources"]["loose"]
        assert source[side] == pytest.approx(fakes)
        assert source[f"error_{side}"] == pytest.approx(error)
        assert found["fakes"]["data"][side] == n
    assert all("problem" not in fit for fit in found["q0"].values())
    assert not found["global"]["left_out"]
    pair = read_pair(out)
    assert pair.symmetry.fake_errors == pytest.approx((0.1,))
    assert pair.counted.pool.n_a == 400
    a, b = pair.hist("lead_pt")
    assert a.sum(flow=True).value == pytest.approx(384)
    assert b.sum(flow=True).value == pytest.approx(382)
    raw = analyse(ProcessedFolder(out), replace(tests, pair=("run",)))
    assert raw.fakes is None
    assert (
        "the fakes that dataset loose estimates are not subtracted: it was not chosen" in raw.notes
    )
    options = LimitOptions(equalisation=Equalisation("none"), luminosities=())
    limits = folder_limits(ProcessedFolder(out), options).signals
    with_fakes = next(iter(limits.values())).region
    assert with_fakes is not None
    assert with_fakes.fakes is not None
    without = folder_limits(ProcessedFolder(out), replace(options, pair=("run",))).signals
    assert without[next(iter(limits))].region.fakes is None  # type: ignore[union-attr]
    with pytest.raises(ConfigurationError, match="no data beside the fakes; choose the data too"):
        read_pair(out, datasets=("loose", "prompt"))
    with pytest.raises(ConfigurationError, match="'prompt' is taken off 'loose', which is not"):
        read_pair(out, datasets=("run", "prompt"))


def test_fakes_are_subtracted_in_a_region(fileset: Path, tmp_path: Path) -> None:
    config, out = tmp_path / "c.toml", tmp_path / "out"
    region = "[[processor.regions]]\nname = '{}'\nwhere = '{}'\n"
    config.write_text(region.format("soft", "lead_pt < 60") + region.format("none", "met < 0"))
    main(["process", str(fileset), "-c", str(config), "-o", str(out), "--luminosity", "10"])
    whole, part = read_pair(out), read_pair(out, region="soft")
    chosen = whole.pool.columns["lead_pt"] < 60
    assert 0 < chosen.sum() < len(chosen)
    for k in (0, 1, -1):
        source = whole.pool.fake == k
        weight = whole.pool.weight[chosen & source]
        assert part.pool.weight[part.pool.fake == k].sum() == pytest.approx(weight.sum())
    a, b = part.hist("lead_pt")
    assert a.sum(flow=True).value + b.sum(flow=True).value == pytest.approx(
        whole.pool.weight[chosen].sum()
    )
    tests = Tests(
        permutations=9, max_permutations=9, minimizer="newton", equalisation=Equalisation("none")
    )
    found = analyse(ProcessedFolder(out), replace(tests, region="soft")).to_dict()
    assert found["region"] == "soft"
    data = chosen & (whole.pool.fake == 0)
    assert sum(found["fakes"]["data"].values()) == data.sum()
    fakes = sum(found["fakes"]["sources"]["loose"][side] for side in "ab")
    assert fakes == pytest.approx(-whole.pool.weight[chosen & (whole.pool.fake != 0)].sum())
    yields = sum(found["yields"][order]["sumw"] for order in ("emu", "mue"))
    assert yields == pytest.approx(data.sum() - fakes)
    assert not len(read_pair(out, region="none").pool)


@pytest.mark.slow
def test_a_run_says_what_was_subtracted(
    fileset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--luminosity", "10", "--permutations", "9", "--minimizer", "newton"]
    main(["run", str(fileset), "-o", str(tmp_path / "out"), *options])
    printed = " ".join(capsys.readouterr().out.split())
    shown = ", ".join(
        f"{name} {n:.1f} ± {error:.1f}"
        for name, (n, error) in zip(("eμ", "μe"), SUBTRACTED, strict=True)
    )
    assert f"Fakes subtracted by loose, τ = 0.2 ± 0.02: {shown}" in printed
    assert "Data with the fakes in them: eμ 400, μe 460" in printed


def test_more_prompt_events_than_fakes_are_one_line(fileset: Path, tmp_path: Path) -> None:
    main(["process", str(fileset), "-o", str(tmp_path / "out"), "--luminosity", "1000"])
    with pytest.raises(DataError, match="fakes of loose: the prompt events taken off") as caught:
        read_pair(tmp_path / "out")
    assert "\n" not in str(caught.value)
