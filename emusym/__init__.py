"""eμsym under a name that every keyboard has: ``import emusym`` is ``import eμsym``.

Both names are of one module, and so are those of everything in it: ``emusym.pair`` is
``eμsym.pair``, not a second copy with classes of its own.

This file is the first of ours that is read, and has a name that every locale can spell. Where
Python turns file names into bytes otherwise than in UTF-8, it cannot find the package's folder,
which carries the Greek letter: the command is then started anew in Python's UTF-8 mode.
"""

from __future__ import annotations

import codecs
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

_COMMAND = "emusym"


def _in_utf8_mode() -> None:
    """Replace the command's process by the same one in UTF-8 mode; its terminal stays as it is.

    Arguments come over byte by byte.
    """
    environment = {**os.environ, "PYTHONUTF8": "1"}
    encoding = "ascii" if sys.stdout is None else sys.stdout.encoding
    environment.setdefault("PYTHONIOENCODING", encoding)
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]], environment)


_encoding = sys.getfilesystemencoding()
if codecs.lookup(_encoding).name != "utf-8":
    if _COMMAND in (os.path.basename(sys.argv[0]), *sys.orig_argv[1:3]):  # noqa: PTH119
        _in_utf8_mode()
    raise ImportError(
        f"file names are encoded in {_encoding}, in which this package's folder cannot be found: "
        "set PYTHONUTF8=1 in the environment, or start python -X utf8"
    )

_PREFIX, _REAL = "emusym.", "eμsym."


class _SameModules(MetaPathFinder, Loader):
    """Finds ``emusym.x`` by importing ``eμsym.x``, and gives that."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(_PREFIX):
            return None
        real = _REAL + name.removeprefix(_PREFIX)
        if name == f"{_PREFIX}__main__":  # python -m wants its code; it stands here
            return spec_from_file_location(name, Path(__file__).with_name("__main__.py"))
        try:
            importlib.import_module(real)
        except ModuleNotFoundError as error:
            if error.name == real:
                return None  # the import says that there is no emusym.x
            raise
        return ModuleSpec(name, self)

    def exec_module(self, module: ModuleType) -> None:
        # The import system returns what stands here afterwards.
        sys.modules[module.__name__] = importlib.import_module(
            _REAL + module.__name__.removeprefix(_PREFIX)
        )


# First, because the folder's own finder would load the files once more.
sys.meta_path.insert(0, _SameModules())
sys.modules[__name__] = importlib.import_module("eμsym")
