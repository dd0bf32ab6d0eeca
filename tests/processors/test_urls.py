"""Files on web servers: of those that send parts, of those that do not, and of none."""

from __future__ import annotations

import functools
import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from eμsym.processors.fileset import read_fileset
from eμsym.processors.inspection import inspect_file, read_whole_file
from eμsym.processors.runner import process


class Plain(http.server.SimpleHTTPRequestHandler):
    """Python's own server: it sends whole files only."""

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class Parts(Plain):
    """A server that sends the part it is asked for."""

    def do_GET(self) -> None:
        asked, path = self.headers.get("Range"), Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        content = path.read_bytes()
        first, last = asked.removeprefix("bytes=").split("-")
        part = content[int(first) : int(last) + 1] if first else content[-int(last) :]
        start = int(first) if first else len(content) - len(part)
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        ends = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        self.send_header("Content-Range", ends)
        self.end_headers()
        self.wfile.write(part)


class NoHead(Parts):
    """One that may only be asked with GET, as addresses that are signed for it."""

    def do_HEAD(self) -> None:
        self.send_error(403)


class Short(Plain):
    """One that promises more than it sends."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        outputfile.write(source.read()[:-1000])


@contextmanager
def serving(kind: type[Plain], folder: Path) -> Iterator[str]:
    """Give the address of a server of a folder."""
    handler = functools.partial(kind, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture(params=[Plain, Parts, NoHead])
def server(request: pytest.FixtureRequest, sample: Path) -> Iterator[str]:
    """The address of a server of the embedded sample."""
    with serving(request.param, sample) as address:
        yield address


def test_a_file_of_any_server_is_the_file(server: str, sample: Path) -> None:
    url = f"http://{server}/zz.root"
    report = inspect_file(url)
    assert report.problem is None
    assert read_whole_file(report).ok
    theirs = process(read_fileset([url]), workers=1, chunksize=100)
    ours = process(read_fileset([sample / "zz.root"]), workers=1)
    assert theirs.cutflow == ours.cutflow
    assert theirs.events("data").m_coll.to_list() == ours.events("data").m_coll.to_list()
    (file,) = theirs.files
    assert (file.path, file.complete) == (url, True)


def test_a_file_that_is_sent_whole_is_sent_once(sample: Path) -> None:
    sent = []

    class Counting(Plain):
        def copyfile(self, source: Any, outputfile: Any) -> None:
            super().copyfile(source, outputfile)  # raises if nobody reads on
            sent.append(self.path)

    with serving(Counting, sample) as address:
        process(read_fileset([f"http://{address}/zz.root"]), workers=1, chunksize=100)
    assert sent == ["/zz.root"]


def test_a_file_that_arrives_in_part(sample: Path) -> None:
    size = (sample / "zz.root").stat().st_size
    with serving(Short, sample) as address:
        problem = inspect_file(f"http://{address}/zz.root").problem
    assert problem is not None
    assert f"from {address} ({size - 1000} bytes of {size} arrived)" in problem


def test_a_file_that_the_server_does_not_have(server: str) -> None:
    url = f"http://{server}/absent.root"
    assert inspect_file(url).problem == f"{url}: {server} has no such file; check the URL"


@pytest.mark.parametrize(
    "url, server, problem",
    [
        ("http://127.0.0.1:1/x.root", "127.0.0.1:1", "Connection refused"),
        ("gsiftp://host/x.root", "host", "Protocol not known: gsiftp"),
    ],
)
def test_a_server_that_does_not_answer_is_named(url: str, server: str, problem: str) -> None:
    found = inspect_file(url).problem
    assert found is not None
    assert found.startswith(f"{url}: cannot be read from {server} (")
    assert problem in found
    assert "make it again" not in found


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eμsym.processors.urls.TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        problem = inspect_file(f"http://{server}/x.root").problem
    assert problem is not None
    assert f"cannot be read from {server} (timed out)" in problem
