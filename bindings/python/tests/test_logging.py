"""The log."""

import logging
import unittest

import zmd
from support import TOKEN, SimTest, run


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

    def levels(self, level, action):
        self.handler.records.clear()
        self.logger.setLevel(level)
        action()
        return {record.levelno for record in self.handler.records}

    def test_the_level_is_that_of_pythons_logger(self):
        def poll():
            with self.assertRaises(zmd.Timeout):
                self.client().wait("Leads", 1002, timeout=0.1)

        self.assertEqual(self.levels(logging.WARNING, poll), set())
        self.assertEqual(self.levels(logging.DEBUG, poll), {logging.DEBUG})
        self.assertIn(5, self.levels(5, poll))
        self.assertEqual(self.levels(logging.CRITICAL, poll), set())
        self.assertEqual(self.levels(logging.DEBUG, poll), {logging.DEBUG})
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.assertEqual(self.levels(logging.DEBUG, poll), set())

    def test_messages_are_the_librarys_and_hold_no_token(self):
        client = self.client(poll_min_ms=1)

        def poll():
            with self.assertRaises(zmd.Timeout):
                client.wait("Leads", 1002, timeout=0.1)

        self.levels(1, poll)
        messages = [record.getMessage() for record in self.handler.records]
        self.assertTrue(any(message.startswith("zmd::wait: jobs[0]: next poll in ") for message in messages), messages)
        self.assertFalse([message for message in messages if TOKEN[:20] in message])
        self.assertEqual({record.msg for record in self.handler.records}, {"%s"})
        self.assertEqual({record.name for record in self.handler.records}, {"zmd"})

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
import zmd, zmd._call
assert (os.listdir("/proc/self/task"), os.listdir("/proc/self/fd")) == before
assert zmd._call._log_level == 0
"""
        self.assertEqual(run("-c", code), (0, "", ""))

    def test_nothing_is_printed_where_logging_is_not_configured(self):
        code = "import sys, zmd, zmd._call; zmd._call._log_line(None, 1, b'100 %s')"
        self.assertEqual(run("-c", code), (0, "", ""))
        code = "import logging; logging.basicConfig(format='%(levelname)s %(message)s'); " + code
        self.assertEqual(run("-c", code), (0, "", "ERROR 100 %s\n"))


if __name__ == "__main__":
    unittest.main()
