"""The reference of the configuration: complete, and true."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from eμsym.jets import JetCuts
from eμsym.processors import Binning, EMuConfig, OwnColumn
from eμsym.processors.models import descriptions
from eμsym.processors.reference import reference
from eμsym.processors.run_config import RunConfig, read_run_config
from eμsym.regions import Region
from eμsym.selection import Cuts
from tests.command_line import run


@pytest.mark.parametrize("model", [RunConfig, EMuConfig, Cuts, JetCuts, OwnColumn, Region, Binning])
def test_every_key_is_named_and_described(model: type) -> None:
    text, about = reference(), descriptions(model)
    names = {field.name for field in fields(model)} - {"function"}  # type: ignore[arg-type]
    assert names <= about.keys()
    for name in names:
        assert any(f"{mark}{name}{end}" in text for mark in ("#", "# ", ".", "[") for end in " :]=")
        assert about[name]


def test_what_it_calls_the_defaults_are_the_defaults(tmp_path: Path) -> None:
    given = [line[1:] for line in reference().splitlines() if line[:1] == "#" != line[1:2] != " "]
    lines = [line for line in given if not line.startswith(" ")]
    assert len(lines) > 20
    path = tmp_path / "all.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert read_run_config(path) == RunConfig()


def test_as_it_is_it_is_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config") == 0
    path = tmp_path / "printed.toml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert read_run_config(path) == RunConfig()
