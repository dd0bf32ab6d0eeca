"""Linear algebra in one thread, so that no result depends on how many a machine offers.

A sum that several threads share is added up in another order than by one, and its last
bits are others. Cores are used by workers (`eμsym.workers`), whose every result is its
own. So whoever imports `eμsym.arrays`, as all that computes here does, has the BLAS of
numpy and scipy work in one thread from then on, in that process.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.linalg  # loads the library that scipy brings; numpy's own is loaded by numpy

#: What the function is called: OpenBLAS as numpy and scipy bring it and as Linux
#: distributions build it, and MKL.
_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
    "MKL_Set_Num_Threads",
    "bli_thread_set_num_threads",
)
_LIBRARIES = ("openblas", "mkl_rt", "blis")


def blas_in_one_thread() -> None:
    """Have every BLAS that numpy and scipy have loaded work in one thread.

    Where the libraries that are loaded cannot be listed, nothing is done.
    """
    for library in _loaded():
        with contextlib.suppress(OSError):
            handle = ctypes.CDLL(library)
            for name in _SETTERS:
                if (function := getattr(handle, name, None)) is not None:
                    function(1)


def _loaded() -> list[str]:
    """Return the files of the BLAS libraries that are in this process's memory."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _beside_the_packages()
    paths = {line.split(maxsplit=5)[5].strip() for line in lines.splitlines() if "/" in line}
    return sorted(path for path in paths if any(x in Path(path).name for x in _LIBRARIES))


def _beside_the_packages() -> list[str]:
    """Return the libraries that the wheels of numpy and scipy bring, on other systems."""
    return [
        str(path)
        for package in (np, scipy)
        for folder in (".dylibs", f"../{package.__name__}.libs")
        for path in sorted((Path(str(package.__file__)).parent / folder).glob("*openblas*"))
    ]


@contextlib.contextmanager
def torch_in_one_thread() -> Iterator[None]:
    """Have torch compute in one thread inside the block; afterwards in as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
