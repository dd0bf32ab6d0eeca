"""`emusym reproduce sym-… --recompute`: the paper's studies run anew, with few toys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eμsym.papers import sym
from tests.command_line import run


def tiny_toml(name: str) -> str:
    """Return the paper's study of that name with few events, toys and epochs."""
    text = (sym.STUDIES / f"{name}.toml").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        key, _, _ = line.partition(" = ")
        if key in ("n_a", "n_b"):
            line = f"{key} = 80"
        if key in ("epochs", "preset"):
            line = "epochs = 400"
        if key == "record_epochs":
            line = "record_epochs = [20, 200]"
        lines.append(line)
    return "\n".join(lines)


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> Path:
    for name in ("nulls", "epochs"):
        text = tiny_toml(name)
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(sym, "STUDIES", tmp_path)
    return tmp_path


def test_recomputing_runs_the_study_and_goes_on_with_it(tiny, tmp_path, capsys):
    out = tmp_path / "out"
    again = ("reproduce", "sym-fig2", "--recompute", "-o", out, "--workers", 1)
    assert run(*again, "--toys", 2) == 0
    printed = capsys.readouterr()
    assert f"nulls: 16 toys, kept in {out / 'studies' / 'nulls'}" in printed.err
    assert "are done" not in printed.out  # two were asked for
    store = out / "studies" / "nulls" / "toys.parquet"
    first, figure = store.read_bytes(), (out / "sym-fig2.png").read_bytes()
    assert run(*again, "--toys", 2) == 0
    assert store.read_bytes() == first
    assert (out / "sym-fig2.png").read_bytes() == figure
    two = json.loads((out / "sym-fig2.json").read_text(encoding="utf-8"))["studies"]["nulls"]
    assert run(*again, "--toys", 3) == 0
    three = json.loads((out / "sym-fig2.json").read_text(encoding="utf-8"))["studies"]["nulls"]
    for fewer, more in zip(two["rows"], three["rows"], strict=True):
        assert (fewer["toys"], more["toys"]) == (2, 3)
        assert more["t"][:2] == fewer["t"]
    capsys.readouterr()
    line = error_of_recompute(capsys, *again, "--toys", 2)
    assert "has 3 toys there, and 2 are asked for" in line


def error_of_recompute(capsys, *arguments):
    assert run(*arguments) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_recomputing_figure_10_scores_the_same_toys(tiny, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("reproduce", "sym-fig10", "--recompute", "-o", out, "--toys", 3) == 0
    data = json.loads((out / "sym-fig10.json").read_text(encoding="utf-8"))
    assert data["claims"][0]["quantity"].startswith("overfit")
    assert data["studies"]["epochs"]["rows"][0]["toys"] == 3
