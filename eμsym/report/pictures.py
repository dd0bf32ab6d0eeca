"""The figures of a folder, each whole inside the page: SVG where there is one, else PNG."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from eμsym.files import as_file_name
from eμsym.report.parts import Picture

#: What a ``data:`` URI need not quote, and no attribute either.
_PLAIN = "!()*+,-./:;=?@_~$"
#: So many times larger than its PNG an SVG may be: one of very many bins is not worth it.
_LARGER = 4
_PNG = b"\x89PNG\r\n\x1a\n"
_NOT_DRAWN = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE[^>\[]*>|<!--.*?-->|<metadata>.*?</metadata>", flags=re.DOTALL
)
_PATH = re.compile(r'(?<=\sd=")[^"]*(?=")')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_AROUND_LETTERS = re.compile(r"\s*([A-Za-z])\s*")
#: A bin without entries: neither filled nor outlined.
_EMPTY = re.compile(r'<path [^>]*style="fill: none"/>')
_BETWEEN_TAGS = re.compile(r">\s+<")


class Pictures:
    """The figures of a folder, which sections take; what none has taken is left at the end.

    Parameters
    ----------
    folder : Path
        Where the figures are; it need not be there.
    files : iterable of str
        The names of the files that may be shown.
    """

    def __init__(self, folder: Path, files: Iterable[str]) -> None:
        self.folder = folder
        self._left = {Path(name).stem: None for name in files}
        #: One line for every figure that cannot be shown.
        self.problems: list[str] = []

    def take(self, name: str, caption: str, alt: str) -> Picture | None:
        """Return a figure by its own name, before it was made a file's; None if there is none.

        Parameters
        ----------
        name, caption, alt : str
            See `Picture`.
        """
        return self.take_file(as_file_name(name), caption, alt)

    def take_file(self, stem: str, caption: str, alt: str) -> Picture | None:
        """Return a figure by the name of its files, without an ending; None if there is none."""
        if stem not in self._left:
            return None
        del self._left[stem]
        source = picture_source(self.folder / f"{stem}.svg", self.folder / f"{stem}.png")
        if source is None:
            self.problems.append(f"figure {stem}: is not shown, no SVG or PNG of it can be read")
            return None
        return Picture(stem, source, caption, alt)

    def rest(self) -> list[Picture]:
        """Return the figures that no section has taken, by name."""
        alt = "A figure of the folder, of which its results say no more."
        found = [self.take_file(stem, stem, alt) for stem in sorted(self._left)]
        return [picture for picture in found if picture is not None]


def picture_source(svg: Path, png: Path) -> str | None:
    """Return a picture as a ``data:`` URI; None if neither file is one.

    Parameters
    ----------
    svg, png : Path
        The SVG is taken, crisp at any size, unless it is many times larger than the PNG; what is
        not there, or not what its name says, is not taken. Links are not followed.
    """
    drawn, pixels = _svg_source(svg), _png_source(png)
    if drawn is None or (pixels is not None and len(drawn) > _LARGER * len(pixels)):
        return pixels
    return drawn


def _svg_source(path: Path) -> str | None:
    text = _read(path).decode("utf-8", "replace")
    if "<svg" not in text[:2000]:
        return None
    return f"data:image/svg+xml,{quote(slim(text), safe=_PLAIN)}"


def _png_source(path: Path) -> str | None:
    content = _read(path)
    if not content.startswith(_PNG):
        return None
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _read(path: Path) -> bytes:
    """Return the content of an ordinary file, nothing for anything else."""
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    except OSError:
        return b""


def slim(text: str) -> str:
    """Return an SVG without what is not drawn, and paths to a hundredth of their units.

    Parameters
    ----------
    text : str
    """
    text = _PATH.sub(lambda found: _slim_path(found[0]), _NOT_DRAWN.sub("", text))
    text = _EMPTY.sub("", text)
    return _BETWEEN_TAGS.sub("><", text).strip()


def _slim_path(path: str) -> str:
    short = _AROUND_LETTERS.sub(r"\1", _DECIMALS.sub(r"\1", path))
    return ",".join(short.split())
