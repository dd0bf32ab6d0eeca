"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from eμsym.errors import ConfigurationError, OutputError
from eμsym.input_files import parse_json, read_bytes
from eμsym.leftovers import remove_leftovers, shortened, temporary_name
from eμsym.swap import take_place

RESULTS_FILE = "results.json"
#: So many things in the way are named.
_NAMED = 3
#: Bytes of a file name that is made of a dataset's name, before its ending.
_LONGEST_NAME = 200


@contextlib.contextmanager
def whole_file(path: str | Path, *, tidy: bool = True) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` if the block succeeds.

    Parameters
    ----------
    path : str or Path
        Its folder must be there, so that a mistyped path is found out.
    tidy : bool
        Whether to look for what dead processes left in that folder, and remove it.

    Yields
    ------
    Path
        Where to write. Whatever fails, nothing is left under either name.

    Raises
    ------
    OutputError
        If the operating system refuses (no permission, disk full).
    """
    path = Path(path)
    if not os.path.isdir(path.parent):  # noqa: PTH112 (raises nothing)
        raise OutputError(f"{path}: cannot be written ({path.parent} is not a folder)")
    require_possible(path)
    temporary = temporary_name(path)
    if tidy:
        remove_leftovers(path.parent)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    finally:
        # If even this fails, the first error is the one to tell.
        with contextlib.suppress(OSError):
            temporary.unlink()


def require_possible(path: str | Path) -> None:
    """Refuse a name that nothing can have or be looked at by, before work is done for it.

    Raises
    ------
    OutputError
        If the name is too long, say, or in a folder that may not be entered.
    """
    try:
        Path(path).lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(_cannot_write(Path(path), error)) from error


def make_folder(path: str | Path) -> Path:
    """Make a folder, with the folders that it lies in, if it is not there.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    return path


def all_in(folder: Path) -> list[str]:
    """Return the names of all that is in a folder, none of which is known to be ours."""
    return sorted(path.name for path in folder.iterdir())


@contextlib.contextmanager
def whole_folder(
    path: str | Path,
    *,
    overwrite: bool = False,
    strangers: Callable[[Path], list[str]] = all_in,
) -> Iterator[Path]:
    """Give a temporary folder beside `path`; rename it to `path` if the block succeeds.

    Parameters
    ----------
    path : str or Path
        The folder to create. It may exist if it is empty, and may be a link to
        a folder, which is then the one that is made or replaced.
    overwrite : bool
        Replace a folder that holds earlier results of this program, and nothing else.
    strangers : callable
        Takes a folder, and returns what in it this program did not write: while there
        is any, the folder is not replaced.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OutputError
        If `path` is in the way or cannot be written.
    """
    path = Path(path)
    try:
        if path.is_symlink():
            path = path.resolve()
        parent = path.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(parent)  # first: they may hold what a dead process was about to replace
        _refuse_if_in_the_way(path, overwrite, strangers)
        temporary = temporary_name(path.absolute())
        temporary.mkdir(mode=0o700)
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    try:
        yield temporary
        # It was private while it was written; results are as public as any other folder.
        temporary.chmod(0o777 & ~_umask())
        _move_into_place(temporary, path, overwrite, strangers)
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    except OutputError as error:
        # The user knows the folder by the name that it was to get.
        raise OutputError(str(error).replace(str(temporary), str(path))) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _refuse_if_in_the_way(
    path: Path, overwrite: bool, strangers: Callable[[Path], list[str]]
) -> None:
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise OutputError(f"{path}: is a file; choose another output folder with -o")
    if Path.cwd().is_relative_to(path.resolve()):
        # To replace it would leave the user's shell in a folder that is no more.
        raise OutputError(f"{path}: is where you are; give a new folder, as -o {path / 'results'}")
    if not any(path.iterdir()):
        return
    if Path("~").expanduser().is_relative_to(path.resolve()):
        raise OutputError(f"{path}: is or holds your home folder; choose another folder with -o")
    _refuse_strangers(path, strangers(path))
    if not overwrite:
        raise OutputError(
            f"{path}: holds earlier results; give --overwrite, or another folder with -o"
        )


def _refuse_strangers(path: Path, found: list[str]) -> None:
    if not found:
        return
    named = ", ".join(found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise OutputError(
        f"{path}: holds what is not ours ({named}{more}), which is never replaced; move it "
        "away, or choose another folder with -o"
    )


def _move_into_place(
    temporary: Path, path: Path, overwrite: bool, strangers: Callable[[Path], list[str]]
) -> None:
    _refuse_if_in_the_way(path, overwrite, strangers)
    if not path.exists():
        temporary.rename(path)
        return
    old = take_place(temporary, path)
    try:
        # Under its new name nobody else finds it: what came last is seen now.
        if any(old.iterdir()):
            _refuse_strangers(path, strangers(old))
    except BaseException:
        put_back = take_place(old, path)
        shutil.rmtree(put_back, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _cannot_write(path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{path}: cannot be written ({reason}); choose another place with -o or free some space"


def as_file_name(name: str, ending: str = "") -> str:
    """Return a file name for a dataset, a signal or the like: quoted as in a URL, and short.

    Parameters
    ----------
    name : str
    ending : str
        What follows, such as ``.parquet``.
    """
    quoted = quote(name, safe="")
    if quoted.startswith("."):
        quoted = f"%2E{quoted[1:]}"  # neither hidden, nor the folder itself, nor the one above
    return shortened(quoted, _LONGEST_NAME) + ending


def json_number(x: float) -> float | str | None:
    """Return a number as JSON can hold it: None for NaN, "inf" or "-inf" for infinity."""
    if math.isnan(x):
        return None
    return float(x) if math.isfinite(x) else ("inf" if x > 0 else "-inf")


def write_json(path: str | Path, data: Any, *, default: Any = None, one_line: bool = False) -> None:
    """Write data as JSON, whole or not at all; NaN is refused, for it is not JSON.

    In one line, for what nobody reads by eye, is several times faster and half as long.
    """
    indent = None if one_line else 1
    with whole_file(path) as temporary:
        text = json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False, default=default)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(
    path: str | Path, *, schema: str | None = None, version: int = 1, object_hook: Any = None
) -> Any:
    """Read a JSON file, checking its ``schema`` and ``version`` keys if a schema is expected.

    Raises
    ------
    InputFileError
        If the file is missing or is not JSON that says one thing only, see
        `eμsym.input_files.parse_json`. It may be compressed by gzip.
    ConfigurationError
        If its ``schema`` is another one, or its ``version`` is not ``version``.
    """
    path = Path(path)
    data = parse_json(read_bytes(path), path, object_hook=object_hook)
    if schema is not None and (not isinstance(data, dict) or data.get("schema") != schema):
        found = data.get("schema") if isinstance(data, dict) else None
        raise ConfigurationError(f"{path}: schema is {found!r}, expected {schema!r}")
    if schema is not None and data.get("version", version) != version:
        raise ConfigurationError(
            f"{path}: version {data['version']!r} of {schema}, this program reads {version}; "
            "use the emusym that wrote it, or make the file anew"
        )
    return data
