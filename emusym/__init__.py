"""eμsym under a name that every keyboard has: ``import emusym`` is ``import eμsym``.

Both names are of one module, and so are those of everything in it: ``emusym.pair`` is
``eμsym.pair``, not a second copy with classes of its own.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

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
