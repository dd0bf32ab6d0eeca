"""Run strict mypy on the package as it is installed, with processors/ and plots/ inside it.

The package-dir mapping of setuptools is unknown to mypy, so the folders are
linked together the way the wheel has them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"processors": "processors", "plots": "plots", "recipes": "data-recipes"}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "eμsym"
        package.mkdir()
        for item in (ROOT / "eμsym").iterdir():
            (package / item.name).symlink_to(item)
        for name, source in ROOMS.items():
            (package / name).symlink_to(ROOT / source)
        (Path(folder) / "emusym").symlink_to(ROOT / "emusym")
        config = ROOT / "pyproject.toml"
        command = [sys.executable, "-m", "mypy", "--config-file", str(config)]
        command += ["-p", "eμsym", "-p", "emusym", "--cache-dir", str(ROOT / ".mypy_cache")]
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
