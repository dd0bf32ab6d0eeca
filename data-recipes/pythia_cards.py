"""The settings of Pythia 8 for every process, put together from the parts in ``pythia/``.

A card is ``common`` + a production + decays. With Pythia alone the production is a hard
process of Pythia's; after MadGraph it is ``lhe``: the events of a Les Houches file. The
decays are the same either way, so the two chains give the same final states; what
MadGraph has decayed already (W and Z of tt̄, Wt, WW, WZ, ZZ) they leave alone.
"""

from __future__ import annotations

from pathlib import Path

from eμsym.errors import ConfigurationError
from eμsym.recipes.cross_sections import Chain, cross_section

PARTS = Path(__file__).parent / "pythia"
#: Pythia takes no larger seed; 0 would be the time of day.
MAX_SEED = 900_000_000

#: Process of Pythia alone → its production and its decays.
_PARTS = {
    "ztautau": ("ztautau", "ztautau"),
    "ttbar": ("ttbar", "w"),
    "ww": ("ww", "w"),
    "wz": ("wz", "wz"),
    "zz": ("zz", "zz"),
    "wt": (None, "w"),
    "zll": ("zll", "zll"),
    "wjets": ("wjets", "w_emu"),
    "hww": ("higgs", "hww"),
    "htautau": ("higgs", "htautau"),
    "hlfv_taue": ("higgs", "hlfv_taue"),
    "hlfv_taumu": ("higgs", "hlfv_taumu"),
}


def pythia_settings(process: str, *, chain: Chain = "pythia") -> tuple[str, ...]:
    """Return the settings of a process, a line each, as `Pythia.readString` takes them.

    Parameters
    ----------
    process : str
        One of `eμsym.recipes.cross_sections.processes`.
    chain : {"pythia", "madgraph"}
        Whether Pythia makes the hard process, or reads it from a Les Houches file;
        the file, ``Beams:LHEF``, is then still to be added.

    Returns
    -------
    tuple of str
        Without comments, seed and number of events.

    Raises
    ------
    ConfigurationError
        If the chain has no such process.
    """
    return tuple(line for line in _text(process, chain).splitlines() if not line.startswith("!"))


def pythia_card(
    process: str,
    *,
    n_events: int,
    seed: int,
    chain: Chain = "pythia",
    lhe: str | Path | None = None,
) -> str:
    """Return the text of a card that ``DelphesPythia8`` runs.

    Parameters
    ----------
    process, chain : str
        As for `pythia_settings`.
    n_events : int
        Number of events.
    seed : int
        From 1 to 900,000,000.
    lhe : str or Path, optional
        The Les Houches file, uncompressed, of chain "madgraph".

    Returns
    -------
    str

    Raises
    ------
    ConfigurationError
        If the chain has no such process, or a number or the file does not fit.
    """
    if n_events < 1:
        raise ConfigurationError(f"{n_events} events: choose a whole number, 1 or more")
    if not 1 <= seed <= MAX_SEED:
        raise ConfigurationError(f"seed {seed}: Pythia takes 1 to {MAX_SEED:,}")
    if (lhe is None) == (chain == "madgraph"):
        raise ConfigurationError(
            f"{process} with {chain}: a Les Houches file is needed with madgraph, and only there"
        )
    run = [f"Main:numberOfEvents = {n_events}", "Random:setSeed = on", f"Random:seed = {seed}"]
    if lhe is not None:
        run.append(f"Beams:LHEF = {lhe}")
    return _text(process, chain) + "! This run.\n" + "\n".join(run) + "\n"


def _text(process: str, chain: Chain) -> str:
    """Return the parts of a card, comments included."""
    cross_section(process, chain=chain)  # says which processes there are
    production, decays = _PARTS[process.removesuffix("_ggf").removesuffix("_vbf")]
    made = "lhe" if chain == "madgraph" else f"production_{production}"
    names = ("common", made, f"decays_{decays}")
    return "".join((PARTS / f"{name}.cmnd").read_text(encoding="utf-8") for name in names)
