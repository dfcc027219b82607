"""AsyncClient and as_completed()."""

import asyncio
import gc
import os
import threading
import time
import unittest

import zmd
from support import AT_ONCE, TOKEN, Sim, SimTest, Unanswered, eventually, run

COMPLETED = zmd.Status("Leads", "1001", zmd.State.COMPLETED, 9, 9, 0, "COMPLETED", 200)
JOBS = [("Leads", 1001), ("Leads", 1002), ("Leads", "error-NO_PERMISSION"), ("Leads", "no id"), ("Leads", "1003")]


def open_waits(client):
    """Those of the queues of an AsyncClient."""
    return [wait for queue in client._queues.values() for wait in queue.waits._open]


async def soon(condition):
    """Waits for it, while the loop runs."""
    end = time.monotonic() + AT_ONCE
    while not condition() and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return condition()


def threads():
    """Those of the process, those of the library too."""
    return len(os.listdir("/proc/self/task"))


class AsyncTest(SimTest):
    def async_client(self, **settings):
        return zmd.AsyncClient(TOKEN, **{"api_domain": self.sim.url, "poll_min": 0.02, "max_retries": 0, **settings})

    def run_async(self, function, **settings):
        async def main():
            async with self.async_client(**settings) as client:
                return await function(client)

        return asyncio.run(asyncio.wait_for(main(), 5 * AT_ONCE))


class Calls(AsyncTest):
    def test_the_same_calls(self):
        for name in ("status", "status_many", "wait", "wait_many"):
            self.assertTrue(asyncio.iscoroutinefunction(getattr(zmd.AsyncClient, name)))
        for name in dir(zmd.Client):
            self.assertTrue(name.startswith("_") or hasattr(zmd.AsyncClient, name), name)

    def test_the_status(self):
        async def main(client):
            self.assertEqual(await client.status("Leads", 1001), COMPLETED)
            with self.assertRaises(zmd.ForbiddenError) as caught:
                await client.status("Leads", "error-NO_PERMISSION")
            error = caught.exception
            self.assertEqual((error.module, error.job_id), ("Leads", "error-NO_PERMISSION"))
            self.assertEqual((error.api_code, error.http_status), ("NO_PERMISSION", 403))
            with self.assertRaisesRegex(zmd.ArgumentError, "job_id 'no id'"):
                await client.status("Leads", "no id")
            with self.assertRaises(TypeError):
                await client.status("Leads", None)
            begin = time.monotonic()
            with self.assertRaisesRegex(zmd.Timeout, r"0\.3 s"):
                await client.status("Leads", "fault-stall-in-body", timeout=0.3)
            self.assertGreaterEqual(time.monotonic() - begin, 0.3)

        self.run_async(main)

    def test_many(self):
        async def main(client):
            outcomes = await client.status_many(iter(JOBS))
            self.assertEqual(
                [type(each) for each in outcomes],
                [zmd.Status, zmd.Status, zmd.ForbiddenError, zmd.ArgumentError, zmd.Status],
            )
            self.assertEqual([(each.module, each.job_id) for each in outcomes], [(m, str(i)) for m, i in JOBS])
            self.assertTrue(str(outcomes[2]).startswith("Leads error-NO_PERMISSION: Zoho does not permit"))
            self.assertTrue(str(outcomes[3]).startswith("Leads no id: job_id"))
            self.assertEqual(await client.status_many([]), [])
            return outcomes

        outcomes = self.run_async(main)
        # Word for word what the other client says.
        self.assertEqual(list(map(str, outcomes))[2:4], list(map(str, self.client().status_many(JOBS)))[2:4])

    def test_a_wait(self):
        polls = []

        async def main(client):
            begin = time.monotonic()
            status = await client.wait("Leads", 1003, timeout=AT_ONCE, progress=polls.append, check=True)
            took = time.monotonic() - begin
            self.assertEqual((status.state, status.deleted_count), (zmd.State.COMPLETED, 300))
            self.assertEqual((polls[-1].status, polls[-1].next_poll), (status, None))
            self.assertTrue(all(each.next_poll > 0 for each in polls[:-1]))
            # After two pauses of poll_min at least.
            self.assertTrue(len(polls) == 3 and 0.04 <= polls[-1].elapsed <= took, polls)
            begin = time.monotonic()
            with self.assertRaisesRegex(zmd.Timeout, r"within 0\.3 s"):
                await client.wait("Leads", 1002, timeout=0.3)
            self.assertGreaterEqual(time.monotonic() - begin, 0.3)
            with self.assertRaises(zmd.Timeout) as caught:
                await client.wait("Leads", 1002, timeout=0)
            self.assertEqual(caught.exception.last_status.state, zmd.State.RUNNING)
            self.assertEqual(caught.exception.last_status.job_id, "1002")

        self.run_async(main)

    def test_many_waits(self):
        polls = []

        async def main(client):
            # No time: each is polled once.
            outcomes = await client.wait_many(JOBS, timeout=0, progress=polls.append)
            self.assertEqual(
                [type(each) for each in outcomes],
                [zmd.Status, zmd.Timeout, zmd.ForbiddenError, zmd.ArgumentError, zmd.Timeout],
            )
            self.assertEqual(outcomes[1].last_status.state, zmd.State.RUNNING)
            # A refused argument is no poll, nor is the end of the time.
            self.assertEqual({each.index for each in polls}, {0, 1, 2, 4})
            self.assertFalse([each for each in polls if isinstance(each.error, zmd.Timeout)])

        self.run_async(main)

    def test_check(self):
        async def main(client):
            with self.assertRaises(zmd.JobFailedError) as caught:
                await client.wait("Leads", 1, check=True)
            self.assertEqual(caught.exception.status.failed_count, 2)
            outcomes = await client.wait_many([("Leads", 1), ("Leads", 2)], check=True)
            self.assertEqual([type(each) for each in outcomes], [zmd.JobFailedError, zmd.Status])

        with Sim("--job", "Leads:1:9:inf:2", "--job", "Leads:2:9:inf") as sim:
            self.run_async(main, api_domain=sim.url)

    def test_many_or_the_first_error(self):
        async def main(client):
            statuses = await client.wait_many([("Leads", 1003), ("Leads", 1001)], raise_on_error=True)
            self.assertEqual([each.job_id for each in statuses], ["1003", "1001"])
            with self.assertRaises(zmd.ForbiddenError):
                await client.wait_many([("Leads", 1002), ("Leads", "error-NO_PERMISSION")], raise_on_error=True)
            self.assertFalse(open_waits(client))

        self.run_async(main)

    def test_an_exception_in_progress_ends_the_wait(self):
        async def main(client):
            calls = []

            def progress(poll):
                calls.append(poll)
                raise KeyError("enough")

            with self.assertRaises(KeyError):
                await client.wait("Leads", 1002, progress=progress)
            self.assertEqual(len(calls), 1)
            self.assertFalse(open_waits(client))
            self.assertEqual(await client.status("Leads", 1001), COMPLETED)

        self.run_async(main)

    def test_watch(self):
        async def main(client):
            polls = [poll async for poll in client.watch("Leads", 1003)]
            self.assertEqual([poll.status.deleted_count for poll in polls], [100, 200, 300])
            self.assertEqual([poll.next_poll is None for poll in polls], [False, False, True])
            with self.assertRaises(zmd.Timeout):
                async for _ in client.watch("Leads", 1002, timeout=0):
                    pass
            polls = []
            async for poll in client.watch("Leads", "error-html500"):
                polls.append(type(poll.error))
                if len(polls) == 3:
                    break
            self.assertEqual(polls, [zmd.ServerError] * 3)
            with self.assertRaises(zmd.ForbiddenError):
                async for poll in client.watch("Leads", "error-NO_PERMISSION"):
                    self.fail(poll)
            # Leaving it ends the wait.
            async for _ in client.watch("Leads", 1002):
                break
            gc.collect()
            self.assertTrue(await soon(lambda: not open_waits(client)))

        self.run_async(main)

    def test_the_token_can_be_replaced(self):
        async def main(client):
            await client.status("Leads", 1001)
            client.set_access_token("1000.another")
            with self.assertRaises(zmd.UnauthorizedError):
                await client.status("Leads", 1001)

        with Sim("--token", TOKEN) as sim:
            self.run_async(main, api_domain=sim.url)


class AsCompleted(AsyncTest):
    def test_each_job_as_it_ends(self):
        async def main(client):
            return [outcome async for outcome in client.as_completed(JOBS, timeout=0)]

        with Sim() as sim:
            asynchronous = self.run_async(main, api_domain=sim.url)
        with Sim() as sim:
            blocking = list(self.client(api_domain=sim.url).as_completed(iter(JOBS), timeout=0))
        for outcomes in (asynchronous, blocking):
            by_id = {each.job_id: each for each in outcomes}
            self.assertEqual((len(outcomes), set(by_id)), (len(JOBS), {str(job_id) for _, job_id in JOBS}))
            self.assertIsInstance(by_id["1002"], zmd.Timeout)
            self.assertEqual(by_id["1002"].last_status.state, zmd.State.RUNNING)
            self.assertTrue(str(by_id["1002"]).startswith("Leads 1002: "))
            self.assertEqual(by_id["1001"], COMPLETED)
        self.assertEqual(list(self.client().as_completed([])), [])

    def test_it_begins_with_the_iteration_and_arguments_before(self):
        client = self.client()
        for wrong, error in [([("Leads",)], TypeError), ([("Leads", -1)], zmd.ArgumentError)]:
            with self.assertRaises(error):
                client.as_completed(wrong)
        with self.assertRaises(zmd.ArgumentError):
            client.as_completed(JOBS, timeout=-1)
        begin = threads()
        iterator = client.as_completed(JOBS)
        self.assertEqual(threads(), begin)
        iterator.close()

    def test_check(self):
        with Sim("--job", "Leads:1:9:inf:2") as sim:
            (outcome,) = self.client(api_domain=sim.url).as_completed([("Leads", 1)], check=True)
            self.assertIsInstance(outcome, zmd.JobFailedError)

    def test_progress(self):
        polls = []

        async def main(client):
            return [each async for each in client.as_completed(jobs, progress=asynchronous.append)]

        asynchronous, jobs = [], [("Leads", 1001), ("Leads", 1003)]
        outcomes = self.run_async(main)
        self.assertEqual({each.job_id for each in outcomes}, {"1001", "1003"})
        with Sim() as sim:
            list(self.client(api_domain=sim.url).as_completed(jobs, progress=polls.append))
        for each in (polls, asynchronous):
            found = [(poll.index, poll.job_id, poll.status.deleted_count) for poll in each]
            self.assertEqual(sorted(found), [(0, "1001", 9)] + [(1, "1003", count) for count in (100, 200, 300)])

    def test_leaving_it_ends_the_other_waits(self):
        client = self.client()
        for outcome in client.as_completed([("Leads", 1002), ("Leads", 1001)]):
            self.assertEqual(outcome, COMPLETED)
            break
        gc.collect()
        polls = client.counters.polls
        time.sleep(0.3)
        # One may have been under way.
        self.assertLessEqual(client.counters.polls, polls + 1)

    def test_closing_or_cancelling_the_client_ends_it(self):
        for end in (zmd.Client.cancel, zmd.Client.close):
            client = self.client()
            jobs = [("Leads", 1001), ("Leads", 1002), ("Leads", 1002)]
            iterator = client.as_completed(jobs, timeout=2 * AT_ONCE)
            self.assertEqual(next(iterator), COMPLETED)
            end(client)
            begin = time.monotonic()
            self.assertEqual([type(each) for each in iterator], [zmd.Cancelled] * 2)
            self.assertLess(time.monotonic() - begin, AT_ONCE)
        client = self.client()
        client.cancel()
        self.assertEqual([type(each) for each in client.as_completed(JOBS[:2])], [zmd.Cancelled] * 2)

    def test_its_thread_ends_with_the_client(self):
        before, files = threads(), len(os.listdir("/proc/self/fd"))
        client = self.client()
        list(client.as_completed([("Leads", 1001)] * 20))
        self.assertLessEqual(threads(), before + 6)
        client.close()
        self.assertTrue(eventually(lambda: threads() <= before and len(os.listdir("/proc/self/fd")) <= files))


class TokenProviders(AsyncTest):
    options = ("--token", TOKEN)

    def run_with(self, provider, function, **settings):
        async def main():
            async with zmd.AsyncClient(provider, api_domain=self.sim.url, max_retries=0, **settings) as client:
                return await function(client)

        return asyncio.run(asyncio.wait_for(main(), 5 * AT_ONCE))

    def test_a_coroutine_function_runs_in_the_loop(self):
        refused, loops = [], []

        async def provider(token):
            await asyncio.sleep(0.01)
            loops.append(asyncio.get_running_loop())
            refused.append(token)
            return TOKEN if len(refused) > 1 else "1000.bad.token"

        async def main(client):
            self.assertEqual(await client.status("Leads", 1001), COMPLETED)
            return asyncio.get_running_loop()

        loop = self.run_with(provider, main)
        self.assertEqual((refused, loops), ([None, "1000.bad.token"], [loop, loop]))

    def test_other_functions(self):
        async def main(client):
            return await client.wait("Leads", 1001)

        async def provider(_, token):
            return token

        self.assertEqual(self.run_with(lambda _: TOKEN, main), COMPLETED)
        self.assertEqual(self.run_with(lambda refused: provider(refused, TOKEN), main), COMPLETED)
        with self.assertRaisesRegex(zmd.OAuthError, "must be a str, not NoneType"):
            self.run_with(lambda refused: provider(refused, None), main)

    def test_its_exception_is_the_cause(self):
        async def provider(_):
            raise KeyError("no such secret")

        async def main(client):
            with self.assertRaisesRegex(zmd.OAuthError, "KeyError: 'no such secret'") as caught:
                await client.status("Leads", 1001)
            self.assertIsInstance(caught.exception.__cause__, KeyError)

        self.run_with(provider, main)

    def test_one_that_hangs_blocks_neither_the_loop_nor_closing(self):
        begun, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)

        def hangs(_):
            begun.set()
            release.wait(2 * AT_ONCE)

        async def hangs_in_the_loop(_):
            begun.set()
            await asyncio.sleep(2 * AT_ONCE)

        for provider in (hangs, hangs_in_the_loop):
            begun.clear()

            async def main(client):
                waiting = asyncio.ensure_future(client.wait("Leads", 1001))
                while not begun.is_set():
                    await asyncio.sleep(0.01)
                longest, last, end = 0, time.monotonic(), asyncio.ensure_future(client.close())
                while not end.done():
                    await asyncio.sleep(0.005)
                    last, longest = time.monotonic(), max(longest, time.monotonic() - last)
                self.assertLess(longest, AT_ONCE)
                with self.assertRaises(zmd.Cancelled):
                    await waiting

            begin = time.monotonic()
            self.run_with(provider, main)
            self.assertLess(time.monotonic() - begin, AT_ONCE)


class Cancelling(AsyncTest):
    def test_a_task_ends_at_once_and_disturbs_no_other(self):
        async def main(client):
            self.sim.command("job Leads:1004:9:0")
            others = [asyncio.ensure_future(client.wait("Leads", job_id)) for job_id in (1002, 1004)]
            tasks = [
                asyncio.ensure_future(client.wait("Leads", 1002)),
                asyncio.ensure_future(client.wait_many([("Leads", 1002)] * 3)),
                asyncio.ensure_future(client.status("Leads", "fault-stall-in-body")),
            ]
            await asyncio.sleep(0.2)
            begin = time.monotonic()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self.assertLess(time.monotonic() - begin, AT_ONCE)
            self.assertTrue(all(task.cancelled() for task in tasks))
            self.assertEqual(len(open_waits(client)), 2)
            self.sim.command("job Leads:1004:9:inf")
            self.assertTrue((await others[1]).is_successful)
            self.assertFalse(others[0].done())
            others[0].cancel()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(client.wait("Leads", 1002), 0.1)
            self.assertEqual(await client.status("Leads", 1001), COMPLETED)

        self.run_async(main, timeout=600)

    def test_what_is_cancelled_does_not_ask_any_more(self):
        async def main(client):
            for _ in range(5):
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(client.wait("Leads", 1002, progress=polls.append), 0.2)
            await asyncio.sleep(0.1)
            before = len(polls)
            await asyncio.sleep(0.3)
            self.assertEqual(len(polls), before)
            # All of the workers are free.
            found = await asyncio.wait_for(client.status_many([("Leads", 1001)] * 20), AT_ONCE)
            self.assertEqual(found, [COMPLETED] * 20)

        polls = []
        self.run_async(main)

    def test_cancel_and_close_end_all_calls(self):
        async def main():
            for end in (zmd.AsyncClient.cancel, zmd.AsyncClient.close):
                client = self.async_client()
                polls = set()
                waits = [client.wait("Leads", 1002, progress=lambda _, i=i: polls.add(i)) for i in range(3)]
                tasks = [asyncio.ensure_future(wait) for wait in waits]
                self.assertTrue(await soon(lambda: len(polls) == 3))
                begin = time.monotonic()
                result = end(client)
                if result is not None:
                    await result
                done = await asyncio.gather(*tasks, return_exceptions=True)
                self.assertLess(time.monotonic() - begin, AT_ONCE)
                self.assertEqual([type(each) for each in done], [zmd.Cancelled] * 3)
                self.assertEqual([each.last_status.state for each in done], [zmd.State.RUNNING] * 3)
                expected = zmd.ArgumentError if end is zmd.AsyncClient.close else zmd.Cancelled
                with self.assertRaises(expected):
                    await client.status("Leads", 1001)
                await client.close()
                await client.close()

        asyncio.run(asyncio.wait_for(main(), 5 * AT_ONCE))

    def test_closing_leaves_nothing_behind(self):
        gc.collect()
        before, files = threads(), len(os.listdir("/proc/self/fd"))

        async def main(client):
            await client.status_many([("Leads", 1001)] * 20)
            waiting = asyncio.ensure_future(client.wait("Leads", 1002))
            await asyncio.sleep(0.1)
            await client.close()
            # The library's threads have ended; Python's has only to return.
            self.assertTrue(eventually(lambda: threads() <= before))
            with self.assertRaises(zmd.Cancelled):
                await waiting

        self.run_async(main)
        self.assertEqual(len(os.listdir("/proc/self/fd")), files)

    def test_a_client_that_is_dropped_ends(self):
        gc.collect()
        before = threads()

        async def main():
            client = self.async_client()
            await client.status("Leads", 1001)

        asyncio.run(main())
        gc.collect()
        self.assertTrue(eventually(lambda: threads() <= before))


class Threads(AsyncTest):
    def test_a_thousand_waits_take_a_bounded_number_of_threads(self):
        async def main(client):
            # Not to be warned of how long it takes to make a thousand tasks.
            asyncio.get_running_loop().slow_callback_duration = 10
            before = threads()
            tasks = [asyncio.ensure_future(client.wait("Leads", 1002)) for _ in range(1000)]
            tasks.append(asyncio.ensure_future(client.wait("Leads", 1003)))
            most, end = 0, time.monotonic() + 2
            while time.monotonic() < end:
                await asyncio.sleep(0.02)
                most = max(most, threads())
            # The library's scheduler and max_concurrency workers.
            self.assertLessEqual(most, before + 1 + 5)
            self.assertGreaterEqual(len(open_waits(client)), 1000)
            begin = time.monotonic()
            for task in tasks[:-1]:
                task.cancel()
            self.assertTrue((await tasks[-1]).is_successful)
            await asyncio.wait(tasks)
            self.assertEqual(open_waits(client), [])
            self.assertLess(time.monotonic() - begin, AT_ONCE)

        self.run_async(main, poll_min=0.5)

    def test_no_thread_of_python(self):
        async def main(client):
            self.assertEqual(await client.status_many([("Leads", 1001)] * 9), [COMPLETED] * 9)
            await client.wait("Leads", 1003)
            return threading.active_count()

        before = threading.active_count()
        self.assertEqual(self.run_async(main), before)

    def test_a_loop_that_cannot_watch_a_descriptor(self):
        class Loop(asyncio.SelectorEventLoop):
            def add_reader(self, *_):
                raise NotImplementedError

            # What the loop itself watches.
            _add_reader = asyncio.SelectorEventLoop._add_reader

        async def main():
            async with self.async_client() as client:
                self.assertEqual(await client.status_many([("Leads", 1001)] * 9), [COMPLETED] * 9)
                self.assertTrue((await client.wait("Leads", 1003)).is_successful)

        loop = Loop()
        loop.run_until_complete(asyncio.wait_for(main(), 5 * AT_ONCE))
        loop.close()

    def test_several_loops(self):
        client = self.async_client()
        failures = []

        def use():
            async def main():
                outcomes = await asyncio.gather(*[client.status("Leads", 1001) for _ in range(20)])
                status = await client.wait("Leads", 1003)
                return outcomes, status.is_successful

            if asyncio.run(main()) != ([COMPLETED] * 20, True):
                failures.append("wrong")

        users = [threading.Thread(target=use) for _ in range(4)]
        for user in users:
            user.start()
        for user in users:
            user.join()
        self.assertEqual(failures, [])
        asyncio.run(client.close())

    def test_one_loop_after_another(self):
        client = self.async_client()
        for _ in range(3):
            self.assertEqual(asyncio.run(client.status("Leads", 1001)), COMPLETED)
        asyncio.run(client.close())

    def test_a_loop_that_is_closed_over_a_wait_ends_it(self):
        client = self.async_client()
        loop = asyncio.new_event_loop()
        task = loop.create_task(client.wait("Leads", 1002, progress=lambda _: None))
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()
        task._log_destroy_pending = False
        del task
        gc.collect()
        self.assertFalse(open_waits(client))
        asyncio.run(client.close())


HEAD = """
import asyncio, os, signal, sys, threading, time
import zmd
url, token = sys.argv[1:3]
"""


class Processes(AsyncTest):
    def passes(self, code, url=None, out=""):
        begin = time.monotonic()
        self.assertEqual(run("-W", "ignore", "-c", HEAD + code, url or self.sim.url, TOKEN), (0, out, ""))
        return time.monotonic() - begin

    def test_asyncio_run_does_not_hang_at_the_end(self):
        for end in ("", "await client.close()", "client.cancel()", "raise SystemExit", "del client"):
            code = f"""
async def main():
    client = zmd.AsyncClient(token, api_domain=url, timeout=600)
    for _ in range(50):
        asyncio.ensure_future(client.wait("Leads", 1002))
    asyncio.ensure_future(client.status("Leads", "fault-stall-in-body"))
    await asyncio.sleep(0.2)
    for task in asyncio.all_tasks():
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
    {end}
asyncio.run(main())
"""
            with self.subTest(end):
                self.assertLess(self.passes(code), AT_ONCE)

    def test_nor_where_a_connection_is_not_answered(self):
        server = Unanswered()
        self.addCleanup(server.close)
        code = """
async def main():
    client = zmd.AsyncClient(token, api_domain=url, connect_timeout=600, timeout=600)
    try:
        await asyncio.wait_for(client.status("Leads", 1001), 0.2)
    except asyncio.TimeoutError:
        print("too late")
asyncio.run(main())
"""
        self.assertLess(self.passes(code, server.url, "too late\n"), AT_ONCE)

    def test_ctrl_c(self):
        code = """
async def main():
    async with zmd.AsyncClient(token, api_domain=url) as client:
        asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
        await client.wait_many([("Leads", 1002)] * 3)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
client = zmd.Client(token, api_domain=url)
try:
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
    for outcome in client.as_completed([("Leads", 1002)] * 3):
        print(outcome)
except KeyboardInterrupt:
    print("interrupted")
print(client.status("Leads", 1001).deleted_count)
"""
        self.assertLess(self.passes(code, out="interrupted\ninterrupted\n9\n"), AT_ONCE)

    def test_fork(self):
        code = """
client, other = zmd.AsyncClient(token, api_domain=url), zmd.Client(token, api_domain=url)
async def use():
    assert await client.status_many([("Leads", 1001)] * 9) == [await client.status("Leads", 1001)] * 9
    assert len(list(other.as_completed([("Leads", 1001)] * 9))) == 9
asyncio.run(use())
children = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        signal.alarm(300)
        asyncio.run(use())
        asyncio.run(client.close())
        other.close()
        sys.exit()
    children.append(child)
asyncio.run(use())
for child in children:
    assert os.waitpid(child, 0)[1] == 0
asyncio.run(use())
for outcome in other.as_completed([("Leads", 1001), ("Leads", 1002)]):
    child = os.fork()
    break
if child == 0:
    signal.alarm(300)
    asyncio.run(use())
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
try:
    for outcome in other.as_completed([("Leads", 1001), ("Leads", 1002)]):
        child = os.fork()
        if child == 0:
            signal.alarm(300)
        else:
            assert os.waitpid(child, 0)[1] == 0
            break
except RuntimeError as error:
    assert child == 0 and "forked" in str(error)
"""
        self.passes(code)

    def test_the_interpreter_ends_over_waits_and_a_logger(self):
        code = """
import logging
logging.getLogger("zmd").setLevel(5)
logging.getLogger("zmd").addHandler(logging.StreamHandler(open(os.devnull, "w")))
client, other = zmd.AsyncClient(token, api_domain=url, poll_min=0.01), zmd.Client(token, api_domain=url, poll_min=0.01)
def use():
    asyncio.run(client.wait_many([("Leads", 1002)] * 9))
def iterate():
    for outcome in other.as_completed([("Leads", 1002)] * 9):
        print(outcome)
for target in [use, iterate] * 2:
    threading.Thread(target=target, daemon=True).start()
time.sleep(0.3)
"""
        for _ in range(5):
            self.assertLess(self.passes(code), AT_ONCE)


if __name__ == "__main__":
    unittest.main()
