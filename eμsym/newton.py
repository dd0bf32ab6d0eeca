"""Newton's method with damped steps, for the smooth convex functions that are fitted here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from eμsym.arrays import FloatArray
from eμsym.errors import DataError

#: A step is halved so often at most: after that it no longer moves a float.
MAX_HALVINGS = 60


@dataclass(frozen=True, eq=False)
class NewtonStep:
    """A step −H⁻¹g from a point with gradient g and second derivatives H.

    Attributes
    ----------
    direction : ndarray of float, shape (k,)
        The whole step.
    decrement : float
        gᵀH⁻¹g, twice what a parabola would still fall by.
    longest : float
        The share of the step that is tried first.
    """

    direction: FloatArray
    decrement: float
    longest: float = 1.0


class NewtonPoint(Protocol):
    """A point of the function: where it is, the value there, and the step from it."""

    @property
    def theta(self) -> FloatArray:
        """The parameters, shape (k,)."""

    @property
    def value(self) -> float:
        """The function's value."""

    def newton_step(self) -> NewtonStep:
        """Return the step; asked for once, and only where the search has moved to."""


Point = TypeVar("Point", bound=NewtonPoint)


class NotConvergedError(DataError):
    """A search that ended before its minimum.

    Attributes
    ----------
    point : NewtonPoint
        Where it ended.
    """

    def __init__(self, message: str, point: NewtonPoint) -> None:
        super().__init__(message)
        self.point = point

    def __reduce__(self) -> tuple[type[DataError], tuple[str]]:
        """Leave the point behind where it goes to another process."""
        return DataError, (str(self),)


def newton(
    at: Callable[[FloatArray], Point],
    start: Point,
    *,
    tolerance: float,
    relative: float = 0.0,
    last: float = 0.0,
    decrease: float = 0.0,
    rounding: float = 0.0,
    max_steps: int,
    what: str,
    remedy: str,
) -> Point:
    """Return the point where the function is smallest.

    A step is halved until the value no longer rises. One that cannot lower the
    value by more than its rounding has arrived.

    Parameters
    ----------
    at : callable
        Returns the point of parameters of shape (k,).
    start : NewtonPoint
    tolerance, relative : float
        It ends at a decrement of `tolerance`, or of `relative` times |value|.
    last : float
        A step from a smaller decrement is the last: it squares the error.
    decrease : float
        The share of what the slope promises by which a step must lower the value
        (Armijo, Pacific J. Math. 16 (1966) 1).
    rounding : float
        Rounding error of the values: a step may raise the value by as much.
    max_steps : int
    what, remedy : str
        Of the error's line: what is fitted, and what the user can do.

    Returns
    -------
    NewtonPoint
        As made by `at`; or `start`, if that is the minimum.

    Raises
    ------
    NotConvergedError
        A `DataError`, if it has not arrived after so many steps, or no part of a step lowers the
        value.
    """
    point, decrement = start, float("inf")
    for _ in range(max_steps):
        step = point.newton_step()
        decrement = step.decrement
        if decrement <= max(tolerance, relative * abs(point.value)):
            return point
        length = step.longest
        for _ in range(MAX_HALVINGS):
            trial = at(point.theta + length * step.direction)
            if trial.value <= point.value - decrease * length * decrement + rounding:
                break
            length /= 2
        else:
            break
        point = trial
        if decrement < last:
            return point
    if decrement <= rounding:
        return point
    raise NotConvergedError(
        f"{what}: no minimum was reached in {max_steps} steps of Newton's method (it may still "
        f"fall by {decrement / 2:.2g}); {remedy}",
        point,
    )
