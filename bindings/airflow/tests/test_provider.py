"""The provider without a running Airflow: what Airflow reads of it, its hook, its trigger.

ZMD_TEST_URL  a stand-in that knows the refresh token ``1000.refresh``, of the client ``1000.id`` with the secret
              ``S3cret-of-the-client``, and the access token ``1000.second``; the jobs Leads 1001, which is
              completed, 1002, which runs for ever, and 1003, which leaves 2 of 9 records
"""

import asyncio
import json
import os
import time
import unittest
import urllib.parse
from unittest import mock

import zmd
from airflow.providers_manager import ProvidersManager
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSensorTimeout
from zmd_airflow import trigger as trigger_module
from zmd_airflow.hook import ZohoMassDeleteHook
from zmd_airflow.sensor import ZohoMassDeleteSensor
from zmd_airflow.trigger import ZohoMassDeleteTrigger

URL = os.environ["ZMD_TEST_URL"]
GRANT = {"refresh_token": "1000.refresh", "accounts_url": URL}


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


async def event_of(made: ZohoMassDeleteTrigger) -> dict:
    events = [event.payload async for event in made.run()]
    assert len(events) == 1, events
    return events[0]


class Provider(unittest.TestCase):
    def test_airflow_knows_the_connection_type_and_its_form(self) -> None:
        manager = ProvidersManager()
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT):
            self.assertIsInstance(BaseHook.get_hook("zoho_crm_default"), ZohoMassDeleteHook)
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
        with with_connection("1000.id", "another-secret", **GRANT), ZohoMassDeleteHook() as hook:
            is_good, message = hook.test_connection()
            self.assertFalse(is_good)
            self.assertIn("invalid_client_secret", message)

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
            self.assertEqual(await event_of(trigger("1001")), {"result": "deleted", "status": deleted})
            event = await event_of(trigger("1003"))
            self.assertEqual((event["result"], event["status"]["failed_count"]), ("failed", 2))
            self.assertIn("7 of 9 deleted, 2 failed", event["message"])
            event = await event_of(trigger("1002", seconds=0.5))
            self.assertEqual(event["result"], "timeout")
            event = await event_of(trigger("4711"))
            self.assertEqual(event["result"], "error")
            self.assertIn("JobNotFoundError", event["message"])
        event = await event_of(trigger("1001", conn_id="none_such"))
        self.assertEqual(event["result"], "error")
        self.assertIn("none_such", event["message"])

    async def test_triggers_share_a_client_until_the_connection_changes(self) -> None:
        clients = trigger_module._clients()
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT):
            first, same = await asyncio.gather(clients.get("zoho_crm_default"), clients.get("zoho_crm_default"))
            self.assertIs(first, same)
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT, max_concurrency=7):
            self.assertIs(await clients.get("zoho_crm_default"), first)
            with mock.patch.object(trigger_module, "_FRESH_S", 0):
                self.assertIsNot(await clients.get("zoho_crm_default"), first)

    async def test_a_trigger_that_is_cancelled_disturbs_no_other(self) -> None:
        with with_connection("1000.id", "S3cret-of-the-client", **GRANT):
            tasks = [asyncio.create_task(event_of(trigger("1002", seconds=2))) for _ in range(50)]
            await asyncio.sleep(0.5)
            begin = time.monotonic()
            for task in tasks[:49]:
                task.cancel()
            ended = await asyncio.gather(*tasks[:49], return_exceptions=True)
            self.assertLess(time.monotonic() - begin, 1)
            self.assertTrue(all(isinstance(result, asyncio.CancelledError) for result in ended))
            self.assertEqual((await tasks[49])["result"], "timeout")

    async def test_an_access_token_is_read_again_when_it_is_refused(self) -> None:
        with with_connection(access_token="1000.first"):
            self.assertIn("still has the same one", (await event_of(trigger("1001")))["message"])
            with with_connection(access_token="1000.second"):
                client = await trigger_module._clients().get("zoho_crm_default")
                self.assertEqual((await event_of(trigger("1001")))["result"], "deleted")
                with mock.patch.object(trigger_module, "_FRESH_S", 0):
                    self.assertIs(await trigger_module._clients().get("zoho_crm_default"), client)


class Sensor(unittest.TestCase):
    def test_an_event_ends_the_task(self) -> None:
        sensor = ZohoMassDeleteSensor(task_id="deleted", module="Leads", job_id="1001")
        for result, error in [
            ("failed", AirflowFailException),
            ("timeout", AirflowSensorTimeout),
            ("error", AirflowException),
        ]:
            with self.assertRaises(AirflowException) as raised:
                sensor.execute_complete({}, {"result": result, "message": "the words"})
            self.assertIs(type(raised.exception), error)
            self.assertEqual(str(raised.exception), "the words")


if __name__ == "__main__":
    unittest.main()
