"""What `eμsym` offers, for type checkers."""

from eμsym import *  # noqa: F403 (all of them)
from eμsym import __version__ as __version__
