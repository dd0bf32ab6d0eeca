"""How a command's help ends: with commands to copy."""

from __future__ import annotations


def examples(*lines: str) -> str:
    r"""Return the end of a help text: command lines, each kept as it is.

    Parameters
    ----------
    *lines : str

    Examples
    --------
    >>> examples("emusym run", "emusym run --overwrite")
    '\x08\nFor example:\n  emusym run\n  emusym run --overwrite'
    """
    # Click leaves a paragraph that begins with this character in its lines.
    return "\n".join(["\b", "For example:", *(f"  {line}" for line in lines)])
