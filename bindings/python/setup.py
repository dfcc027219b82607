"""What pyproject.toml cannot express. build_backend.py runs it, in a prepared directory."""

from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

# That of setuptools, which has to be imported first.
from distutils.command.build_scripts import build_scripts  # isort: skip


class PlatformDistribution(Distribution):
    """One with a library in it."""

    def has_ext_modules(self):
        return True


class PlatformWheel(bdist_wheel):
    """One for every Python on its platform: neither the library nor the command knows of Python."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]

    def egg2dist(self, egginfo_path, distinfo_path):
        """Where PEP 770 has lists of what is compiled in; setuptools has no setting for it."""
        super().egg2dist(egginfo_path, distinfo_path)
        self.copy_tree("sbom", f"{distinfo_path}/sboms")


class Programs(build_scripts):
    """Programs are copied as they are: setuptools takes each for a script, and would read its first line."""

    def copy_scripts(self):
        self.mkpath(self.build_dir)
        copies = [self.copy_file(program, self.build_dir)[0] for program in self.scripts]
        return copies, copies


# Before setuptools 77, pyproject.toml had another form for the license, which later ones refuse.
setup(
    distclass=PlatformDistribution,
    cmdclass={"bdist_wheel": PlatformWheel, "build_scripts": Programs},
    license="MIT OR Apache-2.0",
    license_files=["LICENSE-*", "THIRD-PARTY-LICENSES"],
    # Only a wheel has one.
    scripts=[str(program) for program in Path("bin").glob("zmd*")],
)
