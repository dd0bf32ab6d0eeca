"""The background-profiled model of q0 as a pyhf workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import BoolArray, FloatArray
from eμsym.binned.q0_input import Signal, checked_ratio, fit_input
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import DataError
from eμsym.fakes import FakeCounts
from eμsym.label_rule import LEADING

#: Within how many standard deviations a fit keeps the signal's statistics, as pyhf does others.
_STATISTICS_RANGE = 5.0


def pyhf_workspace(
    b: Any,
    a: Any,
    signal: Any,
    *,
    ratio: YieldRatio | ArrayLike | None = None,
    channels: tuple[str, str] = LEADING.orders,
    signal_events: float | None = None,
    mu_bounds: tuple[float, float] | None = None,
    fakes: FakeCounts | None = None,
    shapes: Mapping[str, Sequence[ArrayLike]] | None = None,
) -> dict[str, Any]:
    r"""Write the likelihood of q0, its background profiled, as a HistFactory workspace.

    .. math::
        \prod_i \mathrm{Pois}(A_i | f_i T_i + μ g^A_i S^A_i)\,
        \mathrm{Pois}(B_i | f_i κ_i T_i e^{\sum_k ν_k m_{ki}} + μ g^B_i S^B_i)
        \prod_k N(ν_k | 0, 1) \prod_{s,i} N(g^s_i | 1, σ^s_i / S^s_i)

    (Eq. 4 of arXiv:2203.07529 where κ = 1, S^A = 0 and all is exact.) Two channels, A and
    B, share one ``shapefactor`` f, the free background of every bin, in units of the
    template T = (A + B)/(1 + κ). The directions m of an uncertain κ are a ``normsys`` "nu_k"
    each. The signal stands in the channels where there is any of it, scaled by one
    ``normfactor`` "mu"; if it has variances, with a ``staterror``.

    Parameters
    ----------
    b, a, signal : array_like or histogram
        As for `q0` with a profiled background; planes are flattened, row by row. The
        signal may be a tuple (S_A, S_B), or the `Signal` of `Q0Test.counts`, which brings
        its variances and its share of events outside the bins.
    ratio : YieldRatio or array_like, optional
        As for `q0`, the expected κ of every bin. Default: 1.
    channels : tuple of str
        What to call the channels of A and of B.
    signal_events : float, optional
        How many events mu = 1 stands for, those outside the bins included; the
        measurement's name says it. Default: the power of ten nearest to the error of
        μ̂ in events. Minimisers that take finite differences, such as pyhf's default,
        need parameters of order one: with ``signal_events=1`` they can stop far from
        the minimum.
    mu_bounds : tuple of float, optional
        Range of mu, in units of `signal_events`. Default: from where the first
        bin's expectation vanishes, with the background at the template, to the entries of
        the bins with signal over its share in the bins, which μ̂ cannot exceed.
    fakes : FakeCounts, optional
        What both samples have besides, in flat bins: a sample in each channel, with a
        ``histosys`` "tau_k" for the transfer factor of each source and a ``staterror`` for
        the control events' statistics.
    shapes : mapping of str to four array_like, optional
        What effects of one standard deviation make of the signal, in flat bins and in its
        units: up in A, up in B, down in A, down in B. Each is a ``histosys`` of its name.

    Returns
    -------
    dict
        A workspace by pyhf's schema, of numbers, strings, lists and dicts:
        ``json.dump`` writes it, ``pyhf.Workspace`` and cabinetry open it.

    Raises
    ------
    DataError
        As for `q0`; if nothing is left to fit; if the bounds do not hold zero
        between them; if `signal_events` is not above zero; or if a bin's signal, or its
        fakes, are zero and uncertain, which a ``staterror`` cannot say.

    Notes
    -----
    Where it is `q0`'s model and where it is near it:

    - A ``normsys`` is of a whole sample, so with an uncertain κ the background of B is one
      sample a bin. By pyhf's and cabinetry's interpolation ("code4") it is e^{νm} outside
      |ν| < 1, and inside a polynomial, off by less than 10⁻⁴ |m|⁷ of it for |m| < 1; by
      "code1" it is that everywhere.
    - `q0` has one nuisance a bin for the signal's statistics, of the contrast
      S_B/κ − S_A, as a free background knows no other; here are two, of S_A and of S_B, as
      is usual. Their best values for a contrast are `Signal.shift`, so that the
      profiled likelihoods are one and the same for an exact κ. With an uncertain one
      `q0` keeps the shift of ν = 0: with m = 0.2 and S open by 0.3 of it that moves μ̂ by
      some 10⁻⁴ of its error.
    - The statistics' error of fakes goes along with τ here, and stays in `q0`: with τ known to
      a tenth that moves q0 by some 10⁻³ of it.
    - Here ν is held within ±5, and the signal's statistics within 5 standard deviations.

    Bins empty in A, B and S tell nothing of μ and would leave pyhf a parameter
    without effect: they are left out. Bins empty in A and B that hold signal get
    a template of one event, so that their factor has something to scale; it goes
    to its bound, zero, in a fit. pyhf knows no bound on an expectation, and its fits fail
    where one is negative. For a deficit beyond the default bounds give, with
    w = S_B/κ − S_A, the signal (max(w, 0), κ max(−w, 0)): the free background makes it
    the same likelihood, of −μ.
    """
    counts_b, counts_a, signal_in = fit_input(b, a, signal, "profiled")
    kappa = checked_ratio(ratio, counts_b.shape, "profiled")
    counts_b, counts_a, signal_in = counts_b.ravel(), counts_a.ravel(), signal_in.ravel()
    used = (counts_b + counts_a + signal_in.both) > 0
    counts_b, counts_a, signal_in = counts_b[used], counts_a[used], signal_in.of_bins(used)
    kappa = YieldRatio(kappa.log_ratio[used], kappa.modes[:, used])
    in_a = (counts_a + counts_b) / (1 + kappa.ratio)
    in_a[in_a == 0] = 1.0
    in_b = kappa.ratio * in_a

    events = _events_of_one_error(in_a, signal_in, kappa.ratio)
    if signal_events is not None:
        events = signal_events
    if not 0 < events < np.inf:
        raise DataError(f"signal_events: {events} is not a number of events above zero")
    low, high = mu_bounds or (
        -min(_room(in_a, signal_in.in_a), _room(in_b, signal_in.in_b)) / events,
        max(_most_events(counts_b, counts_a, signal_in) / events, 1.0),
    )
    if not low <= 0 < high:
        raise DataError(f"mu_bounds: zero must lie in [{low:g}, {high:g})")
    # No bin's background exceeds all of what was seen, unless μ is far below zero.
    seen = counts_a + counts_b / kappa.ratio
    hidden = -low * events * (signal_in.in_a + signal_in.in_b / kappa.ratio)
    largest = max(10.0, float(np.max((seen + hidden) / in_a)))

    varied = [{}, {}] if shapes is None else [_effects(shapes, k, used, events) for k in (0, 1)]
    of_a, bounds_a = _signal(channels[0], signal_in.in_a, signal_in.variances[0], events, varied[0])
    of_b, bounds_b = _signal(channels[1], signal_in.in_b, signal_in.variances[1], events, varied[1])
    if fakes is not None:
        f_a, f_b = (_fakes(name, fakes, side, used) for side, name in enumerate(channels))
        of_a, of_b = [*of_a, f_a], [*of_b, f_b]
    parameters = [
        {"name": "mu", "bounds": [[low, high]], "inits": [0.0]},
        {
            "name": "background",
            "bounds": [[0.0, largest]] * in_a.size,
            "inits": [1.0] * in_a.size,
        },
        *bounds_a,
        *bounds_b,
    ]
    return {
        "version": "1.0.0",
        "channels": [
            {"name": channels[0], "samples": [_background("symmetric", in_a), *of_a]},
            {"name": channels[1], "samples": [*_turning(in_b, kappa.modes), *of_b]},
        ],
        "observations": [
            {"name": channels[0], "data": counts_a.tolist()},
            {"name": channels[1], "data": counts_b.tolist()},
        ],
        "measurements": [
            {
                "name": f"symmetry, mu = 1 is {events:g} events of signal",
                "config": {"poi": "mu", "parameters": parameters},
            }
        ],
    }


def _events_of_one_error(in_a: FloatArray, signal: Signal, kappa: FloatArray) -> float:
    """Return the power of ten nearest to the error of μ̂; of all entries if none tells of μ."""
    contrast = signal.in_b / kappa - signal.in_a
    information = np.sum(contrast**2 * kappa / ((1 + kappa) * in_a))
    error = 1 / np.sqrt(information) if information > 0 else np.sqrt(np.sum(in_a * (1 + kappa)))
    return float(10.0 ** np.rint(np.log10(error)))


def _room(background: FloatArray, shape: FloatArray) -> float:
    """Return how many events of signal can be taken from a background."""
    some = shape > 0
    return float(np.min(background[some] / shape[some], initial=np.inf))


def _most_events(b: FloatArray, a: FloatArray, signal: Signal) -> float:
    """Return what μ̂ cannot exceed: beyond it, ln L falls even without any background."""
    entries = b[signal.in_b > 0].sum() + a[signal.in_a > 0].sum()
    return float(entries / signal.both.sum())


def _background(
    name: str, data: FloatArray, turns: tuple[dict[str, Any], ...] = ()
) -> dict[str, Any]:
    free = {"name": "background", "type": "shapefactor", "data": None}
    return {"name": name, "data": data.tolist(), "modifiers": [free, *turns]}


def _turning(in_b: FloatArray, modes: FloatArray) -> list[dict[str, Any]]:
    """Return B's background: one sample, or one a bin if κ is uncertain."""
    if not len(modes):
        return [_background("symmetric", in_b)]
    samples = []
    for i, at in enumerate(np.diag(in_b)):
        turns = tuple(
            {
                "name": f"nu_{k}",
                "type": "normsys",
                "data": {"hi": float(np.exp(mode)), "lo": float(np.exp(-mode))},
            }
            for k, mode in enumerate(modes[:, i])
            if mode != 0
        )
        samples.append(_background(f"symmetric_{i}", at, turns))
    return samples


def _fakes(channel: str, fakes: FakeCounts, side: int, used: BoolArray) -> dict[str, Any]:
    """Return the fakes' sample in a channel.

    Raises
    ------
    DataError
        If a bin is zero and has a variance.
    """
    data = (fakes.in_a, fakes.in_b)[side][used]
    error = np.sqrt((fakes.variance_a, fakes.variance_b)[side][used])
    if np.any((data == 0) & (error > 0)):
        raise DataError(
            f"fakes: a bin of {channel} is zero and has a variance; merge it with a neighbour"
        )
    modifiers: list[dict[str, Any]] = [
        {
            "name": f"tau_{k}",
            "type": "histosys",
            "data": {"hi_data": (data + move).tolist(), "lo_data": (data - move).tolist()},
        }
        for k, move in enumerate(fakes.by_source[:, side][:, used])
    ]
    if error.any():
        name = f"staterror_fakes_{channel}"
        modifiers.append({"name": name, "type": "staterror", "data": error.tolist()})
    return {"name": "fakes", "data": data.tolist(), "modifiers": modifiers}


def _effects(
    shapes: Mapping[str, Sequence[ArrayLike]], side: int, used: BoolArray, events: float
) -> dict[str, dict[str, Any]]:
    """Return what effects make of the signal in a channel, as a ``histosys`` has it."""
    found = {}
    for name, four in shapes.items():
        up, down = (events * np.asarray(four[k + side], dtype=np.float64) for k in (0, 2))
        found[name] = {"hi_data": up[used].tolist(), "lo_data": down[used].tolist()}
    return found


def _signal(
    channel: str,
    shape: FloatArray,
    variance: FloatArray,
    events: float,
    varied: Mapping[str, dict[str, Any]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the signal's sample in a channel, if it has any there, and its parameters.

    Raises
    ------
    DataError
        If a bin is zero and has a variance.
    """
    if np.any((shape == 0) & (variance > 0)):
        raise DataError(
            f"signal: a bin of {channel} is zero and has a variance; merge it with a neighbour"
        )
    if not shape.any():
        return [], []
    modifiers: list[dict[str, Any]] = [{"name": "mu", "type": "normfactor", "data": None}]
    modifiers += [{"name": k, "type": "histosys", "data": data} for k, data in varied.items()]
    parameters: list[dict[str, Any]] = []
    if variance.any():
        name = f"staterror_{channel}"
        error = np.sqrt(variance)
        modifiers.append({"name": name, "type": "staterror", "data": (events * error).tolist()})
        relative = np.divide(error, shape, out=np.ones_like(error), where=error > 0)
        reach = _STATISTICS_RANGE * relative
        bounds = np.stack([1 - reach, 1 + reach], axis=1)
        parameters.append({"name": name, "bounds": bounds.tolist(), "inits": [1.0] * shape.size})
    sample = {"name": "signal", "data": (events * shape).tolist(), "modifiers": modifiers}
    return [sample], parameters
