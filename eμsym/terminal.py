"""What is printed, wherever it goes: to a terminal of any alphabet, or to a reader that leaves."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Any

from eμsym.errors import OutputError

#: What stands for our letters and signs where an encoding lacks them.
_SPELLED = {
    "α": "alpha",
    "δ": "delta",
    "Δ": "Delta",
    "ε": "eps",
    "η": "eta",
    "θ": "theta",
    "κ": "kappa",
    "λ": "lambda",
    "μ": "mu",
    "ρ": "rho",
    "σ": "sigma",
    "Σ": "Sum",
    "τ": "tau",
    "φ": "phi",
    "Φ": "Phi",
    "χ": "chi",
    "⁻": "-",
    "¹": "1",
    "²": "2",
    "±": "+-",
    "×": "x",
    "−": "-",
    "–": "-",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
    "…": "...",
    "’": "'",
}
_HANDLER = "emusym.spelled"


def _spelled(error: UnicodeError) -> tuple[str | bytes, int]:
    """Spell what cannot be encoded, as an error handler of `codecs`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    spelled = "".join(
        _SPELLED.get(letter) or letter.encode("ascii", "backslashreplace").decode("ascii")
        for letter in letters
    )
    return spelled, error.end


class _UntilTheReaderLeaves(io.FileIO):
    """A file whose reader may close it, as ``head`` does: the rest is then written nowhere."""

    _lost = False

    def write(self, content: Any, /) -> int:
        """Write bytes, if there is still somebody to read them."""
        if self._lost:
            return len(content)
        try:
            return super().write(content)
        except BrokenPipeError:
            self._lost = True
            return len(content)
        except OSError as error:
            self._lost = True
            raise OutputError(
                f"what is printed cannot be written ({error.strerror}); the results of this "
                "command are not affected"
            ) from error


def _open_closed_streams() -> None:
    """Open what was closed of standard input, output and error, so that no file takes its number.

    A library that prints to number 2 would else print into a result.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def prepare_terminal() -> None:
    """Have standard output and error take every text, and their readers leave when they like.

    Streams that somebody has put in their place are left alone.
    """
    _open_closed_streams()
    codecs.register_error(_HANDLER, _spelled)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream is not getattr(sys, f"__{name}__"):
            continue
        try:
            number = stream.fileno()
        except (OSError, ValueError):
            continue
        stream.flush()
        patient = io.TextIOWrapper(
            io.BufferedWriter(_UntilTheReaderLeaves(number, "wb", closefd=False)),
            encoding=stream.encoding,
            errors=_HANDLER,
            line_buffering=stream.line_buffering,
            write_through=name == "stderr",
        )
        setattr(sys, name, patient)
