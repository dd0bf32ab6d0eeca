"""The workspace of a signal, as pyhf fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

import eμsym
from eμsym.analysis.signal_fits import fit_signal, workspace
from eμsym.analysis.signals import signals
from eμsym.folder import ProcessedFolder

pyhf = pytest.importorskip("pyhf")


@pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
def test_a_workspace_is_the_likelihood_of_the_fit(processed_sample: Path) -> None:
    """Of a corrected pair: q0 of the raw counts is another."""
    folder = ProcessedFolder(processed_sample)
    pair = eμsym.read_pair(folder.path).equalised()
    (shape,) = signals(folder, (), ("hlfv_taue",)).shapes
    ours, raw = (fit_signal(each, shape, minimizer="newton").fit for each in (pair, pair.raw))
    assert ours is not None
    assert raw is not None
    assert abs(ours.mu - raw.mu) > 0.05 * ours.mu_error
    opened = pyhf.Workspace(workspace(pair, shape, ("first", "second")))
    assert [channel["name"] for channel in opened["channels"]] == ["first", "second"]
    model = opened.model()
    data = opened.data(model)
    try:
        pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-3))
        best, lowest = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
        _, at_zero = pyhf.infer.mle.fixed_poi_fit(0.0, data, model, return_fitted_val=True)
    finally:
        pyhf.set_backend("numpy", "scipy")
    assert at_zero - lowest == pytest.approx(ours.q0, rel=1e-3)
    # mu counts the events outside the plane as well.
    planes = shape.planes(pair.axes_of("plane"))
    inside, every = (sum(h.sum(flow=flow).value for h in planes) for flow in (False, True))
    assert inside < every
    samples = [channel["samples"][-1] for channel in opened["channels"]]
    assert [sample["name"] for sample in samples] == ["signal", "signal"]
    unit = sum(sum(sample["data"]) for sample in samples) * every / inside
    assert unit * best[model.config.poi_index] == pytest.approx(ours.mu, rel=1e-3)
