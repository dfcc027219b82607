"""The provider without a running Airflow: what Airflow reads of it, its hook, its trigger.

ZMD_TEST_URL  a stand-in that knows the refresh token ``1000.refresh``, of the client ``1000.id`` with the secret
              ``S3cret-of-the-client``, and the access token ``1000.second``; the jobs Leads 1001, which is
              completed, 1002, which runs for ever, 1003, which leaves 2 of 9 records, and 1004, which deletes 100
              records a second for hours
"""

import asyncio
import importlib.util
import json
import os
import re
import tempfile
import time
import types
import unittest
import urllib.parse
from collections.abc import Callable
from importlib import metadata
from unittest import mock

import zmd
from airflow.providers_manager import ProvidersManager
from zmd_airflow import hook as hook_module
from zmd_airflow._compat import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseHook,
)
from zmd_airflow.hook import ZohoMassDeleteHook
from zmd_airflow.sensor import ZohoMassDeleteJobsSensor, ZohoMassDeleteSensor
from zmd_airflow.trigger import ZohoMassDeleteJobsTrigger, ZohoMassDeleteTrigger

URL = os.environ["ZMD_TEST_URL"]
GRANT = {"refresh_token": "1000.refresh", "accounts_url": URL}
VERSION = tuple(int(part) for part in metadata.version("apache-airflow").split(".")[:2])
DIRECTORY = tempfile.TemporaryDirectory()
# For tests whose clients would otherwise each take an access token of the ten that may be made.
SHARED = {**GRANT, "token_cache": f"{DIRECTORY.name}/tokens"}


def connection(login: str = "", password: str = "", **extra: object) -> dict[str, str]:
    """An Airflow connection, as the environment has it."""
    extra = {"api_domain": URL, "poll_min": 0.05, **extra}
    fields = {"conn_type": "zoho_crm", "login": login, "password": password, "extra": extra}
    return {"AIRFLOW_CONN_ZOHO_CRM_DEFAULT": json.dumps(fields)}


def with_connection(*arguments: str, **extra: object) -> object:
    return mock.patch.dict(os.environ, connection(*arguments, **extra))


def trigger(job_id: str, seconds: float = 60, conn_id: str = "zoho_crm_default") -> ZohoMassDeleteTrigger:
    made = ZohoMassDeleteTrigger("Leads", job_id, conn_id, time.time() + seconds)
    path, kwargs = made.serialize()
    assert path == "zmd_airflow.trigger.ZohoMassDeleteTrigger"
    return ZohoMassDeleteTrigger(**json.loads(json.dumps(kwargs)))


async def until_logged(made: ZohoMassDeleteTrigger, is_there: Callable[[], bool]) -> None:
    """Runs a trigger until that is in the log."""
    task = asyncio.create_task(event_of(made))
    while not is_there() and not task.done():
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def event_of(made: ZohoMassDeleteTrigger) -> dict:
    """The only job of the only event, or the error."""
    events = [event.payload async for event in made.run()]
    assert len(events) == 1, events
    if "error" in events[0]:
        return {"outcome": "error", "message": events[0]["error"]}
    (row,) = events[0]["jobs"]
    return row


class Provider(unittest.TestCase):
    def test_airflow_knows_the_connection_type_and_its_form(self) -> None:
        manager = ProvidersManager()
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT):
            self.assertIsInstance(BaseHook.get_hook("zoho_crm_default"), ZohoMassDeleteHook)
        if (3, 0) <= VERSION < (3, 2) and importlib.util.find_spec("flask_appbuilder") is None:
            self.skipTest("there the form has fields of its own only where the FAB provider is installed")
        fields = {key for key in manager.connection_form_widgets if key.startswith("extra__zoho_crm__")}
        secret = {key for key in fields if manager.connection_form_widgets[key].is_sensitive}
        self.assertLessEqual({f"extra__zoho_crm__{key}" for key in ("data_center", "org_id", "token_cache")}, fields)
        self.assertEqual(secret, {"extra__zoho_crm__refresh_token", "extra__zoho_crm__access_token"})
        self.assertEqual(manager.field_behaviours["zoho_crm"]["relabeling"]["password"], "Client secret")

    def test_every_field_of_the_form_is_a_setting(self) -> None:
        widgets = ProvidersManager().connection_form_widgets
        fields = [key.split("__")[2] for key in widgets if key.startswith("extra__zoho_crm__")]
        with with_connection("1000.id", "S3cret-of-the-client", **{**GRANT, **dict.fromkeys(set(fields) - set(GRANT))}):
            ZohoMassDeleteHook().get_conn().close()


class Hook(unittest.TestCase):
    def test_the_connection_is_tested(self) -> None:
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT), ZohoMassDeleteHook() as hook:
            self.assertEqual(hook.test_connection(), (True, "Zoho CRM accepts the credentials"))
            self.assertIsNone(hook._client, "closed")
        with with_connection("1000.id", "another-secret", **GRANT):
            is_good, message = ZohoMassDeleteHook().test_connection()
            self.assertFalse(is_good)
            self.assertIn("invalid_client_secret", message)

    def test_a_status(self) -> None:
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT), ZohoMassDeleteHook() as hook:
            self.assertTrue(hook.get_status("Leads", 1001).is_successful)
            self.assertTrue(asyncio.run(hook.aget_status("Leads", 1001)).is_successful)

    def test_a_bad_connection_is_told_without_its_secrets(self) -> None:
        for extra, words in [
            ({"refresh_tokn": "S3cret"}, "refresh_tokn"),
            ({"data_center": "mars", "refresh_token": "S3cret"}, "data_center"),
            ({"refresh_token": "S3cret", "org_id": "1", "timeout": "S3cret"}, "timeout"),
        ]:
            with self.subTest(extra), with_connection("1000.id", "S3cret", **extra):
                with self.assertRaises((ValueError, TypeError)) as raised:
                    ZohoMassDeleteHook().get_conn()
                self.assertIn(words, str(raised.exception))
                if words != "timeout":
                    self.assertNotIn("S3cret", str(raised.exception))

    def test_a_connection_may_be_a_uri(self) -> None:
        extra = {**GRANT, "api_domain": URL, "max_concurrency": "7", "poll_min": "0.05"}
        uri = f"zoho-crm://1000.id:S3cret-of-the-client@/?{urllib.parse.urlencode(extra)}"
        with mock.patch.dict(os.environ, {"AIRFLOW_CONN_ZOHO_CRM_DEFAULT": uri}), ZohoMassDeleteHook() as hook:
            self.assertTrue(hook.get_conn().status("Leads", "1001").is_successful)

    def test_an_access_token_is_read_again_when_it_is_refused(self) -> None:
        with with_connection(access_token="1000.first"), ZohoMassDeleteHook() as hook:
            client = hook.get_conn()
            with self.assertRaisesRegex(zmd.OAuthError, "still has the same one"):
                client.status("Leads", "1001")
            with with_connection(access_token="1000.second"):
                self.assertTrue(client.status("Leads", "1001").is_successful)


class Trigger(unittest.IsolatedAsyncioTestCase):
    async def test_events(self) -> None:
        deleted = {"state": "COMPLETED", "total_count": 9, "deleted_count": 9, "failed_count": 0}
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT):
            job = {"module": "Leads", "job_id": "1001"}
            self.assertEqual(await event_of(trigger("1001")), {**job, **deleted, "outcome": "deleted", "message": None})
            row = await event_of(trigger("1003"))
            self.assertEqual((row["outcome"], row["failed_count"]), ("failed", 2))
            self.assertIn("7 of 9 deleted, 2 failed", row["message"])
            row = await event_of(trigger("1002", seconds=0))
            self.assertEqual((row["outcome"], row["state"], row["deleted_count"]), ("timeout", "RUNNING", 0))
            self.assertIn("(last: RUNNING, 0 of 9 deleted", row["message"])
            row = await event_of(trigger("4711"))
            self.assertEqual(row["outcome"], "failed")
            self.assertIn("Zoho has no job 4711", row["message"])
        row = await event_of(trigger("1001", conn_id="none_such"))
        self.assertEqual(row["outcome"], "error")
        self.assertIn("none_such", row["message"])

    async def test_a_limit_that_is_too_short_for_a_poll_ends_with_the_counts(self) -> None:
        with (
            with_connection("1000.id", "S3cret-of-the-client", **SHARED),
            mock.patch.object(ZohoMassDeleteTrigger, "_left", return_value=0.001),
        ):
            row = await event_of(trigger("1002"))
        self.assertEqual(row["outcome"], "timeout")
        self.assertIn("(last: RUNNING, 0 of 9 deleted", row["message"])

    async def test_several_jobs(self) -> None:
        made = ZohoMassDeleteJobsTrigger([["Leads", "1003"], ("Leads", "1001")], "zoho_crm_default", time.time() + 60)
        path, kwargs = made.serialize()
        self.assertEqual(path, "zmd_airflow.trigger.ZohoMassDeleteJobsTrigger")
        made = ZohoMassDeleteJobsTrigger(**json.loads(json.dumps(kwargs)))
        with with_connection("1000.id", "S3cret-of-the-client", **SHARED):
            (event,) = [event.payload async for event in made.run()]
        self.assertEqual([row["outcome"] for row in event["jobs"]], ["failed", "deleted"])

    async def test_a_trigger_that_no_worker_started_has_the_limit_of_airflow(self) -> None:
        made = ZohoMassDeleteTrigger("Leads", "1002", "zoho_crm_default")
        made.timeout_after = airflow_time(seconds=300.5)
        with with_connection("1000.id", "S3cret-of-the-client", **SHARED):
            self.assertEqual((await event_of(made))["outcome"], "timeout")

    async def test_progress_is_logged_when_it_changes(self) -> None:
        made = trigger("1002", seconds=600)
        log = mock.Mock()
        with (
            with_connection("1000.id", "S3cret-of-the-client", **SHARED),
            mock.patch.object(ZohoMassDeleteTrigger, "log", new=log),
        ):
            await until_logged(made, lambda: log.debug.called)
        first, *later = [call.args[0] for call in log.info.call_args_list]
        self.assertIn("Leads 1002: RUNNING, 0 of 9 deleted, 0 failed; ", first)
        self.assertIn("next poll in 0 s", first)
        self.assertFalse([line for line in later if "RUNNING" in line])
        self.assertIn("Leads 1002: RUNNING, 0 of 9 deleted, 0 failed; ", log.debug.call_args_list[0].args[0])

    async def test_a_forecast_is_logged(self) -> None:
        log = mock.Mock()
        expected = r"Leads 1004: RUNNING, .*; it may end in \d+ min; next poll in "
        with (
            with_connection("1000.id", "S3cret-of-the-client", **SHARED),
            mock.patch.object(ZohoMassDeleteTrigger, "log", new=log),
        ):
            made = trigger("1004", seconds=600)
            await until_logged(made, lambda: re.search(expected, str(log.info.call_args_list)) is not None)
        self.assertRegex(str(log.info.call_args_list), expected)

    async def test_triggers_share_a_client_until_the_connection_changes(self) -> None:
        clients = ZohoMassDeleteHook()
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT):
            first, same = await asyncio.gather(clients.aget_conn(), ZohoMassDeleteHook().aget_conn())
            self.assertIs(first, same)
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT, max_concurrency=7):
            self.assertIs(await clients.aget_conn(), first)
            with mock.patch.object(hook_module, "_FRESH_S", 0):
                self.assertIsNot(await clients.aget_conn(), first)

    async def test_a_trigger_that_is_cancelled_disturbs_no_other(self) -> None:
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT):
            limits = [600.0] * 49 + [2.0]
            tasks = [asyncio.create_task(event_of(trigger("1002", seconds=limit))) for limit in limits]
            await asyncio.sleep(0.5)
            begin = time.monotonic()
            for task in tasks[:49]:
                task.cancel()
            ended = await asyncio.gather(*tasks[:49], return_exceptions=True)
            self.assertLess(time.monotonic() - begin, 60)
            self.assertTrue(all(isinstance(result, asyncio.CancelledError) for result in ended))
            self.assertEqual((await tasks[49])["outcome"], "timeout")

    async def test_an_access_token_is_read_again_when_it_is_refused(self) -> None:
        with with_connection(access_token="1000.first"):
            self.assertIn("still has the same one", (await event_of(trigger("1001")))["message"])
            with with_connection(access_token="1000.second"):
                client = await ZohoMassDeleteHook().aget_conn()
                self.assertEqual((await event_of(trigger("1001")))["outcome"], "deleted")
                with mock.patch.object(hook_module, "_FRESH_S", 0):
                    self.assertIs(await ZohoMassDeleteHook().aget_conn(), client)


class Sensor(unittest.TestCase):
    def test_an_event_ends_the_task(self) -> None:
        sensor = ZohoMassDeleteSensor(task_id="deleted", module="Leads", job_id="1001")
        row = {"module": "Leads", "job_id": "1001", "message": "the words"}
        for outcome, error in [
            ("failed", AirflowFailException),
            ("timeout", AirflowSensorTimeout),
            ("error", AirflowException),
        ]:
            with self.assertRaises(AirflowException) as raised:
                sensor.execute_complete({}, {"jobs": [{**row, "outcome": outcome}]})
            self.assertIs(type(raised.exception), error)
            self.assertEqual(str(raised.exception), "the words")
        with self.assertRaisesRegex(AirflowException, "the words"):
            sensor.execute_complete({}, {"error": "the words"})

    def test_what_would_be_the_same_again_counts_most(self) -> None:
        sensor = ZohoMassDeleteJobsSensor(task_id="several", jobs=[("Leads", 1), ("Leads", 2), ("Leads", 3)])
        rows = [
            {"module": "Leads", "job_id": str(number), "outcome": outcome, "message": outcome, "deleted_count": 9}
            for number, outcome in enumerate(["error", "deleted", "failed"])
        ]
        with self.assertRaisesRegex(AirflowFailException, "^2 of 3 jobs: error; failed$"):
            sensor.execute_complete({}, {"jobs": rows})

    def test_the_time_limit_is_for_all_tries_where_airflow_tells_when_the_first_began(self) -> None:
        if VERSION < (3, 0):
            self.skipTest("there it takes a database: see the night")
        kept: dict = {}
        store = types.SimpleNamespace(get=kept.get, set=kept.__setitem__)
        context = {"task_state_store": store} if VERSION >= (3, 3) else {}
        limits = []
        for try_number in (1, 2):
            sensor = ZohoMassDeleteSensor(
                task_id="deleted", module="Leads", job_id="1001", timeout=100, retries=1, deferrable=True
            )
            ti = types.SimpleNamespace(max_tries=1, task=sensor, try_number=try_number, xcom_push=lambda **_: None)
            with with_connection("1000.id", "S3cret-of-the-client", **GRANT):
                with self.assertRaises(BaseException) as deferred:
                    sensor.execute({"ti": ti, **context})
            limits.append(deferred.exception.trigger.deadline)
        # In 3.0 to 3.2 each try has a limit of its own.
        self.assertEqual(limits[0] == limits[1], VERSION >= (3, 3), limits)

    def test_one_that_pokes(self) -> None:
        def poked(job_id: str, **more: object) -> object:
            sensor = ZohoMassDeleteSensor(task_id="poked", module="Leads", job_id=job_id, timeout=2, **more)
            ti = types.SimpleNamespace(max_tries=0, task=sensor, try_number=1, xcom_push=lambda **_: None)
            with with_connection("1000.id", "S3cret-of-the-client", **SHARED):
                return sensor.execute({"ti": ti})

        self.assertEqual(poked("1001")["deleted_count"], 9)
        for job_id, error in [
            ("1003", AirflowFailException),
            ("4711", AirflowFailException),
            ("", AirflowFailException),
        ]:
            with self.assertRaises(error):
                poked(job_id)
            with self.assertRaises(AirflowSkipException):
                poked(job_id, soft_fail=True)
        with self.assertRaises(AirflowSensorTimeout):
            poked("1002", poke_interval=1)

    def test_whether_it_is_deferred_is_a_setting_of_airflow(self) -> None:
        sensor = ZohoMassDeleteSensor(task_id="deleted", module="Leads", job_id="1001")
        self.assertFalse(sensor.deferrable)

    def test_jobs_are_pairs_or_dicts(self) -> None:
        jobs = [["Leads", 1], ("Deals", "2"), {"module": "Contacts", "job_id": 3}]
        sensor = ZohoMassDeleteJobsSensor(task_id="several", jobs=jobs)
        self.assertEqual(sensor._jobs(), [("Leads", "1"), ("Deals", "2"), ("Contacts", "3")])
        self.assertEqual(ZohoMassDeleteJobsSensor(task_id="none", jobs=[]).execute({}), [])
        for wrong in ("Leads", [["Leads"]], [{"module": "Leads"}], 7):
            with self.assertRaisesRegex(AirflowFailException, "jobs must be a list"):
                ZohoMassDeleteJobsSensor(task_id="wrong", jobs=wrong).execute({})

    def test_what_the_triggerer_can_start(self) -> None:
        is_new = VERSION >= (3, 3)
        for job_id, is_possible in [("1001", True), ("{{ params.job }}", is_new), ("{{ ti.xcom_pull('x') }}", False)]:
            sensor = ZohoMassDeleteSensor(
                task_id="deleted", module="Leads", job_id=job_id, deferrable=True, start_from_trigger=True
            )
            self.assertEqual(sensor.start_from_trigger, is_possible, job_id)

    def test_the_link_leads_to_the_module(self) -> None:
        for module, extra, url in [
            ("Leads", {}, "https://crm.zoho.com/crm/tab/Leads"),
            ("Deals", {"data_center": "eu"}, "https://crm.zoho.eu/crm/tab/Potentials"),
            ("Sales_Orders", {"data_center": "ca"}, "https://crm.zohocloud.ca/crm/tab/SalesOrders"),
            ("My_Own", {"environment": "sandbox"}, "https://crmsandbox.zoho.com/crm"),
        ]:
            with with_connection("1000.id", "S3cret-of-the-client", **GRANT, **extra):
                self.assertEqual(ZohoMassDeleteHook().module_url(module), url)
        self.assertIn("zmd_airflow.links.ZohoModuleLink", ProvidersManager().extra_links_class_names)


def airflow_time(seconds: float) -> object:
    """A time that many seconds from now, as Airflow has them."""
    import datetime

    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


if __name__ == "__main__":
    unittest.main()
