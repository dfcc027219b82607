"""Builds the package: the library with cargo, the rest with setuptools.

setuptools works in a copy, which is gone afterwards: the source stays as it was, and nothing that an earlier build left
can get into a package.

CARGO             the cargo to run
CARGO_TARGET_DIR  where cargo builds, as usual
ZMD_BUILD_LIBRARY a shared library to pack, instead of one that cargo builds
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from setuptools import build_meta

HERE = Path(__file__).resolve().parent
# A source distribution brings the crate along; in the repository it is around us.
IS_SDIST = (HERE / "crate").is_dir()
CRATE = HERE / "crate" if IS_SDIST else HERE.parents[1]
LICENSES = ["LICENSE-APACHE", "LICENSE-MIT"]


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    metadata_directory = os.path.abspath(metadata_directory)
    with copy_of_source():
        return build_meta.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    wheel_directory = os.path.abspath(wheel_directory)
    library = given_library() or build_library()
    with copy_of_source() as copy:
        shutil.copyfile(library, copy / "src/zmd" / f"libzmd{suffix_of(library)}")
        return build_meta.build_wheel(wheel_directory, config_settings)


def build_sdist(sdist_directory, config_settings=None):
    sdist_directory = os.path.abspath(sdist_directory)
    with copy_of_source() as copy:
        add_crate(copy / "crate")
        (copy / "MANIFEST.in").write_text("include build_backend.py\ngraft crate\n")
        return build_meta.build_sdist(sdist_directory, config_settings)


@contextlib.contextmanager
def copy_of_source():
    """A directory with what the package is made of, but for the library. It is the current one meanwhile."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="zmd-build-") as name:
        copy = Path(name)
        for file in ["build_backend.py", "pyproject.toml", "setup.py", "README.md"]:
            shutil.copy(HERE / file, copy)
        for file in LICENSES:
            shutil.copy(CRATE / file, copy)
        (copy / "src/zmd").mkdir(parents=True)
        for file in [*HERE.glob("src/zmd/*.py"), HERE / "src/zmd/py.typed"]:
            shutil.copy(file, copy / "src/zmd")
        (copy / "src/zmd/_version.py").write_text(f'__version__ = "{version()}"\n')
        os.chdir(copy)
        try:
            yield copy
        finally:
            os.chdir(before)


def version():
    manifest = (CRATE / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.+)"', manifest, re.MULTILINE).group(1)


def given_library():
    name = os.environ.get("ZMD_BUILD_LIBRARY")
    if not name:
        return None
    library = Path(name).resolve()
    if not library.is_file() or not suffix_of(library):
        sys.exit(f"ZMD_BUILD_LIBRARY: {library} is no shared library")
    return library


def suffix_of(library):
    """That of the platform's shared libraries, also of a name like libzmd.so.0; None for another file."""
    return next((suffix for suffix in (".so", ".dylib", ".dll") if suffix in library.name), None)


def build_library():
    output = cargo("build", "--release", "--lib", "--locked", "--message-format=json-render-diagnostics")
    for message in map(json.loads, output.splitlines()):
        if message["reason"] == "compiler-artifact" and "cdylib" in message["target"]["crate_types"]:
            for file in map(Path, message["filenames"]):
                if file.suffix == suffix_of(file):
                    return file
    sys.exit("cargo built no shared library")


def add_crate(directory):
    if IS_SDIST:
        shutil.copytree(CRATE, directory, ignore=shutil.ignore_patterns("target"))
        return
    with tempfile.TemporaryDirectory(prefix="zmd-crate-") as target:
        # What git does not know of yet is packed too; that it compiles, the wheel will show.
        cargo("package", "-p", "zmd", "--allow-dirty", "--no-verify", "--target-dir", target)
        (archive,) = Path(target).glob("package/*.crate")
        with tarfile.open(archive) as tar:
            tar.extractall(target)
        shutil.move(os.path.join(target, archive.stem), directory)


def cargo(*arguments):
    """What cargo prints to standard output; all else goes to standard error."""
    program = os.environ.get("CARGO", "cargo")
    try:
        return subprocess.run([program, *arguments], cwd=CRATE, check=True, stdout=subprocess.PIPE).stdout.decode()
    except FileNotFoundError:
        sys.exit(f"{program} is not there: install Rust, or name a shared library in ZMD_BUILD_LIBRARY")
    except subprocess.CalledProcessError as error:
        sys.exit(f"cargo failed with exit status {error.returncode}")
