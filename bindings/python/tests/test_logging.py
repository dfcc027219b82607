"""The log."""

import logging
import unittest

import zmd
from support import AT_ONCE, TOKEN, SimTest, eventually, run


class Records(logging.Handler):
    def __init__(self):
        super().__init__(0)
        self.records = []

    def emit(self, record):
        self.records.append(record)


class Log(SimTest):
    def setUp(self):
        super().setUp()
        self.logger = logging.getLogger("zmd")
        self.handler = Records()
        self.logger.addHandler(self.handler)
        self.addCleanup(self.logger.setLevel, self.logger.level)
        self.addCleanup(self.logger.removeHandler, self.handler)

    def levels(self, level, action, least=frozenset()):
        """``least``: what is expected at least, levels or names of loggers."""
        self.handler.records.clear()
        self.logger.setLevel(level)

        def found():
            return {value for record in self.handler.records for value in (record.levelno, record.name)}

        action()
        # The last lines of a wait may come after it: they are delivered by a thread of the library.
        eventually(lambda: self.handler.records and found() >= least, AT_ONCE if least else 0.5)
        return {record.levelno for record in self.handler.records}

    def test_the_level_is_that_of_pythons_logger(self):
        def poll():
            with self.assertRaises(zmd.Timeout):
                self.client().wait("Leads", 1002, timeout=0)

        self.assertEqual(self.levels(logging.WARNING, poll), set())
        both = {logging.DEBUG, logging.INFO}
        self.assertEqual(self.levels(logging.DEBUG, poll, both), both)
        self.assertEqual(self.levels(logging.INFO, poll, {logging.INFO}), {logging.INFO})
        self.assertIn(5, self.levels(5, poll, {5}))
        self.assertEqual(self.levels(logging.CRITICAL, poll), set())
        both = {logging.DEBUG, logging.INFO}
        self.assertEqual(self.levels(logging.DEBUG, poll, both), both)
        self.assertEqual(self.levels(logging.INFO, poll, {logging.INFO}), {logging.INFO})
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.assertEqual(self.levels(logging.DEBUG, poll), set())

    def test_messages_are_the_librarys_and_hold_no_token(self):
        client = self.client()

        def poll():
            with self.assertRaises(zmd.Timeout):
                client.wait("Leads", 1002, timeout=0)

        self.levels(1, poll, {logging.DEBUG, logging.INFO})
        messages = [record.getMessage() for record in self.handler.records]
        self.assertFalse([message for message in messages if TOKEN[:20] in message])
        self.assertEqual({record.msg for record in self.handler.records}, {"%s"})

    def test_each_part_of_the_library_has_its_logger(self):
        client = self.client()

        def fail():
            with self.assertRaises(ZeroDivisionError):
                client.wait("Leads", "error-html500", progress=lambda _: 1 / 0)

        # Failed polls are warnings, which say when the next one is, in seconds.
        self.assertEqual(self.levels(logging.WARNING, fail, {logging.WARNING}), {logging.WARNING})
        self.assertEqual({record.name for record in self.handler.records}, {"zmd.wait"})
        messages = [record.getMessage() for record in self.handler.records]
        self.assertRegex(messages[0], r"error-html500.* 0\.\d+ s\b")
        self.assertFalse([message for message in messages if " ms" in message or message.startswith("wait:")], messages)
        self.assertEqual(self.levels(logging.ERROR, fail), set())

        # Below DEBUG come the lines of the libraries for HTTP and TLS.
        self.levels(logging.DEBUG, fail, {"zmd.client", "zmd.wait"})
        self.assertEqual({record.name.split(".")[0] for record in self.handler.records}, {"zmd"})
        names = {record.name for record in self.handler.records}
        self.assertTrue({"zmd.client", "zmd.wait"} <= names and "zmd.ureq" not in names, names)
        self.levels(5, fail, {"zmd.ureq"})
        self.assertIn("zmd.ureq", {record.name for record in self.handler.records})

        # One part alone.
        child = logging.getLogger("zmd.wait")
        child.setLevel(logging.DEBUG)
        self.addCleanup(child.setLevel, logging.NOTSET)
        self.levels(logging.CRITICAL, fail, {"zmd.wait"})
        self.assertEqual({record.name for record in self.handler.records}, {"zmd.wait"})

    def test_the_library_logs_no_more_than_is_wanted(self):
        code = """
import atexit
atexit.register(lambda: print(calls))  # after the package's own end
import logging, sys, zmd
from zmd._library import library
calls = []
set_logger = library.zmd_set_logger
def count(log, user_data, level):
    calls.append(level)
    return set_logger(log, user_data, level)
library.zmd_set_logger = count
client = zmd.Client(sys.argv[2], api_domain=sys.argv[1])
for level in (30, 30, 10, 10, 5, 1, 20, 40, 50):
    logging.getLogger("zmd").setLevel(level)
    client.status("Leads", 1001)
    client.status("Leads", 1001)
"""
        self.assertEqual(run("-c", code, self.sim.url, TOKEN), (0, "[2, 4, 5, 3, 1, 0, 0]\n", ""))

    def test_importing_does_nothing(self):
        code = """
import os, sys, threading
before = os.listdir("/proc/self/task"), os.listdir("/proc/self/fd")
import zmd, zmd._log
assert (os.listdir("/proc/self/task"), os.listdir("/proc/self/fd")) == before
assert zmd._log._level == 0
"""
        self.assertEqual(run("-c", code), (0, "", ""))

    def test_nothing_is_printed_where_logging_is_not_configured(self):
        code = "import sys, zmd, zmd._log; zmd._log._log_line(None, 1, b'100 %s')"
        code += "; zmd._log._log_line(None, 1, b'wait: 100 %s')"
        self.assertEqual(run("-c", code), (0, "", ""))
        code = "import logging; logging.basicConfig(format='%(levelname)s %(name)s %(message)s'); " + code
        self.assertEqual(run("-c", code), (0, "", "ERROR zmd 100 %s\nERROR zmd.wait 100 %s\n"))


if __name__ == "__main__":
    unittest.main()
