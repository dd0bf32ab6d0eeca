"""The q0 tests of a processed folder: one for each signal shape at hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eμsym.binned.q0_of_pair import Q0Test
from eμsym.counts import check_same_binning
from eμsym.errors import ConfigurationError, DataError
from eμsym.files import make_folder, write_json
from eμsym.histogram_io import ORDERS
from eμsym.pair import Pair
from eμsym.pair_io import read_pair


@dataclass(frozen=True, eq=False)
class SignalShape:
    """The shape of a signal in the plane, and the sample that it stands in.

    Attributes
    ----------
    name : str
    order : {"emu", "mue"}
        The flavour order in which most of the signal is.
    plane : hist.Hist
        Its plane in that order.
    origin : str
        "dataset" of the folder, or "stored" with the package.
    """

    name: str
    order: str
    plane: Any
    origin: str = "dataset"

    @property
    def test(self) -> Q0Test:
        """The test for it."""
        side: Literal["a", "b"] = "a" if self.order == ORDERS[0] else "b"
        return Q0Test(self.plane, "plane", side)


def signals_of_folder(
    folder: Path, results: dict[str, Any], pair: list[str], chosen: tuple[str, ...] = ()
) -> list[SignalShape]:
    """Return the shapes of a folder's signal datasets.

    Parameters
    ----------
    folder : Path
    results : dict
        The content of its ``results.json``.
    pair : list of str
        Datasets of the pair. A signal among them is no independent shape, and is
        taken only if it is chosen.
    chosen : tuple of str
        Names of datasets; default: all signals that are not in the pair.

    Raises
    ------
    ConfigurationError
        If a chosen dataset is not there, or has no event in the plane.
    """
    datasets = results["datasets"]
    for name in chosen:
        if name not in datasets:
            raise ConfigurationError(f"no dataset {name!r}; there are {', '.join(datasets)}")
    names = chosen or tuple(
        name for name in datasets if datasets[name]["role"] == "signal" and name not in pair
    )
    shapes = []
    for name in names:
        a, b = read_pair(folder, datasets=[name]).hist("plane")
        order, plane = (ORDERS[0], a) if a.sum().value >= b.sum().value else (ORDERS[1], b)
        if plane.sum().value > 0:
            shapes.append(SignalShape(name, order, plane))
        elif chosen:
            raise ConfigurationError(f"dataset {name!r} has no event in the plane")
    return shapes


def stored_signals(plane: Any, known: Iterable[str]) -> list[SignalShape]:
    """Return the signal shapes that come with the package and fit a plane's axes.

    Parameters
    ----------
    plane : hist.Hist
    known : iterable of str
        Signals that need no stored shape.
    """
    from eμsym.binned.templates_io import read_templates
    from eμsym.recipes import STORED_SIGNALS, stored_templates

    shapes = []
    for name in STORED_SIGNALS:
        templates = read_templates(stored_templates(name))
        names = [axis.name for axis in templates.signal.axes]
        if name in known or names != [axis.name for axis in plane.axes]:
            continue
        try:
            check_same_binning(plane, templates.signal)
        except DataError:
            continue
        order = templates.provenance["signal"]["order"]
        shapes.append(SignalShape(name, order, templates.signal, "stored"))
    return shapes


def fit_signal(pair: Pair, shape: SignalShape, *, minimizer: str) -> tuple[dict[str, Any], Any]:
    """Fit the strength of a signal, with the other sample as the measured background.

    Parameters
    ----------
    pair : Pair
        Unweighted. Of a corrected one the raw counts are fitted, with the ratio of yields
        that its correction expects.
    shape : SignalShape
    minimizer : {"minuit", "newton"}

    Returns
    -------
    result : dict
        For JSON; if the likelihood cannot be had, its ``problem``.
    fit : ProfileFit or None
        With MINUIT, the whole fit.
    """
    test = shape.test
    about: dict[str, Any] = {
        "order": shape.order,
        "shape": shape.origin,
        "background": "profiled",
        "minimizer": minimizer,
    }
    try:
        about["n_nuisances"] = len(pair.yield_ratio("plane").modes)
        if minimizer == "minuit":
            fit = test.profile(pair)
            return {**about, **fit.to_dict()}, fit
        return {**about, **test(pair).to_dict()}, None
    except DataError as error:
        return {**about, "problem": str(error)}, None


def write_workspace(path: Path, pair: Pair, shape: SignalShape) -> None:
    """Write the likelihood of `fit_signal` as a pyhf workspace, whole or not at all.

    It is that of the raw counts: what a correction expects of them is not in it.
    """
    from eμsym.binned.pyhf_export import pyhf_workspace

    tested, reference, _ = shape.test.counts(pair.raw)
    channels = (ORDERS[1], ORDERS[0]) if shape.order == ORDERS[0] else ORDERS
    workspace = pyhf_workspace(tested, reference, shape.plane.values(), channels=channels)
    make_folder(path.parent)
    write_json(path, workspace)
