"""The eμ selection against a plain loop over events, on and around every bound."""

from __future__ import annotations

import math

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eμsym import Cuts, EmusymError, emu_leptons, emu_masks, lead_and_sub
from eμsym.errors import ConfigurationError, DataError
from eμsym.selection import CUT_NAMES, LEPTON_FIELDS, good_leptons

DEFAULT = Cuts()


def lepton(pt=30.0, eta=0.0, charge=-1, isolation=0.0, phi=0.5):
    return {"PT": pt, "Eta": eta, "Phi": phi, "Charge": charge, "IsolationVar": isolation}


def collection(events):
    """Return lists of leptons, one an event, as an awkward array of one type."""
    flat = [one for event in events for one in event]
    columns = {
        name: np.array(
            [one[name] for one in flat], dtype=np.int32 if name == "Charge" else np.float64
        )
        for name in LEPTON_FIELDS
    }
    return ak.unflatten(ak.zip(columns), np.array([len(event) for event in events], dtype=np.int64))


def plain_loop(electrons, muons, cuts):
    """Return one dict of the passed cuts, and the selected pair, for every event."""
    result = []
    for event_e, event_mu in zip(electrons, muons, strict=True):
        kinds = ((event_e, cuts.electron_isolation), (event_mu, cuts.muon_isolation))
        survivors = []
        for kind, bound in kinds:
            pt = [one for one in kind if one["PT"] >= cuts.pt_min]
            eta = [one for one in pt if -cuts.eta_max <= one["Eta"] <= cuts.eta_max]
            survivors.append((kind, pt, eta, [one for one in eta if one["IsolationVar"] < bound]))
        (e0, e1, e2, e3), (m0, m1, m2, m3) = survivors
        one_each = len(e3) == 1 and len(m3) == 1
        passed = {
            "electron_and_muon": bool(e0 and m0),
            "pt": bool(e1 and m1),
            "eta": bool(e2 and m2),
            "isolation": bool(e3 and m3),
            "exactly_one_each": one_each,
        }
        opposite = one_each and e3[0]["Charge"] == -m3[0]["Charge"]
        selected = one_each and (opposite or not cuts.opposite_charge)
        result.append((passed, selected, (e3[0], m3[0]) if selected else None))
    return result


def selected(masks):
    return np.logical_and.reduce([ak.to_numpy(mask) for mask in masks.values()])


def assert_agrees_with_the_plain_loop(electrons, muons, cuts):
    electron_records, muon_records = collection(electrons), collection(muons)
    expected = plain_loop(electrons, muons, cuts)
    masks = emu_masks(electron_records, muon_records, cuts)
    assert tuple(masks) == CUT_NAMES
    for name in CUT_NAMES[:-1]:
        assert ak.to_list(masks[name]) == [passed[name] for passed, _, _ in expected], name
    passes = selected(masks)
    assert passes.tolist() == [keep for _, keep, _ in expected]
    pairs = [pair for _, _, pair in expected if pair is not None]
    electron, muon = emu_leptons(electron_records[passes], muon_records[passes], cuts)
    assert ak.to_list(electron) == [e for e, _ in pairs]
    assert ak.to_list(muon) == [mu for _, mu in pairs]
    lead, sub, electron_leads = lead_and_sub(electron, muon)
    assert ak.to_list(electron_leads) == [e["PT"] > mu["PT"] for e, mu in pairs]
    for found, place in ((lead, 0), (sub, 1)):
        # sorted is stable: on a tie the muon, listed first, leads.
        ordered = [sorted((mu, e), key=lambda one: -one["PT"])[place] for e, mu in pairs]
        assert ak.to_list(found) == ordered


BELOW_15, BELOW_015, BELOW_025 = (math.nextafter(x, 0.0) for x in (15.0, 0.15, 0.25))
ABOVE_23 = math.nextafter(2.3, 3.0)

leptons = st.builds(
    lepton,
    pt=st.sampled_from([BELOW_15, 15.0, 20.0, 20.0, 40.0]) | st.floats(0, 200),
    eta=st.sampled_from([-ABOVE_23, -2.3, 0.0, 2.3, ABOVE_23]) | st.floats(-3, 3),
    charge=st.sampled_from([-1, 1]),
    isolation=st.sampled_from([0.0, BELOW_015, 0.15, BELOW_025, 0.25]) | st.floats(0, 0.4),
)
good_looking = st.builds(lepton, pt=st.sampled_from([15.0, 20.0]), charge=st.sampled_from([-1, 1]))
some = st.lists(good_looking, min_size=1, max_size=1) | st.lists(leptons | good_looking, max_size=3)
event_lists = st.lists(st.tuples(some, some), max_size=12)
cut_sets = st.just(DEFAULT) | st.builds(
    Cuts,
    pt_min=st.sampled_from([10.0, 15.0, 20.0]),
    eta_max=st.sampled_from([1.0, 2.3, 2.5]),
    electron_isolation=st.sampled_from([0.1, 0.15]),
    muon_isolation=st.sampled_from([0.15, 0.25]),
    opposite_charge=st.booleans(),
)


@given(event_lists, cut_sets)
@settings(max_examples=80, deadline=None)
def test_masks_and_leptons_agree_with_the_plain_loop(events, cuts):
    electrons, muons = [e for e, _ in events], [mu for _, mu in events]
    assert_agrees_with_the_plain_loop(electrons, muons, cuts)


def test_a_thousand_random_events_agree_and_some_pass_and_fail_every_cut():
    rng = np.random.default_rng(1)

    def some_leptons():
        return [
            lepton(*rng.uniform((5, -3), (60, 3)), int(rng.choice([-1, 1])), rng.uniform(0, 0.3))
            for _ in range(rng.integers(0, 4))
        ]

    electrons, muons = ([some_leptons() for _ in range(1000)] for _ in range(2))
    assert_agrees_with_the_plain_loop(electrons, muons, DEFAULT)
    steps = np.cumprod(
        [
            ak.to_numpy(m)
            for m in emu_masks(collection(electrons), collection(muons), DEFAULT).values()
        ],
        axis=0,
    ).sum(axis=1)
    assert np.all(np.diff([1000, *steps]) < 0)
    assert steps[-1] > 0


def passes(electrons, muons, cuts=DEFAULT):
    """Tell whether one event is selected, and that both ways to decide agree."""
    assert_agrees_with_the_plain_loop([electrons], [muons], cuts)
    return bool(selected(emu_masks(collection([electrons]), collection([muons]), cuts))[0])


E, MU = lepton(charge=-1), lepton(charge=+1)


def test_an_electron_and_a_muon_of_opposite_charge_are_selected():
    assert passes([E], [MU])
    assert passes([lepton(charge=+1)], [lepton(charge=-1)])


@pytest.mark.parametrize(
    "changed, survives",
    [
        ({"pt": 15.0}, True),
        ({"pt": BELOW_15}, False),
        ({"pt": math.nan}, False),
        ({"eta": 2.3}, True),
        ({"eta": -2.3}, True),
        ({"eta": ABOVE_23}, False),
        ({"eta": -ABOVE_23}, False),
        ({"isolation": BELOW_015}, True),
        ({"isolation": 0.25}, False),
        ({"isolation": math.nan}, False),
    ],
)
def test_bounds_on_pt_and_eta_are_inclusive_and_on_isolation_exclusive(changed, survives):
    assert passes([lepton(charge=-1, **changed)], [MU]) is survives
    assert passes([E], [lepton(charge=+1, **changed)]) is survives


def test_electrons_and_muons_have_their_own_isolation():
    between = {"isolation": 0.2}
    assert not passes([lepton(charge=-1, **between)], [MU])
    assert passes([E], [lepton(charge=+1, **between)])
    assert not passes([lepton(charge=-1, isolation=0.15)], [MU])


@pytest.mark.parametrize("charge", [-1, 1])
def test_like_charges_are_selected_only_where_asked_for(charge):
    same = [lepton(charge=charge)], [lepton(charge=charge)]
    assert not passes(*same)
    assert passes(*same, Cuts(opposite_charge=False))
    assert passes([E], [MU], Cuts(opposite_charge=False))


def test_a_second_good_lepton_of_a_kind_vetoes():
    assert not passes([E, lepton(charge=+1)], [MU])
    assert not passes([E], [MU, lepton(charge=-1)])
    assert not passes([E, E], [MU, MU], Cuts(opposite_charge=False))


def test_further_leptons_that_are_not_good_do_not_count():
    bad = [lepton(pt=5.0), lepton(eta=2.4), lepton(isolation=0.9)]
    assert passes([*bad, E, *bad], [MU, *bad])
    electron, muon = emu_leptons(collection([[*bad, E]]), collection([[MU, *bad]]), DEFAULT)
    assert ak.to_list(electron) == [E]
    assert ak.to_list(muon) == [MU]


def test_one_lepton_must_pass_all_cuts_by_itself():
    assert not passes([lepton(eta=2.4), lepton(pt=5.0)], [MU])


@pytest.mark.parametrize("electrons, muons", [([], []), ([E], []), ([], [MU])])
def test_events_without_a_kind_of_lepton_are_not_selected(electrons, muons):
    assert not passes(electrons, muons)


def test_no_events_at_all_work():
    assert_agrees_with_the_plain_loop([], [], DEFAULT)


def test_events_without_any_lepton_in_the_whole_array_work():
    assert_agrees_with_the_plain_loop([[], [], []], [[], [], []], DEFAULT)


def test_an_exact_tie_counts_as_the_muon_leading():
    _, _, electron_leads = lead_and_sub(
        *(ak.Array([lepton(pt=pt) for pt in (20.0, 20.0, 20.0)]) for _ in range(2))
    )
    assert ak.to_list(electron_leads) == [False] * 3


def test_the_leptons_masks_are_cumulative():
    events = collection([[lepton(), lepton(pt=5.0), lepton(eta=2.4), lepton(isolation=0.2)]])
    masks = good_leptons(events, DEFAULT, 0.15)
    assert ak.to_list(masks["pt"]) == [[True, False, True, True]]
    assert ak.to_list(masks["eta"]) == [[True, False, False, True]]
    assert ak.to_list(masks["isolation"]) == [[True, False, False, False]]


@pytest.mark.parametrize(
    "electrons, muons, says",
    [
        # The numbers of leptons add up to the numbers of events: only a count by event can tell.
        ([[E, E], []], [[MU], [MU]], "2 events have not exactly one good electron"),
        ([[E], [E]], [[MU], []], "1 events have not exactly one good muon"),
        ([[lepton(pt=5.0)]], [[MU]], "good electron; select with emu_masks"),
    ],
)
def test_leptons_of_events_that_were_not_selected_are_refused(electrons, muons, says):
    with pytest.raises(DataError, match=says):
        emu_leptons(collection(electrons), collection(muons), DEFAULT)


@pytest.mark.parametrize("name", ["pt_min", "eta_max", "electron_isolation", "muon_isolation"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_a_bound_that_is_not_positive_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=rf"cuts\.{name} = {value}"):
        Cuts(**{name: value})
    assert issubclass(ConfigurationError, EmusymError)


def test_a_cut_that_does_not_exist_is_refused():
    with pytest.raises(TypeError, match="pt_max"):
        Cuts(pt_max=3.0)


def test_the_default_cuts_are_those_of_the_paper():
    assert (DEFAULT.pt_min, DEFAULT.eta_max) == (15.0, 2.3)
    assert (DEFAULT.electron_isolation, DEFAULT.muon_isolation) == (0.15, 0.25)
    assert DEFAULT.opposite_charge
