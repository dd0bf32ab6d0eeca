"""ROOT files whose bytes are those of their content: no date, and no identity by chance."""

from __future__ import annotations

import datetime
import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hist
import numpy as np

#: The first day that ROOT's dates can say.
_NO_DATE = datetime.datetime(1995, 1, 1)


@contextmanager
def root_file(path: Path, identity: uuid.UUID) -> Iterator[Any]:
    """Give a new ROOT file to write into, that has the same bytes for the same content.

    Parameters
    ----------
    path : Path
    identity : UUID
        Is written into the file; of another content it should be another one.

    Yields
    ------
    uproot.WritableDirectory
    """
    import uproot

    # By its path, uproot would write its name of the moment into it.
    with (
        undated(),
        path.open("w+b") as stream,
        uproot.recreate(stream, uuid_function=lambda: identity) as file,
    ):
        yield file


def identity_of(
    histograms: Mapping[str, hist.Hist], columns: Mapping[str, Any] | None = None
) -> uuid.UUID:
    """Return the identity of a file with these histograms and columns: the same for the same.

    Parameters
    ----------
    histograms : mapping of str to hist.Hist
    columns : mapping of str to array, optional
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, histogram in histograms.items():
        digest.update(f"{name}\0{histogram.axes!r}\0".encode())
        digest.update(np.ascontiguousarray(histogram.view(flow=True)).tobytes())
    for name, values in (columns or {}).items():
        digest.update(f"{name}\0".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return uuid.uuid5(uuid.NAMESPACE_OID, digest.hexdigest())


@contextmanager
def undated() -> Iterator[None]:
    """Have uproot write one fixed date in place of the time of day inside the block."""
    from uproot.writing import _cascade, _cascadetree, writable

    modules = (_cascade, _cascadetree, writable)
    before = [module.datetime for module in modules]
    fixed = SimpleNamespace(datetime=SimpleNamespace(now=lambda: _NO_DATE))
    for module in modules:
        module.datetime = fixed
    try:
        yield
    finally:
        for module, own in zip(modules, before, strict=True):
            module.datetime = own
