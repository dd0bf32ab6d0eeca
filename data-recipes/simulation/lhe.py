"""Les Houches event files, as MadGraph writes them: are they whole, and what is in them?"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eμsym.errors import ConfigurationError, InputFileError

#: Beam energy, GeV, for which the cross sections hold.
BEAM_ENERGY = 6500.0


@dataclass(frozen=True)
class LesHouchesFile:
    """What a Les Houches event file holds.

    Attributes
    ----------
    path : Path
    n_events : int
    beam_energies : tuple of float
        GeV.
    cross_section_pb : float
        The sum of the cross sections that the file gives, as its generator found them.
    """

    path: Path
    n_events: int
    beam_energies: tuple[float, float]
    cross_section_pb: float


def read_les_houches_file(path: str | Path) -> LesHouchesFile:
    """Read a Les Houches event file through, plain or with gzip.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    LesHouchesFile

    Raises
    ------
    InputFileError
        If it cannot be read, is not such a file, or ends early.
    ConfigurationError
        If its beams are not those of 13 TeV.
    """
    path = Path(path)
    init: list[str] | None = None
    begun = ended = 0
    closed = in_init = False
    try:
        for line in _lines(path):
            if line.startswith(("<event>", "<event ")):
                begun += 1
            elif line.startswith("</event>"):
                ended += 1
            elif line.startswith("</LesHouchesEvents"):
                closed = True
            elif line.startswith(("<init>", "<init ")):
                init, in_init = [], True
            elif line.startswith("</init>"):
                in_init = False
            elif in_init and init is not None and line and not line.startswith(("<", "#")):
                init.append(line)
    except EOFError as error:
        raise InputFileError(f"{path}: ends early ({error}); copy or make it again") from error
    except (OSError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputFileError(f"{path}: cannot be read ({reason})") from error
    if init is None:
        raise InputFileError(f"{path}: is not a Les Houches event file (it has no <init> block)")
    if not closed or begun != ended:
        raise InputFileError(
            f"{path}: ends early, after {ended:,} whole events (no </LesHouchesEvents> at its "
            "end); copy or make it again"
        )
    energies, cross_section = _init(path, init)
    if any(abs(energy - BEAM_ENERGY) > 0.5 for energy in energies):
        raise ConfigurationError(
            f"{path}: beams of {energies[0]:g} and {energies[1]:g} GeV; the cross sections are "
            f"for {BEAM_ENERGY:g} GeV each"
        )
    return LesHouchesFile(path, ended, energies, cross_section)


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as lines:
        for line in lines:
            yield line.strip().decode("ascii", errors="replace")


def _init(path: Path, lines: list[str]) -> tuple[tuple[float, float], float]:
    """Read the beams, and the cross sections of the processes, of which there are NPRUP."""
    try:
        first = lines[0].split()
        energies = float(first[2]), float(first[3])
        n_processes = int(first[9])
        values = [float(line.split()[0]) for line in lines[1 : 1 + n_processes]]
        if len(values) != n_processes:
            raise ValueError(f"{len(values)} of {n_processes} processes")
    except (IndexError, ValueError) as error:
        raise InputFileError(f"{path}: its <init> block is damaged ({error})") from error
    return energies, sum(values)
