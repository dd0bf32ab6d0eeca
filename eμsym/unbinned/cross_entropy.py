"""The cross-entropy test of two samples (SYM Eq. 34, arXiv:2401.09530)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.engines.interface import Network, Problem, n_parameters
from eμsym.engines.launch import train_nets
from eμsym.shown import Shown
from eμsym.unbinned.distinct import Distinct
from eμsym.unbinned.likelihood_ratio import LikelihoodRatio, NetworkTest, joined_samples


@dataclass(frozen=True, eq=False, repr=False)
class LabelRatio(Shown):
    """ln of a fitted label's probability over the label's share of the events.

    Parameters
    ----------
    network : Network
        2δ(x), the log odds of label A.
    share : float
        The label's share, Ñ_A/(Ñ_A+Ñ_B) or Ñ_B/(Ñ_A+Ñ_B).
    sign : int
        1 for the label A, −1 for B.
    """

    network: Network
    share: float
    sign: int

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return ln(p/share), shape (...); x as for the `Network`."""
        odds = self.network(x)
        return np.asarray(-np.logaddexp(0, -self.sign * odds) - np.log(self.share))

    def to_dict(self) -> dict[str, Any]:
        """Return the net, the share and the sign, for JSON."""
        return self.network.to_dict() | {"share": self.share, "sign": self.sign}


@dataclass(frozen=True)
class CrossEntropyTest(NetworkTest):
    r"""Test whether events can be told to be of A or of B.

    .. math::
        t^δ = 2 \sum_A \ln \frac{(Ñ_A+Ñ_B)\, σ(2δ(x))}{Ñ_A}
            + 2 \sum_B \ln \frac{(Ñ_A+Ñ_B)\,(1 - σ(2δ(x)))}{Ñ_B}

    (SYM Eq. 34), with one net for 2δ, trained on the cross-entropy of all
    events. The likelihood ratio of the labels, given where the events are.

    Parameters are those of `NetworkTest`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.exponential(size=300), rng.exponential(size=400)
    >>> CrossEntropyTest(epochs=2000)(a, b, rng=1).dof
    12
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
        """Compute t^δ of two samples.

        Parameters
        ----------
        a, b : array_like or ak.Array, shape (n,) or (n, d)
            The samples' events; their sizes may differ.
        rng : numpy.random.Generator, int or None
            For the net's initial parameters.
        weights_a, weights_b : array_like, shape (n,), optional
            Event weights, not negative.
        start : one array_like in a sequence, shape (p,), optional
            Initial parameters of 2δ, in the order of `Network`.

        Returns
        -------
        LikelihoodRatio
            t_a and t_b are the sums over A and over B; f and g are what stands
            in their logarithms.

        Raises
        ------
        DataError
            If the samples cannot be used; see `joined_samples`.
        ConfigurationError
            If the engine cannot train such a net or is not there.
        """
        samples = joined_samples(a, b, weights_a, weights_b)
        trained = train_nets(
            self._training(),
            [cross_entropy_problem(samples)],
            engine=self.engine,
            threads=self.threads,
            rng=rng,
            start=start,
        )
        fit = trained.fits[0]
        total = samples.n_a + samples.n_b
        f = LabelRatio(fit.network, samples.n_a / total, 1)
        g = LabelRatio(fit.network, samples.n_b / total, -1)
        events = samples.x.T if len(samples.x) > 1 else samples.x[0]
        t_a = 2 * float(np.sum(samples.a * f(events)))
        t_b = 2 * float(np.sum(samples.b * g(events)))
        symmetric = -2 * (samples.n_a * np.log(f.share) + samples.n_b * np.log(g.share))
        return LikelihoodRatio(
            t=t_a + t_b,
            t_a=t_a,
            t_b=t_b,
            dof=n_parameters(fit.network.layers) - 1,
            f=f,
            g=g,
            t_last=symmetric - 2 * fit.last_loss,
            best_epochs=(fit.best_epoch,),
            histories=(fit.history * (1, -2) + (0, symmetric),),
            accuracy=fit.accuracy,
            n_nodes=(fit.n_nodes,),
            diverged=fit.diverged,
            engine=trained.engine,
            epochs=self.epochs,
            entropy=trained.entropy,
            spawn_keys=trained.spawn_keys,
        )


def cross_entropy_problem(samples: Distinct) -> Problem:
    """Return the cross-entropy of the labels as a loss of the log odds 2δ."""
    return Problem(samples.x, samples.a + samples.b, samples.a, "logistic")
