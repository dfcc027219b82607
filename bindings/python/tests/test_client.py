"""Asking and waiting."""

import asyncio
import contextlib
import copy
import dataclasses
import datetime
import gc
import inspect
import json
import math
import os
import pathlib
import pickle
import re
import tempfile
import threading
import time
import unittest
from typing import get_args
from unittest import mock

import zmd
from support import AT_ONCE, ROOT, TOKEN, Sim, SimTest, Unanswered, eventually
from zmd._call import end_idle_workers
from zmd._handle import Handle
from zmd._library import library

COMPLETED = zmd.Status("Leads", "1001", zmd.State.COMPLETED, 9, 9, 0, "COMPLETED", 200)


def documented_settings():
    with open(os.path.join(ROOT, "doc", "settings.md"), encoding="utf-8") as page:
        table = re.search(r"^\| key \| default .*?\n\n", page.read(), re.DOTALL | re.MULTILINE).group()
    first_cells = [line.split("|")[1] for line in table.strip().splitlines()[2:]]
    keys = [key for cell in first_cells for key in re.findall(r"`(\w+)`", cell)]
    # Here they are in seconds.
    return [key[: -len("_ms")] if key.endswith("_ms") else key for key in keys]


class Settings(SimTest):
    def test_the_keywords_are_the_settings_of_the_library(self):
        for function in (zmd.Client, zmd.Client.from_env):
            names = list(inspect.signature(function).parameters)
            more = ["config_file", "profile"] if function == zmd.Client.from_env else []
            self.assertEqual(names, documented_settings() + more)
            parameters = list(inspect.signature(function).parameters.values())
            self.assertTrue(all(each.kind is each.KEYWORD_ONLY for each in parameters[1:]))
            self.assertTrue(all(each.default is None for each in parameters))

    def test_few_values_are_literals(self):
        from zmd import _settings

        values = {
            "data_center": _settings.DataCenter,
            "environment": _settings.Organization,
            "log_level": _settings.LogLevel,
        }
        for function in (zmd.Client.__init__, zmd.Client.from_env):
            for name, literal in values.items():
                listed = re.search(rf":param {name}: .*? Takes one of ([a-z, \n]+)[;.]", function.__doc__, re.DOTALL).group(1)
                self.assertEqual(list(get_args(literal)), re.split(r",\s+", listed.strip()))

    def test_each_has_its_type(self):
        good = {
            "access_token": TOKEN,
            "refresh_token": "1000.r",
            "client_id": "1000.I",
            "client_secret": "s",
            "token_cache": pathlib.Path("cache"),
            "data_center": "eu",
            "environment": "sandbox",
            "api_domain": "https://example.com",
            "accounts_url": "https://example.com",
            "api_version": "v8",
            "timeout": 1,
            "connect_timeout": 0.5,
            "max_retries": 0,
            "max_concurrency": 7,
            "poll_min": datetime.timedelta(milliseconds=5),
            "poll_max": 3600,
            "unreachable": 60.5,
            "stalled": 3600,
            "proxy": "none",
            "log_file": pathlib.Path("log"),
            "log_level": "error",
        }
        others = ["org_id", "ca_file", "extra_ca_file", "client_cert", "client_key"]
        self.assertEqual(sorted([*good, *others]), sorted(documented_settings()))
        for function in (zmd.Client, zmd.Client.from_env):
            function(**good, **dict.fromkeys(others)).close()
            for key, value in good.items():
                is_text = isinstance(value, (str, pathlib.Path))
                wrongs = [b"x", True, [], object(), 7 if is_text else "7"]
                if is_text or key.startswith("max_"):
                    wrongs.append(1.5)
                for wrong in wrongs:
                    with self.assertRaisesRegex(TypeError, key):
                        function(**{**good, key: wrong})
            with self.assertRaisesRegex(TypeError, "no_such_key"):
                function(TOKEN, no_such_key=1)

    def test_bad_values_are_refused(self):
        for key, value in [
            ("access_token", ""),
            ("access_token", "a b"),
            ("data_center", "mars"),
            ("timeout", 0),
            ("timeout", -1),
            ("timeout", math.nan),
            ("timeout", math.inf),
            ("timeout", datetime.timedelta.max),
            ("poll_min", 1e300),
            ("connect_timeout", 10**400),
            ("max_retries", -1),
            ("api_domain", "http://example.com"),
            ("ca_file", "/nonexistent"),
            ("extra_ca_file", "/nonexistent"),
            ("client_cert", "/nonexistent"),
            ("client_key", "/nonexistent"),
            ("org_id", "x"),
            ("access_token", "x" * 10_000_000),
        ]:
            with self.assertRaisesRegex(zmd.ConfigError, key):
                zmd.Client(**{"access_token": TOKEN, key: value})
        for value in ("a\0b", "\udcff"):
            for key in ("client_id", "token_cache"):
                with self.assertRaisesRegex(zmd.ConfigError, key):
                    zmd.Client(TOKEN, **{key: value})
        with self.assertRaises(zmd.ConfigError) as caught:
            zmd.Client()
        self.assertEqual(caught.exception.code, zmd.ErrorCode.INVALID_CONFIG)
        self.assertIsInstance(caught.exception, ValueError)

    def test_only_from_env_reads_the_environment(self):
        os.environ["ZMD_ACCESS_TOKEN"] = TOKEN
        os.environ["ZMD_API_DOMAIN"] = self.sim.url
        try:
            with self.assertRaises(zmd.ConfigError):
                zmd.Client()
            os.environ["ZMD_TIMEOUT_MS"] = "never"
            zmd.Client(TOKEN).close()
            with self.assertRaisesRegex(zmd.ConfigError, "ZMD_TIMEOUT_MS"):
                zmd.Client.from_env()
            os.environ["ZMD_TIMEOUT_MS"] = "200"
            with zmd.Client.from_env() as client, self.assertRaisesRegex(zmd.Timeout, r"\b0\.2 s"):
                client.status("Leads", "fault-stall-in-body")
            with zmd.Client.from_env(timeout=0.7) as client, self.assertRaisesRegex(zmd.Timeout, r"\b0\.7 s"):
                client.status("Leads", "fault-stall-in-body")
            with zmd.Client.from_env(timeout=30) as client:
                self.assertEqual(client.status("Leads", 1001), COMPLETED)
        finally:
            for key in ("ZMD_ACCESS_TOKEN", "ZMD_API_DOMAIN", "ZMD_TIMEOUT_MS"):
                del os.environ[key]

    def test_from_env_reads_the_configuration_file(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "config.toml")
            path.write_text(
                f"[default]\naccess_token = '{TOKEN}'\napi_domain = '{self.sim.url}'\n[slow]\ntimeout_ms = 'never'\n"
            )
            with self.assertRaisesRegex(zmd.ConfigError, "chmod 600"):
                path.chmod(0o644)
                zmd.Client.from_env(config_file=path)
            path.chmod(0o600)
            with zmd.Client.from_env(config_file=path) as client:
                self.assertEqual(client.status("Leads", 1001), COMPLETED)
            with self.assertRaisesRegex(zmd.ConfigError, "config.toml:5: timeout_ms takes"):
                zmd.Client.from_env(config_file=str(path), profile="slow")
            for wrong in ({"profile": 5}, {"config_file": 5}):
                with self.assertRaises(TypeError):
                    zmd.Client.from_env(TOKEN, **wrong)
            os.environ["ZMD_CONFIG_FILE"] = str(path)
            os.environ["ZMD_PROFILE"] = "slow"
            try:
                with self.assertRaisesRegex(zmd.ConfigError, "timeout_ms"):
                    zmd.Client.from_env(TOKEN)
                zmd.Client(TOKEN).close()
            finally:
                del os.environ["ZMD_CONFIG_FILE"], os.environ["ZMD_PROFILE"]

    def test_the_message_shows_the_value_where_it_is_no_secret(self):
        for settings, message in [
            ({"timeout": 0}, "timeout takes 0.001 to 86400 seconds, not 0"),
            ({"poll_max": 7200.5}, "poll_max takes 0.001 to 3600 seconds, not 7200.5"),
            ({"max_retries": 101}, "max_retries takes a whole number from 0 to 100, not 101"),
            (
                {"data_center": "mars"},
                "data_center takes one of us, eu, in, au, cn, jp, ca, sa, uk, ae, sg; for another data center set "
                "accounts_url and api_domain, not 'mars'",
            ),
        ]:
            with self.assertRaises(zmd.ConfigError) as caught:
                zmd.Client(TOKEN, **settings)
            self.assertEqual(str(caught.exception), message)
        with self.assertRaises(zmd.ConfigError) as caught:
            zmd.Client(TOKEN, proxy="ftp://user:s3cret@host")
        self.assertNotIn("s3cret", str(caught.exception))
        # In the environment it is as it stands there.
        for key, value, end in [
            ("ZMD_TIMEOUT_MS", "0", "(milliseconds), not '0'"),
            ("ZMD_PROXY", "ftp://user:s3cret@host", "a port"),
            ("ZMD_ACCESS_TOKEN", "s3cret s3cret", "line end"),
        ]:
            with mock.patch.dict(os.environ, {key: value}), self.assertRaises(zmd.ConfigError) as caught:
                zmd.Client.from_env()
            self.assertRegex(str(caught.exception), f"^{key}: .*{re.escape(end)}$")
            self.assertNotIn("s3cret", str(caught.exception))

    def test_from_env_runs_init(self):
        class Mine(zmd.Client):
            def __init__(self, access_token=None, *, data_center="eu", **settings):
                super().__init__(access_token, data_center=data_center, **settings)
                self.given = {"access_token": access_token, "data_center": data_center, **settings}

        environment = {"ZMD_ACCESS_TOKEN": TOKEN, "ZMD_API_DOMAIN": self.sim.url}
        with mock.patch.dict(os.environ, environment), Mine.from_env(timeout=7) as client:
            self.assertIs(type(client), Mine)
            self.assertEqual(client.given, {"access_token": None, "data_center": "eu", "timeout": 7})
            self.assertEqual(client.status("Leads", 1001), COMPLETED)

        class Plain(zmd.Client):
            def __init__(self):
                super().__init__(api_domain=client_url)

        client_url = self.sim.url
        with mock.patch.dict(os.environ, {"ZMD_ACCESS_TOKEN": TOKEN}), Plain.from_env() as client:
            self.assertEqual(client.status("Leads", 1001), COMPLETED)
        with self.assertRaises(zmd.ConfigError):
            Plain()

    def test_secrets_are_not_shown(self):
        client = self.client()
        self.assertNotIn(TOKEN[:10], repr(client) + str(client))
        with self.assertRaises(zmd.ConfigError) as caught:
            zmd.Client("confidential token")
        self.assertNotIn("confidential", str(caught.exception))


class Asking(SimTest):
    def test_the_status(self):
        client = self.client()
        for job_id in ("1001", 1001):
            self.assertEqual(client.status("Leads", job_id), COMPLETED)
        # With the names that were sent.
        self.assertEqual(client.status(" Leads\t", " 1001\n"), COMPLETED)
        self.assertEqual(client.wait_many([("Leads ", " 1001")]), [COMPLETED])
        self.assertEqual(str(COMPLETED), "Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed")
        other = zmd.Status("Leads", "1", zmd.State.UNKNOWN, total_count=5, state_text="PAUS\u00c9")
        self.assertEqual(str(other), "Leads 1: PAUS\u00c9, deleted not reported of 5, failed not reported")
        running = client.status("Leads", "1002")
        self.assertEqual((running.state, running.has_ended, running.total_count), (zmd.State.RUNNING, False, 50000))
        self.assertEqual((running.module, running.job_id), ("Leads", "1002"))
        with self.assertRaises(AttributeError):
            running.state = zmd.State.FAILED

    def test_success_is_that_the_records_are_gone(self):
        state = zmd.State
        for counts, is_successful, has_ended in [
            ((state.COMPLETED, 9, 9, 0), True, True),
            ((state.COMPLETED, 9, 8, 1), False, True),
            ((state.COMPLETED, 9, 8, 0), False, True),
            ((state.COMPLETED, None, 9, 0), True, True),
            ((state.COMPLETED, None, None, None), True, True),
            ((state.FAILED, 9, 9, 0), False, True),
            ((state.RUNNING, 9, 9, 0), False, False),
            ((state.UNKNOWN, 9, 9, 0), False, False),
            ((state.SUSPENDED, 9, 4, 0), False, False),
        ]:
            status = zmd.Status("Leads", "1", *counts)
            self.assertEqual((status.is_successful, status.has_ended), (is_successful, has_ended), status)

    def test_check(self):
        with Sim("--job", "Leads:1:9:inf:2", "--job", "Leads:2:9:inf:0:failed") as sim:
            client = self.client(api_domain=sim.url)
            self.assertEqual(client.wait("Leads", 1001, check=True), COMPLETED)
            for job_id, words in [(1, "COMPLETED, 7 of 9 deleted, 2 failed"), (2, "FAILED, 9 of 9 deleted, 0 failed")]:
                status = client.wait("Leads", job_id)
                with self.assertRaises(zmd.JobFailedError) as caught:
                    client.wait("Leads", job_id, check=True)
                error = caught.exception
                self.assertEqual(str(error), f"not all of the records are deleted: Leads {job_id}: {words}")
                self.assertEqual((error.status, error.code, error.is_transient), (status, 0, False))
                self.assertEqual((error.module, error.job_id), ("Leads", str(job_id)))
            outcomes = client.wait_many([("Leads", 1001), ("Leads", 1), ("Leads", "no id")], check=True)
            self.assertEqual([type(each) for each in outcomes], [zmd.Status, zmd.JobFailedError, zmd.ArgumentError])

    def test_a_limit_of_its_own(self):
        client = self.client()
        for timeout in (0.3, datetime.timedelta(seconds=0.3)):
            begin = time.monotonic()
            with self.assertRaisesRegex(zmd.Timeout, r"0\.3 s"):
                client.status("Leads", "fault-stall-in-body", timeout=timeout)
            self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        self.assertEqual(client.status("Leads", 1001, timeout=math.inf), COMPLETED)
        for timeout in (0, -1, math.nan):
            with self.assertRaisesRegex(zmd.ArgumentError, "timeout must (not be negative|be more than 0 seconds)"):
                client.status("Leads", 1001, timeout=timeout)

    def test_whole_numbers_of_other_types_are_job_ids(self):
        class Number:
            def __index__(self):
                return 1001

        self.assertEqual(self.client().status("Leads", Number()), COMPLETED)

    def test_many(self):
        jobs = [("Leads", 1001), ["Leads", "error-NO_PERMISSION"], ("Leads", "no id"), ("Leads", "error-204")]
        outcomes = self.client().status_many(iter(jobs))
        self.assertEqual(outcomes[0], COMPLETED)
        self.assertEqual(
            [type(outcome) for outcome in outcomes[1:]], [zmd.ForbiddenError, zmd.ArgumentError, zmd.JobNotFoundError]
        )
        # Each has its own sentence, code and HTTP status.
        self.assertEqual([outcome.api_code for outcome in outcomes[1:]], ["NO_PERMISSION", "", ""])
        self.assertEqual([outcome.http_status for outcome in outcomes[1:]], [403, 0, 204])
        self.assertRegex(str(outcomes[1]), "^Leads error-NO_PERMISSION: Zoho does not permit")
        self.assertRegex(str(outcomes[2]), "^Leads no id: job_id 'no id'")
        self.assertRegex(str(outcomes[3]), "^Leads error-204: ")
        self.assertEqual([(each.module, each.job_id) for each in outcomes], [(m, str(i)) for m, i in jobs])
        self.assertEqual(self.client().status_many([]), [])
        self.assertEqual(self.client().status_many([("Leads", 1001)] * 500), [COMPLETED] * 500)

    def test_what_is_shown_is_in_seconds(self):
        client = self.client(timeout=0.25)
        with self.assertRaisesRegex(zmd.Timeout, r"0\.25 s") as caught:
            client.status("Leads", "fault-stall-in-header")
        self.assertNotRegex(str(caught.exception), r"\bms\b|_ms")

    def test_errors_are_exceptions(self):
        client = self.client()
        for job_id, cls, code, api_code, http_status in [
            ("error-INVALID_TOKEN", zmd.UnauthorizedError, 20, "INVALID_TOKEN", 401),
            ("error-OAUTH_SCOPE_MISMATCH", zmd.ScopeError, 21, "OAUTH_SCOPE_MISMATCH", 401),
            ("error-NO_PERMISSION", zmd.ForbiddenError, 22, "NO_PERMISSION", 403),
            ("error-INVALID_MODULE", zmd.InvalidModuleError, 23, "INVALID_MODULE", 400),
            ("error-404", zmd.JobNotFoundError, 24, "", 404),
            ("error-TOO_MANY_REQUESTS", zmd.RateLimitedError, 25, "TOO_MANY_REQUESTS", 429),
            ("error-html500", zmd.ServerError, 26, "", 503),
            ("error-REQUIRED_PARAM_MISSING", zmd.ApiError, 27, "REQUIRED_PARAM_MISSING", 400),
            ("error-redirect", zmd.BadResponseError, 28, "", 302),
            ("fault-garbage", zmd.NetworkError, 14, "", 0),
            ("fault-stall-in-header", zmd.Timeout, 15, "", 0),
            ("a b", zmd.ArgumentError, 2, "", 0),
        ]:
            with self.subTest(job_id), self.assertRaises(zmd.Error) as caught:
                client.status("Leads", job_id, timeout=0.3 if cls is zmd.Timeout else None)
            error = caught.exception
            self.assertIs(type(error), cls)
            self.assertEqual((error.code, error.api_code, error.http_status), (code, api_code, http_status))
            self.assertIsInstance(error.code, zmd.ErrorCode)
            self.assertTrue(str(error))
            self.assertEqual((error.module, error.job_id), ("Leads", job_id))
            self.assertEqual(error.is_transient, code in (14, 15, 25, 26))
        with self.assertRaises(TimeoutError) as caught:
            client.status("Leads", "fault-stall-in-header", timeout=0.3)
        self.assertIsNone(caught.exception.last_status)
        with self.assertRaises(zmd.ConnectError):
            self.client(api_domain="http://127.0.0.1:1").status("Leads", 1001)

    def test_bad_arguments_are_refused(self):
        client = self.client()
        for module, job_id, error, message in [
            (None, 1, TypeError, "module must be a str, not NoneType"),
            (b"Leads", 1, TypeError, "module must be a str, not bytes"),
            ("Leads", None, TypeError, "job_id must be a str or an int, not NoneType"),
            ("Leads", True, TypeError, "job_id must be a str or an int, not bool"),
            ("Leads", 1.0, TypeError, "job_id must be a str or an int, not float"),
            ("Leads", b"1", TypeError, "job_id must be a str or an int, not bytes"),
            ("Leads", -1, ValueError, "job_id must not be negative"),
            ("Le\0ads", 1, ValueError, "module must not contain a NUL character"),
            ("Leads", "1001\0", ValueError, "job_id must not contain a NUL character"),
            ("Leads", "\udc80", zmd.ArgumentError, "job_id"),
            ("\ud800", 1, zmd.ArgumentError, "module"),
            ("Leads", "", zmd.ArgumentError, "job_id"),
            ("Leads", "1" * 10_000_000, zmd.ArgumentError, "job_id"),
            ("Leads", 10**100, zmd.ArgumentError, "job_id"),
            ("Sales Orders", 1, zmd.ArgumentError, "Sales_Orders"),
        ]:
            for function in (client.status, client.wait):
                with self.assertRaisesRegex(TypeError if error is TypeError else zmd.ArgumentError, message):
                    function(module, job_id)
            for function in (client.status_many, client.wait_many):
                if error is zmd.ArgumentError:
                    outcomes = function([("Leads", 1001), (module, job_id)])
                    self.assertIsInstance(outcomes[1], zmd.ArgumentError)
                    self.assertEqual(outcomes[0], COMPLETED)
                else:
                    with self.assertRaisesRegex((TypeError, zmd.ArgumentError), r"jobs\[1\]: " + message):
                        function([("Leads", 1001), (module, job_id)])

    def test_jobs_must_be_pairs(self):
        client = self.client()
        for jobs in (None, 7):
            with self.assertRaisesRegex(TypeError, "jobs must be an iterable"):
                client.status_many(jobs)
        for job in (None, 7, "ab", (), ("Leads",), ("Leads", 1, 2), {"module": "Leads", "job_id": 1}):
            with self.assertRaisesRegex(TypeError, r"jobs\[1\] must be a pair"):
                client.status_many([("Leads", 1001), job])
        with self.assertRaisesRegex(TypeError, r"jobs\[0\] must be a pair"):
            client.status_many("Leads")

        def fails():
            yield ("Leads", 1001)
            raise error

        for error in (OSError("no more"), TypeError("no more")):
            with self.assertRaises(type(error)) as caught:
                client.status_many(fails())
            self.assertIs(caught.exception, error)


class Waiting(SimTest):
    def test_until_the_end(self):
        polls, client, begin = [], self.client(), time.monotonic()
        status = client.wait("Leads", 1003, progress=polls.append)
        took = time.monotonic() - begin
        self.assertEqual((status.state, status.deleted_count), (zmd.State.COMPLETED, 300))
        self.assertEqual([each.status.deleted_count for each in polls], [100, 200, 300])
        last = polls[-1]
        self.assertIsInstance(last, zmd.PollSucceeded)
        self.assertEqual((last.index, last.module, last.job_id, last.status), (0, "Leads", "1003", status))
        self.assertEqual((last.next_poll, last.error), (None, None))
        self.assertTrue(all(0.01 < each.next_poll < 60 for each in polls[:-1]), polls)
        elapsed = [each.elapsed for each in polls]
        self.assertEqual(elapsed, sorted(elapsed))
        # After two pauses of poll_min at least.
        self.assertTrue(0 <= elapsed[0] and 0.04 <= elapsed[-1] <= took, elapsed)

    def test_the_time_is_over(self):
        for timeout in (0.3, datetime.timedelta(milliseconds=300)):
            begin = time.monotonic()
            with self.assertRaisesRegex(zmd.Timeout, r"within 0\.3 s"):
                self.client().wait("Leads", 1002, timeout=timeout)
            self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        polls = []
        with self.assertRaises(zmd.Timeout) as caught:
            self.client().wait("Leads", 1002, timeout=0, progress=polls.append)
        self.assertEqual(len(polls), 1)
        self.assertEqual(caught.exception.last_status.state, zmd.State.RUNNING)
        self.assertEqual(caught.exception.http_status, 0)

    def test_timeouts_that_are_none(self):
        client = self.client()
        for timeout in (-1, -0.001, math.nan, -math.inf, datetime.timedelta(seconds=-1)):
            with self.assertRaisesRegex(zmd.ArgumentError, "timeout"):
                client.wait("Leads", 1001, timeout=timeout)
        for timeout in ("1", True, [], 1j):
            with self.assertRaisesRegex(TypeError, "timeout"):
                client.wait_many([("Leads", 1001)], timeout=timeout)
        for timeout in (None, math.inf, 1e300, 10**400, 2**63 / 1000, datetime.timedelta.max):
            self.assertEqual(client.wait("Leads", 1001, timeout=timeout), COMPLETED)
        # Of less than a millisecond, which is not 0.
        with self.assertRaisesRegex(zmd.Timeout, r"within 0\.001 s"):
            client.wait("Leads", 1002, timeout=0.0001)

    def test_many(self):
        polls = []
        jobs = [("Leads", 1001), ("Leads", 1002), ("Leads", "error-NO_PERMISSION"), ("Leads", "1001")]
        # No time: each is polled once.
        outcomes = self.client().wait_many(iter(jobs), timeout=0, progress=polls.append)
        self.assertEqual([type(each) for each in outcomes], [zmd.Status, zmd.Timeout, zmd.ForbiddenError, zmd.Status])
        self.assertEqual(outcomes[1].last_status.state, zmd.State.RUNNING)
        self.assertEqual(
            {(each.index, each.module, each.job_id) for each in polls},
            {(index, module, str(job_id)) for index, (module, job_id) in enumerate(jobs)},
        )
        (refused,) = [each for each in polls if each.index == 2]
        self.assertIsNone(refused.status)
        self.assertIsInstance(refused, zmd.PollFailed)
        self.assertIsNone(refused.next_poll)
        self.assertTrue(all(str(each).startswith(f"{each.module} {each.job_id}: ") for each in outcomes))
        self.assertIsInstance(refused.error, zmd.ForbiddenError)
        self.assertEqual((refused.error.api_code, refused.error.http_status), ("NO_PERMISSION", 403))
        self.assertEqual(str(refused.error), str(outcomes[2]))

    def test_many_or_the_first_error(self):
        client = self.client()
        jobs = [("Leads", 1003), ("Leads", 1001)]
        statuses = client.wait_many(jobs, raise_on_error=True)
        self.assertEqual([(each.job_id, each.is_successful) for each in statuses], [("1003", True), ("1001", True)])
        begin = time.monotonic()
        with self.assertRaises(zmd.ForbiddenError) as caught:
            jobs = [("Leads", 1002), ("Leads", "error-NO_PERMISSION")]
            client.wait_many(jobs, raise_on_error=True, timeout=2 * AT_ONCE)
        self.assertLess(time.monotonic() - begin, AT_ONCE)
        self.assertEqual(caught.exception.job_id, "error-NO_PERMISSION")
        with Sim("--job", "Leads:1:9:inf:2") as sim, self.assertRaises(zmd.JobFailedError):
            self.client(api_domain=sim.url).wait_many([("Leads", 1)], check=True, raise_on_error=True)

    def test_watch(self):
        client = self.client()
        polls = list(client.watch("Leads", 1003))
        self.assertEqual([poll.status.deleted_count for poll in polls], [100, 200, 300])
        self.assertEqual([poll.next_poll is None for poll in polls], [False, False, True])
        with self.assertRaises(zmd.Timeout):
            list(client.watch("Leads", 1002, timeout=0))
        with contextlib.closing(client.watch("Leads", "error-html500")) as polls:
            self.assertEqual([type(next(polls).error) for _ in range(3)], [zmd.ServerError] * 3)
        with self.assertRaises(zmd.ForbiddenError):
            list(client.watch("Leads", "error-NO_PERMISSION"))
        with self.assertRaises(zmd.ArgumentError):
            client.watch("Leads", "1002", timeout=-1)
        iterator = client.watch("Leads", 1002)
        next(iterator)
        iterator.close()
        self.assertEqual(client.status("Leads", 1001), COMPLETED)

    def test_the_forecast_of_the_end(self):
        forecasts = []
        with Sim("--job", "Leads:1:1000000000:100000") as sim:
            with self.assertRaises(ZeroDivisionError):
                client = self.client(api_domain=sim.url, poll_min=0.05, poll_max=0.05)

                def progress(poll):
                    forecasts.append(poll.remaining)
                    len(forecasts) < 20 or 1 / 0

                client.wait("Leads", 1, progress=progress)
        self.assertIsNone(forecasts[0])
        # It takes 10,000 seconds; how good the forecast is depends on how long each poll takes here.
        self.assertTrue(100 < forecasts[-1] < 1_000_000, forecasts)

    def test_a_job_that_stands_still(self):
        polls = []
        with Sim("--job", "Leads:1:9:0") as sim, self.assertRaises(zmd.Stalled) as caught:
            self.client(api_domain=sim.url, stalled=0.2).wait("Leads", 1, progress=polls.append)
        self.assertEqual(caught.exception.last_status.state, zmd.State.RUNNING)
        self.assertFalse([poll for poll in polls if poll.error])

    def test_failures_that_pass_are_told(self):
        polls = []

        def progress(poll):
            polls.append(poll)
            len(polls) < 3 or 1 / 0

        with self.assertRaises(ZeroDivisionError):
            self.client().wait("Leads", "error-html500", progress=progress)
        self.assertEqual({type(each.error) for each in polls}, {zmd.ServerError})
        self.assertTrue(all(each.error.is_transient and each.next_poll > 0 for each in polls), polls)

    def test_a_service_that_cannot_be_reached(self):
        client = self.client(api_domain="http://127.0.0.1:1", unreachable=0.3)
        begin = time.monotonic()
        with self.assertRaises(zmd.ConnectError):
            client.wait("Leads", 1002, timeout=2 * AT_ONCE)
        self.assertTrue(0.3 <= time.monotonic() - begin < AT_ONCE)

    def test_progress_is_called_on_the_thread_that_waits(self):
        threads = set()

        def progress(_):
            threads.add(threading.get_ident())
            return True  # which does not matter

        client = self.client()
        client.wait("Leads", 1001, progress=progress)
        client.wait_many([("Leads", 1001), ("Leads", 1003)], progress=progress)
        self.assertEqual(threads, {threading.get_ident()})
        with self.assertRaisesRegex(TypeError, "progress"):
            client.wait("Leads", 1001, progress=7)

    def test_progress_may_use_the_client(self):
        client = self.client()
        polls = []
        client.wait("Leads", 1001, progress=lambda _: polls.append(client.status("Leads", 1001)))
        self.assertEqual(polls, [COMPLETED])

    def test_an_exception_in_progress_ends_the_wait(self):
        class Enough(BaseException):
            pass

        client = self.client()
        for function in (
            lambda progress: client.wait("Leads", 1002, progress=progress, timeout=2 * AT_ONCE),
            lambda progress: client.wait_many([("Leads", 1002), ("Leads", 1001)], progress=progress, timeout=2 * AT_ONCE),
        ):
            error = Enough()

            def progress(_):
                nonlocal calls
                calls += 1
                raise error

            calls = 0
            begin = time.monotonic()
            with self.assertRaises(Enough) as caught:
                function(progress)
            self.assertIs(caught.exception, error)
            self.assertEqual(calls, 1)
            self.assertLess(time.monotonic() - begin, AT_ONCE)
            self.assertEqual(client.status("Leads", 1001), COMPLETED)

    def test_interrupted_calls_leave_nothing_behind(self):
        def progress(_):
            raise KeyError

        client = self.client()
        client.status("Leads", 1001)
        kept = []

        def interrupt():
            try:
                client.wait("Leads", 1002, progress=progress)
            except KeyError as error:
                kept.append(error)  # with its traceback, and what that refers to

        interrupt()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            interrupt()
        self.assertTrue(eventually(lambda: len(os.listdir("/proc/self/fd")) <= before), os.listdir("/proc/self/fd"))
        self.assertEqual([thread for thread in threading.enumerate() if thread.name == "zmd-waits"], [])


class TokenProviders(SimTest):
    def provided(self, provider, **settings):
        client = zmd.Client(provider, **{"api_domain": self.sim.url, "max_retries": 0, **settings})
        self.addCleanup(client.close)
        return client

    options = ("--token", TOKEN)

    def test_a_function_gives_them(self):
        refused = []

        def provider(token):
            refused.append(token)
            return TOKEN if len(refused) > 1 else "1000.bad.token"

        client = self.provided(provider)
        gc.collect()
        self.assertEqual(client.status("Leads", 1001), COMPLETED)
        self.assertEqual(client.status("Leads", 1001), COMPLETED)
        self.assertEqual(refused, [None, "1000.bad.token"])
        client = zmd.Client.from_env(lambda _: TOKEN, api_domain=self.sim.url)
        self.addCleanup(client.close)
        self.assertEqual(client.status("Leads", 1001), COMPLETED)

    def test_its_failures_arrive(self):
        def raises(_):
            raise KeyError("no such secret")

        with self.assertRaises(zmd.OAuthError) as caught:
            self.provided(raises).status("Leads", 1001)
        self.assertIsInstance(caught.exception.__cause__, KeyError)
        with self.assertRaises(zmd.OAuthError) as caught:
            self.provided(raises).wait("Leads", 1001)
        self.assertIsInstance(caught.exception.__cause__, KeyError)
        outcomes = self.provided(raises).status_many([("Leads", 1001)] * 2)
        self.assertEqual([type(each.__cause__) for each in outcomes], [KeyError] * 2)
        for provider, words in [
            (raises, "KeyError: 'no such secret'"),
            (lambda _: None, "TypeError"),
            (lambda _: b"x", "TypeError"),
            (lambda _: "", "visible ASCII"),
            (lambda _: "a b", "visible ASCII"),
            (lambda _: "a\0b", "visible ASCII"),
            (lambda _: "\u00e9", "visible ASCII"),
            (lambda _: "x" * 100000, "visible ASCII"),
            (lambda: TOKEN, "TypeError"),
        ]:
            with self.assertRaisesRegex(zmd.OAuthError, words):
                self.provided(provider).status("Leads", 1001)

    def test_one_that_hangs_holds_nobody(self):
        release = threading.Event()

        def provider(_):
            release.wait(2 * AT_ONCE)
            return TOKEN

        client = self.provided(provider)
        begin = time.monotonic()
        with self.assertRaisesRegex(zmd.Timeout, "token provider"):
            client.status("Leads", 1001, timeout=0.3)
        self.assertLess(time.monotonic() - begin, AT_ONCE)
        release.set()
        self.assertEqual(client.status("Leads", 1001), COMPLETED)

    def test_closing_does_not_wait_for_one_that_hangs(self):
        for call in ("status", "wait"):
            begun, release, caught = threading.Event(), threading.Event(), []
            self.addCleanup(release.set)

            def provider(_):
                begun.set()
                release.wait(2 * AT_ONCE)
                return TOKEN

            def use(client):
                try:
                    getattr(client, call)("Leads", 1001)
                except zmd.Error as error:
                    caught.append(error)

            client = self.provided(provider, timeout=2 * AT_ONCE)
            thread = threading.Thread(target=use, args=[client])
            thread.start()
            self.assertTrue(begun.wait(AT_ONCE))
            begin = time.monotonic()
            client.close()
            thread.join()
            self.assertLess(time.monotonic() - begin, AT_ONCE)
            self.assertEqual([type(error) for error in caught], [zmd.Cancelled])
        # Nor dropping the client after a call that did not wait for it either.
        client = zmd.Client(provider, api_domain=self.sim.url)
        with self.assertRaises(zmd.Timeout):
            client.status("Leads", 1001, timeout=0.1)
        begin = time.monotonic()
        del client
        gc.collect()
        self.assertLess(time.monotonic() - begin, AT_ONCE)

    def test_a_coroutine_function_is_for_asyncio(self):
        async def provider(_):
            return TOKEN

        with self.assertRaisesRegex(zmd.OAuthError, "must be a str, not coroutine"):
            self.provided(provider).status("Leads", 1001)


class Threads(SimTest):
    def test_each_thread_hears_of_its_own_errors(self):
        client = self.client()
        failures = []

        def ask(job_id, cls):
            for _ in range(20):
                try:
                    client.status("Leads", job_id)
                    failures.append("no error")
                except zmd.Error as error:
                    if type(error) is not cls or job_id not in str(error):
                        failures.append(error)

        jobs = [("error-NO_PERMISSION", zmd.ForbiddenError), ("4711", zmd.JobNotFoundError), ("a*b", zmd.ArgumentError)]
        threads = [threading.Thread(target=ask, args=job) for job in jobs * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_calls_share_a_thread_or_need_none(self):
        started = []

        def start(thread, start=threading.Thread.start):
            started.append(thread)
            start(thread)

        client = self.client()

        def ask():
            for _ in range(20):
                client.status("Leads", 1001)
                client.wait("Leads", 1001)

        with mock.patch.object(threading.Thread, "start", start):
            for _ in range(20):
                client.status("Leads", 1001)
                client.wait("Leads", 1001, progress=lambda _: None)
            # One that was kept from another test, or this one.
            self.assertLessEqual(len(started), 1)
            started.clear()
            end_idle_workers()
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        self.assertEqual(started, [thread])

    def wait_in_thread(self, client):
        """A wait that has begun, and what came of it."""
        begun, caught = threading.Event(), []

        def wait():
            try:
                client.wait("Leads", 1002, progress=lambda _: begun.set())
            except zmd.Error as error:
                caught.append(error)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        self.assertTrue(begun.wait(AT_ONCE))
        return thread, caught

    def test_cancel_and_close_end_the_calls_of_other_threads(self):
        for end in (zmd.Client.cancel, zmd.Client.close):
            client = self.client()
            client.status("Leads", 1001)
            thread, caught = self.wait_in_thread(client)
            end(client)
            thread.join(AT_ONCE)
            self.assertEqual([type(error) for error in caught], [zmd.Cancelled])
            self.assertEqual(caught[0].last_status.state, zmd.State.RUNNING)

    def test_a_cancelled_client_stays_cancelled(self):
        for used in (False, True):
            client = self.client()
            if used:
                client.status("Leads", 1001)
            client.cancel()
            client.cancel()
            for function in (client.status, client.wait):
                with self.assertRaises(zmd.Cancelled):
                    function("Leads", 1001)
            for function in (client.status_many, client.wait_many):
                outcomes = function([("Leads", 1001), ("Leads", 1002)])
                self.assertEqual([type(each) for each in outcomes], [zmd.Cancelled] * 2)

    def test_a_closed_client_says_so(self):
        with self.client() as client:
            client.status("Leads", 1001)
        client.close()
        client.cancel()
        for call in (
            lambda: client.status("Leads", 1001),
            lambda: client.status_many([]),
            lambda: client.wait_many([("Leads", 1001)]),
            lambda: client.set_access_token(TOKEN),
        ):
            with self.assertRaisesRegex(zmd.ArgumentError, "the client is closed"):
                call()

    def test_closing_closes_the_connections(self):
        gc.collect()
        before = len(os.listdir("/proc/self/fd"))
        client = self.client()
        client.wait_many([("Leads", 1001)] * 5)
        self.assertGreater(len(os.listdir("/proc/self/fd")), before)
        client.close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        client = zmd.Client(TOKEN, api_domain=self.sim.url)
        client.status("Leads", 1001)
        del client
        gc.collect()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_closing_during_a_call_closes_its_connection_too(self):
        gc.collect()
        before = len(os.listdir("/proc/self/fd"))
        client = self.client()
        thread, _ = self.wait_in_thread(client)
        client.close()
        thread.join()
        self.assertTrue(eventually(lambda: len(os.listdir("/proc/self/fd")) == before))

    def test_what_the_library_made_is_freed(self):
        freed = []

        def free(handle, free=Handle.__del__):
            freed.append(handle.pointer)
            free(handle)

        with mock.patch.object(Handle, "__del__", free):
            # The root, a clone for status calls, and a queue for others.
            client = self.client()
            client.wait_many([("Leads", 1001)] * 3, progress=lambda _: client.status("Leads", 1001))
            self.assertEqual((len(freed), len(client._idle), len(client._idle_waits)), (0, 1, 1))
            client.close()
            self.assertEqual(len(freed), 3)
            # A queue that comes back after the end.
            client = self.client()
            client.wait("Leads", 1001, progress=lambda _: client.close())
            self.assertEqual(len(freed), 5)
            # One that is interrupted.
            client = self.client()
            with self.assertRaises(ZeroDivisionError) as caught:
                client.wait("Leads", 1002, progress=lambda _: 1 / 0)
            self.assertEqual(len(freed), 6, caught.exception)
            client.close()
            self.assertEqual(len(freed), 7)
            # Nothing while it is in use.
            client = self.client()

            def set_token(pointer, token):
                client.close()
                self.assertEqual(len(freed), 7)
                return 0

            with mock.patch.object(library, "zmd_client_set_access_token", set_token):
                client.set_access_token(TOKEN)
            self.assertEqual(len(freed), 8)

    def test_in_asyncio(self):
        async def main():
            loop = asyncio.get_running_loop()
            with self.client() as client:
                status = await loop.run_in_executor(None, client.status, "Leads", 1001)
                self.assertEqual(status, COMPLETED)
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(loop.run_in_executor(None, client.wait, "Leads", 1002), 0.2)

        # Closing the client ends the thread, for which asyncio.run() may wait.
        begin = time.monotonic()
        asyncio.run(main())
        self.assertLess(time.monotonic() - begin, AT_ONCE)


class Tokens(SimTest):
    options = ("--token", TOKEN)

    def test_the_access_token_can_be_replaced(self):
        client = self.client()
        client.status("Leads", 1001)
        client.set_access_token("1000.another")
        with self.assertRaises(zmd.UnauthorizedError):
            client.status("Leads", 1001)
        client.set_access_token(TOKEN)
        self.assertEqual(client.status("Leads", 1001), COMPLETED)
        with self.assertRaises(zmd.ArgumentError):
            client.set_access_token("a b")
        with self.assertRaisesRegex(TypeError, "access_token"):
            client.set_access_token(None)
        with self.assertRaisesRegex(zmd.ArgumentError, "access_token.*NUL"):
            client.set_access_token("a\0b")


class Numbers(SimTest):
    options = ("--credits", "100:60")

    def test_the_credits_that_remain(self):
        with self.client() as client:
            self.assertIsNone(client.credits_remaining)
            client.status("Leads", 1001)
            self.assertEqual(client.credits_remaining, 39)
            client.wait("Leads", 1001)
            self.assertEqual(client.credits_remaining, 38)
        with self.assertRaisesRegex(zmd.ArgumentError, "closed"):
            client.credits_remaining

    def test_counters(self):
        client = self.client()
        self.assertEqual(client.counters, zmd.Counters(0, 0, 0, 0, 0, 0, 0, 0, 0.0))
        begin = time.monotonic()
        client.status("Leads", 1001)
        client.wait("Leads", 1003)
        counters = client.counters
        self.assertEqual((counters.calls, counters.polls, counters.connections), (4, 3, 2))
        self.assertTrue(counters.bytes_sent > 200 and counters.bytes_received > 200, counters)
        self.assertTrue(0.04 <= counters.waited <= time.monotonic() - begin, counters)
        self.assertEqual(json.loads(json.dumps(counters.to_dict())), dataclasses.asdict(counters))
        with self.assertRaises(zmd.RateLimitedError):
            client.status("Leads", "error-TOO_MANY_REQUESTS")
        self.assertEqual(client.counters.rate_limits, counters.rate_limits + 1)


class Dictionaries(SimTest):
    def test_statuses_errors_and_polls(self):
        client = self.client()
        shown = json.loads(json.dumps(client.status("Leads", 1001).to_dict()))
        self.assertEqual(
            shown,
            {
                "module": "Leads",
                "job_id": "1001",
                "state": "COMPLETED",
                "total_count": 9,
                "deleted_count": 9,
                "failed_count": 0,
                "state_text": "COMPLETED",
                "http_status": 200,
                "is_successful": True,
                "has_ended": True,
            },
        )
        polls = []
        client.wait("Leads", 1001, progress=polls.append)
        poll = json.loads(json.dumps(polls[0].to_dict()))
        self.assertEqual(list(poll), [field.name for field in dataclasses.fields(polls[0])])
        self.assertEqual((poll["status"], poll["error"], poll["next_poll"]), (shown, None, None))
        (outcome,) = client.wait_many([("Leads", 1002)], timeout=0)
        error = json.loads(json.dumps(outcome.to_dict()))
        self.assertEqual((error["error"], error["code"], error["is_transient"]), ("Timeout", 15, True))
        self.assertEqual((error["message"], error["module"], error["job_id"]), (str(outcome), "Leads", "1002"))
        self.assertEqual(error["status"]["state"], "RUNNING")
        (outcome,) = client.status_many([("Leads", "error-NO_PERMISSION")])
        error = json.loads(json.dumps(outcome.to_dict()))
        self.assertEqual((error["api_code"], error["http_status"], error["status"]), ("NO_PERMISSION", 403, None))
        json.dumps(zmd.PollFailed(0, "Leads", "1", 0.5, None, outcome).to_dict())


class WithoutDescriptors(SimTest):
    """Where a queue of waits has none, as on Windows."""

    def setUp(self):
        super().setUp()
        patch = mock.patch.object(library, "zmd_waits_handle", lambda _: -1)
        patch.start()
        self.addCleanup(patch.stop)

    def test_calls(self):
        client = self.client()
        self.assertEqual(client.wait("Leads", 1001), COMPLETED)
        self.assertEqual(client.status_many([("Leads", 1001)] * 9), [COMPLETED] * 9)
        with self.assertRaises(zmd.Timeout):
            client.wait("Leads", 1002, timeout=0.3)

        async def main():
            async with zmd.AsyncClient(TOKEN, api_domain=self.sim.url, poll_min=0.02) as client:
                self.assertEqual(await client.status_many([("Leads", 1001)] * 9), [COMPLETED] * 9)
                self.assertEqual([thread.name for thread in threading.enumerate()].count("zmd-waits"), 1)
                gc.collect()
                self.assertEqual(await client.status("Leads", 1001), COMPLETED)
                waiting = asyncio.ensure_future(client.wait("Leads", 1002))
                self.assertTrue((await client.wait("Leads", 1003)).is_successful)
            with self.assertRaises(zmd.Cancelled):
                await waiting

        asyncio.run(asyncio.wait_for(main(), 5 * AT_ONCE))
        self.assertTrue(eventually(lambda: "zmd-waits" not in [thread.name for thread in threading.enumerate()]))


class Https(SimTest):
    ca_file = os.path.abspath("ca.pem")
    options = ("--tls", "--ca-out", ca_file)

    def test_a_certificate_authority_of_ones_own(self):
        for path in (self.ca_file, pathlib.Path(self.ca_file)):
            self.assertEqual(self.client(ca_file=path).status("Leads", 1001), COMPLETED)
        with self.assertRaises(zmd.TlsError):
            self.client().status("Leads", 1001)
        os.environ["ZMD_CA_FILE"] = self.ca_file
        self.addCleanup(os.environ.pop, "ZMD_CA_FILE")
        with zmd.Client.from_env(TOKEN, api_domain=self.sim.url) as client:
            self.assertEqual(client.status("Leads", 1001), COMPLETED)


class Copies(SimTest):
    def test_a_client_is_not_copied(self):
        client = self.client()
        for function in (copy.copy, copy.deepcopy, pickle.dumps):
            with self.assertRaisesRegex(TypeError, "client"):
                function(client)

    def test_answers_are(self):
        status = self.client().status("Leads", 1002)
        for each in (status, zmd.PollSucceeded(0, "Leads", "1002", 0.5, None, status)):
            self.assertEqual(pickle.loads(pickle.dumps(each)), each)
            self.assertEqual(copy.deepcopy(each), each)

    def test_errors_are(self):
        client = self.client()
        errors = client.status_many([("Leads", "error-NO_PERMISSION"), ("Leads", "a b")])
        errors += client.wait_many([("Leads", 1002)], timeout=0)
        errors.append(zmd.JobFailedError(errors[-1].last_status))
        for error in errors:
            for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
                self.assertIs(type(again), type(error))
                self.assertEqual((str(again), vars(again)), (str(error), vars(error)))
        self.assertIsNotNone(errors[-2].last_status)
        self.assertIsNotNone(errors[-1].status)


class Interruption(unittest.TestCase):
    def test_an_unanswered_connection_does_not_hold_up_close(self):
        server = Unanswered()
        self.addCleanup(server.close)
        client = zmd.Client(TOKEN, api_domain=server.url, connect_timeout=2 * AT_ONCE, timeout=2 * AT_ONCE)
        thread = threading.Thread(target=client.status_many, args=([("Leads", 1001)],), daemon=True)
        thread.start()
        self.assertTrue(eventually(lambda: server.requests() > 0))
        begin = time.monotonic()
        client.close()
        self.assertLess(time.monotonic() - begin, AT_ONCE)


if __name__ == "__main__":
    unittest.main()
