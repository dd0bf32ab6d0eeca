"""The tables of `eμsym.coverage.overfitting`, and the numbers in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2, ks_2samp, kstest, norm

from eμsym.arrays import FloatArray

SCHEMA, VERSION = "emusym/coverage-overfitting", 1

#: The test as it is.
AS_IT_IS = "500000 epochs"

#: In the order of the table: what it is called there, and the degrees of freedom of its χ².
VARIANTS: Mapping[str, tuple[str, int | None]] = {
    AS_IT_IS: ("as it is: 4 neurons, 5·10⁵ epochs", 12),
    "100000 epochs": ("10⁵ epochs", 12),
    "50000 epochs": ("5·10⁴ epochs", 12),
    "10000 epochs": ("10⁴ epochs", 12),
    "4096 epochs": ("4,096 epochs", 12),
    "held out": ("stopped by the other half, t of that half", 12),
    "stopped there": ("stopped as the halves say, t of all events", 12),
    "penalty 0.001": ("λ = 0.001", 12),
    "penalty 0.01": ("λ = 0.01", 12),
    "penalty 0.1": ("λ = 0.1", 12),
    "1 neurons": ("1 neuron", 3),
    "2 neurons": ("2 neurons", 6),
    "8 neurons": ("8 neurons", 24),
    "size chosen, all epochs": ("size by the halves, t of all events", None),
    "size chosen, stopped there": ("size and stop by the halves, t of all events", None),
    "size chosen, held out": ("size and stop by the halves, t held out", None),
    "spline": ("`SplineTest`, 13 functions", 12),
}

#: Draws of toys with replacement, for the errors.
_BOOTSTRAPS = 1000

_SEED = 1


@dataclass(frozen=True)
class Summary:
    """What toys say of a variant; every error is one standard deviation.

    Attributes
    ----------
    mean, mean_error, width, width_error : float
        Of t without signal.
    ks : float or None
        That t without signal is χ² of the degrees of freedom there are.
    ks_fitted : float or None
        That it is χ² of as many as its mean; larger than it should be, as one is fitted.
    z, z_error : float
        The median Z of the toys with signal, by those without.
    above, above_error : float
        By how much that is above the test as it is, on the same toys.
    bound : bool
        Whether the median is above all toys without signal, so that Z may be larger.
    found, found_error : float
        Share of the toys with signal that have p ≤ 0.05.
    more, more_error : float
        By how much that is more than that of the test as it is, on the same toys.
    n_null, n_signal : int
    """

    mean: float
    mean_error: float
    width: float
    width_error: float
    ks: float | None
    ks_fitted: float | None
    z: float
    z_error: float
    above: float
    above_error: float
    bound: bool
    found: float
    found_error: float
    more: float
    more_error: float
    n_null: int
    n_signal: int


def values(listed: str) -> FloatArray:
    """Return stored numbers."""
    return np.array(listed.split(), dtype=np.float64)


def pvalues(t: FloatArray, null: FloatArray) -> FloatArray:
    """Return (k + 1)/(n + 1), k of the n toys without signal having a t as large, shape of t."""
    below = np.searchsorted(np.sort(null), t, side="left")
    return np.asarray((null.size - below + 1) / (null.size + 1))


def summaries(t: Mapping[str, Mapping[str, str]]) -> dict[str, Summary]:
    """Return what toys say of each variant.

    Parameters
    ----------
    t : mapping
        By "null" and "signal", the stored t of every variant, toy by toy.
    """
    null = {name: values(listed) for name, listed in t["null"].items()}
    signal = {name: values(listed) for name, listed in t["signal"].items()}
    found = {}
    for name in null:
        sizes = null[name].size, signal[name].size
        # The same toys of both, so that their difference has an error of its own.
        both = [(null[each][: sizes[0]], signal[each][: sizes[1]]) for each in (name, AS_IT_IS)]
        rng = np.random.default_rng(_SEED)
        drawn = [[rng.integers(0, n, n) for n in sizes] for _ in range(_BOOTSTRAPS)]
        again = np.array([[_measured(x[i], y[j]) for x, y in both] for i, j in drawn])
        numbers, of_the_test = (_measured(*each) for each in both)
        mean, width, z, share = numbers
        errors = np.std(again[:, 0], axis=0)
        dof = VARIANTS[name][1]
        found[name] = Summary(
            mean=mean,
            mean_error=float(errors[0]),
            width=width,
            width_error=float(errors[1]),
            ks=None if dof is None else _ks(null[name], dof),
            ks_fitted=_ks(null[name], mean) if mean > 0 else None,
            z=z,
            z_error=float(errors[2]),
            above=z - of_the_test[2],
            above_error=float(np.std(again[:, 0, 2] - again[:, 1, 2])),
            bound=bool(np.median(signal[name]) > np.max(null[name])),
            found=share,
            found_error=float(errors[3]),
            more=share - of_the_test[3],
            more_error=float(np.std(again[:, 0, 3] - again[:, 1, 3])),
            n_null=sizes[0],
            n_signal=sizes[1],
        )
    return found


def further_summaries(data: Mapping[str, Any]) -> dict[str, Summary]:
    """Return what the further toys with signal say, by the same toys without."""
    signal = data["further"]
    null = {name: data["t"]["null"][name] for name in VARIANTS if name in signal}
    return summaries({"null": null, "signal": signal})


def _measured(null: FloatArray, signal: FloatArray) -> tuple[float, float, float, float]:
    p = pvalues(signal, null)
    return (
        float(np.mean(null)),
        float(np.std(null, ddof=1)),
        float(norm.isf(np.median(p))),
        float(np.mean(p <= 0.05)),
    )


def _ks(t: FloatArray, dof: float) -> float:
    return float(kstest(t, chi2(dof).cdf).pvalue)


@dataclass(frozen=True)
class Permuted:
    """A null by permutations beside that of toys.

    Attributes
    ----------
    toys, permuted : tuple of float
        Mean of t and its error, and width and its error.
    n_toys, n_permuted : int
    ks : tuple of float
        The p-values that both are of one distribution, one a pair.
    """

    toys: tuple[float, float, float, float]
    n_toys: int
    permuted: tuple[float, float, float, float]
    n_permuted: int
    ks: tuple[float, ...]


def permuted_of(row: Mapping[str, Any], test: str) -> Permuted:
    """Return the nulls of a stored row; permutations of all pairs are taken together."""
    toys = values(row[test]["toys"])
    pairs = [values(listed) for listed in row[test]["permuted"]]
    together = np.concatenate(pairs)
    ks = tuple(float(ks_2samp(toys, pair).pvalue) for pair in pairs)
    return Permuted(_moments(toys), toys.size, _moments(together), together.size, ks)


def _moments(t: FloatArray) -> tuple[float, float, float, float]:
    again = t[np.random.default_rng(_SEED).integers(0, t.size, (_BOOTSTRAPS, t.size))]
    errors = np.std(np.mean(again, axis=1)), np.std(np.std(again, axis=1, ddof=1))
    return float(np.mean(t)), float(errors[0]), float(np.std(t, ddof=1)), float(errors[1])


def table(data: Mapping[str, Any]) -> str:
    """Return the tables, as Markdown."""
    t = data["t"]
    lines = [
        "# What remedies for overfitting do to the symmetrized test",
        "",
        "Toys of the paper's toy model without signal, and with 160 events of S3, ideally 6.1σ; "
        "5,500 events of background expected in each sample. All variants are of the same toys, "
        "of which those that take longest have the first; their nets begin with the same "
        f"parameters. But for the test as it is they are trained for {data['epochs']:,} epochs, "
        f"those on a half for {data['epochs_of_halves']:,}. Z and p are by the toys without "
        "signal of the same variant, never by χ².",
        "",
        "| variant | toys without and with signal | dof | mean of t | width | √(2 dof) | KS p, dof "
        "| KS p, fitted mean | median Z | above the test as it is | p ≤ 0.05 | more than the test "
        "as it is | seconds |",
        "|---" * 13 + "|",
        *_rows(t, data["seconds"]),
        "",
        "## The same on further toys with signal",
        "",
        "They were drawn after the table above was seen, and have no event in common with it.",
        "",
        "| variant | toys without and with signal | median Z | above the test as it is "
        "| p ≤ 0.05 | more than the test as it is |",
        "|---" * 6 + "|",
        *_further_rows(data),
        "",
        "## Permutations of one pair beside toys",
        "",
        "No signal; errors of means and widths are of the numbers of toys and permutations.",
        "",
        "| N_A | N_B | test | toys | mean | width | pairs | permutations | mean | width "
        "| KS p of each pair |",
        "|---" * 11 + "|",
        *_permuted_rows(data["permuted"]),
    ]
    return "\n".join(lines) + "\n"


def _rows(t: Mapping[str, Mapping[str, str]], seconds: Mapping[str, float]) -> Iterator[str]:
    found = summaries(t)
    for name, (title, dof) in VARIANTS.items():
        if name not in found:
            continue
        row = found[name]
        cells = [
            title,
            f"{row.n_null}, {row.n_signal}",
            "–" if dof is None else str(dof),
            f"{row.mean:.2f} ± {row.mean_error:.2f}".replace("-", "−"),
            f"{row.width:.2f} ± {row.width_error:.2f}",
            "–" if dof is None else f"{np.sqrt(2 * dof):.2f}",
            _p(row.ks),
            _p(row.ks_fitted),
            *_power(row, name == AS_IT_IS),
            f"{seconds[name]:.2g}",
        ]
        yield f"| {' | '.join(cells)} |"


def _further_rows(data: Mapping[str, Any]) -> Iterator[str]:
    for name, row in further_summaries(data).items():
        cells = [VARIANTS[name][0], f"{row.n_null}, {row.n_signal}", *_power(row, name == AS_IT_IS)]
        yield f"| {' | '.join(cells)} |"


def _power(row: Summary, as_it_is: bool) -> list[str]:
    """Return the cells of Z and of p ≤ 0.05, with what they have more than the test as it is."""
    differences = (
        f"{row.above:+.2f} ± {row.above_error:.2f}",
        f"{100 * row.more:+.0f} ± {100 * row.more_error:.0f} %",
    )
    above, more = ("" if as_it_is else each.replace("-", "−") for each in differences)
    return [
        f"{'≥ ' * row.bound}{row.z:.2f} ± {row.z_error:.2f}",
        above,
        f"{100 * row.found:.0f} ± {100 * row.found_error:.0f} %",
        more,
    ]


def _permuted_rows(rows: Any) -> Iterator[str]:
    for row in rows:
        for test, title in (("spline", "`SplineTest`"), ("network", "network")):
            found = permuted_of(row, test)
            cells = [f"{row['n_a']:,}", f"{row['n_b']:,}", title, str(found.n_toys)]
            cells += _with_errors(found.toys)
            cells += [str(len(found.ks)), f"{found.n_permuted:,}", *_with_errors(found.permuted)]
            cells.append(", ".join(_p(p) for p in found.ks))
            yield f"| {' | '.join(cells)} |"


def _with_errors(moments: tuple[float, float, float, float]) -> list[str]:
    mean, mean_error, width, width_error = moments
    return [f"{mean:.2f} ± {mean_error:.2f}", f"{width:.2f} ± {width_error:.2f}"]


def _p(p: float | None) -> str:
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.2g}"
