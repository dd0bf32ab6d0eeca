"""What stands in place of a result that cannot be had."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Why there is no result, in one line."""

    reason: str

    def to_dict(self) -> dict[str, str]:
        """Return the reason, for JSON."""
        return {"problem": self.reason}
