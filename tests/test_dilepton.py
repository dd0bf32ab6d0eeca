"""Observables of two leptons, against the package vector's four-vectors."""

from __future__ import annotations

import awkward as ak
import numpy as np
import vector

from eμsym.dilepton import azimuth_between, dilepton_columns, transverse_mass


def leptons(rng: np.random.Generator, n: int = 500) -> tuple[ak.Array, vector.MomentumNumpy4D]:
    values = {
        "pt": rng.uniform(15, 300, n),
        "eta": rng.uniform(-2.5, 2.5, n),
        "phi": rng.uniform(-np.pi, np.pi, n),
    }
    record = ak.zip({"PT": values["pt"], "Eta": values["eta"], "Phi": values["phi"]})
    return record, vector.array({**values, "mass": np.zeros(n)})


def test_pairs_are_those_of_four_vectors() -> None:
    rng = np.random.default_rng(3)
    (one, p), (other, q) = leptons(rng), leptons(rng)
    found = dilepton_columns(one, other)
    np.testing.assert_allclose(found["m_ll"], (p + q).mass, rtol=1e-8)
    np.testing.assert_allclose(found["pt_ll"], (p + q).pt, rtol=1e-8)
    np.testing.assert_allclose(found["dphi_ll"], np.abs(p.deltaphi(q)), rtol=1e-9)
    np.testing.assert_allclose(found["deta_ll"], np.abs(p.deltaeta(q)), rtol=1e-12)
    swapped = dilepton_columns(other, one)
    for name, values in found.items():
        np.testing.assert_array_equal(swapped[name], values)


def test_transverse_mass_is_that_of_two_momenta_in_the_plane() -> None:
    rng = np.random.default_rng(4)
    lepton, p = leptons(rng)
    met, phi = rng.uniform(0, 200, 500), rng.uniform(-np.pi, np.pi, 500)
    expected = np.sqrt(
        (p.pt + met) ** 2 - (p.px + met * np.cos(phi)) ** 2 - (p.py + met * np.sin(phi)) ** 2
    )
    np.testing.assert_allclose(transverse_mass(lepton, met, phi), expected, rtol=1e-6, atol=1e-5)


def test_two_that_fly_apart_or_together() -> None:
    apart = ak.zip({"PT": [30.0], "Eta": [0.2], "Phi": [0.0]})
    back = ak.zip({"PT": [30.0], "Eta": [0.2], "Phi": [np.pi]})
    found = dilepton_columns(apart, back)
    assert found["pt_ll"][0] == 0.0
    assert found["m_ll"][0] == 60.0
    assert dilepton_columns(apart, apart)["m_ll"][0] == 0.0
    assert azimuth_between([6.0], [0.1])[0] == 2 * np.pi - 5.9
