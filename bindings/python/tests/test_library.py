"""Finding the shared library."""

import os
import shutil
import tempfile
import unittest

import zmd
from support import run

OWN = os.path.join(os.path.dirname(zmd.__file__), "libzmd.so")


def importing(code="import zmd; print(zmd.Client('1000.x'))", **environment):
    return run("-c", code, env={**os.environ, **environment})


class Library(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def refused(self, *parts, **environment):
        exit_status, _, err = importing(**environment)
        self.assertEqual(exit_status, 1)
        last = err.strip().splitlines()[-1]
        for part in ("ImportError: ", *parts):
            self.assertIn(part, last)

    def test_another_one_by_its_path(self):
        other = os.path.join(self.directory, "other.so")
        shutil.copy(OWN, other)
        code = "import zmd; zmd.Client('1000.x'); print(open('/proc/self/maps').read())"
        exit_status, out, err = importing(code, ZMD_LIBRARY=other)
        self.assertEqual((exit_status, err), (0, ""))
        self.assertTrue(other in out and OWN not in out)
        self.assertIn(OWN, importing(code, ZMD_LIBRARY="")[1])

    def test_another_one_by_its_name(self):
        shutil.copy(OWN, os.path.join(self.directory, "libzmd.so.0"))
        environment = {"ZMD_LIBRARY": "libzmd.so.0", "LD_LIBRARY_PATH": self.directory}
        self.assertEqual(importing(**environment)[::2], (0, ""))

    def test_asyncio_is_imported_where_it_is_used(self):
        code = "import sys, zmd; assert 'AsyncClient' in dir(zmd) and 'asyncio' not in sys.modules"
        code += "; from zmd import *; AsyncClient('1000.x'); assert AsyncClient is zmd.AsyncClient"
        self.assertEqual(importing(code), (0, "", ""))
        self.assertIn("no attribute 'no_such_name'", importing("import zmd; zmd.no_such_name")[2])

    def test_one_that_is_not_there(self):
        self.refused("/nonexistent/libzmd.so", "ZMD_LIBRARY", ZMD_LIBRARY="/nonexistent/libzmd.so")
        package = os.path.join(self.directory, "zmd")
        shutil.copytree(os.path.dirname(zmd.__file__), package, ignore=shutil.ignore_patterns("*.so"))
        self.refused(os.path.join(package, "libzmd.so"), "install the package again", PYTHONPATH=self.directory)
        # The command prints it as a line.
        exit_status, out, err = run("-m", "zmd", env={**os.environ, "ZMD_LIBRARY": "/nonexistent"})
        self.assertEqual((exit_status, out, err.count("\n")), (1, "", 1))

    def test_one_that_is_another(self):
        self.refused("no libzmd", "zmd_version", ZMD_LIBRARY="libc.so.6")

    def test_one_of_another_version(self):
        code = "import sys, types; sys.modules['zmd._version'] = types.SimpleNamespace(__version__={!r}); import zmd"
        numbers = [int(number) for number in zmd.__version__.split(".")]
        # As its soname and its CMake package have it: a library serves all of its first number that is not newer.
        fits = ["{}.{}.{}".format(numbers[0], numbers[1], numbers[2] + 7)]
        fits += ["{}.{}.0".format(numbers[0], minor) for minor in range(numbers[1])]
        for version in fits:
            self.assertEqual(importing(code.format(version)), (0, "", ""))
        for other in ("{}.{}.0".format(numbers[0], numbers[1] + 1), "{}.0.0".format(numbers[0] + 1)):
            exit_status, _, err = importing(code.format(other))
            self.assertEqual(exit_status, 1)
            self.assertIn("libzmd {}, which does not fit zmd {}".format(zmd.__version__, other), err)


if __name__ == "__main__":
    unittest.main()
