"""The programs that come with this package."""

import os
import sysconfig
from pathlib import Path
from typing import Iterator


def _directories() -> Iterator[str]:
    """Where pip puts programs: of the environment, of ``pip install --user``, of ``pip install --target``."""
    yield sysconfig.get_path("scripts")
    yield sysconfig.get_path("scripts", f"{os.name}_user")
    yield str(Path(__file__).parents[1] / "bin")


def find(name: str) -> str:
    """The path of a program; raises FileNotFoundError."""
    name = f"{name}.exe" if os.name == "nt" else name
    for directory in _directories():
        program = os.path.join(directory, name)
        if os.path.isfile(program):
            return program
    raise FileNotFoundError(f"{name}, a part of this package, is in none of {', '.join(_directories())}")
