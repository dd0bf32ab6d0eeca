"""Which engine trains the nets."""

from __future__ import annotations

from importlib.util import find_spec

from eμsym.engines.cpu import CpuEngine
from eμsym.engines.cuda import CudaEngine
from eμsym.engines.interface import Engine
from eμsym.engines.nodes import NodesEngine
from eμsym.engines.reference import ReferenceEngine
from eμsym.errors import ConfigurationError


def choose_engine(name: str, inputs: int, hidden: tuple[int, ...]) -> Engine:
    """Return the engine of that name; "auto" takes the fastest one that can do it.

    Parameters
    ----------
    name : {"auto", "nodes", "cpu", "reference", "cuda"}
    inputs : int
        Dimensions of an event.
    hidden : tuple of int

    Raises
    ------
    ConfigurationError
        If there is no such engine, it cannot train such a net, or it needs
        torch or a GPU that is not there.
    """
    if name == "auto":
        name = "reference" if len(hidden) > 1 else ("nodes" if inputs == 1 else "cpu")
    if name in ("nodes", "cpu") and len(hidden) > 1:
        raise ConfigurationError(
            f"engine {name!r} trains one hidden layer, got {hidden}; take 'reference'"
        )
    if name == "nodes" and inputs > 1:
        raise ConfigurationError(
            f"engine 'nodes' is for events of 1 dimension, got {inputs}; take 'cpu'"
        )
    if name in ("reference", "cuda") and find_spec("torch") is None:
        raise ConfigurationError(f"engine {name!r} needs torch: pip install 'emusym[torch]'")
    if name == "cpu":
        return CpuEngine()
    if name == "nodes":
        return NodesEngine()
    if name == "reference":
        return ReferenceEngine()
    if name == "cuda":
        return CudaEngine()
    raise ConfigurationError(f"no engine {name!r}; there are auto, nodes, cpu, reference and cuda")
