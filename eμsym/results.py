"""What ``results.json`` of a processed folder says, by its parts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from eμsym.blinding import Blinding
from eμsym.errors import ConfigurationError, EmusymError
from eμsym.label_rule import LEADING, LabelRule
from eμsym.regions import Region, named, regions_of

#: The row of a blinded folder's cutflow with the events that are left.
NOT_BLINDED = "not_blinded"


def _plain_name(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError("is not the name of a file")
    return name


FileName = Annotated[str, AfterValidator(_plain_name)]


def _as_rule(content: Any) -> LabelRule:
    try:
        return content if isinstance(content, LabelRule) else LabelRule.from_dict(content)
    except (AttributeError, KeyError, TypeError, ValueError, EmusymError) as error:
        raise ValueError(f"is no label rule ({error})") from error


class _Part(BaseModel):
    """A part of ``results.json``: what is said here must be there; there may be more."""

    model_config = ConfigDict(extra="allow", frozen=True)


#: What JSON has as a number: no text, and not its extensions NaN and Infinity.
Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]


class Counts(_Part):
    """Events that are left after a cut: their number, Σw and Σw², before any scale."""

    raw: Annotated[int, Field(ge=0, strict=True)]
    sumw: Number
    sumw2: Annotated[Number, Field(ge=0)]


class Scale(_Part):
    """What a dataset's weights are multiplied by, and the luminosity it has without, fb⁻¹."""

    scale: Number
    luminosity_ifb: Number | None


class About(_Part):
    """What the fileset says of a dataset: its role at least, and of fakes their factor."""

    role: str
    transfer_factor: Annotated[Number, Field(gt=0)] | None = None
    transfer_factor_error: Annotated[Number, Field(ge=0)] | None = None
    subtracted_from: str | None = None


class InputFile(_Part):
    """A file that was read: which, and how many events of it."""

    dataset: str
    path: str
    uuid: str
    processed: int
    file_id: str = ""

    @property
    def known_here_alone(self) -> bool:
        """Whether its identity is not that of `eμsym.processors.file_identity`.

        Once it was made of the dataset's name, and so another one in every folder.
        """
        digest = hashlib.blake2b(f"{self.dataset}\0{self.uuid}".encode(), digest_size=8).digest()
        return self.file_id == f"{int.from_bytes(digest, 'little'):016x}"


class EventsWritten(_Part):
    """What tells whether the events beside are those that were written.

    Attributes
    ----------
    columns : list of str
    digests : dict of str to str
        Dataset → `eμsym.event_digest.events_digest` of these columns, sixteen hexadecimal digits.
    """

    columns: list[str]
    digests: dict[str, str]


class Blinded(_Part):
    """What is hidden, see `eμsym.blinding.Blinding`, and what is left of the samples.

    Attributes
    ----------
    windows : dict of str to (float, float)
        By column.
    left : dict of str to dict of str to Counts
        Dataset → order → events outside of the window.
    """

    windows: dict[str, tuple[Number, Number]]
    left: dict[str, dict[str, Counts]]


class Provenance(_Part):
    """The versions of the packages that made the folder."""

    packages: dict[str, str]


class FormatOfFiles(_Part):
    """Of what format the files were, and where their detector's efficiencies may jump in |η|."""

    name: str | None = None
    cracks: tuple[Annotated[Number, Field(gt=0)], ...] | None = None


class Configuration(_Part):
    """How the events were processed: cuts, axes of the plane and of the observables, format."""

    processor: dict[str, Any]
    format: FormatOfFiles = FormatOfFiles()

    @property
    def regions(self) -> dict[str, Region]:
        """The named regions, by name."""
        return regions_of(self.processor)

    @model_validator(mode="after")
    def _regions_are_some(self) -> Self:
        try:
            regions_of(self.processor)
        except (AttributeError, KeyError, TypeError, EmusymError) as error:
            raise ValueError(f"processor.regions are none ({error})") from error
        return self


class Results(_Part):
    """The content of ``results.json``.

    Attributes
    ----------
    provenance : Provenance
    configuration : Configuration
    datasets : dict of str to About
    inputs : list of InputFile
    normalisation : dict of str to Scale
        By dataset.
    missing, warnings : list of str
        One line each.
    pair : list of str
        Datasets that make up the pair.
    cutflow : dict of str to dict of str to Counts
        Dataset → cut → events, the two orders last.
    label_rule : LabelRule
        Which events are A; folders that say nothing have `LEADING`.
    tests : dict
        What the tests said; empty before there were any.
    figures : list of str
        Names of the figures' files.
    events : EventsWritten or None
        None in folders of before there was such a thing.
    blinded : Blinded or None
        What nobody is to look at yet; None: all is shown.
    """

    provenance: Provenance
    configuration: Configuration
    datasets: dict[str, About]
    inputs: list[InputFile]
    normalisation: dict[str, Scale]
    missing: list[str]
    warnings: list[str]
    pair: list[str]
    cutflow: dict[str, dict[str, Counts]]
    tests: dict[str, Any]
    figures: list[FileName] = []
    label_rule: Annotated[LabelRule, BeforeValidator(_as_rule)] = LEADING
    events: EventsWritten | None = None
    blinded: Blinded | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Check that every dataset of the pair, of the cutflow and of the scales is known."""
        for name in self.cutflow.keys() - self.normalisation.keys():
            raise ValueError(f"normalisation.{name} is missing")
        for name in self.pair:
            if name not in self.cutflow:
                raise ValueError(f"pair: no dataset {name!r} in the cutflow")
        cuts = [list(flow) for flow in self.cutflow.values()]
        for name, own in zip(self.cutflow, cuts, strict=True):
            if own != cuts[0]:
                raise ValueError(f"cutflow.{name} has other cuts than the first dataset")
            if missing := [order for order in self.orders if order not in own]:
                raise ValueError(f"cutflow.{name}.{missing[0]} is missing")
        if self.blinded is not None:
            for name in self.cutflow:
                if self.blinded.left.get(name, {}).keys() != set(self.orders):
                    raise ValueError(f"blinded.left.{name} is not of {' and '.join(self.orders)}")
        return self

    def datasets_of(self, chosen: Sequence[str] | None, where: str) -> tuple[str, ...]:
        """Return the datasets of a pair: those that are chosen, or the folder's own.

        Parameters
        ----------
        chosen : sequence of str, optional
        where : str
            What a message calls the folder.

        Raises
        ------
        ConfigurationError
            If one is not there; the message lists those that are.
        """
        names = tuple(chosen or self.pair)
        for name in names:
            if name not in self.cutflow:
                raise ConfigurationError(
                    f"{where}: no dataset {name!r}; there are {', '.join(self.cutflow)}"
                )
        return names

    def region(self, name: str) -> Region:
        """Return a region by its name; a `ConfigurationError` lists those there are."""
        return named(self.configuration.regions, name)

    @property
    def blinding(self) -> Blinding:
        """The window whose events are hidden; false without."""
        return Blinding({} if self.blinded is None else self.blinded.windows)

    @property
    def blinding_line(self) -> str:
        """What is said of a blinding wherever numbers are; empty without one."""
        if self.blinded is None:
            return ""
        pair = [name for name in self.pair if name in self.blinded.left]
        of_all = sum(self.cutflow[name][order].raw for name in pair for order in self.orders)
        left = sum(each.raw for name in pair for each in self.blinded.left[name].values())
        return (
            f"{self.blinding}: {of_all - left:,} of the pair's {of_all:,} events are in no "
            "figure, table or test"
        )

    @property
    def shown_cutflow(self) -> dict[str, dict[str, Counts]]:
        """The cutflow of what may be looked at: with a row for a blinding, and its samples."""
        if self.blinded is None:
            return self.cutflow
        shown = {}
        for name, flow in self.cutflow.items():
            left = {order: self.blinded.left[name][order] for order in self.orders}
            a, b = left.values()
            both = Counts(raw=a.raw + b.raw, sumw=a.sumw + b.sumw, sumw2=a.sumw2 + b.sumw2)
            before = {cut: counts for cut, counts in flow.items() if cut not in left}
            shown[name] = {**before, NOT_BLINDED: both, **left}
        return shown

    @property
    def orders(self) -> tuple[str, str]:
        """What A and B are called in cutflow and histograms."""
        return self.label_rule.orders
