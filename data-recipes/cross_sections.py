"""The table of cross sections at 13 TeV, and what of them the samples contain.

The numbers, with source and uncertainty, are in ``cross_sections.toml``. A sample is
normalised with σ·BR of what was generated, which is never what the generator prints:
its value is of leading order, and in Pythia's case contains the artificial branching
ratio of H→τe or H→τμ that opens the decay.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eμsym.errors import ConfigurationError

#: MadGraph (hard process) and Pythia, or Pythia alone. Both end in Delphes.
Chain = Literal["madgraph", "pythia"]
CHAINS: tuple[Chain, ...] = ("madgraph", "pythia")
TABLE = Path(__file__).parent / "cross_sections.toml"
#: What a process is generated for if the table says nothing: an electron and a muon.
EMU = "emu"
#: Branching ratio of H→τe or H→τμ where none is given.
LFV_BRANCHING_RATIO = 0.01


@dataclass(frozen=True)
class CrossSection:
    """A process's cross section, and the part of it that is generated.

    Attributes
    ----------
    process : str
    chain : {"madgraph", "pythia"}
    role : {"background", "signal"}
    final_state : str
        What it is generated for, by the names of `eμsym.final_states.FINAL_STATES`.
    value_pb, uncertainty_pb : float
        Of `definition`, pb; no branching ratio of what is forced below is in it.
    order : str
        Order in perturbation theory.
    definition : str
        What the value includes, with the mass window if there is a Z.
    source : str
    generated : str
        What the chain generates.
    phase_space : float
        Factor from `definition` to the phase space that is generated.
    decays : tuple of str
        Decays that are forced, by name; see `branching_ratio_of`.
    branching_ratio : float
        Their product; for a signal with that of H→τe or H→τμ.
    lfv_branching_ratio : float or None
        That of H→τe or H→τμ; None for a background.
    """

    process: str
    chain: Chain
    role: Literal["background", "signal"]
    final_state: str
    value_pb: float
    uncertainty_pb: float
    order: str
    definition: str
    source: str
    generated: str
    phase_space: float
    decays: tuple[str, ...]
    branching_ratio: float
    lfv_branching_ratio: float | None

    @property
    def filtered_pb(self) -> float:
        """σ·BR of what is generated, pb: what a sample is normalised with."""
        return self.value_pb * self.phase_space * self.branching_ratio

    @property
    def filtered_uncertainty_pb(self) -> float:
        """The uncertainty of `filtered_pb` that comes from the cross section, pb."""
        return self.uncertainty_pb * self.phase_space * self.branching_ratio

    def to_dict(self) -> dict[str, Any]:
        """Return the cross section, for JSON."""
        return {**asdict(self), "decays": list(self.decays), "filtered_pb": self.filtered_pb}


def processes(chain: Chain = "pythia", *, final_state: str | None = EMU) -> tuple[str, ...]:
    """Return the names of the processes of a chain, backgrounds first.

    Parameters
    ----------
    chain : {"madgraph", "pythia"}
    final_state : str or None
        Only those that are generated for it; None: all.
    """
    return tuple(
        name
        for name, entry in _table()["processes"].items()
        if chain in entry["chains"] and final_state in (None, entry.get("final_state", EMU))
    )


def cross_section(
    process: str,
    *,
    chain: Chain = "pythia",
    lfv_branching_ratio: float = LFV_BRANCHING_RATIO,
) -> CrossSection:
    """Look up a process.

    Parameters
    ----------
    process : str
        One of `processes`.
    chain : {"madgraph", "pythia"}
        They differ in what of a process they generate: Higgs production is split
        with MadGraph, and a ZZ of Pythia alone contains virtual photons.
    lfv_branching_ratio : float
        Of H→τe or H→τμ, between 0 and 1; of use for signals only.

    Returns
    -------
    CrossSection

    Raises
    ------
    ConfigurationError
        If the chain has no such process, or the branching ratio is impossible.
    """
    entry = _table()["processes"].get(process)
    if entry is None or chain not in entry["chains"]:
        other = f" with {' and '.join(entry['chains'])}" if entry else ""
        there = f"; there is one{other}" if entry else ""
        raise ConfigurationError(
            f"{process!r}: no such process with {chain}{there}; "
            f"choose one of {', '.join(processes(chain, final_state=None))}"
        )
    if not 0 < lfv_branching_ratio <= 1:
        raise ConfigurationError(
            f"branching ratio {lfv_branching_ratio} of H→τe or H→τμ: choose one above 0, up to 1"
        )
    signal = entry["role"] == "signal"
    decays = tuple(entry["decays"])
    branching_ratio = float(np.prod([branching_ratio_of(name) for name in decays]))
    return CrossSection(
        process=process,
        chain=chain,
        role=entry["role"],
        final_state=entry.get("final_state", EMU),
        generated=entry["generated"],
        phase_space=float(entry.get("phase_space", {}).get(chain, 1.0)),
        decays=decays,
        branching_ratio=branching_ratio * (lfv_branching_ratio if signal else 1.0),
        lfv_branching_ratio=lfv_branching_ratio if signal else None,
        **(_production(entry["production"]) if "production" in entry else _values(entry)),
    )


def branching_ratio_of(decay: str) -> float:
    """Return a branching ratio of the table, such as ``"tau_mu"``."""
    entry = _table()["branching_ratios"][decay]
    if "sum_of" in entry:
        return sum(branching_ratio_of(part) for part in entry["sum_of"])
    return float(entry["value"])


def _production(name: str) -> dict[str, Any]:
    """Return the values of a way to make a Higgs boson, or of several together."""
    entry = _table()["production"][name]
    if "sum_of" not in entry:
        return _values(entry)
    parts = [_production(part) for part in entry["sum_of"]]
    texts = {key: "; ".join(p[key] for p in parts) for key in ("order", "definition", "source")}
    return {
        "value_pb": sum(part["value_pb"] for part in parts),
        "uncertainty_pb": float(np.hypot(*(part["uncertainty_pb"] for part in parts))),
        **texts,
    }


def _values(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        key: entry[key] for key in ("value_pb", "uncertainty_pb", "order", "definition", "source")
    }


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
