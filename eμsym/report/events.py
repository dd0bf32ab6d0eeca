"""The section on events: yields of both samples, and the cutflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eμsym.analysis.yields import Cutflow
from eμsym.report.parts import Block, Paragraph, Section, Table, some
from eμsym.report.pictures import Pictures
from eμsym.results import NOT_BLINDED, Results
from eμsym.symmetries import RULES
from eμsym.written_numbers import events

_HEADINGS = {
    "all": "all",
    "golden_json": "certified",
    "trigger": "trigger",
    "electron_and_muon": "an electron and a muon",
    "two_leptons": "two leptons",
    "a_lepton": "a lepton",
    "pt": "pT",
    "eta": "|η|",
    "identification": "identification",
    "isolation": "isolation",
    "exactly_one_each": "one electron, one muon",
    "exactly_two": "two leptons exactly",
    "exactly_one": "one lepton exactly",
    "a_jet": "a jet",
    "opposite_charge": "opposite charge",
    NOT_BLINDED: "outside the blinded window",
    **{
        order: name
        for rule in RULES.values()
        for order, name in zip(rule.orders, rule.names, strict=True)
    },
}


def events_section(results: Results, pictures: Pictures) -> Section:
    """Return yields, fakes, cutflow and its figure.

    Parameters
    ----------
    results : Results
    pictures : Pictures
    """
    blocks: list[Block | None] = []
    if results.tests:
        blocks += _yields(results.tests)
    blocks += [_cutflow(results), pictures.take("cutflow", *CUTFLOW_WORDS)]
    return Section("events", "Events", some(blocks))


CUTFLOW_WORDS = (
    "Events after each cut",
    "Levels on a logarithmic axis, one for every cut and one for each of the two samples, of the "
    "events that are left of each dataset of the pair; the table before it has their numbers.",
)


def _cutflow(results: Results) -> Block | None:
    if not results.cutflow:
        return None
    flow = Cutflow.of(results)
    names = {**_HEADINGS, **dict(zip(results.orders, results.label_rule.names, strict=True))}
    return Table(
        "Events after each cut, each with all before it, scaled as the histograms are; the last "
        "two are the samples",
        ("dataset", *(names.get(cut, cut) for cut in flow.cuts)),
        tuple((name, *map(events, each.values())) for name, each in flow.datasets.items()),
        total=("pair", *map(events, flow.total.values())),
    )


def _yields(tests: Mapping[str, Any]) -> Iterator[Block]:
    yields = tests["yields"]
    orders = [name for name in yields if name not in ("datasets", "ratio")]
    said = [
        f"{yields[order]['label']} {events(yields[order]['sumw'])} ± {yields[order]['error']:.1f}"
        for order in orders
    ]
    if "ratio" in yields:
        ratio = yields["ratio"]
        said.append(f"ratio {ratio['value']:.4f} ± {ratio['error']:.4f}")
    where = "" if tests["region"] is None else f" in region {tests['region']}"
    yield Paragraph(
        f"{', '.join(said)}, counted before any correction; of {', '.join(yields['datasets'])}.",
        f"Yields{where}",
    )
    fakes = tests.get("fakes")
    if fakes is None:
        return
    labels = [yields[order]["label"] for order in orders]
    yield Table(
        "Fakes that are subtracted, by the dataset that estimates them",
        ("dataset", "transfer factor", *labels),
        tuple(
            (
                name,
                f"{each['transfer_factor']:g} ± {each['transfer_factor_error']:g}",
                *(f"{each[side]:,.1f} ± {each[f'error_{side}']:,.1f}" for side in ("a", "b")),
            )
            for name, each in fakes["sources"].items()
        ),
        total=("data, with the fakes", "", *(events(fakes["data"][side]) for side in ("a", "b"))),
    )
