"""The tests and figures of a processed folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from eμsym.binned.nsigma import NSigma
from eμsym.binned.window_null import WindowPValue
from eμsym.binned.windows import BestWindow, WindowTest
from eμsym.cli.equalise import Equalisation, describe, write_equalisation
from eμsym.cli.signals import (
    SignalShape,
    fit_signal,
    signals_of_folder,
    stored_signals,
    write_workspace,
)
from eμsym.cli.unbinned import Unbinned, raw_spline, run_unbinned
from eμsym.errors import ConfigurationError
from eμsym.folder import ProcessedFolder
from eμsym.nulls import null
from eμsym.pair import Pair
from eμsym.pair_io import read_pair
from eμsym.plots import (
    draw_cutflow,
    draw_equalisation,
    draw_observable,
    draw_plane,
    draw_profile,
    save_figure,
)
from eμsym.processors.columns import LABELS

#: Said wherever only the raw comparison is shown.
RAW_WARNING = (
    "This compares raw eμ and μe: it still contains the detector's own e/μ difference "
    "(efficiency, isolation and coverage of electrons and muons). A deviation is not yet "
    "new physics."
)


#: Toys for the best window's global p-value, and their seed.
WINDOW_TOYS = 1000
DEFAULT_SEED = 20401


@dataclass(frozen=True)
class Tests:
    """Which tests are run on a processed folder.

    Attributes
    ----------
    pair : tuple of str
        Datasets that make up the pair; default: as the folder says.
    signals : tuple of str
        Signal datasets for q0; default: those that are not in the pair, and the
        stored shapes of H→τe and H→τμ.
    equalise : str, optional
        "self", "none" or a correctionlib file; see `eμsym.cli.equalise.Equalisation`.
    exclude : mapping of str to (float, float)
        Window that a self-calibration leaves out.
    windows : {"square", "rectangle"}
    minimizer : {"minuit", "newton"}
    pyhf : bool
        Whether to write ``pyhf/<signal>.json`` as well.
    columns, symmetrized, epochs, permutations
        Of the unbinned tests; see `eμsym.cli.unbinned.Unbinned`.
    seed : int
        Of the toys for the best window's global p-value.
    style : str
        See `eμsym.plots.style.styled`.
    """

    pair: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    equalise: str | None = None
    exclude: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    windows: Literal["square", "rectangle"] = "square"
    minimizer: str = "minuit"
    pyhf: bool = False
    columns: tuple[str, ...] = ("m_coll",)
    symmetrized: bool = False
    epochs: int = 500_000
    permutations: int = 200
    seed: int = DEFAULT_SEED
    style: Any = "neutral"


def analyse(folder: Path, tests: Tests) -> dict[str, Any]:
    """Run the tests on a processed folder, draw its figures, and add both to it.

    Parameters
    ----------
    folder : Path
        Output of ``emusym process``.
    tests : Tests

    Returns
    -------
    dict
        The new content of ``results.json``.

    Raises
    ------
    InputFileError, ConfigurationError
        If the folder is not a processed one, or lacks a dataset.
    """
    processed = ProcessedFolder(folder)
    results = processed.content()
    names = list(tests.pair) or results["pair"]
    for name in names:
        if name not in results["cutflow"]:
            raise ConfigurationError(
                f"{folder}: no dataset {name!r}; there are {', '.join(results['cutflow'])}"
            )
    raw = read_pair(folder, datasets=names)
    equalised, problem = Equalisation(tests.equalise, tests.exclude).apply(raw)
    sample = raw if equalised is None else equalised
    of_nsigma = _nsigma(sample)
    windows = WindowTest("plane", shape=tests.windows)
    found = windows(sample)
    figures = {
        "cutflow": draw_cutflow(
            {name: results["cutflow"][name] for name in names},
            {name: entry["scale"] for name, entry in results["normalisation"].items()},
            style=tests.style,
        ),
        "plane": draw_plane(sample, "plane", found.best, of_nsigma["plane"], style=tests.style),
        **{
            name: draw_observable(sample, name, result, style=tests.style)
            for name, result in of_nsigma.items()
            if name != "plane"
        },
    }
    if equalised is not None:
        figures["equalisation"] = draw_equalisation(equalised, labels=LABELS, style=tests.style)
    q0_results = {}
    shapes = signals_of_folder(folder, results, names, tests.signals)
    if not tests.signals:
        shapes += stored_signals(raw.hist("plane")[0], [shape.name for shape in shapes])
    for shape in shapes:
        q0_results[shape.name], fit = fit_signal(sample, shape, minimizer=tests.minimizer)
        if fit is not None:
            figures[f"q0_{shape.name}"] = draw_profile(fit, shape.name, style=tests.style)
        if tests.pyhf and "problem" not in q0_results[shape.name]:
            write_workspace(folder / "pyhf" / f"{quote(shape.name, safe='')}.json", raw, shape)
    unbinned, of_unbinned = run_unbinned(
        sample,
        Unbinned(
            columns=tests.columns,
            symmetrized=tests.symmetrized,
            epochs=tests.epochs,
            permutations=tests.permutations,
            seed=tests.seed,
            style=tests.style,
        ),
    )
    figures |= of_unbinned
    results["pair"] = names
    results["tests"] = {
        "correction": sample.symmetry.source,
        "warning": RAW_WARNING if equalised is None else None,
        "yields": _yields(results, names, raw),
        "nsigma": {name: result.to_dict() for name, result in of_nsigma.items()},
        "best_window": {
            **found.to_dict(),
            "shape": tests.windows,
            "seed": tests.seed,
            "global": _global_pvalue(sample, windows, found, tests.seed),
        },
        "q0": q0_results,
        "unbinned": unbinned,
    }
    if problem is not None:
        results["tests"]["equalisation"] = {"problem": problem}
    if equalised is not None:
        results["tests"]["equalisation"] = describe(equalised, seed=tests.seed)
        results["tests"]["raw"] = _uncorrected(raw, shapes, tests)
        if tests.pyhf:
            results["tests"]["pyhf"] = "raw counts, without the correction"
    write_equalisation(equalised, folder)
    _write_figures(figures, folder, results)
    return processed.write_results(results)


def _write_figures(figures: Mapping[str, Any], folder: Path, results: dict[str, Any]) -> None:
    """Write the figures, name them in the results, and remove those that no longer hold."""
    earlier = {Path(name).name for name in results.get("figures", [])}
    written = [
        path.name
        for name, figure in figures.items()
        for path in save_figure(figure, folder / "figures", quote(name, safe=""))
    ]
    for name in earlier.difference(written):
        (folder / "figures" / name).unlink(missing_ok=True)
    results["figures"] = written


def _nsigma(pair: Pair) -> dict[str, NSigma]:
    """Return Nσ of the plane and of every observable of a pair, corrected or not."""
    others = [name for name, histogram in pair.a.histograms.items() if histogram.ndim == 1]
    return {name: pair.nsigma(name) for name in ("plane", *others)}


def _uncorrected(raw: Pair, shapes: list[SignalShape], tests: Tests) -> dict[str, Any]:
    """Return what the quick tests say without the correction, for comparison."""
    result = {
        "warning": RAW_WARNING,
        "nsigma": {name: found.to_dict() for name, found in _nsigma(raw).items()},
        "best_window": WindowTest("plane", shape=tests.windows)(raw).to_dict(),
        "q0": {shape.name: fit_signal(raw, shape, minimizer="newton")[0] for shape in shapes},
    }
    if len(tests.columns) == 1:
        result["unbinned"] = {"spline": raw_spline(raw, tests.columns[0])}
    return result


def _global_pvalue(
    pair: Pair, test: WindowTest, found: BestWindow, seed: int
) -> dict[str, Any] | None:
    """Return the best window's global p-value, for JSON; None if there is no window."""
    if found.best is None:
        return None
    labels = null(test, pair, WINDOW_TOYS, rng=seed, workers=1)
    return WindowPValue(found.best, labels, "events", found.side).to_dict()


def _yields(results: dict[str, Any], names: list[str], pair: Pair) -> dict[str, Any]:
    """Return Σw and its error of both samples, and their ratio A/B."""
    totals: dict[str, Any] = {"datasets": names}
    values = []
    for order, label in zip(("emu", "mue"), pair.names, strict=True):
        sumw = sumw2 = 0.0
        for name in names:
            scale = results["normalisation"][name]["scale"]
            sumw += results["cutflow"][name][order]["sumw"] * scale
            sumw2 += results["cutflow"][name][order]["sumw2"] * scale**2
        values.append((sumw, sumw2))
        totals[order] = {"label": label, "sumw": sumw, "error": sumw2**0.5}
    (a, var_a), (b, var_b) = values
    if a > 0 and b > 0:
        ratio = a / b
        error = ratio * (var_a / a**2 + var_b / b**2) ** 0.5
        totals["ratio"] = {"value": ratio, "error": error}
    return totals
