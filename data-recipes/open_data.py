"""Filesets of the open data of CMS (NanoAOD) and ATLAS (PHYSLITE), from saved listings.

``python data-recipes/open_data.py --help``, from a checkout, or ``python -m
eμsym.recipes.open_data``. Nothing here asks a server: which listings to save, and how, is in
``open-data.md`` beside this file. Names, records, cross sections and their sources are in
``open_data.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
import uproot

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.exits import run_command
from eμsym.files import read_json, write_json

TABLE = Path(__file__).parent / "open_data.toml"

#: How files of the portal are reached: by XRootD, or by a web server.
_XROOTD, _HTTP = "root://eospublic.cern.ch//", "http://opendata.cern.ch/"
PROTOCOLS = ("root", "http")

#: What ATLAS' metadata of a simulated dataset must hold.
_ATLAS_KEYS = ("cross_section_pb", "genFiltEff", "kFactor", "sumOfWeights")


@cache
def catalogue() -> dict[str, Any]:
    """Return the content of ``open_data.toml``."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def datasets(experiment: str) -> dict[str, dict[str, Any]]:
    """Return the datasets of "cms" or "atlas", by their short names."""
    found: dict[str, dict[str, Any]] = catalogue()[experiment]["datasets"]
    return found


def cms_fileset(
    listings: Path,
    names: tuple[str, ...] = (),
    *,
    protocol: str = "root",
    max_files: int | None = None,
) -> dict[str, Any]:
    """Make a fileset of CMS datasets from their saved records.

    Parameters
    ----------
    listings : Path
        A folder with ``RECORD.json``, what the portal's API says of each record, or
        ``RECORD.txt``, the addresses of its files, one a line.
    names : tuple of str
        Short names of datasets. Default: all.
    protocol : {"root", "http"}
    max_files : int, optional
        Of each dataset, the first by name. A part of the data has no known luminosity.

    Returns
    -------
    dict
        A fileset. Simulated datasets have their cross section, and no ``n_generated`` yet: it
        is the sum of their weights, which stands in the files, see `sums_of_weights`.

    Raises
    ------
    InputFileError
        If a listing is missing, is of another record, or has not all files that it says.
    ConfigurationError
        If there is no such dataset.
    """
    known = datasets("cms")
    found = {}
    for name in _chosen(names, known):
        about = known[name]
        files = _cms_files(listings, about)
        part = max_files is not None and max_files < len(files)
        metadata = {"role": about["role"]}
        if not part and "events" in about:
            metadata["entries"] = about["events"]
        if not part and "luminosity_ifb" in about:
            metadata["luminosity_ifb"] = about["luminosity_ifb"]
        if "cross_section_pb" in about:
            metadata["cross_section_pb"] = about["cross_section_pb"]
        found[name] = {
            "files": {_reached(url, protocol): "Events" for url in files[:max_files]},
            "metadata": metadata,
        }
    return found


def _chosen(names: tuple[str, ...], known: Mapping[str, Any]) -> list[str]:
    for name in names:
        if name not in known:
            raise ConfigurationError(f"no open dataset {name!r}; there are {', '.join(known)}")
    return list(names or known)


def _reached(url: str, protocol: str) -> str:
    """Return the address of a file of the portal by another protocol."""
    path = url
    for start in (_XROOTD, _XROOTD.removesuffix("/"), _HTTP, _HTTP.replace("http:", "https:")):
        path = path.removeprefix(start)
    return (_XROOTD if protocol == "root" else _HTTP) + path


def _cms_files(listings: Path, about: Mapping[str, Any]) -> list[str]:
    """Return the addresses of a record's files, by name."""
    record = about["record"]
    as_json, as_text = (listings / f"{record}.{ending}" for ending in ("json", "txt"))
    if as_json.is_file():
        files, expected = _of_record(as_json, about)
    elif as_text.is_file():
        lines = as_text.read_text(encoding="utf-8").split()
        files, expected = [line for line in lines if line.endswith(".root")], None
    else:
        raise InputFileError(
            f"{as_json}: is missing; save https://opendata.cern.ch/api/records/{record} there"
        )
    expected = about.get("files", expected)
    if not files or (expected is not None and len(files) != expected):
        raise InputFileError(
            f"{as_json if as_json.is_file() else as_text}: lists {len(files)} ROOT files of "
            f"{about['name']}, which has {expected or 'some'}; save it anew"
        )
    return sorted(files)


def _of_record(path: Path, about: Mapping[str, Any]) -> tuple[list[str], int | None]:
    """Return the addresses in a saved record, and how many it says that there are."""
    try:
        metadata = read_json(path)["metadata"]
        title = str(metadata["title"])
        indices = metadata["_file_indices"]
        files = [str(file["uri"]) for index in indices for file in index["files"]]
        expected = metadata.get("distribution", {}).get("number_files")
    except (AttributeError, KeyError, TypeError) as error:
        raise InputFileError(
            f"{path}: is no record of the portal ({error!r}); save "
            f"https://opendata.cern.ch/api/records/{about['record']} there"
        ) from error
    if about["name"] not in title:
        raise InputFileError(f"{path}: is of {title!r}, and not of {about['name']}")
    return [x for x in files if x.endswith(".root")], None if expected is None else int(expected)


def atlas_fileset(saved: Mapping[str, Any], names: tuple[str, ...] = ()) -> dict[str, Any]:
    """Make a fileset of ATLAS datasets from what ``atlasopenmagic`` said of them.

    Parameters
    ----------
    saved : mapping
        By key, a dataset's number or a year of data: ``urls``, what ``get_urls`` gave, and of
        simulation ``metadata``, what ``get_metadata`` gave.
    names : tuple of str
        Short names of datasets. Default: all.

    Returns
    -------
    dict
        A fileset, simulation with σ times filter efficiency times k factor, and the sum of the
        weights of all that was generated.

    Raises
    ------
    ConfigurationError
        If there is no such dataset, it has not been saved, or its metadata lack a number.
    """
    known = datasets("atlas")
    found = {}
    for name in _chosen(names, known):
        about, key = known[name], known[name]["key"]
        entry = saved.get(key)
        if not isinstance(entry, Mapping) or not entry.get("urls"):
            raise ConfigurationError(
                f"{name}: nothing is saved of {key!r}, or no address; see open-data.md"
            )
        metadata: dict[str, Any] = {"role": about["role"]}
        if about["role"] != "data":
            metadata |= _atlas_numbers(name, entry.get("metadata") or {}, about)
        found[name] = {
            "files": dict.fromkeys(sorted(map(str, entry["urls"])), "CollectionTree"),
            "metadata": metadata,
        }
    return found


def _atlas_numbers(
    name: str, metadata: Mapping[str, Any], about: Mapping[str, Any]
) -> dict[str, float]:
    try:
        numbers = {key: float(metadata[key]) for key in _ATLAS_KEYS}
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{name}: its metadata have no number {error}; {', '.join(_ATLAS_KEYS)} are needed"
        ) from error
    short = metadata.get("physics_short")
    if short is not None and short != about["name"]:
        raise ConfigurationError(f"{name}: {about['key']} is {short!r}, and not {about['name']}")
    sigma, efficiency, factor, total = numbers.values()
    return {"cross_section_pb": sigma * efficiency * factor, "n_generated": total}


def sums_of_weights(fileset: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fileset of NanoAOD with the sum of the generator's weights as ``n_generated``.

    The sums of all that was generated are in the tree ``Runs`` of every file, one row a run;
    data, which have none, stay as they are.

    Parameters
    ----------
    fileset : mapping
        Of files that can be opened.

    Raises
    ------
    InputFileError
        If a file of simulation cannot be opened or has no such sums.
    """
    found = {}
    for name, entry in fileset.items():
        metadata = dict(entry["metadata"])
        if metadata.get("role") != "data":
            metadata["n_generated"] = float(sum(_sum_of_weights(path) for path in entry["files"]))
        found[name] = {**entry, "metadata": metadata}
    return found


def _sum_of_weights(path: str) -> float:
    try:
        with uproot.open({path: "Runs"}) as runs:
            return float(np.sum(runs["genEventSumw"].array(library="np"), dtype=np.float64))
    except (OSError, ValueError, KeyError, uproot.KeyInFileError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputFileError(
            f"{path}: the sum of the weights, Runs/genEventSumw, cannot be read ({reason})"
        ) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def open_data() -> None:
    """Make filesets of open data from saved listings."""


_OUTPUT = click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path)
)


@open_data.command()
@click.argument("names", nargs=-1)
@click.option("--listings", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--protocol", default="root", show_default=True, type=click.Choice(PROTOCOLS))
@click.option("--max-files", type=click.IntRange(min=1), help="Of each dataset.")
@_OUTPUT
def cms(
    names: tuple[str, ...], listings: Path, protocol: str, max_files: int | None, output: Path
) -> None:
    """Of CMS NanoAOD, from the portal's records in a folder."""
    fileset = cms_fileset(listings, names, protocol=protocol, max_files=max_files)
    write_json(output, fileset)
    click.echo(f"{output}: {', '.join(fileset)}")


@open_data.command()
@click.argument("names", nargs=-1)
@click.option("--saved", required=True, type=click.Path(dir_okay=False, path_type=Path))
@_OUTPUT
def atlas(names: tuple[str, ...], saved: Path, output: Path) -> None:
    """Of ATLAS PHYSLITE, from what atlasopenmagic said."""
    fileset = atlas_fileset(read_json(saved), names)
    write_json(output, fileset)
    click.echo(f"{output}: {', '.join(fileset)}")


@open_data.command()
@click.argument("fileset", type=click.Path(dir_okay=False, path_type=Path))
@_OUTPUT
def weights(fileset: Path, output: Path) -> None:
    """Add the sums of weights of NanoAOD files to a fileset."""
    write_json(output, sums_of_weights(read_json(fileset)))
    click.echo(str(output))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors that the user can mend are one line and exit code 2."""
    run_command(open_data, arguments, name="open_data.py", interrupted="nothing was written")


if __name__ == "__main__":
    main()
