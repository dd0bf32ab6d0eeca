"""Efficiencies of electrons and muons as correctionlib JSON files: theirs read, ours written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray, IntArray
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins, lepton_columns
from eμsym.calibration.event_list import EventList
from eμsym.errors import DataError, EmusymError, InputFileError
from eμsym.files import whole_file
from eμsym.input_files import parse_json, read_bytes
from eμsym.pool import Pool
from eμsym.shown import Shown

#: The corrections that are read by default, and those that we write.
ELECTRON = "efficiency_electron"
MUON = "efficiency_muon"
RATIO = "ratio_mu_e"
ERROR = "ratio_mu_e_log_error"
MODES = "ratio_mu_e_log_modes"
COVARIANCE = "ratio_mu_e_log_covariance"  # in files of earlier versions
EVENTS = "calibrating_events"

#: Inputs that an efficiency may have: pT in GeV, |η| and η.
INPUTS = ("pt", "abseta", "eta")

#: More different efficiencies than this are no bins.
_MAX_BINS = 2000


@dataclass(frozen=True, eq=False, repr=False)
class EfficiencyMaps(Shown):
    """Efficiencies of electrons and muons from a correctionlib file.

    Attributes
    ----------
    path : str
        The file.
    electron, muon : correctionlib.highlevel.Correction
        ε_e and ε_μ as functions of ``pt`` and ``abseta`` (or ``eta``).
    errors : tuple of correctionlib.highlevel.Correction, or None
        The standard errors of ε_e and of ε_μ; None if the file has none.
    """

    path: str
    electron: Any
    muon: Any
    errors: tuple[Any, Any] | None = None

    def evaluate(self, pt: ArrayLike, eta: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return ε_e and ε_μ of leptons, of the shape of pT [GeV] and η.

        Raises
        ------
        DataError
            If a lepton is beyond the file's bins, or an efficiency is not in (0, 1].
        """
        pt, eta = (np.asarray(values, dtype=np.float64) for values in (pt, eta))
        pair = [self._values(correction, pt, eta) for correction in (self.electron, self.muon)]
        for correction, values in zip((self.electron, self.muon), pair, strict=True):
            wrong = ~((values > 0) & (values <= 1))
            if wrong.any():
                k = int(np.argmax(wrong))
                raise DataError(
                    f"{self.path}: {correction.name} is {values.flat[k]:g} at pT "
                    f"{pt.flat[k]:.4g} GeV, η {eta.flat[k]:.3g}; an efficiency is above 0 and "
                    "at most 1"
                )
        return pair[0], pair[1]

    def at(self, pt: FloatArray, eta: FloatArray) -> MapLevels:
        """Return ln r = ln(ε_μ/ε_e) as the numbered values that these leptons have.

        Leptons of equal efficiencies and errors are those of one bin, whose error
        they share; different bins are independent.

        Raises
        ------
        DataError
            As for `evaluate`; or if an error is negative, or the efficiencies with
            errors are not binned.
        """
        table = np.unique(self.rows(pt, eta), axis=1)
        if self.errors is None:
            return MapLevels(self, table, table[0], None)
        if table.shape[1] > _MAX_BINS:
            raise DataError(
                f"{self.path}: has errors, but {table.shape[1]} different efficiencies; errors are "
                "those of bins, give both efficiencies in bins"
            )
        return MapLevels(self, table, table[0], np.diag(table[1] ** 2 + table[2] ** 2))

    def rows(self, pt: FloatArray, eta: FloatArray) -> FloatArray:
        """Return ln r of leptons and, if there are errors, all that tells bins apart.

        Returns
        -------
        ndarray of float, shape (1 or 5, leptons)
        """
        electron, muon = self.evaluate(pt, eta)
        rows = [np.log(muon / electron)]
        if self.errors is not None:
            for values, correction in zip((electron, muon), self.errors, strict=True):
                error = self._values(correction, pt, eta)
                if not np.all((error >= 0) & np.isfinite(error)):
                    raise DataError(f"{self.path}: {correction.name} is negative or not finite")
                rows.append(error / values)
            rows += [electron, muon]
        return np.stack([row.ravel() for row in rows])

    def _values(self, correction: Any, pt: FloatArray, eta: FloatArray) -> FloatArray:
        columns = {"pt": pt, "abseta": np.abs(eta), "eta": eta}
        where = f"{self.path}: {correction.name}"
        arguments = [columns[variable.name].ravel() for variable in correction.inputs]
        try:
            values = np.asarray(correction.evaluate(*arguments), dtype=np.float64)
        except (IndexError, RuntimeError, ValueError) as error:
            raise DataError(
                f"{where} is not defined for all leptons, with pT {pt.min():.4g} to "
                f"{pt.max():.4g} GeV and |η| up to {np.abs(eta).max():.3g} ({_one_line(error)}); "
                "widen its bins or set its flow to clamp"
            ) from error
        return values.reshape(pt.shape)


@dataclass(frozen=True, eq=False, repr=False)
class MapLevels(Shown):
    """ln r of some leptons, from efficiency maps: numbered values with their covariance.

    Attributes
    ----------
    maps : EfficiencyMaps
    table : ndarray of float, shape (1 or 5, k)
        What tells the values apart, see `EfficiencyMaps.rows`, in lexicographic order.
    log_ratio : ndarray of float, shape (k,)
    covariance : ndarray of float, shape (k, k), or None
        None if the file has no errors.
    """

    maps: EfficiencyMaps
    table: FloatArray
    log_ratio: FloatArray
    covariance: FloatArray | None

    def index(self, pt: FloatArray, eta: FloatArray) -> IntArray:
        """Return which of `log_ratio` leptons have, of the shape of pT [GeV] and η.

        Raises
        ------
        DataError
            If a lepton's efficiencies are none of those that the table was made of.
        """
        rows = self.maps.rows(pt, eta)
        both, place = np.unique(
            np.concatenate([self.table, rows], axis=1), axis=1, return_inverse=True
        )
        if both.shape != self.table.shape:
            raise DataError(f"{self.maps.path}: other leptons than those that were corrected")
        number = place.ravel()[self.table.shape[1] :]
        return np.asarray(number, dtype=np.int64).reshape(np.shape(pt))

    @property
    def modes(self) -> FloatArray | None:
        """The directions in which ln r is uncertain, shape (m, k); None if it is exact."""
        if self.covariance is None:
            return None
        values, vectors = np.linalg.eigh(self.covariance)
        return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))).T)

    def levels(self, pool: Pool) -> tuple[IntArray, IntArray]:
        """Return which of `log_ratio` the leading and the sub-leading leptons of events have."""
        lead, sub = self.index(*lepton_columns(pool))
        return lead, sub

    def with_log_ratio(self, log_ratio: FloatArray) -> MapLevels:
        """Return other ln r of the same leptons and covariance."""
        return replace(self, log_ratio=log_ratio)


def read_correction(
    path: str | Path, *, electron: str = ELECTRON, muon: str = MUON
) -> EfficiencyRatio | EfficiencyMaps:
    """Read a correction from correctionlib JSON (``.json`` or ``.json.gz``).

    Parameters
    ----------
    path : str or Path
        With corrections of the two names below, or as `write_correction` writes it.
    electron, muon : str
        Names of the corrections that hold ε_e and ε_μ. Their inputs are ``pt``
        in GeV and ``abseta`` or ``eta``, or some of them, in any order. Their
        standard errors, if any, are in corrections of the same name with ``_error``
        at the end.

    Returns
    -------
    EfficiencyMaps, or EfficiencyRatio
        A ratio, with its covariance and the events that it was fitted to (None if the
        file does not say), of a file that `write_correction` has written.

    Raises
    ------
    InputFileError
        If the file cannot be read, lacks a correction, or one needs other inputs.
    """
    from correctionlib import CorrectionSet

    text = _text(Path(path))
    try:
        content = CorrectionSet.from_string(text)
    except Exception as error:
        raise InputFileError(f"{path}: is not a correctionlib file ({_one_line(error)})") from error
    parse_json(text, path)  # refuses what correctionlib reads without a word: a key given twice
    known = set(content)  # asking the set itself for a name that it lacks raises an error
    if RATIO in known and not {electron, muon} <= known:
        return _read_ratio(path, content, text)
    efficiencies = [_efficiency(path, content, name) for name in (electron, muon)]
    errors = None
    names = [f"{name}_error" for name in (electron, muon)]
    if known & set(names):
        left, right = (_efficiency(path, content, name) for name in names)
        errors = left, right
    return EfficiencyMaps(str(path), efficiencies[0], efficiencies[1], errors)


def _efficiency(path: str | Path, content: Any, name: str) -> Any:
    if name not in set(content):
        known = ", ".join(sorted(content)) or "none"
        raise InputFileError(f"{path}: has no correction {name!r}; there are: {known}")
    inputs = [variable.name for variable in content[name].inputs]
    strange = [x for x in inputs if x not in INPUTS]
    if strange or not inputs:
        raise InputFileError(
            f"{path}: {name} is a function of {', '.join(inputs) or 'nothing'}; it must be one of "
            f"{', '.join(INPUTS)}"
        )
    texts = [variable.name for variable in content[name].inputs if variable.type == "string"]
    if texts:
        raise InputFileError(
            f"{path}: {name} takes {', '.join(texts)} as text; make it a real or an int input"
        )
    return content[name]


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputFileError(f"{path}: cannot be read ({_one_line(error)})") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def write_correction(ratio: EfficiencyRatio, path: str | Path) -> None:
    """Write r = ε_μ/ε_e as correctionlib JSON, whole or not at all.

    Parameters
    ----------
    ratio : EfficiencyRatio
    path : str or Path
        ``.json``. Its corrections are ``ratio_mu_e`` and ``ratio_mu_e_log_error``,
        the error of ln r, with the inputs ``pt`` and ``abseta`` (or ``eta``), both clamped;
        ``ratio_mu_e_log_modes``, the independent shifts of ln r by one standard deviation,
        of the numbers of a shift and of a bin; and, if it is known,
        ``calibrating_events``: how many events it was fitted to, without inputs. Which
        they are is said in its description (correctionlib allows no keys of one's own),
        see `EventList.to_text`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    text = correction_set(ratio).model_dump_json(exclude_unset=True, indent=1)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def correction_set(ratio: EfficiencyRatio) -> Any:
    """Return the content of the file, a `correctionlib.schemav2.CorrectionSet`."""
    from correctionlib import schemav2

    def correction(
        name: str, says: str, inputs: dict[str, tuple[str, str]], edges: Any, content: FloatArray
    ) -> Any:
        return schemav2.Correction(
            name=name,
            description=says,
            version=1,
            inputs=[
                schemav2.Variable(name=key, type=kind, description=text)  # type: ignore[arg-type]
                for key, (kind, text) in inputs.items()
            ],
            output=schemav2.Variable(name=name, type="real"),
            data=schemav2.MultiBinning(
                nodetype="multibinning",
                inputs=list(inputs),
                edges=edges,
                content=list[Any](content.ravel().tolist()),
                flow="clamp",
            ),
        )

    axis, columns = _eta_axis(ratio.bins)
    lepton = {"pt": ("real", "pT in GeV"), axis: ("real", axis.replace("abseta", "|η|"))}
    edges = [list(ratio.bins.pt_edges), _eta_edges(ratio.bins)]
    names = {"mode": ("real", "number of a shift"), "bin": ("real", "number of a bin")}
    shape = ratio.bins.shape
    modes = ratio.modes if ratio.modes.size else np.zeros((1, len(ratio.bins)))

    def by_bin(values: FloatArray) -> FloatArray:
        return values.reshape(*values.shape[:-1], *shape)[..., columns]

    def steps(n: int) -> list[float]:
        return [float(edge) for edge in np.arange(n + 1) - 0.5]

    return schemav2.CorrectionSet(
        schema_version=2,
        description="Efficiency of a muon over that of an electron, up to a factor.",
        corrections=[
            correction(RATIO, "r = ε_μ/ε_e", lepton, edges, by_bin(np.exp(ratio.log_ratio))),
            correction(ERROR, "standard error of ln r", lepton, edges, by_bin(ratio.error)),
            correction(
                MODES,
                "independent shifts of ln r by one standard deviation; bin (i, j) of pt and "
                f"{axis} has the number i * {shape[1]} + j",
                names,
                [steps(len(modes)), steps(len(ratio.bins))],
                by_bin(modes),
            ),
            *([] if ratio.events is None else [_events_correction(ratio.events)]),
        ],
    )


def _eta_axis(bins: LeptonBins) -> tuple[str, IntArray]:
    """Return the input that bins of η are of, and their numbers here in its order."""
    n = len(bins.abseta_edges) - 1
    if not bins.signed:
        return "abseta", np.arange(n)
    return "eta", np.concatenate([np.arange(2 * n - 1, n - 1, -1), np.arange(n)])


def _eta_edges(bins: LeptonBins) -> list[float]:
    edges = list(bins.abseta_edges)
    return [-edge for edge in reversed(edges[1:])] + edges if bins.signed else edges


def _events_correction(events: EventList) -> Any:
    from correctionlib import schemav2

    return schemav2.Correction(
        name=EVENTS,
        description=events.to_text(),
        version=1,
        inputs=[],
        output=schemav2.Variable(name="events", type="real"),
        data=float(len(events)),
    )


def _read_ratio(path: str | Path, content: Any, text: str) -> EfficiencyRatio:
    """Return the ratio, with the edges that the file has and the values that it evaluates to."""
    try:
        corrections = parse_json(text, path)["corrections"]
        node = next(item for item in corrections if item["name"] == RATIO)["data"]
        edges = dict(zip(node["inputs"], node["edges"], strict=True))
        signed = "eta" in edges
        eta = [edge for edge in edges["eta"] if edge >= 0] if signed else edges["abseta"]
        bins = LeptonBins(tuple(edges["pt"]), tuple(eta), signed)
        columns, shape = _eta_axis(bins)[1], bins.shape
        centres = [
            (np.array(x[:-1]) + np.array(x[1:])) / 2 for x in (bins.pt_edges, _eta_edges(bins))
        ]
        grid = [x.ravel() for x in np.meshgrid(*centres, indexing="ij")]

        def by_bin(values: FloatArray) -> FloatArray:
            result = np.empty((*values.shape[:-1], *shape))
            result[..., columns] = values.reshape(result.shape)
            return result.reshape(values.shape)

        values = by_bin(np.asarray(content[RATIO].evaluate(*grid)))
        if not np.all(values > 0):
            raise DataError("it is not above zero everywhere")
        spread = _read_spread(content, corrections, len(bins))
        if "modes" in spread:
            spread = {"modes": by_bin(spread["modes"])}
        lists = [item["description"] for item in corrections if item["name"] == EVENTS]
        events = EventList.from_text(lists[0]) if lists else None
        return EfficiencyRatio(bins, np.log(values), events=events, **spread)
    except (AttributeError, EmusymError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise InputFileError(
            f"{path}: {RATIO} is not as it was written here ({_one_line(error)}); write it anew, "
            f"or give {ELECTRON} and {MUON}"
        ) from error


def _read_spread(content: Any, corrections: Any, k: int) -> dict[str, FloatArray]:
    """Return the modes of ln r, or, of earlier versions, its covariance."""
    name = MODES if MODES in set(content) else COVARIANCE
    node = {item["name"]: item["data"] for item in corrections}[name]
    numbers = [np.arange(len(edges) - 1, dtype=np.float64) for edges in node["edges"]]
    if numbers[-1].size != k:
        raise DataError(f"{name} is of {numbers[-1].size} bins, and the ratio of {k}")
    pairs = [grid.ravel() for grid in np.meshgrid(*numbers, indexing="ij")]
    values = np.asarray(content[name].evaluate(*pairs)).reshape(-1, k)
    return {"modes" if name == MODES else "covariance": values}
