"""The command of a study: it is run, and kept as JSON with the table made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from eμsym.files import whole_file, write_json
from eμsym.plots.style import save_figure


def command_of(
    name: str,
    compute: Callable[..., dict[str, Any]],
    table: Callable[[Mapping[str, Any]], str],
    *,
    toys: int,
    seed: int,
    figure: Callable[[Mapping[str, Any]], Any] | None = None,
) -> click.Command:
    """Return the command that writes NAME.json and NAME.md of a study.

    Parameters
    ----------
    name : str
        Of the files.
    compute : callable
        Called as ``compute(toys, seed=…, workers=…)``; returns what is kept.
    table : callable
        Makes Markdown of that.
    toys, seed : int
        What it runs with by default.
    figure : callable, optional
        Draws it: NAME.png and NAME.pdf are written, too.
    """

    @click.command(help=f"Run the study and write {name}.json and {name}.md.")
    @click.option("-n", "--toys", default=toys, show_default=True, type=click.IntRange(min=2))
    @click.option("--seed", default=seed, show_default=True, type=int)
    @click.option("-w", "--workers", type=click.IntRange(min=1), help="Default: all cores.")
    @click.option(
        "-o",
        "--output",
        default=Path("docs/coverage"),
        show_default=True,
        type=click.Path(file_okay=False, path_type=Path),
    )
    def command(toys: int, seed: int, workers: int | None, output: Path) -> None:
        data = compute(toys, seed=seed, workers=workers)
        output.mkdir(parents=True, exist_ok=True)
        write_json(output / f"{name}.json", data)
        with whole_file(output / f"{name}.md") as temporary:
            temporary.write_text(table(data), encoding="utf-8")
        if figure is not None:
            save_figure(figure(data), output, name)
        click.echo(f"Written to {output / name}.json and {output / name}.md")

    return command
