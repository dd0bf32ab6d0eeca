"""Jets: cuts, overlap with leptons and columns, against loops in plain Python."""

from __future__ import annotations

import math

import awkward as ak
import numpy as np
import pytest

from eμsym.errors import ConfigurationError
from eμsym.jets import JetCuts, delta_r, good_jets, jet_columns


def made_up(n: int = 300) -> tuple[ak.Array, list[ak.Array]]:
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 6, n)
    flat = {
        "PT": np.float32(rng.exponential(30.0, counts.sum())),
        "Eta": np.float32(rng.normal(0, 1.8, counts.sum())),
        "Phi": np.float32(rng.uniform(-np.pi, np.pi, counts.sum())),
        "BTag": rng.random(counts.sum()) < 0.3,
    }
    jets = ak.zip({name: ak.unflatten(values, counts) for name, values in flat.items()})
    leptons = [
        ak.zip({"Eta": rng.normal(0, 1, n), "Phi": rng.uniform(-np.pi, np.pi, n)}) for _ in range(2)
    ]
    return jets, leptons


def near(jet: dict[str, float], lepton: dict[str, float], radius: float) -> bool:
    dphi = math.remainder(jet["Phi"] - lepton["Phi"], 2 * math.pi)
    return math.hypot(jet["Eta"] - lepton["Eta"], dphi) < radius


@pytest.mark.parametrize("cuts", [JetCuts(), JetCuts(30.0, 4.5, 0.0), JetCuts(20.0, 1.0, 1.5)])
def test_columns_are_those_of_a_plain_loop(cuts: JetCuts) -> None:
    jets, leptons = made_up()
    found = jet_columns(good_jets(jets, leptons, cuts))
    lost = 0
    for i, event in enumerate(jets.to_list()):
        passing = [j for j in event if j["PT"] >= cuts.pt_min and abs(j["Eta"]) <= cuts.eta_max]
        kept = [j for j in passing if not any(near(j, x[i], cuts.overlap) for x in leptons)]
        lost += len(passing) - len(kept)
        kept.sort(key=lambda j: -j["PT"])
        assert found["n_jets"][i] == len(kept)
        assert found["n_bjets"][i] == sum(j["BTag"] for j in kept)
        assert found["ht"][i] == pytest.approx(sum(j["PT"] for j in kept))
        for k in (0, 1):
            for name in ("PT", "Eta"):
                value = found[f"jet{k + 1}_{name.lower()}"][i]
                if k < len(kept):
                    assert value == np.float32(kept[k][name])
                else:
                    assert np.isnan(value)
    assert (lost > 0) == (cuts.overlap > 0)
    assert (found["n_jets"] == 0).any()
    assert (found["n_jets"] > 1).any()


def test_the_angle_is_taken_around_the_circle() -> None:
    one = ak.zip({"Eta": [[0.0, 1.0]], "Phi": [[3.1, 3.1]]})
    other = ak.zip({"Eta": [0.0], "Phi": [-3.1]})
    assert delta_r(one, other).to_list()[0] == pytest.approx(
        [2 * math.pi - 6.2, math.hypot(1.0, 2 * math.pi - 6.2)]
    )


def test_without_tags_there_is_no_number_of_tagged_jets() -> None:
    jets = ak.zip({"PT": [[50.0], []], "Eta": [[0.0], []], "Phi": [[0.0], []]})
    assert "n_bjets" not in jet_columns(jets)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"pt_min": 0.0}, "jets.pt_min = 0.0"),
        ({"eta_max": math.inf}, "jets.eta_max = inf"),
        ({"overlap": -0.1}, "jets.overlap = -0.1"),
        ({"overlap": math.nan}, "jets.overlap = nan"),
    ],
)
def test_impossible_cuts(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        JetCuts(**arguments)
