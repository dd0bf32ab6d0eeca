"""The symmetrized test of two samples (SYM Eq. 22–24, arXiv:2401.09530)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.engines.interface import Fit, Problem, n_parameters
from eμsym.likelihood_ratio import (
    LikelihoodRatio,
    NetworkTest,
    Samples,
    Trained,
    joined_samples,
    train_nets,
)


@dataclass(frozen=True)
class SymmetrizedTest(NetworkTest):
    r"""Test whether two samples come from one distribution, known or not.

    .. math::
        t(A) = -2 \min_f \Big\{ \frac{Ñ_A}{Ñ_A+Ñ_B} \sum_{x∈A∪B} (e^{f(x)} - 1)
               - \sum_{x∈A} f(x) \Big\}

    t(B) likewise with a second net g, and t = t(A) + t(B). (SYM Eq. 22–24 as
    corrected by Eq. D2: the paper prints Eq. 22 with the bracket's sign flipped.)
    Event weights make the sums weighted and the sizes Ñ sums of weights. The loss
    is bounded below, as every event of A is one of A∪B: no training diverges.

    Parameters are those of `NetworkTest`. x should be of order one, for the
    initial neurons have widths of order one: the paper takes m_coll/(100 GeV).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.exponential(size=300), rng.exponential(size=400)
    >>> result = SymmetrizedTest(epochs=2000)(a, b, rng=1)
    >>> result.dof, result.t == result.t_a + result.t_b
    (12, True)
    """

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
        start : two array_like, shape (p,), optional
            Initial parameters of f and g, in the order of `Network`, instead of
            random ones.

        Returns
        -------
        LikelihoodRatio

        Raises
        ------
        DataError
            If the samples cannot be used; see `joined_samples`.
        ConfigurationError
            If the engine cannot train such a net or is not there.
        """
        samples = joined_samples(a, b, weights_a, weights_b)
        trained = train_nets(
            self, self._training(), symmetrized_problems(samples), rng=rng, start=start
        )
        return _result(self, trained)


def symmetrized_problems(samples: Samples) -> tuple[Problem, Problem]:
    """Return the two losses, of f on A and of g on B."""
    total = samples.n_a + samples.n_b
    pool = samples.a + samples.b
    return (
        Problem(samples.x, samples.n_a / total * pool, samples.a),
        Problem(samples.x, samples.n_b / total * pool, samples.b),
    )


def _result(test: SymmetrizedTest, trained: Trained) -> LikelihoodRatio:
    f, g = trained.fits
    return LikelihoodRatio(
        t=_t(f) + _t(g),
        t_a=_t(f),
        t_b=_t(g),
        dof=n_parameters(f.network.layers) - 1,
        f=f.network,
        g=g.network,
        t_last=-2 * (f.last_loss + g.last_loss),
        best_epochs=(f.best_epoch, g.best_epoch),
        histories=tuple(fit.history * (1, -2) for fit in trained.fits),
        accuracy=f.accuracy + g.accuracy,
        n_nodes=(f.n_nodes, g.n_nodes),
        diverged=f.diverged or g.diverged,
        engine=trained.engine,
        epochs=test.epochs,
        entropy=trained.entropy,
        spawn_keys=trained.spawn_keys,
    )


def _t(fit: Fit) -> float:
    return -2 * fit.loss
