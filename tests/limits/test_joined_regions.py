"""Several regions in one fit: against pyhf, and split where nothing tells them apart."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular

from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import EmusymError
from eμsym.fake_events import subtract_fakes
from eμsym.limits.joined import joined, of_one_calibration
from eμsym.limits.of_pair import pair_limit, pair_region
from eμsym.limits.part_of_pair import PartOfPair
from eμsym.limits.region import Region, ShapeVariation, log_normal
from eμsym.limits.two_signals import two_signals
from eμsym.limits.upper_limit import region_limit
from eμsym.pair import Pair

LUMINOSITY = 0.1


def made_region(name, seed, n_bins, share, modes=1):
    rng = np.random.default_rng(seed)
    t = rng.uniform(30, 150, n_bins)
    shape = rng.dirichlet(np.ones(2 * n_bins)) * share
    kappa = rng.uniform(0.85, 1.2, n_bins)
    return Region(
        name,
        rng.poisson(kappa * t).astype(float),
        rng.poisson(t).astype(float),
        (Signal(shape[:n_bins] / 4, shape[n_bins:]),),
        YieldRatio(np.log(kappa), rng.normal(0, 0.06, (modes, n_bins))),
        tuple(f"ratio {k}" for k in range(modes)),
        normalisations={"luminosity": (log_normal(LUMINOSITY),)},
    )


def workspace_of(regions, events):
    """The regions as channels of one workspace, with what they share by pyhf's own names."""
    whole = None
    for k, region in enumerate(regions):
        one = pyhf_workspace(
            region.b,
            region.a,
            region.signals[0],
            ratio=region.ratio,
            channels=(f"A{k}", f"B{k}"),
            signal_events=events,
            mu_bounds=(0.0, 20.0),
        )
        # The free background of a bin is its own.
        one = json.loads(json.dumps(one).replace('"background"', f'"background{k}"'))
        for sample in (x for channel in one["channels"] for x in channel["samples"]):
            if sample["name"] == "signal":
                size = {"hi": 1 + LUMINOSITY, "lo": 1 / (1 + LUMINOSITY)}
                sample["modifiers"].append({"name": "size", "type": "normsys", "data": size})
        if whole is None:
            whole = one
            continue
        whole["channels"] += one["channels"]
        whole["observations"] += one["observations"]
        parameters = whole["measurements"][0]["config"]["parameters"]
        known = {x["name"] for x in parameters}
        added = one["measurements"][0]["config"]["parameters"]
        parameters += [x for x in added if x["name"] not in known]
    return whole


@pytest.mark.filterwarnings(
    "ignore:jsonschema.RefResolver:DeprecationWarning", "ignore:divide by zero:RuntimeWarning"
)
def test_pyhf_has_the_limits_of_two_regions_with_shared_nuisances():
    """At the limits of both regions pyhf's CLs is 5 %, to what moves them by under 1e-3."""
    pyhf = pytest.importorskip("pyhf")
    regions = [made_region("one", 1, 3, 0.7), made_region("two", 2, 4, 0.3)]
    found = region_limit(regions)
    events = found.median
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6))
    try:
        opened = pyhf.Workspace(workspace_of(regions, events))
        model = opened.model(
            modifier_settings={"normsys": {"interpcode": "code1"}},
        )
        assert len(model.config.channels) == 4
        data = opened.data(model)
        for k, limit in ((None, found.observed), *enumerate(found.expected)):
            observed, band = pyhf.infer.hypotest(
                limit / events, data, model, test_stat="qtilde", return_expected_set=True
            )
            cls = observed if k is None else band[k]
            assert float(cls) == pytest.approx(0.05, abs=1e-4)
    finally:
        pyhf.set_backend("numpy", "scipy")
    # Not for nothing: as if nothing were shared they would be others.
    apart = [
        replace(
            region,
            ratio_names=(f"{region.name} 0",),
            normalisations={region.name: region.normalisations["luminosity"]},
        )
        for region in regions
    ]
    assert region_limit(apart).median != pytest.approx(found.median, rel=5e-3)


def test_joined_regions_have_the_limit_of_the_regions():
    one, two = made_region("one", 3, 4, 0.5), made_region("two", 4, 3, 0.5, modes=2)
    signal = two.signals[0]
    four = [f * x for f in (1.2, 0.9) for x in (signal.in_a, signal.in_b)]
    two = replace(two, shapes={"tilt": (ShapeVariation(*four),)})
    uncertain = Signal(signal.in_a, signal.in_b, None, (0.2 * signal.in_b) ** 2)
    two = replace(two, signals=(uncertain,))
    apart, together = region_limit([one, two]), region_limit([joined([one, two])])
    assert together.observed == pytest.approx(apart.observed, rel=1e-6)
    assert together.expected == pytest.approx(apart.expected, rel=1e-6)
    assert joined([one, two]).ratio_names == ("ratio 0", "ratio 1")
    with pytest.raises(EmusymError, match="same strengths and normalisations"):
        joined([one, replace(two, normalisations={})])


def test_two_strengths_in_joined_regions():
    def mirrored(region):
        signal = region.signals[0]
        return replace(
            region,
            signals=(signal, Signal(signal.in_b[::-1], signal.in_a[::-1])),
            normalisations={},
        )

    regions = [mirrored(made_region(f"region {k}", 7 + k, 5, 0.5)) for k in range(2)]
    apart, together = two_signals(regions, points=5), two_signals([joined(regions)], points=5)
    assert together.best == pytest.approx(apart.best, rel=1e-4)
    assert together.difference.low == pytest.approx(apart.difference.low, rel=1e-4)
    assert together.rise == pytest.approx(apart.rise, rel=1e-4, abs=1e-4)


def test_other_units_scale_limits_with_all_that_varies():
    region = made_region("one", 5, 4, 1.0)
    signal = region.signals[0]
    four = [f * x for f in (1.3, 0.8) for x in (signal.in_a, signal.in_b)]
    region = replace(region, shapes={"tilt": (ShapeVariation(*four),)})
    one, other = region_limit([region]), region_limit([region.scaled([250.0])])
    assert 250 * other.observed == pytest.approx(one.observed, rel=1e-6)
    assert 250 * other.median == pytest.approx(one.median, rel=1e-6)


@pytest.fixture(scope="module")
def split():
    """A calibrated pair, which events of it one of two regions has, and a signal with its own."""
    rng = np.random.default_rng(6)
    n = 6000
    lead = 15 + rng.exponential(30, n)
    columns = {
        "lead_pt": lead,
        "sub_pt": 15 + rng.uniform(size=n) * (lead - 15),
        "lead_eta": rng.uniform(-2.3, 2.3, n),
        "sub_eta": rng.uniform(-2.3, 2.3, n),
        "x": rng.uniform(0, 2, n),
        "side": rng.integers(0, 2, n),
    }
    labels = rng.random(n) < 0.47
    a, b = ({k: v[chosen] for k, v in columns.items()} for chosen in (labels, ~labels))
    pair = Pair.from_columns(a, b).equalised()
    return pair, pair.pool.column("side") == 1, rng.normal(1.0, 0.2, 4000)


def test_regions_split_at_random_have_about_the_limit_of_the_whole(split):
    """Half the signal and half the events in each: expected is what all of them expect."""
    pair, inside, events = split
    axis = Regular(20, 0, 2, name="x")
    test = Q0Test(Hist(axis, storage="double").fill(events).values(), (axis,), "b")
    whole = pair_limit(test, pair)
    parts = [PartOfPair(pair, inside), PartOfPair(pair, ~inside)]
    # Bins as the whole has them.
    coarse = [replace(test, min_count=25), replace(test, min_count=25)]
    regions = [
        pair_region(f"half {k}", own, part).scaled([0.5])
        for k, (own, part) in enumerate(zip(coarse, parts, strict=True))
    ]
    places = [
        part.in_bins(axis, merged=own.counts(part).bins).index
        for own, part in zip(coarse, parts, strict=True)
    ]
    shared = of_one_calibration(pair, places, regions)
    both = region_limit(shared)
    assert both.median == pytest.approx(whole.median, rel=0.04)
    assert both.observed == pytest.approx(whole.observed, rel=0.25)
    # Each alone has half of everything: √2 of the whole's error, in twice the unit.
    for region in shared:
        assert region_limit([region]).median == pytest.approx(np.sqrt(2) * whole.median, rel=0.08)
    # What is counted is counted once.
    a, b = pair.raw.hist(axis)
    assert sum(x.a.sum() for x in regions) == a.values().sum()
    assert sum(x.b.sum() for x in regions) == b.values().sum()


def test_regions_of_a_pair_share_the_transfer_factors_of_its_fakes(split):
    pair, _, events = split
    rng, axis = np.random.default_rng(8), Regular(20, 0, 2, name="x")
    few = rng.choice(len(pair.pool), 900, replace=False)
    columns = {k: np.asarray(pair.pool.columns[k])[few] for k in pair.pool.fields}
    control = Pair.from_columns(*({k: v[i::2] for k, v in columns.items()} for i in (0, 1)))
    whole = subtract_fakes(pair.raw, control, 0.2, 0.02)
    inside = whole.pool.column("side") == 1
    test = Q0Test(np.histogram(events, axis.edges)[0], (axis,))
    parts = [PartOfPair(whole, inside), PartOfPair(whole, ~inside)]
    regions = [pair_region(f"half {k}", test, x).scaled([0.5]) for k, x in enumerate(parts)]
    places = [x.in_bins(axis, merged=test.counts(x).bins).index for x in parts]
    shared = of_one_calibration(whole, places, regions)
    fakes = [region.fakes for region in shared]
    assert sum(x.in_a.sum() + x.in_b.sum() for x in fakes) == pytest.approx(0.2 * 900)
    # Data are counted without the control events, each region's own.
    assert sum((x.a + x.b).sum() for x in shared) == len(pair.pool)
    assert shared[0].fake_names[0] == shared[1].fake_names[0] == "transfer factor 0"
    both = joined(shared)
    assert both.fake_names.count("transfer factor 0") == 1
    assert region_limit([both]).median == pytest.approx(region_limit(shared).median, rel=1e-6)
    assert region_limit([both]).median == pytest.approx(pair_limit(test, whole).median, rel=0.06)


def test_a_part_that_is_the_whole_has_its_region(split):
    pair, inside, events = split
    axis = Regular(20, 0, 2, name="x")
    test = Q0Test(np.histogram(events, axis.edges)[0], (axis,))
    every = PartOfPair(pair, np.ones_like(inside))
    one, other = pair_region("", test, pair), pair_region("", test, every)
    assert np.array_equal(one.b, other.b)
    assert np.allclose(one.ratio.log_ratio, other.ratio.log_ratio, rtol=1e-12)
    place = every.in_bins(axis, merged=test.counts(every).bins).index
    (shared,) = of_one_calibration(pair, [place], [one])
    assert np.allclose(shared.ratio.error, one.ratio.error, rtol=1e-9)
    assert np.allclose(
        every.in_bins(axis).expected_ratio(), pair.in_bins(axis).expected_ratio(), rtol=1e-12
    )
