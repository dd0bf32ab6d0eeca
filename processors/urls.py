"""Files on servers: how they are opened, and what to say if they are not."""

from __future__ import annotations

import urllib.error
import urllib.request
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 30.0


def is_url(path: str) -> bool:
    """Return whether a file is on a server, or what else has a name like ``scheme://…``."""
    return "://" in path


def sends_only_whole_files(url: str) -> bool:
    """Return whether a web server answers with the whole file when it is asked for a part.

    uproot reads files part by part; of such a server the file must be fetched first.
    False also if it does not answer at all.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        return False
    request = urllib.request.Request(url, headers={"Range": "bytes=0-3"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def fetched_whole(url: str) -> str:
    """Return what uproot opens to fetch a file whole, into a temporary folder of the process."""
    return f"simplecache::{url}"


def url_problem(url: str, error: Exception) -> str:
    """Return the line for a file on a server that cannot be opened.

    Parameters
    ----------
    url : str
    error : Exception
        What opening it raised.
    """
    server = urlsplit(url).netloc or urlsplit(url).scheme
    if isinstance(error, FileNotFoundError):
        return f"{url}: {server} has no such file; check the URL"
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return (
        f"{url}: cannot be read from {server} ({reason[0]}); check the URL and the server, "
        "or copy the file here"
    )
