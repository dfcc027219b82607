"""Builds the package: the library and the command with cargo, the rest with setuptools.

setuptools works in a copy, which is removed afterwards: the source stays as it was, and nothing that an earlier build left
can get into a package.

CARGO             the cargo to run
CARGO_TARGET_DIR  where cargo builds, as usual
ZMD_BUILD_LIBRARY a shared library to pack, with the programs zmd and zmd-sim beside it, instead of those that cargo
                  builds
"""

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from setuptools import build_meta

HERE = Path(__file__).resolve().parent
# A source distribution brings the crate along; in the repository it is around us.
CRATE = HERE / "crate" if (HERE / "crate").is_dir() else HERE.parents[1]
LICENSES = ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-LICENSES"]
# The command, and the stand-in for the service that zmd.testing starts.
PROGRAMS = ["zmd", "zmd-sim"]
SBOMS = [f"sbom/{name}.cdx.json" for name in ["libzmd", *PROGRAMS]]


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    metadata_directory = os.path.abspath(metadata_directory)
    with copy_of_source():
        return build_meta.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    wheel_directory = os.path.abspath(wheel_directory)
    library, programs = given() or build()
    with copy_of_source() as copy:
        add_built(copy, copy / "src/zmd", library, programs)
        return build_meta.build_wheel(wheel_directory, config_settings)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """For ``pip install --editable``: the modules are those of the source, where the library is put beside them. The
    wheel has the programs, and instead of the modules a file that names their directory."""
    wheel_directory = os.path.abspath(wheel_directory)
    library, programs = given() or build()
    with copy_of_source() as copy:
        shutil.copy(copy / "src/zmd/_version.py", HERE / "src/zmd")
        add_built(copy, HERE / "src/zmd", library, programs)
        name = build_meta.build_wheel(str(copy / "dist"), config_settings)
        with zipfile.ZipFile(copy / "dist" / name) as whole, zipfile.ZipFile(
            Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED
        ) as editable:
            files = [(file, whole.read(file)) for file in whole.infolist() if not file.filename.startswith("zmd/")]
            files.insert(0, (zipfile.ZipInfo("zmd.pth"), f"{HERE / 'src'}\n".encode()))
            record = ""
            for file, content in files:
                if file.filename.endswith("/RECORD"):
                    content = f"{record}{file.filename},,\n".encode()  # the last one in a wheel
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
                record += f"{file.filename},sha256={digest},{len(content)}\n"
                editable.writestr(file, content)
    return name


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_sdist(sdist_directory, config_settings=None):
    sdist_directory = os.path.abspath(sdist_directory)
    with copy_of_source() as copy:
        add_crate(copy / "crate")
        (copy / "MANIFEST.in").write_text("include build_backend.py\ngraft crate\n")
        return build_meta.build_sdist(sdist_directory, config_settings)


@contextlib.contextmanager
def copy_of_source():
    """A directory with what the package is made of, but for what cargo builds. It is the current one meanwhile."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="zmd-build-") as name:
        copy = Path(name)
        for file in ["build_backend.py", "pyproject.toml", "setup.py", "README.md"]:
            shutil.copy(HERE / file, copy)
        for file in LICENSES:
            shutil.copy(CRATE / file, copy)
        (copy / "sbom").mkdir()
        for file in SBOMS:
            shutil.copy(CRATE / file, copy / "sbom")
        (copy / "src/zmd").mkdir(parents=True)
        for file in [*HERE.glob("src/zmd/*.py"), HERE / "src/zmd/py.typed"]:
            shutil.copy(file, copy / "src/zmd")
        (copy / "src/zmd/_version.py").write_text(f'__version__ = "{version()}"\n')
        os.chdir(copy)
        try:
            yield copy
        finally:
            os.chdir(before)


def add_built(copy, package, library, programs):
    # Not over one that a running Python has loaded.
    target = package / f"libzmd{suffix_of(library)}"
    shutil.copyfile(library, f"{target}.new")
    os.replace(f"{target}.new", target)
    (copy / "bin").mkdir()
    for program in programs:
        shutil.copy(program, copy / "bin")


def version():
    manifest = (CRATE / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.+)"', manifest, re.MULTILINE).group(1)


def given():
    name = os.environ.get("ZMD_BUILD_LIBRARY")
    if not name:
        return None
    library = Path(name).resolve()
    if not library.is_file() or not suffix_of(library):
        sys.exit(f"ZMD_BUILD_LIBRARY: {library} is no shared library")
    suffix = ".exe" if suffix_of(library) == ".dll" else ""
    programs = [library.with_name(name + suffix) for name in PROGRAMS]
    for program in programs:
        if not program.is_file():
            sys.exit(f"ZMD_BUILD_LIBRARY: {program}, which belongs beside the library, does not exist")
    return library, programs


def suffix_of(library):
    """That of the platform's shared libraries, also of a name like libzmd.so.0; None for another file."""
    return next((suffix for suffix in (".so", ".dylib", ".dll") if suffix in library.name), None)


def build():
    options = ["--release", "--locked", "-p", "zmd", "--lib", "-p", "zmd-cli", "-p", "zmd-sim", "--bins"]
    output = cargo("build", *options, "--message-format=json-render-diagnostics")
    library, programs = None, []
    for message in map(json.loads, output.splitlines()):
        if message["reason"] == "compiler-artifact" and "cdylib" in message["target"]["crate_types"]:
            library = next(
                (file for file in map(Path, message["filenames"]) if file.suffix == suffix_of(file)), library
            )
        elif message["reason"] == "compiler-artifact" and message["executable"]:
            programs.append(Path(message["executable"]))
    if library is None or sorted(program.stem for program in programs) != PROGRAMS:
        sys.exit("cargo built no shared library, or not both programs")
    return library, programs


# What cargo needs to build both: the crate as it is published, and the members of its workspace.
MEMBERS = ["benches/compare", "cli", "core", "tests"]


def add_crate(directory):
    published = cargo("package", "-p", "zmd", "--allow-dirty", "--list").splitlines()
    made = {"Cargo.toml.orig", ".cargo_vcs_info.json"}
    files = {Path(name) for name in published if name not in made}
    for member in MEMBERS:
        files.update(file.relative_to(CRATE) for file in (CRATE / member).rglob("*") if file.is_file())
    for file in files:
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CRATE / file, directory / file)


def cargo(*arguments):
    """What cargo prints to standard output; all else goes to standard error."""
    program = os.environ.get("CARGO", "cargo")
    if not shutil.which(program):
        sys.exit(f"{program} is not there: install Rust, or name a shared library in ZMD_BUILD_LIBRARY")
    # A script for Unix: it keeps this machine's paths out of what is built.
    pathless = [CRATE / "cross/pathless"] if os.name == "posix" else []
    try:
        return subprocess.run([*pathless, program, *arguments], cwd=CRATE, check=True, stdout=subprocess.PIPE).stdout.decode()
    except subprocess.CalledProcessError as error:
        sys.exit(f"cargo failed with exit status {error.returncode}")
