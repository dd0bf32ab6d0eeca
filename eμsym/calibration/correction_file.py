"""Efficiencies of electrons and muons as correctionlib JSON files: theirs read, ours written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray, IntArray
from eμsym.calibration.binned_map import CorrectionFile, one_line, read_correction_file
from eμsym.calibration.efficiency_maps import INPUTS, EfficiencyMaps
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
from eμsym.calibration.event_list import EventList
from eμsym.calibration.map_levels import map_with_error
from eμsym.calibration.pair_efficiencies import PAIR_INPUTS, PairEfficiencies
from eμsym.errors import DataError, EmusymError, InputFileError
from eμsym.files import whole_file

#: The corrections that are read by default, and those that we write.
ELECTRON = "efficiency_electron"
MUON = "efficiency_muon"
PAIR = "efficiency_pair"
RATIO = "ratio_mu_e"
ERROR = "ratio_mu_e_log_error"
MODES = "ratio_mu_e_log_modes"
COVARIANCE = "ratio_mu_e_log_covariance"  # in files of earlier versions
EVENTS = "calibrating_events"


def read_correction(
    path: str | Path, *, electron: str = ELECTRON, muon: str = MUON
) -> EfficiencyRatio | EfficiencyMaps | PairEfficiencies:
    """Read a correction from correctionlib JSON (``.json`` or ``.json.gz``).

    Parameters
    ----------
    path : str or Path
        With corrections of the two names below, or as `write_correction` writes it.
    electron, muon : str
        Names of the corrections that hold ε_e and ε_μ. Their inputs are ``pt``
        in GeV and ``abseta`` or ``eta``, or some of them, in any order, as numbers: an
        input that is text is refused. Their standard errors, if any, are in corrections of
        the same name with ``_error`` at the end; an error is that of a bin, and all that
        is made with the bin shares it.

    Returns
    -------
    EfficiencyMaps, PairEfficiencies or EfficiencyRatio
        The second if the file has a correction ``efficiency_pair``, the efficiency of an
        electron and a muon together, with inputs of `PAIR_INPUTS` and an error of its own
        as above; efficiencies of single leptons beside it multiply it. The third, with its
        covariance and the events that it was fitted to (None if the file does not say), of
        a file that `write_correction` has written.

    Raises
    ------
    InputFileError
        If the file cannot be read, lacks a correction, or one needs other inputs.
    """
    file = read_correction_file(path)
    known = set(file.names)
    both = {electron, muon} <= known
    if RATIO in known and not both and PAIR not in known:
        return _read_ratio(path, file)
    if PAIR not in known:
        return _efficiency_maps(file, electron, muon)
    # One map of single leptons without the other is a mistake, which is then named.
    single = _efficiency_maps(file, electron, muon) if {electron, muon} & known else None
    return PairEfficiencies(str(path), *map_with_error(file, PAIR, PAIR_INPUTS), single)


def _efficiency_maps(file: CorrectionFile, electron: str, muon: str) -> EfficiencyMaps:
    left, left_error = map_with_error(file, electron, INPUTS)
    right, right_error = map_with_error(file, muon, INPUTS)
    errors = None
    if left_error is not None or right_error is not None:
        errors = (
            left_error or file.map(f"{electron}_error", INPUTS),
            right_error or file.map(f"{muon}_error", INPUTS),
        )
    return EfficiencyMaps(file.path, left, right, errors)


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


def _read_ratio(path: str | Path, file: CorrectionFile) -> EfficiencyRatio:
    """Return the ratio, with the edges that the file has and the values that it evaluates to."""
    try:
        corrections, content = file.corrections(), file.content
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
            f"{path}: {RATIO} is not as it was written here ({one_line(error)}); write it anew, "
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
