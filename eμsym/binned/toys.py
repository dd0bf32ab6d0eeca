"""Toys and Asimov data of a template and a signal (DDP section 3, arXiv:2203.07529)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.binned.injection import asimov_z, injection_strengths
from eμsym.binned.q0_input import (
    Background,
    as_counts,
    contents,
    normalised_signal,
)
from eμsym.counts import check_same_binning
from eμsym.difference import pulls
from eμsym.errors import ConfigurationError, DataError
from eμsym.files import json_number
from eμsym.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class BinnedToys(Shown):
    """Pseudo-experiments of one template.

    Attributes
    ----------
    a, b : ndarray of float, shape (n, *bins)
        Two independent Poisson draws of T: a symmetric pair.
    b_signal : ndarray of float, shape (n, *bins)
        The same B with signal added.
    """

    a: FloatArray
    b: FloatArray
    b_signal: FloatArray

    def __len__(self) -> int:
        """Return the number of toys."""
        return len(self.a)


def draw_toys(
    template: Any,
    signal: Any,
    mu: float,
    n: int,
    *,
    rng: np.random.Generator | int | None = None,
    first: int = 0,
    fluctuate_signal: bool = True,
) -> BinnedToys:
    """Draw toys of (A, B, B_s) from a template and a signal.

    Parameters
    ----------
    template : array_like or histogram, shape (*bins)
        Expected symmetric background T.
    signal : array_like or histogram, shape (*bins)
        The signal's shape; it is scaled to ΣS = 1.
    mu : float
        Expected number of signal events.
    n : int
        Number of toys.
    rng : numpy.random.Generator, int or None
        Source of randomness. Toy i is drawn from child i of its SeedSequence:
        A first, then B, then the signal.
    first : int
        Number of the first toy. With one integer for `rng`, workers that draw
        toys 0-99 and 100-199 get what one worker draws as 0-199.
    fluctuate_signal : bool
        Whether the signal is drawn, as in data, or its expectation μS is added
        (then B_s is not whole).

    Returns
    -------
    BinnedToys
        With a given seed, A and B do not depend on μ.

    Raises
    ------
    DataError
        If binnings differ, a value is negative or not finite, or the signal is
        all zero.
    ConfigurationError
        If `n` is not at least 1 or `first` is negative.

    Examples
    --------
    >>> toys = draw_toys([50.0, 60.0], [1, 0], 10, 3, rng=1)
    >>> later = draw_toys([50.0, 60.0], [1, 0], 10, 1, rng=1, first=2)
    >>> bool((later.b_signal[0] == toys.b_signal[2]).all())
    True
    """
    check_same_binning(template, signal)
    t = as_counts(contents(template), "template")
    mean = _strength(mu) * normalised_signal(signal)
    if n < 1 or first < 0:
        raise ConfigurationError(f"{n} toys from number {first}: draw at least 1, from 0 on")
    parent = np.random.default_rng(rng).bit_generator.seed_seq
    seeds = parent.spawn(first + n)[first:]  # type: ignore[attr-defined]
    a, b, added = (np.empty((n, *t.shape)) for _ in range(3))
    for i, seed in enumerate(seeds):
        generator = np.random.default_rng(seed)
        a[i] = generator.poisson(t)
        b[i] = generator.poisson(t)
        added[i] = generator.poisson(mean) if fluctuate_signal else mean
    added += b
    return BinnedToys(a=a, b=b, b_signal=added)


def asimov_pair(template: Any, signal: Any, mu: float) -> tuple[FloatArray, FloatArray]:
    """Return the data without fluctuations, (A, B) = (T, T + μS).

    A test of it gives the Z that toys scatter about.

    Parameters
    ----------
    template, signal : array_like or histogram, shape (*bins)
    mu : float
        Signal strength in events.

    Returns
    -------
    a, b : ndarray of float, shape (*bins)

    Raises
    ------
    DataError
        If binnings differ, a value is negative or not finite, or the signal is
        all zero.
    """
    check_same_binning(template, signal)
    t = as_counts(contents(template), "template")
    return t, t + _strength(mu) * normalised_signal(signal)


@dataclass(frozen=True, eq=False, repr=False)
class ExpectedZ(Shown):
    """Result of `expected_z`: the tests' significances against the injected one.

    Attributes
    ----------
    z_injected : ndarray of float, shape (n,)
        Significance of the injected signal for the test that it was defined by.
    mu : ndarray of float, shape (n,)
        Its strength in events.
    known, profiled : ndarray of float, shape (n,)
        Asimov Z of q0 with the background known, and profiled.
    nsigma : ndarray of float, shape (n,)
        Asimov Nσ in the window.
    """

    z_injected: FloatArray
    mu: FloatArray
    known: FloatArray
    profiled: FloatArray
    nsigma: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return the curves as lists, for JSON."""
        return {
            name: [json_number(x) for x in values.tolist()] for name, values in vars(self).items()
        }


def expected_z(
    template: Any,
    signal: Any,
    z_injected: ArrayLike,
    *,
    injected: Background = "known",
    window: Any = ...,
) -> ExpectedZ:
    """Compute the expected Z of each test for increasing signals (DDP Fig. 5).

    Parameters
    ----------
    template, signal : array_like or histogram, shape (*bins)
        T and S.
    z_injected : array_like, shape (n,)
        Injected significances.
    injected : {"known", "profiled"}
        The background of the q0 that defines them (Eq. 10 or 11).
    window : index of the template
        Where Nσ looks, as `Window.slices` or a mask; default everywhere.

    Returns
    -------
    ExpectedZ

    Raises
    ------
    DataError
        As for `injection_strength`, or if the window holds no bin with entries.
    """
    check_same_binning(template, signal)
    t = as_counts(contents(template), "template")
    s = normalised_signal(signal)
    z = np.atleast_1d(np.asarray(z_injected, dtype=np.float64))
    mu = injection_strengths(t, s, z, background=injected)
    a, shape = t[window].ravel(), s[window].ravel()
    b = a + mu[:, None] * shape
    pull = pulls(b, np.broadcast_to(a, b.shape), b, np.broadcast_to(a, b.shape))
    used = ~np.isnan(pull)
    n_bins = used.sum(axis=1)
    if np.any(n_bins == 0):
        raise DataError("window: none of its bins has an entry")
    return ExpectedZ(
        z_injected=z,
        mu=mu,
        known=asimov_z(t, s, mu, background="known"),
        profiled=asimov_z(t, s, mu, background="profiled"),
        nsigma=np.where(used, pull, 0.0).sum(axis=1) / np.sqrt(n_bins),
    )


def _strength(mu: float) -> float:
    if not np.isfinite(mu) or mu < 0:
        raise DataError(f"mu: an injected strength is at least 0 and finite, got {mu}")
    return float(mu)
