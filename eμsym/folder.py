"""The folder that ``emusym process`` makes: its only reader and its only writer.

::

    results.json          what was done and what came of it, see `Results`
    histograms.json       UHI JSON, axes dataset, order, then the observables
    histograms.root       the same as DATASET/ORDER/NAME
    events/DATASET.parquet
    figures/NAME.png, .pdf, .svg
    equalisation.json     a self-calibration as a correctionlib file
    pyhf/SIGNAL.json      workspaces, on request

In file names, a dataset's or a signal's name is quoted as in a URL, and cut where it is long.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import hist
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from eμsym.blinding import Blinding
from eμsym.errors import ConfigurationError, EmusymError, InputFileError
from eμsym.event_io import write_events
from eμsym.files import (
    RESULTS_FILE,
    as_file_name,
    make_folder,
    read_json,
    whole_file,
    whole_folder,
    write_json,
)
from eμsym.folder_files import (
    RESULTS_SCHEMA,
    VERSION,
    event_file,
    figure_files,
    strangers,
    workspace_file,
)
from eμsym.histogram_io import read_histograms, write_histograms
from eμsym.input_files import is_file
from eμsym.label_rule import LEADING, LabelRule
from eμsym.regions import Region, named, regions_of
from eμsym.root_io import identity_of, root_file
from eμsym.validation import first_problem

_HOW = "make it with emusym process"

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


@dataclass(frozen=True)
class ProcessedFolder:
    """A folder of processed events, by its parts.

    Nothing is kept in memory: every call reads or writes the disk, files whole or
    not at all.

    Parameters
    ----------
    path : Path
        It may be empty yet; then it can be written only.
    """

    path: Path

    @property
    def results_file(self) -> Path:
        """``results.json``."""
        return self.path / RESULTS_FILE

    @property
    def figures(self) -> Path:
        """The folder of the figures; it may not be there."""
        return self.path / "figures"

    @property
    def equalisation_file(self) -> Path:
        """A self-calibration as a correctionlib file; it may not be there."""
        return self.path / "equalisation.json"

    def content(self) -> dict[str, Any]:
        """Return ``results.json`` as it is on disk, checked.

        Raises
        ------
        InputFileError
            If the folder has none, or a part of it is missing or wrong.
        ConfigurationError
            If it is of another schema or version.
        """
        if not is_file(self.results_file):
            raise InputFileError(f"{self.path}: has no {RESULTS_FILE}; {_HOW}")
        content: dict[str, Any] = read_json(
            self.results_file, schema=RESULTS_SCHEMA, version=VERSION
        )
        _checked(content, self.results_file)
        return content

    def results(self) -> Results:
        """Return ``results.json`` by its parts; errors as for `content`."""
        return _checked(self.content(), self.results_file)

    def histograms(self) -> dict[str, hist.Hist]:
        """Return the histograms: axes dataset, order, then the observables.

        Raises
        ------
        InputFileError
            If they cannot be read.
        """
        return read_histograms(self.path / "histograms.json")

    def histogram(self, name: str) -> hist.Hist:
        """Return one of the histograms.

        Raises
        ------
        InputFileError
            If it is not there.
        """
        histograms = self.histograms()
        if name not in histograms:
            raise InputFileError(f"{self.path}: has no histogram {name!r}; {_HOW}")
        return histograms[name]

    def event_files(self) -> dict[str, Path]:
        """Return the file of every dataset's events, by the dataset's name.

        Raises
        ------
        InputFileError
            If one is missing, or there is one more than ``results.json`` names.
        """
        known = self.results().cutflow
        paths = {name: event_file(self.path, name) for name in known}
        if not any(is_file(path) for path in paths.values()):
            raise InputFileError(f"{self.path}: has no events/*.parquet; {_HOW}")
        for path in paths.values():
            if not is_file(path):
                raise InputFileError(f"{path}: is missing; {_HOW}")
        expected = set(paths.values())
        for path in sorted((self.path / "events").glob("[!.]*.parquet")):
            if path not in expected:
                raise InputFileError(
                    f"{path}: is of no dataset that {RESULTS_FILE} names; move it away"
                )
        return paths

    def strangers(self) -> list[str]:
        """Return what is in the folder and not ours: see `eμsym.folder_files.strangers`."""
        return strangers(self.path)

    def write_events(self, dataset: str, parts: Iterable[Any], *, like: Any) -> None:
        """Write the events of a dataset, a part at a time: see `eμsym.event_io.write_events`."""
        make_folder(self.path / "events")
        # Nobody else writes here: to look for what others left, once a file, would be quadratic.
        write_events(event_file(self.path, dataset), parts, like=like, tidy=False)

    def write_histograms(
        self, histograms: Mapping[str, hist.Hist], orders: tuple[str, str]
    ) -> None:
        """Write histograms with axes dataset, order, then the observables, in both formats.

        Parameters
        ----------
        histograms : mapping of str to hist.Hist
        orders : tuple of str
            The categories of the axis ``order``, A first.

        Raises
        ------
        OutputError
            If they cannot be written.
        """
        write_histograms(self.path / "histograms.json", histograms)
        path, identity = self.path / "histograms.root", identity_of(histograms)
        with whole_file(path) as temporary, root_file(temporary, identity) as file:
            for name, histogram in histograms.items():
                for dataset in histogram.axes["dataset"]:
                    for order in orders:
                        key = f"{as_file_name(dataset)}/{order}/{name}"
                        file[key] = histogram[{"dataset": dataset, "order": order}]

    def write_results(self, parts: Mapping[str, Any]) -> dict[str, Any]:
        """Write ``results.json`` of all its parts; schema and version are added.

        Returns
        -------
        dict
            Its content.

        Raises
        ------
        InputFileError
            If a part is missing or wrong.
        OutputError
            If it cannot be written.
        """
        content = {"schema": RESULTS_SCHEMA, "version": VERSION, **parts}
        _checked(content, self.results_file)
        write_json(self.results_file, content)
        return content

    def update_results(self, **parts: Any) -> dict[str, Any]:
        """Replace parts of ``results.json``; returns and errors as for `write_results`."""
        return self.write_results({**self.content(), **parts})

    def write_workspace(self, signal: str, workspace: Any) -> None:
        """Write the pyhf workspace of a signal.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        make_folder(self.path / "pyhf")
        write_json(workspace_file(self.path, signal), workspace)

    def figure_name(self, name: str) -> str:
        """Return the file name, without ending, of a figure."""
        return as_file_name(name)

    def announce_figures(self, names: Iterable[str]) -> None:
        """Say in ``results.json`` which figures are about to be written.

        If the process dies before all are, those that are there are still known as ours.

        Parameters
        ----------
        names : iterable of str
            As for `figure_name`.
        """
        files = [path.name for name in names for path in figure_files(self.path, name)]
        self.update_results(figures=list(dict.fromkeys([*self.results().figures, *files])))

    def update_part(self, name: str, part: Mapping[str, Any], figures: Sequence[str]) -> None:
        """Replace a part of ``results.json`` that has figures of its own, and these.

        Figures of it that were not drawn again are removed: they would show other numbers.

        Parameters
        ----------
        name : str
            Such as "limits".
        part : mapping
        figures : sequence of str
            Names of the files that hold.
        """
        content = self.content()
        stale = set(content.get(name, {}).get("figures", ())).difference(figures)
        known = content.get("figures", ())
        for each in stale.intersection(known):
            (self.figures / each).unlink(missing_ok=True)
        kept = [each for each in known if each not in stale]
        self.update_results(
            **{name: {**part, **self.made_blinded(), "figures": list(figures)}},
            figures=list(dict.fromkeys([*kept, *figures])),
        )

    def made_blinded(self) -> dict[str, Any]:
        """Return what a part of ``results.json`` says of the blinding that it was made under."""
        blinding = self.results().blinding
        return {"blinded": blinding.to_dict()} if blinding else {}

    def replace_figures(self, written: Iterable[str]) -> list[str]:
        """Remove the figures of earlier tests that were not drawn again.

        What others have put beside them stays.

        Parameters
        ----------
        written : iterable of str
            Names of the files that hold.

        Returns
        -------
        list of str
            Those names, for `update_results`.
        """
        names = list(written)
        for name in set(self.results().figures).difference(names):
            (self.figures / name).unlink(missing_ok=True)
        return names


@contextmanager
def new_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[ProcessedFolder]:
    """Give a folder to write into, which gets its name when the block succeeds.

    Parameters
    ----------
    path : str or Path
        See `eμsym.files.whole_folder`.
    overwrite : bool
        Replace a folder of ours, in which nobody else has put anything.

    Raises
    ------
    OutputError
        If `path` is in the way or cannot be written.
    """
    with whole_folder(path, overwrite=overwrite, strangers=strangers) as made:
        yield ProcessedFolder(made)


def _checked(content: Mapping[str, Any], path: Path) -> Results:
    """Return the content by its parts; one line for the first that is missing or wrong."""
    try:
        return Results.model_validate(content)
    except ValidationError as error:
        raise InputFileError(f"{path}: {first_problem(error)}; {_HOW}") from error
