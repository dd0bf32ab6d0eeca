"""Stand-ins for MadGraph and Delphes: small programs that leave the same kind of files.

They note every call; files in their folder make them fail, stall or write less.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.delphes_file import emu, write_delphes
from tests.recipes.lhe_file import dibosons, lhe_text

CARD = """\
module Isolation ElectronIsolation {
  set PTRatioMax 0.12
}
module Isolation MuonIsolation {
  set PTRatioMax 0.25
}
"""

MADGRAPH = """\
#!{python}
import gzip, pathlib, re, sys
here = pathlib.Path(__file__).resolve().parent
script = pathlib.Path(sys.argv[1]).read_text()
value = lambda key: re.search(key + r" (\\S+)", script).group(1)
seed, n = value("set iseed"), int(value("set nevents"))
with open(here / "calls", "a") as calls:
    calls.write(f"mg5_aMC {{value('generate')}} {{seed}} {{n}}\\n")
print("generating", value("generate"))
if (here / f"no_events_{{seed}}").exists():
    sys.exit(0)
header, event, footer = (here / "lhe").read_text().split("@")
folder = pathlib.Path(value("output")) / "Events" / "run_01"
folder.mkdir(parents=True)
content = gzip.compress((header + event * n + footer).encode())
if (here / f"cut_{{seed}}").exists():
    content = content[:-20]
(folder / "unweighted_events.lhe.gz").write_bytes(content)
"""

DELPHES = """\
#!{python}
import pathlib, re, shutil, signal, sys, time
here = pathlib.Path(__file__).resolve().parent
card, settings, output = sys.argv[1:]
assert "PTRatioMax 0.15" in pathlib.Path(card).read_text()
text = pathlib.Path(settings).read_text()
value = lambda key: re.search(key + r" = (\\S+)", text).group(1)
seed, n = value("Random:seed"), int(value("Main:numberOfEvents"))
if "Beams:LHEF" in text:
    events = pathlib.Path(value("Beams:LHEF")).read_text()
    assert events.count("<event>") == n
with open(here / "calls", "a") as calls:
    calls.write(f"DelphesPythia8 {{seed}} {{n}}\\n")
print(" |  |   P  P   Y Y     T    H   H   I    A A     This is PYTHIA version 8.311      |  | ")
if (here / f"stall_{{seed}}").exists():
    # As the genuine one: an interrupt closes the file early and is a success.
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    (here / "stalled").touch()
    time.sleep(60)
if (here / f"fail_{{seed}}").exists():
    print("** ERROR: cannot allocate\\n", file=sys.stderr)
    sys.exit(1)
if pathlib.Path(output).exists():
    sys.exit("can't create output file")
wanted = here / f"{{n}}_{{seed}}.root"
shutil.copy(wanted if wanted.exists() else here / "other.root", output)
"""


def install(folder: Path, sizes: dict[int, int], *, weight: float = 1.0) -> Path:
    """Write both programs, a card, and the files that they give out: seed → events.

    The last event of each has the weight."""
    (folder / "cards").mkdir(parents=True)
    (folder / "cards" / "delphes_card_ATLAS.tcl").write_text(CARD, encoding="utf-8")
    (folder / "VERSION").write_text("3.5.1\n", encoding="utf-8")
    (folder / "calls").touch()
    header, _, rest = lhe_text(dibosons(), 1).partition("<event>")
    event, _, footer = ("<event>" + rest).partition("</LesHouchesEvents>")
    (folder / "lhe").write_text(f"{header}@{event}@</LesHouchesEvents>{footer}", encoding="utf-8")
    for name, text in (("mg5_aMC", MADGRAPH), ("DelphesPythia8", DELPHES)):
        program = folder / name
        program.write_text(text.format(python=sys.executable), encoding="utf-8")
        program.chmod(0o755)
    for seed, n in sizes.items():
        events = [emu(30.0 + seed, 20.0 + i) for i in range(n - 1)]
        events.append(emu(40.0, 20.0, weight=weight))
        write_delphes(folder / f"{n}_{seed}.root", events)
    return folder


def calls(folder: Path) -> list[str]:
    """What was called since the last time that this was asked."""
    lines = (folder / "calls").read_text(encoding="utf-8").splitlines()
    (folder / "calls").write_text("", encoding="utf-8")
    return sorted(lines)
