"""What pyproject.toml cannot say. build_backend.py runs it, where everything is in place."""

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class PlatformDistribution(Distribution):
    """One with a library in it."""

    def has_ext_modules(self):
        return True


class PlatformWheel(bdist_wheel):
    """One for every Python on its platform: the library does not know of Python."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


# Before setuptools 77, pyproject.toml had another form for the license, which later ones refuse.
setup(distclass=PlatformDistribution, cmdclass={"bdist_wheel": PlatformWheel}, license="MIT OR Apache-2.0")
