"""The ratio of the efficiencies of a muon and an electron, in bins of pT and |η|."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eμsym.arrays import FloatArray, IntArray
from eμsym.calibration.design import Design
from eμsym.calibration.event_list import EventList
from eμsym.errors import ConfigurationError, DataError
from eμsym.pool import Pool
from eμsym.shown import Shown

#: The columns of the two leptons' kinematics: pT in GeV, and η.
LEAD_COLUMNS = ("lead_pt", "lead_eta")
SUB_COLUMNS = ("sub_pt", "sub_eta")

#: A covariance may have eigenvalues this far below zero, of its largest, by rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, repr=False)
class LeptonBins(Shown):
    """Bins of a lepton's pT and |η|.

    Parameters
    ----------
    pt_edges : sequence of float
        In GeV, rising.
    abseta_edges : sequence of float
        Rising.
    signed : bool
        Whether η < 0 has bins of its own, with the same edges mirrored; the bins of |η|
        are then those of η ≥ 0, followed by those of η < 0.

    Raises
    ------
    ConfigurationError
        If edges are fewer than two, negative, not finite, or do not rise.

    Notes
    -----
    A lepton beyond the outer edges counts in the outermost bin. Bin (i, j) has the
    number i · len(η bins) + j.

    Examples
    --------
    >>> bins = LeptonBins([15, 30, 100], [0, 1.5, 2.5])
    >>> bins.index([20.0, 400.0], [-0.2, 2.0]).tolist()
    [0, 3]
    >>> bins.label(3)
    'pT 30-100 GeV, |η| 1.5-2.5'
    """

    pt_edges: tuple[float, ...]
    abseta_edges: tuple[float, ...]
    signed: bool = False

    def __post_init__(self) -> None:
        for name in ("pt_edges", "abseta_edges"):
            object.__setattr__(self, name, _checked_edges(getattr(self, name), name))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of bins in pT and in |η|, or in η."""
        return len(self.pt_edges) - 1, (len(self.abseta_edges) - 1) * (2 if self.signed else 1)

    def __len__(self) -> int:
        """Return the number of bins."""
        return self.shape[0] * self.shape[1]

    def index(self, pt: ArrayLike, eta: ArrayLike) -> NDArray[np.int64]:
        """Return the bins' numbers of leptons, of the shape of pT and η.

        Raises
        ------
        DataError
            If a pT or η is NaN or infinite.
        """
        row = _place(self.pt_edges, np.asarray(pt, dtype=np.float64), "pT")
        signed = np.asarray(eta, dtype=np.float64)
        column = _place(self.abseta_edges, np.abs(signed), "η")
        if self.signed:
            column = column + (signed < 0) * (len(self.abseta_edges) - 1)
        return np.asarray(row * self.shape[1] + column, dtype=np.int64)

    def label(self, k: int) -> str:
        """Return what to call bin k."""
        i, j = divmod(int(k), self.shape[1])
        side, j = divmod(j, len(self.abseta_edges) - 1)
        pt, eta = self.pt_edges, self.abseta_edges
        name = ("η", "−η")[side] if self.signed else "|η|"
        return f"pT {pt[i]:g}-{pt[i + 1]:g} GeV, {name} {eta[j]:g}-{eta[j + 1]:g}"


@dataclass(frozen=True, eq=False, repr=False, init=False)
class EfficiencyRatio(Shown):
    """ln r per bin, r = ε_μ/ε_e of a single lepton, and its covariance.

    A constant added to ln r cancels wherever r is used.

    Parameters
    ----------
    bins : LeptonBins
    log_ratio : ndarray of float, shape (k,)
        ln r of every bin, in the order of `LeptonBins.index`.
    covariance : ndarray of float, shape (k, k), optional
        Default: that of the modes.
    events : EventList, optional
        The events that it was fitted to, if it is known which: `Pair.equalised` refuses
        to correct those by it.
    modes : ndarray of float, shape (m, k), optional
        The directions in which ln r is uncertain, each of one standard deviation and
        independent of the others; the covariance is modesᵀ modes. Default: those of the
        covariance.

    Raises
    ------
    DataError
        If a shape does not fit the bins, a value is not finite, the covariance is not
        symmetric with eigenvalues of at least zero, or there is none.

    Examples
    --------
    >>> bins = LeptonBins([15, 30, 100], [0, 2.5])
    >>> ratio = EfficiencyRatio(bins, np.log([0.9, 1.1]), np.diag([0.01, 0.04]))
    >>> ratio.evaluate([20.0, 50.0], [0.0, -2.0]).tolist()
    [0.9, 1.1]
    """

    bins: LeptonBins
    log_ratio: FloatArray
    modes: FloatArray
    events: EventList | None

    def __init__(
        self,
        bins: LeptonBins,
        log_ratio: ArrayLike,
        covariance: ArrayLike | None = None,
        events: EventList | None = None,
        *,
        modes: ArrayLike | None = None,
    ) -> None:
        values, k = np.array(log_ratio, dtype=np.float64), len(bins)
        if covariance is None and modes is None:
            raise DataError("ln r has neither a covariance nor modes; exact ones are of zeros")
        given = np.array(covariance if modes is None else modes, dtype=np.float64)
        expected = (k, k) if modes is None else (len(given), k)
        if values.shape != (k,) or given.shape != expected:
            raise DataError(
                f"ln r has shape {values.shape} and its covariance {given.shape}, "
                f"for {k} bins of pT and |η|"
            )
        if not (np.all(np.isfinite(values)) and np.all(np.isfinite(given))):
            raise DataError("ln r or its covariance is not finite")
        object.__setattr__(self, "bins", bins)
        object.__setattr__(self, "log_ratio", values)
        object.__setattr__(self, "modes", _modes(given) if modes is None else given)
        object.__setattr__(self, "events", events)

    @cached_property
    def covariance(self) -> FloatArray:
        """The covariance of ln r, shape (k, k)."""
        return np.asarray(self.modes.T @ self.modes)

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the bins, and the range of r."""
        pt, abseta = self.bins.shape
        r = np.exp(self.log_ratio)
        return {"pt_bins": pt, "abseta_bins": abseta, "smallest": r.min(), "largest": r.max()}

    @property
    def error(self) -> FloatArray:
        """The standard errors of ln r, shape (k,)."""
        return np.asarray(np.sqrt(np.sum(self.modes**2, axis=0)))

    def index(self, pt: FloatArray, eta: FloatArray) -> IntArray:
        """Return which of `log_ratio` leptons have, of the shape of pT [GeV] and η."""
        return self.bins.index(pt, eta)

    @property
    def slots(self) -> dict[str, str]:
        """The objects, by what their columns begin with, and which r each has."""
        return {"lead": "r", "sub": "r"}

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the two leptons' kinematics."""
        return (*LEAD_COLUMNS, *SUB_COLUMNS)

    def design(self, pool: Pool) -> Design:
        """Return which of `log_ratio` the leading and the sub-leading leptons of events have."""
        return Design.of_orders(*self.index(*lepton_columns(pool)))

    def with_log_ratio(self, log_ratio: FloatArray) -> EfficiencyRatio:
        """Return another ln r of the same bins and covariance."""
        return replace(self, log_ratio=log_ratio)

    def fitted(
        self, log_ratio: FloatArray, modes: FloatArray, events: EventList | None
    ) -> EfficiencyRatio:
        """Return the result of a fit: values, their directions, and the events in it."""
        return EfficiencyRatio(self.bins, log_ratio, events=events, modes=modes)

    def evaluate(self, pt: ArrayLike, eta: ArrayLike) -> FloatArray:
        """Return r = ε_μ/ε_e of leptons, of the shape of pT [GeV] and η."""
        return np.asarray(np.exp(self.log_ratio[self.bins.index(pt, eta)]))

    def to_dict(self) -> dict[str, Any]:
        """Return edges, ln r by (pT, |η|), its errors and modes, for JSON; no events."""
        shape = self.bins.shape
        return {
            "pt_edges": list(self.bins.pt_edges),
            "abseta_edges": list(self.bins.abseta_edges),
            "signed": self.bins.signed,
            "log_ratio": self.log_ratio.reshape(shape).tolist(),
            "error": self.error.reshape(shape).tolist(),
            "modes": self.modes.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EfficiencyRatio:
        """Return the ratio that `to_dict` made a dictionary of.

        Raises
        ------
        DataError
            If a key is missing, or a value is not a number.
        """
        try:
            signed = bool(data.get("signed", False))
            bins = LeptonBins(data["pt_edges"], data["abseta_edges"], signed)
            values = np.asarray(data["log_ratio"], dtype=np.float64).ravel()
            # Ratios of earlier versions have their covariance written out.
            modes, covariance = None, None
            if "modes" in data:
                modes = np.asarray(data["modes"], dtype=np.float64).reshape(-1, values.size)
            else:
                covariance = np.asarray(data["covariance"], dtype=np.float64)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"this is no efficiency ratio: {error!r}") from error
        return cls(bins, values, covariance, modes=modes)


def object_columns(pool: Pool, slots: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Return pT [GeV] and η of the objects in some slots of a pool, each (slots, n)."""
    pt, eta = (
        np.stack([pool.column(f"{slot}_{name}") for slot in slots]) for name in ("pt", "eta")
    )
    return pt, eta


def lepton_columns(pool: Pool) -> tuple[FloatArray, FloatArray]:
    """Return pT and η of the leading and sub-leading leptons of a pool, each (2, n)."""
    return object_columns(pool, ("lead", "sub"))


def _modes(covariance: FloatArray) -> FloatArray:
    """Return the directions of a covariance, each times its standard deviation."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    slack = _ROUNDING * max(values[-1], 0.0)
    if not np.allclose(covariance, covariance.T, atol=slack) or values[0] < -slack:
        raise DataError("the covariance of ln r is not symmetric and positive")
    kept = values > slack
    return np.asarray((vectors[:, kept] * np.sqrt(values[kept])).T)


def _checked_edges(values: Any, name: str) -> tuple[float, ...]:
    try:
        edges = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{name}: edges are numbers, got {values!r}") from error
    fine = edges.ndim == 1 and edges.size >= 2 and np.all(np.isfinite(edges)) and edges[0] >= 0
    if not fine or np.any(np.diff(edges) <= 0):
        raise ConfigurationError(
            f"{name}: give two or more rising edges, none negative or infinite, got {values!r}"
        )
    return tuple(edges.tolist())


def _place(edges: tuple[float, ...], values: FloatArray, name: str) -> NDArray[np.int64]:
    if not np.all(np.isfinite(values)):
        raise DataError(f"a lepton's {name} is NaN or infinite; remove such events")
    return np.asarray(np.searchsorted(edges[1:-1], values, side="right"), dtype=np.int64)
