"""The compiled training loop: loss, gradient and Adam step of a net of one hidden layer, in numba.

Imported by the engines only when they run, so that ``import eμsym`` needs no numba.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from eμsym.arrays import FloatArray

#: Events a block, at most: what a block computes stays in the first-level cache.
BLOCK = 128

#: The length of a block is a multiple of this, so that the vector unit has no remainder.
_STEP = 32

#: In units of ln 2. σ(z) is 0 or 1 to rounding long before.
_LARGEST_Z = 900.0

#: e^f stays finite up to here; a net that goes beyond has diverged, or is about to.
_LARGEST_EXPONENT = 708.0

_LOG2_E = 1.4426950408889634
# Reciprocal of a float64 to 12 %, when its bits are taken from this.
_RECIPROCAL = 0x7FDE6238DA3C2118
# 2⁵² + 2⁵¹: adding it rounds a number to an integer, held in the lowest bits.
_ROUNDER = 6755399441055744.0

#: Where in the `state` of `run_epochs` each number stands.
BEST_LOSS, BEST_EPOCH, POWER_1, POWER_2, EPOCH = range(5)

# No "nnan" and no "ninf": a diverged training must be seen to be one.
_SUMS = {"reassoc", "contract", "nsz"}
# The exponential's rounding trick does not survive reassociation.
_EXACT = {"contract"}


def compiled(fastmath: set[str], inline: str = "never") -> Callable[[Any], Any]:
    """Return numba's decorator, with the compiled code kept on disk where that is possible."""
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": fastmath,
        "error_model": "numpy",
        "inline": inline,
    }

    def decorate(function: Any) -> Any:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no place on disk that can be written to
            return numba.njit(**options)(function)

    return decorate


def _bits_code(typing_context: Any, value: Any) -> Any:
    """Return the bits of a float64 as an int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


_bits: Any = intrinsic(_bits_code)


def _from_bits_code(typing_context: Any, value: Any) -> Any:
    """Return the float64 that has the bits of an int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


_from_bits: Any = intrinsic(_from_bits_code)


def _wide_vectors_code(typing_context: Any) -> Any:
    """Let LLVM use 512-bit vectors in the function that calls this, where there are any."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), generate


_wide_vectors: Any = intrinsic(_wide_vectors_code)


@compiled(_EXACT)
def power_of_two(y: float) -> float:
    """Return 2^y for |y| ≤ 1022 without a branch, so that LLVM vectorises it; NaN stays NaN.

    The fraction |r| ≤ ½ by the polynomial of degree 10 of least relative error
    (2·10⁻¹⁶, by Remez' exchange).
    """
    shifted = y + _ROUNDER
    r = y - (shifted - _ROUNDER)
    p = 7.037261231584191e-09
    p = p * r + 1.0208568278001783e-07
    p = p * r + 1.3215663187825013e-06
    p = p * r + 1.5252657965641215e-05
    p = p * r + 0.00015403529959830852
    p = p * r + 0.0013333558228807035
    p = p * r + 0.00961812910803622
    p = p * r + 0.05550410866445739
    p = p * r + 0.2402265069590876
    p = p * r + 0.6931471805599497
    p = p * r + 1.0
    # The whole part is added to the exponent's bits.
    return _from_bits(_bits(p) + (_bits(shifted) << 52))  # type: ignore[no-any-return]


@compiled(_EXACT)
def exponential(x: float) -> float:
    """Return e^x to a relative (5 + 2|x|)·10⁻¹⁶, x being held within ±708; NaN stays NaN."""
    x = -_LARGEST_EXPONENT if -_LARGEST_EXPONENT > x else x
    x = _LARGEST_EXPONENT if _LARGEST_EXPONENT < x else x
    return power_of_two(x * _LOG2_E)  # type: ignore[no-any-return]


@compiled(_EXACT)
def reciprocal(y: float) -> float:
    """Return 1/y for 1 ≤ y < 10³⁰⁰: a guess from the bits, then Newton; within 3·10⁻¹⁶.

    Several of these run at once in a vector unit, where a division waits for the last one.
    """
    guess = _from_bits(_RECIPROCAL - _bits(y))
    guess = guess * (2.0 - y * guess)
    guess = guess * (2.0 - y * guess)
    guess = guess * (2.0 - y * guess)
    return guess * (2.0 - y * guess)  # type: ignore[no-any-return]


@compiled(_EXACT)
def sigmoid(y: float) -> float:
    """Return σ(z) = 1/(1 + 2^y) for y = −z/ln 2, y being held within ±900; NaN stays NaN."""
    y = -_LARGEST_Z if -_LARGEST_Z > y else y
    y = _LARGEST_Z if _LARGEST_Z < y else y
    return reciprocal(1.0 + power_of_two(y))  # type: ignore[no-any-return]


@compiled(_EXACT)
def log_one_plus(u: float) -> float:
    """Return ln(1 + u) for 0 ≤ u ≤ 1 without a branch: 2 artanh(u/(2+u)) as a series.

    Sixteen terms leave a relative error below 2·10⁻¹⁶, for the argument is at most ⅓.
    """
    s = u / (2.0 + u)
    q = s * s
    p = 1.0 / 31.0
    p = p * q + 1.0 / 29.0
    p = p * q + 1.0 / 27.0
    p = p * q + 1.0 / 25.0
    p = p * q + 1.0 / 23.0
    p = p * q + 1.0 / 21.0
    p = p * q + 1.0 / 19.0
    p = p * q + 1.0 / 17.0
    p = p * q + 1.0 / 15.0
    p = p * q + 1.0 / 13.0
    p = p * q + 1.0 / 11.0
    p = p * q + 1.0 / 9.0
    p = p * q + 1.0 / 7.0
    p = p * q + 1.0 / 5.0
    p = p * q + 1.0 / 3.0
    p = p * q + 1.0
    return 2.0 * s * p


def in_blocks(values: FloatArray, filler: float | None = None) -> FloatArray:
    """Cut the last axis into equal blocks: shape (…, n) becomes (m, …, at most BLOCK).

    The last block is filled up with `filler`, or by default with the last value.
    """
    n = values.shape[-1]
    blocks = -(-n // BLOCK)
    length = -(-n // (blocks * _STEP)) * _STEP
    width = [(0, 0)] * (values.ndim - 1) + [(0, blocks * length - n)]
    if filler is None:
        padded = np.pad(values, width, mode="edge")
    else:
        padded = np.pad(values, width, constant_values=filler)
    cut = padded.reshape(*values.shape[:-1], blocks, length)
    return np.ascontiguousarray(np.moveaxis(cut, -2, 0))


# Inlined: a caller of its own would find it compiled alone in the process that compiles
# both, and compiled together with the caller where that is loaded from disk. The two
# differ in how they add up, in the last bits.
@compiled(_SUMS, inline="always")
def loss_and_gradient(
    x: FloatArray,
    density: FloatArray,
    linear: FloatArray,
    logistic: bool,
    hidden: int,
    theta: FloatArray,
    gradient: FloatArray,
    work: FloatArray,
) -> float:
    """Return Σ r φ(f(x)) − a f(x) and write its gradient by the parameters.

    Parameters
    ----------
    x : ndarray of float, shape (m, d, length)
        The events in blocks, see `in_blocks`.
    density, linear : ndarray of float, shape (m, length)
        r and a.
    logistic : bool
        Whether φ(f) is ln(1 + e^f), or e^f − 1.
    hidden : int
    theta, gradient : ndarray of float, shape (hidden (d + 2) + 1,)
        In the order of `Network`.
    work : ndarray of float, shape (hidden + 3, at least length)
        Rows f, its slope, a neuron's slope, and σ of each neuron.
    """
    _wide_vectors()
    d = x.shape[1]
    length = x.shape[2]
    bias = hidden * d
    out = bias + hidden
    last = out + hidden
    gradient[:] = 0.0
    loss = 0.0
    for block in range(x.shape[0]):
        for i in range(length):
            work[0, i] = theta[last]
        for j in range(hidden):
            row = 3 + j
            # In units of −ln 2, once for all events.
            b = -_LOG2_E * theta[bias + j]
            w_out = theta[out + j]
            if d == 1:
                w = -_LOG2_E * theta[j]
                for i in range(length):
                    s = sigmoid(b + w * x[block, 0, i])
                    work[row, i] = s
                    work[0, i] += w_out * s
            else:
                for i in range(length):
                    work[row, i] = b
                for k in range(d):
                    w = -_LOG2_E * theta[k * hidden + j]
                    for i in range(length):
                        work[row, i] += w * x[block, k, i]
                for i in range(length):
                    s = sigmoid(work[row, i])
                    work[row, i] = s
                    work[0, i] += w_out * s
        part = 0.0
        total = 0.0
        if logistic:
            for i in range(length):
                f = work[0, i]
                u = exponential(-abs(f))
                above = f > 0.0
                part += density[block, i] * (log_one_plus(u) + (f if above else 0.0))
                part -= linear[block, i] * f
                g = density[block, i] * (1.0 if above else u) * reciprocal(1.0 + u)
                g -= linear[block, i]
                work[1, i] = g
                total += g
        else:
            for i in range(length):
                f = work[0, i]
                e = exponential(f)
                part += density[block, i] * (e - 1.0) - linear[block, i] * f
                g = density[block, i] * e - linear[block, i]
                work[1, i] = g
                total += g
        loss += part
        gradient[last] += total
        for j in range(hidden):
            row = 3 + j
            w_out = theta[out + j]
            by_out = 0.0
            by_bias = 0.0
            if d == 1:
                by_w = 0.0
                for i in range(length):
                    s = work[row, i]
                    gs = work[1, i] * s
                    by_out += gs
                    back = gs - gs * s
                    by_bias += back
                    by_w += back * x[block, 0, i]
                gradient[j] += w_out * by_w
            else:
                for i in range(length):
                    s = work[row, i]
                    gs = work[1, i] * s
                    by_out += gs
                    work[2, i] = gs - gs * s
                    by_bias += work[2, i]
                for k in range(d):
                    by_w = 0.0
                    for i in range(length):
                        by_w += work[2, i] * x[block, k, i]
                    gradient[k * hidden + j] += w_out * by_w
            gradient[out + j] += by_out
            gradient[bias + j] += w_out * by_bias
    return loss


@compiled(_SUMS)
def run_epochs(
    x: FloatArray,
    density: FloatArray,
    linear: FloatArray,
    logistic: bool,
    hidden: int,
    epochs: int,
    optimizer: FloatArray,
    theta: FloatArray,
    moments: FloatArray,
    best: FloatArray,
    state: FloatArray,
) -> bool:
    """Train for a number of full-batch Adam steps, in place; return whether all went well.

    Parameters
    ----------
    x, density, linear, logistic, hidden
        As for `loss_and_gradient`.
    epochs : int
        Steps to take.
    optimizer : ndarray of float, shape (5,)
        Learning rate, β₁, β₂, ε and the bound on the weights, infinite if none.
    theta : ndarray of float, shape (p,)
        The parameters, moved.
    moments : ndarray of float, shape (2, p)
        Adam's m and v.
    best : ndarray of float, shape (p,)
        The parameters of the least loss seen.
    state : ndarray of float, shape (5,)
        The least loss, its epoch, β₁ and β₂ to the power of the epoch, the epoch.

    Returns
    -------
    bool
        False if the loss or a parameter was infinite or NaN: the training
        stopped there.
    """
    rate, beta_1, beta_2, epsilon, clip = optimizer
    size = theta.size
    weights = hidden * x.shape[1]
    gradient = np.empty(size)
    work = np.empty((hidden + 3, BLOCK))
    for _ in range(epochs):
        loss = loss_and_gradient(x, density, linear, logistic, hidden, theta, gradient, work)
        if not math.isfinite(loss):
            return False
        if loss < state[BEST_LOSS]:
            state[BEST_LOSS] = loss
            state[BEST_EPOCH] = state[EPOCH]
            best[:] = theta
        state[POWER_1] *= beta_1
        state[POWER_2] *= beta_2
        state[EPOCH] += 1.0
        # Keras' form of Adam: ε stands beside sqrt(v), not beside the corrected one.
        step = rate * math.sqrt(1.0 - state[POWER_2]) / (1.0 - state[POWER_1])
        for k in range(size):
            g = gradient[k]
            moments[0, k] += (g - moments[0, k]) * (1.0 - beta_1)
            moments[1, k] += (g * g - moments[1, k]) * (1.0 - beta_2)
            theta[k] -= step * moments[0, k] / (math.sqrt(moments[1, k]) + epsilon)
        if clip < math.inf:
            for k in range(size - 1):
                if k < weights or k >= weights + hidden:
                    theta[k] = min(max(theta[k], -clip), clip)
    return True
