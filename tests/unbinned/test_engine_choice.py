"""What an engine is asked: the network's function, and which engine is chosen."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import expit

from eμsym.engines import choice
from eμsym.engines.choice import choose_engine
from eμsym.engines.interface import Network
from eμsym.errors import ConfigurationError, DataError
from eμsym.unbinned.symmetrized import SymmetrizedTest


class TestNetwork:
    def test_is_equation_12(self):
        theta = np.arange(1.0, 14.0) / 10
        x = np.array([0.3, 2.0])
        w, b, w_out, b_out = theta[:4], theta[4:8], theta[8:12], theta[12]
        expected = b_out + (w_out * expit(w * x[:, None] + b)).sum(axis=1)
        net = Network((1, 4, 1), theta)
        np.testing.assert_allclose(net(x), expected)
        assert net(0.3).shape == ()
        assert net(np.ones((2, 3))).shape == (2, 3)

    def test_more_dimensions(self):
        net = Network((2, 3, 1), np.arange(13.0))
        assert net(np.ones((5, 2))).shape == (5,)
        with pytest.raises(DataError, match="2 inputs"):
            net(np.ones(5))


class TestChoice:
    def test_automatic(self):
        assert choose_engine("auto", 1, (4,)).name == "nodes"
        assert choose_engine("auto", 2, (4,)).name == "cpu"

    @pytest.mark.parametrize(
        "name, inputs, hidden, message",
        [
            ("nodes", 2, (4,), "1 dimension"),
            ("nodes", 1, (4, 4), "one hidden layer"),
            ("cpu", 1, (4, 4), "one hidden layer"),
            ("abacus", 1, (4,), "no engine 'abacus'"),
        ],
    )
    def test_impossible(self, name, inputs, hidden, message):
        with pytest.raises(ConfigurationError, match=message):
            choose_engine(name, inputs, hidden)

    def test_without_torch(self, monkeypatch):
        monkeypatch.setattr(choice, "find_spec", lambda name: None)
        for name in ("reference", "cuda"):
            with pytest.raises(ConfigurationError, match=r"emusym\[torch\]"):
                choose_engine(name, 1, (4,))
        with pytest.raises(ConfigurationError, match=r"emusym\[torch\]"):
            SymmetrizedTest(hidden=(4, 4))([1.0], [2.0])

    def test_numba_refuses_to_keep_code(self, monkeypatch):
        from eμsym.engines import adam_kernel as kernel

        def njit(**options):
            if options.get("cache"):
                raise RuntimeError("cannot cache function: no locator available")
            return lambda function: function

        monkeypatch.setattr(kernel.numba, "njit", njit)
        assert kernel.compiled(set())(len) is len

    @pytest.mark.slow
    def test_no_place_for_compiled_code(self, tmp_path):
        """Where numba can keep nothing, it compiles in memory."""
        (tmp_path / "file").touch()
        code = (
            "from eμsym.unbinned.symmetrized import SymmetrizedTest;"
            "print(SymmetrizedTest(epochs=3)([1.0], [2.0], rng=1).engine)"
        )
        answer = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "file" / "folder")},
        )
        assert answer.stdout.strip() == "nodes"

    def test_import_is_light(self):
        code = (
            "import sys\n"
            "from eμsym.unbinned import cross_entropy, nplm, symmetrized\n"
            "print([m for m in ('numba', 'torch') if m in sys.modules])"
        )
        answer = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert answer.stdout.strip() == "[]"
