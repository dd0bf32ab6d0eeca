"""Simulated samples beside genuine ones: the comparison read or made, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from eμsym.files import read_json
from eμsym.papers.tables import Column, Note, Table
from eμsym.plots.samples import draw_samples
from eμsym.recipes.simulation.against_delphes import (
    RESULTS,
    SCHEMA,
    compute,
    read_comparisons,
)
from eμsym.recipes.simulation.comparison import (
    OBSERVABLES,
    Peak,
    Ratio,
    SampleComparison,
    overall_pvalue,
)

_NOTE = (
    "Delphes: all genuine events behind the stored templates, which contain the embedded "
    "sample. The Kolmogorov-Smirnov p-values are against the embedded sample alone; it has no "
    "H→τμ, whose collinear mass is compared with the stored template (χ²)."
)


def stored(needs: Sequence[str]) -> dict[str, Any]:
    """Return the stored comparison.

    Raises
    ------
    InputFileError, ConfigurationError
        If the file is missing, is another one, or is damaged.
    """
    data: dict[str, Any] = read_json(RESULTS, schema=SCHEMA)
    read_comparisons(data)
    return data


def computed(
    needs: Sequence[str], folder: Path, say: Callable[[str], None], **options: Any
) -> dict[str, Any]:
    """Simulate anew and compare.

    Parameters
    ----------
    needs, say
        Of no use here.
    folder : Path
        Samples go into its folder ``samples``.
    **options
        See `eμsym.recipes.simulation.against_delphes.compute`.
    """
    return compute(folder / "samples", **options)


def record(data: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the comparison, for JSON."""
    return data


def draw(data: dict[str, Any], style: Any) -> Figure:
    """Draw the distributions, and the acceptances."""
    return draw_samples(read_comparisons(data), style=style)


def report(data: dict[str, Any], said: Mapping[str, Any]) -> list[Table]:
    """Return acceptances, flavour orders, p-values and peaks, ours beside Delphes'."""
    return comparison_tables(read_comparisons(data))


def comparison_tables(comparisons: Iterable[SampleComparison]) -> list[Table]:
    """Return the tables of some comparisons."""
    comparisons = list(comparisons)
    return [_yields(comparisons), _shapes(comparisons), _peaks(comparisons)]


def _yields(comparisons: Sequence[SampleComparison]) -> Table:
    headings = ("generated", "selected", "accepted", "over Delphes", "eμ/μe", "over Delphes")
    rows = []
    for c in comparisons:
        ratio = c.simulated.emu_over_mue
        rows.append(
            (
                c.process,
                f"{c.simulated.n_generated:,.0f}",
                f"{c.simulated.emu + c.simulated.mue:,}",
                f"{100 * c.simulated.acceptance:.2f} %",
                _ratio(c.acceptance),
                "" if ratio is None else f"{ratio:.3f}",
                _ratio(c.order),
            )
        )
    notes = [
        Note(f"χ² of the {len(ratios)} {what}: p = {overall_pvalue(ratios):.2f}")
        for what, ratios in (
            ("acceptances", [c.acceptance for c in comparisons if c.acceptance]),
            ("flavour orders", [c.order for c in comparisons if c.order]),
        )
    ]
    return Table(
        "Selected events per generated one, and eμ over μe",
        [Column("process"), *(Column(heading, right=True) for heading in headings)],
        rows,
        notes=notes,
    )


def _shapes(comparisons: Sequence[SampleComparison]) -> Table:
    headings = ("m_coll", "pT e", "pT μ", "η e", "η μ", "isol. e", "isol. μ", "MET")
    rows = []
    for c in comparisons:
        cells = [_pvalue(c.ks.get(name)) for name in OBSERVABLES]
        if not c.ks and c.m_coll_template is not None:
            cells[0] = f"{_pvalue(c.m_coll_template)} (χ²)"
        rows.append((c.process, *cells))
    columns = [Column("process"), *(Column(heading, right=True) for heading in headings)]
    return Table("Kolmogorov-Smirnov p-values", columns, rows)


def _peaks(comparisons: Sequence[SampleComparison]) -> Table:
    rows = [
        (
            c.process,
            _peak(c.peaks.get("simulated")),
            _peak(c.peaks.get("delphes")),
            "below m_Z = 91.2: two τ share the neutrinos"
            if c.process == "ztautau"
            else "m_H = 125: all neutrinos fly along the τ",
        )
        for c in comparisons
        if c.peaks
    ]
    return Table(
        "Peak of the collinear mass [GeV]",
        [
            Column("process"),
            Column("ours", right=True),
            Column("Delphes", right=True),
            Column("expected"),
        ],
        rows,
        notes=[
            Note("The papers print no number for them; their figures show the distributions."),
            Note(_NOTE),
        ],
    )


def _ratio(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"{ratio.value:.3f} ± {ratio.error:.3f}"


def _pvalue(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"


def _peak(peak: Peak | None) -> str:
    return "" if peak is None else f"{peak.position:.1f} ± {peak.error:.1f}"
