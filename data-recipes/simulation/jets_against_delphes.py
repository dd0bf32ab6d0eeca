"""Jets of simulated samples beside those of genuine Delphes files.

``python -m eμsym.recipes.simulation.jets_against_delphes FOLDER -o SAMPLES``, where FOLDER has
files of Delphes with jets, ``ttbar.root`` and so on, made with the filter for an electron and a
muon (those in the package have no jets). It simulates as many events of each, and stores the
counts of both in ``jets.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import click
import numpy as np
import uproot

from eμsym.files import make_folder, read_json, write_json
from eμsym.recipes.simulation.comparison import chi2_pvalue
from eμsym.recipes.simulation.delphes_layout import TREE
from eμsym.recipes.simulation.production import simulate

SCHEMA, VERSION = "emusym/simulated-jets", 1
RESULTS = Path(__file__).parent / "jets.json"
#: Events to generate of each process.
N_GENERATED = {"ttbar": 3_000, "hlfv_taue": 3_000}
SEED = 20_417
#: Jets that count, GeV and |η|; as the processor's, those beyond the tracker too.
PT_MIN, ETA_MAX = 25.0, 4.5
#: What is compared, and the edges of its bins.
EDGES: dict[str, list[float]] = {
    "number of jets": [0, 1, 2, 3, 4, 5, 6, 20],
    "number of b-tagged jets": [0, 1, 2, 3, 20],
    "pT of the first jet": [25, 30, 35, 40, 50, 60, 75, 100, 150, 1000],
    "pT of the second jet": [25, 30, 35, 40, 50, 60, 75, 100, 1000],
    "η of the first jet": [-4.5, -3, -2, -1.2, -0.4, 0.4, 1.2, 2, 3, 4.5],
    "mass of the first jet": [0, 4, 6, 8, 10, 12, 15, 20, 300],
    "hadronic share of the first jet": [0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.001],
}


def jet_counts(path: str | Path) -> dict[str, list[int]]:
    """Count the events of a Delphes file in the bins of `EDGES`.

    Parameters
    ----------
    path : str or Path
        Its events are all counted, whatever leptons they have.
    """
    with uproot.open({str(path): TREE}) as tree:
        members = ("PT", "Eta", "Mass", "BTag", "EhadOverEem")
        jets = ak.zip({name: tree[f"Jet/Jet.{name}"].array() for name in members})
    jets = jets[(jets.PT > PT_MIN) & (np.abs(jets.Eta) < ETA_MAX)]
    first, second = (jets[ak.num(jets) > i][:, i] for i in range(2))
    columns = {
        "number of jets": ak.num(jets),
        "number of b-tagged jets": ak.sum((jets.BTag & 1) > 0, axis=1),
        "pT of the first jet": first.PT,
        "pT of the second jet": second.PT,
        "η of the first jet": first.Eta,
        "mass of the first jet": first.Mass,
        "hadronic share of the first jet": first.EhadOverEem / (1 + first.EhadOverEem),
    }
    return {
        name: [int(n) for n in np.histogram(ak.to_numpy(values), EDGES[name])[0]]
        for name, values in columns.items()
    }


def compute(genuine: Path, folder: Path, *, workers: int | None = None) -> dict[str, Any]:
    """Simulate, and count jets in both.

    Parameters
    ----------
    genuine : Path
        Folder of genuine files, by process.
    folder : Path
        For the simulated ones.
    workers : int, optional

    Returns
    -------
    dict
        For JSON; `pvalues` compares.
    """
    make_folder(folder)
    found: dict[str, Any] = {}
    for name, n in N_GENERATED.items():
        path = folder / f"{name}.root"
        simulate(name, n, path, seed=SEED, workers=workers, overwrite=True)
        ours, theirs = jet_counts(path), jet_counts(genuine / f"{name}.root")
        found[name] = {"simulated": ours, "delphes": theirs}
    return {"schema": SCHEMA, "version": VERSION, "seed": SEED, "processes": found}


def pvalues(both: Mapping[str, Mapping[str, list[int]]]) -> dict[str, float | None]:
    """Return the p-value of χ² of every distribution being the same in both."""
    return {
        name: chi2_pvalue(np.array(both["simulated"][name]), np.array(both["delphes"][name]))
        for name in EDGES
    }


def table(data: Mapping[str, Any]) -> str:
    """Return the p-values as Markdown."""
    names = list(data["processes"])
    lines = [f"| χ² | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    found = {name: pvalues(both) for name, both in data["processes"].items()}
    for observable in EDGES:
        cells = ["" if (p := found[name][observable]) is None else f"{p:.2f}" for name in names]
        lines.append(f"| {observable} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def stored() -> dict[str, Any]:
    """Return what is stored.

    Raises
    ------
    InputFileError
        If the file is missing or damaged.
    """
    data: dict[str, Any] = read_json(RESULTS, schema=SCHEMA)
    return data


@click.command()
@click.argument("genuine", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
@click.option("-w", "--workers", type=click.IntRange(min=1), help="Default: all cores.")
def main(genuine: Path, output: Path, workers: int | None) -> None:
    """Simulate samples into the folder OUTPUT and compare their jets with those of GENUINE."""
    data = compute(genuine, output, workers=workers)
    write_json(RESULTS, data)
    click.echo(table(data))


if __name__ == "__main__":
    main()
