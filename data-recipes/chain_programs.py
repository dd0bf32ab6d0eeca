"""The programs of the chain: where they are, running them, and which versions they are."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

from eμsym.errors import EmusymError, InputFileError
from eμsym.recipes.delphes_card import CARD

MADGRAPH = "mg5_aMC"
DELPHES = "DelphesPythia8"
#: Seconds that a program has to end by itself once it is asked to.
_GRACE_SECONDS = 5.0


class ProgramError(EmusymError):
    """A program that is missing, or that failed."""


@dataclass(frozen=True)
class Programs:
    """The programs of a run.

    Attributes
    ----------
    delphes : Path
        ``DelphesPythia8``.
    madgraph : Path or None
        ``mg5_aMC``; None if Pythia makes the hard process.
    """

    delphes: Path
    madgraph: Path | None


def find_programs(
    *, madgraph: str | Path | None, delphes: str | Path | None, need_madgraph: bool
) -> Programs:
    """Find the programs in the folders given, or where the shell would.

    Parameters
    ----------
    madgraph, delphes : str, Path or None
        The folder of an installation, with the program in it or in its ``bin``, or
        the program itself. None: on the search path.
    need_madgraph : bool
        Whether MadGraph is looked for at all.

    Raises
    ------
    ProgramError
        If one is not there.
    """
    return Programs(
        delphes=_find(DELPHES, delphes, "--delphes"),
        madgraph=_find(MADGRAPH, madgraph, "--madgraph") if need_madgraph else None,
    )


def find_card(delphes: Path, card: str | Path | None = None) -> Path:
    """Return the ATLAS card that belongs to a Delphes program.

    Parameters
    ----------
    delphes : Path
        ``DelphesPythia8``.
    card : str or Path, optional
        To be taken in its place.

    Raises
    ------
    InputFileError
        If there is none.
    """
    if card is not None:
        if not Path(card).is_file():
            raise InputFileError(f"{card}: is not a file; give a Delphes card")
        return Path(card)
    # Beside the program after `make`; beside bin/ after `cmake --install`, as with conda.
    roots = dict.fromkeys((delphes.parent, delphes.parent.parent, delphes.resolve().parent))
    for root in roots:
        for folder in ("cards", "share/delphes/cards", "share/Delphes/cards"):
            if (root / folder / CARD).is_file():
                return root / folder / CARD
    raise InputFileError(
        f"{delphes}: no cards/{CARD} beside it; say where it is with --delphes-card"
    )


def delphes_version(delphes: Path) -> str:
    """Return the version of a Delphes installation, which the program itself never says.

    Its source has it in a file ``VERSION``, conda in the name of its record.
    """
    for root in (delphes.parent, delphes.parent.parent, delphes.resolve().parent):
        for record in sorted(root.glob("conda-meta/delphes-*.json")):
            return record.name.removeprefix("delphes-").rsplit("-", 1)[0]
        version = root / "VERSION"
        if version.is_file():
            return version.read_text(encoding="utf-8", errors="replace").strip() or "unknown"
    return "unknown"


def pythia_version(log: Path) -> str:
    """Return the version that Pythia's banner gives in the log of ``DelphesPythia8``."""
    found = re.search(
        r"PYTHIA version\s+(\d[\w.]*)", log.read_text(encoding="utf-8", errors="replace")
    )
    return found.group(1) if found else "unknown"


def command_line(command: list[str], folder: Path) -> str:
    """Return what a person would type to run a command in a folder."""
    return f"cd {shlex.quote(str(folder))} && {shlex.join(command)}"


@dataclass
class Children:
    """The programs that run now; they can be stopped together, from any thread."""

    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, command: list[str], *, folder: Path, log: Path) -> None:
        """Run a program in a folder until it ends; what it says goes into a file.

        Raises
        ------
        ProgramError
            If it cannot be started, ends with another status than 0, or was stopped.
        """
        name = Path(command[0]).name
        with log.open("wb") as output:
            with self._lock:
                if self._stopped:
                    raise ProgramError(f"{name}: stopped before it began")
                try:
                    # A group of its own: Ctrl-C must not reach Delphes, which would
                    # close its file early and report success.
                    child = subprocess.Popen(
                        command,
                        cwd=folder,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                except OSError as error:
                    raise ProgramError(
                        f"{command[0]}: cannot be started ({error.strerror})"
                    ) from error
                self._running.add(child)
            status = child.wait()
        with self._lock:
            self._running.discard(child)
            stopped = self._stopped
        if stopped:
            raise ProgramError(f"{name}: stopped; see {log}")
        if status != 0:
            raise ProgramError(f"{name} ended with status {status}{_last_line(log)}; see {log}")

    def stop(self) -> None:
        """Stop all programs, with all that they started, and let no further one begin."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for child in running:
            _signal(child, signal.SIGTERM)
        for child in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE_SECONDS)
            # Whatever is left of its group.
            _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it is gone
        os.killpg(child.pid, number)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f" ({said[-1][:200]})" if said else ""


def _find(name: str, given: str | Path | None, option: str) -> Path:
    if given is None:
        found = shutil.which(name)
        if found is None:
            raise ProgramError(
                f"{name}: not found; install it (data-recipes/README.md says how), "
                f"or give its folder with {option}"
            )
        return Path(found).absolute()
    given = Path(given)
    candidates = [given] if given.is_file() else [given / name, given / "bin" / name]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate.absolute()
    raise ProgramError(f"{given}: there is no program {name} in it; mend {option}")
