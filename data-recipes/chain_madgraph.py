"""MadGraph's part of the chain: its scripts, filled in, and the events that it writes.

The scripts in ``madgraph/`` are texts with a few placeholders (``%{seed}``; the dollar
sign is MadGraph's own). A Higgs boson's decay is Pythia's, so one script serves H→WW,
H→ττ, H→τe and H→τμ.
"""

from __future__ import annotations

import gzip
import re
import shutil
import string
from pathlib import Path

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import whole_file
from eμsym.recipes.cross_sections import cross_section

SCRIPTS = Path(__file__).parent / "madgraph"
#: Where MadGraph leaves its events, in the folder given to ``output``.
EVENTS = Path("Events") / "run_01" / "unweighted_events.lhe.gz"


class _Script(string.Template):
    delimiter = "%"


def production(process: str) -> str:
    """Return the name of the script of a process: ``"ggf"`` for ``"hww_ggf"``.

    Raises
    ------
    ConfigurationError
        If there is no such process with MadGraph.
    """
    cross_section(process, chain="madgraph")
    for higgs in ("ggf", "vbf"):
        if process.endswith(f"_{higgs}"):
            return higgs
    return process


def madgraph_script(process: str, *, n_events: int, seed: int, folder: str | Path) -> str:
    """Return the text that ``mg5_aMC`` runs.

    Parameters
    ----------
    process : str
        One of `eμsym.recipes.cross_sections.processes`, chain "madgraph".
    n_events : int
        At most a million, MadGraph's own limit for one run.
    seed : int
        1 or more; 0 would be a seed of MadGraph's choice.
    folder : str or Path
        What MadGraph makes and works in; no blanks.

    Returns
    -------
    str

    Raises
    ------
    ConfigurationError
        If the process is unknown or a value cannot be.
    """
    name = production(process)
    if not 1 <= n_events <= 1_000_000:
        raise ConfigurationError(
            f"{n_events} events in one run of MadGraph: choose 1 to 1,000,000; use more jobs"
        )
    if seed < 1:
        raise ConfigurationError(f"seed {seed}: MadGraph takes 1 or more")
    if re.search(r"\s", str(folder)):
        raise ConfigurationError(f"{folder}: MadGraph takes no blanks in a path; choose another")
    values = {"n_events": n_events, "seed": seed, "folder": folder}
    return _Script(_text(f"production_{name}")).substitute(
        start=_text("start").rstrip(),
        launch=_Script(_text("launch")).substitute(values).rstrip(),
    )


def unpack_events(compressed: Path, path: Path) -> int:
    """Uncompress a Les Houches file; return how many events it holds.

    ``DelphesPythia8`` reads the file itself, beside Pythia, and cannot uncompress it.

    Raises
    ------
    InputFileError
        If it is not a Les Houches file or ends early.
    """
    n_events, last = 0, b""
    try:
        with whole_file(path) as temporary:
            with gzip.open(compressed, "rb") as source, temporary.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            with temporary.open("rb") as lines:
                for line in lines:
                    n_events += line.lstrip().startswith(b"<event>")
                    last = line.strip() or last
            if last != b"</LesHouchesEvents>":
                raise InputFileError(
                    f"{compressed}: ends early, or is no Les Houches file; make it again"
                )
    except (EOFError, gzip.BadGzipFile) as error:
        raise InputFileError(f"{compressed}: ends early ({error}); make it again") from error
    return n_events


def madgraph_version(lhe: Path) -> str:
    """Return MadGraph's version as it wrote it into a Les Houches file."""
    header = []
    with lhe.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip() == "<init>":
                break
            header.append(line)
    found = re.search(r"<MGVersion>[\s#]*([\w.]+)", "".join(header))
    return found.group(1) if found else "unknown"


def _text(name: str) -> str:
    return (SCRIPTS / f"{name}.mg5").read_text(encoding="utf-8")
