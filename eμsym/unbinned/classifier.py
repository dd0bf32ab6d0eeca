"""The weakly supervised classifier of two samples (DDP section 5, arXiv:2203.07529), in torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from eμsym.arrays import FloatArray
from eμsym.distributions import Null
from eμsym.engines.adam_step import AdamStep
from eμsym.engines.interface import n_parameters, split_layers
from eμsym.errors import ConfigurationError, DataError
from eμsym.one_thread import torch_in_one_thread
from eμsym.shown import Shown
from eμsym.unbinned.likelihood_ratio import as_events

if TYPE_CHECKING:
    import torch

#: Events that all nets are evaluated on at once.
_ROWS = 1 << 14


@dataclass(frozen=True, eq=False, repr=False)
class Classifier(Shown):
    """A trained net with ReLU layers and a logistic output, the probability of label B.

    Parameters
    ----------
    layers : tuple of int
    parameters : ndarray of float, shape (p,)
        In the order of `eμsym.engines.interface.Network`.
    mean, scale : ndarray of float, shape (d,)
        Of the pooled events, which the net sees standardised.
    """

    layers: tuple[int, ...]
    parameters: FloatArray
    mean: FloatArray
    scale: FloatArray

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return the scores, shape (n,), of events of shape (n,) or (n, d)."""
        events = as_events(x, "x")
        if events.shape[1] != self.layers[0]:
            raise DataError(f"the classifier has {self.layers[0]} inputs, got {events.shape[1]}")
        scores = [
            self._score(events[first : first + _ROWS]) for first in range(0, len(events), _ROWS)
        ]
        return np.concatenate(scores)

    def _score(self, events: FloatArray) -> FloatArray:
        value = (events - self.mean) / self.scale
        pairs = split_layers(self.layers, self.parameters)
        for weights, biases in pairs[:-1]:
            value = np.maximum(value @ weights + biases, 0)
        weights, biases = pairs[-1]
        return np.asarray(expit(value @ weights + biases)[:, 0])


@dataclass(frozen=True, eq=False, repr=False)
class ClassifierScore(Shown):
    """Result of `ClassifierTest`.

    Attributes
    ----------
    score : float
        The largest score of any event. Without an asymmetry it is near B's share.
    share : float
        B's share of the events.
    bootstrap_scores : ndarray of float, shape (bootstraps,)
        The same of pairs drawn with replacement from A and B mixed.
    classifier : Classifier
        Events to scores.
    """

    score: float
    share: float
    bootstrap_scores: FloatArray
    classifier: Classifier

    @property
    def statistic(self) -> float:
        """The test statistic, the largest score."""
        return self.score

    @property
    def reference(self) -> Null | None:
        """The bootstraps' scores as a null; None if there are none."""
        return Null(self.bootstrap_scores) if self.bootstrap_scores.size else None

    @property
    def pvalue(self) -> float:
        """The p-value by the bootstraps, at least 1/(their number + 1); NaN without any."""
        return float("nan") if self.reference is None else self.reference.pvalue(self.score)

    @property
    def z(self) -> float:
        """Z = Φ⁻¹(1 − p) of `pvalue`."""
        return float("nan") if self.reference is None else self.reference.z(self.score)

    @property
    def band(self) -> tuple[float, float]:
        """Mean and standard deviation of the bootstraps' scores; NaN if there are too few."""
        n = self.bootstrap_scores.size
        mean = float(np.mean(self.bootstrap_scores)) if n else np.nan
        return mean, float(np.std(self.bootstrap_scores, ddof=1)) if n > 1 else np.nan

    def to_dict(self) -> dict[str, Any]:
        """Return the scores, for JSON; NaN becomes None."""
        mean, deviation = (None if np.isnan(value) else value for value in self.band)
        return {
            "score": self.score,
            "share": self.share,
            "bootstrap_scores": self.bootstrap_scores.tolist(),
            "band_mean": mean,
            "band_standard_deviation": deviation,
        }


@dataclass(frozen=True)
class ClassifierTest:
    """Train a classifier to tell B (label one) from A (label zero); the largest score tells.

    The paper's net has three layers of 50 ReLU and is trained on the binary
    cross-entropy by Adam, 20 epochs in batches of 200. Its band without
    asymmetry is from 10 bootstraps: both samples drawn with replacement from A
    and B mixed. All nets are trained at once. As the paper has it, an excess in
    B is sought, so give the sample that may hold the signal as `b`.

    Parameters
    ----------
    hidden : tuple of int
    epochs, batch : int
    learning_rate : float
        Of Adam, with Keras' other constants. The paper names none of them.
    bootstraps : int
        None of them (0) gives the score alone.

    Raises
    ------
    ConfigurationError
        If an option has no meaning, or, when called, torch is missing.

    Notes
    -----
    Inputs are standardised by the pooled events' mean and spread, initial
    weights are glorot-uniform and biases zero (Keras' defaults), arithmetic is
    float32.
    """

    hidden: tuple[int, ...] = (50, 50, 50)
    epochs: int = 20
    batch: int = 200
    learning_rate: float = 1e-3
    bootstraps: int = 10

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch": 1, "bootstraps": 0}
        for name, value in least.items():
            if not isinstance(getattr(self, name), int) or getattr(self, name) < value:
                raise ConfigurationError(
                    f"{name}: a whole number from {value} on, got {getattr(self, name)!r}"
                )
        if not all(isinstance(n, int) and n > 0 for n in self.hidden):  # type: ignore[redundant-expr]
            raise ConfigurationError(f"hidden: numbers of neurons, got {self.hidden!r}")
        if not (np.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ConfigurationError(
                f"learning_rate: above 0 and finite, got {self.learning_rate!r}"
            )

    def __call__(
        self, a: Any, b: Any, *, rng: np.random.Generator | int | None = None
    ) -> ClassifierScore:
        """Train on the pair and on the bootstraps.

        Parameters
        ----------
        a, b : array_like or ak.Array, shape (n,) or (n, d)
        rng : numpy.random.Generator, int or None
            For initial weights, the order of events and the bootstraps; net i
            uses child i of its SeedSequence.

        Returns
        -------
        ClassifierScore

        Raises
        ------
        DataError
            If a sample is empty, has NaN or infinite values or a wrong shape, or
            the samples differ in dimensions.
        ConfigurationError
            If torch is missing.
        """
        if find_spec("torch") is None:
            raise ConfigurationError("the classifier needs torch: pip install 'emusym[torch]'")
        events_a, events_b = as_events(a, "A"), as_events(b, "B")
        if events_a.shape[1] != events_b.shape[1]:
            raise DataError(
                f"A has {events_a.shape[1]} dimensions and B {events_b.shape[1]}; "
                "they must be the same"
            )
        pool = np.concatenate([events_a, events_b])
        mean, spread = pool.mean(axis=0), pool.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        parent: Any = np.random.default_rng(rng).bit_generator.seed_seq
        rngs = [np.random.default_rng(child) for child in parent.spawn(1 + self.bootstraps)]
        # Which event of the pool stands at each place: as it is, then the bootstraps.
        n = len(pool)
        rows = np.stack([np.arange(n), *(each.integers(0, n, n) for each in rngs[1:])])
        label = (np.arange(n) >= len(events_a)).astype(np.float32)
        layers = (pool.shape[1], *self.hidden, 1)
        parameters, largest = self._train(((pool - mean) / scale), rows, label, layers, rngs)
        return ClassifierScore(
            score=float(largest[0]),
            share=len(events_b) / n,
            bootstrap_scores=largest[1:],
            classifier=Classifier(layers, parameters[0], mean, scale),
        )

    @torch_in_one_thread()
    def _train(
        self,
        pool: FloatArray,
        rows: NDArray[np.int64],
        label: NDArray[np.float32],
        layers: tuple[int, ...],
        rngs: list[np.random.Generator],
    ) -> tuple[FloatArray, FloatArray]:
        """Return the nets' parameters, shape (nets, p), and largest scores, shape (nets,)."""
        import torch

        nets, n = rows.shape
        events = torch.tensor(pool, dtype=torch.float32)
        labels = torch.tensor(label)
        places = torch.tensor(rows)
        start = np.stack([_initial(layers, each) for each in rngs])
        theta = torch.tensor(start, dtype=torch.float32, requires_grad=True)
        adam = AdamStep(theta, self.learning_rate)
        for _ in range(self.epochs):
            order = torch.tensor(np.stack([each.permutation(n) for each in rngs]))
            for first in range(0, n, self.batch):
                chosen = order[:, first : first + self.batch]
                x = events[torch.gather(places, 1, chosen)]
                loss = torch.nn.functional.binary_cross_entropy_with_logits(
                    _logits(layers, theta, x), labels[chosen], reduction="none"
                )
                (gradient,) = torch.autograd.grad(loss.mean(dim=1).sum(), theta)
                with torch.no_grad():
                    theta -= adam.move(gradient)
        largest = torch.full((nets,), -torch.inf)
        with torch.no_grad():
            for first in range(0, n, _ROWS):
                logits = _logits(layers, theta, events[places[:, first : first + _ROWS]])
                largest = torch.maximum(largest, logits.amax(dim=1))
        parameters = theta.detach().numpy().astype(np.float64)
        return parameters, torch.sigmoid(largest).numpy().astype(np.float64)


def _initial(layers: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Draw initial parameters: weights glorot-uniform, biases zero."""
    theta = np.zeros(n_parameters(layers))
    for weights, _ in split_layers(layers, theta):
        limit = np.sqrt(6 / sum(weights.shape))
        weights[...] = rng.uniform(-limit, limit, weights.shape)
    return theta


def _logits(layers: tuple[int, ...], theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return ln(p/(1−p)), shape (nets, n), for events of shape (nets, n, d)."""
    import torch

    pairs = split_layers(layers, theta)
    for weights, biases in pairs[:-1]:
        x = torch.relu(torch.baddbmm(biases[:, None, :], x, weights))
    weights, biases = pairs[-1]
    return torch.baddbmm(biases[:, None, :], x, weights)[..., 0]
