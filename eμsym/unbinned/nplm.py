"""The NPLM test of a sample against a reference (SYM Eq. 11, arXiv:2401.09530)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.engines.interface import Problem, n_parameters
from eμsym.engines.launch import train_nets
from eμsym.errors import ConfigurationError
from eμsym.unbinned.distinct import Distinct
from eμsym.unbinned.likelihood_ratio import LikelihoodRatio, NetworkTest, joined_samples


@dataclass(frozen=True)
class NPLMTest(NetworkTest):
    r"""Test whether A comes from the distribution of the reference B, as NPLM does.

    .. math::
        t_B(A) = -2 \min_f \Big\{ \frac{N_A}{Ñ_B} \sum_{x∈B} (e^{f(x)} - 1)
                 - \sum_{x∈A} f(x) \Big\}

    (SYM Eq. 11, after arXiv:1806.02350.) The fluctuations of B are not in the
    model, so B should be far larger than A. The loss is **not** bounded below:
    f may grow without limit where A has events and B has none. Such a
    training has diverged, t is infinite, and `diverged` says so.

    Parameters
    ----------
    expected : float, optional
        N_A, the number of events that A is expected to have; it then counts as
        one more degree of freedom (SYM appendix B: 13). By default Ñ_A, observed.
    others
        Those of `NetworkTest`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.exponential(size=100), rng.exponential(size=5000)
    >>> result = NPLMTest(epochs=2000, clip=9)(a, b, rng=1)
    >>> result.dof, result.diverged, result.g
    (12, False, None)
    """

    expected: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        value = self.expected
        if value is not None and not (np.isfinite(value) and value > 0):
            raise ConfigurationError(f"expected: above 0 and finite, or None, got {value!r}")

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
        """Compute t_B(A).

        Parameters
        ----------
        a, b : array_like or ak.Array, shape (n,) or (n, d)
            The observed sample and the reference.
        rng : numpy.random.Generator, int or None
            For the net's initial parameters.
        weights_a, weights_b : array_like, shape (n,), optional
            Event weights, not negative.
        start : one array_like in a sequence, shape (p,), optional
            Initial parameters of f, in the order of `Network`.

        Returns
        -------
        LikelihoodRatio
            t_a is t, t_b is zero and g is None. If the training diverged, t is
            infinite, and `t_last` and `histories` tell how far it got.

        Raises
        ------
        DataError
            If the samples cannot be used; see `joined_samples`.
        ConfigurationError
            If the engine cannot train such a net or is not there.
        """
        samples = joined_samples(a, b, weights_a, weights_b)
        expected = samples.n_a if self.expected is None else float(self.expected)
        trained = train_nets(
            self._training(),
            [nplm_problem(samples, expected)],
            engine=self.engine,
            threads=self.threads,
            rng=rng,
            start=start,
        )
        fit = trained.fits[0]
        t = np.inf if fit.diverged else -2 * fit.loss
        return LikelihoodRatio(
            t=t,
            t_a=t,
            t_b=0.0,
            dof=n_parameters(fit.network.layers) - (1 if self.expected is None else 0),
            f=fit.network,
            g=None,
            t_last=-2 * fit.last_loss,
            best_epochs=(fit.best_epoch,),
            histories=(fit.history * (1, -2),),
            accuracy=fit.accuracy,
            n_nodes=(fit.n_nodes,),
            diverged=fit.diverged,
            engine=trained.engine,
            epochs=self.epochs,
            entropy=trained.entropy,
            spawn_keys=trained.spawn_keys,
        )


def nplm_problem(samples: Distinct, expected: float) -> Problem:
    """Return the loss of f, where A is expected to have that many events."""
    return Problem(samples.x, expected / samples.n_b * samples.b, samples.a)
