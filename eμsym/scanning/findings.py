"""What a scan found, frozen: to be tested on other events, with no trials factor."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from eμsym.arrays import FloatArray, IntArray, Rng
from eμsym.difference import Compared, Difference
from eμsym.effects import check_symmetric
from eμsym.errors import ConfigurationError, DataError, InputFileError
from eμsym.expression import Expression
from eμsym.files import read_json, write_json
from eμsym.joint_pvalue import Together
from eμsym.pair import Pair
from eμsym.pool import Pool
from eμsym.progress import Advance
from eμsym.scanning.places import Place, Range
from eμsym.scanning.result import Entry, Scan
from eμsym.symmetry import Relabellings
from eμsym.together import together

SCHEMA, VERSION = "emusym/scan-findings", 1
Side = Literal["a", "b"]


@dataclass(frozen=True)
class Finding:
    """Part of the events in which one sample has more.

    Attributes
    ----------
    region : str
        The region's name.
    where : str or None
        Its condition; None of all events.
    window : mapping of str to (float or None, float or None)
        The range of each observable; None is without a bound.
    side : {"a", "b"}
        Which of the two has the excess.
    z, p_local, p_adjusted : float
        What the scan said of it; z is signed, positive for B.
    """

    region: str
    where: str | None
    window: Mapping[str, Range]
    side: Side
    z: float
    p_local: float
    p_adjusted: float

    @classmethod
    def of(cls, entry: Entry, place: Place, where: str | None) -> Self:
        """Return what an entry has found, in a region with this condition."""
        return cls(
            region=entry.region,
            where=where,
            window=dict(zip(entry.observables, place.window, strict=True)),
            side="b" if place.z > 0 else "a",
            z=place.z,
            p_local=entry.p_local,
            p_adjusted=entry.p_adjusted,
        )

    @property
    def condition(self) -> str:
        """What its events fulfil, as an expression."""
        parts = [] if self.where is None else [f"({self.where})"]
        for name, (low, high) in self.window.items():
            parts += [] if low is None else [f"{name} >= {low!r}"]
            parts += [] if high is None else [f"{name} < {high!r}"]
        return " and ".join(parts) or "true"

    @property
    def name(self) -> str:
        """The window and the region in one line."""
        parts = []
        for name, (low, high) in self.window.items():
            if low is not None and high is not None:
                parts.append(f"{name} {low:.4g} to {high:.4g}")
            elif low is not None:
                parts.append(f"{name} from {low:.4g}")
            elif high is not None:
                parts.append(f"{name} below {high:.4g}")
        return f"{', '.join(parts) or 'all values'} in {self.region}"

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "region": self.region,
            "where": self.where,
            "window": {name: list(bounds) for name, bounds in self.window.items()},
            "side": self.side,
            "z": self.z,
            "p_local": self.p_local,
            "p_adjusted": self.p_adjusted,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Make it of what `to_dict` gave; what is missing or wrong is an error of Python's."""
        window = {}
        for name, (low, high) in content["window"].items():
            bounds = tuple(None if x is None else float(x) for x in (low, high))
            window[str(name)] = (bounds[0], bounds[1])
        side = content["side"]
        if side not in ("a", "b"):
            raise ValueError(f"side {side!r} is neither a nor b")
        where = content["where"]
        found = cls(
            region=str(content["region"]),
            where=None if where is None else str(where),
            window=window,
            side=side,
            z=float(content["z"]),
            p_local=float(content["p_local"]),
            p_adjusted=float(content["p_adjusted"]),
        )
        Expression(found.condition)
        return found


@dataclass(frozen=True, eq=False)
class Frozen:
    """Findings, and what they were found with.

    Attributes
    ----------
    findings : tuple of Finding
    equalise : mapping of str to object
        How the pair was corrected: options of `eμsym.analysis.correction.Equalisation`.
    p_global : float
        Of the scan.
    known_by : tuple of str
        Columns by which an event is known again.
    used : ndarray of uint64
        The identities of the events that they were found with, in order.
    """

    findings: tuple[Finding, ...]
    equalise: Mapping[str, Any]
    p_global: float
    known_by: tuple[str, ...]
    used: NDArray[np.uint64] = field(repr=False)

    @classmethod
    def of(cls, scan: Scan, pool: Pool, count: int = 1, **equalise: Any) -> Self:
        """Freeze the first findings of a scan of a pool."""
        if not isinstance(count, int | np.integer) or count < 1:  # type: ignore[redundant-expr]
            raise ConfigurationError(f"{count} findings: freeze one or more")
        findings = tuple(
            Finding.of(entry, place, scan.regions[entry.region].where)
            for entry, place in scan.first(count)
        )
        used = np.unique(pool.identity)
        return cls(findings, equalise, scan.p_global, pool.known_by, used)

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "findings": [each.to_dict() for each in self.findings],
            "equalise": dict(self.equalise),
            "p_global": self.p_global,
            "known_by": list(self.known_by),
            "n_used": int(self.used.size),
            "used": base64.b64encode(self.used.astype("<u8").tobytes()).decode("ascii"),
        }

    def write(self, path: str | Path) -> None:
        """Write a JSON file, whole or not at all; an `OutputError` says why it cannot be."""
        write_json(path, self.to_dict())

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read what `write` wrote.

        Raises
        ------
        InputFileError
            If the file cannot be read, or is none.
        ConfigurationError
            If it is of another schema or version.
        """
        content = read_json(Path(path), schema=SCHEMA, version=VERSION)
        try:
            raw = base64.b64decode(content["used"], validate=True)
            used = np.frombuffer(raw, dtype="<u8").astype(np.uint64)
            if used.size != content["n_used"]:
                raise ValueError(f"names {used.size} events of {content['n_used']}")
            findings = tuple(Finding.from_dict(each) for each in content["findings"])
            if not findings:
                raise ValueError("holds no finding")
            equalise = {str(key): value for key, value in content["equalise"].items()}
            known_by = tuple(map(str, content["known_by"]))
            return cls(findings, equalise, float(content["p_global"]), known_by, used)
        except (AttributeError, KeyError, TypeError, ValueError, ConfigurationError) as error:
            raise InputFileError(
                f"{path}: holds no findings of a scan ({error}); write it with emusym scan --freeze"
            ) from error

    def check_apart(self, pool: Pool) -> None:
        """Refuse events that the findings were found with.

        Raises
        ------
        DataError
            If there are such, or that cannot be told.
        """
        if pool.known_by != self.known_by:
            raise DataError(
                f"events are known by {', '.join(pool.known_by)} here, and were by "
                f"{', '.join(self.known_by)} where the findings are from: whether some are the "
                "same cannot be told; process both alike"
            )
        shared = int(np.count_nonzero(np.isin(pool.identity, self.used)))
        if shared:
            raise DataError(
                f"{shared:,} of the {len(pool):,} events were used to find what is to be "
                "confirmed; give other events"
            )


@dataclass(frozen=True)
class FindingTest:
    """Nσ of one finding's events, counted, in the direction of its excess; as a test of pairs.

    Parameters
    ----------
    condition : str
        What its events fulfil.
    side : {"a", "b"}
        Large where this sample has more.
    """

    condition: str
    side: Side

    def alike(self, pool: Pool) -> IntArray:
        """Return 0 for events that are in it, −1 for others."""
        inside = Expression(self.condition).condition(pool.columns)
        return np.where(inside, 0, -1)

    def __call__(self, pair: Compared, *, rng: Any = None) -> float:
        """Return Nσ of a pair; nothing is drawn."""
        return float(self.many(pair.pool, pair.symmetry.observed(pair.pool))[0])

    def difference(self, pair: Compared) -> Difference:
        """Return B − A of its events."""
        return Difference.of_pool(pair.pool, pair.symmetry, self.alike(pair.pool), (1,))

    def many(self, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return Nσ of many draws of a pool's labels, shape (draws,)."""
        index = self.alike(pool)
        variance, covariance = drawn.symmetry.spread(pool, index, 1)
        width = variance[0] if covariance is None else covariance[0, 0]
        if not width > 0:
            raise DataError("no event of it has a label that is left open")
        sign = 1.0 if self.side == "b" else -1.0
        return np.asarray(sign * drawn.differences(pool, index, 1)[:, 0] / np.sqrt(width))


@dataclass(frozen=True)
class Confirmed:
    """A finding, on other events.

    Attributes
    ----------
    finding : Finding
    a, b : int
        Events in it, as counted.
    z : float
        Nσ in the finding's direction: negative if the other sample has more.
    pvalue : float
        How often labels alone give as much in that direction.
    """

    finding: Finding
    a: int
    b: int
    z: float
    pvalue: float

    @property
    def significance(self) -> float:
        """Z = Φ⁻¹(1 − p)."""
        return float(norm.isf(self.pvalue))

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        own = {"a": self.a, "b": self.b, "nsigma": self.z, "pvalue": self.pvalue}
        return {"finding": self.finding.to_dict(), **own}


@dataclass(frozen=True, eq=False)
class Confirmation:
    """Result of `confirm`.

    Attributes
    ----------
    results : tuple of Confirmed
    joint : Together
        One p-value that counts all findings.
    """

    results: tuple[Confirmed, ...]
    joint: Together

    @property
    def pvalue(self) -> float:
        """With all findings counted; of one, its own."""
        return self.joint.pvalue

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "pvalue": self.pvalue,
            "relabellings": self.joint.n,
            "findings": [each.to_dict() for each in self.results],
        }


def confirm(
    pair: Pair,
    findings: Sequence[Finding],
    n: int = 1000,
    *,
    limit: int | None = None,
    rng: Rng = None,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> Confirmation:
    """Test findings on a pair of other events.

    Parameters
    ----------
    pair : Pair
        Corrected, if it is to be.
    findings : sequence of Finding
    n, limit, rng, workers, progress
        As for `eμsym.together.together`.

    Raises
    ------
    DataError
        If a finding has no events here.
    ConfigurationError
        If a column is not there, or the exchange changes it.
    """
    tests = {}
    for finding in findings:
        expression = Expression(finding.condition)
        expression.check(pair.pool.columns)
        check_symmetric(expression, pair.symmetry.exchange)
        tests[finding.name] = FindingTest(finding.condition, finding.side)
    joint = together(tests, pair, n, limit=limit, rng=rng, workers=workers, progress=progress)
    if joint.left_out:
        name, reason = next(iter(joint.left_out.items()))
        raise DataError(f"{name}: {reason}")
    results = []
    for finding in findings:
        inside = tests[finding.name].alike(pair.pool) == 0
        n_a = int(np.count_nonzero(inside & pair.pool.labels))
        n_b = int(np.count_nonzero(inside)) - n_a
        z = joint.observed(finding.name)
        results.append(Confirmed(finding, n_a, n_b, z, joint.local_pvalue(finding.name)))
    return Confirmation(tuple(results), joint)
