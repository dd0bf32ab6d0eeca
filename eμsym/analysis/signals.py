"""The q0 tests of a processed folder: one for each signal shape at hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import hist

from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0 import Q0
from eμsym.binned.q0_minuit import ProfileFit
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.binned.templates_io import read_templates
from eμsym.counts import check_same_binning
from eμsym.errors import ConfigurationError, DataError
from eμsym.folder import ProcessedFolder
from eμsym.label_rule import LEADING
from eμsym.pair import Pair
from eμsym.pair_io import read_pair
from eμsym.recipes import STORED_SIGNALS, stored_templates


@dataclass(frozen=True, eq=False)
class SignalShape:
    """The shape of a signal in the plane, and the sample that it stands in.

    Attributes
    ----------
    name : str
    order : str
        The order in which most of the signal is, by the label rule's name.
    side : {"a", "b"}
        The sample that this is.
    plane : hist.Hist
        Its plane in that order.
    origin : str
        "dataset" of the folder, or "stored" with the package.
    """

    name: str
    order: str
    side: Literal["a", "b"]
    plane: hist.Hist
    origin: str = "dataset"

    @property
    def test(self) -> Q0Test:
        """The test for it."""
        return Q0Test(self.plane, "plane", self.side)


@dataclass(frozen=True, eq=False)
class SignalFit:
    """The fit of a signal's strength, with the other sample as the measured background.

    Attributes
    ----------
    shape : SignalShape
    minimizer : {"minuit", "newton"}
    n_nuisances : int or None
        Of the correction; None if they are not known.
    fit : ProfileFit, Q0 or None
        With MINUIT the whole fit; None if the likelihood cannot be had.
    problem : str or None
        Why it cannot.
    """

    shape: SignalShape
    minimizer: str
    n_nuisances: int | None = None
    fit: ProfileFit | Q0 | None = None
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what was fitted and the result, or its ``problem``, for JSON."""
        found: dict[str, Any] = {
            "order": self.shape.order,
            "shape": self.shape.origin,
            "background": "profiled",
            "minimizer": self.minimizer,
        }
        if self.n_nuisances is not None:
            found["n_nuisances"] = self.n_nuisances
        if self.fit is not None:
            found |= self.fit.to_dict()
        if self.problem is not None:
            found["problem"] = self.problem
        return found


def signals_of_folder(
    folder: ProcessedFolder, pair: Iterable[str], chosen: tuple[str, ...] = ()
) -> list[SignalShape]:
    """Return the shapes of a folder's signal datasets.

    Parameters
    ----------
    folder : ProcessedFolder
    pair : iterable of str
        Datasets of the pair. A signal among them is no independent shape, and is
        taken only if it is chosen.
    chosen : tuple of str
        Names of datasets; default: all signals that are not in the pair.

    Raises
    ------
    ConfigurationError
        If a chosen dataset is not there, or has no event in the plane.
    """
    results, inside = folder.results(), set(pair)
    datasets, orders = results.datasets, results.orders
    for name in chosen:
        if name not in datasets:
            raise ConfigurationError(f"no dataset {name!r}; there are {', '.join(datasets)}")
    names = chosen or tuple(
        name for name, about in datasets.items() if about.role == "signal" and name not in inside
    )
    shapes = []
    for name in names:
        a, b = read_pair(folder.path, datasets=[name]).hist("plane")
        in_a = a.sum().value >= b.sum().value
        shape = (
            SignalShape(name, orders[0], "a", a) if in_a else SignalShape(name, orders[1], "b", b)
        )
        if shape.plane.sum().value > 0:
            shapes.append(shape)
        elif chosen:
            raise ConfigurationError(f"dataset {name!r} has no event in the plane")
    return shapes


def stored_signals(plane: hist.Hist, known: Iterable[str]) -> list[SignalShape]:
    """Return the signal shapes that come with the package and fit a plane's axes.

    Parameters
    ----------
    plane : hist.Hist
    known : iterable of str
        Signals that need no stored shape.
    """
    shapes, had = [], set(known)
    for name in STORED_SIGNALS:
        templates = read_templates(stored_templates(name))
        names = [axis.name for axis in templates.signal.axes]
        if name in had or names != [axis.name for axis in plane.axes]:
            continue
        try:
            check_same_binning(plane, templates.signal)
        except DataError:
            continue
        order = templates.provenance["signal"]["order"]
        side: Literal["a", "b"] = "a" if order == LEADING.orders[0] else "b"
        shapes.append(SignalShape(name, order, side, templates.signal, "stored"))
    return shapes


def fit_signal(pair: Pair, shape: SignalShape, *, minimizer: str) -> SignalFit:
    """Fit the strength of a signal.

    Parameters
    ----------
    pair : Pair
        Unweighted. Of a corrected one the raw counts are fitted, with the ratio of yields
        that its correction expects.
    shape : SignalShape
    minimizer : {"minuit", "newton"}
    """
    n_nuisances, test = None, shape.test
    try:
        n_nuisances = len(pair.yield_ratio("plane").modes)
        fit: ProfileFit | Q0 = test.profile(pair) if minimizer == "minuit" else test(pair)
    except DataError as error:
        return SignalFit(shape, minimizer, n_nuisances, problem=str(error))
    return SignalFit(shape, minimizer, n_nuisances, fit)


def workspace(pair: Pair, shape: SignalShape, orders: tuple[str, str]) -> dict[str, Any]:
    """Return the likelihood of `fit_signal` as a pyhf workspace.

    Parameters
    ----------
    pair : Pair
        As for `fit_signal`: what a correction expects of the raw counts is in it.
    shape : SignalShape
    orders : tuple of str
        What to call the channels of A and of B.
    """
    counts = shape.test.counts(pair)
    return pyhf_workspace(counts.b, counts.a, counts.signal, ratio=counts.ratio, channels=orders)
