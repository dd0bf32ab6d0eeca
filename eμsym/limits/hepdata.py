"""Limits as a submission to HEPData."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eμsym.errors import ConfigurationError, DataError
from eμsym.files import whole_folder
from eμsym.limits.upper_limit import UpperLimit

_REMEDY = "run: pip install 'emusym[hepdata]'"


def write_submission(
    limits: Mapping[str, Mapping[str, UpperLimit]], path: str | Path, *, comment: str = ""
) -> Path:
    """Write limits as a submission that HEPData's own validator accepts.

    Parameters
    ----------
    limits : mapping of str to mapping of str to UpperLimit
        What a table is called → signal → limit; those of a table are in one unit and of one
        confidence level.
    path : str or Path
        The folder to make; an earlier one is not replaced.
    comment : str
        Of the submission.

    Returns
    -------
    Path
        The folder, with ``submission.yaml``, one file a table, and ``submission.tar.gz``.

    Raises
    ------
    ConfigurationError
        If hepdata_lib is not installed.
    DataError
        If there is no limit, or the validator refuses the submission.
    OutputError
        If the folder is there, or cannot be written.
    """
    try:
        import hepdata_lib
        import hepdata_validator  # noqa: F401 (needed when all is written: it is missed before)
    except ImportError as error:
        raise ConfigurationError(f"hepdata_lib is not installed; {_REMEDY}") from error
    if not any(limits.values()):
        raise DataError("there is no limit to submit to HEPData")
    submission = hepdata_lib.Submission()
    submission.comment = comment
    for name, table in limits.items():
        if table:
            submission.add_table(_table(hepdata_lib, name, table))
    with whole_folder(path) as folder:
        # It leaves its archive in the working folder.
        with contextlib.chdir(folder):
            submission.create_files(".", validate=False)
        _validate(folder)
    return Path(path)


def _table(library: Any, name: str, limits: Mapping[str, UpperLimit]) -> Any:
    first = next(iter(limits.values()))
    table = library.Table(name)
    table.description = (
        f"Upper limits at {100 * first.cl:g} % confidence level by the CLs method, observed and "
        "expected without signal with its bands of one and two standard deviations."
    )
    table.location = "Results of emusym limit"
    signal = library.Variable("Signal", is_independent=True, is_binned=False, units="")
    signal.values = list(limits)
    table.add_variable(signal)
    units = "" if first.unit in ("events", "BR") else first.unit
    if all(math.isfinite(x.observed) for x in limits.values()):
        observed = library.Variable(
            "Observed limit", is_independent=False, is_binned=False, units=units
        )
        observed.values = [x.observed for x in limits.values()]
        table.add_variable(observed)
    expected = library.Variable(
        "Expected limit", is_independent=False, is_binned=False, units=units
    )
    expected.values = [x.median for x in limits.values()]
    for label, low, high in (("1 sigma", 1, 3), ("2 sigma", 0, 4)):
        band = library.Uncertainty(label, is_symmetric=False)
        band.values = [
            (x.expected[low] - x.median, x.expected[high] - x.median) for x in limits.values()
        ]
        expected.add_uncertainty(band)
    table.add_variable(expected)
    return table


def _validate(folder: Path) -> None:
    from hepdata_validator.full_submission_validator import FullSubmissionValidator

    validator = FullSubmissionValidator()
    if not validator.validate(archive=str(folder / "submission.tar.gz")):
        messages = [str(x) for found in validator.get_messages().values() for x in found]
        raise DataError(f"HEPData's validator refuses the submission: {'; '.join(messages)}")
