"""eμsym: are two samples, that a symmetry says are one, compatible?

The public names are imported on first use, so that ``import eμsym`` and
``emusym --help`` are quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from eμsym.binned.injection import asimov_z, injection_strength, injection_strengths
    from eμsym.binned.nsigma import NSigma, nsigma, nsigma_null
    from eμsym.binned.pyhf_export import pyhf_workspace
    from eμsym.binned.q0 import Q0, Q0Toys, q0, q0_toys
    from eμsym.binned.q0_minuit import ProfileFit, profile_fit
    from eμsym.binned.roc import Roc, roc_curve
    from eμsym.binned.templates import (
        Templates,
        flat_template,
        gaussian_signal,
        rectangle_signal,
        signal_template,
        symmetric_template,
    )
    from eμsym.binned.templates_io import read_templates, templates_from_folders, write_templates
    from eμsym.binned.toys import BinnedToys, ExpectedZ, asimov_pair, draw_toys, expected_z
    from eμsym.binned.window_batch import BestWindows, best_windows
    from eμsym.binned.window_null import WindowPValue, window_pvalue, window_pvalue_events
    from eμsym.binned.windows import Window, WindowScan, scan_windows
    from eμsym.calibration.closure import Closure, closure_test
    from eμsym.calibration.correction_file import EfficiencyMaps, read_correction, write_correction
    from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
    from eμsym.calibration.equalisation import EqualisedPair
    from eμsym.calibration.relabelling import (
        CalibratedSource,
        calibrated_nsigma_null,
        calibrated_null,
        calibrated_window_pvalue,
    )
    from eμsym.calibration.self_calibration import SelfCalibration, self_calibrate
    from eμsym.calibration.yield_ratio import YieldRatio
    from eμsym.errors import EmusymError
    from eμsym.kinematics import collinear_mass
    from eμsym.null import Null
    from eμsym.nulls import ChiSquared, bootstrap_null, permutation_null, toy_null
    from eμsym.pair import Pair, Sample
    from eμsym.pair_io import read_pair, write_pair
    from eμsym.selection import Cuts, emu_leptons, emu_masks, lead_and_sub
    from eμsym.sources import PermutationSource, PoolSource
    from eμsym.testing import OnColumns
    from eμsym.toy_model import ToyModel
    from eμsym.unbinned.classifier import ClassifierScore, ClassifierTest
    from eμsym.unbinned.cross_entropy import CrossEntropyTest
    from eμsym.unbinned.likelihood_ratio import LikelihoodRatio
    from eμsym.unbinned.nplm import NPLMTest
    from eμsym.unbinned.references import (
        ideal_significance,
        ideal_significance_binned,
        ideal_symmetrized_score,
        overfit_bound,
    )
    from eμsym.unbinned.spline import SplineScan, SplineTest
    from eμsym.unbinned.symmetrized import SymmetrizedTest

_HOME = {
    "BestWindows": "binned.window_batch",
    "BinnedToys": "binned.toys",
    "CalibratedSource": "calibration.relabelling",
    "ChiSquared": "nulls",
    "ClassifierScore": "unbinned.classifier",
    "ClassifierTest": "unbinned.classifier",
    "Closure": "calibration.closure",
    "CrossEntropyTest": "unbinned.cross_entropy",
    "Cuts": "selection",
    "EfficiencyMaps": "calibration.correction_file",
    "EfficiencyRatio": "calibration.efficiency_ratio",
    "EmusymError": "errors",
    "EqualisedPair": "calibration.equalisation",
    "ExpectedZ": "binned.toys",
    "LeptonBins": "calibration.efficiency_ratio",
    "LikelihoodRatio": "unbinned.likelihood_ratio",
    "NPLMTest": "unbinned.nplm",
    "NSigma": "binned.nsigma",
    "Null": "null",
    "OnColumns": "testing",
    "Pair": "pair",
    "PermutationSource": "sources",
    "PoolSource": "sources",
    "ProfileFit": "binned.q0_minuit",
    "Q0": "binned.q0",
    "Q0Toys": "binned.q0",
    "Roc": "binned.roc",
    "Sample": "pair",
    "SelfCalibration": "calibration.self_calibration",
    "SplineScan": "unbinned.spline",
    "SplineTest": "unbinned.spline",
    "SymmetrizedTest": "unbinned.symmetrized",
    "Templates": "binned.templates",
    "ToyModel": "toy_model",
    "Window": "binned.windows",
    "WindowPValue": "binned.window_null",
    "WindowScan": "binned.windows",
    "YieldRatio": "calibration.yield_ratio",
    "asimov_pair": "binned.toys",
    "asimov_z": "binned.injection",
    "best_windows": "binned.window_batch",
    "bootstrap_null": "nulls",
    "calibrated_nsigma_null": "calibration.relabelling",
    "calibrated_null": "calibration.relabelling",
    "calibrated_window_pvalue": "calibration.relabelling",
    "closure_test": "calibration.closure",
    "collinear_mass": "kinematics",
    "draw_toys": "binned.toys",
    "emu_leptons": "selection",
    "emu_masks": "selection",
    "expected_z": "binned.toys",
    "flat_template": "binned.templates",
    "gaussian_signal": "binned.templates",
    "ideal_significance": "unbinned.references",
    "ideal_significance_binned": "unbinned.references",
    "ideal_symmetrized_score": "unbinned.references",
    "injection_strength": "binned.injection",
    "injection_strengths": "binned.injection",
    "lead_and_sub": "selection",
    "nsigma": "binned.nsigma",
    "nsigma_null": "binned.nsigma",
    "overfit_bound": "unbinned.references",
    "permutation_null": "nulls",
    "profile_fit": "binned.q0_minuit",
    "pyhf_workspace": "binned.pyhf_export",
    "q0": "binned.q0",
    "q0_toys": "binned.q0",
    "read_correction": "calibration.correction_file",
    "read_pair": "pair_io",
    "read_templates": "binned.templates_io",
    "rectangle_signal": "binned.templates",
    "roc_curve": "binned.roc",
    "scan_windows": "binned.windows",
    "self_calibrate": "calibration.self_calibration",
    "signal_template": "binned.templates",
    "symmetric_template": "binned.templates",
    "templates_from_folders": "binned.templates_io",
    "toy_null": "nulls",
    "window_pvalue": "binned.window_null",
    "window_pvalue_events": "binned.window_null",
    "write_correction": "calibration.correction_file",
    "write_pair": "pair_io",
    "write_templates": "binned.templates_io",
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
    "OnColumns",
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
