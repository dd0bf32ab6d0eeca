"""The section on a scan, drawn from ``scan.json`` where the folder has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eμsym.files import read_json
from eμsym.input_files import is_file
from eμsym.report.parts import Block, Heading, Notes, Paragraph, Section, Table, some
from eμsym.report.pictures import Pictures
from eμsym.results import Results
from eμsym.written_numbers import p_and_z

SCAN_FILE, SCAN_SCHEMA, SCAN_VERSION = "scan.json", "emusym/scan", 1
#: So many entries are listed, those of the smallest p, and so many things left out.
_FIRST, _SKIPPED = 20, 30


def read_scan(folder: Path) -> dict[str, Any] | None:
    """Return the content of a folder's ``scan.json``; None if it has none.

    Raises
    ------
    InputFileError
        If it cannot be read.
    ConfigurationError
        If it is of another schema or version.
    """
    path = folder / SCAN_FILE
    if not is_file(path):
        return None
    content: dict[str, Any] = read_json(path, schema=SCAN_SCHEMA, version=SCAN_VERSION)
    return content


def scan_figures(scan: Mapping[str, Any] | None, results: Results) -> list[str]:
    """Return the names of a scan's figures, without their files' endings.

    They are said in ``scan.json``, or in the part ``scan`` of ``results.json``.
    """
    if scan is None:
        return []
    part = (results.model_extra or {}).get("scan") or {}
    named = [*(scan.get("figures") or ()), *(part.get("figures") or ())]
    return list(dict.fromkeys(Path(str(name)).stem for name in named))


def global_p(scan: Mapping[str, Any]) -> dict[str, Any]:
    """Return p of a whole scan as the functions of `eμsym.written_numbers` read it."""
    return {
        "pvalue": scan["p_global"],
        "pvalue_error": scan.get("p_global_error"),
        "resolved": scan.get("resolved", True),
        "z": scan.get("z_global"),
    }


def scan_section(
    scan: Mapping[str, Any] | None, results: Results, pictures: Pictures
) -> Section | None:
    """Return p of the whole scan, its figures and its first entries; None without a scan.

    Parameters
    ----------
    scan : mapping or None
        As `read_scan` gives it.
    results : Results
    pictures : Pictures
    """
    if scan is None:
        return None
    blocks: list[Block | None] = [Paragraph(_whole(scan), "The whole scan")]
    figures = scan_figures(scan, results)
    # The map first: it shows the scan at a glance.
    for name in sorted(figures, key=lambda name: "map" not in name):
        caption = _caption(name)
        blocks.append(pictures.take_file(name, caption, _alt(scan, name, caption)))
    blocks += _closer(scan.get("first") or (), results.label_rule.names)
    blocks += _entries(scan["entries"])
    blocks += _confirmed(scan)
    skipped = [f"{each['what']}: {each['why']}" for each in scan.get("skipped") or ()]
    if skipped:
        more = len(skipped) - _SKIPPED
        cut = [f"and {more:,} more, which {SCAN_FILE} names"] if more > 0 else []
        blocks += [Heading("Left out of the scan"), Notes((*skipped[:_SKIPPED], *cut))]
    return Section("scan", "Scan", some(blocks))


def _whole(scan: Mapping[str, Any]) -> str:
    found, n = global_p(scan), scan.get("relabellings")
    said = f"{p_and_z(found)}, with all {len(scan['entries']):,} "
    said += "entries counted, each a test of some observables in a region"
    if n is not None:
        said += f" ({n:,} redrawn labels, the same for every entry)"
    if (caveat := scan.get("caveat")) is not None:
        said += f". But {caveat}"
    return (
        f"{said}. Local p is that of an entry as if it were the only one; adjusted p is that with "
        "all others counted, and the one to judge an entry by."
    )


def _caption(name: str) -> str:
    if "map" in name:
        return "The map of the scan: the smallest local p of every observable in every region"
    if "expected" in name:
        return "Entries below each local p, and how many labels alone leave"
    return f"The scan: {name}"


def _alt(scan: Mapping[str, Any], name: str, caption: str) -> str:
    ranked = _ranked(scan["entries"])
    if not ranked:
        return f"{caption} (figure {name}); the scan has no entries."
    first = ranked[0]
    where = f"{first['test']} of {_observables(first)} in {first['region'] or 'all events'}"
    return f"{caption} (figure {name}). The first entry is {where}; the tables have the others."


def _ranked(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(entries, key=lambda entry: (entry["p_adjusted"], entry["p_local"]))


def _observables(entry: Mapping[str, Any]) -> str:
    return " × ".join(map(str, entry["observables"]))


def _named(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(entry["region"] or "all events"), _observables(entry), str(entry["test"])


def _closer(first: Sequence[Mapping[str, Any]], names: tuple[str, str]) -> Iterator[Block]:
    """Yield the most asymmetric entries, with where they show most."""
    if not first:
        return
    a, b = names
    rows = tuple(
        (
            *_named(entry),
            _ranges(entry["window"]),
            f"{entry['a']:,}",
            f"{entry['b']:,}",
            f"{entry['z']:+.2f}",
            f"{entry['p_local']:.2g}",
            f"{entry['p_adjusted']:.2g}",
            ", ".join(entry.get("follows_calibration") or ()),
        )
        for entry in first
    )
    yield Heading("The most asymmetric entries")
    yield Table(
        f"Where the first entries show most, each of other observables or another region; Nσ of "
        f"{b} − {a} in the best window; what the calibration has is perhaps the detector's doing",
        (
            *("region", "observables", "test", "window", a, b),
            *("Nσ", "local p", "adjusted p", "in the calibration"),
        ),
        rows,
        words=frozenset({"observables", "test", "window", "in the calibration"}),
    )


def _ranges(window: Sequence[Sequence[float | None]]) -> str:
    found = []
    for low, high in window:
        if low is None:
            found.append("all" if high is None else f"< {high:.4g}")
        else:
            found.append(f"≥ {low:.4g}" if high is None else f"{low:.4g} to {high:.4g}")
    return ", ".join(found)


def _entries(entries: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    if not entries:
        return
    ranked = _ranked(entries)[:_FIRST]
    which = f"The first {len(ranked)} of {len(entries):,}" if len(entries) > _FIRST else "All"
    yield Table(
        f"{which} entries, by adjusted p",
        ("region", "observables", "test", "statistic", "local p", "adjusted p"),
        tuple(
            (
                *_named(entry),
                f"{entry['statistic']:.4g}",
                f"{entry['p_local']:.2g}",
                f"{entry['p_adjusted']:.2g}",
            )
            for entry in ranked
        ),
        words=frozenset({"observables", "test"}),
    )


def _confirmed(scan: Mapping[str, Any]) -> Iterator[Block]:
    """Yield what findings are worth on events that they were not found in."""
    confirmed, folds, sensitivity = (scan.get(x) for x in ("confirmed", "folds", "sensitivity"))
    if confirmed is not None:
        yield Paragraph(
            f"{len(confirmed['findings'])} findings, tested on events that were kept apart, have "
            f"p = {confirmed['pvalue']:.2g} together ({confirmed['relabellings']:,} redrawn "
            "labels).",
            "Confirmed",
        )
    if folds is not None:
        yield Paragraph(
            f"{len(folds['parts'])} parts, each confirming what the others show: "
            f"p = {folds['pvalue']:.2g} (Bonferroni).",
            "Folds",
        )
    if sensitivity is not None:
        yield Paragraph(
            f"with {sensitivity['events']:g} events of {sensitivity['signal']} put in, the signal "
            f"comes first in {100 * sensitivity['first']:.0f} % of samples.",
            "Sensitivity",
        )
