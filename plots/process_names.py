"""What figures call processes: as physicists write them, not as files are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: By the names of the package's own samples. A dataset's metadata may give another ``label``.
PROCESS_NAMES = {
    "ztautau": "Z → ττ",
    "ttbar": "tt̄",
    "wt": "tW",
    "ww": "WW",
    "wz": "WZ",
    "zz": "ZZ",
    "hww": "H → WW",
    "htautau": "H → ττ",
    "hlfv_taue": "H → τe",
    "hlfv_taumu": "H → τμ",
}


def process_names(datasets: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what to call processes: `PROCESS_NAMES`, and before them each dataset's ``label``.

    Parameters
    ----------
    datasets : mapping of str to mapping
        Dataset → its metadata.

    Examples
    --------
    >>> found = process_names({"ww": {}, "mine": {"label": "X → eμ"}})
    >>> found["ww"], found["mine"], found["hlfv_taue"]
    ('WW', 'X → eμ', 'H → τe')
    """
    own = {name: str(about["label"]) for name, about in datasets.items() if about.get("label")}
    return {**PROCESS_NAMES, **own}
