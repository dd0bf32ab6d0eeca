"""Write small Les Houches files: events that conserve momentum, made by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

M_H, M_W, M_Z, M_TAU = 125.0, 80.4, 91.1876, 1.777

Line = tuple[int, int, int, int, int, int, float, float, float, float, float]


def higgs() -> list[Line]:
    """Two gluons to a Higgs boson at rest, that has still to decay."""
    e = M_H / 2
    return [
        (21, -1, 0, 0, 501, 502, 0, 0, e, e, 0),
        (21, -1, 0, 0, 502, 501, 0, 0, -e, e, 0),
        (25, 1, 1, 2, 0, 0, 0, 0, 0, M_H, M_H),
    ]


def taus() -> list[Line]:
    """Two quarks to Z → ττ, along x."""
    e = M_Z / 2
    p = (e**2 - M_TAU**2) ** 0.5
    return [
        (2, -1, 0, 0, 501, 0, 0, 0, e, e, 0),
        (-2, -1, 0, 0, 0, 501, 0, 0, -e, e, 0),
        (23, 2, 1, 2, 0, 0, 0, 0, 0, M_Z, M_Z),
        (15, 1, 3, 3, 0, 0, p, 0, 0, e, M_TAU),
        (-15, 1, 3, 3, 0, 0, -p, 0, 0, e, M_TAU),
    ]


def dibosons() -> list[Line]:
    """Two quarks to two W at rest, W+ → e ν along x, W- → μ ν along y."""
    e = M_W / 2
    return [
        (2, -1, 0, 0, 501, 0, 0, 0, M_W, M_W, 0),
        (-2, -1, 0, 0, 0, 501, 0, 0, -M_W, M_W, 0),
        (24, 2, 1, 2, 0, 0, 0, 0, 0, M_W, M_W),
        (-24, 2, 1, 2, 0, 0, 0, 0, 0, M_W, M_W),
        (-11, 1, 3, 3, 0, 0, e, 0, 0, e, 0),
        (12, 1, 3, 3, 0, 0, -e, 0, 0, e, 0),
        (13, 1, 4, 4, 0, 0, 0, e, 0, e, 0),
        (-14, 1, 4, 4, 0, 0, 0, -e, 0, e, 0),
    ]


def lhe_text(event: list[Line], n_events: int, *, weight: float = 0.01, strategy: int = -3) -> str:
    """Events as MadGraph writes them with ``event_norm = sum``: strategy -3."""
    lines = [f" {len(event)} 1 {weight:+.7e} 9.1e+01 7.5e-03 1.2e-01"]
    for pdg, status, m1, m2, c1, c2, *momentum in event:
        numbers = " ".join(f"{value:+.10e}" for value in momentum)
        lines.append(f" {pdg} {status} {m1} {m2} {c1} {c2} {numbers} 0. 9.")
    block = "\n".join(["<event>", *lines, "</event>\n"])
    return (
        '<LesHouchesEvents version="3.0">\n<header>\n<MGVersion>\n3.5.7\n</MGVersion>\n</header>\n'
        f"<init>\n2212 2212 6.5e+03 6.5e+03 0 0 247000 247000 {strategy} 1\n"
        f"{weight * n_events:.7e} 1.0e-02 {weight:.7e} 1\n</init>\n"
        f"{block * n_events}</LesHouchesEvents>\n"
    )


def write_lhe(path: Path, event: list[Line], n_events: int, **options: float) -> Path:
    """Write a Les Houches file, compressed if its name ends so."""
    content = lhe_text(event, n_events, **options).encode()  # type: ignore[arg-type]
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
