"""How ROOT files are opened: those on a disk here in this thread alone, others by uproot's way."""

from __future__ import annotations

from typing import Any

import uproot

from eμsym.processors.urls import here, is_url


def opened_root(path: str) -> Any:
    """Return an open ROOT file, an `uproot.ReadOnlyDirectory`, to be used in ``with``.

    Parameters
    ----------
    path : str
        A local path, whatever is in its name, or what uproot opens on a server.

    Notes
    -----
    uproot reads local files as it does remote ones, in an event loop in a thread of its own:
    of small files that is more work than the reading.
    """
    path = here(path)
    local: dict[str, Any] = {}
    if not is_url(path):
        local = {"handler": uproot.MultithreadedFileSource, "use_threads": False}
    # The mapping form keeps colons in paths from being taken for tree names. What is read is
    # kept by whoever reads it.
    return uproot.open({path: None}, array_cache=None, **local)
