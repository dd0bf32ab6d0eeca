"""The tests of a processed folder, from its events to one result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from eμsym.analysis.binned import Comparison, WindowSearch
from eμsym.analysis.correction import Correction, Equalisation
from eμsym.analysis.fakes import FakesOfPair, left_out
from eμsym.analysis.options import Tests
from eμsym.analysis.problem import Problem
from eμsym.analysis.signal_fits import (
    SignalFit,
    expect_signal,
    fit_signal,
    fit_signals,
    name_of_row,
    q0_tests,
    workspace,
)
from eμsym.analysis.signals import Signals, SignalShape, signals
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
from eμsym.fake_sources import FakeSources
from eμsym.folder import ProcessedFolder
from eμsym.joint_pvalue import Together
from eμsym.label_rule import LEADING, LabelRule
from eμsym.pair import Pair
from eμsym.pair_io import read_pair
from eμsym.results import Results
from eμsym.testing import TwoSided
from eμsym.together import together

#: What the row of the best window is called.
WINDOW = "best window"


def difference_of(rule: LabelRule) -> str:
    """Return what to call the detector's difference of A and B."""
    return (
        "e/μ difference" if rule.exchange.swapped else f"difference of {' and '.join(rule.names)}"
    )


def raw_warning(rule: LabelRule) -> str:
    """Return what is said wherever only the raw comparison of A and B is shown."""
    a, b = rule.names
    of = "of electrons and muons" if rule.exchange.swapped else "on both sides"
    return (
        f"This compares raw {a} and {b}: it still contains the detector's own "
        f"{difference_of(rule)} (efficiency, isolation and coverage {of}). A deviation is not yet "
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
    rule : LabelRule
        Of the labels.
    """

    nsigma: Mapping[str, NSigma]
    best_window: BestWindow
    q0: Mapping[str, SignalFit]
    spline: Any
    rule: LabelRule = LEADING

    def to_dict(self) -> dict[str, Any]:
        """Return all of them, with a warning of what they still contain, for JSON."""
        found = {
            "warning": raw_warning(self.rule),
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
    fakes : FakesOfPair or None
        What was subtracted; None without fakes.
    region : str or None
        The region of the folder that was tested; None: all its events.
    rule : LabelRule
        Of the labels.
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
    fakes: FakesOfPair | None = None
    region: str | None = None
    rule: LabelRule = LEADING

    def to_dict(self) -> dict[str, Any]:
        """Return the part ``tests`` of ``results.json``."""
        found: dict[str, Any] = {
            "correction": self.source,
            "warning": raw_warning(self.rule) if self.raw is None else None,
            "yields": self.yields.to_dict(),
            "nsigma": {name: each.to_dict() for name, each in self.comparisons.items()},
            "best_window": self.window.to_dict(),
            "q0": {name: fit.to_dict() for name, fit in self.q0.items()},
            "unbinned": self.unbinned.to_dict(),
            "global": self.joint.to_dict(),
            "notes": list(self.notes),
            "region": self.region,
        }
        if self.fakes is not None:
            found["fakes"] = self.fakes.to_dict()
        if self.extra:
            found["extra"] = {name: _row(result) for name, result in self.extra.items()}
        if self.correction is not None:
            found["equalisation"] = self.correction.to_dict()
        if self.raw is not None:
            found["raw"] = self.raw.to_dict()
        return found


#: Is told of each stage, in a line.
Say = Callable[[str], None]


def _say_nothing(line: str) -> None:
    pass


def analyse(
    folder: ProcessedFolder, tests: Tests | None = None, *, say: Say = _say_nothing
) -> Analysis:
    """Run the tests on a processed folder; nothing is written, see `record`.

    Parameters
    ----------
    folder : ProcessedFolder
        Output of ``emusym process``.
    tests : Tests, optional
        Default: those of ``emusym test``.
    say : callable
        Told of each stage in a line.

    Raises
    ------
    InputFileError, ConfigurationError
        If the folder is not a processed one, or lacks a dataset.
    DataError
        If a correction that was asked for cannot be had, or there is no such column.
    """
    tests = Tests() if tests is None else tests
    try:
        return _analyse(folder, tests, say)
    except DataError as error:
        if tests.equalisation.asked_for:
            raise
        # Nobody asked for a correction: without it there may be nothing wrong.
        uncorrected = _analyse(folder, replace(tests, equalisation=Equalisation("none")), say)
        return replace(uncorrected, correction=Problem(str(error)))


def _analyse(folder: ProcessedFolder, tests: Tests, say: Say) -> Analysis:
    results = folder.results()
    datasets = results.datasets_of(tests.pair, str(folder.path))
    raw = read_pair(folder.path, datasets=datasets, region=tests.region)
    raw.pool.restricted(tests.read)  # a column that is not there is said before any work
    raw.symmetry.exchange.check_comparable(tests.read)
    _check_there(raw, tests.read)
    if tests.equalisation.how != "none":
        say(f"correcting {len(raw.pool):,} events for the detector")
    equalised = tests.equalisation.apply(raw)
    pair, uncorrected = raw, None
    correction: Correction | Problem | None = None
    looked_for = signals(folder, datasets, tests.signals, tests.region)
    if isinstance(equalised, Pair):
        jumps = tests.equalisation.jumps(raw, results.configuration.format.name)
        pair, correction = equalised, Correction.of(equalised, seed=tests.seed, jumps=jumps)
        uncorrected = _uncorrected(raw, looked_for, tests)
    else:
        correction = equalised
    say(f"testing {len(raw.pool):,} events")
    fits = _fits(folder, results, pair, datasets, looked_for, tests)
    say(f"testing them with {tests.permutations:,} to {tests.most_permutations:,} redrawn labels")
    joint = drawn_together(pair, [fit.shape for fit in fits.values() if fit.fit], tests)
    workspaces, notes = None, [*looked_for.notes, *left_out(results, datasets)]
    if isinstance(correction, Correction):
        notes += correction.absorbed
    if isinstance(correction, Correction) and correction.fitted and not correction.of_orders:
        notes.append("equalisation.json: a file holds the r of eμ and μe pairs; there is none here")
    elif isinstance(correction, Correction) and len(correction.fitted) > 1:
        notes.append("equalisation.json: a file holds one r; there is none of several classes")
    if isinstance(correction, Correction) and tests.equalisation.given is not None:
        notes.append(
            f"equalisation.json: r is on top of {tests.equalisation.given}, and nothing without it"
        )
    if tests.pyhf:
        workspaces = {
            n: workspace(pair, fit.shape, results.orders) for n, fit in fits.items() if fit.fit
        }
        if not workspaces:
            notes.append("pyhf: there is no fit of q0, and so no workspace")
    return Analysis(
        names=pair.names,
        rule=results.label_rule,
        source=pair.symmetry.source,
        cutflow=Cutflow.of(results, datasets),
        region=tests.region,
        yields=_yields(results, raw, datasets, tests.region),
        correction=correction,
        comparisons={
            name: replace(Comparison.of(pair, name), null=_null(joint, nsigma_name(name)))
            for name in compared(pair)
        },
        window=_best_window(pair, tests, joint),
        q0={n: replace(fit, null=_null(joint, name_of_row(fit))) for n, fit in fits.items()},
        unbinned=_unbinned(pair, tests, joint),
        raw=uncorrected,
        extra=_extra(pair, tests, joint),
        workspaces=workspaces,
        joint=joint,
        notes=tuple(notes),
        fakes=FakesOfPair.of(raw, FakeSources.of(results, datasets, str(folder.path))),
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
    if pair.counted.pool.unit:
        return fit_signals(pair, looked_for.shapes, minimizer=tests.minimizer)
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
        raw = read_pair(folder.path, datasets=background, region=tests.region)
        template = replace(raw, symmetry=pair.symmetry)
    luminosity = _luminosity(results, background)
    return {
        x.name: expect_signal(template, x, luminosity_ifb=luminosity) for x in looked_for.shapes
    }


def _check_there(pair: Pair, columns: Sequence[str]) -> None:
    """Refuse to test a column that some events do not have, such as of a jet."""
    for name in columns:
        lacking = int(np.count_nonzero(np.isnan(pair.pool.column(name))))
        if lacking:
            raise ConfigurationError(
                f"column {name!r}: {lacking:,} of {len(pair.pool):,} events have none; test a "
                "region whose events all have one, as n_jets > 0, or give other --columns"
            )


def _yields(results: Results, raw: Pair, datasets: tuple[str, ...], region: str | None) -> Yields:
    if region is None:
        return Yields.of(results, datasets, raw.names)
    return Yields.of_pair(raw, datasets, results.orders)


def _luminosity(results: Results, names: list[str]) -> float | None:
    """Return the luminosity that datasets are scaled to, fb⁻¹; None if it is not known."""
    scaled = [results.normalisation[name] for name in names]
    known = [x.luminosity_ifb * x.scale for x in scaled if x.luminosity_ifb is not None]
    return max(known) if len(known) == len(scaled) else None


def every_test(
    pair: Pair, shapes: Sequence[SignalShape], tests: Tests
) -> dict[str, Callable[..., Any]]:
    """Return all tests that are printed of a pair, by the names of their rows.

    Parameters
    ----------
    pair : Pair
    shapes : sequence of SignalShape
        Of which q0 can be had.
    tests : Tests
    """
    found: dict[str, Callable[..., Any]] = {
        nsigma_name(name): TwoSided(NSigmaTest(name)) for name in compared(pair)
    }
    found[WINDOW] = WindowTest("plane", shape=tests.windows)
    found |= q0_tests(shapes, pair)
    found |= {n: t for n, t in unbinned_tests(tests, pair).items() if not isinstance(t, Problem)}
    return found | {f"extra {name}": test for name, test in extra_tests(tests).items()}


def drawn_together(pair: Pair, shapes: Sequence[SignalShape], tests: Tests) -> Together | Problem:
    """Run all tests that are printed on the same relabellings; parameters of `every_test`."""
    try:
        every = every_test(pair, shapes, tests)
        most = tests.most_permutations
        return together(every, pair, tests.permutations, limit=most, rng=tests.seed)
    except DataError as error:
        return Problem(str(error))


def nsigma_name(histogram: str) -> str:
    """Return what the row of a histogram's Nσ is called."""
    return f"Nσ of {histogram}"


def compared(pair: Pair) -> list[str]:
    """Return the names of the plane and of every observable."""
    observables = [name for name, filled in pair.a.histograms.items() if filled.ndim == 1]
    return ["plane", *observables]


def _best_window(pair: Pair, tests: Tests, joint: Together | Problem) -> WindowSearch:
    found, worth = WindowTest("plane", shape=tests.windows)(pair), None
    null = _null(joint, WINDOW)
    if found.best is not None and null is not None:
        worth = WindowPValue(found.best, null, "events", found.side)
    return WindowSearch(found, tests.windows, tests.seed, worth)


def _unbinned(pair: Pair, tests: Tests, joint: Together | Problem) -> Unbinned:
    found = unbinned(pair, tests, unbinned_tests(tests, pair))
    if isinstance(joint, Problem):
        return found
    return replace(
        found, tests={name: with_null(test, joint, name) for name, test in found.tests.items()}
    )


def _extra(pair: Pair, tests: Tests, joint: Together | Problem) -> dict[str, AgainstNull | Problem]:
    found = {
        name: observed(test, pair, seed=tests.seed) for name, test in extra_tests(tests).items()
    }
    if isinstance(joint, Problem):
        return found
    return {name: with_null(test, joint, f"extra {name}") for name, test in found.items()}


def _null(joint: Together | Problem, name: str) -> Null | None:
    if isinstance(joint, Problem) or name not in joint.names:
        return None
    return joint.null(name)


def _uncorrected(raw: Pair, looked_for: Signals, tests: Tests) -> Uncorrected:
    q0 = {}
    if raw.counted.pool.unit:
        q0 = {x.name: fit_signal(raw, x, minimizer="newton") for x in looked_for.shapes}
    return Uncorrected(
        nsigma={name: raw.nsigma(name) for name in compared(raw)},
        best_window=WindowTest("plane", shape=tests.windows)(raw),
        q0=q0,
        spline=spline_alone(raw, Columns(tests.read)),
        rule=raw.rule or LEADING,
    )


def _row(result: AgainstNull | Problem) -> dict[str, Any]:
    """Return a further test for JSON, its statistic by that name whatever it returned."""
    known = {} if isinstance(result, Problem) else {"statistic": result.statistic}
    return {**known, **result.to_dict()}
