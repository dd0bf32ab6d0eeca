"""eμsym: are two samples, that a symmetry says are one, compatible?

The public names are imported on first use, so that ``import eμsym`` and
``emusym --help`` are quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from eμsym.binned_nsigma import NSigma, nsigma, nsigma_null
    from eμsym.binned_q0 import Q0, Q0Toys, q0, q0_toys
    from eμsym.binned_toys import BinnedToys, ExpectedZ, asimov_pair, draw_toys, expected_z
    from eμsym.classifier import ClassifierScore, ClassifierTest
    from eμsym.closure import Closure, closure_test
    from eμsym.correction_file import EfficiencyMaps, read_correction, write_correction
    from eμsym.cross_entropy import CrossEntropyTest
    from eμsym.efficiency_ratio import EfficiencyRatio, LeptonBins
    from eμsym.equalisation import EqualisedPair
    from eμsym.errors import EmusymError
    from eμsym.injection import asimov_z, injection_strength, injection_strengths
    from eμsym.kinematics import collinear_mass
    from eμsym.likelihood_ratio import LikelihoodRatio
    from eμsym.nplm import NPLMTest
    from eμsym.null import Null
    from eμsym.nulls import ChiSquared, bootstrap_null, permutation_null, toy_null
    from eμsym.pair import Pair, Sample
    from eμsym.pair_io import read_pair, write_pair
    from eμsym.pyhf_export import pyhf_workspace
    from eμsym.q0_minuit import ProfileFit, profile_fit
    from eμsym.references import (
        ideal_significance,
        ideal_significance_binned,
        ideal_symmetrized_score,
        overfit_bound,
    )
    from eμsym.relabelling import (
        CalibratedSource,
        calibrated_nsigma_null,
        calibrated_null,
        calibrated_window_pvalue,
    )
    from eμsym.roc import Roc, roc_curve
    from eμsym.selection import Cuts, emu_leptons, emu_masks, lead_and_sub
    from eμsym.self_calibration import SelfCalibration, self_calibrate
    from eμsym.sources import PermutationSource, PoolSource, ToyModel
    from eμsym.spline import SplineScan, SplineTest
    from eμsym.symmetrized import SymmetrizedTest
    from eμsym.templates import (
        Templates,
        flat_template,
        gaussian_signal,
        rectangle_signal,
        signal_template,
        symmetric_template,
    )
    from eμsym.templates_io import read_templates, templates_from_folders, write_templates
    from eμsym.window_batch import BestWindows, best_windows
    from eμsym.window_null import WindowPValue, window_pvalue, window_pvalue_events
    from eμsym.windows import Window, WindowScan, scan_windows
    from eμsym.yield_ratio import YieldRatio

_HOME = {
    "BestWindows": "window_batch",
    "BinnedToys": "binned_toys",
    "CalibratedSource": "relabelling",
    "ChiSquared": "nulls",
    "ClassifierScore": "classifier",
    "ClassifierTest": "classifier",
    "Closure": "closure",
    "CrossEntropyTest": "cross_entropy",
    "Cuts": "selection",
    "EfficiencyMaps": "correction_file",
    "EfficiencyRatio": "efficiency_ratio",
    "EmusymError": "errors",
    "EqualisedPair": "equalisation",
    "ExpectedZ": "binned_toys",
    "LeptonBins": "efficiency_ratio",
    "LikelihoodRatio": "likelihood_ratio",
    "NPLMTest": "nplm",
    "NSigma": "binned_nsigma",
    "Null": "null",
    "Pair": "pair",
    "PermutationSource": "sources",
    "PoolSource": "sources",
    "ProfileFit": "q0_minuit",
    "Q0": "binned_q0",
    "Q0Toys": "binned_q0",
    "Roc": "roc",
    "Sample": "pair",
    "SelfCalibration": "self_calibration",
    "SplineScan": "spline",
    "SplineTest": "spline",
    "SymmetrizedTest": "symmetrized",
    "Templates": "templates",
    "ToyModel": "sources",
    "Window": "windows",
    "WindowPValue": "window_null",
    "WindowScan": "windows",
    "YieldRatio": "yield_ratio",
    "asimov_pair": "binned_toys",
    "asimov_z": "injection",
    "best_windows": "window_batch",
    "bootstrap_null": "nulls",
    "calibrated_nsigma_null": "relabelling",
    "calibrated_null": "relabelling",
    "calibrated_window_pvalue": "relabelling",
    "closure_test": "closure",
    "collinear_mass": "kinematics",
    "draw_toys": "binned_toys",
    "emu_leptons": "selection",
    "emu_masks": "selection",
    "expected_z": "binned_toys",
    "flat_template": "templates",
    "gaussian_signal": "templates",
    "ideal_significance": "references",
    "ideal_significance_binned": "references",
    "ideal_symmetrized_score": "references",
    "injection_strength": "injection",
    "injection_strengths": "injection",
    "lead_and_sub": "selection",
    "nsigma": "binned_nsigma",
    "nsigma_null": "binned_nsigma",
    "overfit_bound": "references",
    "permutation_null": "nulls",
    "profile_fit": "q0_minuit",
    "pyhf_workspace": "pyhf_export",
    "q0": "binned_q0",
    "q0_toys": "binned_q0",
    "read_correction": "correction_file",
    "read_pair": "pair_io",
    "read_templates": "templates_io",
    "rectangle_signal": "templates",
    "roc_curve": "roc",
    "scan_windows": "windows",
    "self_calibrate": "self_calibration",
    "signal_template": "templates",
    "symmetric_template": "templates",
    "templates_from_folders": "templates_io",
    "toy_null": "nulls",
    "window_pvalue": "window_null",
    "window_pvalue_events": "window_null",
    "write_correction": "correction_file",
    "write_pair": "pair_io",
    "write_templates": "templates_io",
}

__all__ = [
    "Q0",
    "BestWindows",
    "BinnedToys",
    "CalibratedSource",
    "ChiSquared",
    "ClassifierScore",
    "ClassifierTest",
    "Closure",
    "CrossEntropyTest",
    "Cuts",
    "EfficiencyMaps",
    "EfficiencyRatio",
    "EmusymError",
    "EqualisedPair",
    "ExpectedZ",
    "LeptonBins",
    "LikelihoodRatio",
    "NPLMTest",
    "NSigma",
    "Null",
    "Pair",
    "PermutationSource",
    "PoolSource",
    "ProfileFit",
    "Q0Toys",
    "Roc",
    "Sample",
    "SelfCalibration",
    "SplineScan",
    "SplineTest",
    "SymmetrizedTest",
    "Templates",
    "ToyModel",
    "Window",
    "WindowPValue",
    "WindowScan",
    "YieldRatio",
    "asimov_pair",
    "asimov_z",
    "best_windows",
    "bootstrap_null",
    "calibrated_nsigma_null",
    "calibrated_null",
    "calibrated_window_pvalue",
    "closure_test",
    "collinear_mass",
    "draw_toys",
    "emu_leptons",
    "emu_masks",
    "expected_z",
    "flat_template",
    "gaussian_signal",
    "ideal_significance",
    "ideal_significance_binned",
    "ideal_symmetrized_score",
    "injection_strength",
    "injection_strengths",
    "lead_and_sub",
    "nsigma",
    "nsigma_null",
    "overfit_bound",
    "permutation_null",
    "profile_fit",
    "pyhf_workspace",
    "q0",
    "q0_toys",
    "read_correction",
    "read_pair",
    "read_templates",
    "rectangle_signal",
    "roc_curve",
    "scan_windows",
    "self_calibrate",
    "signal_template",
    "symmetric_template",
    "templates_from_folders",
    "toy_null",
    "window_pvalue",
    "window_pvalue_events",
    "write_correction",
    "write_pair",
    "write_templates",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module the first time that it is asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
