"""How a figure looks: whose style, how wide, and what is said of the collisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from eμsym.errors import ConfigurationError

StyleName = Literal["neutral", "ATLAS", "CMS", "LHCb", "ALICE"]
STYLES: tuple[StyleName, ...] = ("neutral", "ATLAS", "CMS", "LHCb", "ALICE")

Width = Literal["screen", "column", "page"]
WIDTHS: tuple[Width, ...] = ("screen", "column", "page")

#: Of a journal's column and page, in inches: 86 mm and 178 mm.
_INCHES = {"column": 3.39, "page": 7.01}
#: Letters shrink less than a figure does, which gets higher for them.
_HEIGHT_POWER = 0.7

#: At a printed size all letters are of seven or eight points.
_PRINTED: dict[str, Any] = {
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "font.size": 8,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "lines.linewidth": 1.1,
    "savefig.dpi": 300,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    **{f"{axis}tick.major.size": 3.5 for axis in "xy"},
    **{f"{axis}tick.minor.size": 2.0 for axis in "xy"},
}


@dataclass(frozen=True)
class Look:
    """How a figure looks, wherever a ``style`` is asked for.

    Parameters
    ----------
    style : {"neutral", "ATLAS", "CMS", "LHCb", "ALICE"}
    width : {"screen", "column", "page"}
        Of one or two of a journal's columns, 86 mm or 178 mm, with letters of 7 and 8 points; or
        as large as reads well on a screen.
    heading : str
        What stands above the figure at its right end, such as `collisions` gives.

    Raises
    ------
    ConfigurationError
        If there is no such style or width.

    Examples
    --------
    >>> Look(width="column").size((6.4, 4.4))
    (3.39, 2.82)
    """

    style: StyleName = "neutral"
    width: Width = "screen"
    heading: str = ""

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ConfigurationError(f"no style {self.style!r}; there are {', '.join(STYLES)}")
        if self.width not in WIDTHS:
            raise ConfigurationError(f"no width {self.width!r}; there are {', '.join(WIDTHS)}")

    @classmethod
    def of(cls, style: StyleName | Look) -> Look:
        """Return a look, of which a style's name is one."""
        return style if isinstance(style, Look) else cls(style)

    @property
    def printed(self) -> bool:
        """Whether the figure is of a printed size."""
        return self.width != "screen"

    @property
    def settings(self) -> dict[str, Any]:
        """What the width changes in matplotlib's settings."""
        return _PRINTED if self.printed else {}

    def size(self, on_screen: tuple[float, float]) -> tuple[float, float]:
        """Return width and height, in inches, of a figure that has these on a screen."""
        if not self.printed:
            return on_screen
        width, height = on_screen
        inches = _INCHES[self.width]
        return inches, round(height * (inches / width) ** _HEIGHT_POWER, 2)


def collisions(sqrt_s_tev: float | None = None, luminosity_ifb: float | None = None) -> str:
    """Return what is said of collisions above a figure: their energy and how many there were.

    Parameters
    ----------
    sqrt_s_tev : float, optional
        Energy in the centre of mass.
    luminosity_ifb : float, optional

    Examples
    --------
    >>> collisions(13, 20.3)
    '√s = 13 TeV, 20.3 fb$^{-1}$'
    >>> collisions()
    ''
    """
    parts = []
    if sqrt_s_tev is not None:
        parts.append(f"√s = {sqrt_s_tev:g} TeV")
    if luminosity_ifb is not None:
        parts.append(rf"{luminosity_ifb:.3g} fb$^{{-1}}$")
    return ", ".join(parts)
