"""Expressions over columns, against the same arithmetic in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eμsym.errors import ConfigurationError, DataError
from eμsym.expression import Expression
from tests.sending import received

ROWS = [
    {"x": 1.5, "y": -2.0, "n": 0, "flag": True},
    {"x": 0.25, "y": 3.0, "n": 2, "flag": False},
    {"x": 7.0, "y": 0.5, "n": 1, "flag": True},
    {"x": 2.0, "y": 2.0, "n": 3, "flag": False},
]
COLUMNS = {
    "x": np.array([row["x"] for row in ROWS], dtype=np.float32),
    "y": np.array([row["y"] for row in ROWS]),
    "n": np.array([row["n"] for row in ROWS], dtype=np.int32),
    "flag": np.array([row["flag"] for row in ROWS]),
}
PYTHON = {
    **{name: getattr(math, name) for name in ("sqrt", "cosh", "cos", "atan2", "log", "hypot")},
    "abs": abs,
    "max": max,
}


@pytest.mark.parametrize(
    "text, python",
    [
        ("x + y * 2 - 1", None),
        ("-x ** 2 / 4", None),
        ("2 ** 3 ** 0.5 * x", None),
        ("sqrt(abs(y)) + max(x, y)", None),
        ("TMath::Sqrt(TMath::Abs(y)) + TMath::Max(x, y)", "sqrt(abs(y)) + max(x, y)"),
        ("sqrt(2 * x * (cosh(y) - cos(n)))", None),
        ("atan2(y, x) + pi", f"atan2(y, x) + {math.pi}"),
        ("arctan2(y, x)", "atan2(y, x)"),
        ("where(x > 1, 1 / x, y)", "1 / x if x > 1 else y"),
        ("n == 0 and x > 1", None),
        ("n == 0 && x > 1 || !flag", "n == 0 and x > 1 or not flag"),
        ("(n == 0) & (x > 1) | ~flag", "n == 0 and x > 1 or not flag"),
        ("not n == 0 and not (x > 1 or flag)", None),
        ("not n + 1 == 1 or flag", None),
        ("flag == (x > 1)", None),
        ("x != 2", None),
        ("n > 0 and x / n > 1", None),
        ("n == 0 or x / n > 1", None),
    ],
)
def test_values_are_those_of_plain_python(text: str, python: str | None) -> None:
    code = compile(python or text, "python", "eval")
    expected = [eval(code, {**PYTHON, **row}) for row in ROWS]
    np.testing.assert_allclose(Expression(text).value(COLUMNS), expected, rtol=1e-12)


def test_conditions_are_bool_and_names_are_told() -> None:
    cut = Expression("n == 0 and x > 1 or x > pi")
    assert cut.names == ("n", "x")
    assert cut.condition(COLUMNS).tolist() == [True, False, True, False]
    assert received(cut).condition(COLUMNS).dtype == bool


def test_what_is_not_there_is_nan_and_fails_every_comparison() -> None:
    jets = {"pt": np.array([50.0, np.nan]), "n": np.array([1, 0])}
    assert np.isnan(Expression("2 * pt + 1").value(jets)).tolist() == [False, True]
    for text in ("pt > 30", "pt <= 30", "pt == pt", "pt and n < 5"):
        assert not Expression(text).condition(jets)[1]
    assert Expression("not pt > 30").condition(jets).tolist() == [False, True]


@pytest.mark.parametrize(
    "text, message",
    [
        ("x / n", "divides by zero in 1 of 4 events"),
        ("x % (n - 1)", "divides by zero in 1 of 4 events"),
        ("log(y)", "log is no finite number in 1 of 4 events"),
        ("sqrt(y) > 0", "sqrt is no finite number in 1 of 4 events"),
        ("exp(1000 * n)", "exp is no finite number in 3 of 4 events"),
        ("atan2(1 / n, 1)", "divides by zero in 1 of 4 events"),
    ],
)
def test_impossible_values_are_one_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        Expression(text).value(COLUMNS)
    assert "\n" not in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "there is nothing in it"),
        ("x +", "is no expression in the spelling of ROOT or of numexpr"),
        ("((x", "is no expression"),
        ("x y", "is no expression .* at 'y'"),
        ("not", "is no expression"),
        ("x > 1 & y > 2", "& and | bind tighter than comparisons"),
        ("1 < x < 2", "comparisons in a row"),
        ("x ^ 2", "'\\^' is a power to ROOT"),
        ("x[0]", "no index"),
        ("x:y", "multi_out"),
        ("sum(x)", "no function 'sum'; there are abs, "),
        ("sqrt(x, y)", "sqrt takes 1 argument"),
        ("system('ls')", "is no expression"),
        ("__import__(x)", "Unknown function"),
        ("x.__class__", "no column 'x.__class__'; there are x, y, n, flag"),
        ("z + 1", "no column 'z'; there are x, y, n, flag"),
        ("1e999", "no column 'inf'"),
        ("-" * 500 + "x", "nested more than 150 levels"),
        ("x + " * 600 + "x", "longer than 2000 characters"),
    ],
)
def test_what_is_no_expression_is_one_line(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Expression(text).value(COLUMNS)
    assert "\n" not in str(caught.value)


def test_a_number_is_no_condition() -> None:
    with pytest.raises(ConfigurationError, match="'x': is a number, not a condition"):
        Expression("x").condition(COLUMNS)
