"""Damaged ROOT files and filesets: the right events or one clear line, whatever is damaged.

Every mutant is made from its number alone, so that one that fails can be made again.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
import struct
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import pytest
import uproot

from eμsym.errors import EmusymError
from eμsym.processors.columns import COLUMNS
from eμsym.processors.fileset import Dataset, Metadata, read_fileset
from eμsym.processors.inspection import inspect_datasets, read_whole_file
from eμsym.processors.runner import process
from tests.delphes_file import COLLECTIONS
from tests.fuzzing import Hang, no_hang

ENTRIES = 120
MANY, ONE = [0, 1, 40, 41, 90, ENTRIES], [0, ENTRIES]
#: How the same events are written: compression, and where the baskets end.
LAYOUTS: dict[str, tuple[Any, list[int]]] = {
    "zlib": (uproot.ZLIB(1), MANY),
    "lz4": (uproot.LZ4(1), ONE),
    "lzma": (uproot.LZMA(1), MANY),
    "zstd": (uproot.ZSTD(1), ONE),
    "none": (None, MANY),
}
#: Compressions of ROOT that have no checksum.
WITHOUT_CHECKSUM = ("zstd", "none")


@dataclass(frozen=True)
class Original:
    """A whole file: its bytes, which of them may be damaged, and what is selected of it."""

    content: bytes
    places: list[int]
    selected: dict[str, Any]


def selected(path: Path) -> dict[str, Any]:
    """All that is selected of a file, down to the bits, but for what its UUID gives."""
    given = (Dataset("d", {str(path): "Delphes"}, Metadata()),)
    output = process(given, workers=1, chunksize=100)
    events = output.events("d")
    bits = {x: ak.to_numpy(events[x]).tobytes() for x in COLUMNS if x != "file_id"}
    return {"events": bits, "cutflow": output.cutflow}


def without_checksum(path: Path, all_of_them: bool) -> Iterator[int]:
    """The places of the bytes of baskets where nobody can tell one number from another.

    Of a compression with checksums they are those that it would not have made smaller,
    which are kept as they are.
    """
    content = path.read_bytes()
    with uproot.open({str(path): "Delphes"}) as tree:
        for branch in tree.itervalues():
            for i in range(branch.num_baskets):
                start = int(branch.member("fBasketSeek")[i])
                # ROOT's TKey begins: fNbytes, version, fObjlen, date, fKeylen.
                n_bytes, _, n_unpacked, _, n_key = struct.unpack_from(">ihiih", content, start)
                if all_of_them or n_bytes - n_key == n_unpacked:
                    yield from range(start, start + n_bytes)


@pytest.fixture(scope="module")
def originals(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Original]:
    genuine = sample / "hww.root"
    paths = {"genuine": genuine}
    with uproot.open({str(genuine): "Delphes"}) as tree:
        columns = {
            collection: ak.zip(
                {
                    member: tree[f"{collection}/{collection}.{member}"].array(entry_stop=ENTRIES)
                    for member in members
                }
            )
            for collection, members in COLLECTIONS.items()
        }
    for name, (compression, edges) in LAYOUTS.items():
        paths[name] = tmp_path_factory.mktemp("originals") / f"{name}.root"
        with uproot.recreate(paths[name], compression=compression) as file:
            file.mktree(
                "Delphes",
                {name: values.type.content for name, values in columns.items()},
                counter_name=lambda collection: f"{collection}_size",
                field_name=lambda collection, member: f"{collection}/{collection}.{member}",
            )
            for start, stop in itertools.pairwise(edges):
                file["Delphes"].extend({k: v[start:stop] for k, v in columns.items()})
    found = {}
    for name, path in paths.items():
        content = path.read_bytes()
        left_alone = set(without_checksum(path, name in WITHOUT_CHECKSUM))
        places = [i for i in range(len(content)) if i not in left_alone]
        found[name] = Original(content, places, selected(path))
        assert len(found[name].selected["events"]["met"]) > 40  # bytes: there are events to lose
    return found


def damaged(original: Original, rng: random.Random) -> bytes:
    """Return a file's bytes with some of them changed, lost or moved."""
    content, allowed = bytearray(original.content), set(original.places)
    place = rng.choice(original.places)

    def put(start: int, values: bytes) -> None:
        for i, value in enumerate(values, start):
            if i in allowed:
                content[i] = value

    kind = rng.randrange(7)
    if kind == 0:
        put(place, bytes([content[place] ^ 1 << rng.randrange(8)]))
    elif kind == 1:
        put(place, rng.randbytes(1))
    elif kind == 2:
        put(place, bytes(rng.choice([4, 16, 100])))
    elif kind == 3:
        edge = rng.choice([0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 1])
        put(place, edge.to_bytes(4, "big"))
    elif kind == 4:
        for _ in range(rng.randrange(2, 20)):
            put(rng.choice(original.places), rng.randbytes(1))
    elif kind == 5:
        del content[place : place + rng.randrange(1, 50)]
    else:
        other = rng.choice(original.places)
        content[place], content[other] = content[other], content[place]
    return bytes(content)


def outcome(original: Original, path: Path) -> str | None:
    """Return what is wrong with how a damaged file is taken; None if nothing is."""
    given = (Dataset("d", {str(path): "Delphes"}, Metadata()),)
    try:
        with no_hang(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            (report,) = inspect_datasets(given)
            whole = read_whole_file(report, chunksize=100)
            line, found = "", None
            try:
                found = selected(path)
            except EmusymError as error:
                line = str(error)
    except (Exception, Hang) as error:
        return f"{type(error).__name__}: {error}"
    if told:
        return f"a warning: {told[0].message}"
    if line:
        if "\n" in line or str(path) not in line:
            return f"no clear line: {line!r}"
        return "a deep check finds nothing" if whole.ok else None
    if not whole.ok:
        return f"only a deep check says: {whole.problem}"
    return None if found == original.selected else "other events, and not a word"


def failures(originals: dict[str, Original], folder: Path, numbers: range) -> list[str]:
    found = []
    for name, original in originals.items():
        for number in numbers:
            path = folder / f"{name}-{number}.root"
            path.write_bytes(damaged(original, random.Random(path.name)))
            wrong = outcome(original, path)
            path.unlink()
            if wrong is not None:
                found.append(f"{path.name}: {wrong}")
    return found


def test_damaged_root_files(originals: dict[str, Original], tmp_path: Path) -> None:
    assert failures(originals, tmp_path, range(5)) == []


@pytest.mark.slow
def test_many_damaged_root_files(originals: dict[str, Original], tmp_path: Path) -> None:
    assert failures(originals, tmp_path, range(5, 105)) == []


def test_a_damage_that_changes_events_would_be_found(
    originals: dict[str, Original], tmp_path: Path
) -> None:
    path = tmp_path / "other.root"
    path.write_bytes(originals["genuine"].content)
    assert outcome(originals["genuine"], path) is None
    wrong = outcome(originals["zlib"], path)
    assert wrong == "other events, and not a word"


def test_what_hangs_is_ended_whether_it_works_or_waits() -> None:
    with pytest.raises(Hang), no_hang(cpu_seconds=0.05):
        for _ in itertools.count():  # in bytecode, between which signals are heard
            pass
    with pytest.raises(Hang), no_hang(seconds=0.05):
        threading.Event().wait()
    start = time.process_time()
    with no_hang(cpu_seconds=5.0):  # the clock alone, as on a loaded machine
        time.sleep(0.1)
    assert time.process_time() - start < 0.1


# Filesets


def genuine_fileset() -> dict[str, Any]:
    spec = {"object_path": "Delphes", "steps": [[0, 5], [5, 9]], "num_entries": 9, "uuid": "u"}
    return {
        "ww": {"files": {"a.root": spec, "b.root": "Delphes"}, "metadata": {"role": "data"}},
        "zz": {"files": ["c.root:Delphes", "d.root"], "treename": "T", "metadata": {"entries": 3}},
        "wz": {"e.root": "Delphes"},
    }


ODD: list[Any] = [
    *(None, True, False, 0, -1, 10**400, 1.5, "", "x", "é\x00", "a" * 5000),
    *([], {}, [[]], {"": {}}, [None], {"a.root": None}, [[0, 1], [0, 1]], "*.root", "[.root"),
]


def changed(data: Any, rng: random.Random) -> Any:
    """Return a fileset of which one part, chosen at random, is another."""
    data = copy.deepcopy(data)
    holders = [data]
    for each in holders:
        inside = each.values() if isinstance(each, dict) else each
        holders += [x for x in inside if isinstance(x, dict | list) and x]
    holder = rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match rng.randrange(4):
        case 0:
            holder[key] = copy.deepcopy(rng.choice(ODD))
        case 1:
            del holder[key]
        case 2 if isinstance(holder, dict):
            holder[str(rng.choice(ODD))] = holder.pop(key)
        case _:
            holder[key] = copy.deepcopy(rng.choice(holders))
    return data


def mutant(number: int) -> bytes:
    """Return the text of a damaged fileset: a part is another, or a few characters are."""
    rng = random.Random(number)
    data = genuine_fileset()
    for _ in range(rng.randrange(3)):
        data = changed(data, rng)
    text = bytearray(json.dumps(data, ensure_ascii=rng.random() < 0.5).encode())
    for _ in range(rng.choice([0, 0, 1, 2])):
        place = rng.randrange(len(text))
        match rng.randrange(3):
            case 0:
                text[place] = rng.choice(b'{}[]",:0x\\\n\x80')
            case 1:
                del text[place : place + rng.randrange(1, 20)]
            case _:
                text[place:place] = text[: rng.randrange(1, 60)]
    return bytes(text)


def said(content: Any) -> dict[str, dict[str, Any]]:
    """What a fileset that was read says, read in the plainest way: dataset, file, its steps."""
    found: dict[str, dict[str, Any]] = {}
    for name, entry in content.items():
        listed = entry.get("files", entry) if isinstance(entry, dict) else entry
        specs = listed if isinstance(listed, dict) else dict.fromkeys(listed)
        found[name] = {}
        for file, spec in specs.items():
            plain = file.replace(".root:Delphes", ".root") if isinstance(listed, list) else file
            steps = spec.get("steps") if isinstance(spec, dict) else None
            found[name][plain] = steps if steps is None else sorted(s for s in steps if s[0] < s[1])
    return found


def read_as_said(path: Path) -> str | None:
    """Return what is wrong with how a damaged fileset is taken; None if nothing is."""
    try:
        with no_hang():
            datasets = read_fileset([path])
    except EmusymError as error:
        line = str(error)
        clear = "\n" not in line and str(path.parent) in line and len(line) < 6000
        return None if clear else f"no clear line: {line!r}"
    except (Exception, Hang) as error:
        return f"{type(error).__name__}: {error}"
    found = {}
    for dataset in datasets:
        steps = {file: dataset.asked[file].steps for file in dataset.files}
        found[dataset.name] = {
            file.removeprefix(f"{path.parent}/"): known and [list(step) for step in known]
            for file, known in steps.items()
        }
    expected = said(json.loads(path.read_text(encoding="utf-8")))
    return None if found == expected else f"read {found}, said {expected}"


def test_damaged_filesets(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text(json.dumps(genuine_fileset()), encoding="utf-8")
    assert read_as_said(tmp_path / "f.json") is None
    assert len(read_fileset([tmp_path / "f.json"])) == 3
    wrong = []
    for number in range(400):
        (tmp_path / "f.json").write_bytes(mutant(number))
        found = read_as_said(tmp_path / "f.json")
        if found is not None:
            wrong.append(f"{number}: {found}")
    assert wrong == []
