"""The certified luminosity blocks of data, CMS's "golden JSON"."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak

from eμsym.errors import InputFileError
from eμsym.files import read_json
from eμsym.processors.formats.quantities import Field


@dataclass(frozen=True, eq=False)
class Certified:
    """Whether the luminosity block of an event of data is certified; true for simulation.

    Parameters
    ----------
    mask : coffea.lumi_tools.LumiMask
    run, lumi : Field
    simulated : Field
        What only simulated events have.
    """

    mask: Any
    run: Field
    lumi: Field
    simulated: Field

    @property
    def name(self) -> str:
        """What is looked up."""
        return f"{self.run.name}, {self.lumi.name}"

    @property
    def branches(self) -> tuple[str, ...]:
        """Those of the numbers."""
        return (*self.run.branches, *self.lumi.branches)

    @property
    def where_there(self) -> tuple[str, ...]:
        """What only simulated events have."""
        return self.simulated.branches

    def read(self, events: Any) -> ak.Array:
        """Return whether events are certified, n * bool."""
        run, lumi = self.run.read(events), self.lumi.read(events)
        if self.simulated.is_in(events):
            return ak.full_like(run, True, dtype=bool)
        return self.mask(run, lumi)


def certified(path: str, run: Field, lumi: Field, simulated: Field) -> Certified:
    """Read a golden JSON: run → list of [first, last] luminosity block.

    Raises
    ------
    InputFileError
        If it cannot be read or is none.
    """
    content = read_json(Path(path))
    if not isinstance(content, dict) or not all(map(_is_run, content.items())):
        raise InputFileError(
            f'{path}: is no list of luminosity blocks; expected {{"RUN": [[FIRST, LAST], …], …}}'
        )
    # Its kernels are compiled as it is imported, which takes seconds: only for who asks.
    from coffea.lumi_tools import LumiMask

    return Certified(LumiMask(path), run, lumi, simulated)


def _is_run(item: tuple[str, Any]) -> bool:
    run, blocks = item
    return run.isdecimal() and isinstance(blocks, list) and all(map(_is_range, blocks))


def _is_range(block: Any) -> bool:
    if not isinstance(block, list) or len(block) != 2:
        return False
    return all(isinstance(x, int) and 0 < x < 2**32 for x in block) and block[0] <= block[1]
