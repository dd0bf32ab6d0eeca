"""eμsym: are two samples, that a symmetry says are one, compatible?

The public names are imported on first use, so that ``import eμsym`` and
``emusym --help`` are quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from eμsym.errors import EmusymError
    from eμsym.kinematics import collinear_mass
    from eμsym.binned_nsigma import NSigma, nsigma, nsigma_null
    from eμsym.null import Null
    from eμsym.pair import Pair, Sample
    from eμsym.pair_io import read_pair, write_pair
    from eμsym.selection import Cuts, emu_leptons, emu_masks, lead_and_sub
    from eμsym.windows import Window, WindowScan, scan_windows

_HOME = {
    "Cuts": "selection",
    "EmusymError": "errors",
    "NSigma": "binned_nsigma",
    "Null": "null",
    "Pair": "pair",
    "Sample": "pair",
    "Window": "windows",
    "WindowScan": "windows",
    "collinear_mass": "kinematics",
    "emu_leptons": "selection",
    "emu_masks": "selection",
    "lead_and_sub": "selection",
    "nsigma": "binned_nsigma",
    "nsigma_null": "binned_nsigma",
    "read_pair": "pair_io",
    "scan_windows": "windows",
    "write_pair": "pair_io",
}

__all__ = [
    "Cuts",
    "EmusymError",
    "NSigma",
    "Null",
    "Pair",
    "Sample",
    "Window",
    "WindowScan",
    "collinear_mass",
    "emu_leptons",
    "emu_masks",
    "lead_and_sub",
    "nsigma",
    "nsigma_null",
    "read_pair",
    "scan_windows",
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
