"""What a user may say about how files are read: names, identification, triggers."""

from __future__ import annotations

from dataclasses import dataclass, fields

from eμsym.errors import ConfigurationError


@dataclass(frozen=True)
class FormatOptions:
    """The table ``[format]`` of a configuration. None is what `docs/formats.md` lists.

    A format refuses what it has no use for: nothing that is asked for is dropped silently.

    Parameters
    ----------
    name : str, optional
        ``Delphes``, ``NanoAOD``, ``PHYSLITE`` or ``flat``. Default: found from the files.
    met : str, optional
        Which missing momentum: of NanoAOD ``PuppiMET``, ``MET``, ``PFMET``; of PHYSLITE
        ``rebuilt`` or ``CONTAINER:TERM``.
    electron_id, muon_id : str, optional
        What leptons must pass: ``cutBased >= 3``, ``mediumId and isGlobal``. ``none``: all do.
    jet_id : str, optional
        What jets must pass to be jets at all, in the same words.
    electron_isolation, muon_isolation : str, optional
        The branch that the cuts on isolation look at.
    btag : str, optional
        When a jet is b-tagged: ``btagDeepFlavB > 0.2783``.
    triggers : tuple of str
        Paths of which an event must have fired any. One with a question mark at its end
        need not be in every file.
    golden_json : str, optional
        File of the certified luminosity blocks, for data.
    weight : str, optional
        The branch of the events' weights; ``none``: every event counts once.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    name: str | None = None
    met: str | None = None
    electron_id: str | None = None
    muon_id: str | None = None
    jet_id: str | None = None
    electron_isolation: str | None = None
    muon_isolation: str | None = None
    btag: str | None = None
    triggers: tuple[str, ...] = ()
    golden_json: str | None = None
    weight: str | None = None

    def refuse(self, format_name: str, *unused: str) -> None:
        """Refuse options that a format has no use for.

        Raises
        ------
        ConfigurationError
            If one of the options named `unused` is given.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in unused and value not in (None, ()):
                raise ConfigurationError(
                    f"format.{each.name} = {value!r}: {format_name} files have no such choice; "
                    "leave it out"
                )
