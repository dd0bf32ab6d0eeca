"""The two-sample likelihood ratio with any reference (SYM Eq. 18–20, arXiv:2401.09530)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.engines.interface import n_parameters
from eμsym.engines.launch import train_nets
from eμsym.unbinned.likelihood_ratio import LikelihoodRatio, NetworkTest, joined_samples
from eμsym.unbinned.nplm import nplm_problem


@dataclass(frozen=True, eq=False)
class ReferenceTest(NetworkTest):
    r"""Test whether two samples come from one distribution, both told by a third sample R.

    With n_R the events of R, the null hypothesis is :math:`n_A ∝ Ñ_A e^h n_R` and
    :math:`n_B ∝ Ñ_B e^{h+r} n_R`, the other :math:`n_A ∝ Ñ_A e^f n_R` and
    :math:`n_B ∝ Ñ_B e^g n_R` (SYM Eq. 18–19). Since h has a free constant, r is zero at the
    maximum, and

    .. math::
        t &= t(A) + t(B) - t_0, \\
        t(A) &= -2 \min_f \Big\{ \frac{Ñ_A}{N_R} \sum_{x∈R} (e^{f(x)} - 1)
               - \sum_{x∈A} f(x) \Big\}, \\
        t_0 &= -2 \min_h \Big\{ \frac{Ñ_A + Ñ_B}{N_R} \sum_{x∈R} (e^{h(x)} - 1)
               - \sum_{x∈A∪B} h(x) \Big\},

    t(B) as t(A) (Eq. 20). With R = A∪B, h is zero and t is that of `SymmetrizedTest`; with
    R = B and Ñ_B far larger than Ñ_A it is that of `NPLMTest`. The losses are bounded below
    only where R has events wherever A and B have: elsewhere a training may run away, which
    `diverged` says, and t is infinite; see ``clip``.

    Parameters
    ----------
    reference : array_like, shape (n,) or (n, d)
        Events of R: simulation, or a control region.
    reference_weights : array_like, shape (n,), optional
    others
        Those of `NetworkTest`.

    Notes
    -----
    If the three nets end on different plateaus, t may be negative: it is a difference of
    maxima that training has not reached. All of its p-values are from relabellings.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.exponential(size=100), rng.exponential(size=120)
    >>> test = ReferenceTest(reference=rng.exponential(size=2000), epochs=2000, clip=9)
    >>> result = test(a, b, rng=1)
    >>> result.dof, result.diverged
    (12, False)
    """

    reference: ArrayLike = field(kw_only=True, repr=False)
    reference_weights: ArrayLike | None = field(default=None, kw_only=True, repr=False)

    def __call__(
        self,
        a: Any,
        b: Any,
        *,
        rng: np.random.Generator | int | None = None,
        weights_a: ArrayLike | None = None,
        weights_b: ArrayLike | None = None,
        start: Sequence[ArrayLike] | None = None,
    ) -> LikelihoodRatio:
        """Compute t of two samples.

        Parameters
        ----------
        a, b : array_like or ak.Array, shape (n,) or (n, d)
            The samples' events; their sizes may differ.
        rng : numpy.random.Generator, int or None
            For the nets' initial parameters.
        weights_a, weights_b : array_like, shape (n,), optional
            Event weights, not negative.
        start : three array_like, shape (p,), optional
            Initial parameters of f, g and h, in the order of `Network`.

        Returns
        -------
        LikelihoodRatio
            With `h` and `t_0`. If a training diverged, t is infinite.

        Raises
        ------
        DataError
            If the samples or the reference cannot be used; see `joined_samples`.
        ConfigurationError
            If the engine cannot train such a net or is not there.
        """
        pool = joined_samples(a, b, weights_a, weights_b)
        r, w_r = self.reference, self.reference_weights
        of_a, of_b = (joined_samples(x, r, w, w_r) for x, w in ((a, weights_a), (b, weights_b)))
        of_both = joined_samples(pool.x.T, r, pool.a + pool.b, w_r)
        problems = [nplm_problem(each, each.n_a) for each in (of_a, of_b, of_both)]
        trained = train_nets(
            self._training(),
            problems,
            engine=self.engine,
            threads=self.threads,
            rng=rng,
            start=start,
        )
        f, g, h = trained.fits
        diverged = any(fit.diverged for fit in trained.fits)
        t_a, t_b, t_0 = (np.inf if fit.diverged else -2 * fit.loss for fit in trained.fits)
        return LikelihoodRatio(
            t=np.inf if diverged else t_a + t_b - t_0,
            t_a=t_a,
            t_b=t_b,
            dof=n_parameters(f.network.layers) - 1,
            f=f.network,
            g=g.network,
            t_last=-2 * (f.last_loss + g.last_loss - h.last_loss),
            best_epochs=tuple(fit.best_epoch for fit in trained.fits),
            histories=tuple(
                fit.history * (1, sign) for fit, sign in zip(trained.fits, (-2, -2, 2), strict=True)
            ),
            accuracy=sum(fit.accuracy for fit in trained.fits),
            n_nodes=tuple(fit.n_nodes for fit in trained.fits),
            diverged=diverged,
            engine=trained.engine,
            epochs=self.epochs,
            entropy=trained.entropy,
            spawn_keys=trained.spawn_keys,
            t_0=t_0,
            h=h.network,
        )
