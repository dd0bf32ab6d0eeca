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
    from eμsym.errors import EmusymError
    from eμsym.kinematics import collinear_mass
    from eμsym.null import Null
    from eμsym.pair import Pair, Sample
    from eμsym.pair_io import read_pair, write_pair
    from eμsym.selection import Cuts, emu_leptons, emu_masks, lead_and_sub
    from eμsym.window_batch import BestWindows, best_windows
    from eμsym.window_null import WindowPValue, window_pvalue, window_pvalue_events
    from eμsym.windows import Window, WindowScan, scan_windows

_HOME = {
    "Cuts": "selection",
    "EmusymError": "errors",
    "NSigma": "binned_nsigma",
    "Null": "null",
    "Pair": "pair",
    "Sample": "pair",
    "BestWindows": "window_batch",
    "Window": "windows",
    "WindowPValue": "window_null",
    "WindowScan": "windows",
    "collinear_mass": "kinematics",
    "emu_leptons": "selection",
    "emu_masks": "selection",
    "lead_and_sub": "selection",
    "nsigma": "binned_nsigma",
    "nsigma_null": "binned_nsigma",
    "read_pair": "pair_io",
    "best_windows": "window_batch",
    "scan_windows": "windows",
    "window_pvalue": "window_null",
    "window_pvalue_events": "window_null",
    "write_pair": "pair_io",
}

__all__ = [
    "BestWindows",
    "Cuts",
    "EmusymError",
    "NSigma",
    "Null",
    "Pair",
    "Sample",
    "Window",
    "WindowPValue",
    "WindowScan",
    "best_windows",
    "collinear_mass",
    "emu_leptons",
    "emu_masks",
    "lead_and_sub",
    "nsigma",
    "nsigma_null",
    "read_pair",
    "scan_windows",
    "window_pvalue",
    "window_pvalue_events",
    "write_pair",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module the first time that it is asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
