"""The unbinned likelihood-ratio tests with nets: their options, their input and their result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.distributions import ChiSquared
from eμsym.engines.interface import EngineName, Training, checkpoints
from eμsym.errors import ConfigurationError, DataError
from eμsym.files import json_number
from eμsym.shown import Shown
from eμsym.unbinned.distinct import Distinct

#: A fitted function of x: shape (..., d) or, for one dimension, (...) to (...).
Fitted = Callable[[ArrayLike], FloatArray]


@dataclass(frozen=True, eq=False, repr=False)
class LikelihoodRatio(Shown):
    """Result of the tests with nets.

    Attributes
    ----------
    t : float
        The test statistic, t_a + t_b − t_0, over all events in float64 with the best
        parameters that training saw. Infinite if a training of NPLM, or against a
        reference, diverged.
    t_a, t_b : float
        Its parts, from f and from g (for the cross-entropy: from the events of A
        and of B; for NPLM t_b is zero).
    dof : int
        Of the χ² that t follows if Wilks' theorem holds; a reference, see `reference`.
    f, g : callable
        The fitted functions; g is None for NPLM. For the symmetrized test and the
        cross-entropy, e^f times A's share of the events is the fitted fraction of
        A at x, and e^g times B's share that of B.
    t_last : float
        t with the parameters after the last epoch. Full-batch Adam spikes now and
        then, so it may lie far below t.
    best_epochs : tuple of int
        After how many epochs each net was at its best.
    histories : tuple of ndarray of float, shape (k, 2)
        For each net: epoch, and its part of t with the best parameters until
        there, at checkpoints.
    accuracy : float
        Largest |t_nodes − t_all| that the nodes engine left at any checkpoint, the
        nets' added up; 0 if all events were used. Where |t| exceeds 100, as it
        does early in a training, it is a fraction of |t|/100.
    n_nodes : tuple of (int or None)
        Nodes each net ended with; None where all events were used.
    diverged : bool
        Whether a training ran away; see `eμsym.engines.interface.RUNAWAY`.
    engine : str
        The engine that did it.
    epochs : int
        Of each training.
    entropy : int or list of int or None
        Entropy of the generator's SeedSequence; None if `start` was given.
    spawn_keys : tuple of tuple of int
        Its children that the initial parameters of the nets were drawn from.
    t_0 : float
        What the null hypothesis' own net h reaches; zero where that needs none.
    h : callable or None
        That net.
    """

    t: float
    t_a: float
    t_b: float
    dof: int
    f: Fitted
    g: Fitted | None
    t_last: float
    best_epochs: tuple[int, ...]
    histories: tuple[FloatArray, ...]
    accuracy: float
    n_nodes: tuple[int | None, ...]
    diverged: bool
    engine: str
    epochs: int
    entropy: Any
    spawn_keys: tuple[tuple[int, ...], ...]
    t_0: float = 0.0
    h: Fitted | None = None

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: t, and how it was reached."""
        names = ("t", "t_a", "t_b", "dof", "diverged", "epochs", "engine", "entropy", "spawn_keys")
        return {name: getattr(self, name) for name in names}

    @property
    def statistic(self) -> float:
        """The test statistic t."""
        return self.t

    @property
    def reference(self) -> ChiSquared:
        """χ² of `dof`: a reference only, for nets need not follow Wilks; quote a null's p."""
        return ChiSquared(self.dof)

    @property
    def pvalue(self) -> float:
        """P(χ² ≥ t) of the reference."""
        return self.reference.pvalue(self.t)

    @property
    def z(self) -> float:
        """Z = Φ⁻¹(1 − p) of the reference."""
        return self.reference.z(self.t)

    def t_at_epoch(self, epoch: int) -> float:
        """Return t with the best parameters until an epoch at which the training was looked at.

        Infinite if a net had run away before.
        """
        total = 0.0
        for history in self.histories:
            found = history[history[:, 0] == epoch, 1]
            total += float(found[0]) if found.size and not np.isnan(found[0]) else np.inf
        return total

    def study_record(self, record_epochs: Sequence[int]) -> dict[str, Any]:
        """Return what a study keeps besides the statistic.

        Parameters
        ----------
        record_epochs : sequence of int
            Epochs at which t is kept as well.

        Returns
        -------
        dict
            Of columns of `eμsym.studies.records.TABLE`.
        """
        record = {
            "diverged": bool(self.diverged),
            "t_a": self.t_a,
            "t_b": self.t_b,
            "t_last": None if np.isnan(self.t_last) else self.t_last,
            "t_at": [self.t_at_epoch(epoch) for epoch in record_epochs] or None,
            "dof": self.dof,
            "chi2_log_pvalue": self.reference.log_pvalue(self.t),
            "accuracy": self.accuracy,
        }
        for net, name in enumerate("fg"[: len(self.best_epochs)]):
            record[f"best_epoch_{name}"] = int(self.best_epochs[net])
            record[f"n_nodes_{name}"] = self.n_nodes[net]
        return record

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON; infinity becomes "inf"."""
        functions = {
            name: getattr(function, "to_dict", lambda: None)()
            for name, function in (("f", self.f), ("g", self.g), ("h", self.h))
        }
        return {
            "t": json_number(self.t),
            "t_a": json_number(self.t_a),
            "t_b": json_number(self.t_b),
            "t_0": json_number(self.t_0),
            "dof": self.dof,
            "pvalue": json_number(self.pvalue),
            "z": json_number(self.z),
            "t_last": json_number(self.t_last),
            "best_epochs": list(self.best_epochs),
            "histories": [
                [[int(epoch), json_number(t)] for epoch, t in history] for history in self.histories
            ],
            "accuracy": json_number(self.accuracy),
            "n_nodes": list(self.n_nodes),
            "diverged": self.diverged,
            "engine": self.engine,
            "epochs": self.epochs,
            "entropy": self.entropy,
            "spawn_keys": [list(key) for key in self.spawn_keys],
        } | functions


@dataclass(frozen=True)
class NetworkTest:
    """What the tests with nets have in common: the net, its training and the engine.

    Parameters
    ----------
    hidden : int or tuple of int
        Neurons of the hidden layer, or of each of several; 0 leaves a constant.
    epochs : int
        Full-batch Adam steps.
    learning_rate, beta_1, beta_2, epsilon : float
        Of Adam in Keras' form, see `Training`. The gradient is that of the loss
        as printed, a sum over events.
    engine : {"auto", "nodes", "cpu", "reference", "cuda"}
        "auto" is "nodes" for one dimension and one hidden layer, "cpu" for more
        dimensions, "reference" for more layers.
    tolerance : float
        Largest |t_nodes − t_all| that the nodes engine may leave a net.
    threads : int
        Nets trained at once.
    clip : float, optional
        Bound W on the size of each weight (not of the biases, as in the NPLM package); the
        paper takes 9 for NPLM, and none for the symmetrized test, which has no need of it
        (III C). None leaves the weights free.

    Raises
    ------
    ConfigurationError
        If an option has no meaning.
    """

    hidden: int | tuple[int, ...] = 4
    epochs: int = 500_000
    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    engine: EngineName = "auto"
    tolerance: float = 0.01
    threads: int = 1
    clip: float | None = None

    #: The compiled loops and torch release the GIL: nulls may run toys in threads.
    releases_gil = True

    def __post_init__(self) -> None:
        layers = self._hidden
        _require(len(layers) > 0, "hidden", self.hidden, "name at least one layer")
        for n in layers:
            least = 0 if len(layers) == 1 else 1
            _require(_is_integer(n) and n >= least, "hidden", self.hidden, "a number of neurons")
        for name in ("epochs", "threads"):
            value = getattr(self, name)
            _require(_is_integer(value) and value >= 1, name, value, "a whole number from 1 on")
        for name in ("learning_rate", "epsilon", "tolerance"):
            value = getattr(self, name)
            _require(bool(np.isfinite(value)) and value > 0, name, value, "above 0 and finite")
        if self.clip is not None:
            good = bool(np.isfinite(self.clip)) and self.clip > 0
            _require(good, "clip", self.clip, "above 0 and finite, or None")
        for name in ("beta_1", "beta_2"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "at least 0, below 1")
        known = ("auto", "nodes", "cpu", "reference", "cuda")
        _require(self.engine in known, "engine", self.engine, "one of " + ", ".join(known))

    @classmethod
    def paper(cls, **options: Any) -> Self:
        """Return the test as SYM trains it (arXiv:2401.09530, III A).

        Four hidden neurons, 5·10⁵ epochs of full-batch Adam at 10⁻³ with Keras'
        constants, initial weights and biases glorot-uniform. The arithmetic is
        float64, where the paper's is float32. What the paper does not fix, as
        the engine or the threads, may be given.

        Raises
        ------
        ConfigurationError
            If an option is one that the paper fixes.
        """
        fixed: dict[str, Any] = {
            "hidden": 4,
            "epochs": 500_000,
            "learning_rate": 1e-3,
            "beta_1": 0.9,
            "beta_2": 0.999,
            "epsilon": 1e-7,
        }
        if clash := sorted(fixed.keys() & options.keys()):
            raise ConfigurationError(f"the paper fixes {', '.join(clash)}; build the test without")
        return cls(**fixed, **options)

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The epochs at which a training is looked at; a study can record t there."""
        return tuple(checkpoints(self.epochs))

    @property
    def _hidden(self) -> tuple[int, ...]:
        return self.hidden if isinstance(self.hidden, tuple) else (self.hidden,)

    def _training(self) -> Training:
        return Training(
            hidden=self._hidden,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            clip=self.clip,
            tolerance=self.tolerance,
        )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _require(condition: bool, name: str, value: Any, what: str) -> None:
    if not condition:
        raise ConfigurationError(f"{name}: {what}, got {value!r}")


def joined_samples(a: Any, b: Any, weights_a: Any = None, weights_b: Any = None) -> Distinct:
    """Check the two samples and join them.

    Parameters
    ----------
    a, b : array_like or ak.Array, shape (n,) or (n, d)
        Events; an awkward array may also have records, whose fields are the
        dimensions in their order.
    weights_a, weights_b : array_like, shape (n,), optional
        Not negative; without them every event counts once.

    Returns
    -------
    Distinct
        Equal events are merged, and those of weight zero left out.

    Raises
    ------
    DataError
        If a sample is empty, has NaN or infinite values, a wrong shape, or
        weights that are negative, not finite or all zero; or if the samples
        differ in dimensions.
    """
    events_a, events_b = as_events(a, "A"), as_events(b, "B")
    if events_a.shape[1] != events_b.shape[1]:
        raise DataError(
            f"A has {events_a.shape[1]} dimensions and B {events_b.shape[1]}; they must be the same"
        )
    w_a = _as_weights(weights_a, len(events_a), "A")
    w_b = _as_weights(weights_b, len(events_b), "B")
    return Distinct.of(events_a, events_b, w_a, w_b)


def as_events(values: Any, name: str) -> FloatArray:
    """Return events as float64, shape (n, d).

    Raises
    ------
    DataError
        If there is no event, a value is not finite, or the shape is not (n,) or (n, d).
    """
    if isinstance(values, ak.Array) and ak.fields(values):
        values = np.stack([_numbers(values[field], name) for field in ak.fields(values)], axis=-1)
    events = _numbers(values, name)
    if events.ndim == 1:
        events = events[:, np.newaxis]
    if events.ndim != 2 or events.shape[1] == 0:
        raise DataError(f"{name}: events must have shape (n,) or (n, d), got {events.shape}")
    if len(events) == 0:
        raise DataError(f"{name}: the sample is empty; a test needs at least one event")
    if bad := int(np.count_nonzero(~np.isfinite(events))):
        raise DataError(f"{name}: {bad} values are NaN or infinite; drop those events first")
    return events


def _numbers(values: Any, name: str) -> FloatArray:
    try:
        if isinstance(values, ak.Array):
            values = ak.to_numpy(values, allow_missing=False)
        return np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: events must be a regular array of numbers") from error


def _as_weights(weights: Any, n: int, name: str) -> FloatArray:
    if weights is None:
        return np.ones(n)
    values = _numbers(weights, name)
    if values.shape != (n,):
        raise DataError(f"{name}: {n} events but weights of shape {values.shape}")
    if not np.all(np.isfinite(values)) or np.any(values < 0):
        raise DataError(f"{name}: weights must be finite and not negative: the loss has no minimum")
    if not np.any(values > 0):
        raise DataError(f"{name}: all weights are zero; a test needs at least one event")
    return values
