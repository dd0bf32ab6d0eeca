"""From a folder to its report: the sections in their order, and the page that they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from eμsym import __version__
from eμsym.errors import InputFileError, printable
from eμsym.folder import ProcessedFolder
from eμsym.input_files import is_file
from eμsym.report.answer import answer, caveats
from eμsym.report.bare import bare_report
from eμsym.report.blinded import without_unblinded
from eμsym.report.calibration import calibration_section
from eμsym.report.events import events_section
from eμsym.report.left_out import left_out_section
from eμsym.report.limits import limits_section
from eμsym.report.parts import Block, Report, Section, filled
from eμsym.report.pictures import Pictures
from eμsym.report.provenance import provenance_section
from eμsym.report.report_file import write_page
from eμsym.report.scan import read_scan, scan_figures, scan_section
from eμsym.report.symmetry_tests import tests_section
from eμsym.results import Results

#: What reading a part raises that lacks a key, or has something else there.
_DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def report_of(folder: str | Path) -> Report:
    """Return the report of a folder, as plain texts, tables and pictures.

    Parameters
    ----------
    folder : str or Path
        One that ``emusym process``, ``run``, ``test``, ``limit`` or ``scan`` wrote. Of any
        other folder the report says what is in it, and what is missing.

    Raises
    ------
    InputFileError
        If there is no such folder, or its ``results.json`` or ``scan.json`` is damaged.
    ConfigurationError
        If one of them is of another schema or version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputFileError(f"{folder}: is no folder; give one that emusym run has made")
    processed = ProcessedFolder(folder)
    if not is_file(processed.results_file):
        return bare_report(folder)
    content, hidden = without_unblinded(processed.content())
    results = Results.model_validate(content)
    scan = read_scan(folder) if "scan" in content or not results.blinding else None
    try:
        return _report(results, scan, processed.figures, hidden)
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise InputFileError(
            f"{processed.results_file}: a part of it cannot be reported "
            f"({type(error).__name__}: {reason}); make its tests, limits or scan anew"
        ) from error


def _report(
    results: Results, scan: dict[str, Any] | None, figures: Path, hidden: list[str]
) -> Report:
    of_scan = [f"{name}.svg" for name in scan_figures(scan, results)]
    pictures = Pictures(figures, [*results.figures, *of_scan])
    sections = filled(
        events_section(results, pictures),
        calibration_section(results, pictures),
        tests_section(results, pictures),
        scan_section(scan, results, pictures),
        limits_section(results, pictures),
    )
    rest: tuple[Block, ...] = tuple(pictures.rest())
    more = Section("figures", "Further figures", rest) if rest else None
    a, b = results.label_rule.names
    return Report(
        f"Are {a} and {b} compatible?",
        answer(results, scan),
        caveats(results),
        (
            *sections,
            *filled(more),
            left_out_section(results, scan, [*hidden, *pictures.problems]),
            provenance_section(results),
        ),
    )


def page_of(report: Report) -> str:
    """Return a report as one page of HTML that needs no other file, no network and no script.

    Parameters
    ----------
    report : Report
    """
    environment = Environment(
        loader=PackageLoader("eμsym.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("report.html")
    return template.render(report=report, version=__version__)


def _shown(value: object) -> object:
    """Return a text as the terminal shows it: what would turn it around is spelled out."""
    is_markup = hasattr(value, "__html__")  # what a macro of the template gives
    return printable(value) if isinstance(value, str) and not is_markup else value


def write_report(folder: str | Path) -> Path:
    """Write the report of a folder into it, as ``report.html``.

    Parameters
    ----------
    folder : str or Path
        As of `report_of`.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    InputFileError, ConfigurationError
        As `report_of`.
    OutputError
        If it cannot be written, or there is a ``report.html`` of others.
    """
    return write_page(Path(folder), page_of(report_of(folder)))
