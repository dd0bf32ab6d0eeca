"""The classifier with a statistic of events that it was not trained on: the cross-fitted AUC.

The largest score of a net, the statistic of DDP section 5 (arXiv:2203.07529), is that of one
event at the edge of the plane, where the net extrapolates; it says little of an excess. How
well the scores tell B's events from A's does. On the events of the training it is above ½
whatever they are, so that each half is scored by the net of the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu

from eμsym.arrays import FloatArray, Rng
from eμsym.errors import DataError
from eμsym.shown import Shown
from eμsym.unbinned.classifier import Classifier, ClassifierTest
from eμsym.unbinned.likelihood_ratio import as_events


@dataclass(frozen=True, eq=False, repr=False)
class CrossFittedAUC(Shown):
    """Result of `AUCTest`.

    Attributes
    ----------
    auc : float
        Mean of the halves' areas under the ROC curve, of B's events against A's.
    halves : tuple of float
        Those areas.
    classifiers : tuple of Classifier
        The nets that scored the first and the second half.
    """

    auc: float
    halves: tuple[float, float]
    classifiers: tuple[Classifier, Classifier]

    @property
    def statistic(self) -> float:
        """The area; ½ without a difference."""
        return self.auc

    @property
    def reference(self) -> None:
        """None: the two halves' nets know each other's events, and their mean is not normal."""
        return None

    @property
    def pvalue(self) -> float:
        """NaN: p is that of a null of relabellings, `eμsym.null`."""
        return float("nan")

    @property
    def z(self) -> float:
        """NaN, as `pvalue`."""
        return float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return the areas, for JSON."""
        return {"statistic": self.auc, "halves": list(self.halves)}


@dataclass(frozen=True)
class AUCTest:
    """How well a classifier tells B from A, on events that it was not trained on.

    A's and B's events are halved at random; each half is scored by the net of the other.

    Parameters
    ----------
    classifier : ClassifierTest
        How the nets are trained; its bootstraps are left out.
    """

    classifier: ClassifierTest = field(default_factory=lambda: ClassifierTest(bootstraps=0))

    def __call__(self, a: Any, b: Any, *, rng: Rng = None) -> CrossFittedAUC:
        """Train two nets and score with them.

        Parameters
        ----------
        a, b : array_like or ak.Array, shape (n,) or (n, d)
        rng : numpy.random.Generator, int or None
            For the halves and the nets.

        Returns
        -------
        CrossFittedAUC

        Raises
        ------
        DataError
            As for `ClassifierTest`; also if a sample has a single event.
        ConfigurationError
            If torch is missing.
        """
        samples = as_events(a, "A"), as_events(b, "B")
        for events, name in zip(samples, "AB", strict=True):
            if len(events) < 2:
                raise DataError(f"{name}: one event cannot be halved; give two or more")
        for_halves, *for_nets = np.random.default_rng(rng).spawn(3)
        parts = [halves(events, for_halves) for events in samples]
        train = replace(self.classifier, bootstraps=0)
        areas, nets = [], []
        for scored, generator in enumerate(for_nets):
            net = train(*(halves[1 - scored] for halves in parts), rng=generator).classifier
            of_a, of_b = (net(halves[scored]) for halves in parts)
            areas.append(area(of_b, of_a))
            nets.append(net)
        return CrossFittedAUC(float(np.mean(areas)), (areas[0], areas[1]), (nets[0], nets[1]))


def area(high: FloatArray, low: FloatArray) -> float:
    """Return the probability that a score of the first is above one of the second, ties half."""
    return float(mannwhitneyu(high, low, method="asymptotic").statistic / (high.size * low.size))


def halves(events: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return two halves of events, drawn at random; the second is the larger by one of odd ones."""
    order = rng.permutation(len(events))
    half = len(events) // 2
    return events[order[:half]], events[order[half:]]
