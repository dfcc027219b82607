"""``python -m zmd``: the command ``zmd`` that is installed with this package."""

import os
import subprocess
import sys

from ._program import find

if __name__ == "__main__":
    try:
        arguments = [find("zmd"), *sys.argv[1:]]
    except FileNotFoundError as error:
        print(f"zmd: {error}", file=sys.stderr)
        sys.exit(3)
    if os.name == "nt":
        # There exec would come back to the shell before the program has ended.
        sys.exit(subprocess.call(arguments))
    os.execv(arguments[0], arguments)
