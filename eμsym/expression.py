"""Expressions over columns, in ROOT's or numexpr's spelling: values, cuts and regions.

`formulate` parses the text, and its tree is walked here over a list of what is allowed:
nothing is ever run as Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import formulate
import numpy as np
from formulate.AST import AST, BinaryOperator, Call, Literal, Symbol, UnaryOperator
from numpy.typing import NDArray

from eμsym.arrays import BoolArray
from eμsym.errors import ConfigurationError, DataError

_CONSTANTS: dict[str, float | bool] = {"pi": np.pi, "exp1": np.e, "true": True, "false": False}

_COMPARISONS: dict[str, Callable[..., Any]] = {
    "lt": np.less,
    "gt": np.greater,
    "lte": np.less_equal,
    "gte": np.greater_equal,
    "eq": np.equal,
    "neq": np.not_equal,
}
_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "mod": np.fmod,  # as C, and with it ROOT and numexpr, have it
    "pow": np.power,
}
_ORDERS = ("lt", "gt", "lte", "gte")
_LOGIC = ("and", "or")

_OF_ONE: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        *("sqrt", "abs", "log", "log10", "log2", "log1p", "exp", "expm1", "ceil", "floor"),
        *("sin", "cos", "tan", "arcsin", "arccos", "arctan"),
        *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    )
}
_OF_TWO: dict[str, Callable[..., Any]] = {
    "arctan2": np.arctan2,
    "pow": np.power,
    "min": np.minimum,
    "max": np.maximum,
    "tmath_min": np.minimum,
    "tmath_max": np.maximum,
}
_ARGUMENTS = {**dict.fromkeys(_OF_ONE, 1), **dict.fromkeys(_OF_TWO, 2), "where": 3}
_FUNCTIONS = sorted(name for name in _ARGUMENTS if not name.startswith("tmath"))

#: Nobody writes a longer one by hand, and a tree is walked a step a level.
MOST_CHARACTERS, MOST_LEVELS = 2000, 150

_TOKEN = re.compile(r"\s*(&&|\|\||[<>=!]=|\*\*|::|[\w.]+\$?|\S)")
_WORDS = {"and": "&&", "or": "||"}
_ENDS_NOT = {"and", "or", "&&", "||", ")", ","}


@dataclass(frozen=True)
class Expression:
    """A number or a condition of every event, written as text.

    Conditions are joined by ``and``, ``or``, ``not``, by ROOT's ``&&``, ``||``, ``!``, or by
    numexpr's ``&``, ``|``, ``~``. Functions may have ``TMath::`` before them. The right side
    of an ``and`` is only asked of events for which the left one holds, as in C.

    Parameters
    ----------
    text : str

    Raises
    ------
    ConfigurationError
        If it is none, or has a function or an operator that is not known here.

    Examples
    --------
    >>> cut = Expression("n_bjets == 0 and met > 30")
    >>> cut.names
    ('n_bjets', 'met')
    >>> cut.condition({"n_bjets": [0, 0, 1], "met": [20.0, 40.0, 50.0]}).tolist()
    [False, True, False]
    """

    text: str

    def __post_init__(self) -> None:
        parsed(self.text)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns that it reads, in the order in which they stand in it."""
        found = (node.name for node in _nodes(parsed(self.text)) if isinstance(node, Symbol))
        return tuple(dict.fromkeys(name for name in found if name not in _CONSTANTS))

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The numbers that stand in it, in their order."""
        found = (node.value for node in _nodes(parsed(self.text)) if isinstance(node, Literal))
        return tuple(map(float, found))

    def check(self, known: Iterable[str]) -> None:
        """Raise a `ConfigurationError` if it reads a column that is not among those known."""
        known = list(known)
        for name in self.names:
            if name not in known:
                raise ConfigurationError(
                    f"{self.text!r}: no column {name!r}; there are {', '.join(known)}"
                )

    def value(self, columns: Mapping[str, Any]) -> NDArray[Any]:
        """Return its value for every event, shape (n,): float64, or bool of a condition.

        Parameters
        ----------
        columns : mapping of str to array of shape (n,)

        Raises
        ------
        ConfigurationError
            If there is no such column.
        DataError
            If it divides by zero or is else no finite number, though all that enters is.
            What is made of NaN, a jet that is not there, is NaN, and compares as false.
        """
        self.check(columns)
        n = len(next(iter(columns.values()))) if columns else 0
        walk = _Walk(self.text, columns, n)
        with np.errstate(all="ignore"):
            found = walk.value(parsed(self.text), np.ones(n, dtype=bool))
        return np.broadcast_to(found, (n,)).copy()

    def condition(self, columns: Mapping[str, Any]) -> BoolArray:
        """Return for every event whether it holds, shape (n,); errors as for `value`."""
        found = self.value(columns)
        if found.dtype != np.bool_:
            raise ConfigurationError(
                f"{self.text!r}: is a number, not a condition; compare it with something, as in "
                "met > 30"
            )
        return found


@lru_cache(maxsize=256)
def parsed(text: str) -> AST:
    """Return the tree of an expression, all of it allowed; errors as for `Expression`."""
    if not text.strip():
        raise ConfigurationError(f"{text!r}: is no expression, there is nothing in it")
    if len(text) > MOST_CHARACTERS:
        raise ConfigurationError(
            f"{text[:40]!r}…: is longer than {MOST_CHARACTERS} characters; name parts of it as "
            "columns of their own"
        )
    if "^" in text:
        raise ConfigurationError(
            f"{text!r}: '^' is a power to ROOT and an exclusive or to numexpr; write ** or !="
        )
    tokens = _TOKEN.findall(text)
    try:
        if _is_numexpr(tokens):
            tree = formulate.from_numexpr(text)
        else:
            tree = formulate.from_root(" ".join(_in_root_spelling(tokens)))
    except formulate.ParseError as error:
        place = getattr(error.lark_error, "token", None) or getattr(error.lark_error, "char", "")
        near = f", at {str(place)!r}" if str(place) else ""
        tight = "; & and | bind tighter than comparisons, which so need brackets around them"
        raise ConfigurationError(
            f"{text!r}: is no expression in the spelling of ROOT or of numexpr{near}"
            f"{tight if _is_numexpr(tokens) else ''}"
        ) from error
    except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
        raise ConfigurationError(f"{text!r}: {' '.join(str(error).split())}") from error
    _check(tree, text)
    return tree


def _is_numexpr(tokens: list[str]) -> bool:
    """Tell numexpr's spelling, whose & and | bind tighter than comparisons, from ROOT's."""
    return bool({"&", "|", "~"} & set(tokens))


def _in_root_spelling(tokens: list[str]) -> list[str]:
    """Write and, or, not as ROOT does; ``not`` reaches as far as in Python."""
    out, i = [], 0
    while i < len(tokens):
        token = tokens[i]
        if token == "not":
            end = _end_of_not(tokens, i + 1)
            out += ["!", "(", *_in_root_spelling(tokens[i + 1 : end]), ")"]
            i = end
        else:
            out.append(_WORDS.get(token, token))
            i += 1
    return out


def _end_of_not(tokens: list[str], start: int) -> int:
    depth = 0
    for i in range(start, len(tokens)):
        if depth == 0 and tokens[i] in _ENDS_NOT:
            return i
        depth += {"(": 1, ")": -1}.get(tokens[i], 0)
    return len(tokens)


def _check(tree: AST, text: str) -> None:
    """Refuse what is not on the lists above, before there is any event."""
    levels = [(tree, 1)]
    while levels:
        node, level = levels.pop()
        if level > MOST_LEVELS:
            raise ConfigurationError(
                f"{text[:40]!r}…: is nested more than {MOST_LEVELS} levels deep; name parts of it "
                "as columns of their own"
            )
        problem = _problem(node)
        if problem:
            raise ConfigurationError(f"{text!r}: {problem}")
        levels += [(child, level + 1) for child in _children(node)]


def _nodes(tree: AST) -> Iterator[AST]:
    """Yield all nodes, in the order in which they stand in the text."""
    left = [tree]
    while left:
        yield (node := left.pop())
        left += reversed(_children(node))


def _children(node: AST) -> tuple[AST, ...]:
    if isinstance(node, BinaryOperator):
        return node.left, node.right
    if isinstance(node, UnaryOperator):
        return (node.operand,)
    return tuple(node.arguments) if isinstance(node, Call) else ()


def _problem(node: AST) -> str | None:
    """Return what is not allowed of a node itself."""
    if isinstance(node, Literal | Symbol | UnaryOperator):
        return None
    if isinstance(node, BinaryOperator):
        if node.operator in _ORDERS and _is_order(node.left):
            return "comparisons in a row are not joined; write a < b and b < c"
        known = node.operator in (*_LOGIC, *_COMPARISONS, *_ARITHMETIC)
        return None if known else f"the operator {node.operator!r} is not known here"
    if not isinstance(node, Call):
        return "a column has one value an event, which no index chooses"
    expected = _ARGUMENTS.get(node.function)
    if expected is None:
        return f"no function {node.function!r}; there are {', '.join(_FUNCTIONS)}"
    if len(node.arguments) != expected:
        return f"{node.function} takes {expected} argument(s), {len(node.arguments)} are given"
    return None


def _is_order(node: AST) -> bool:
    return isinstance(node, BinaryOperator) and node.operator in _ORDERS


@dataclass(frozen=True)
class _Walk:
    """One evaluation: the columns of n events, and what to say of an impossible value."""

    text: str
    columns: Mapping[str, Any]
    n: int

    def value(self, node: AST, needed: BoolArray) -> Any:
        """Return the value of a node; only of the needed events must it be possible."""
        if isinstance(node, Literal):
            return np.float64(node.value)
        if isinstance(node, Symbol):
            return self._symbol(node.name)
        if isinstance(node, UnaryOperator):
            operand = self.value(node.operand, needed)
            if node.operator == "inv":
                return ~_as_condition(operand)
            return -_as_number(operand) if node.operator == "neg" else _as_number(operand)
        if isinstance(node, BinaryOperator):
            return self._binary(node, needed)
        assert isinstance(node, Call)
        return self._call(node, needed)

    def _symbol(self, name: str) -> Any:
        if name in _CONSTANTS and name not in self.columns:
            return np.asarray(_CONSTANTS[name])
        values = np.asarray(self.columns[name])
        return values if values.dtype == np.bool_ else values.astype(np.float64)

    def _binary(self, node: BinaryOperator, needed: BoolArray) -> Any:
        left = self.value(node.left, needed)
        if node.operator in _LOGIC:
            left = _as_condition(left)
            ask = needed & (left if node.operator == "and" else ~left)
            right = _as_condition(self.value(node.right, ask))
            return left & right if node.operator == "and" else left | right
        right = self.value(node.right, needed)
        if node.operator in _COMPARISONS:
            return _COMPARISONS[node.operator](_as_number(left), _as_number(right))
        return self._numbers(node.operator, _ARITHMETIC[node.operator], [left, right], needed)

    def _call(self, node: Call, needed: BoolArray) -> Any:
        if node.function == "where":
            chosen = _as_condition(self.value(node.arguments[0], needed))
            yes = self.value(node.arguments[1], needed & chosen)
            no = self.value(node.arguments[2], needed & ~chosen)
            return np.where(chosen, yes, no)
        function = {**_OF_ONE, **_OF_TWO}[node.function]
        arguments = [self.value(argument, needed) for argument in node.arguments]
        return self._numbers(node.function, function, arguments, needed)

    def _numbers(
        self, name: str, function: Callable[..., Any], given: list[Any], needed: BoolArray
    ) -> Any:
        """Return a function of numbers, which is finite wherever they all are."""
        arguments = [_as_number(each) for each in given]
        result = function(*arguments)
        bad = needed & ~np.isfinite(result)
        for each in arguments:
            bad = bad & np.isfinite(each)
        if (count := int(np.count_nonzero(bad))) > 0:
            zero = name in ("div", "mod") and np.any(bad & (arguments[1] == 0))
            what = "divides by zero" if zero else f"{name} is no finite number"
            raise DataError(
                f"{self.text!r}: {what} in {count:,} of {self.n:,} events; ask before, as in "
                "met > 0 and lead_pt / met > 2"
            )
        return result


def _as_number(values: Any) -> Any:
    return np.asarray(values).astype(np.float64)


def _as_condition(values: Any) -> Any:
    """Return numbers as C has them as conditions: true unless zero; NaN is none, so false."""
    values = np.asarray(values)
    return values if values.dtype == np.bool_ else (values != 0) & ~np.isnan(values)
