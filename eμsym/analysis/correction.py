"""The detector's difference of A and B: corrected for, checked, and described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eμsym.analysis.problem import Problem
from eμsym.analysis.yields import Measured
from eμsym.calibration.absorbed import absorbed
from eμsym.calibration.before_after import BeforeAfter, before_after
from eμsym.calibration.correction_file import read_correction
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.calibration.quality import VARIABLES, Quality, fit_quality
from eμsym.calibration.ratio_terms import CRACKS, checked_jumps
from eμsym.calibration.self_calibration import checked_windows, inside, like_leading
from eμsym.difference import Difference
from eμsym.errors import ConfigurationError, DataError
from eμsym.label_rule import LEADING
from eμsym.pair import Pair


@dataclass(frozen=True)
class Jumps:
    """Where r may jump in |η|, and why there.

    Attributes
    ----------
    abseta : tuple of float
    because : str
    """

    abseta: tuple[float, ...]
    because: str

    def to_dict(self) -> dict[str, Any]:
        """Return both, for JSON."""
        return {"abseta": list(self.abseta), "because": self.because}


@dataclass(frozen=True)
class Equalisation:
    """How a pair is to be corrected.

    Attributes
    ----------
    how : str, optional
        "self", "none" or a correctionlib file. Default: "self" where the events allow
        it, else none.
    exclude : mapping of str to (float, float)
        Window that a self-calibration leaves out.
    by : str, optional
        Column whose values tell classes of events apart, each with an r of its own.
    abseta_edges : tuple of float, optional
        Where r may jump in |η|. Default: `Pair.cracks`, or those of
        `eμsym.calibration.ratio_terms`.
    pt_edges : tuple of float
        Where it may jump in pT, in GeV.
    signed_eta : bool
        Whether r may differ between η and −η.
    given : str, optional
        A correctionlib file with efficiencies on top of which a self-calibration is fitted.

    Raises
    ------
    InputFileError
        If the file cannot be used.
    ConfigurationError
        If the window or an edge is none, or such an option goes with another correction
        than "self".
    """

    how: str | None = None
    exclude: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    by: str | None = None
    abseta_edges: tuple[float, ...] | None = None
    pt_edges: tuple[float, ...] = ()
    signed_eta: bool = False
    given: str | None = None

    def __post_init__(self) -> None:
        checked_windows(self.exclude)
        if self.abseta_edges is not None:
            checked_jumps(self.abseta_edges)
        checked_jumps(self.pt_edges, "pT")
        if self.how not in (None, "self", "none"):
            read_correction(str(self.how))
        if self.given is not None:
            read_correction(self.given)
        if self.how in (None, "self"):
            return
        given = {
            "--equalise-exclude": bool(self.exclude),
            "--equalise-by": self.by is not None,
            "--equalise-edges": self.abseta_edges is not None,
            "--equalise-pt-edges": bool(self.pt_edges),
            "--equalise-signed-eta": self.signed_eta,
            "--equalise-given": self.given is not None,
        }
        for option, there in given.items():
            if there:
                raise ConfigurationError(
                    f"{option} is of --equalise self: with {self.how} nothing is calibrated"
                )

    @property
    def asked_for(self) -> bool:
        """Whether a correction was asked for by name, or by what only one can do.

        Who names classes, or gives efficiencies, has asked for the fit in them, or on top.
        """
        return any(x is not None for x in (self.how, self.by, self.given))

    def jumps(self, pair: Pair, of_files: str | None) -> Jumps | None:
        """Return where a self-calibration lets r jump in |η|; None if there is none.

        Parameters
        ----------
        pair : Pair
        of_files : str or None
            The name of the format that its files were of.
        """
        if self.how not in (None, "self"):
            return None
        if self.abseta_edges is not None:
            return Jumps(self.abseta_edges, "as given")
        if pair.cracks is None:
            return Jumps(CRACKS, "those of ATLAS and Delphes: of what format files were is unknown")
        if of_files == "flat":
            return Jumps(pair.cracks, "those of all formats: flat files may be of any detector")
        return Jumps(pair.cracks, f"those of {of_files or 'its'} files")

    def to_dict(self) -> dict[str, Any]:
        """Return the options, for JSON."""
        edges = self.abseta_edges
        return {
            "how": self.how,
            "exclude": {name: list(window) for name, window in self.exclude.items()},
            "by": self.by,
            "abseta_edges": None if edges is None else list(edges),
            "pt_edges": list(self.pt_edges),
            "signed_eta": self.signed_eta,
            "given": self.given,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Equalisation:
        """Make them of what `to_dict` gave.

        Raises
        ------
        ConfigurationError
            If it is not that, or no correction.
        """
        try:
            edges = content["abseta_edges"]
            return cls(
                how=content["how"],
                exclude={n: (float(a), float(b)) for n, (a, b) in content["exclude"].items()},
                by=content["by"],
                abseta_edges=None if edges is None else tuple(map(float, edges)),
                pt_edges=tuple(map(float, content["pt_edges"])),
                signed_eta=bool(content["signed_eta"]),
                given=content["given"],
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"is no correction of a pair ({error!r})") from error

    def apply(self, pair: Pair) -> Pair | Problem | None:
        """Return the corrected pair; None if none is wanted, or why it is not corrected.

        Raises
        ------
        EmusymError
            If a correction that was asked for cannot be had. What nobody asked for
            is left out where there are too few events for it, or where the rule of the
            labels names no efficiencies.
        """
        if self.how == "none":
            return None
        # A column that is not there is the user's mistake, however few the events.
        inside(pair.pool, checked_windows(self.exclude))
        try:
            if not len(pair.pool):
                raise DataError("there are no events to correct")
            if self.how in (None, "self"):
                return pair.equalised(
                    exclude=dict(self.exclude) or None,
                    by=self.by,
                    abseta_edges=self.abseta_edges,
                    pt_edges=self.pt_edges,
                    signed_eta=self.signed_eta,
                    given=self.given,
                )
            return pair.equalised(str(self.how))
        except (ConfigurationError, DataError) as error:
            if not self.asked_for:
                return Problem(str(error))
            raise type(error)(f"{error}; or give --equalise none") from error


@dataclass(frozen=True, eq=False)
class Correction:
    """What a correction is, and how well it does.

    Attributes
    ----------
    about : mapping
        The correction with its covariance, for JSON.
    fitted : tuple of EfficiencyRatio
        r = ε_μ/ε_e of each class, or what the rule has in its place, if it was fitted to the
        pair.
    of_orders : bool
        Whether it is that of leading and sub-leading leptons, which a file can hold.
    absorbed : tuple of str
        What the fit takes up of a signal; empty without one.
    raw, equalised : tuple of float
        Σw of A and of B before and after.
    ratio : Measured or None
        A/B after; None without A or B.
    quality : Quality or Problem
        Goodness of fit, and closure.
    before_after : BeforeAfter
        A/B against each variable, and r.
    jumps : Jumps or None
        Where r may jump in |η|, if it was fitted to the pair.
    """

    about: Mapping[str, Any]
    fitted: tuple[EfficiencyRatio, ...]
    raw: tuple[float, float]
    equalised: tuple[float, float]
    ratio: Measured | None
    quality: Quality | Problem
    before_after: BeforeAfter
    jumps: Jumps | None = None
    of_orders: bool = True
    absorbed: tuple[str, ...] = ()

    @classmethod
    def of(cls, pair: Pair, *, seed: int, jumps: Jumps | None = None) -> Correction:
        """Return what was done to a corrected pair.

        Parameters
        ----------
        pair : Pair
        seed : int
            Of the relabellings and the folds.
        jumps : Jumps, optional
            As `Equalisation.jumps` has them.
        """
        quality: Quality | Problem
        try:
            there = [name for name in (*VARIABLES, "met") if name in pair.pool.columns]
            quality = fit_quality(pair, variables=there, rng=seed)
        except DataError as error:
            quality = Problem(str(error))
        fit, rule = pair.symmetry.calibration, pair.rule or LEADING
        return cls(
            about=pair.symmetry.to_dict(),
            fitted=() if fit is None else fit.ratios,
            raw=_totals(pair.raw),
            equalised=_totals(pair),
            ratio=order_ratio(pair),
            quality=quality,
            before_after=before_after(pair),
            jumps=jumps,
            of_orders=like_leading(rule),
            absorbed=() if fit is None else absorbed(rule),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the correction with its covariance and quality, for JSON."""
        return {
            **self.about,
            "yields": {"raw": list(self.raw), "equalised": list(self.equalised)},
            "ratio": None if self.ratio is None else self.ratio.to_dict(),
            "jumps": None if self.jumps is None else self.jumps.to_dict(),
            "quality": self.quality.to_dict(),
        }


def order_ratio(pair: Pair) -> Measured | None:
    """Return A/B of the weighted events and its standard error; None without A or B."""
    everything = np.zeros(len(pair.pool), dtype=np.int64)
    total = Difference.of_pool(pair.pool, pair.symmetry, everything, (1,))
    if not (total.a[0] > 0 and total.b[0] > 0):
        return None
    value, error = total.ratio()
    return Measured(float(value[0]), float(error[0]))


def _totals(pair: Pair) -> tuple[float, float]:
    return float(pair.a.weight.sum()), float(pair.b.weight.sum())
