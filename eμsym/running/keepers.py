"""Where the loop's answers go: into memory, or to a store on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class Keeper(Protocol):
    """Keeps answers as they are done.

    Attributes
    ----------
    where : str
        What messages on lost workers begin with, as "folder: ".
    remedy : str
        What they say is to be done.
    """

    @property
    def where(self) -> str:
        """The place."""
        ...  # pragma: no cover

    @property
    def remedy(self) -> str:
        """The remedy."""
        ...  # pragma: no cover

    def note(self, answers: Sequence[Any]) -> str:
        """Look at answers as they come in; return what stands beside the bar."""
        ...  # pragma: no cover

    def keep(self, tasks: Sequence[Any], answers: Sequence[Any]) -> None:
        """Keep answers; the same ones may come twice if this was interrupted."""
        ...  # pragma: no cover


@dataclass
class InMemory:
    """Answers by their tasks.

    Attributes
    ----------
    answers : dict
    """

    answers: dict[Any, Any] = field(default_factory=dict)
    where: str = ""
    remedy: str = "run again with fewer workers"

    def note(self, answers: Sequence[Any]) -> str:
        """Return nothing."""
        return ""

    def keep(self, tasks: Sequence[Any], answers: Sequence[Any]) -> None:
        """Keep answers."""
        self.answers.update(zip(tasks, answers, strict=True))
