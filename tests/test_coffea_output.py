"""A pair straight from a coffea run: the one that the processed folder gives."""

from __future__ import annotations

import json

import hist
import numpy as np
import pytest
from coffea.nanoevents import DelphesSchema
from coffea.processor import FuturesExecutor, IterativeExecutor, Runner

from eμsym import Pair, read_pair
from eμsym.errors import ConfigurationError, DataError
from eμsym.processors import EMuProcessor
from eμsym.processors.columns import COLUMNS
from eμsym.recipes import embedded_fileset
from tests.delphes_file import emu


def run(files, executor=None, **options):
    """Return what coffea's own Runner makes of {dataset: paths}."""
    runner = Runner(
        executor=executor or IterativeExecutor(status=False),
        schema=DelphesSchema,
        savemetrics=False,
        **options,
    )
    fileset = {
        name: {"files": {str(path): "Delphes" for path in paths}} for name, paths in files.items()
    }
    return runner(fileset, EMuProcessor())


@pytest.fixture(scope="module")
def output():
    path = embedded_fileset()
    content = json.loads(path.read_text(encoding="utf-8"))
    return run({name: [path.parent / f for f in each["files"]] for name, each in content.items()})


def assert_same_pairs(ours, theirs):
    assert ours.names == theirs.names
    assert ours.symmetry == theirs.symmetry
    assert np.array_equal(ours.pool.labels, theirs.pool.labels)
    assert ours.pool.fields == theirs.pool.fields == list(COLUMNS)
    for name in COLUMNS:
        assert np.array_equal(ours.pool.columns[name], theirs.pool.columns[name]), name
    for mine, other in zip(ours.histograms, theirs.histograms, strict=True):
        assert dict(mine) == dict(other)


@pytest.mark.parametrize("datasets", [None, ["ww"], ["ztautau", "hlfv_taue"]])
def test_it_is_the_pair_of_the_processed_folder(output, datasets, processed_sample):
    ours = Pair.from_output(output, datasets=datasets)
    assert_same_pairs(ours, read_pair(processed_sample, datasets=datasets))


def test_no_executor_and_no_chunking_changes_the_order(output, delphes_file):
    files = [delphes_file([emu(40 + i, 30 + j) for i in range(9)], f"{j}.root") for j in (0, 20)]
    once = Pair.from_output(run({"one": files}))
    again = Pair.from_output(
        run({"one": files[::-1]}, FuturesExecutor(workers=2, status=False), chunksize=2)
    )
    assert len(once.pool) == 18
    assert_same_pairs(again, once)


def test_what_is_no_such_output_is_refused(output):
    axis = hist.axis.Regular(2, 0, 1, name="x")
    for given, says in (
        ((output, {}), "no columns in the output"),
        ({"cutflow": {}}, "no columns in the output"),
        ({"columns": output["columns"]}, "no histograms in the output"),
        ({**output, "columns": {"ww": 3}}, "the columns of dataset 'ww' are no record array"),
        ({**output, "histograms": {"x": hist.Hist(axis)}}, "no axes dataset and order"),
    ):
        with pytest.raises(DataError, match=says):
            Pair.from_output(given)


def test_datasets_that_are_not_there_are_refused(output):
    with pytest.raises(ConfigurationError, match=r"no dataset 'top'; there are .*ztautau"):
        Pair.from_output(output, datasets=["ztautau", "top"])
    with pytest.raises(ConfigurationError, match="no dataset is chosen"):
        Pair.from_output(output, datasets=[])
