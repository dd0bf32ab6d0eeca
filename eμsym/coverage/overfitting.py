"""What early stopping, weight penalties and a cross-validated size do to the symmetrized test.

``python -m eμsym.coverage.overfitting -n 200`` writes ``docs/coverage/overfitting.json`` and its
table. Toys are those of the stored studies of the paper's toy model (`eμsym.papers.studies`), of
which t after 5·10⁵ epochs is stored: toy i draws with child i of one `SeedSequence`. As many as
asked for are without signal; half as many, others, have one. The paper leaves all this to future
work (SYM section VI B).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.arrays import FloatArray
from eμsym.coverage import permuted_nulls
from eμsym.coverage.command import command_of
from eμsym.coverage.overfitting_table import AS_IT_IS, SCHEMA, VERSION, table
from eμsym.coverage.overfitting_trainer import COMPARED, Course, train
from eμsym.engines.interface import layer_sizes
from eμsym.engines.launch import draw_start
from eμsym.errors import ConfigurationError
from eμsym.papers.sym_results import read_stored
from eμsym.progress import Advance
from eμsym.running.loop import answers_of
from eμsym.running.toys import draw_and_test
from eμsym.toy_model import ToyModel
from eμsym.unbinned.likelihood_ratio import joined_samples
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.symmetrized import symmetrized_problems

#: Of the stored studies.
SEED = 20401

#: The paper's toy model without signal, and with the signal of its Fig. 6.
SYMMETRIC = ToyModel(5_500, 5_500)
SIGNAL = ToyModel(5_500, 5_500, "S3", 160)

#: Toys without signal begin here, so that they have no background in common with the signals'.
FIRST_NULL = 100

#: Toys without signal that may be trained thoroughly, twice as many as are stored with signal;
#: and all that are stored from the first on.
MOST_TOYS, MOST_NULL = 200, 400

#: Of all toys, and of those that are trained thoroughly, on halves too.
SIZES, ALL_SIZES = (2, 4), (1, 2, 4, 8)
PENALTIES, ALL_PENALTIES = (0.01,), (0.001, 0.01, 0.1)
STOPS = (4_096, 10_000, 50_000, 100_000)

#: Epochs that are compared once more, on further toys with signal.
FURTHER, FURTHER_STOPS = range(500, 560), (50_000, 100_000, 500_000)

#: Epochs of every training of this study, and of those on one half of the events.
EPOCHS, EPOCHS_OF_HALVES = 100_000, 50_000

#: Epochs at which a training is looked at: by factors of about √2.
LOOKS = tuple(
    sorted(
        {epoch for epoch in COMPARED if epoch <= EPOCHS}
        | set(STOPS)
        | {round(2 ** (k / 2)) for k in range(14, 30)}
        | {35_000, EPOCHS_OF_HALVES, EPOCHS}
    )
)

_STORED = Path(__file__).parents[1] / "papers" / "results" / "sym"

_Problems = tuple[Any, Any]


@dataclass(frozen=True, eq=False)
class Courses:
    """All trainings of a toy.

    Attributes
    ----------
    whole : dict of int to FloatArray, shape (2, looks)
        By the net's size: the parts of t of f and of g, of trainings on all events.
    held_out : dict of int to FloatArray, shape (2, looks)
        The same over the events that were held out, of both halves together.
    penalised : dict of float to float
        t without the penalty at the end of a training with it.
    spline : float
    seconds : dict of str to float
        Of CPU.
    """

    whole: dict[int, FloatArray]
    held_out: dict[int, FloatArray]
    penalised: dict[float, float]
    spline: float
    seconds: dict[str, float]


def courses(
    a: FloatArray, b: FloatArray, for_test: SeedSequence, *, thorough: bool = True
) -> Courses:
    """Train the nets of a toy.

    Parameters
    ----------
    a, b : ndarray of float, shape (n,)
    thorough : bool
        Whether all sizes and penalties are tried, and halves.
    for_test : SeedSequence
        Nets of one size begin with the same parameters, those of `SymmetrizedTest`; child 2
        halves the events.
    """
    everything = _problems(a, b)
    whole: dict[int, FloatArray] = {}
    held_out: dict[int, FloatArray] = {}
    penalised: dict[float, float] = {}
    clock = _Clock()
    spline = SplineTest()(a, b).t
    clock.stop("spline")
    for size in ALL_SIZES if thorough else SIZES:
        starts = _starts(size, for_test)
        whole[size] = _parts(everything, starts, LOOKS)
        clock.stop(f"{size} neurons")
        if thorough:
            held_out[size] = _of_halves(_halves(a, b, for_test), starts)
            clock.stop(f"halves, {size} neurons")
    for penalty in ALL_PENALTIES if thorough else PENALTIES:
        parts = _parts(everything, _starts(4, for_test), LOOKS, penalty)
        penalised[penalty] = float(parts[:, -1].sum())
        clock.stop(f"penalty {penalty:g}")
    return Courses(whole, held_out, penalised, spline, clock.seconds)


def _problems(a: FloatArray, b: FloatArray) -> _Problems:
    return symmetrized_problems(joined_samples(a, b, None, None))


def _starts(size: int, for_test: SeedSequence) -> tuple[FloatArray, ...]:
    # Anew each time: a sequence counts what is spawned of it.
    fresh = SeedSequence(for_test.entropy, spawn_key=for_test.spawn_key)
    return draw_start(layer_sizes(1, (size,)), 2, np.random.default_rng(fresh)).parameters


def _halves(a: FloatArray, b: FloatArray, for_test: SeedSequence) -> tuple[_Problems, _Problems]:
    child = SeedSequence(for_test.entropy, spawn_key=(*for_test.spawn_key, 2))
    rng = np.random.default_rng(child)
    (a_1, a_2), (b_1, b_2) = (np.array_split(rng.permutation(x), 2) for x in (a, b))
    return _problems(a_1, b_1), _problems(a_2, b_2)


def _parts(
    problems: _Problems, starts: Sequence[FloatArray], looks: Sequence[int], penalty: float = 0.0
) -> FloatArray:
    """Return the parts of t of f and g at each look, shape (2, looks)."""
    trained: list[Course] = [
        train(problem, start, looks, penalty=penalty)
        for problem, start in zip(problems, starts, strict=True)
    ]
    return np.array([course.t for course in trained])


def _of_halves(halves: tuple[_Problems, _Problems], starts: Sequence[FloatArray]) -> FloatArray:
    """Return the same over the events held out, trained on either half, shape (2, looks)."""
    looks = [look for look in LOOKS if look <= EPOCHS_OF_HALVES]
    exchanged = [
        [
            train(problem, start, looks, held_out=other).held_out
            for problem, start, other in zip(halves[i], starts, halves[1 - i], strict=True)
        ]
        for i in (0, 1)
    ]
    return np.asarray(np.sum(exchanged, axis=0))


class _Clock:
    """Seconds of CPU since the last stop."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def stop(self, name: str) -> None:
        now = time.process_time()
        self.seconds[name] = now - self._last
        self._last = now


def statistics(found: Courses) -> dict[str, float]:
    """Return a toy's t of every variant but that of 5·10⁵ epochs.

    Held-out events are looked at where their t, of f and of g for itself, is largest; "stopped
    there" is t of all events after as many epochs.
    """
    ends = [len(LOOKS) - 1] * 2
    t = {f"{stop} epochs": _at(found.whole[4], [LOOKS.index(stop)] * 2) for stop in STOPS}
    t |= {f"penalty {penalty:g}": value for penalty, value in found.penalised.items()}
    t |= {f"{size} neurons": _at(each, ends) for size, each in found.whole.items() if size != 4}
    t["spline"] = found.spline
    if not found.held_out:
        return t
    best = {size: np.argmax(each, axis=1) for size, each in found.held_out.items()}
    held_out = {size: _at(each, best[size]) for size, each in found.held_out.items()}
    size = max(held_out, key=lambda each: held_out[each])
    return t | {
        "held out": held_out[4],
        "stopped there": _at(found.whole[4], best[4]),
        "size chosen, held out": held_out[size],
        "size chosen, stopped there": _at(found.whole[size], best[size]),
        "size chosen, all epochs": _at(found.whole[size], ends),
    }


def _at(parts: FloatArray, looks: Any) -> float:
    return float(parts[0, looks[0]] + parts[1, looks[1]])


def seconds_of(found: Courses) -> dict[str, float]:
    """Return the seconds of a toy's variants, those of 5·10⁵ epochs being five times of 10⁵."""
    s = found.seconds
    whole = s["4 neurons"]
    each = {AS_IT_IS: 5 * whole, "spline": s["spline"]}
    each |= {f"{stop} epochs": whole * stop / EPOCHS for stop in STOPS}
    each |= {f"penalty {penalty:g}": s[f"penalty {penalty:g}"] for penalty in found.penalised}
    each |= {f"{size} neurons": s[f"{size} neurons"] for size in found.whole if size != 4}
    if not found.held_out:
        return each
    halves = s["halves, 4 neurons"]
    all_halves = sum(s[f"halves, {size} neurons"] for size in ALL_SIZES)
    one = sum(s[f"{size} neurons"] for size in ALL_SIZES) / len(ALL_SIZES)
    return each | {
        "held out": halves,
        "stopped there": halves + whole * EPOCHS_OF_HALVES / EPOCHS,
        "size chosen, held out": all_halves,
        "size chosen, stopped there": all_halves + one,
        "size chosen, all epochs": all_halves + one,
    }


@dataclass(frozen=True)
class Task:
    """A toy.

    Attributes
    ----------
    signal : bool
        Whether it has one.
    number : int
    thorough : bool
        See `courses`.
    """

    signal: bool
    number: int
    thorough: bool


def trained(
    tasks: Sequence[Task],
    *,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> list[Courses]:
    """Train the nets of toys.

    Parameters
    ----------
    tasks : sequence of Task
    workers, progress
        As for `eμsym.running.loop.run_tasks`.
    """
    work: Any = _trained
    return answers_of(work, tasks, workers=workers, progress=progress)


def _trained(tasks: Sequence[Task]) -> list[Courses]:
    found = []
    for task in tasks:
        for_draw, for_test = draw_and_test(SeedSequence(SEED, spawn_key=(task.number,)))
        pair = (SIGNAL if task.signal else SYMMETRIC).draw(np.random.default_rng(for_draw))
        a, b = pair.a.column("x"), pair.b.column("x")
        found.append(courses(a, b, for_test, thorough=task.thorough))
    return found


def further(
    numbers: Sequence[int], *, workers: int | None = None, progress: bool | Advance | None = None
) -> list[dict[str, float]]:
    """Return t of further toys with signal at `FURTHER_STOPS`, each trained once to the end.

    Parameters
    ----------
    numbers : sequence of int
        From 500 on they have no event in common with any stored toy.
    workers, progress
        As for `eμsym.running.loop.run_tasks`.
    """
    work: Any = _further
    return answers_of(work, numbers, workers=workers, progress=progress)


def _further(numbers: Sequence[int]) -> list[dict[str, float]]:
    looks = sorted(COMPARED | set(FURTHER_STOPS))
    found = []
    for number in numbers:
        for_draw, for_test = draw_and_test(SeedSequence(SEED, spawn_key=(number,)))
        pair = SIGNAL.draw(np.random.default_rng(for_draw))
        problems = _problems(pair.a.column("x"), pair.b.column("x"))
        parts = _parts(problems, _starts(4, for_test), looks)
        found.append(
            {f"{stop} epochs": _at(parts, [looks.index(stop)] * 2) for stop in FURTHER_STOPS}
        )
    return found


def stored_t(with_signal: bool) -> FloatArray:
    """Return t after 5·10⁵ epochs of the stored toys, toy by toy, shape (n,)."""
    if with_signal:
        return read_stored(_STORED / "benchmarks.json").statistics("5500 S3 160")
    return read_stored(_STORED / "nulls.json").statistics("5500 5500")


def kept(tasks: Sequence[Task], found: Sequence[Courses]) -> dict[str, Any]:
    """Return what is stored of toys of both kinds; parameters as `trained` has and gives them.

    Those that are trained thoroughly come first.
    """
    t: dict[str, dict[str, str]] = {}
    for kind in ("null", "signal"):
        chosen = [i for i, task in enumerate(tasks) if task.signal == (kind == "signal")]
        numbers = [tasks[i].number for i in chosen]
        each = [statistics(found[i]) for i in chosen]
        t[kind] = {AS_IT_IS: _joined(stored_t(kind == "signal")[numbers])}
        t[kind] |= listed(each)
    seconds = [seconds_of(each) for each in found]
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": SEED,
        "epochs": EPOCHS,
        "epochs_of_halves": EPOCHS_OF_HALVES,
        "t": t,
        "seconds": {
            name: round(float(np.median([toy[name] for toy in seconds if name in toy])), 4)
            for name in seconds[0]
        },
    }


def listed(each: Sequence[dict[str, float]]) -> dict[str, str]:
    """Return t by variant, as it is stored; toys that lack one come last."""
    return {name: _joined([toy[name] for toy in each if name in toy]) for name in each[0]}


def _joined(t: Any) -> str:
    return " ".join(f"{value:.4f}" for value in t)


def compute(n_toys: int, *, seed: int = SEED, workers: int | None = None) -> dict[str, Any]:
    """Run the study and `eμsym.coverage.permuted_nulls`.

    Parameters
    ----------
    n_toys : int
        Without signal that are trained thoroughly, and half as many with it; all that are stored
        are trained besides for the variants that take least time.
    seed : int
        That of the stored studies: what 5·10⁵ epochs give is taken from these.
    workers : int, optional
        Default: all cores.

    Returns
    -------
    dict
        For JSON: t of every toy and variant, the seconds of an answer, and permutations.

    Raises
    ------
    ConfigurationError
        If there are no stored toys of that seed, or not as many.
    """
    if seed != SEED or n_toys > MOST_TOYS:
        raise ConfigurationError(
            f"{n_toys} toys of seed {seed}: stored are {MOST_TOYS} of seed {SEED}, choose fewer"
        )
    tasks = [Task(True, i, i < n_toys // 2) for i in range(MOST_TOYS // 2)]
    tasks += [Task(False, FIRST_NULL + i, i < n_toys) for i in range(MOST_NULL)]
    return kept(tasks, trained(tasks, workers=workers)) | {
        "further": listed(further(FURTHER, workers=workers)),
        "permuted": permuted_nulls.compute(workers=workers),
    }


main = command_of("overfitting", compute, table, toys=MOST_TOYS, seed=SEED)


if __name__ == "__main__":
    main()
