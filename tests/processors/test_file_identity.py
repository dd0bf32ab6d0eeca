"""A file is known again by what it is: not by its path, dataset or UUID alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import uproot
from coffea.nanoevents import DelphesSchema
from coffea.processor import IterativeExecutor, Runner

from eμsym.errors import ConfigurationError
from eμsym.processors import EMuProcessor
from eμsym.processors.file_identity import file_id_at
from eμsym.processors.fileset import Dataset, read_fileset
from eμsym.processors.inspection import inspect_file
from eμsym.processors.runner import process
from tests.delphes_file import emu


def with_uuid(path: Path, uuid: bytes) -> Path:
    """Write another UUID over that of a file."""
    with uproot.open(path) as file:
        old = file.file.uuid.bytes
    path.write_bytes(path.read_bytes().replace(old, uuid))
    return path


def test_a_copy_of_another_name_in_another_dataset_is_the_same_file(
    sample: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "other name.root"
    copy.write_bytes((sample / "ww.root").read_bytes())
    assert file_id_at(str(copy)) == file_id_at(str(sample / "ww.root"))
    assert file_id_at(f"file://{sample / 'ww.root'}") == file_id_at(str(copy))
    columns = []
    for name, path in (("one", sample / "ww.root"), ("two", copy)):
        output = process([Dataset(name, {str(path): "Delphes"})], workers=1, chunksize=700)
        columns.append(output.events(name))
        assert output.files[0].file_id == inspect_file(str(path)).file_id
    for name in ("file_id", "entry"):
        assert np.array_equal(columns[0][name], columns[1][name])
    assert np.unique(columns[0].file_id).tolist() == [output.files[0].file_id]


def test_coffea_s_own_runner_gives_the_same_identity(sample: Path) -> None:
    runner = Runner(IterativeExecutor(status=False), schema=DelphesSchema, savemetrics=False)
    path = str(sample / "wz.root")
    output = runner({"any": {"files": {path: "Delphes"}}}, EMuProcessor())
    ours = process(read_fileset([path]), workers=1).events("data")
    assert np.array_equal(output["columns"]["any"].value.file_id, ours.file_id)


@pytest.mark.parametrize("uuid", [bytes(16), bytes(range(16))], ids=["nil", "reproducible"])
def test_files_of_one_uuid_and_size_are_two_files(
    delphes_file: Callable[..., Path], tmp_path: Path, uuid: bytes
) -> None:
    """They are read in one dataset; that one is not the other is seen in their content."""
    paths = [
        with_uuid(delphes_file([emu(40.0 + i, met=met) for i in range(9)], name), uuid)
        for name, met in (("a.root", 20.0), ("b.root", 25.0))
    ]
    reports = [inspect_file(str(path)) for path in paths]
    assert len({report.uuid for report in reports}) == 1
    assert len({path.stat().st_size for path in paths}) == 1
    events = process(read_fileset(paths), workers=1, spill=tmp_path / "parts").events("data")
    assert len(np.unique(events.file_id)) == 2
    assert len(set(zip(events.file_id.to_list(), events.entry.to_list(), strict=True))) == 18


def test_a_copy_with_another_uuid_is_another_file(sample: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.root"
    copy.write_bytes((sample / "zz.root").read_bytes())
    assert file_id_at(str(with_uuid(copy, bytes(16)))) != file_id_at(str(sample / "zz.root"))


@pytest.mark.parametrize("start, size", [(0.25, 350_000), (0.5, 350_000), (1.0, 1)])
def test_of_large_files_the_end_and_places_between_are_seen(
    sample: Path, tmp_path: Path, start: float, size: int
) -> None:
    """Of 3.5 MB a tenth is changed, or the last byte alone."""
    content = bytearray((sample / "ttbar.root").read_bytes())
    before = file_id_at(str(sample / "ttbar.root"))
    changed = slice(first := min(int(start * len(content)), len(content) - size), first + size)
    content[changed] = bytes(255 - byte for byte in content[changed])
    path = tmp_path / "changed.root"
    path.write_bytes(content)
    assert file_id_at(str(path)) != before


def test_copies_in_one_dataset_are_refused_in_one_line(sample: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.root"
    copy.write_bytes((sample / "zz.root").read_bytes())
    message = rf"^{re.escape(str(copy))}: has the same UUID as .*zz\.root, and the same content: .*"
    with pytest.raises(ConfigurationError, match=message) as error:
        process(read_fileset([sample / "zz.root", copy]))
    assert "\n" not in str(error.value)
