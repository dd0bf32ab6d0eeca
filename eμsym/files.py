"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eμsym.errors import ConfigurationError, OutputError
from eμsym.input_files import parse_json, read_bytes

RESULTS_FILE = "results.json"


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` if the block succeeds.

    Parameters
    ----------
    path : str or Path
        Its folder must be there, so that a mistyped path is found out.

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
    temporary = path.with_name(f".{path.name}.partial-{os.getpid()}")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: cannot be written ({path.parent} is not a folder)")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    finally:
        # If even this fails, the first error is the one to tell.
        with contextlib.suppress(OSError):
            temporary.unlink()


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


@contextlib.contextmanager
def whole_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `path`; rename it to `path` if the block succeeds.

    Parameters
    ----------
    path : str or Path
        The folder to create. It may exist if it is empty, and may be a link to
        a folder, which is then the one that is made or replaced.
    overwrite : bool
        Replace a folder that holds earlier results of this program. Anything
        else is never replaced.

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
    if path.is_symlink():
        path = path.resolve()
    _refuse_if_in_the_way(path, overwrite)
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{path.name}.partial-"
        temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=path.absolute().parent))
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    try:
        yield temporary
        # mkdtemp makes a private folder; results are as public as any other folder.
        temporary.chmod(0o777 & ~_umask())
        _move_into_place(temporary, path, overwrite)
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _refuse_if_in_the_way(path: Path, overwrite: bool) -> None:
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise OutputError(f"{path}: is a file; choose another output folder with -o")
    if Path.cwd().is_relative_to(path.resolve()):
        # To replace it would leave the user's shell in a folder that is no more.
        raise OutputError(f"{path}: is where you are; give a new folder, as -o {path / 'results'}")
    if not any(path.iterdir()):
        return
    if not (path / RESULTS_FILE).is_file():
        raise OutputError(f"{path}: holds files that are not ours; choose another folder with -o")
    if not overwrite:
        raise OutputError(
            f"{path}: holds earlier results; give --overwrite, or another folder with -o"
        )


def _move_into_place(temporary: Path, path: Path, overwrite: bool) -> None:
    _refuse_if_in_the_way(path, overwrite)
    if path.exists():
        # The old results are set aside first, so that they survive a failed rename.
        aside = temporary.with_name(f"{temporary.name}-old")
        path.rename(aside)
        try:
            temporary.rename(path)
        except BaseException:
            aside.rename(path)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    else:
        temporary.rename(path)


def _cannot_write(path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{path}: cannot be written ({reason}); choose another place with -o or free some space"


def json_number(x: float) -> float | str | None:
    """Return a number as JSON can hold it: None for NaN, "inf" or "-inf" for infinity."""
    if math.isnan(x):
        return None
    return float(x) if math.isfinite(x) else ("inf" if x > 0 else "-inf")


def write_json(path: str | Path, data: Any, *, default: Any = None) -> None:
    """Write data as JSON, whole or not at all; NaN is refused, for it is not JSON."""
    with whole_file(path) as temporary:
        text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False, default=default)
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
