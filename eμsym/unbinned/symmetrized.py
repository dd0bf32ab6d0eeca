"""The symmetrized test of two samples (SYM Eq. 22–24, arXiv:2401.09530)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.engines.choice import choose_engine
from eμsym.engines.interface import Fit, Problem, layer_sizes, n_parameters
from eμsym.engines.launch import Trained, draw_start, train_all, train_nets
from eμsym.errors import DataError
from eμsym.unbinned.distinct import Distinct
from eμsym.unbinned.likelihood_ratio import LikelihoodRatio, NetworkTest, joined_samples

#: Toys whose nets the cuda engine is best given at once.
CUDA_BATCH = 256


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

    Ñ_A/(Ñ_A+Ñ_B) is what makes t blind to a difference of the sizes alone. With
    ``equal_sizes`` it is ½ in both, as where the symmetry expects N_A = N_B: t has a degree
    of freedom more, and of nets that reach their minimum it is larger by
    2 Ñ_A ln[2Ñ_A/(Ñ_A+Ñ_B)] + 2 Ñ_B ln[2Ñ_B/(Ñ_A+Ñ_B)], the likelihood ratio of the sizes.

    Parameters are those of `NetworkTest`, and ``equal_sizes``. x should be of order one, for the
    initial neurons have widths of order one: the paper takes m_coll/(100 GeV).

    Notes
    -----
    A training is not at its minimum after 5·10⁵ epochs, and t is what it has
    reached. The engines that use all events agree to rounding for some thousand
    epochs. In the long run a training that is leaving a plateau amplifies every
    difference: one of 10⁻⁹ in the initial parameters was seen to move t by 0.08.
    At 2·1.1·10⁵ events and 5·10⁵ epochs, over 56 nets (null, S1, S2 and S3 alike),
    the part of t from the nodes engine was within 0.001 of that of eight times as
    many nodes in half of them, within 0.01 in 43 and within 0.05 in 53; one, on
    its way from one plateau to the next, was 1.4 away. ``tolerance=0.001`` makes
    that 49 and 55, and 0.1 for the worst, in 1.7 times the time.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.exponential(size=300), rng.exponential(size=400)
    >>> result = SymmetrizedTest(epochs=2000)(a, b, rng=1)
    >>> result.dof, result.t == result.t_a + result.t_b
    (12, True)
    """

    equal_sizes: bool = False

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
            self._training(),
            symmetrized_problems(samples, equal_sizes=self.equal_sizes),
            engine=self.engine,
            threads=self.threads,
            rng=rng,
            start=start,
        )
        return _result(self, trained)

    @property
    def batch(self) -> int:
        """How many pairs `each` is best given: more than one for the cuda engine alone."""
        return CUDA_BATCH if self.engine == "cuda" else 1

    def each(
        self,
        pairs: Sequence[tuple[Any, ...]],
        *,
        rngs: Sequence[np.random.Generator | int | None],
    ) -> list[LikelihoodRatio]:
        """Compute t of many toys; the cuda engine trains all their nets at once.

        Parameters
        ----------
        pairs : sequence of (a, b) or (a, b, weights_a, weights_b)
            Events of A and of B, of one dimension count, and their weights.
        rngs : sequence of (numpy.random.Generator, int or None)
            One a pair.

        Returns
        -------
        list of LikelihoodRatio
            What calling the test with each pair and generator gives.

        Raises
        ------
        DataError, ConfigurationError
            As for a call; also if the pairs differ in dimensions, or there is not
            one generator a pair.
        """
        if len(rngs) != len(pairs):
            raise DataError(f"{len(pairs)} pairs and {len(rngs)} generators: give one each")
        if not pairs:
            return []
        samples = [joined_samples(*pair) for pair in pairs]
        if len({len(each.x) for each in samples}) > 1:
            raise DataError("toys that are trained together must have the same dimensions")
        training = self._training()
        layers = layer_sizes(len(samples[0].x), training.hidden)
        engine = choose_engine(self.engine, layers[0], training.hidden)
        starts = [draw_start(layers, 2, rng) for rng in rngs]
        fits = train_all(
            engine,
            [
                problem
                for each in samples
                for problem in symmetrized_problems(each, equal_sizes=self.equal_sizes)
            ],
            [theta for start in starts for theta in start.parameters],
            training,
            threads=self.threads,
        )
        return [
            _result(
                self,
                Trained(
                    tuple(fits[2 * i : 2 * i + 2]), engine.name, start.entropy, start.spawn_keys
                ),
            )
            for i, start in enumerate(starts)
        ]


def symmetrized_problems(
    samples: Distinct, *, equal_sizes: bool = False
) -> tuple[Problem, Problem]:
    """Return the two losses, of f on A and of g on B.

    Parameters
    ----------
    samples : Distinct
    equal_sizes : bool
        Whether half of the pooled events are expected of each, in place of its own size.
    """
    total = samples.n_a + samples.n_b
    pool = samples.a + samples.b
    share = 0.5 if equal_sizes else samples.n_a / total
    other = 0.5 if equal_sizes else samples.n_b / total
    return Problem(samples.x, share * pool, samples.a), Problem(samples.x, other * pool, samples.b)


def _result(test: SymmetrizedTest, trained: Trained) -> LikelihoodRatio:
    f, g = trained.fits
    return LikelihoodRatio(
        t=_t(f) + _t(g),
        t_a=_t(f),
        t_b=_t(g),
        dof=n_parameters(f.network.layers) - (0 if test.equal_sizes else 1),
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
