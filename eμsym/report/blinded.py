"""What a report of a blinded folder shows: nothing that was made with what is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Parts of ``results.json`` that hold results, and the command that makes each anew.
_PARTS = {"tests": "emusym test", "scan": "emusym scan", "limits": "emusym limit"}


def without_unblinded(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return ``results.json`` without results and figures of before its blinding.

    Parameters
    ----------
    content : mapping
        Of ``results.json``.

    Returns
    -------
    content : dict
        The same where nothing is blinded.
    lines : list of str
        One for every part that is left out, or that was made under another blinding.
    """
    now = (content.get("blinded") or {}).get("windows", {})
    shown, lines = dict(content), []
    kept_figures = list(content.get("figures", ()))
    of_others = {
        name for part in ("scan", "limits") for name in _part(content, part).get("figures", ())
    }
    for part, command in _PARTS.items():
        found = _part(content, part)
        if not found or found.get("blinded", {}) == now:
            continue
        if not now:
            lines.append(f"{part}: made while a window was blinded; make them anew with {command}")
            continue
        own = found.get("figures", ())
        gone = set(own) if part != "tests" else set(kept_figures) - of_others
        kept_figures = [name for name in kept_figures if name not in gone]
        if part == "tests":
            shown["tests"] = {}
        else:
            del shown[part]
        lines.append(
            f"{part}: left out, made with what is blinded now; make them anew with {command}"
        )
    shown["figures"] = kept_figures
    return shown, lines


def _part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, Mapping) else {}
