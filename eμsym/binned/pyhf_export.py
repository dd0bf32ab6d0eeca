"""The background-profiled model of q0 as a pyhf workspace."""

from __future__ import annotations

from typing import Any

import numpy as np

from eμsym.binned.q0_input import fit_input, is_signal_pair
from eμsym.errors import ConfigurationError, DataError
from eμsym.label_rule import LEADING


def pyhf_workspace(
    b: Any,
    a: Any,
    signal: Any,
    *,
    channels: tuple[str, str] = LEADING.orders,
    signal_events: float | None = None,
    mu_bounds: tuple[float, float] | None = None,
) -> dict[str, Any]:
    r"""Write the likelihood of Eq. 4 (arXiv:2203.07529) as a HistFactory workspace.

    Two channels, A and B, share one ``shapefactor`` that multiplies the template
    (A + B)/2: the free background of every bin. The signal stands in B alone,
    scaled by a ``normfactor`` "mu".

    Parameters
    ----------
    b, a, signal : array_like or histogram
        As for `q0` with a profiled background; planes are flattened, row by row.
    channels : tuple of str
        What to call the channels of A and of B.
    signal_events : float, optional
        How many events mu = 1 stands for: the sum of the signal sample. Default:
        the power of ten nearest to the error of μ̂ in events. Minimisers that
        take finite differences, such as pyhf's default, need parameters of order
        one: with ``signal_events=1`` they can stop far from the minimum.
    mu_bounds : tuple of float, optional
        Range of mu, in units of `signal_events`. Default: from where the first
        bin's expectation vanishes, with the background at the template, to ΣB,
        which μ̂ cannot exceed.

    Returns
    -------
    dict
        A workspace by pyhf's schema, of numbers, strings, lists and dicts:
        ``json.dump`` writes it, ``pyhf.Workspace`` and cabinetry open it.

    Raises
    ------
    DataError
        As for `q0`; if nothing is left to fit; if the bounds do not hold zero
        between them; or if `signal_events` is not above zero.

    Notes
    -----
    Bins empty in A, B and S tell nothing of μ and would leave pyhf a parameter
    without effect: they are left out. Bins empty in A and B that hold signal get
    a template of one event, so that their factor has something to scale; it goes
    to its bound, zero, in a fit. pyhf knows no bound on b + μS, and its fits fail
    where that is negative. For a deficit in B beyond the default bounds exchange
    the samples: L2 is the same with A for B and −μ for μ.
    """
    if is_signal_pair(signal):
        raise ConfigurationError("the workspace holds a signal in B alone; give one shape")
    counts_b, counts_a, signal_in = fit_input(b, a, signal, "profiled")
    counts_b, counts_a, shape = counts_b.ravel(), counts_a.ravel(), signal_in.in_b.ravel()
    used = (counts_b + counts_a + shape) > 0
    counts_b, counts_a, shape = counts_b[used], counts_a[used], shape[used]
    template = (counts_a + counts_b) / 2
    template[template == 0] = 1.0
    some = shape > 0
    if signal_events is None:
        error = np.sqrt(1 / np.sum(shape**2 / (2 * template)))
        signal_events = float(10.0 ** np.rint(np.log10(error)))
    if not 0 < signal_events < np.inf:
        raise DataError(f"signal_events: {signal_events} is not a number of events above zero")
    shape = signal_events * shape
    low, high = mu_bounds or (
        -float(np.min(template[some] / shape[some])),
        max(float(counts_b.sum()) / signal_events, 1.0),
    )
    if not low <= 0 < high:
        raise DataError(f"mu_bounds: zero must lie in [{low:g}, {high:g})")
    background = {
        "name": "symmetric",
        "data": template.tolist(),
        "modifiers": [{"name": "background", "type": "shapefactor", "data": None}],
    }
    signal_sample = {
        "name": "signal",
        "data": shape.tolist(),
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
    }
    # No bin's background exceeds all of what was seen, unless μ is far below zero.
    largest = max(10.0, float(np.max((counts_a + counts_b - low * shape) / template)))
    parameters = [
        {"name": "mu", "bounds": [[low, high]], "inits": [0.0]},
        {
            "name": "background",
            "bounds": [[0.0, largest]] * template.size,
            "inits": [1.0] * template.size,
        },
    ]
    return {
        "version": "1.0.0",
        "channels": [
            {"name": channels[0], "samples": [background]},
            {"name": channels[1], "samples": [background, signal_sample]},
        ],
        "observations": [
            {"name": channels[0], "data": counts_a.tolist()},
            {"name": channels[1], "data": counts_b.tolist()},
        ],
        "measurements": [{"name": "symmetry", "config": {"poi": "mu", "parameters": parameters}}],
    }
