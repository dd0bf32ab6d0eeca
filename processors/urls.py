"""Files on servers: how they are opened, and what to say if they are not."""

from __future__ import annotations

import functools
import hashlib
import http.client
import tempfile
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eμsym.files import whole_file

#: A server that has not answered by then is told of.
TIMEOUT_SECONDS = 30.0

_WEB = ("http", "https")

#: Bytes that are fetched at a time.
_BLOCK = 2**22

#: Before a URL: fetch it whole, as in fsspec's chains of URLs.
_WHOLE = "simplecache::"


def is_url(path: str) -> bool:
    """Return whether a file is on a server, or what else has a name like ``scheme://…``."""
    return "://" in path


def only_whole_files(url: str) -> bool:
    """Return whether a web server sends nothing but the whole file.

    uproot reads files part by part; of such a server the file must be fetched first.

    Raises
    ------
    FileNotFoundError
        If the server has no such file.
    OSError
        If it does not answer in time.
    """
    if urlsplit(url).scheme not in _WEB:
        return False
    for method in ("HEAD", "GET"):
        request = urllib.request.Request(url, headers={"Range": "bytes=0-3"}, method=method)
        try:
            with _opened(request) as answer:
                parts = answer.status == HTTPStatus.PARTIAL_CONTENT
                return not (parts or answer.headers.get("Accept-Ranges") == "bytes")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                raise FileNotFoundError(url) from error
            # It may answer to another method, or to uproot, which knows of passwords.
        except urllib.error.URLError as error:
            raise OSError(str(error.reason)) from error
        except http.client.HTTPException:
            return False
    return False


def fetched_whole(url: str) -> str:
    """Return a name of a file on a web server that says to fetch it whole; see `here`."""
    return f"{_WHOLE}{url}"


def here(path: str) -> str:
    """Return what to open of a path: a copy, where the file is to be fetched whole.

    A file is fetched once a process, into a temporary folder that goes with it.

    Parameters
    ----------
    path : str
        A path, a URL, or what `fetched_whole` returns.

    Raises
    ------
    OSError
        If the server does not send it, or it does not arrive whole.
    """
    url = path.removeprefix(_WHOLE)
    if url == path or urlsplit(url).scheme not in _WEB:
        return path
    copy = Path(_folder().name, hashlib.blake2b(url.encode(), digest_size=16).hexdigest())
    if not copy.exists():
        try:
            with _opened(urllib.request.Request(url)) as answer, whole_file(copy) as temporary:
                _fetch(answer, temporary)
        except http.client.HTTPException as error:
            raise OSError(str(error) or type(error).__name__) from error
    return str(copy)


def _fetch(answer: Any, to: Path) -> None:
    """Write what a server answers; what the server is at fault for is an `HTTPException`."""
    with to.open("wb") as stream:
        while block := _read(answer):
            stream.write(block)
        size = answer.headers.get("Content-Length")
        if size is not None and stream.tell() != int(size):
            raise http.client.HTTPException(f"{stream.tell()} bytes of {size} arrived")


def _read(answer: Any) -> bytes:
    try:
        return bytes(answer.read(_BLOCK))
    except OSError as error:
        raise http.client.HTTPException(str(error)) from error


def _opened(request: urllib.request.Request) -> Any:
    # Straight to the server, as uproot goes.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(request, timeout=TIMEOUT_SECONDS)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Make the folder of this process, once; it is removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="emusym-")


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
