"""q0 of a pair's histogram, as a test: which sample is fitted, and against what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from eμsym.binned.q0 import Q0, q0
from eμsym.binned.q0_input import check_choice
from eμsym.binned.q0_minuit import ProfileFit, profile_fit
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.counts import check_same_binning
from eμsym.difference import as_axes


class CountedPair(Protocol):
    """What has raw histograms of both samples, and the ratio of their expected yields."""

    @property
    def raw(self) -> Any:
        """The pair without any correction, with ``hist(*axes)``."""
        ...  # pragma: no cover

    def yield_ratio(self, *axes: Any) -> YieldRatio:
        """Return the expected B/A of raw counts in every bin."""
        ...  # pragma: no cover


@dataclass(frozen=True, eq=False)
class Q0Test:
    """Test for a signal of known shape in one sample, the background measured in the other.

    The raw counts are fitted, with the ratio of yields that the pair's symmetry expects
    (see `q0`); the side that the signal is in is said here, and nowhere else.

    Parameters
    ----------
    signal : array_like or histogram, or tuple of two
        The signal's shape in the bins of `axes`; or (S_A, S_B), its shapes in both
        samples with their relative size. Of any normalisation: μ counts all its events.
    axes : str, or tuple of hist axes
        As for `Pair.hist`.
    signal_in : {"a", "b"}
        Which sample a single shape is in.

    Raises
    ------
    ConfigurationError
        If the side is none of the two.

    Examples
    --------
    >>> from hist.axis import Regular
    >>> from eμsym import Pair
    >>> axis = Regular(2, 0, 2, name="x")
    >>> a, b = {"x": [0.5] * 100 + [1.5] * 100}, {"x": [0.5] * 144 + [1.5] * 100}
    >>> result = Q0Test([1, 0], (axis,))(Pair.from_columns(a, b))
    >>> round(result.mu, 6), round(result.z, 3)
    (44.0, 2.825)
    """

    signal: Any
    axes: Any
    signal_in: Literal["a", "b"] = "b"

    def __post_init__(self) -> None:
        check_choice("signal_in", self.signal_in, ("a", "b"))

    def __call__(self, pair: CountedPair, *, rng: Any = None) -> Q0:
        """Test a pair; nothing is drawn.

        Raises
        ------
        DataError
            As for `q0` and `Pair.yield_ratio`.
        """
        tested, reference, ratio = self.counts(pair)
        return q0(tested, reference, self.signal, background="profiled", ratio=ratio)

    def profile(self, pair: CountedPair) -> ProfileFit:
        """Return the whole fit by MINUIT: covariance, MINOS interval and scan of μ.

        Raises
        ------
        DataError
            As for a call.
        """
        tested, reference, ratio = self.counts(pair)
        return profile_fit(tested, reference, self.signal, background="profiled", ratio=ratio)

    def counts(self, pair: CountedPair) -> tuple[Any, Any, YieldRatio]:
        """Return the tested and the reference histogram, and the ratio of their yields.

        Raises
        ------
        DataError
            If the signal has other bins.
        """
        axes = as_axes(self.axes)
        a, b = pair.raw.hist(*axes)
        shapes = self.signal if isinstance(self.signal, tuple) else (self.signal,)
        for shape in shapes:
            if hasattr(shape, "axes"):
                check_same_binning(a, shape)
        ratio = pair.yield_ratio(*axes)
        if self.signal_in == "b" or len(shapes) == 2:
            return b, a, ratio
        return a, b, ratio.inverse()
