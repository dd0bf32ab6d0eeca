"""Stored results of the SYM paper's studies, from the stores that ``emusym toys`` made.

``python -m eμsym.papers.sym_studies STORE…`` writes ``results/sym/NAME.json`` for each store,
whose folder must have the name of its TOML file in ``studies``. A store that is
not finished can be kept too. With the store ``epochs``, the overfit scores of its toys
are made as well. With ``--tables`` it only prints the tables of ``results/README.md``.
"""

from __future__ import annotations

import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2, kstest, norm

from eμsym.errors import ConfigurationError, EmusymError
from eμsym.files import make_folder, read_json, write_json
from eμsym.papers.spline_power import RESULTS as SPLINE_RESULTS
from eμsym.papers.spline_power import SCHEMA as SPLINE_SCHEMA
from eμsym.papers.spline_power import ideal
from eμsym.papers.sym_overfit import overfit_scores, overfit_to_dict
from eμsym.papers.sym_results import StoredStudy, portable_study, read_stored, stored_study
from eμsym.studies import Study, ToyRow, read_results, read_study, study_from_dict
from eμsym.studies.study_file import StudyFile

STUDIES = Path(__file__).parent / "studies"
RESULTS = Path(__file__).parent / "results" / "sym"
#: Of the net 1-4-1: its parameters less one.
_DOF = 12
_QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)


def keep(folder: Path, output: Path = RESULTS) -> Path:
    """Write the stored result of a store.

    Parameters
    ----------
    folder : Path
        Of the name of its TOML file.
    output : Path
        Folder of the result.

    Raises
    ------
    ConfigurationError
        If the store's study is not that of the TOML file.
    InputFileError, DataError, OutputError
        If the store cannot be read or the result not be written.
    """
    stored = stored_study(read_results(folder), StudyFile.read(folder).versions)
    # A store may have been made of fewer toys than are wanted in the end.
    stored = replace(stored, study=_wanted(stored, folder))
    path = make_folder(output) / f"{folder.name}.json"
    write_json(path, stored.to_dict())
    if folder.name == "epochs":
        n = max(row.t.size for row in stored.rows.values())
        scores = overfit_scores(stored.study, n)
        write_json(output / "overfit.json", overfit_to_dict(stored.study, scores))
    return path


def _wanted(stored: StoredStudy, folder: Path) -> Study:
    """Return the study of the TOML file, of which the stored one must be a part."""
    path = STUDIES / f"{folder.name}.toml"
    wanted = portable_study(read_study(path))
    mine, yours = portable_study(stored.study), deepcopy(wanted)
    for content in (mine, yours):
        for row in content["rows"]:
            del row["toys"]
    if mine != yours:
        raise ConfigurationError(f"{folder}: is not of the study that {path} describes")
    return study_from_dict(wanted)


def null_table(nulls: StoredStudy) -> list[str]:
    """Return the quantiles of t without signal beside those of χ²₁₂, as lines of Markdown."""
    lines = [
        "| events in A, in B | toys | t at 2.5, 16, 50, 84, 97.5 % | mean | KS p of χ²₁₂ |",
        "|---|---|---|---|---|",
    ]
    for row in nulls.study.rows:
        t = nulls.statistics(row.name)
        if isinstance(row, ToyRow) and t.size:
            mean = f"{t.mean():.2f} ± {t.std() / np.sqrt(t.size):.2f}"
            p = kstest(t, chi2(_DOF).cdf).pvalue
            lines.append(
                f"| {row.n_a:,.0f}, {row.n_b:,.0f} | {t.size} "
                f"| {_numbers(np.quantile(t, _QUANTILES))} | {mean} | {p:.2g} |"
            )
    reference = chi2.ppf(_QUANTILES, _DOF)
    return [*lines, f"| χ²₁₂ | | {_numbers(reference)} | {_DOF} | |"]


def power_table(nulls: StoredStudy, benchmarks: StoredStudy) -> list[str]:
    """Return the median Z of the network and of the splines on the same toys, in Markdown."""
    spline = {
        (row["n_a"], row["signal"], round(row["n_signal"], 4)): row["tests"]
        for row in read_json(SPLINE_RESULTS, schema=SPLINE_SCHEMA)["rows"]
    }
    lines = [
        "| events in A and in B | signal in A | ideal Z | network, Z of its null (of χ²₁₂) "
        "| spline K = 8, 13, 24 |",
        "|---|---|---|---|---|",
    ]
    for row in benchmarks.study.rows:
        t = benchmarks.statistics(row.name)
        if not isinstance(row, ToyRow) or row.signal is None or not t.size:
            continue
        n = round(row.n_a)
        median = float(np.median(t))
        by_null = nulls.null(f"{n} {n}").z(median)
        by_chi2 = norm.isf(chi2.sf(median, _DOF))
        tests: dict[str, Any] = spline[n, row.signal, round(row.n_signal, 4)]
        splines = ", ".join(f"{test['z_median']:.2f}" for test in tests.values())
        lines.append(
            f"| {n:,} | {row.n_signal:.0f} of {row.signal} "
            f"| {ideal(row.signal, row.n_a, row.n_signal):.1f} "
            f"| {by_null:.2f} ({by_chi2:.2f}) | {splines} |"
        )
    return lines


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def main(arguments: list[str]) -> None:
    """Keep the stores that are named, or print the tables."""
    if not arguments:
        raise ConfigurationError("name the stores, or give --tables")
    if arguments == ["--tables"]:
        nulls, benchmarks = (read_stored(RESULTS / f"{n}.json") for n in ("nulls", "benchmarks"))
        print("\n".join([*null_table(nulls), "", *power_table(nulls, benchmarks)]))
        return
    for folder in map(Path, arguments):
        print(keep(folder.resolve()))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except EmusymError as problem:
        print(f"sym_studies: error: {problem}", file=sys.stderr)
        sys.exit(2)
