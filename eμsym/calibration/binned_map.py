"""One correction of a correctionlib file: its values, and which of its bins they are from.

Which bin is asked of correctionlib itself: the same correction, with the number of the bin in
the place of what the bin holds, is evaluated beside it. Flows, categories and transformed
inputs are then what they are for the values, and bins of equal content stay different bins.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray, IntArray
from eμsym.errors import DataError, InputFileError
from eμsym.input_files import parse_json, read_bytes
from eμsym.shown import Shown

#: Nodes that lead to others; whatever else a correction holds is the content of a bin.
_BRANCHING = ("binning", "multibinning", "category", "transform")


@dataclass(frozen=True, eq=False, repr=False)
class BinnedMap(Shown):
    """A correction of leptons.

    Attributes
    ----------
    path, name : str
        The file, and what the correction is called there.
    inputs : tuple of str
    binned : bool
        Whether it is one number or has bins, and is not one formula of everything.
    n_bins : int
        How many bins it has; a formula inside a bin is one.
    """

    path: str
    name: str
    inputs: tuple[str, ...]
    binned: bool
    n_bins: int
    _value: Any
    _number: Any

    def values(self, columns: Mapping[str, FloatArray]) -> FloatArray:
        """Return the correction's values.

        Parameters
        ----------
        columns : mapping of str to array of shape (n,)
            Of all inputs.

        Raises
        ------
        DataError
            If it is not defined for all.
        """
        return self._evaluated(self._value, columns)

    def bins(self, columns: Mapping[str, FloatArray]) -> IntArray:
        """Return the numbers of the bins that `values` are from, 0 ≤ number < n_bins.

        Raises
        ------
        DataError
            If it is not defined for all.
        """
        return np.asarray(self._evaluated(self._number, columns), dtype=np.int64)

    def _evaluated(self, correction: Any, columns: Mapping[str, FloatArray]) -> FloatArray:
        arguments = [columns[name] for name in self.inputs]
        if not arguments[0].size:
            return np.zeros(0)
        try:
            return np.asarray(correction.evaluate(*arguments), dtype=np.float64)
        except (IndexError, RuntimeError, ValueError) as error:
            spans = (f"{x} {columns[x].min():.4g} to {columns[x].max():.4g}" for x in self.inputs)
            raise DataError(
                f"{self.path}: {self.name} is not defined for all leptons, with "
                f"{', '.join(spans)} ({one_line(error)}); widen its bins or set its flow to clamp"
            ) from error


@dataclass(frozen=True, eq=False)
class CorrectionFile:
    """A correctionlib file.

    Attributes
    ----------
    path : str
    text : str
        What stands in it.
    content : correctionlib.CorrectionSet
    """

    path: str
    text: str
    content: Any

    @property
    def names(self) -> tuple[str, ...]:
        """What corrections there are, sorted."""
        return tuple(sorted(self.content))

    def corrections(self) -> list[dict[str, Any]]:
        """Return the corrections as they stand in the file."""
        return list(parse_json(self.text, self.path)["corrections"])

    def map(self, name: str, inputs: Sequence[str]) -> BinnedMap:
        """Return a correction of leptons.

        Parameters
        ----------
        name : str
        inputs : sequence of str
            Those that it may have, as numbers: which text would be right (a year, a systematic
            variation), nobody here could say.

        Raises
        ------
        InputFileError
            If there is none, or it has other inputs.
        """
        from correctionlib import CorrectionSet

        if name not in self.names:
            known = ", ".join(self.names) or "none"
            raise InputFileError(f"{self.path}: has no correction {name!r}; there are: {known}")
        raw = next(item for item in self.corrections() if item["name"] == name)
        self._refuse_others(raw, inputs)
        counter = itertools.count()
        numbered = {**raw, "data": _numbered(raw["data"], counter)}
        numbers = CorrectionSet.from_string(
            json.dumps({"schema_version": 2, "corrections": [numbered]})
        )
        root = raw["data"]
        return BinnedMap(
            path=self.path,
            name=name,
            inputs=tuple(variable["name"] for variable in raw["inputs"]),
            binned=not isinstance(root, dict) or root["nodetype"] in _BRANCHING,
            n_bins=next(counter),
            _value=self.content[name],
            _number=numbers[name],
        )

    def _refuse_others(self, raw: Mapping[str, Any], wanted: Sequence[str]) -> None:
        """Refuse a correction with inputs that are not the wanted ones, or are text."""
        names = [variable["name"] for variable in raw["inputs"]]
        for variable in raw["inputs"]:
            if variable["type"] == "string":
                name, others = variable["name"], ", ".join(wanted)
                raise InputFileError(
                    f"{self.path}: {raw['name']} takes {name} as text; make it a function of "
                    f"{others} alone, as numbers"
                )
        if not names or not set(names) <= set(wanted):
            raise InputFileError(
                f"{self.path}: {raw['name']} is a function of {', '.join(names) or 'nothing'}; "
                f"it must be one of {', '.join(wanted)}"
            )


def read_correction_file(path: str | Path) -> CorrectionFile:
    """Read correctionlib JSON (``.json`` or ``.json.gz``).

    Raises
    ------
    InputFileError
        If the file cannot be read, or is no such file.
    """
    from correctionlib import CorrectionSet

    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputFileError(f"{path}: cannot be read ({one_line(error)})") from error
    try:
        content = CorrectionSet.from_string(text)
    except Exception as error:
        raise InputFileError(f"{path}: is not a correctionlib file ({one_line(error)})") from error
    parse_json(text, path)  # refuses what correctionlib reads without a word: a key given twice
    return CorrectionFile(str(path), text, content)


def one_line(error: Exception) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())


def lepton_inputs(pt: FloatArray, eta: FloatArray, prefix: str = "") -> dict[str, FloatArray]:
    """Return the inputs that maps may have of leptons: pT in GeV, |η| and η, each (n,)."""
    pt, eta = pt.ravel(), eta.ravel()
    return {f"{prefix}pt": pt, f"{prefix}abseta": np.abs(eta), f"{prefix}eta": eta}


def _numbered(node: Any, counter: Iterator[int]) -> Any:
    """Return a node with the bins' numbers, counted on, in the place of their content."""
    if not isinstance(node, dict) or node["nodetype"] not in _BRANCHING:
        return float(next(counter))
    content, changed = node["content"], dict(node)
    if node["nodetype"] == "category":
        changed["content"] = [
            {**item, "value": _numbered(item["value"], counter)} for item in content
        ]
        if node.get("default") is not None:
            changed["default"] = _numbered(node["default"], counter)
    elif node["nodetype"] == "transform":
        changed["content"] = _numbered(content, counter)
    else:
        changed["content"] = [_numbered(each, counter) for each in content]
        if not isinstance(node["flow"], str):
            changed["flow"] = _numbered(node["flow"], counter)
    return changed
