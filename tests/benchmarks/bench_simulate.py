"""Events per second and core of `emusym simulate`, process by process, beside Pythia alone.

Run with: make bench
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from eμsym.recipes.cross_sections import cross_section, processes
from eμsym.recipes.pythia_cards import pythia_settings
from eμsym.recipes.simulation.event_filters import has_electron_and_muon
from eμsym.recipes.simulation.jobs import JOB_SIZE, cut_into_jobs, run_job
from eμsym.recipes.simulation.pythia_events import generate
from eμsym.recipes.simulation.response import respond

pythia8mc = pytest.importorskip("pythia8mc")

N = JOB_SIZE


def pythia_alone(process: str, n: int) -> float:
    """Return the seconds of the processor that Pythia takes, without its start."""
    pythia = pythia8mc.Pythia("", False)
    seed = ("Random:setSeed = on", "Random:seed = 1", "Print:quiet = on")
    for line in (*pythia_settings(process), *seed):
        assert pythia.readString(line)
    assert pythia.init()
    start = time.process_time()
    for _ in range(n):
        pythia.next()
    return time.process_time() - start


@pytest.mark.parametrize("process", processes(final_state=None))
def test_events_per_second_and_core(process: str) -> None:
    alone = N / pythia_alone(process, N)
    final_state = cross_section(process).final_state
    settings = pythia_settings(process)
    (job,) = cut_into_jobs(
        process,
        settings,
        N,
        seed=1,
        event_filter=final_state,
        tau_veto=process == "ztautau",
    )
    start = time.process_time()
    result = run_job(job)
    seconds = time.process_time() - start
    whole, passed = N / seconds, len(result.columns["Event"])
    print(
        f"\n{process}: {whole:.0f} generated and {passed / seconds:.1f} filtered events "
        f"a second and core, start of Pythia included; Pythia alone {alone:.0f}; "
        f"ratio {whole / alone:.2f}"
    )
    assert passed > 0


def test_response_alone(benchmark: Any) -> None:
    """What the detector costs: events of tt̄, which have the most particles."""
    settings = (*pythia_settings("ttbar"), "Random:setSeed = on", "Random:seed = 1")
    (made,) = generate(settings, 200, batch=200)
    made = made[has_electron_and_muon(made.particles, made.n_events)]
    rng = np.random.default_rng(1)
    benchmark.pedantic(
        lambda: respond(made.particles, made.partons, made.n_events, rng),
        rounds=10,
        warmup_rounds=1,
    )
    seconds = benchmark.stats.stats.median
    print(
        f"\nresponse: {made.n_events / seconds:,.0f} filtered events a second and core "
        f"(a job generates {JOB_SIZE:,})"
    )
