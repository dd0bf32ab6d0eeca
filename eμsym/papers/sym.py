"""The figures and numbers of the SYM paper: its studies read or run, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from eμsym.binned.templates_io import read_templates
from eμsym.errors import InputFileError
from eμsym.files import make_folder
from eμsym.papers.sym_claims import Claim
from eμsym.papers.sym_inputs import SymInputs
from eμsym.papers.sym_overfit import overfit_scores, read_overfit
from eμsym.papers.sym_published import REMARKS
from eμsym.papers.sym_published import claims as claims_of
from eμsym.papers.sym_results import StoredStudy, read_stored, stored_study
from eμsym.papers.tables import Table, claim_table
from eμsym.recipes import stored_templates
from eμsym.studies import read_study, run_study
from eμsym.studies.study_config import Study

SCHEMA, VERSION = "emusym/sym-figure", 1
#: The studies' TOML and pools, and their stored results.
STUDIES, RESULTS = Path(__file__).parent / "studies", Path(__file__).parent / "results" / "sym"
#: Luminosity in fb⁻¹ at which the paper gives its numbers of events.
LUMINOSITY = 20.0
#: What a figure may need besides studies: the scores of overfit solutions, the pools' events.
OVERFIT, POOLS = "overfit", "pools"


def studies_in(needs: Iterable[str]) -> tuple[str, ...]:
    """Return which of a figure's needs are studies."""
    return tuple(name for name in needs if name not in (OVERFIT, POOLS))


def stored(needs: Sequence[str], *, all_of_them: bool = True) -> SymInputs:
    """Return what is stored for a figure.

    Parameters
    ----------
    needs : sequence of str
        Names of studies, `OVERFIT`, `POOLS`.
    all_of_them : bool
        Whether a study may not be missing.

    Raises
    ------
    InputFileError, ConfigurationError
        If one is damaged, or is not there and all are wanted.
    """
    studies = {}
    for name in studies_in(needs):
        path = RESULTS / f"{name}.json"
        if path.is_file():
            studies[name] = read_stored(path)
        elif all_of_them:
            raise InputFileError(f"{path}: is not stored; give --recompute to run that study")
    overfit = None
    if OVERFIT in needs and "epochs" in studies:
        overfit = read_overfit(RESULTS / "overfit.json")
    return SymInputs(studies, overfit=overfit, **(_pools() if POOLS in needs else {}))


def computed(
    needs: Sequence[str], folder: Path, say: Callable[[str], None], **options: Any
) -> SymInputs:
    """Run the studies of a figure, or what is missing of them.

    Parameters
    ----------
    needs : sequence of str
        See `stored`.
    folder : Path
        Studies lie in its folder ``studies``, and go on there if they were stopped.
    say : callable
        Told what is run.
    **options
        See `run`.
    """
    studies = {name: run(name, folder / "studies", say, **options) for name in studies_in(needs)}
    overfit = None
    if OVERFIT in needs:
        study = studies["epochs"]
        overfit = overfit_scores(study.study, max(row.t.size for row in study.rows.values()))
    return SymInputs(studies, overfit=overfit, **(_pools() if POOLS in needs else {}))


def run(
    name: str,
    folder: Path,
    say: Callable[[str], None],
    *,
    toys: int | None = None,
    workers: int | None = None,
    dask: str | None = None,
) -> StoredStudy:
    """Run one of the paper's studies, or what is missing of it.

    Parameters
    ----------
    name : str
    folder : Path
        Its store is the folder of that name in it.
    say : callable
        Told what is run.
    toys : int or None
        At most so many toys a row.
    workers, dask
        See `eμsym.studies.run_study`.
    """
    study = capped(read_study(STUDIES / f"{name}.toml"), toys)
    make_folder(folder)
    say(f"{name}: {study.toys:,} toys, kept in {folder / name}")
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


def _pools() -> dict[str, Any]:
    pool, signal = read_pool("emu_pool"), read_pool("hlfv_taue_pool")
    return {
        "signal_events": signal_events(),
        "background": np.asarray(ak.to_numpy(pool.m_coll), dtype=np.float64),
        "weights": np.asarray(ak.to_numpy(pool.weight), dtype=np.float64),
        "signal": np.asarray(ak.to_numpy(signal.m_coll), dtype=np.float64),
    }


def claims(figures: Mapping[str, Sequence[str]], inputs: SymInputs) -> dict[str, list[Claim]]:
    """Return what the paper says, beside ours, with those figures whose studies are there.

    Parameters
    ----------
    figures : mapping of str to sequence of str
        What each needs.
    inputs : SymInputs
    """
    return {name: claims_of(inputs, name) for name in figures if name in _possible(figures, inputs)}


def _possible(figures: Mapping[str, Sequence[str]], inputs: SymInputs) -> list[str]:
    return [
        name for name, needs in figures.items() if set(studies_in(needs)) <= inputs.studies.keys()
    ]


def record(name: str, inputs: SymInputs, said: Mapping[str, Sequence[Claim]]) -> dict[str, Any]:
    """Return what is said and the studies, for JSON."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "figure": name,
        "claims": [claim.to_dict() for given in said.values() for claim in given],
        "studies": {name: study.to_dict() for name, study in inputs.studies.items()},
    }


def report(
    figures: Mapping[str, Sequence[str]], inputs: SymInputs, said: Mapping[str, Sequence[Claim]]
) -> list[Table | str]:
    """Return a table of each figure, and what is missing in words."""
    tables = [
        claim_table(given, f"{figure} of arXiv:2401.09530", REMARKS.get(figure, ""))
        for figure, given in said.items()
    ]
    impossible = [name for name in figures if name not in _possible(figures, inputs)]
    return [*tables, *_remarks(inputs.studies, impossible)]


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
