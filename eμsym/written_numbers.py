"""How numbers of results are written, the same on the terminal and in the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def events(value: float) -> str:
    """Return a number of events: whole numbers without a point, and thousands apart."""
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"


def limit(value: float) -> str:
    """Return a limit: three digits, nothing for what is not there (NaN)."""
    if value != value:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def pvalue(found: Mapping[str, Any] | None) -> str:
    """Return a p-value: with its error, or as the limit that it is.

    Parameters
    ----------
    found : mapping or None
        With ``pvalue``, ``resolved`` and, where it has one, ``pvalue_error``. Of None nothing
        is written.
    """
    if found is None:
        return ""
    if not found["resolved"]:
        return f"< {found['pvalue']:.2g}"
    if found.get("pvalue_error") is None:
        return f"{found['pvalue']:.2g}"
    return f"{found['pvalue']:.2g} ± {found['pvalue_error']:.1g}"


def z_of(found: Mapping[str, Any] | None) -> str:
    """Return Z: a lower limit where p is an upper one; parameters as of `pvalue`, and ``z``."""
    if found is None or found["z"] is None:
        return ""
    return f"{found['z']:+.2f}" if found["resolved"] else f"> {found['z']:.2f}"


def p_and_z(found: Mapping[str, Any]) -> str:
    """Return p and Z for a sentence, "p = 0.17, Z = +0.94"; parameters as of `z_of`."""
    equals = "= " if found["resolved"] else ""  # else "<" and ">" stand before the numbers
    z = z_of(found)
    return f"p {equals}{pvalue(found)}" + (f", Z {equals}{z}" if z else "")


def rounded(value: float) -> str:
    """Return a number with three digits that count: "1230", "9.23", "0.0321"."""
    return f"{float(f'{value:.3g}'):g}"


def maybe(value: Any, digits: int = 1) -> str:
    """Return a number with digits behind its point, nothing for what is no float."""
    return f"{value:,.{digits}f}" if isinstance(value, float) else ""
