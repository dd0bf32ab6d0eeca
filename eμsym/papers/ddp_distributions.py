"""How a test's significances are distributed over toys: moments, shape and ROC curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import kstest

from eμsym.arrays import FloatArray
from eμsym.binned.roc import roc_curve
from eμsym.errors import DataError
from eμsym.files import json_number

#: Bins of the distributions that are kept: 0.1 wide, from −6 to 12.
Z_EDGES = np.linspace(-6.0, 12.0, 181)
#: False-positive rates at which ROC curves are kept: finer where strong tests rise.
ROC_RATES = np.concatenate([[0.0], np.geomspace(1e-4, 0.01, 41), np.linspace(0.01, 1, 100)[1:]])


@dataclass(frozen=True, eq=False)
class ZDistribution:
    """The significances of one test over toys of one kind.

    Attributes
    ----------
    n : int
        Number of toys.
    mean, standard_deviation : float
        Their errors are σ/√n and about σ/√(2n).
    expected : float
        Mean of the Gaussian of unit width that they are compared with.
    ks, ks_pvalue : float
        Largest distance from its cumulative, and the p-value (Kolmogorov-Smirnov).
    counts : ndarray of float, shape (180,)
        Toys in the bins of `Z_EDGES`.
    """

    n: int
    mean: float
    standard_deviation: float
    expected: float
    ks: float
    ks_pvalue: float
    counts: FloatArray

    @property
    def variance(self) -> float:
        """The variance of Z."""
        return self.standard_deviation**2

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution, for JSON; NaN becomes None."""
        moments = {
            name: json_number(float(value))
            for name, value in vars(self).items()
            if name not in ("n", "counts")
        }
        return {"n": self.n, **moments, "counts": self.counts.astype(int).tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ZDistribution:
        """Return the distribution that `to_dict` wrote."""
        numbers = {
            name: float(data[name])
            for name in ("mean", "standard_deviation", "expected", "ks", "ks_pvalue")
        }
        counts = np.asarray(data["counts"], dtype=float)
        return cls(n=int(data["n"]), counts=counts, **numbers)


@dataclass(frozen=True, eq=False)
class TestToys:
    """One test over toys without and with signal.

    Attributes
    ----------
    null, signal : ZDistribution
    auc, auc_error : float
        Area under the ROC curve, with its standard error.
    false_positive, true_positive : ndarray of float, shape (141,)
        The curve, at `ROC_RATES`.
    """

    __test__ = False  # pytest: no test

    null: ZDistribution
    signal: ZDistribution
    auc: float
    auc_error: float
    false_positive: FloatArray
    true_positive: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return both distributions and the curve, for JSON."""
        return {
            "null": self.null.to_dict(),
            "signal": self.signal.to_dict(),
            "auc": self.auc,
            "auc_error": self.auc_error,
            "false_positive": self.false_positive.tolist(),
            "true_positive": self.true_positive.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TestToys:
        """Return what `to_dict` wrote."""
        return cls(
            null=ZDistribution.from_dict(data["null"]),
            signal=ZDistribution.from_dict(data["signal"]),
            auc=float(data["auc"]),
            auc_error=float(data["auc_error"]),
            false_positive=np.asarray(data["false_positive"], dtype=float),
            true_positive=np.asarray(data["true_positive"], dtype=float),
        )


def z_distribution(z: ArrayLike, *, expected: float) -> ZDistribution:
    """Return the moments of significances, and how far they are from N(expected, 1).

    Parameters
    ----------
    z : array_like, shape (n,)
        Two or more.
    expected : float
        The Asimov Z; 0 for toys without signal.

    Raises
    ------
    DataError
        If there are fewer than two, or one is not finite.
    """
    values = np.asarray(z, dtype=np.float64).ravel()
    if values.size < 2 or not np.all(np.isfinite(values)):
        raise DataError("z: a distribution needs two toys or more, all of finite significance")
    test = kstest(values, "norm", args=(expected, 1.0))
    return ZDistribution(
        n=values.size,
        mean=float(values.mean()),
        standard_deviation=float(values.std(ddof=1)),
        expected=float(expected),
        ks=float(test.statistic),
        ks_pvalue=float(test.pvalue),
        counts=np.histogram(values, Z_EDGES)[0].astype(np.float64),
    )


def compare_toys(null: ArrayLike, signal: ArrayLike, *, expected: float) -> TestToys:
    """Return a test's distributions without and with signal, and its ROC curve.

    Parameters
    ----------
    null, signal : array_like, shape (n,) and (m,)
        Significances of the toys.
    expected : float
        Asimov Z of the signal toys.

    Raises
    ------
    DataError
        If there are fewer than two toys of either kind, or a Z is not finite.
    """
    without = z_distribution(null, expected=0.0)
    with_signal = z_distribution(signal, expected=expected)
    roc = roc_curve(null, signal)
    return TestToys(
        null=without,
        signal=with_signal,
        auc=roc.auc,
        auc_error=roc.auc_error,
        false_positive=ROC_RATES,
        true_positive=np.interp(ROC_RATES, roc.false_positive, roc.true_positive),
    )
