"""Signals, fork, and the end of the interpreter."""

import signal
import time
import unittest

from support import AT_ONCE, TOKEN, SimTest, Unanswered, eventually, run, start

HEAD = """
import os, signal, sys, threading, time, warnings
import zmd
url, token = sys.argv[1:3]
client = zmd.Client(token, api_domain=url, poll_min=0.02, connect_timeout=600, timeout=600)
"""

# Does what it is given, until Ctrl-C ends it; then it prints how long that took, and that the client still works.
INTERRUPTED = (
    HEAD
    + """
try:
    print("ready", flush=True)
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
{then}
"""
)

STILL_WORKS = """
assert client.status("Leads", 1001).deleted_count == 9
# A few threads are kept for the next calls, and those of the library that were interrupted have ended.
end = time.monotonic() + 60
while len(os.listdir("/proc/self/task")) > 5 and time.monotonic() < end:
    time.sleep(0.01)
assert len(os.listdir("/proc/self/task")) <= 5, threading.enumerate()
"""


class CtrlC(SimTest):
    def interrupt(self, server, call, then="", sent=signal.SIGINT, code=INTERRUPTED):
        """A call that nothing else ends, as soon as the server knows of it; and what comes then."""
        before = server.requests()
        process = start("-c", code.format(call=call, then=then), server.url, TOKEN)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        self.assertTrue(eventually(lambda: server.requests() > before))
        self.assertIsNone(process.poll())
        begin = time.monotonic()
        process.send_signal(sent)
        self.assertEqual(process.stdout.readline(), "interrupted\n")
        self.assertLess(time.monotonic() - begin, AT_ONCE)
        return process

    def ends(self, process):
        begin = time.monotonic()
        process.wait(2 * AT_ONCE)
        self.assertEqual((process.stderr.read(), process.returncode), ("", 0))
        self.assertLess(time.monotonic() - begin, AT_ONCE)

    def test_between_two_polls(self):
        # The second poll comes after ten minutes.
        client = "client = zmd.Client(token, api_domain=url, poll_min=600); "
        for call in ('client.wait("Leads", 1002)', 'client.wait_many([("Leads", 1002)] * 3, progress=print)'):
            with self.subTest(call):
                self.ends(self.interrupt(self.sim, client + call.replace("print", "lambda _: None"), STILL_WORKS))

    def test_while_the_server_stalls(self):
        for call in (
            'client.status("Leads", "fault-stall-in-header")',
            'client.status_many([("Leads", "fault-stall-before-header")] * 7)',
            'client.wait("Leads", "fault-stall-in-body", progress=lambda _: None)',
        ):
            with self.subTest(call):
                self.ends(self.interrupt(self.sim, call, STILL_WORKS))

    def test_while_a_connection_is_not_answered(self):
        server = Unanswered()
        self.addCleanup(server.close)
        self.ends(self.interrupt(server, 'client.status("Leads", 1001)'))
        # The connection of the first goes away with its process, at some time.
        self.assertTrue(eventually(lambda: server.requests() == 0))
        self.ends(self.interrupt(server, 'client.wait("Leads", 1001, progress=print)'))

    def test_in_progress(self):
        self.ends(self.interrupt(self.sim, 'client.wait("Leads", 1002, progress=lambda _: time.sleep(600))', STILL_WORKS))

    def test_any_other_handler_that_raises(self):
        handler = "signal.signal(signal.SIGUSR1, signal.default_int_handler); "
        self.ends(self.interrupt(self.sim, handler + 'client.wait("Leads", 1002)', STILL_WORKS, signal.SIGUSR1))

    def test_a_handler_that_does_not_raise_disturbs_nothing(self):
        code = (
            HEAD
            + """
handled = polls = 0
def handle(*_):
    global handled
    handled += 1
    client.status("Leads", 1001)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
signal.signal(signal.SIGALRM, handle)
handle()
while handled < 10:
    assert client.status("Leads", 1001).deleted_count == 9
def count(poll):
    global polls
    polls += 1
    assert poll.status.state == zmd.State.RUNNING
    if handled > 20 and polls > 3:
        raise KeyError
try:
    client.wait("Leads", 1002, progress=count)
except KeyError:
    signal.setitimer(signal.ITIMER_REAL, 0)
"""
        )
        self.assertEqual(run("-c", code, self.sim.url, TOKEN), (0, "", ""))

    def test_the_calls_of_other_threads_go_on(self):
        start_other = """
others = []
def other():
    others.append(client.wait("Leads", 1004))
thread = threading.Thread(target=other)
thread.start()
"""
        then = "assert not others; print(flush=True); thread.join(); assert others[0].has_ended\n" + STILL_WORKS
        # It ends when it is said to.
        self.sim.command("job Leads:1004:9:0")
        code = HEAD + start_other + INTERRUPTED[len(HEAD) :]
        process = self.interrupt(self.sim, 'client.wait("Leads", 1002)', then, code=code)
        self.assertEqual(process.stdout.readline(), "\n")
        self.sim.command("job Leads:1004:9:inf")
        self.ends(process)


class Fork(SimTest):
    def passes(self, code):
        self.assertEqual(run("-W", "ignore", "-c", HEAD + code, self.sim.url, TOKEN), (0, "", ""))

    def test_parent_and_child_go_on(self):
        self.passes(
            """
def use():
    assert client.status("Leads", 1001).deleted_count == 9
    assert client.wait("Leads", 1001, progress=lambda _: None).has_ended
use()
children = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        signal.alarm(300)
        use()
        client.close()
        sys.exit()
    children.append(child)
use()
for child in children:
    assert os.waitpid(child, 0)[1] == 0
use()
"""
        )

    def test_no_idle_thread_is_there_meanwhile(self):
        # Python prints a warning where a process with threads is forked, also for those of the library. Its own are in the system
        # for a while after join() has returned: here for as long as the destructor of a thread-specific value takes.
        self.passes(
            """
import ctypes
libc = ctypes.CDLL(None)
key = ctypes.c_uint()
assert libc.pthread_key_create(ctypes.byref(key), libc.usleep) == 0
def end_slowly(*_):
    sys.setprofile(None)
    assert libc.pthread_setspecific(key, ctypes.c_void_p(50_000)) == 0
threading.setprofile(end_slowly)
def use():
    client.status("Leads", 1001)
    client.wait("Leads", 1001)
warnings.simplefilter("always")
use()
assert len(os.listdir("/proc/self/task")) >= 3, threading.enumerate()
child = os.fork()
assert len(os.listdir("/proc/self/task")) == 1, threading.enumerate()
use()
if child == 0:
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
"""
        )

    def test_while_other_threads_call(self):
        self.passes(
            """
is_over = False
def call():
    while not is_over:
        client.status("Leads", 1001)
        try:
            client.wait("Leads", 1002, timeout=0.05, progress=lambda _: None)
        except zmd.Timeout:
            pass
threads = [threading.Thread(target=call) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(50):
    child = os.fork()
    if child == 0:
        signal.alarm(300)
        assert client.status("Leads", 1001).deleted_count == 9
        client.close()
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
is_over = True
for thread in threads:
    thread.join()
"""
        )

    def test_in_progress(self):
        self.passes(
            """
def progress(_):
    global child
    child = os.fork()
    if child == 0:
        signal.alarm(300)
    else:
        raise KeyError
try:
    client.wait("Leads", 1002, progress=progress)
except RuntimeError as error:
    assert child == 0 and "forked" in str(error)
except KeyError:
    assert os.waitpid(child, 0)[1] == 0
assert client.status("Leads", 1001).deleted_count == 9
"""
        )

    def test_multiprocessing(self):
        self.passes(
            """
import multiprocessing
def ask(job_id):
    try:
        return client.status("Leads", job_id)
    except zmd.Error as error:
        return error
client.status("Leads", 1001)
with multiprocessing.get_context("fork").Pool(3) as pool:
    answers = pool.map(ask, [1001, "error-NO_PERMISSION"] * 5)
assert [type(answer) for answer in answers] == [zmd.Status, zmd.ForbiddenError] * 5, answers
assert answers[1].api_code == "NO_PERMISSION"
"""
        )


class Exit(SimTest):
    def ends(self, code, url=None, status=0, err=""):
        """With nothing else to be seen, and soon: ten times, at once to make it harder."""
        processes = [start("-c", HEAD + code, url or self.sim.url, TOKEN) for _ in range(10)]
        for process in processes:
            self.addCleanup(process.kill)
        for process in processes:
            out, printed = process.communicate(timeout=10 * AT_ONCE)
            self.assertEqual((process.returncode, out), (status, ""), printed)
            self.assertRegex(printed, f"\\A{err}\\Z")

    def test_with_threads_in_calls_and_a_logger(self):
        self.ends(
            """
import logging
logging.getLogger("zmd").setLevel(5)
logging.getLogger("zmd").addHandler(logging.StreamHandler(open(os.devnull, "w")))
def ask():
    while True:
        client.status("Leads", 1001)
def wait(progress=None):
    client.wait("Leads", 1002, progress=progress)
def wait_for_many():
    client.wait_many([("Leads", 1002)] * 9, progress=lambda _: None)
def stall():
    client.status("Leads", "fault-stall-in-header")
for target in [ask, ask, wait, wait, wait_for_many, stall] * 2:
    threading.Thread(target=target, daemon=True).start()
threading.Thread(target=wait, args=[lambda _: time.sleep(60)], daemon=True).start()
time.sleep(0.2)
"""
        )

    def test_with_a_connection_that_is_not_answered(self):
        server = Unanswered()
        self.addCleanup(server.close)
        self.ends(
            """
client = zmd.Client(token, api_domain=url, connect_timeout=60, timeout=60)
target = lambda: client.wait("Leads", 1001, progress=print)
threading.Thread(target=target, daemon=True).start()
time.sleep(0.1)
""",
            server.url,
        )

    def test_calls_at_exit(self):
        code = """
import atexit
client.status("Leads", 1001)
def late():
    try:
        print(client.status("Leads", 1001).deleted_count)
    except RuntimeError:
        print("too late")
atexit.register(late)
"""
        status, out, err = run("-c", HEAD + code, self.sim.url, TOKEN)
        self.assertEqual((status, err), (0, ""))
        self.assertIn(out, ("9\n", "too late\n"))
        # Registered before the package is imported, it runs after the package has ended its work.
        early = "import atexit; atexit.register(lambda: late())\n" + HEAD + code.replace("atexit.register(late)", "")
        self.assertEqual(run("-c", early, self.sim.url, TOKEN), (0, "9\n", ""))

    # A provider that would run Python code until after the interpreter's end. The call's limit is beyond that of `ends`.
    PROVIDER = """
begun = threading.Event()
def provide(_):
    begun.set()
    while True:
        time.sleep(0.0001)
client = zmd.Client(provide, api_domain=url, timeout=3600)
"""

    def test_while_a_token_provider_runs(self):
        for call in (
            "client.status('Leads', 1001)",
            "client.wait('Leads', 1001)",
            "client.wait_many([('Leads', 1001)] * 3, progress=print)",
        ):
            code = f"{self.PROVIDER}threading.Thread(target=lambda: {call}, daemon=True).start()\nbegun.wait()\n"
            with self.subTest(call):
                self.ends(code + "sys.exit(7)", status=7)

    def test_it_takes_no_time(self):
        code = """
for target in (client.status, client.wait):
    threading.Thread(target=target, args=("Leads", 1001), daemon=True).start()
begun.wait()
import atexit, zmd._exit
zmd._exit._PATIENCE_S = 60
begin = time.monotonic()
zmd._exit._exit()
assert not zmd._exit.handles_with_tokens and time.monotonic() - begin < 60
sys.exit(7)
"""
        self.ends(self.PROVIDER + code, status=7)

    def test_calls_that_begin_meanwhile(self):
        """On daemon threads, whose error would be printed beside the interpreter's end."""
        code = """
import zmd._exit
zmd._exit._PATIENCE_S = 0
def call_as_it_exits():
    polls = client._polls
    def polls_of_an_ended_client(**keywords):
        got = polls(**keywords)
        zmd._exit._exit()
        return got
    zmd.Client._polls = staticmethod(polls_of_an_ended_client)
    client.wait("Leads", 1001)
def call_after_it():
    while not zmd._exit.is_exiting():
        time.sleep(0.001)
    client.status("Leads", 1001)
threads = [threading.Thread(target=target, daemon=True) for target in (call_as_it_exits, call_after_it)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(0.5)
sys.exit(7)
"""
        self.ends(self.PROVIDER + code, status=7)

    def test_while_a_token_provider_of_a_call_that_has_ended_runs(self):
        code = """
try:
    client.status("Leads", 1001, timeout=0.1)
except zmd.Timeout:
    sys.exit(7)
"""
        self.ends(self.PROVIDER + code, status=7)

    def test_after_ctrl_c_while_a_token_provider_runs(self):
        for call in ("client.status('Leads', 1001)", "client.wait('Leads', 1001)"):
            code = f"""
def interrupt():
    begun.wait()
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
{call}
"""
            with self.subTest(call):
                self.ends(self.PROVIDER + code, status=-signal.SIGINT, err=r"Traceback [\s\S]*KeyboardInterrupt\n")

    def test_while_a_token_provider_runs_for_asyncio(self):
        for provide in ("provide", "provide_in_the_loop"):
            code = f"""
import asyncio
async def provide_in_the_loop(_):
    begun.set()
    await asyncio.sleep(60)
async def main():
    client = zmd.AsyncClient({provide}, api_domain=url)
    waiting = asyncio.ensure_future(client.wait("Leads", 1001))
    await asyncio.get_running_loop().run_in_executor(None, begun.wait)
asyncio.run(main())
sys.exit(7)
"""
            with self.subTest(provide):
                self.ends(self.PROVIDER + code, status=7)

    def test_with_an_open_client_in_a_module(self):
        self.ends('client.status("Leads", 1001)\n')


if __name__ == "__main__":
    unittest.main()
