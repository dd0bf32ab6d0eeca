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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hist
from pydantic import (
    ValidationError,
)

from eμsym.errors import InputFileError
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
from eμsym.results import Results
from eμsym.root_io import identity_of, root_file
from eμsym.validation import first_problem

_HOW = "make it with emusym process"


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
