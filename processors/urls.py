"""Files on servers: how they are opened, and what to say if they are not."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from http import HTTPStatus
from urllib.parse import urlsplit

#: A server that has not answered by then is told of.
TIMEOUT_SECONDS = 30.0


def is_url(path: str) -> bool:
    """Return whether a file is on a server, or what else has a name like ``scheme://…``."""
    return "://" in path


def only_whole_files(url: str) -> bool:
    """Return whether a web server answers with the whole file when it is asked for a part.

    uproot reads files part by part; of such a server the file must be fetched first.

    Raises
    ------
    FileNotFoundError
        If the server has no such file.
    OSError
        If it does not answer in time.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        return False
    request = urllib.request.Request(url, headers={"Range": "bytes=0-3"})
    # Straight to the server, as uproot goes.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise FileNotFoundError(url) from error
        return False  # it may answer to uproot, which knows of names and passwords
    except urllib.error.URLError as error:
        raise OSError(str(error.reason)) from error
    except http.client.HTTPException:
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
