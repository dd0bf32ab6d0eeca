"""The user's text files, read whole: what is no such file is one line, never a hang."""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import stat
import tomllib
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from eμsym.errors import InputFileError

#: No fileset, histogram or study nests deeper; what does is no such thing.
DEEPEST = 64
#: Bytes that a compressed file may unpack to.
LARGEST = 1 << 30

_GZIP = b"\x1f\x8b"
_HALF_A_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def read_bytes(path: str | Path) -> bytes:
    """Return the content of an ordinary file, unpacked if it is gzip's.

    Raises
    ------
    InputFileError
        If there is none, it may not be read, is a folder, pipe or device (which may never
        end), or is damaged.
    """
    require_file(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"{path}: cannot be read ({error.strerror})") from error
    return _unpacked(path, content) if content.startswith(_GZIP) else content


def require_file(path: str | Path) -> None:
    """Refuse what is no ordinary file, before a library opens it and perhaps waits for ever.

    Raises
    ------
    InputFileError
        If there is nothing of that name, it may not be looked at, or is a folder, pipe,
        device or socket.
    """
    try:
        kind = unlike_a_file(path)
    except OSError as error:
        raise InputFileError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # a NUL in the name
        raise InputFileError(f"{path}: cannot be read ({error})") from error
    if kind:
        reason = "Is a directory" if Path(path).is_dir() else f"it {kind}"
        raise InputFileError(f"{path}: cannot be read ({reason})")


def is_file(path: str | Path) -> bool:
    """Return whether there is an ordinary file of that name.

    Raises
    ------
    InputFileError
        If that cannot be found out: the name is too long, or in a folder that may not be entered.
    """
    try:
        return Path(path).is_file()
    except OSError as error:
        raise InputFileError(f"{path}: cannot be read ({error.strerror})") from error


def unlike_a_file(path: str | Path) -> str | None:
    """Return what a path is, as "is a folder", if it is not that of an ordinary file.

    Raises
    ------
    OSError, ValueError
        If there is none, or it cannot be looked at.
    """
    mode = Path(path).stat().st_mode
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISDIR(mode):
        return "is a folder"
    return "is a pipe" if stat.S_ISFIFO(mode) else "is a device or socket"


def parse_json(text: str | bytes, where: str | Path, *, object_hook: Any = None) -> Any:
    """Return what a JSON text says, if it says one thing only.

    Parameters
    ----------
    text : str or bytes
        Bytes are UTF-8, with or without a byte order mark.
    where : str or Path
        What to call the text in an error.
    object_hook : callable, optional
        As in `json.loads`.

    Raises
    ------
    InputFileError
        If it is not JSON, has a key twice in one object, of which Python would drop the
        first without a word, or a number that is not one (NaN, Infinity, 1e999), or nests
        deeper than `DEEPEST`.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        return _checked(
            json.loads(
                text,
                object_pairs_hook=_unique(object_hook),
                parse_constant=_no_number,
                parse_float=_finite,
            ),
            text,
        )
    except RecursionError as error:
        raise InputFileError(f"{where}: is not JSON for us (it nests too deeply)") from error
    except ValueError as error:
        raise InputFileError(f"{where}: is not JSON ({error})") from error


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises
    ------
    InputFileError
        If it cannot be read, is not TOML, or nests deeper than `DEEPEST`.
    """
    content = read_bytes(path)
    try:
        data = tomllib.loads(content.decode("utf-8-sig"))
        _refuse_depth(data)
    except RecursionError as error:
        raise InputFileError(f"{path}: is not TOML for us (it nests too deeply)") from error
    except ValueError as error:
        raise InputFileError(f"{path}: is not TOML ({error})") from error
    return data


def _unpacked(path: str | Path, content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            unpacked = stream.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputFileError(
            f"{path}: cannot be read (unpacking: {error}); copy it again"
        ) from error
    if len(unpacked) > LARGEST:
        raise InputFileError(f"{path}: unpacks to more than {LARGEST >> 30} GiB; give less")
    return unpacked


def _unique(object_hook: Callable[[Any], Any] | None) -> Callable[[list[tuple[str, Any]]], Any]:
    def pairs_hook(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the key {twice!r} stands twice in one object; give it once")
        return found if object_hook is None else object_hook(found)

    return pairs_hook


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is out of the range of numbers")
    return number


def _checked(data: Any, text: str) -> Any:
    _refuse_depth(data)
    if _HALF_A_CHARACTER.search(text):
        json.dumps(data, ensure_ascii=False, default=repr).encode()
    return data


def _refuse_depth(data: Any) -> None:
    level, depth = _containers([data]), 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"it nests more than {DEEPEST} levels deep")
        level = _containers(
            x for each in level for x in (each.values() if isinstance(each, dict) else each)
        )


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]
