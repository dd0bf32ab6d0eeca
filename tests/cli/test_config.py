"""The configuration: defaults of the papers, and everything that is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.processors import Binning, EMuConfig
from eμsym.processors.run_config import RunConfig, read_run_config


def test_defaults_are_the_papers() -> None:
    config = EMuConfig()
    assert config.cuts.pt_min == 15  # both papers: pT >= 15 GeV, |eta| <= 2.3
    assert config.cuts.eta_max == 2.3
    x, y = config.plane
    # DDP: 28x28 bins of 5 GeV, m_coll from 30 to 170 GeV, leading pT from 10 GeV
    assert (x.column, x.bins, x.start, x.stop) == ("m_coll", 28, 30, 170)
    assert (y.column, y.bins, y.start, y.stop) == ("lead_pt", 28, 10, 150)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("met",), "give bins, start and stop, or edges"),
        (("met", 0, 0, 1), "at least one bin"),
        (("met", 3, 1, 1), "start < stop"),
        (("met", 10**9, 0, 1), "1,000,000 at most"),
        (("met", 3, 0, float("inf")), "beyond the precision"),
        (("met", 3, -1e308, 1e308), "beyond the precision"),
        (("met", 3, float("nan"), 1), "start < stop"),
        (("met", 1000, 1, 1 + 1e-14), "beyond the precision"),
    ],
)
def test_impossible_binnings(arguments: tuple[str, int, float, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Binning(*arguments)


def test_same_column_twice_is_refused() -> None:
    met = Binning("met", 3, 0, 1)
    with pytest.raises(ConfigurationError, match="plane: the same column twice"):
        EMuConfig(plane=(met, met))
    with pytest.raises(ConfigurationError, match="observables: the same column twice"):
        EMuConfig(observables=(met, met))


def test_a_plane_that_fits_no_memory_is_refused() -> None:
    x, y = Binning("met", 2000, 0, 1), Binning("m_coll", 2000, 0, 1)
    with pytest.raises(ConfigurationError, match="plane: 4,000,000 bins; give 1,000,000 at most"):
        EMuConfig(plane=(x, y))


def test_toml_sets_everything(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        """
        inputs = ["a.root", "root://host//b.root"]
        pair = ["x"]
        luminosity_ifb = 20
        chunksize = 5
        [processor.cuts]
        pt_min = 20
        [[processor.observables]]
        column = "met"
        bins = 4
        start = 0
        stop = 100
        """,
        encoding="utf-8",
    )
    config = read_run_config(path)
    assert config.inputs == (str(tmp_path / "a.root"), "root://host//b.root")
    assert (config.pair, config.luminosity_ifb, config.chunksize) == (("x",), 20.0, 5)
    assert config.processor.cuts.pt_min == 20
    assert config.processor.observables == (Binning("met", 4, 0, 100),)
    assert config.processor.plane == EMuConfig().plane
    assert config.tree == RunConfig().tree


@pytest.mark.parametrize(
    "text, message",
    [
        ("lumi = 3", r"unknown key 'lumi'"),
        ("[processor.cuts]\nptmin = 3", r"unknown key 'processor.cuts.ptmin'"),
        ("[processor.cuts]\npt_min = 'low'", r"processor.cuts.pt_min = 'low'"),
        ("[processor.cuts]\npt_min = -1", r"cuts.pt_min = -1"),
        ("[processor.cuts]\neta_max = inf", r"cuts.eta_max = inf: must be positive and finite"),
        ("[processor.cuts]\npt_min = nan", r"cuts.pt_min = nan"),
        (f"luminosity_ifb = {10**400}", r"luminosity_ifb = (inf: must be|1000)"),
        ("workers = 1.5", r"workers = 1.5"),
        ("workers = 1979-05-27", r"workers = \{'1979-05-27'"),
        ("tree = 1979-05-27", r"tree = \{'1979-05-27'"),
        ("workers = true", r"workers = True: Input should be a valid integer"),
        ("[processor.cuts]\npt_min = true", r"cuts.pt_min = True: Input should be a valid number"),
        ("[processor.cuts]\npt_min = '15'", r"cuts.pt_min = '15': Input should be a valid number"),
        (
            "[processor.cuts]\nopposite_charge = 0",
            r"opposite_charge = 0: Input should be a",
        ),
        ("allow_missing = 'yes'", r"allow_missing = 'yes': Input should be a valid boolean"),
        (f"tree = [{'[' * 40}{']' * 40}]", r"tree = "),
        ("inputs = 'a.root'", r"inputs = 'a.root'"),
        ("[[processor.observables]]\ncolumn='x'\nbins=1\nstart=0\nstop=1", r"no column 'x'"),
    ],
)
def test_bad_configuration_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_run_config(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "no.toml").write_text("= 3", encoding="utf-8")
    with pytest.raises(InputFileError, match="is not TOML"):
        read_run_config(tmp_path / "no.toml")
    with pytest.raises(InputFileError, match="cannot be read"):
        read_run_config(tmp_path / "absent.toml")
