"""Columns that the user adds: an expression, a branch of the files, or a function."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from eμsym.effects import effect_of
from eμsym.errors import ConfigurationError, DataError, EmusymError
from eμsym.exchange import Exchange, OwnEffect
from eμsym.expression import Expression
from eμsym.pool import FAKE
from eμsym.processors.columns import TYPES
from eμsym.processors.formats import Field, Format


@dataclass(frozen=True)
class OwnColumn:
    """A column of the user's.

    Parameters
    ----------
    name : str
        What to call it.
    value : str, optional
        An expression over the columns before it, see `eμsym.expression.Expression`.
    branch : str, optional
        A branch with one number an event, such as ``ScalarHT.HT``.
    function : callable, optional
        Of the events of a chunk, returning one number each; not from a file.
    label : str, optional
        What an axis calls it, with its unit: "S_T [GeV]". Default: its name.
    exchange : str, optional
        What the exchange of the two samples does to it: "unchanged", "swapped" with the
        column `partner`, "flipped" in sign, or "not comparable". Default: of an expression
        what follows from the columns in it, else "not comparable".
    partner : str, optional
        The column that it changes places with, if it is swapped.

    Raises
    ------
    ConfigurationError
        If the name cannot be one or is taken, or there is not one of value, branch and
        function.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    name: str
    value: str | None = None
    branch: str | None = None
    function: Callable[[Any], Any] | None = None
    label: str | None = None
    exchange: str | None = None
    partner: str | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or keyword.iskeyword(self.name):
            raise ConfigurationError(
                f"columns: {self.name!r} cannot be the name of a column; use letters, digits and _"
            )
        if self.name in (*TYPES, FAKE):
            raise ConfigurationError(
                f"columns: there is a column {self.name!r} already; choose another name"
            )
        given = [x for x in ("value", "branch", "function") if getattr(self, x) is not None]
        if len(given) != 1:
            raise ConfigurationError(
                f"column {self.name!r}: give one of value (an expression) and branch; "
                f"{' and '.join(given) or 'none'} is given"
            )
        if self.value is not None:
            try:
                Expression(self.value)
            except ConfigurationError as error:
                raise ConfigurationError(f"column {self.name!r}: {error}") from error
        if self.exchange is not None:
            self._stated()

    def _stated(self) -> OwnEffect:
        return OwnEffect(self.name, self.exchange, self.partner)  # type: ignore[arg-type]

    def effect(self, exchange: Exchange) -> OwnEffect:
        """Return what an exchange does to the column."""
        if self.exchange is not None:
            return self._stated()
        if self.value is None:
            return OwnEffect(self.name, "not comparable")
        return OwnEffect(self.name, effect_of(Expression(self.value), exchange))

    def values(
        self, columns: Mapping[str, Any], branches: Mapping[str, Any], events: Any, selected: Any
    ) -> NDArray[Any]:
        """Return the column of the selected events of a chunk.

        Parameters
        ----------
        columns : mapping of str to array of shape (m,)
            Those of the m selected events, for expressions.
        branches : mapping of str to array of shape (n,)
            Those of all n events of the chunk, by the names of the user's columns.
        events : NanoEvents
            These events, for functions.
        selected : array of int, shape (m,)
            Which of these n they are.

        Raises
        ------
        ConfigurationError, DataError
            If there is no such column, or not one possible number an event.
        """
        try:
            if self.value is not None:
                return Expression(self.value).value(columns)
            if self.function is not None:
                found = _numbers(self.function(events), len(events), "the function")
            else:
                found = _numbers(branches[self.name], len(events), f"branch {self.branch}")
            return np.asarray(found[selected])
        except EmusymError as error:
            raise type(error)(f"column {self.name!r}: {error}") from error


def with_branches(file_format: Format, columns: Sequence[OwnColumn]) -> Format:
    """Return a format that also needs, and so reads, the branches of the user's columns."""
    asked = {c.name: branch_of(file_format, c.branch) for c in columns if c.branch is not None}
    return replace(file_format, extra={**file_format.extra, **asked})


def branch_of(file_format: Format, branch: str) -> Field:
    """Return where the numbers of a branch stand.

    In files whose branches are nested in collections, as Delphes' are, ``ScalarHT.HT`` is
    ``ScalarHT/ScalarHT.HT``, with as many values as ``ScalarHT_size`` says.
    """
    collection, dot, member = branch.partition(".")
    if dot and any("/" in known for known in file_format.branches):
        path = (collection, member)
        return Field(path, counts=f"{collection}_size", branch=f"{collection}/{branch}")
    collection, _, member = branch.partition("_")  # NanoAOD's schema makes PV.npvs of PV_npvs
    return Field((collection, member) if member else (branch,), branch=branch)


def _numbers(values: Any, n: int, what: str) -> NDArray[Any]:
    """Return one number an event, of an array or of lists of one number each."""
    try:
        array = ak.Array(values) if not isinstance(values, ak.Array) else values
        if array.ndim == 2 and ak.all(ak.num(array) == 1):
            array = ak.flatten(array)
        found = np.asarray(ak.to_numpy(array, allow_missing=False))
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} does not give one number for every event") from error
    if found.shape != (n,) or found.dtype.kind not in "biuf":
        raise DataError(
            f"{what} gives {found.dtype} of the shape {found.shape} for {n} events; it must be "
            "one number each"
        )
    return found if found.dtype == np.bool_ else found.astype(np.float64)
