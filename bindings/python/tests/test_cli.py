"""python -m zmd. What it prints to standard output is compared with the C tool elsewhere."""

import fcntl
import importlib.util
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

import zmd
from support import Sim, SimTest, Unanswered, run, start


class CommandLine(SimTest):
    def ask(self, *arguments, **options):
        return run("-m", "zmd", *arguments, **{"env": self.environment(), **options})

    def test_the_exit_status_tells_the_state(self):
        completed = "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n"
        self.assertEqual(self.ask("status", "Leads", "1001"), (0, completed, ""))
        exit_status, out, err = self.ask("status", "Leads", "1001", "1002")
        self.assertEqual((exit_status, err), (2, ""))
        self.assertTrue(out.startswith(completed + "Leads 1002: RUNNING, "))
        exit_status, out, err = self.ask("status", "Leads", "error-NO_PERMISSION", "1002", "1001")
        self.assertEqual((exit_status, out.count("\n"), err.count("\n")), (3, 2, 1))
        self.assertTrue(err.startswith("zmd: Leads error-NO_PERMISSION: Zoho forbids"), err)

    def test_json(self):
        exit_status, out, err = self.ask("status", "--json", "Leads", "1001", "error-NO_PERMISSION", "no\nid")
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(exit_status, 3)
        self.assertEqual([line.get("state") for line in lines], ["COMPLETED", None, None])
        self.assertEqual([line.get("error") for line in lines], [None, "ZMD_ERR_FORBIDDEN", "ZMD_ERR_INVALID_ARGUMENT"])
        self.assertEqual(err.splitlines()[0], "zmd: Leads error-NO_PERMISSION: " + lines[1]["message"])
        self.assertEqual(len(err.splitlines()), 2)

    def test_waiting(self):
        exit_status, out, err = self.ask("wait", "Leads", "1003", "1001")
        self.assertEqual(exit_status, 0)
        states = [line.split(",")[0] for line in out.splitlines()]
        self.assertEqual(states, ["Leads 1003: COMPLETED", "Leads 1001: COMPLETED"])
        # No terminal, but a line for each change.
        lines = err.splitlines()
        self.assertEqual(len(lines), len(set(lines)))
        self.assertTrue(any("RUNNING" in line for line in lines) and "\r" not in err, err)

    def test_the_time_is_over(self):
        exit_status, out, err = self.ask("wait", "--timeout", "0.3", "Leads", "1002")
        self.assertEqual((exit_status, out[:20]), (2, "Leads 1002: RUNNING,"))
        self.assertTrue(err.endswith("zmd: the time is over, and the job has not ended\n"), err)
        self.assertLess(len(err.splitlines()), 4)  # of more polls
        exit_status, out, err = self.ask("wait", "--timeout=0", "Leads", "1002", "1001", "error-html500")
        self.assertEqual((exit_status, len(out.splitlines())), (3, 2))
        self.assertTrue(err.endswith("zmd: the time is over, and 2 of 3 jobs have not ended\n"), err)

    def test_an_error_is_told_once(self):
        for command in ("status", "wait"):
            exit_status, out, err = self.ask(command, "Leads", "error-NO_PERMISSION")
            self.assertEqual((exit_status, out, len(err.splitlines())), (3, "", 1), err)
        # One that passes is told when it comes, not at every poll.
        exit_status, out, err = self.ask("wait", "--timeout", "0.4", "Leads", "error-html500")
        self.assertEqual((exit_status, out, len(err.splitlines())), (3, "", 3), err)

    def test_usage(self):
        exit_status, out, err = self.ask("--help")
        self.assertEqual((exit_status, err), (0, ""))
        self.assertIn("Exit status: 0 the job is completed", out)
        self.assertIn("--timeout SECONDS", self.ask("wait", "--help")[1])
        self.assertEqual(self.ask("--version"), (0, "zmd {}\n".format(zmd.__version__), ""))
        for arguments in [
            [],
            ["status"],
            ["status", "Leads"],
            ["ask", "Leads", "1001"],
            ["status", "--nonsense", "Leads", "1001"],
            ["status", "--timeout", "1", "Leads", "1001"],
            ["status", "--js", "Leads", "1001"],
            ["status", "Leads", "1001", "--\x1b"],
            *[["wait", "--timeout", bad, "Leads", "1"] for bad in ("-1", "soon", "", "1e3", "inf", "1_0", "\x1b")],
        ]:
            exit_status, out, err = self.ask(*arguments)
            self.assertEqual((exit_status, out, len(err.splitlines())), (3, "", 1), (arguments, err))
            self.assertTrue(err.startswith("zmd: ") and "--help" in err and "\x1b" not in err, err)
        self.assertEqual(self.ask("status", "--", "Leads", "1001")[0], 0)

    def test_missing_and_bad_settings(self):
        environment = self.environment()
        del environment["ZMD_ACCESS_TOKEN"]
        exit_status, out, err = self.ask("status", "--json", "Leads", "1", "2", env=environment)
        self.assertEqual(exit_status, 3)
        self.assertEqual([json.loads(line)["error"] for line in out.splitlines()], ["ZMD_ERR_INVALID_CONFIG"] * 2)
        self.assertTrue("ZMD_ACCESS_TOKEN" in err and err.count("\n") == 1, err)
        self.assertEqual(self.ask("wait", "Leads", "1", env=self.environment(ZMD_TIMEOUT_MS="soon"))[:2], (3, ""))

    def test_output_that_cannot_be_written(self):
        for environment in (self.environment(), self.environment(PYTHONUNBUFFERED="1")):
            for arguments in (["status", "Leads", "1001"], ["--help"], ["--version"]):
                with open("/dev/full", "w") as full:
                    exit_status, _, err = self.ask(*arguments, stdout=full, env=environment)
                self.assertEqual(exit_status, 3)
                self.assertRegex(err, "^zmd: cannot write to standard output: .*\n$")
                reader, writer = os.pipe()
                os.close(reader)
                exit_status, _, err = self.ask(*arguments, stdout=writer, env=environment)
                os.close(writer)
                self.assertEqual(exit_status, 3)
                self.assertRegex(err, "^zmd: cannot write to standard output: .*\n$")
            with open("/dev/full", "w") as full:
                self.assertEqual(self.ask("wait", "Leads", "1001", stderr=full, env=environment)[0], 0)

    def test_closed_outputs(self):
        def shell(redirection):
            command = ["sh", "-c", '"$0" -m zmd wait Leads 1001 {}'.format(redirection), sys.executable]
            done = subprocess.run(command, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            return done.returncode, done.stdout, done.stderr

        exit_status, _, err = shell(">&-")
        self.assertEqual(exit_status, 3)
        self.assertIn(b"cannot write to standard output", err)
        self.assertEqual(shell("2>&-"), (0, b"Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed\n", b""))

    def test_any_locale_and_any_bytes(self):
        command = [sys.executable, "-m", "zmd", "status", "Leads", "1001", "b\u00fc\u2028", b"\xff"]
        for more in ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"}, {}):
            for option in ("", "--json"):
                arguments = [*command[:4], *filter(None, [option]), *command[4:]]
                environment = self.environment(**more)
                done = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 3)
                self.assertNotIn(b"Traceback", done.stderr)
                self.assertEqual(len(done.stdout.decode().split("\n")), 4 if option else 2)
                if option:
                    last = json.loads(done.stdout.decode().split("\n")[2])
                    self.assertEqual((last["job_id"], last["message"]), ("\ufffd", "job_id is not UTF-8"))

    def test_signals(self):
        server = Unanswered()
        self.addCleanup(server.close)
        unanswered = self.environment(ZMD_API_DOMAIN=server.url, ZMD_CONNECT_TIMEOUT_MS="20000")
        processes = []
        for sent, word in ((signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")):
            for arguments, environment in (
                (["wait", "Leads", "1002"], self.environment(ZMD_POLL_MIN_MS="60000")),
                (["status", "Leads", "fault-stall-in-header"], self.environment()),
                (["wait", "Leads", "1001"], unanswered),
            ):
                process = start("-m", "zmd", *arguments, env=environment)
                self.addCleanup(process.kill)
                processes.append((process, sent, word))
        time.sleep(2)
        for process, sent, word in processes:
            begin = time.monotonic()
            process.send_signal(sent)
            out, err = process.communicate(timeout=20)
            self.assertEqual((process.returncode, out), (128 + sent, ""))
            self.assertEqual(err.splitlines()[-1][: 5 + len(word)], "zmd: " + word)
            self.assertNotIn("Traceback", err)
            self.assertLess(time.monotonic() - begin, 1)

    def test_a_signal_that_is_ignored_stays_ignored(self):
        for sent in (signal.SIGINT, signal.SIGTERM):
            ignore = {"preexec_fn": lambda: signal.signal(sent, signal.SIG_IGN)}
            sim = Sim()
            self.addCleanup(sim.close)
            environment = self.environment(ZMD_API_DOMAIN=sim.url)
            process = start("-m", "zmd", "wait", "Leads", "1003", env=environment, **ignore)
            time.sleep(0.7)
            self.assertIsNone(process.poll())
            process.send_signal(sent)
            process.communicate(timeout=20)
            self.assertEqual(process.returncode, 0)

    def at_terminal(self, *arguments):
        """Standard output, and what a terminal gets as standard error."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        process = start("-m", "zmd", *arguments, stderr=theirs, env=self.environment())
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # that is how it ends
                part = b""
            if not part:
                break
            shown += part
        os.close(ours)
        return process.wait(), process.communicate()[0], shown.decode()

    def test_a_terminal_gets_a_line_that_is_drawn_again(self):
        exit_status, out, shown = self.at_terminal("wait", "Leads", "1003", "1001", "error-NO_PERMISSION")
        self.assertEqual((exit_status, len(out.splitlines())), (3, 2))
        self.assertIn("zmd: Leads error-NO_PERMISSION: Zoho forbids", shown)
        self.assertGreater(shown.count("\r"), 3)
        parts = ["0 failed, ", " of 3 jobs ended"]
        parts += ["%|", " records"] if importlib.util.find_spec("tqdm") else ["[#", "% ", " of 309 deleted"]
        for part in parts:
            self.assertIn(part, shown)
        # In the end the line is gone.
        self.assertRegex(shown, r"\r +\r$")


if __name__ == "__main__":
    unittest.main()
