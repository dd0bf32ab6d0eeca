"""The binned tests of one template and signal, as the DDP paper studies them.

Significances of the Asimov data for every window size, toys with and without
signal, ROC curves, and expected significances for increasing signals (section 4
and Fig. 2-5 of arXiv:2203.07529).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.binned.injection import asimov_z, injection_strength
from eμsym.binned.nsigma import nsigma
from eμsym.binned.q0 import q0_toys
from eμsym.binned.templates import Templates, signal_location
from eμsym.binned.toys import BinnedToys, ExpectedZ, asimov_pair, draw_toys, expected_z
from eμsym.binned.windows import Window, make_window
from eμsym.difference import pulls
from eμsym.errors import ConfigurationError, DataError
from eμsym.files import json_number
from eμsym.papers.ddp_distributions import TestToys, compare_toys

#: The paper's injected significance (of L1) and number of toys.
Z_INJECTED, N_TOYS = 5.0, 20_000
#: The tests, in the paper's order: q0 with L1 and with L2, Nσ in the whole plane and
#: in the best of the windows centred on the signal.
TESTS = ("known", "profiled", "nsigma", "nsigma_window")
#: Injected significances of Fig. 5.
Z_GRID = np.linspace(0.0, 8.0, 161)
#: Toys that are held in memory at once (20 MB for 28×28 bins).
CHUNK_TOYS = 1000


@dataclass(frozen=True, eq=False)
class DdpStudy:
    """Result of `study`.

    Attributes
    ----------
    z_injected : float
        Significance of the injected signal for q0 with known background.
    mu : float
        Its strength in events.
    signal_fraction, window_fraction : float
        μ/ΣT, and the same in the best window.
    known, profiled, nsigma : float
        Z of the Asimov data (T, T + μS): q0 of L1 and of L2, and Nσ in all bins.
    windows : tuple of Window
        The square windows centred on the signal by size, from 1 bin, with
        their Nσ in the Asimov data.
    curve : ExpectedZ
        Asimov significances for increasing signals; Nσ in the best window.
    nsigma_two_sigma : float
        Injected significance at which Nσ in the best window reaches 2; NaN if
        it does not on the curve.
    profiled_there : float
        L2's significance for that signal.
    toys : dict of str to TestToys
        By test (see `TESTS`); empty if none were drawn.
    n_toys, seed : int
    template : dict
        Provenance and content of T and S in short.
    """

    z_injected: float
    mu: float
    signal_fraction: float
    window_fraction: float
    known: float
    profiled: float
    nsigma: float
    windows: tuple[Window, ...]
    curve: ExpectedZ
    nsigma_two_sigma: float
    profiled_there: float
    toys: Mapping[str, TestToys] = field(default_factory=dict)
    n_toys: int = 0
    seed: int | None = None
    template: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> Window:
        """The centred window of largest Nσ; the smallest of those that tie."""
        return max(self.windows, key=lambda window: window.z)

    @property
    def asimov(self) -> dict[str, float]:
        """Z of the Asimov data, by test (see `TESTS`)."""
        values = (self.known, self.profiled, self.nsigma, self.best.z)
        return dict(zip(TESTS, values, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return everything but single toys, for JSON; NaN becomes None."""
        numbers = {
            name: value if isinstance(value, int) else json_number(value)
            for name, value in vars(self).items()
            if isinstance(value, int | float)
        }
        return {
            **numbers,
            "best_window": self.best.to_dict(),
            "windows": [window.to_dict() for window in self.windows],
            "curve": self.curve.to_dict(),
            "toys": {name: toys.to_dict() for name, toys in self.toys.items()},
            "template": dict(self.template),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DdpStudy:
        """Return the study that `to_dict` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If a part is missing or is not what it should be.
        """
        names = (
            "z_injected", "mu", "signal_fraction", "window_fraction", "known", "profiled",
            "nsigma", "nsigma_two_sigma", "profiled_there",
        )  # fmt: skip
        return cls(
            **{name: math.nan if data[name] is None else float(data[name]) for name in names},
            windows=tuple(_window(entry) for entry in data["windows"]),
            curve=ExpectedZ(**{k: np.asarray(v, dtype=float) for k, v in data["curve"].items()}),
            toys={name: TestToys.from_dict(toys) for name, toys in data["toys"].items()},
            n_toys=int(data["n_toys"]),
            seed=data.get("seed"),
            template=data["template"],
        )


def study(
    templates: Templates,
    *,
    z_injected: float = Z_INJECTED,
    n_toys: int = N_TOYS,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> DdpStudy:
    """Compute the paper's numbers and curves for one template and signal.

    The signal strength is the one that has `z_injected` for q0 with known
    background on T (Eq. 10). Toys draw A, B from T and Poisson signal events
    from μS on top of B.

    Parameters
    ----------
    templates : Templates
        Of a plane, and square windows must fit into it.
    z_injected : float
    n_toys : int
        Pairs to draw, and as many with signal; 0 for none.
    seed : int
        Toy i is drawn from child i of its SeedSequence.
    progress : callable, optional
        Called with the number of toys done since the last call.

    Returns
    -------
    DdpStudy

    Raises
    ------
    DataError
        If the templates are no plane, or the signal cannot be injected.
    ConfigurationError
        If `n_toys` is negative or 1.
    """
    t, s = templates.t, templates.s
    if n_toys < 0 or n_toys == 1:
        raise ConfigurationError(f"{n_toys} toys: draw at least 2, or 0 for none")
    mu = injection_strength(t, s, z_injected, background="known")
    windows = centred_windows(t, s, mu, axes=templates.background.axes)
    best = max(windows, key=lambda window: window.z)
    a, b = asimov_pair(t, s, mu)
    curve = expected_z(t, s, Z_GRID, injected="known", window=best.slices)
    two_sigma = crossing(curve.z_injected, curve.nsigma, 2.0)
    there = math.nan
    if not math.isnan(two_sigma):
        strength = injection_strength(t, s, two_sigma, background="known")
        there = float(asimov_z(t, s, strength, background="profiled"))
    result = DdpStudy(
        z_injected=z_injected,
        mu=mu,
        signal_fraction=mu / float(t.sum()),
        window_fraction=float(mu * s[best.slices].sum() / t[best.slices].sum()),
        known=float(asimov_z(t, s, mu, background="known")),
        profiled=float(asimov_z(t, s, mu, background="profiled")),
        nsigma=nsigma(b, a).z,
        windows=windows,
        curve=curve,
        nsigma_two_sigma=two_sigma,
        profiled_there=there,
        n_toys=n_toys,
        seed=seed if n_toys else None,
        template=templates.to_dict(),
    )
    if not n_toys:
        return result
    null, signal = toy_significances(
        t, s, mu, n_toys, window=best, rng=np.random.default_rng(seed), progress=progress
    )
    toys = {
        name: compare_toys(null[name], signal[name], expected=z)
        for name, z in result.asimov.items()
    }
    return DdpStudy(**{**vars(result), "toys": toys})


def centred_windows(
    t: FloatArray, s: FloatArray, mu: float, *, axes: Any = None
) -> tuple[Window, ...]:
    """Return Nσ of the Asimov data in squares of every size about the signal (Fig. 3).

    The squares are centred on the signal's location, the median of S on each
    axis (`eμsym.binned.templates.signal_location`), as exactly as whole bins allow,
    and are shifted back into the plane where they would stick out. T has no
    part in where they are.

    Parameters
    ----------
    t, s : ndarray of float, shape (n0, n1)
    mu : float
        Signal strength in events.
    axes : sequence of two hist axes, optional
        For the windows' edges.

    Returns
    -------
    tuple of Window
        Of 1 to min(n0, n1) bins on an edge. A window without entries has z = 0.

    Raises
    ------
    DataError
        If the templates are not planes of one shape.
    """
    if t.ndim != 2 or t.shape != s.shape:
        raise DataError(
            f"windows are squares of a plane: T has shape {t.shape}, S {s.shape}; give both 2 axes"
        )
    a, b = asimov_pair(t, s, mu)
    location = signal_location(s)
    windows = []
    for size in range(1, min(t.shape) + 1):
        start = [
            # Rounded: an exact half must not hang on the last bit of the median.
            min(max(math.floor(round(centre - size / 2 + 0.5, 9)), 0), bins - size)
            for centre, bins in zip(location, t.shape, strict=True)
        ]
        stop = [first + size for first in start]
        inside = tuple(slice(*pair) for pair in zip(start, stop, strict=True))
        z = nsigma(b[inside], a[inside]).z
        windows.append(make_window(start, stop, 0.0 if math.isnan(z) else z, axes))
    return tuple(windows)


def crossing(x: FloatArray, y: FloatArray, level: float) -> float:
    """Return where a curve first reaches a level, by linear interpolation; NaN if nowhere.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
        `x` rising.
    level : float

    Examples
    --------
    >>> crossing(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0]), 2.5)
    1.5
    """
    above = np.flatnonzero(y >= level)
    if above.size == 0:
        return math.nan
    k = int(above[0])
    if k == 0:
        return float(x[0])
    return float(x[k - 1] + (x[k] - x[k - 1]) * (level - y[k - 1]) / (y[k] - y[k - 1]))


def toy_significances(
    t: FloatArray,
    s: FloatArray,
    mu: float,
    n: int,
    *,
    window: Window,
    rng: np.random.Generator,
    progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Return Z of every test for toys without and with signal.

    Toys are drawn and tested in chunks, so that memory does not grow with `n`
    but for the results.

    Parameters
    ----------
    t, s : ndarray of float, shape (n0, n1)
    mu : float
    n : int
    window : Window
        Where "nsigma_window" looks.
    rng : numpy.random.Generator
        Toy i is drawn from its next child i.
    progress : callable, optional
        Called with the number of toys done since the last call.

    Returns
    -------
    null, signal : dict of str to ndarray of float, shape (n,)
        By test, see `TESTS`.
    """
    null, signal = ({name: np.empty(n) for name in TESTS} for _ in range(2))
    for first in range(0, n, CHUNK_TOYS):
        rows = slice(first, min(first + CHUNK_TOYS, n))
        toys = draw_toys(t, s, mu, rows.stop - first, rng=rng)
        for b, into in ((toys.b, null), (toys.b_signal, signal)):
            for name, z in _significances(toys, b, t, s, window).items():
                into[name][rows] = z
        if progress is not None:
            progress(rows.stop - first)
    return null, signal


def _significances(
    toys: BinnedToys, b: FloatArray, t: FloatArray, s: FloatArray, window: Window
) -> dict[str, FloatArray]:
    pull = pulls(b, toys.a, b, toys.a)
    inside = (slice(None), *window.slices)
    values = (
        q0_toys(b, t, s, background="known").z,
        q0_toys(b, toys.a, s, background="profiled").z,
        _nsigma(pull),
        _nsigma(pull[inside]),
    )
    return dict(zip(TESTS, values, strict=True))


def _nsigma(pull: FloatArray) -> FloatArray:
    """Return Nσ of every toy from its pulls; 0 for a toy without entries."""
    flat = pull.reshape(len(pull), -1)
    used: NDArray[np.bool_] = ~np.isnan(flat)
    n_bins = np.maximum(used.sum(axis=1), 1)
    return np.asarray(np.where(used, flat, 0.0).sum(axis=1) / np.sqrt(n_bins))


def _window(data: Mapping[str, Any]) -> Window:
    edges = data["edges"]
    (i, j), (k, m) = data["start"], data["stop"]
    return Window(
        start=(int(i), int(j)),
        stop=(int(k), int(m)),
        z=float(data["local_z"]),
        edges=None if edges is None else tuple((float(x), float(y)) for x, y in edges),
    )
