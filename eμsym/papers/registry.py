"""What an entry of the papers is: how a figure or a number is made, shown and drawn.

Nothing here imports a library, so that the list of all entries is there at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

SCHEMA, VERSION = "emusym/reproduced", 1


@dataclass(frozen=True)
class Deferred:
    """A function whose module is imported when it is called first, and not to list it.

    Parameters
    ----------
    module, name : str
    """

    module: str
    name: str

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function."""
        return self.function(*arguments, **options)

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        found: Callable[..., Any] = getattr(import_module(self.module), self.name)
        return found


@dataclass(frozen=True)
class Option:
    """An option of computing anew.

    Parameters
    ----------
    flag : str
        As it is typed: "--toys". The function gets it by this name without dashes.
    help : str
    kind : type
        ``int``, ``float``, or ``str``.
    minimum : int, optional
        Of an ``int``.
    above : float, optional
        What a ``float`` must be above.
    metavar : str, optional
        What the help calls its value; "PATH" for that of a file.
    """

    flag: str
    help: str
    kind: type = int
    minimum: int | None = None
    above: float | None = None
    metavar: str | None = None

    @property
    def name(self) -> str:
        """The name of the function's argument."""
        return self.flag.lstrip("-")


class Said(Protocol):
    """A number or a statement of a paper, beside ours: see `eμsym.papers.sym_claims.Claim`."""

    def to_dict(self) -> dict[str, Any]:
        """Return it, for JSON."""


#: What is said, by the figure of the paper that it belongs to.
Claims = Mapping[str, Sequence[Said]]


@dataclass(frozen=True)
class Part:
    """What a paper says with one figure, where those of several figures are told together.

    Parameters
    ----------
    figure : str
    needs : tuple of str
        As of `Reproducible`.
    claims : callable
        ``claims(found)`` returns what the paper says with this figure, beside ours.
    """

    figure: str
    needs: tuple[str, ...]
    claims: Callable[[Any], Sequence[Any]]


def no_claims(found: Any) -> Claims:
    """Return nothing: what a figure says that no paper prints a number for."""
    return {}


@dataclass(frozen=True)
class Reproducible:
    """A figure of a paper, or its numbers.

    Parameters
    ----------
    name : str
        What ``emusym reproduce`` is given.
    what : str
        One line, for the list.
    stored : callable
        ``stored(needs)`` reads what all else is made of, from what is stored.
    needs : tuple of str
        Names of the stored results; what they are is up to `stored` and `compute`.
    compute : callable, optional
        ``compute(needs, folder, say, **options)`` makes the same anew. What it keeps on
        the way it puts into the folder, and it tells a user who waits by ``say(text)``.
    claims : callable
        ``claims(found)`` returns what the paper says beside ours, by figure.
    draw : callable, optional
        ``draw(found, style)`` returns a matplotlib figure.
    report : callable
        ``report(found, claims)`` returns what is printed: tables (`eμsym.papers.tables`)
        and paragraphs.
    record : callable, optional
        ``record(found, claims)`` returns what is written as JSON. Without it the claims.
    options : tuple of Option
        Of `compute`. One that is not given is not handed on.
    recompute : str
        What computing anew means, and how long it takes; for the help.
    about : str
        One sentence for the entry's own help, where that is to be another than `what`.
    """

    name: str
    what: str
    stored: Callable[[tuple[str, ...]], Any]
    needs: tuple[str, ...] = ()
    compute: Callable[..., Any] | None = None
    claims: Callable[[Any], Claims] = no_claims
    draw: Callable[[Any, Any], Any] | None = None
    report: Callable[[Any, Claims], Iterable[Any]] = field(
        default=Deferred("eμsym.papers.tables", "claim_tables")
    )
    record: Callable[[Any, Claims], dict[str, Any]] | None = None
    options: tuple[Option, ...] = ()
    recompute: str = "Compute anew, not from stored results."
    about: str = ""

    def to_dict(self, found: Any, claims: Claims) -> dict[str, Any]:
        """Return what is written beside the figure, for JSON."""
        if self.record is not None:
            return self.record(found, claims)
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "figure": self.name,
            "claims": [each.to_dict() for group in claims.values() for each in group],
        }
