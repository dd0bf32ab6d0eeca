"""A pair is corrected by the efficiencies that its label rule names, and by no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest

from eμsym import EfficiencyRatio, FairCoin, Pair, read_pair, write_pair
from eμsym.analysis.correction import Equalisation
from eμsym.analysis.problem import Problem
from eμsym.errors import ConfigurationError, DataError, InputFileError
from eμsym.exchange import LEPTONS, Exchange
from eμsym.label_rule import LEADING, LabelRule
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector


@pytest.fixture(scope="module")
def pair() -> Pair:
    return ToyDetector(3000).draw(rng=1)


#: A rule that names no efficiencies.
CHARGE = LabelRule(
    name="charge",
    ordered_by="Charge",
    orders=("ep_mum", "mup_em"),
    names=("e⁺μ⁻", "μ⁺e⁻"),
    exchange=replace(LEPTONS, label="electron_positive"),
    terms=(),
)


def recorded(pair: Pair, rule: LabelRule) -> Pair:
    """Return the pair that a coffea run by that rule would give."""
    events = ak.with_field(pair.pool.events, pair.pool.labels, rule.column)
    output = {"columns": {"one": events}, "histograms": {}}
    return Pair.from_output(output, rule=rule)


def test_pairs_of_a_rule_without_efficiencies_are_refused(pair) -> None:
    other = recorded(pair, CHARGE)
    message = "the rule 'charge' names no efficiencies .* or compare without a correction"
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
    with pytest.raises(ConfigurationError, match="the rule 'leading', and its symmetry exchanges"):
        replace(pair, symmetry=symmetry, rule=LEADING).equalised()
    # What a column of labels is called says nothing.
    called = FairCoin(replace(LEPTONS, label="is_emu"))
    assert replace(pair, symmetry=called).equalised(bins=BINS).symmetry.source == "self"
    assert pair.rule is None
