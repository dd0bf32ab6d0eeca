"""Workers of any kind: threads, processes, Dask; none of them is confused by Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, TypeVar

from eμsym.errors import ConfigurationError, EmusymError

Answer = TypeVar("Answer")
Item = TypeVar("Item")

#: A worker is one core's: threads of a BLAS in every one of them would fight over all.
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

_WATCH_SECONDS = 1.0
#: How long a scheduler may take to answer.
ANSWER_SECONDS = 10.0
#: How long the first of its workers may take.
WORKER_SECONDS = 60.0

#: What workers must be able to import.
PACKAGE = "eμsym"


class LostWorkersError(EmusymError):
    """Workers that died again and again, or whose scheduler is gone."""


def cores() -> int:
    """Return the number of cores that this process may use."""
    import loky

    return int(loky.cpu_count())


def start_pool(
    workers: int, *, threads: bool, work: Any = None
) -> tuple[Executor, Callable[[], None]]:
    """Return a started pool of threads or processes, and what stops it at once.

    A thread cannot be killed: what runs in one must look whether to stop.

    Parameters
    ----------
    workers : int
    threads : bool
    work : object, optional
        What processes are going to be sent. They import what it needs as they
        begin; later, loky would take that for a leak of memory.
    """
    if threads:
        pool = ThreadPoolExecutor(workers)
        return pool, lambda: pool.shutdown(wait=False, cancel_futures=True)
    import loky

    processes = loky.ProcessPoolExecutor(
        workers, env=_ONE_THREAD, initializer=_begin, initargs=(os.getpid(), work)
    )
    with interrupts_ignored():
        processes.submit(int)  # starts the workers
    return processes, lambda: processes.shutdown(kill_workers=True)


def _begin(parent: int, work: Any) -> None:
    """Have this worker end soon after the process that started it, even if that was killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def collect_apart(collect: Callable[[], Answer], stop: Callable[[], None]) -> Answer:
    """Run `collect` in a thread while this one only waits; call `stop` if that fails.

    An interrupt inside concurrent.futures can leave a lock behind that the pool's
    shutdown then waits for, for ever; it comes to the main thread alone.
    """
    with ThreadPoolExecutor(1) as collector:
        result = collector.submit(collect)
        try:
            return result.result()
        except BaseException:
            stop()
            result.exception()
            raise


def in_threads(
    function: Callable[[Item], Answer], items: Sequence[Item], workers: int
) -> list[Answer]:
    """Return a function of every item, in their order, by threads.

    For functions that spend their time in numpy, which lets other threads run meanwhile.
    """
    if workers < 2 or len(items) < 2:
        return [function(item) for item in items]
    pool = ThreadPoolExecutor(workers)
    try:
        return collect_apart(
            lambda: list(pool.map(function, items)),
            lambda: pool.shutdown(wait=False, cancel_futures=True),
        )
    finally:
        pool.shutdown(wait=False)


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Have processes that are started here leave Ctrl-C to this one.

    A terminal sends it to all of them; the workers would print tracebacks.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted, and only it may say so
        return
    # So does one that is closed send all of them SIGHUP.
    numbers = (signal.SIGINT, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def dask_client(address: str, workers: int) -> Iterator[Any]:
    """Give a Dask client.

    Parameters
    ----------
    address : str
        ``"local"`` for a cluster of `workers` processes on this machine, or a
        scheduler's address.
    workers : int

    Raises
    ------
    ConfigurationError
        If Dask is not installed, the scheduler or its workers do not answer, or a worker
        cannot import this package.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ConfigurationError(
            "Dask is not installed; run: pip install 'emusym[dask]'"
        ) from error
    if address == "local":
        with ExitStack() as stack:
            with interrupts_ignored():
                cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    # Any free port: None would be 8787, which another one may have.
                    dashboard_address="127.0.0.1:0",
                    silence_logs="CRITICAL",
                    # An interrupt closes the workers' connections, which they would log.
                    env={"DASK_LOGGING__DISTRIBUTED": "critical", **_ONE_THREAD},
                )
                client = stack.enter_context(Client(stack.enter_context(cluster)))
                _await_workers(client, address)
            yield client
        return
    try:
        client = Client(address, timeout=ANSWER_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        lines = str(error).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        raise ConfigurationError(
            f"--dask {address}: no scheduler answers ({reason}); start one or use local"
        ) from error
    with client:
        _await_workers(client, address)
        yield client


def _await_workers(client: Any, address: str) -> None:
    """Wait until a worker answers, and see that all there are can import this package.

    A scheduler that starts workers on demand is given a task, which makes it start one.

    Raises
    ------
    ConfigurationError
        If none answers in time, or one cannot import the package.
    """
    import dask
    from distributed import TimeoutError as LateError

    seconds = float(dask.config.get("emusym.wait-seconds", WORKER_SECONDS))
    answer = client.submit(int, pure=False)
    try:
        answer.result(timeout=seconds)
    except (LateError, TimeoutError) as error:
        answer.cancel()
        raise ConfigurationError(
            f"--dask {address}: no worker answers in {seconds:g} s; start workers first, or wait "
            "longer for them with DASK_EMUSYM__WAIT_SECONDS in the environment"
        ) from error
    # A function of the standard library, which workers without the package can run.
    found = client.run(find_spec, PACKAGE)
    lacking = sorted(worker for worker, spec in found.items() if spec is None)
    if lacking:
        raise ConfigurationError(
            f"--dask {address}: {len(lacking)} of {len(found)} workers cannot import {PACKAGE}, "
            f"the first is {lacking[0]}; install emusym where the workers run"
        )


@contextmanager
def dask_losses(address: str, remedy: str) -> Iterator[None]:
    """Turn what Dask says of lost workers and schedulers into one line.

    Raises
    ------
    LostWorkersError
        If workers died again and again on the same task, or the scheduler is gone.
    """
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    died = f"--dask {address}: workers died again and again on the same task"
    try:
        yield
    except KilledWorker as error:
        raise LostWorkersError(f"{died} (is the memory enough?); {remedy}") from error
    except RuntimeError as error:
        # coffea catches KilledWorker and raises this in its place.
        if isinstance(error.__context__, KilledWorker):
            raise LostWorkersError(f"{died} (is the memory enough?); {remedy}") from error
        raise
    except (CancelledError, CommClosedError) as error:
        raise LostWorkersError(f"--dask {address}: the scheduler is gone; {remedy}") from error
