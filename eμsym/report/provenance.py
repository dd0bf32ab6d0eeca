"""The section on where the numbers are from: files, versions, seeds, configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eμsym.report.parts import Block, Paragraph, Section, Table, some
from eμsym.results import Results


def provenance_section(results: Results) -> Section:
    """Return datasets, files, versions, seeds and configuration.

    Parameters
    ----------
    results : Results
    """
    rule = results.label_rule
    blocks: list[Block | None] = [
        Paragraph(f"{rule.name}: A is {rule.names[0]}, B is {rule.names[1]}.", "Symmetry"),
        _datasets(results),
        _files(results),
        _seeds(results),
        _versions(results),
        Table(
            "How the events were processed",
            ("key", "value"),
            tuple(_flat(results.configuration.model_dump())),
            words=frozenset({"value"}),
        ),
    ]
    return Section("provenance", "Where it is from", some(blocks))


def _datasets(results: Results) -> Table:
    repeated = (results.model_extra or {}).get("repeated_events") or {}
    rows = []
    for name, about in results.datasets.items():
        extra, scale = about.model_extra or {}, results.normalisation.get(name)
        rows.append(
            (
                name,
                about.role,
                "yes" if name in results.pair else "no",
                _given(extra.get("cross_section_pb")),
                _given(extra.get("n_generated")),
                "" if scale is None else _given(scale.luminosity_ifb),
                "" if scale is None else _given(scale.scale),
                _given(repeated.get(name)),
            )
        )
    return Table(
        "Datasets: cross section in pb, events generated, luminosity before any scale in fb⁻¹, the "
        "factor that their weights are scaled by, and events that were there twice",
        ("dataset", "role", "in the pair", "σ", "generated", "fb⁻¹", "scale", "repeated"),
        tuple(rows),
        words=frozenset({"role", "in the pair"}),
    )


def _given(value: Any) -> str:
    """Return a number that was given, with up to six digits; nothing for none."""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.6g}" if isinstance(value, float) else ""


def _files(results: Results) -> Table:
    rows = []
    for file in results.inputs:
        extra = file.model_extra or {}
        entries = extra.get("entries")
        said = [*(extra.get("problems") or ()), *(extra.get("notes") or ())]
        rows.append(
            (
                file.path,
                file.dataset,
                _given(entries),
                _given(file.processed),
                file.uuid,
                "; ".join(map(str, said)),
            )
        )
    return Table(
        "Input files: entries, those processed, and the identity that each file has",
        ("file", "dataset", "entries", "processed", "UUID", "notes"),
        tuple(rows),
        words=frozenset({"dataset", "UUID", "notes"}),
    )


def _seeds(results: Results) -> Table | None:
    rows = [(path, str(seed)) for path, seed in _seeds_in(results.tests, "")]
    if not rows:
        return None
    return Table("Seeds: the same ones give the same bits", ("of", "seed"), tuple(rows))


def _seeds_in(found: Any, path: str) -> Iterator[tuple[str, int]]:
    """Yield every seed of the tests, and where in ``results.json`` it stands."""
    if not isinstance(found, Mapping):
        return
    for key, value in found.items():
        if key == "seed" and isinstance(value, int):
            yield f"tests{path}", value
        else:
            yield from _seeds_in(value, f"{path}.{key}")


def _versions(results: Results) -> Table:
    extra = results.provenance.model_extra or {}
    python = [("Python", str(extra["python"]))] if "python" in extra else []
    rows = (*python, *((name, version) for name, version in results.provenance.packages.items()))
    return Table("Versions", ("package", "version"), rows, words=frozenset({"version"}))


def _flat(found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield what a nested configuration says, a row a key."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(found, list | tuple) and any(isinstance(x, Mapping) for x in found):
        for number, value in enumerate(found, start=1):
            yield from _flat(value, f"{path}[{number}]")
    elif isinstance(found, list | tuple):
        if found:
            yield path, ", ".join(map(_plain, found))
    elif found is not None:
        yield path, _plain(found)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
