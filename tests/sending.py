"""What a worker process receives."""

from __future__ import annotations

from multiprocessing import Pipe
from typing import Any


def received(value: Any) -> Any:
    """Return a value after it went through what a pool sends to its workers."""
    near, far = Pipe()
    with near, far:
        near.send(value)
        return far.recv()
