"""What the tests share. They ask zmd-sim, a stand-in for the service, which ZMD_TEST_SIM names."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

import zmd

TOKEN = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210"

# What ends at once ends before this, in seconds, on a machine that is busy with other things. Nothing else ends it for twice as long.
AT_ONCE = 60

# The repository.
ROOT = os.environ["ZMD_TEST_ROOT"]


class Sim:
    """A stand-in with a completed job, one that runs for hours, and one that is completed from the third request on."""

    def __init__(self, *options):
        jobs = ["--job", "Leads:1001:9:inf", "--job", "Leads:1002:50000:1"]
        command = [os.environ["ZMD_TEST_SIM"], "--until-stdin-closes", *jobs, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().decode().split()[-1]
        counts = [("RUNNING", 100), ("RUNNING", 200), ("COMPLETED", 300)]
        rows = [{"Status": name, "Deleted_Count": count, "Failed_Count": 0, "Total_Count": 300} for name, count in counts]
        answers = [{"status": 200, "headers": {}, "body": json.dumps({"data": [row]})} for row in rows]
        self.command("script Leads:1003 " + json.dumps(answers))

    def command(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode()

    def requests(self):
        return len(json.loads(self.command("requests")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class SimTest(unittest.TestCase):
    """Tests with a stand-in of their own."""

    options = ()

    def setUp(self):
        self.sim = Sim(*self.options)
        self.addCleanup(self.sim.close)

    def client(self, **settings):
        client = zmd.Client(TOKEN, **{"api_domain": self.sim.url, "poll_min": 0.02, "max_retries": 0, **settings})
        self.addCleanup(client.close)
        return client

    def environment(self, **more):
        """The environment of a program that asks the stand-in."""
        return {
            **os.environ,
            "ZMD_API_DOMAIN": self.sim.url,
            "ZMD_ACCESS_TOKEN": TOKEN,
            "ZMD_POLL_MIN_MS": "20",
            "ZMD_MAX_RETRIES": "0",
            **more,
        }


def start(*arguments, **options):
    """Python with these arguments. Signals are as at a terminal: a shell has its background jobs ignore Ctrl-C."""

    def reset():
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": reset, **options}
    return subprocess.Popen([sys.executable, *arguments], universal_newlines=True, **options)


def run(*arguments, **options):
    """Exit status, standard output and standard error."""
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=10 * AT_ONCE)
    return process.returncode, out, err


def eventually(condition, seconds=AT_ONCE):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


class Unanswered:
    """A port at which connections wait for an answer: its backlog is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        # The system accepts the first by itself.
        self.clients = [socket.create_connection(self.listener.getsockname())]
        for _ in range(3):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(self.listener.getsockname())
            self.clients.append(client)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.before = self.waiting()

    def waiting(self):
        """How many connections wait: their state is SYN_SENT."""
        with open("/proc/net/tcp", encoding="ascii") as table:
            return sum(row.split()[2:4] == [f"0100007F:{self.port:04X}", "02"] for row in table)

    def requests(self):
        return self.waiting() - self.before

    def close(self):
        for each in [*self.clients, self.listener]:
            each.close()
