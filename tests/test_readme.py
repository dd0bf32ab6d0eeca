"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

from eμsym.processors.run_config import read_run_config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.S | re.M)


def test_shown_output_is_the_real_one(main_job: Path) -> None:
    (shown,) = (block for block in blocks("") if "Best square window" in block)
    output = (main_job / "printed.txt").read_text(encoding="utf-8")
    printed = [line.rstrip() for line in output.strip().splitlines()]
    assert shown.strip().splitlines() == printed


def test_shown_configuration_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    (shown,) = blocks("toml")
    path.write_text(shown, encoding="utf-8")
    config = read_run_config(path)
    assert config.luminosity_ifb == 20
    assert [binning.column for binning in config.processor.observables] == ["met"]


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_two_commands_are_in_the_makefile() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    for command in re.findall(r"^make (\w+)", blocks("")[0], flags=re.M):
        assert command in targets
    continuous_integration = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("make test", "make test-slow"):
        assert f"\n{command}\n" in continuous_integration
