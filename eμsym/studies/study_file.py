"""``study.json``: what a store is the store of."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import read_json
from eμsym.studies.durable_file import write_durably
from eμsym.studies.study_config import Study, study_from_dict

STUDY_FILE = "study.json"
SCHEMA = "emusym/study"
#: Of the folder's layout and of the way that toys are made from a study.
VERSION = 1

#: Those whose arithmetic t is made of.
_PACKAGES = ("emusym", "numba", "numpy", "scipy")

#: What changes no toy: how many there are, where files lie, threads. Nor does the study's name.
_NEUTRAL = frozenset({"toys", "path", "signal_path", "threads"})


@dataclass(frozen=True, eq=False)
class StudyFile:
    """What ``study.json`` says.

    Attributes
    ----------
    study : Study
    inputs : dict
        For each row that reads files: the SHA-256 of the events' values, their
        number, and how many of them differ.
    versions : tuple of dict
        Versions of the packages that the toys were made with; usually one dict.
    """

    study: Study
    inputs: dict[str, dict[str, Any]]
    versions: tuple[dict[str, str], ...]

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that a toy's numbers depend on, besides its index."""
        study = self.study.to_dict()
        return {
            "seed": study["seed"],
            "tests": [_relevant(test) for test in study["tests"]],
            "rows": [_relevant(row) for row in study["rows"]],
            "inputs": {name: given["sha256"] for name, given in self.inputs.items()},
        }

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the `identity`, in hexadecimal: of a study, whatever its number of toys."""
        text = json.dumps(self.identity, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write it into a folder.

        Raises
        ------
        OutputError
            If that is impossible.
        """
        content = {
            "schema": SCHEMA,
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "study": self.study.to_dict(),
            "inputs": self.inputs,
            "versions": list(self.versions),
        }
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        write_durably(folder / STUDY_FILE, f"{text}\n".encode())

    @classmethod
    def read(cls, folder: Path) -> StudyFile:
        """Read it from a folder.

        Raises
        ------
        InputFileError
            If it is not there, or damaged.
        ConfigurationError
            If it is of another version, or was changed by hand.
        """
        path = folder / STUDY_FILE
        content = read_json(path, schema=SCHEMA, version=VERSION)
        try:
            found = cls(
                study_from_dict(content["study"]),
                {name: dict(given) for name, given in content["inputs"].items()},
                tuple(dict(versions) for versions in content["versions"]),
            )
            expected, fingerprint = content["fingerprint"], found.fingerprint
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputFileError(f"{path}: a part is missing or damaged ({error!r})") from error
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from error
        if fingerprint != expected:
            raise ConfigurationError(
                f"{path}: was changed after the toys were made; put back what it was"
            )
        return found


def versions_here() -> dict[str, str]:
    """Return the versions of the packages that toys are made with."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def first_difference(old: StudyFile, new: StudyFile) -> str | None:
    """Return where two studies first differ in what makes their toys, in words."""
    mine, yours = old.identity, new.identity
    for name, digest in yours.pop("inputs").items():
        known = mine["inputs"].get(name)
        if known is not None and known != digest:
            return f"row {name!r}: the files' events are not those of before"
    del mine["inputs"]
    before, now = dict(_leaves(mine)), dict(_leaves(yours))
    for place in [*now, *(key for key in before if key not in now)]:
        if before.get(place, "") != now.get(place, ""):
            values = (_shown(each, place) for each in (now, before))
            return "{} is {}, and was {}".format(place, *values)
    return None


def _relevant(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key not in _NEUTRAL}


def _leaves(tree: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a tree's values with their places, as "rows.0.n_a"."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _leaves(value, f"{place}.{key}" if place else key)
    elif isinstance(tree, list) and tree and isinstance(tree[0], dict):
        for i, value in enumerate(tree):
            yield from _leaves(value, f"{place}.{i}")
    else:
        yield place, tree


def _shown(leaves: Mapping[str, Any], place: str) -> str:
    return json.dumps(leaves[place], ensure_ascii=False) if place in leaves else "not given"
