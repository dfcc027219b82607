"""``python -m zmd``: the command ``zmd`` that is installed with this package."""

import os
import subprocess
import sys
from typing import NoReturn

from ._program import find


def main() -> NoReturn:
    try:
        program = find("zmd")
    except FileNotFoundError as error:
        print(f"zmd: {error}", file=sys.stderr)
        sys.exit(4)
    if os.name == "nt":
        # There exec would come back to the shell before the program has ended.
        sys.exit(subprocess.call([program, *sys.argv[1:]]))
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
