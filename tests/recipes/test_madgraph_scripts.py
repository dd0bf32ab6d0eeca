"""MadGraph's scripts, checked by a small reader of its syntax.

MadGraph itself does not run in these tests. What is checked is what is known of it: models
and what they hold, multiparticles, process lines, the order of a script, and the cuts.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from eμsym.errors import ConfigurationError
from eμsym.recipes.chain_madgraph import SCRIPTS, madgraph_script
from eμsym.recipes.cross_sections import processes

#: input/multiparticles_default.txt of MadGraph5_aMC@NLO: no b in the proton, no τ in l.
DEFAULT_MULTIPARTICLES = {
    "p": "g u c d s u~ c~ d~ s~",
    "j": "g u c d s u~ c~ d~ s~",
    "l+": "e+ mu+",
    "l-": "e- mu-",
    "vl": "ve vm vt",
    "vl~": "ve~ vm~ vt~",
}
QUARKS = {f"{quark}{bar}" for quark in "ucdsbt" for bar in ("", "~")}
LEPTONS = {"e+", "e-", "mu+", "mu-", "ta+", "ta-", "ve", "vm", "vt", "ve~", "vm~", "vt~"}
SM = QUARKS | LEPTONS | {"g", "a", "z", "w+", "w-", "h"}
#: Models of MadGraph's own; `heft` is `sm` with an effective gluon-Higgs coupling.
MODELS = {"sm": SM, "sm-no_b_mass": SM, "heft": SM}
#: Default cuts of its run card for leptons and jets, which act at leading order.
DEFAULT_CUTS = {"ptl": 10, "etal": 2.5, "drll": 0.4, "mmll": 0, "ptj": 20, "etaj": 5, "drjj": 0.4}


class Script:
    """What a MadGraph script says."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.model = ""
        self.multiparticles = {key: value.split() for key, value in DEFAULT_MULTIPARTICLES.items()}
        self.processes: list[str] = []
        self.settings: dict[str, str] = {}
        self.switches: dict[str, str] = {}
        self.done = 0
        for line in text.splitlines():
            if not line.startswith("#"):
                self.read(line)

    def read(self, line: str) -> None:
        words = line.split()
        if words[0] == "import":
            assert words[1] == "model"
            assert not self.model
            self.model = words[2]
        elif words[0] == "define":
            assert words[2] == "="
            self.multiparticles[words[1]] = [p for word in words[3:] for p in self.expand(word)]
        elif words[0] == "generate" or words[:2] == ["add", "process"]:
            assert bool(self.processes) == (words[0] == "add")
            self.processes.append(line.split(maxsplit=1 if words[0] == "generate" else 2)[-1])
        elif words[0] == "set":
            self.settings[" ".join(words[1:-1] if words[-1] != "--no_save" else words[1:-2])] = (
                words[-1] if words[-1] != "--no_save" else words[-2]
            )
        elif "=" in words[0]:
            name, value = words[0].split("=")
            self.switches[name] = value
        elif words == ["done"]:
            self.done += 1
        else:
            assert words[0] in ("output", "launch"), line

    def expand(self, word: str) -> list[str]:
        """A particle, or what a multiparticle stands for; a slip of the pen is an error."""
        if word in self.multiparticles:
            return self.multiparticles[word]
        assert word in MODELS[self.model], f"{word} is no particle of {self.model}"
        return [word]


def parts(process: str) -> list[str]:
    """Split a process at the commas that are in no bracket; brackets must balance."""
    depth, pieces = 0, [""]
    for character in process:
        depth += {"(": 1, ")": -1}.get(character, 0)
        assert depth >= 0, process
        if character == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    assert depth == 0, process
    return [piece.strip() for piece in pieces]


def check(script: Script, process: str, *, decay: bool = False) -> None:
    """Everything named is a particle; a decay is of one that the line before has."""
    core, *chain = parts(process)
    if decay and core.startswith("("):
        assert core.endswith(")")
        assert not chain
        core, *chain = parts(core[1:-1])
    core, _, forbidden = core.partition("$$")
    core = re.sub(r"\b(QCD|QED)=\d+", "", core)
    initial, final = (side.split() for side in core.split(">"))
    assert len(initial) == (1 if decay else 2), process
    for word in (*initial, *final, *forbidden.split()):
        script.expand(word)
    produced = {particle for word in final for particle in script.expand(word)}
    for step in chain:
        mother = step.lstrip("(").split()[0]
        assert mother in produced, f"{mother} of {step!r} is not in {final}"
        check(script, step, decay=True)


def script(name: str) -> Script:
    return Script(madgraph_script(name, n_events=1000, seed=7, folder="work"))


SCRIPTED = [(name, script(name)) for name in processes("madgraph")]


@pytest.mark.parametrize("name, found", SCRIPTED)
def test_process_lines_name_what_the_model_has(name: str, found: Script) -> None:
    assert found.processes
    for process in found.processes:
        check(found, process)


@pytest.mark.parametrize("name, found", SCRIPTED)
def test_scripts_run_one_job_and_ask_nothing(name: str, found: Script) -> None:
    text = found.text
    assert text.isascii()
    assert "%{" not in text
    assert re.findall(r"^(output|launch) (\S+)", text, re.M) == [
        ("output", "work"),
        ("launch", "work"),
    ]
    assert text.index("\nimport") < text.index("\ngenerate") < text.index("\noutput")
    # One answer for the switches, one for the cards.
    assert found.done == 2
    assert text.endswith("\ndone\n")
    switches = ("shower", "detector", "analysis", "madspin", "reweight")
    assert found.switches == dict.fromkeys(switches, "OFF")
    # No comment where MadGraph waits for an answer.
    assert "#" not in text[text.index("\nlaunch") :]
    expected = {"nevents": "1000", "iseed": "7", "ebeam1": "6500", "ebeam2": "6500"}
    expected |= {"use_syst": "False", "event_norm": "sum", "cut_decays": "False", "run_mode": "0"}
    assert expected.items() <= found.settings.items()


def test_the_reader_finds_what_is_wrong() -> None:
    good = "import model sm\n"
    for bad in (
        "p p > ta+ tau-",
        "p p > w+ w-, z > l+ l-",
        "p p > t t~, (t > w+ b",
        "p > h",
        "p p",
    ):
        with pytest.raises((AssertionError, ValueError)):
            check(Script(good), bad)
    check(Script(good), "p p > t t~, (t > w+ b, w+ > l+ vl), t~ > w- b~")


def by_name(name: str) -> Script:
    return dict(SCRIPTED)[name]


def test_the_b_of_wt_comes_out_of_the_proton() -> None:
    wt = by_name("wt")
    assert wt.model == "sm-no_b_mass"
    assert {"b", "b~"} < set(wt.expand("p"))
    assert [process.split(",")[0] for process in wt.processes] == ["p p > t w-", "p p > t~ w+"]
    # And in no other: WW with b in the proton would contain tops.
    for name, found in SCRIPTED:
        assert name == "wt" or "b" not in found.expand("p")


@pytest.mark.parametrize("name", ["ttbar", "ww", "wz", "zz", "wt"])
def test_leptons_of_w_and_z_are_three_flavours(name: str) -> None:
    found = by_name(name)
    assert found.expand("l+") == ["e+", "mu+", "ta+"]
    assert found.expand("l-") == ["e-", "mu-", "ta-"]
    for process in found.processes:
        # Every W and Z has its decay; that of a top is one more W.
        decayed = re.findall(r"(?:^|[,(] ?)(w\+|w-|z) > (l[+-] [^\s,)]+)", process)
        legal = {("w+", "l+ vl"), ("w-", "l- vl~"), ("z", "l+ l-")}
        assert set(decayed) <= legal
        bosons = process.split(",")[0].split(">")[1].split()
        needed = {{"t": "w+", "t~": "w-"}.get(particle, particle) for particle in bosons}
        assert {boson for boson, _ in decayed} == needed


def test_taus_are_not_cut_before_they_decay() -> None:
    found = by_name("ztautau")
    assert found.processes == ["p p > ta+ ta-"]
    cuts = {key: float(found.settings[key]) for key in ("ptl", "etal", "drll", "mmll")}
    # -1 is no cut on eta. The mass window is that of the cross section.
    assert cuts == {"ptl": 0, "etal": -1, "drll": 0, "mmll": 40}
    assert all(cuts[key] < DEFAULT_CUTS[key] for key in ("ptl", "etal", "drll"))


@pytest.mark.parametrize("name", [name for name, _ in SCRIPTED if name.startswith("h")])
def test_higgs_production(name: str) -> None:
    found = by_name(name)
    (process,) = found.processes
    if name.endswith("_ggf"):
        # The coupling of gluons to a Higgs boson is in this model, not in sm.
        assert found.model == "heft"
        assert process == "p p > h"
    else:
        assert found.model == "sm"
        assert process == "p p > h j j QCD=0 $$ w+ w- z"
        jets = {key: found.settings[key] for key in ("ptj", "etaj", "drjj", "mmjj")}
        assert jets == {"ptj": "0", "etaj": "-1", "drjj": "0", "mmjj": "0"}
    assert found.settings["param_card mass 25"] == "125.0"


def test_masses_and_mass_windows() -> None:
    for name in ("ttbar", "wt"):
        assert by_name(name).settings["param_card mass 6"] == "172.5"
        assert by_name(name).settings["param_card decay 6"] == "auto"
    for name in ("wz", "zz"):
        assert by_name(name).settings["bwcutoff"] == "15"


def test_every_script_is_used() -> None:
    used = {path.stem for path in SCRIPTS.glob("production_*.mg5")}
    assert used == {
        f"production_{name}" for name in ("ztautau", "ttbar", "ww", "wz", "zz", "wt", "ggf", "vbf")
    }
    for path in SCRIPTS.glob("*.mg5"):
        # The dollar sign is MadGraph's own.
        assert not re.search(r"\$\{|\$[A-Za-z]", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"process": "hww"}, "'hww': no such process with madgraph"),
        ({"n_events": 0}, "0 events in one run of MadGraph"),
        ({"n_events": 1_000_001}, "use more jobs"),
        ({"seed": 0}, "seed 0: MadGraph takes 1 or more"),
        ({"folder": "a b"}, "a b: MadGraph takes no blanks"),
    ],
)
def test_scripts_that_cannot_be(options: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"process": "ww", "n_events": 1, "seed": 1, "folder": "x"}
    with pytest.raises(ConfigurationError, match=message):
        madgraph_script(**{**values, **options})
