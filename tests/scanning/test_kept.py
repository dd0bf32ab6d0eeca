"""Relabellings that are done are kept, and nothing that is damaged or of another scan is used."""

from __future__ import annotations

import numpy as np

from eμsym import scan
from eμsym.scanning.kept import KeptOnDisk
from tests.scanning.pairs import coin_pair


def test_an_interrupted_scan_goes_on_with_the_same_bits(tmp_path):
    pair, folder = coin_pair(1000, 1), tmp_path / ".scan"
    whole = scan(pair, [], ["x", "y"], n=99, rng=1)
    kept = KeptOnDisk.resumed(folder, "this")
    scan(pair, [], ["x", "y"], n=99, rng=1, keeper=kept)
    files = sorted(folder.iterdir())
    assert len(files) == 4
    files[1].unlink()
    damaged = bytearray(files[2].read_bytes())
    damaged[-1] ^= 1
    files[2].write_bytes(damaged)
    again = KeptOnDisk.resumed(folder, "this")
    assert len(again.answers) == 2
    resumed = scan(pair, [], ["x", "y"], n=99, rng=1, keeper=again)
    assert np.array_equal(resumed.minus_log_p, whole.minus_log_p)
    again.remove()
    assert not folder.exists()


def test_what_another_scan_has_kept_is_not_taken(tmp_path):
    kept = KeptOnDisk.resumed(tmp_path / "s", "one", b"x")
    kept.keep([0], [np.zeros((2, 3), dtype=np.float32)])
    assert list(KeptOnDisk.resumed(tmp_path / "s", "one", b"x").answers) == [0]
    assert not KeptOnDisk.resumed(tmp_path / "s", "other", b"x").answers
    assert not KeptOnDisk.resumed(tmp_path / "s", "on", b"ex").answers
