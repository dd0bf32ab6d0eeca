"""Pairs that tests write and read, and what they compare."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hist.axis import Regular, Variable

from eμsym import EmusymError, Sample

MASS = Regular(4, 0, 8, name="m_coll", label="$m$ [GeV]")
PLANE = (MASS, Variable([10, 20, 50], name="lead_pt", label=r"$p_\mathrm{T}$ [GeV]"))


def events(n, seed):
    """Return events with columns of every type that the processor writes."""
    rng = np.random.default_rng(seed)
    return ak.zip(
        {
            "m_coll": rng.uniform(-1, 9, n),
            "lead_pt": rng.uniform(5, 55, n).astype(np.float32),
            "lead_charge": rng.choice([-1, 1], n).astype(np.int8),
            "weight": rng.normal(1, 0.5, n),
            "file_id": rng.integers(0, 2**63, n).astype(np.uint64) * np.uint64(2),
            "entry": np.arange(n),
        }
    )


def sample_of(n, seed):
    sample = Sample(events(n, seed))
    return Sample(sample.events, {"m_coll": sample.fill(MASS), "plane": sample.fill(*PLANE)})


def assert_same_events(found, expected):
    for sample, original in ((found.a, expected.a), (found.b, expected.b)):
        assert len(sample.events) == len(original.events)
        for name in ak.fields(original.events):
            values, given = (np.asarray(x.events[name]) for x in (sample, original))
            assert values.dtype == given.dtype, name
            assert np.array_equal(values, given), name


def assert_same_contents(found, expected):
    for sample, original in ((found.a, expected.a), (found.b, expected.b)):
        assert set(sample.histograms) == set(original.histograms)
        for name, histogram in original.histograms.items():
            for flow in (False, True):
                values = sample.histograms[name].values(flow=flow)
                variances = sample.histograms[name].variances(flow=flow)
                assert np.array_equal(values, histogram.values(flow=flow)), name
                assert np.array_equal(variances, histogram.variances(flow=flow)), name
            axes = zip(sample.histograms[name].axes, histogram.axes, strict=True)
            for axis, original_axis in axes:
                np.testing.assert_allclose(axis.edges, original_axis.edges, rtol=1e-14)
                assert axis.label == original_axis.label


def refused(action, error, says):
    """Check that an action fails with one line that says so."""
    with pytest.raises(error, match=says) as caught:
        action()
    assert isinstance(caught.value, EmusymError)
    assert "\n" not in str(caught.value)
