"""``python -m zmd``: the command ``zmd`` that is installed with this package."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Iterator


def _directories() -> Iterator[str]:
    """Where pip puts programs: of the environment, of ``pip install --user``, of ``pip install --target``."""
    yield sysconfig.get_path("scripts")
    yield sysconfig.get_path("scripts", f"{os.name}_user")
    yield str(Path(__file__).parents[1] / "bin")


def _find() -> str:
    name = "zmd.exe" if os.name == "nt" else "zmd"
    for directory in _directories():
        program = os.path.join(directory, name)
        if os.path.isfile(program):
            return program
    print(f"zmd: {name}, a part of this package, is in none of {', '.join(_directories())}", file=sys.stderr)
    sys.exit(3)


if __name__ == "__main__":
    arguments = [_find(), *sys.argv[1:]]
    if os.name == "nt":
        # There exec would come back to the shell before the program has ended.
        sys.exit(subprocess.call(arguments))
    os.execv(arguments[0], arguments)
