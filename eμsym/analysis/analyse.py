"""The tests of a processed folder, from its events to one result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from eμsym.analysis.binned import Comparison, WindowSearch
from eμsym.analysis.correction import Correction
from eμsym.analysis.options import Tests
from eμsym.analysis.problem import Problem
from eμsym.analysis.signal_fits import (
    SignalFit,
    expect_signal,
    fit_signal,
    joined,
    rows,
    tests_of,
    workspace,
)
from eμsym.analysis.signals import Signals, signals
from eμsym.analysis.statistics import (
    AgainstNull,
    Columns,
    Unbinned,
    extra_tests,
    observed,
    spline_alone,
    unbinned,
    unbinned_tests,
    with_null,
)
from eμsym.analysis.yields import Cutflow, Yields
from eμsym.binned.nsigma import NSigma, NSigmaTest
from eμsym.binned.window_null import WindowPValue
from eμsym.binned.windows import BestWindow, WindowTest
from eμsym.distributions import Null
from eμsym.errors import ConfigurationError, DataError
from eμsym.folder import ProcessedFolder, Results
from eμsym.pair import Pair
from eμsym.pair_io import read_pair
from eμsym.testing import TwoSided
from eμsym.together import Together, together

#: Said wherever only the raw comparison is shown.
RAW_WARNING = (
    "This compares raw eμ and μe: it still contains the detector's own e/μ difference "
    "(efficiency, isolation and coverage of electrons and muons). A deviation is not yet "
    "new physics."
)


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
        By signal, if asked for.
    joint : Together or Problem
        All tests that are printed, on the same relabellings.
    notes : tuple of str
        What is not there, and why; what to beware of.
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
    joint: Together | Problem = field(default_factory=lambda: Problem("no test was run"))
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the part ``tests`` of ``results.json``."""
        found: dict[str, Any] = {
            "correction": self.source,
            "warning": RAW_WARNING if self.raw is None else None,
            "yields": self.yields.to_dict(),
            "nsigma": {name: each.to_dict() for name, each in self.comparisons.items()},
            "best_window": self.window.to_dict(),
            "q0": {name: fit.to_dict() for name, fit in self.q0.items()},
            "unbinned": self.unbinned.to_dict(),
            "global": self.joint.to_dict(),
            "notes": list(self.notes),
        }
        if self.extra:
            found["extra"] = {name: _row(result) for name, result in self.extra.items()}
        if self.correction is not None:
            found["equalisation"] = self.correction.to_dict()
        if self.raw is not None:
            found["raw"] = self.raw.to_dict()
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
    looked_for = signals(folder, datasets, tests.signals)
    if isinstance(equalised, Pair):
        pair, correction = equalised, Correction.of(equalised, seed=tests.seed)
        uncorrected = _uncorrected(raw, looked_for, tests)
    else:
        correction = equalised
    run = _Run(pair, tests, _fits(folder, results, pair, datasets, looked_for, tests))
    joint = run.joint()
    workspaces, notes = None, list(looked_for.notes)
    if tests.pyhf:
        workspaces = {
            n: workspace(pair, fit.shape, results.orders) for n, fit in run.q0.items() if fit.fit
        }
        if not workspaces:
            notes.append("pyhf: there is no fit of q0, and so no workspace")
    return Analysis(
        names=pair.names,
        source=pair.symmetry.source,
        cutflow=Cutflow.of(results, datasets),
        yields=Yields.of(results, datasets, raw.names),
        correction=correction,
        comparisons=run.comparisons(joint),
        window=run.best_window(joint),
        q0=run.fits(joint),
        unbinned=run.unbinned(joint),
        raw=uncorrected,
        extra=run.extra(joint),
        workspaces=workspaces,
        joint=joint,
        notes=tuple(notes),
    )


def _fits(
    folder: ProcessedFolder,
    results: Results,
    pair: Pair,
    datasets: tuple[str, ...],
    looked_for: Signals,
    tests: Tests,
) -> dict[str, SignalFit]:
    """Return the fits of all signals; of weighted events what is expected of them."""
    if pair.pool.unit:
        fits = {x.name: fit_signal(pair, x, minimizer=tests.minimizer) for x in looked_for.shapes}
        return joined(fits, pair)
    background = [name for name in datasets if results.datasets[name].role != "signal"]
    if "data" in {results.datasets[name].role for name in background} or not background:
        reason = (
            f"the events of {', '.join(datasets)} are weighted: q0 is a likelihood of counts, and "
            "what is expected is told of simulated backgrounds alone; give unweighted data, or "
            "choose the backgrounds with --pair"
        )
        return {x.name: SignalFit(x, "newton", problem=reason) for x in looked_for.shapes}
    template = pair
    if len(background) < len(datasets):
        raw = read_pair(folder.path, datasets=background)
        template = replace(raw, symmetry=pair.symmetry)
    luminosity = _luminosity(results, background)
    return {
        x.name: expect_signal(template, x, luminosity_ifb=luminosity) for x in looked_for.shapes
    }


def _luminosity(results: Results, names: list[str]) -> float | None:
    """Return the luminosity that datasets are scaled to, fb⁻¹; None if it is not known."""
    scaled = [results.normalisation[name] for name in names]
    known = [x.luminosity_ifb * x.scale for x in scaled if x.luminosity_ifb is not None]
    return max(known) if len(known) == len(scaled) else None


@dataclass(frozen=True, eq=False)
class _Run:
    """The tests of one pair, with the relabellings that they share."""

    pair: Pair
    tests: Tests
    q0: Mapping[str, SignalFit]

    def joint(self) -> Together | Problem:
        """Draw the relabellings, and run all tests on them."""
        every: dict[str, Callable[..., Any]] = {
            f"Nσ of {name}": TwoSided(NSigmaTest(name)) for name in self._compared()
        }
        every["best window"] = self._window
        if self.pair.pool.unit:
            found = tests_of(self.q0, self.pair)
            every |= {_q0_name(names): test for names, test in found.items()}
        every |= {n: t for n, t in self._unbinned.items() if not isinstance(t, Problem)}
        every |= {f"extra {name}": test for name, test in extra_tests(self.tests).items()}
        n = self.tests.permutations
        limit = n if self.tests.symmetrized else self.tests.max_permutations
        try:
            return together(every, self.pair, n, limit=limit, rng=self.tests.seed)
        except DataError as error:
            return Problem(str(error))

    def comparisons(self, joint: Together | Problem) -> dict[str, Comparison]:
        """Return all comparisons of histograms."""
        found = {name: Comparison.of(self.pair, name) for name in self._compared()}
        return {
            name: replace(each, null=_null(joint, f"Nσ of {name}")) for name, each in found.items()
        }

    def best_window(self, joint: Together | Problem) -> WindowSearch:
        """Return the best window and its p-value."""
        found, worth = self._window(self.pair), None
        null = _null(joint, "best window")
        if found.best is not None and null is not None:
            worth = WindowPValue(found.best, null, "events", found.side)
        return WindowSearch(found, self.tests.windows, self.tests.seed, worth)

    def fits(self, joint: Together | Problem) -> dict[str, SignalFit]:
        """Return the fits of the signals with their nulls."""
        found = dict(self.q0)
        for names in rows(self.q0):
            for name in names:
                found[name] = replace(found[name], null=_null(joint, _q0_name(names)))
        return found

    def unbinned(self, joint: Together | Problem) -> Unbinned:
        """Return the unbinned tests with their nulls."""
        found = unbinned(self.pair, self.tests, self._unbinned)
        if isinstance(joint, Problem):
            return found
        tests = {name: with_null(test, joint, name) for name, test in found.tests.items()}
        return replace(found, tests=tests)

    def extra(self, joint: Together | Problem) -> dict[str, AgainstNull | Problem]:
        """Return the further tests with their nulls."""
        found = {
            name: observed(test, self.pair, seed=self.tests.seed)
            for name, test in extra_tests(self.tests).items()
        }
        if isinstance(joint, Problem):
            return found
        return {name: with_null(test, joint, f"extra {name}") for name, test in found.items()}

    @property
    def _window(self) -> WindowTest:
        return WindowTest("plane", shape=self.tests.windows)

    @property
    def _unbinned(self) -> Mapping[str, Callable[..., Any] | Problem]:
        return unbinned_tests(self.tests)

    def _compared(self) -> list[str]:
        return _compared(self.pair)


def _q0_name(names: tuple[str, ...]) -> str:
    return f"q0 of {' | '.join(names)}"


def _null(joint: Together | Problem, name: str) -> Null | None:
    if isinstance(joint, Problem) or name not in joint.names:
        return None
    return joint.null(name)


def _compared(pair: Pair) -> list[str]:
    """Return the names of the plane and of every observable."""
    observables = [name for name, filled in pair.a.histograms.items() if filled.ndim == 1]
    return ["plane", *observables]


def _uncorrected(raw: Pair, looked_for: Signals, tests: Tests) -> Uncorrected:
    q0 = {}
    if raw.pool.unit:
        q0 = {x.name: fit_signal(raw, x, minimizer="newton") for x in looked_for.shapes}
    return Uncorrected(
        nsigma={name: raw.nsigma(name) for name in _compared(raw)},
        best_window=WindowTest("plane", shape=tests.windows)(raw),
        q0=q0,
        spline=spline_alone(raw, Columns(tests.columns)),
    )


def _row(result: AgainstNull | Problem) -> dict[str, Any]:
    """Return a further test for JSON, its statistic by that name whatever it returned."""
    known = {} if isinstance(result, Problem) else {"statistic": result.statistic}
    return {**known, **result.to_dict()}
