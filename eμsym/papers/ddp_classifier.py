"""The DDP paper's study of a weakly supervised classifier (its section 5 and Fig. 6)."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.injection import injection_strength
from eμsym.binned.templates import Templates
from eμsym.errors import ConfigurationError, DataError, InputFileError
from eμsym.files import read_json
from eμsym.progress import Advance
from eμsym.running.loop import answers_of
from eμsym.unbinned.classifier import ClassifierTest

SCHEMA = "emusym/ddp-classifier"
VERSION = 1
DEFAULT_SEED = 20401
#: Injected signals, by their ideal significance (q0, background known).
IDEAL = (0.0, 2.0, 4.0, 5.0, 6.0, 8.0, 10.0)
#: Of the stored templates' 40 fb⁻¹: half is what ten minutes of a core allow.
SCALE = 0.5
BOOTSTRAPS = 10
_PACKAGES = ("emusym", "numpy", "torch")


@dataclass(frozen=True, eq=False)
class InjectedSignal:
    """The classifier's scores for one signal.

    Attributes
    ----------
    ideal_z : float
        Significance with which q0 with known background would see it.
    fraction : float
        Expected signal events over all expected background events of B.
    scores : ndarray of float, shape (bootstraps,)
        Largest score of each toy.
    """

    ideal_z: float
    fraction: float
    scores: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes, for JSON."""
        return {
            "ideal_z": self.ideal_z,
            "fraction": self.fraction,
            "scores": np.round(self.scores, 5).tolist(),
        }


@dataclass(frozen=True, eq=False)
class ClassifierStudy:
    """Largest scores of classifiers, without asymmetry and with signals in B.

    Attributes
    ----------
    points : tuple of InjectedSignal
    symmetric : ndarray of float, shape (bootstraps,)
        Largest scores of bootstraps of A and B mixed.
    n_background : float
        Expected background events of A, and of B.
    luminosity_ifb : float or None
        What they stand for.
    options : dict
        Of the classifier.
    seed : int
    versions : dict of str to str
    """

    points: tuple[InjectedSignal, ...]
    symmetric: FloatArray
    n_background: float
    luminosity_ifb: float | None
    options: Mapping[str, Any]
    seed: int = DEFAULT_SEED
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def band(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores without asymmetry."""
        return mean_and_deviation(self.symmetric)

    def to_dict(self) -> dict[str, Any]:
        """Return the study, for JSON."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "seed": self.seed,
            "versions": dict(self.versions),
            "n_background": self.n_background,
            "luminosity_ifb": self.luminosity_ifb,
            "classifier": dict(self.options),
            "symmetric": np.round(self.symmetric, 5).tolist(),
            "points": [point.to_dict() for point in self.points],
        }


def read_classifier_study(path: str | Path) -> ClassifierStudy:
    """Read a study that was written as JSON.

    Raises
    ------
    InputFileError, ConfigurationError
        If the file is missing, is another one, or is damaged.
    """
    data = read_json(path, schema=SCHEMA, version=VERSION)
    try:
        points = tuple(
            InjectedSignal(
                float(point["ideal_z"]),
                float(point["fraction"]),
                np.array(point["scores"], dtype=np.float64),
            )
            for point in data["points"]
        )
        luminosity = data["luminosity_ifb"]
        study = ClassifierStudy(
            points=points,
            symmetric=np.array(data["symmetric"], dtype=np.float64),
            n_background=float(data["n_background"]),
            luminosity_ifb=None if luminosity is None else float(luminosity),
            options=dict(data["classifier"]),
            seed=int(data["seed"]),
            versions=dict(data["versions"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputFileError(f"{path}: a part is missing or damaged ({error!r})") from error
    if not points or min(study.symmetric.size, *(point.scores.size for point in points)) < 2:
        raise InputFileError(f"{path}: has no signal, or fewer than two scores of one")
    return study


def mean_and_deviation(scores: FloatArray) -> tuple[float, float]:
    """Return the mean and the standard deviation of scores."""
    return float(np.mean(scores)), float(np.std(scores, ddof=1))


def compute_classifier_study(
    templates: Templates,
    *,
    ideal: Sequence[float] = IDEAL,
    scale: float = SCALE,
    bootstraps: int = BOOTSTRAPS,
    epochs: int = 20,
    seed: int = DEFAULT_SEED,
    progress: bool | Advance | None = None,
) -> ClassifierStudy:
    """Train classifiers without asymmetry, and with more and more signal in B.

    Toys are Poisson draws of T, and of S for the signal; events lie evenly in their
    bin of the plane. Toy i of every signal has the same background, and its signal
    is part of that of a stronger one. The scores without asymmetry are from bootstraps
    of a toy's A and B mixed. (The paper draws its bootstraps from its simulated events,
    of which there are more than in a toy.)

    The flat entries that T has for the binned tests are no events: they are in the
    ideal significance alone.

    Parameters
    ----------
    templates : Templates
        T is in the plane of two observables.
    ideal : sequence of float
        Signals, by the significance of q0 with known background.
    scale : float
        T is multiplied by it.
    bootstraps : int
        And toys of each signal; at least 2.
    epochs : int
        See `ClassifierTest`.
    seed : int
    progress : bool or callable, optional
        Whether a bar shows the time left, or what is called in its place with the
        number of trainings done: one of each toy and signal, and one of all bootstraps.

    Returns
    -------
    ClassifierStudy

    Raises
    ------
    DataError
        If T is no plane, or has no events besides its flat entries.
    ConfigurationError
        If torch is missing, or there are too few bootstraps.
    """
    if templates.t.ndim != 2:
        raise DataError(f"the templates have {templates.t.ndim} dimensions; a plane has two")
    if bootstraps < 2:
        raise ConfigurationError(f"bootstraps {bootstraps}: a spread needs at least 2")
    flat = float(templates.provenance.get("flat", 0.0))
    background = scale * np.maximum(templates.t - flat, 0.0)
    if background.sum() == 0:
        raise DataError("T has no events besides its flat entries: there is nothing to train on")
    edges = [np.asarray(axis.edges) for axis in templates.background.axes]
    strengths = [
        injection_strength(scale * templates.t, templates.s, z, background="known") if z else 0.0
        for z in ideal
    ]
    test = ClassifierTest(epochs=epochs, bootstraps=bootstraps)
    trainings = _Trainings(background, templates.s, tuple(strengths), tuple(edges), test, seed)
    tasks = [_MIXED, *((toy, place) for toy in range(bootstraps) for place in range(len(ideal)))]
    mixed, *alone = answers_of(trainings, tasks, progress=progress)
    scores = np.array(alone).reshape(bootstraps, len(ideal)).T
    points = [
        InjectedSignal(float(z), strength / float(background.sum()), row)
        for z, strength, row in zip(ideal, strengths, scores, strict=True)
    ]
    luminosity = templates.provenance.get("luminosity_ifb")
    return ClassifierStudy(
        points=tuple(points),
        symmetric=np.asarray(mixed),
        n_background=float(background.sum()),
        luminosity_ifb=None if luminosity is None else scale * float(luminosity),
        options={
            "hidden": list(test.hidden),
            "epochs": epochs,
            "batch": test.batch,
            "learning_rate": test.learning_rate,
            "bootstraps": bootstraps,
        },
        seed=seed,
        versions={name: importlib.metadata.version(name) for name in _PACKAGES},
    )


#: The task of training on bootstraps of A and B mixed.
_MIXED = (0, None)


@dataclass(frozen=True, eq=False)
class _Trainings:
    """What is trained of a toy and a signal: its score; or those of the bootstraps of toy 0."""

    background: FloatArray
    signal: FloatArray
    strengths: tuple[float, ...]
    edges: tuple[FloatArray, ...]
    test: ClassifierTest
    seed: int

    def __call__(self, tasks: Sequence[tuple[int, int | None]]) -> list[Any]:
        with _one_thread():
            return [self._train(*task) for task in tasks]

    def _train(self, toy: int, place: int | None) -> Any:
        for_toys, for_mixed = np.random.SeedSequence(self.seed).spawn(2)
        for_draw, for_test = for_toys.spawn(toy + 1)[toy].spawn(2)
        a, b, signal, when = _toy(
            self.background, self.signal, max(self.strengths), self.edges, for_draw
        )
        if place is None:
            return self.test(a, b, rng=np.random.default_rng(for_mixed)).bootstrap_scores
        # Nets of every signal start alike.
        same_start = int(for_test.generate_state(1)[0])
        with_signal = np.concatenate([b, signal[when < self.strengths[place]]])
        alone = replace(self.test, bootstraps=0)
        return alone(a, with_signal, rng=same_start).score


def _toy(
    background: FloatArray,
    shape: FloatArray,
    strength: float,
    edges: Sequence[FloatArray],
    seed: np.random.SeedSequence,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return A and B without signal, a signal, and the strength from which on each event is in."""
    rng = np.random.default_rng(seed)
    a, b = (_events(rng.poisson(background), edges, rng) for _ in range(2))
    # The signal is a Poisson process in its strength: a stronger one holds the weaker.
    signal = _events(rng.poisson(strength * shape), edges, rng)
    return a, b, signal, rng.uniform(0, strength, len(signal))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have torch use one thread: for nets so small, several cost ten times the time."""
    if find_spec("torch") is None:
        yield  # the classifier says so
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _events(counts: Any, edges: Sequence[FloatArray], rng: np.random.Generator) -> FloatArray:
    """Return events of given bin contents, shape (n, 2), evenly spread in their bins."""
    shape = tuple(len(edge) - 1 for edge in edges)
    cells = np.unravel_index(np.repeat(np.arange(np.prod(shape)), np.ravel(counts)), shape)
    return np.stack(
        [
            edge[cell] + rng.uniform(size=cell.size) * np.diff(edge)[cell]
            for edge, cell in zip(edges, cells, strict=True)
        ],
        axis=1,
    )
