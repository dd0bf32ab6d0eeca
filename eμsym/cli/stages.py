"""What is being done, a line a stage, on standard error."""

from __future__ import annotations

import contextlib
import sys


def say_stage(line: str) -> None:
    """Tell of a stage that begins; where there is a bar, it stands below.

    Nothing fails for want of somebody who listens.
    """
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)
