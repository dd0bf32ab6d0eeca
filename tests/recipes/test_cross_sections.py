"""The table of cross sections: against the literature, measurements, Pythia, and the sample."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import numpy as np
import pytest
import pythia8mc

from eμsym.errors import ConfigurationError
from eμsym.files import read_json
from eμsym.recipes import embedded_fileset
from eμsym.recipes.chain_run import n_events_for
from eμsym.recipes.cross_sections import (
    CHAINS,
    TABLE,
    Chain,
    branching_ratio_of,
    cross_section,
    processes,
)

MADGRAPH_ONLY = {
    f"{name}_{production}"
    for name in ("hww", "htautau", "hlfv_taue", "hlfv_taumu")
    for production in ("ggf", "vbf")
} | {"wt"}
BOTH = {"ztautau", "ttbar", "ww", "wz", "zz"}
OTHERS = {"zll": "same_flavour", "wjets": "one_lepton"}
PYTHIA_ONLY = {"hww", "htautau", "hlfv_taue", "hlfv_taumu"}

# Total uncertainties: all printed components in quadrature.
MEASURED = [
    ("ttbar", 829.0, 15.4),  # ATLAS, arXiv:2303.15340
    ("ww", 117.6, 6.8),  # CMS, arXiv:2009.00119
    ("wz", 50.6, 2.1),  # CMS, arXiv:2110.11231, 60-120 GeV
    ("zz", 17.4, 0.8),  # CMS, arXiv:2009.01186, 60-120 GeV
    ("wt", 79.2, 8.1),  # CMS, arXiv:2208.00924
]


def leading_order_pb(*settings: str, points: int = 20_000) -> float:
    """Pythia's own cross section, hard process alone: 20,000 points give half a percent."""
    pythia = pythia8mc.Pythia("", False)
    common = ("Beams:eCM = 13000.", "Tune:pp = 21", "PartonLevel:all = off", "Print:quiet = on")
    for line in (*common, "Random:setSeed = on", "Random:seed = 5", *settings):
        assert pythia.readString(line), line
    assert pythia.init()
    for _ in range(points):
        pythia.next()
    return float(pythia.infoPython().sigmaGen()) * 1e9


def test_every_process_has_its_number_and_where_it_comes_from() -> None:
    assert set(processes("madgraph")) == BOTH | MADGRAPH_ONLY
    assert set(processes("pythia")) == BOTH | PYTHIA_ONLY
    for chain in CHAINS:
        for name in processes(chain):
            entry = cross_section(name, chain=chain)
            assert 0 < entry.uncertainty_pb < 0.1 * entry.value_pb
            assert re.search(r"arXiv:\d{4}\.\d{4,5}", entry.source), name
            assert entry.order
            assert (entry.role == "signal") == name.startswith("hlfv")
            assert 0 < entry.filtered_pb < entry.value_pb
            relative = entry.filtered_uncertainty_pb / entry.filtered_pb
            assert relative == pytest.approx(entry.uncertainty_pb / entry.value_pb)


def test_other_final_states_have_processes_of_their_own() -> None:
    assert set(processes(final_state=None)) == BOTH | PYTHIA_ONLY | OTHERS.keys()
    assert set(processes("madgraph", final_state=None)) == BOTH | MADGRAPH_ONLY
    for name, final_state in OTHERS.items():
        assert processes(final_state=final_state) == (name,)
        entry = cross_section(name)
        assert entry.final_state == final_state
        assert entry.filtered_pb == entry.value_pb
        assert "arXiv:1011.3540" in entry.source
    # CMS's list at 13 TeV, three flavours: 6077.22 and 61526.7 pb.
    assert cross_section("zll").value_pb == pytest.approx(6077.22 * 2 / 3, rel=1e-4)
    assert cross_section("wjets").value_pb == pytest.approx(61526.7 * 2 / 3, rel=1e-5)
    # Of one flavour, measured by ATLAS (arXiv:1603.09222): W⁺ 11,830, W⁻ 8,790 pb.
    error = np.hypot(320 + 240, 250 + 180)
    assert cross_section("wjets").value_pb / 2 == pytest.approx(11_830 + 8_790, abs=error)


@pytest.mark.parametrize("name", ["ztautau", "wz", "zz", "zll"])
def test_what_has_a_z_says_its_mass_window(name: str) -> None:
    for chain in CHAINS if name in BOTH else ("pythia",):
        entry = cross_section(name, chain=chain)
        assert re.search(r"> \d+ GeV|no .\*: no mass window", entry.definition)
        assert re.search(r"> \d+ GeV|no .\*", entry.generated)


@pytest.mark.parametrize(
    "name, chain, value",
    [
        ("ttbar", "pythia", 831.8),  # NNLO + NNLL, LHC Top Working Group (831.76)
        ("ztautau", "pythia", 2025.7),  # NNLO FEWZ, m > 50 GeV, a flavour (2025.74)
        ("ww", "pythia", 118.7),  # NNLO, arXiv:1408.5243
        ("wt", "madgraph", 71.7),  # arXiv:1311.0283
        ("hww_ggf", "madgraph", 48.58),  # Yellow Report 4
        ("hww_vbf", "madgraph", 3.78),  # Yellow Report 4 (3.782)
        ("hlfv_taue", "pythia", 48.58 + 3.78),
    ],
)
def test_values_of_the_literature(name: str, chain: Chain, value: float) -> None:
    assert cross_section(name, chain=chain).value_pb == pytest.approx(value, rel=1e-12)


def test_uncertainties_are_the_printed_components_in_quadrature() -> None:
    # Components as the sources print them, the larger side; relative where below 0.1.
    printed = {
        "ztautau": (0.02, 14.78),
        "ttbar": (29.20, 35.06, 23.18),
        "ww": (0.025,),
        "wz": (0.022,),
        "zz": (0.032,),
        "wt": (1.8, 3.4),
        "zll": (0.02, 29.56),
        "wjets": (331.4, 1541.8),
        "hww_ggf": (0.067, 0.032),
        "hww_vbf": (0.004, 0.021),
    }
    for name, parts in printed.items():
        entry = cross_section(name, chain="pythia" if name in OTHERS else "madgraph")
        in_pb = [part * entry.value_pb if part < 0.1 else part for part in parts]
        digits = len(str(entry.uncertainty_pb).partition(".")[2])
        assert entry.uncertainty_pb == round(float(np.linalg.norm(in_pb)), digits), name
    ratios = tomllib.loads(TABLE.read_text(encoding="utf-8"))["branching_ratios"]
    for name, parts in (("h_ww", (0.0099, 0.0099, 0.0066)), ("h_tautau", (0.0117, 0.0099, 0.0062))):
        found = ratios[name]["uncertainty"] / ratios[name]["value"]
        assert found == pytest.approx(np.linalg.norm(parts), rel=0.005), name


@pytest.mark.parametrize("name, measured, error", MEASURED)
def test_measurements_agree(name: str, measured: float, error: float) -> None:
    entry = cross_section(name, chain="madgraph")
    assert abs(entry.value_pb - measured) < 2 * np.hypot(error, entry.uncertainty_pb)


def test_z_mass_windows_with_pythia() -> None:
    z = ("WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 15")
    above_40, above_50, peak = (
        leading_order_pb(*z, f"PhaseSpace:mHatMin = {low}", *high)
        for low, high in ((40, ()), (50, ()), (60, ("PhaseSpace:mHatMax = 120",)))
    )
    for chain in CHAINS:
        entry = cross_section("ztautau", chain=chain)
        assert entry.phase_space == pytest.approx(above_40 / above_50, rel=0.01)
    # CMS's Z → two leptons for 60-120 GeV, arXiv:2408.03744: 1952 ± 4 ± 18 ± 45 pb.
    assert entry.value_pb * peak / above_50 == pytest.approx(1952, abs=2 * 49)


def test_virtual_photons_of_zz_with_pythia() -> None:
    zz = ("WeakDoubleBoson:ffbar2gmZgmZ = on", "23:onMode = off", "23:onIfAny = 11 13 15")
    with_photons = leading_order_pb(*zz, "23:mMin = 10.", points=8_000)
    without = leading_order_pb(*zz, "WeakZ0:gmZmode = 2", points=8_000)
    assert cross_section("zz").phase_space == pytest.approx(with_photons / without, rel=0.02)
    assert cross_section("zz", chain="madgraph").phase_space == 1


def test_branching_ratios() -> None:
    assert branching_ratio_of("tau_e") == 0.1782
    assert branching_ratio_of("tau_mu") == 0.1739
    assert branching_ratio_of("tau_lepton") == pytest.approx(0.3521, rel=1e-12)
    assert branching_ratio_of("w_lepton") == pytest.approx(0.3258, rel=1e-12)
    assert branching_ratio_of("z_lepton") == pytest.approx(0.101, rel=1e-3)
    assert cross_section("ttbar").branching_ratio == pytest.approx(0.3258**2)
    assert cross_section("wz").branching_ratio == pytest.approx(0.3258 * 3 * 0.033658)
    assert cross_section("ztautau").branching_ratio == pytest.approx(0.3521**2)


def test_signals_take_their_own_branching_ratio() -> None:
    one, ten = (cross_section("hlfv_taue", lfv_branching_ratio=br) for br in (0.01, 0.1))
    assert one == cross_section("hlfv_taue")
    assert ten.filtered_pb == pytest.approx(52.36 * 0.1 * 0.1739)
    assert ten.filtered_pb == pytest.approx(10 * one.filtered_pb)
    assert ten.lfv_branching_ratio == 0.1
    taumu = cross_section("hlfv_taumu", lfv_branching_ratio=0.1)
    assert taumu.filtered_pb == pytest.approx(52.36 * 0.1 * 0.1782)
    background = cross_section("ttbar", lfv_branching_ratio=0.1)
    assert background == cross_section("ttbar")
    assert background.lfv_branching_ratio is None


def test_both_ways_of_production_add_up() -> None:
    for name in PYTHIA_ONLY:
        parts = [cross_section(f"{name}_{how}", chain="madgraph") for how in ("ggf", "vbf")]
        whole = cross_section(name)
        assert whole.filtered_pb == pytest.approx(sum(part.filtered_pb for part in parts))
        assert whole.uncertainty_pb == pytest.approx(
            np.hypot(*(part.uncertainty_pb for part in parts))
        )
        assert "gluon" in whole.definition
        assert "vector-boson" in whole.definition


def test_the_embedded_sample_agrees_or_is_explained() -> None:
    # What the embedded sample was normalised with, over the table; its README says why.
    explained = {
        "ztautau": 1588 * 1.2 / (2025.7 * 1.051),  # leading order × 1.2, not NNLO
        "zz": 1 / 1.66,  # on-shell cross section for a sample with virtual photons
        "hww": 0.2152 / 0.2137,  # H → WW* of m_H = 125.09 GeV, not 125.0
    }
    for name, entry in read_json(embedded_fileset()).items():
        metadata = entry["metadata"]
        ours = cross_section(name, lfv_branching_ratio=metadata.get("branching_ratio", 0.01))
        ratio = metadata["cross_section_pb"] / ours.filtered_pb
        # The sample's numbers have three digits.
        assert ratio == pytest.approx(explained.get(name, 1), rel=0.011), name
        assert metadata["role"] == ours.role


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("ttbat", {}, r"'ttbat': no such process with pythia; choose one of ztautau, ttbar, .*mu$"),
        ("wt", {}, r"'wt': no such process with pythia; there is one with madgraph; choose"),
        ("hww", {"chain": "madgraph"}, r"there is one with pythia; choose one of .* hww_ggf,"),
        ("hlfv_taue", {"lfv_branching_ratio": 0}, r"branching ratio 0 of H→τe or H→τμ"),
        ("hlfv_taue", {"lfv_branching_ratio": 1.5}, r"branching ratio 1\.5 .* up to 1$"),
    ],
)
def test_what_is_not_there_is_one_line(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        cross_section(name, **options)
    assert "\n" not in str(caught.value)


def test_to_dict_is_json() -> None:
    import json

    entry = json.loads(json.dumps(cross_section("zz").to_dict()))
    assert entry["decays"] == ["z_lepton", "z_lepton"]
    assert entry["filtered_pb"] == cross_section("zz").filtered_pb


def test_the_table_of_the_readme_is_this_table() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (TABLE.parent / "README.md").read_text(encoding="utf-8").splitlines()
        if re.match(r"\| \w+ \| [\d.]+ \|", line)
    ]
    backgrounds = [name for name in processes("madgraph") if not name.startswith("hlfv")]
    assert [row[0] for row in rows] == backgrounds
    for name, value, _, filtered, for_20, for_40 in rows:
        entry = cross_section(name, chain="madgraph")
        assert float(value) == entry.value_pb
        assert float(filtered.split()[0]) == pytest.approx(entry.filtered_pb, rel=5e-4)
        for text, luminosity in ((for_20, 20), (for_40, 40)):
            assert int(text.replace(",", "")) == n_events_for(name, luminosity, "madgraph")
