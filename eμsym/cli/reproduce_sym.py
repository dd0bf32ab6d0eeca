"""What ``emusym reproduce sym-…`` does: read or run the studies, draw, print the comparison."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from rich.console import Console

import eμsym.papers
from eμsym.binned.templates_io import read_templates
from eμsym.cli.options import only_with_recompute
from eμsym.cli.sym_figures import draw_sym
from eμsym.cli.tables import titled_table
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import make_folder, write_json
from eμsym.papers.sym_claims import Claim
from eμsym.papers.sym_inputs import SymInputs
from eμsym.papers.sym_overfit import overfit_scores, read_overfit
from eμsym.papers.sym_published import FIGURES, NEEDED, REMARKS, claims
from eμsym.papers.sym_results import StoredStudy, read_stored, stored_study
from eμsym.plots.style import save_figure
from eμsym.recipes import stored_templates
from eμsym.studies import read_study, run_study
from eμsym.studies.study_config import Study

SCHEMA, VERSION = "emusym/sym-figure", 1
#: The studies' TOML and pools, and their stored results.
PAPERS = Path(eμsym.papers.__file__).parent
STUDIES, RESULTS = PAPERS / "studies", PAPERS / "results" / "sym"
#: Luminosity in fb⁻¹ at which the paper gives its numbers of events.
LUMINOSITY = 20.0
_WIDTH = 80
_BAR_AFTER_SECONDS = 2.0


def reproduce_sym(
    figure: str,
    *,
    output: str,
    recompute: bool,
    toys: int | None,
    workers: int | None,
    dask: str | None,
    style: Any,
) -> None:
    """Draw one figure of the SYM paper, write its data beside it, and print the comparison.

    Parameters
    ----------
    figure : str
        "sym-fig1" … "sym-fig10" or "sym-numbers".
    output : str
        Folder; made if it is not there. Studies that are run lie in its folder
        ``studies``, and go on there if they were stopped.
    recompute : bool
        Run the studies anew.
    toys : int or None
        At most so many toys a row.
    workers, dask
        See `eμsym.studies.run_study`.
    style : str
        See `eμsym.plots.style.styled`.

    Raises
    ------
    EmusymError
        If an option makes no sense, a file cannot be read or written, or a study fails.
    """
    names = needed(figure)
    only_with_recompute(recompute, {"--toys": toys, "--workers": workers, "--dask": dask})
    if recompute and not names:
        raise ConfigurationError(f"--recompute: {figure} has no toys; leave it out")
    folder = make_folder(output)
    if recompute:
        studies = {
            name: run(name, folder / "studies", toys=toys, workers=workers, dask=dask)
            for name in names
        }
    else:
        studies = stored(names, all_of_them=figure != "sym-numbers")
    inputs = SymInputs(
        studies=studies,
        overfit=_overfit(figure, studies, recompute),
        **_pools(figure),
    )
    figures = [each for each in NEEDED if figure in (each, "sym-numbers")]
    possible = [each for each in figures if set(NEEDED[each]) <= studies.keys()]
    found = {each: claims(inputs, each) for each in possible}
    drawn = None if figure == "sym-numbers" else draw_sym(figure, inputs, style)
    written = [] if drawn is None else save_figure(drawn, folder, figure)
    write_json(
        folder / f"{figure}.json",
        {
            "schema": SCHEMA,
            "version": VERSION,
            "figure": figure,
            "claims": [claim.to_dict() for each in found.values() for claim in each],
            "studies": {name: study.to_dict() for name, study in studies.items()},
        },
    )
    console = Console(highlight=False, soft_wrap=True)
    for each, given in found.items():
        print_claims(given, f"{each} of arXiv:2401.09530", REMARKS.get(each, ""))
    for text in _remarks(studies, [each for each in figures if each not in possible]):
        console.print(textwrap.fill(text, _WIDTH))
    files = ", ".join(path.name for path in [*written, folder / f"{figure}.json"])
    console.print(f"Written to {folder}: {files}")


def needed(figure: str) -> tuple[str, ...]:
    """Return the names of the studies that a figure, or all together, need.

    Raises
    ------
    ConfigurationError
        If there is no such figure.
    """
    if figure not in FIGURES:
        raise ConfigurationError(f"no figure {figure!r}; there are {', '.join(FIGURES)}")
    if figure == "sym-numbers":
        return tuple(dict.fromkeys(name for names in NEEDED.values() for name in names))
    return NEEDED[figure]


def stored(names: Iterable[str], *, all_of_them: bool = True) -> dict[str, StoredStudy]:
    """Return stored studies.

    Raises
    ------
    InputFileError, ConfigurationError
        If one is damaged, or is not there and all are wanted.
    """
    found = {}
    for name in names:
        path = RESULTS / f"{name}.json"
        if path.is_file():
            found[name] = read_stored(path)
        elif all_of_them:
            raise InputFileError(f"{path}: is not stored; give --recompute to run that study")
    return found


def run(
    name: str, folder: Path, *, toys: int | None, workers: int | None, dask: str | None
) -> StoredStudy:
    """Run one of the paper's studies, or what is missing of it.

    Parameters
    ----------
    name : str
    folder : Path
        Its store is the folder of that name in it.
    toys : int or None
        At most so many toys a row.
    workers, dask
        See `eμsym.studies.run_study`.
    """
    study = capped(read_study(STUDIES / f"{name}.toml"), toys)
    make_folder(folder)
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"{name}: {study.toys:,} toys, kept in {folder / name}"
    )
    return stored_study(run_study(study, folder / name, workers=workers, dask=dask))


def capped(study: Study, toys: int | None) -> Study:
    """Return a study with at most so many toys a row."""
    if toys is None:
        return study
    rows = tuple(replace(row, toys=min(row.toys, toys)) for row in study.rows)
    return replace(study, rows=rows)


def read_pool(name: str) -> ak.Array:
    """Return the events of a pool that the studies draw from.

    Raises
    ------
    InputFileError
        If it cannot be read.
    """
    path = STUDIES / f"{name}.parquet"
    try:
        return ak.from_parquet(path)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputFileError(f"{path}: is not a readable Parquet file ({reason})") from error


def signal_events() -> float:
    """Return the expected events of H→τe in eμ order, of a BR of 1 %, at `LUMINOSITY`."""
    signal = read_templates(stored_templates("hlfv_taue")).provenance["signal"]
    return float(signal["selected_events"]["emu"] * LUMINOSITY / signal["luminosity_ifb"])


def _pools(figure: str) -> dict[str, Any]:
    if figure not in ("sym-fig5", "sym-fig8", "sym-numbers"):
        return {}
    pool, signal = read_pool("emu_pool"), read_pool("hlfv_taue_pool")
    return {
        "signal_events": signal_events(),
        "background": np.asarray(ak.to_numpy(pool.m_coll), dtype=np.float64),
        "weights": np.asarray(ak.to_numpy(pool.weight), dtype=np.float64),
        "signal": np.asarray(ak.to_numpy(signal.m_coll), dtype=np.float64),
    }


def _overfit(figure: str, studies: Mapping[str, StoredStudy], recompute: bool) -> Any:
    """Return the overfit scores of the study's toys, as many as are done."""
    if figure not in ("sym-fig10", "sym-numbers") or "epochs" not in studies:
        return None
    if not recompute:
        return read_overfit(RESULTS / "overfit.json")
    study = studies["epochs"]
    n = max(row.t.size for row in study.rows.values())
    return overfit_scores(study.study, n)


def _remarks(studies: Mapping[str, StoredStudy], impossible: list[str]) -> list[str]:
    texts = []
    for name, study in studies.items():
        done = sum(row.t.size for row in study.rows.values()) // len(study.study.tests)
        if not study.complete:
            texts.append(f"Study {name}: {done:,} of {study.study.toys:,} toys are done.")
        if failed := sum(int(np.isnan(row.t).sum()) for row in study.rows.values()):
            texts.append(f"Study {name}: {failed:,} tests failed and are in no number.")
    if impossible:
        texts.append(f"Not stored, hence not here: what {', '.join(impossible)} need.")
    return texts


def print_claims(given: Iterable[Claim], title: str, remark: str = "") -> None:
    """Print what the paper says and ours, and why those differ that do."""
    given = list(given)
    table = titled_table(title)
    table.add_column("quantity", max_width=32)
    table.add_column("paper", max_width=12)
    table.add_column("ours", max_width=33)
    for claim in given:
        style = "yellow" if claim.holds is False else None
        table.add_row(claim.quantity, claim.paper, claim.ours, style=style)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    if remark:
        console.print(_indented(remark))
    notes: dict[tuple[str, bool], list[str]] = {}
    for claim in given:
        if claim.note or claim.holds is False:
            notes.setdefault((claim.note, claim.holds is False), []).append(claim.quantity)
    for (note, differs), quantities in notes.items():
        text = f"{'; '.join(quantities)}: {note}" if note else f"{'; '.join(quantities)}: differs."
        console.print(_indented(text).replace(" ", "!" if differs else " ", 1))


def _indented(text: str) -> str:
    return textwrap.indent("\n".join(textwrap.wrap(text, _WIDTH - 2)), "  ")
