"""Scores of overfit solutions on the toys of a study (SYM Fig. 10 and appendix D)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import read_json
from eμsym.progress import Advance
from eμsym.running.toys import toy_statistics
from eμsym.studies import Study, ToyRow
from eμsym.toy_model import ToyModel
from eμsym.unbinned.references import overfit_bound

SCHEMA = "emusym/overfit-scores"
VERSION = 1
DIGITS = 4


def overfit_scores(study: Study, n: int, *, progress: bool | Advance | None = None) -> FloatArray:
    """Return the overfit bound of the first toys of a study's first row.

    Parameters
    ----------
    study : Study
        Whose first row is of the toy model; the toys are those that its tests have.
    n : int
        Toys.
    progress : bool or callable, optional
        As for `eμsym.running.toys.toy_statistics`.

    Returns
    -------
    ndarray of float, shape (n,)

    Raises
    ------
    ConfigurationError
        If the row is of another kind.
    """
    row = study.rows[0]
    if not isinstance(row, ToyRow):
        raise ConfigurationError(f"row {row.name!r}: overfit scores are of the toy model")
    model = ToyModel(row.n_a, row.n_b, row.signal, row.n_signal)
    seed = study.seed if row.seed is None else row.seed
    return toy_statistics(_overfit_t, model, n, rng=seed, progress=progress)


def _overfit_t(a: FloatArray, b: FloatArray, *, rng: Any = None) -> float:
    return overfit_bound(a, b).t


def overfit_to_dict(study: Study, scores: FloatArray) -> dict[str, Any]:
    """Return the scores, for JSON."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "study": study.name,
        "row": study.rows[0].name,
        "seed": study.seed,
        "t": np.round(scores, DIGITS).tolist(),
    }


def read_overfit(path: str | Path) -> FloatArray:
    """Read scores that were written as JSON.

    Raises
    ------
    InputFileError, ConfigurationError
        If the file is missing, is another one, or is damaged.
    """
    data = read_json(path, schema=SCHEMA, version=VERSION)
    try:
        scores = np.array(data["t"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise InputFileError(f"{path}: a part is missing or damaged ({error!r})") from error
    if scores.ndim != 1 or scores.size == 0:
        raise InputFileError(f"{path}: holds no scores")
    return scores
