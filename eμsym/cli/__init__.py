"""The command line, the only place where all rooms meet."""

from eμsym.cli.app import main

__all__ = ["main"]
