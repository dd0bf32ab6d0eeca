"""matplotlib, imported whatever backend the user's environment asks for.

Figures are drawn without pyplot, and so without any backend; but matplotlib itself cannot be
imported while ``MPLBACKEND`` names one that it does not know.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys

_VARIABLE = "MPLBACKEND"


def import_matplotlib() -> None:
    """Import matplotlib, with the user's backend if there is such a one.

    The environment is as before afterwards.
    """
    asked = os.environ.get(_VARIABLE)
    if asked is None or "matplotlib" in sys.modules:
        importlib.import_module("matplotlib")
        return
    del os.environ[_VARIABLE]
    try:
        matplotlib = importlib.import_module("matplotlib")
    finally:
        os.environ[_VARIABLE] = asked
    with contextlib.suppress(ValueError):
        matplotlib.rcParams["backend"] = asked


import_matplotlib()
