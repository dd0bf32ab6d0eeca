"""The figures and numbers of the SYM paper: its studies read or run, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from eμsym.binned.templates_io import read_templates
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.event_io import read_events
from eμsym.files import make_folder
from eμsym.papers.registry import Part
from eμsym.papers.sym_claims import Claim
from eμsym.papers.sym_inputs import SymInputs
from eμsym.papers.sym_overfit import overfit_scores, read_overfit
from eμsym.papers.sym_published_nulls import GOOD_ENOUGH
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
#: What must be known to read a figure's table.
_Z2 = (
    "Z(2): the significance, by these toys, of the t to which χ² gives 2σ. It is called good "
    f"within {GOOD_ENOUGH} of 2, and its error."
)
_BOUND = (
    ", hence a little high where the larger one is above all toys without signal; errors from "
    "bootstraps."
)
REMARKS: Mapping[str, str] = {
    "sym-fig1": f"{_Z2} A diverged training is above any t.",
    "sym-fig2": _Z2,
    "sym-fig3": _Z2,
    "sym-fig4": f"Medians, linear between the signals of 2, 4, 6 and 8σ{_BOUND}",
    "sym-fig5": f"Medians, linear between the branching ratios{_BOUND}",
    "sym-fig6": "Medians of independent pairs; permuted was toy 0 of each kind, whatever its t.",
    "sym-fig9": _Z2,
}


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
    return read_events(STUDIES / f"{name}.parquet")


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


def claims(
    parts: Sequence[Part], inputs: SymInputs, *, all_of_them: bool = True
) -> dict[str, list[Claim]]:
    """Return what the paper says, beside ours, by figure.

    Parameters
    ----------
    parts : sequence of Part
        The figures.
    inputs : SymInputs
    all_of_them : bool
        Whether none may be left out for want of its studies.

    Raises
    ------
    ConfigurationError
        If a study is missing.
    """
    told = {}
    for part in parts:
        if all_of_them or _possible(part, inputs):
            try:
                told[part.figure] = list(part.claims(inputs))
            except KeyError as error:
                raise ConfigurationError(f"{part.figure}: needs the study {error}") from error
    return told


def _possible(part: Part, inputs: SymInputs) -> bool:
    return set(studies_in(part.needs)) <= inputs.studies.keys()


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
    parts: Sequence[Part], inputs: SymInputs, said: Mapping[str, Sequence[Claim]]
) -> list[Table | str]:
    """Return a table of each figure, and what is missing in words."""
    tables = [
        claim_table(given, f"{figure} of arXiv:2401.09530", REMARKS.get(figure, ""))
        for figure, given in said.items()
    ]
    impossible = [part.figure for part in parts if not _possible(part, inputs)]
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
