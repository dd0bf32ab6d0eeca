"""The tests of a processed folder, from its events to one result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import hist

from eμsym.analysis.correction import Correction
from eμsym.analysis.options import Tests
from eμsym.analysis.problem import Problem
from eμsym.analysis.signals import (
    SignalFit,
    SignalShape,
    fit_signal,
    signals_of_folder,
    stored_signals,
    workspace,
)
from eμsym.analysis.statistics import AgainstNull, Columns, Unbinned, extra, spline_alone, unbinned
from eμsym.analysis.yields import Cutflow, Yields
from eμsym.binned.nsigma import NSigma, nsigma_of
from eμsym.binned.window_null import WindowPValue
from eμsym.binned.windows import BestWindow, WindowTest
from eμsym.difference import Difference
from eμsym.errors import ConfigurationError, DataError
from eμsym.folder import ProcessedFolder
from eμsym.nulls import null
from eμsym.pair import Pair
from eμsym.pair_io import read_pair

#: Said wherever only the raw comparison is shown.
RAW_WARNING = (
    "This compares raw eμ and μe: it still contains the detector's own e/μ difference "
    "(efficiency, isolation and coverage of electrons and muons). A deviation is not yet "
    "new physics."
)

#: Toys for the best window's global p-value.
WINDOW_TOYS = 1000


@dataclass(frozen=True, eq=False)
class Comparison:
    """A histogram of both samples, their difference, and its Nσ.

    Attributes
    ----------
    a, b : hist.Hist
        With the weights of the correction, if there is one.
    difference : Difference
    nsigma : NSigma
    """

    a: hist.Hist
    b: hist.Hist
    difference: Difference
    nsigma: NSigma

    @classmethod
    def of(cls, pair: Pair, name: str) -> Comparison:
        """Compare a histogram of a pair."""
        difference = pair.difference(name)
        return cls(*pair.hist(name), difference, nsigma_of(difference))


@dataclass(frozen=True, eq=False)
class WindowSearch:
    """The best window of the plane, and what it is worth among all.

    Attributes
    ----------
    found : BestWindow
    shape : {"square", "rectangle"}
    seed : int
        Of the toys.
    worth : WindowPValue or None
        None if no window holds an event.
    """

    found: BestWindow
    shape: str
    seed: int
    worth: WindowPValue | None

    @property
    def beyond_all_toys(self) -> bool:
        """Whether no toy has so large a window: the p-value is then only a limit."""
        return self.worth is not None and self.worth.pvalue <= self.worth.smallest_pvalue

    def to_dict(self) -> dict[str, Any]:
        """Return the best window and its global p-value, for JSON."""
        worth = None
        if self.worth is not None:
            worth = {**self.worth.to_dict(), "beyond_all_toys": self.beyond_all_toys}
        return {**self.found.to_dict(), "shape": self.shape, "seed": self.seed, "global": worth}


@dataclass(frozen=True, eq=False)
class Uncorrected:
    """What the quick tests say without the correction, for comparison.

    Attributes
    ----------
    nsigma : mapping of str to NSigma
    best_window : BestWindow
    q0 : mapping of str to SignalFit
    spline : SplineResult, Problem or None
        None of several columns.
    """

    nsigma: Mapping[str, NSigma]
    best_window: BestWindow
    q0: Mapping[str, SignalFit]
    spline: Any

    def to_dict(self) -> dict[str, Any]:
        """Return all of them, with a warning of what they still contain, for JSON."""
        found = {
            "warning": RAW_WARNING,
            "nsigma": {name: result.to_dict() for name, result in self.nsigma.items()},
            "best_window": self.best_window.to_dict(),
            "q0": {name: fit.to_dict() for name, fit in self.q0.items()},
        }
        if self.spline is not None:
            found["unbinned"] = {"spline": self.spline.to_dict()}
        return found


@dataclass(frozen=True, eq=False)
class Analysis:
    """What `analyse` found.

    Attributes
    ----------
    names : tuple of str
        Of A and of B.
    source : str
        Where the correction is from: "self", "none", or a file.
    cutflow : Cutflow
    yields : Yields
        Before any correction.
    correction : Correction, Problem or None
        None if none was wanted.
    comparisons : mapping of str to Comparison
        Of the plane and of every observable.
    window : WindowSearch
    q0 : mapping of str to SignalFit
        By signal.
    unbinned : Unbinned
    raw : Uncorrected or None
        Of a corrected pair.
    extra : mapping of str to AgainstNull or Problem
        The further tests that were given.
    workspaces : mapping of str to dict
        By signal, if asked for: of the raw counts, without the correction.
    """

    names: tuple[str, str]
    source: str
    cutflow: Cutflow
    yields: Yields
    correction: Correction | Problem | None
    comparisons: Mapping[str, Comparison]
    window: WindowSearch
    q0: Mapping[str, SignalFit]
    unbinned: Unbinned
    raw: Uncorrected | None = None
    extra: Mapping[str, AgainstNull | Problem] = field(default_factory=dict)
    workspaces: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the part ``tests`` of ``results.json``."""
        found: dict[str, Any] = {
            "correction": self.source,
            "warning": RAW_WARNING if self.raw is None else None,
            "yields": self.yields.to_dict(),
            "nsigma": {name: each.nsigma.to_dict() for name, each in self.comparisons.items()},
            "best_window": self.window.to_dict(),
            "q0": {name: fit.to_dict() for name, fit in self.q0.items()},
            "unbinned": self.unbinned.to_dict(),
        }
        if self.extra:
            found["extra"] = {name: _row(result) for name, result in self.extra.items()}
        if self.correction is not None:
            found["equalisation"] = self.correction.to_dict()
        if self.raw is not None:
            found["raw"] = self.raw.to_dict()
            if self.workspaces is not None:
                found["pyhf"] = "raw counts, without the correction"
        return found


def analyse(folder: ProcessedFolder, tests: Tests | None = None) -> Analysis:
    """Run the tests on a processed folder; nothing is written, see `record`.

    Parameters
    ----------
    folder : ProcessedFolder
        Output of ``emusym process``.
    tests : Tests, optional
        Default: those of ``emusym test``.

    Raises
    ------
    InputFileError, ConfigurationError
        If the folder is not a processed one, or lacks a dataset.
    DataError
        If a correction that was asked for cannot be had, or there is no such column.
    """
    tests = Tests() if tests is None else tests
    try:
        return _analyse(folder, tests)
    except DataError as error:
        if tests.equalise is not None:
            raise
        # Nobody asked for a correction: without it there may be nothing wrong.
        uncorrected = _analyse(folder, replace(tests, equalise="none"))
        return replace(uncorrected, correction=Problem(str(error)))


def _analyse(folder: ProcessedFolder, tests: Tests) -> Analysis:
    results = folder.results()
    datasets = tests.pair or tuple(results.pair)
    for name in datasets:
        if name not in results.cutflow:
            raise ConfigurationError(
                f"{folder.path}: no dataset {name!r}; there are {', '.join(results.cutflow)}"
            )
    raw = read_pair(folder.path, datasets=datasets)
    equalised = tests.equalisation.apply(raw)
    pair, uncorrected = raw, None
    correction: Correction | Problem | None = None
    shapes = signals_of_folder(folder, datasets, tests.signals)
    if not tests.signals:
        shapes += stored_signals(raw.hist("plane")[0], [shape.name for shape in shapes])
    if isinstance(equalised, Pair):
        pair, correction = equalised, Correction.of(equalised, seed=tests.seed)
        uncorrected = _uncorrected(raw, shapes, tests)
    else:
        correction = equalised
    q0 = {shape.name: fit_signal(pair, shape, minimizer=tests.minimizer) for shape in shapes}
    workspaces = None
    if tests.pyhf:
        workspaces = {
            n: workspace(raw, fit.shape, results.orders) for n, fit in q0.items() if fit.fit
        }
    return Analysis(
        names=pair.names,
        source=pair.symmetry.source,
        cutflow=Cutflow.of(results, datasets),
        yields=Yields.of(results, datasets, raw.names),
        correction=correction,
        comparisons={name: Comparison.of(pair, name) for name in _compared(pair)},
        window=_best_window(pair, tests),
        q0=q0,
        unbinned=unbinned(pair, tests),
        raw=uncorrected,
        extra=extra(pair, tests),
        workspaces=workspaces,
    )


def _compared(pair: Pair) -> list[str]:
    """Return the names of the plane and of every observable."""
    observables = [name for name, filled in pair.a.histograms.items() if filled.ndim == 1]
    return ["plane", *observables]


def _best_window(pair: Pair, tests: Tests) -> WindowSearch:
    test = WindowTest("plane", shape=tests.windows)
    found, worth = test(pair), None
    if found.best is not None:
        toys = null(test, pair, WINDOW_TOYS, rng=tests.seed, workers=1)
        worth = WindowPValue(found.best, toys, "events", found.side)
    return WindowSearch(found, tests.windows, tests.seed, worth)


def _uncorrected(raw: Pair, shapes: list[SignalShape], tests: Tests) -> Uncorrected:
    return Uncorrected(
        nsigma={name: raw.nsigma(name) for name in _compared(raw)},
        best_window=WindowTest("plane", shape=tests.windows)(raw),
        q0={shape.name: fit_signal(raw, shape, minimizer="newton") for shape in shapes},
        spline=spline_alone(raw, Columns(tests.columns)),
    )


def _row(result: AgainstNull | Problem) -> dict[str, Any]:
    """Return a further test for JSON, its statistic by that name whatever it returned."""
    known = {} if isinstance(result, Problem) else {"statistic": result.statistic}
    return {**known, **result.to_dict()}
