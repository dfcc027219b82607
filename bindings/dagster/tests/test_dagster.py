"""The package in a real Dagster: resource and sensor in this process, then the README's program under Dagster's daemon.

Its argument is an empty directory.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import night
import zmd.testing
from dagster_zmd import ZohoCRMResource, build_mass_delete_sensor

HOME = Path(sys.argv[1])


def scheduled(*jobs: list) -> dg.AssetsDefinition:
    @dg.asset(name="scheduled_deletes")
    def one_more() -> dg.MaterializeResult:
        return dg.MaterializeResult(value=list(jobs), metadata={"jobs": list(jobs)})

    return one_more


def in_this_process(service: zmd.testing.Service) -> None:
    instance = dg.DagsterInstance.ephemeral()
    resource = ZohoCRMResource(settings={"poll_max": 0.01})
    cursor = None

    def evaluate(sensor: dg.SensorDefinition = night.sensor):
        nonlocal cursor
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"zoho_crm": resource})
        result = sensor.evaluate_tick(context)
        cursor = result.cursor
        return result

    def runs() -> list:
        return [request.run_key for request in evaluate().run_requests]

    # It begins with what was scheduled last.
    for asset in (scheduled(["Leads", "old"]), night.scheduled_deletes):
        dg.materialize([asset], instance=instance)
    (request,) = evaluate().run_requests
    tags = {"zmd/module": "Leads", "zmd/job_id": "1001"}
    assert request.run_key == "Leads 1001" and tags.items() <= request.tags.items(), request
    service.respond("Leads", "denied", "error-NO_PERMISSION")
    # While one is pending, others are scheduled: none is forgotten, and none asked for twice.
    dg.materialize([scheduled(["Leads", 1003], ["Leads", "unknown"])], instance=instance)
    dg.materialize([scheduled(["Leads", "1001"], ["Deals", "1002"], ["Leads", "denied"])], instance=instance)
    before = len(service.requests)
    assert runs() == ["Leads 1001"]  # which Dagster knows by its key
    asked = sorted(request.job_id for request in service.requests[before:])
    assert asked == ["1001", "1002", "1003", "denied", "unknown"], asked
    # One that left records, and one that there is not, have ended. What may be different tomorrow has not.
    assert evaluate().skip_message == "2 of 2 jobs are pending"
    service.add_job("Deals", 1002)
    done = zmd.testing.Response.of_job("COMPLETED", deleted=9)
    service.respond("Leads", "denied", zmd.testing.Response(503), done)
    assert runs() == ["Deals 1002"]
    assert runs() == ["Leads denied"]
    # An asset that lacks the metadata does not stop the sensor.
    dg.materialize([dg.asset(name="scheduled_deletes")(lambda: 1)], instance=instance)
    assert evaluate().skip_message == "0 of 0 jobs are pending"
    # Nothing was scheduled before it began.
    key = dg.AssetKey(["night", "deletes"])
    for other in (key, "night/deletes"):
        cursor = None
        sensor = build_mass_delete_sensor(other, name="other", job=night.after_delete)
        assert evaluate(sensor).skip_message == "0 of 0 jobs are pending"
    for job_id in ("1001", "1002"):
        done = dg.AssetMaterialization(key, metadata={"jobs": [["Deals" if job_id == "1002" else "Leads", job_id]]})
        instance.report_runless_asset_event(done)
    assert [request.run_key for request in evaluate(sensor).run_requests] == ["Leads 1001", "Deals 1002"]

    # The asset waits.
    resources = {"zoho_crm": resource}
    waited = dg.materialize([night.scheduled_deletes, night.deleted], instance=instance, resources=resources)
    (event,) = waited.asset_materializations_for_node("deleted")
    assert event.metadata["records"].value == 18, event

    # Records that are left fail it, and so does the time limit; neither is retried. Refused credentials are.
    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
    def waits(scheduled_deletes: list, zoho_crm: ZohoCRMResource) -> None:
        zoho_crm.wait(scheduled_deletes, timeout=0)  # polls once, however busy the machine is

    service.add_job("Leads", "slow", rate=0)
    service.respond("Leads", "denied", "error-NO_PERMISSION")
    for job_id, message, tries in [
        (1003, "Leads 1003: COMPLETED, 7 of 9 deleted, 2 failed", 1),
        ("slow", "Leads slow: the job has not ended; it is RUNNING", 1),
        ("denied", "NO_PERMISSION", 2),
    ]:
        failed = dg.materialize(
            [scheduled(["Leads", job_id]), waits], instance=instance, resources=resources, raise_on_error=False
        )
        kinds = [event.event_type_value for event in failed.all_events if event.step_key == "waits"]
        (failure,) = (event for event in failed.all_events if event.event_type_value == "STEP_FAILURE")
        assert message in failure.event_specific_data.error_display_string, failure
        assert kinds.count("STEP_RESTARTED") == tries - 1, (job_id, kinds)


def under_the_daemon() -> None:
    """The README's program, with all processes that Dagster has."""
    os.environ["DAGSTER_HOME"] = str(HOME)
    HOME.joinpath("dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    instance = dg.DagsterInstance.get()
    dg.materialize([night.scheduled_deletes], instance=instance)
    done = dg.RunsFilter(job_name="after_delete", statuses=[dg.DagsterRunStatus.SUCCESS])
    with HOME.joinpath("log").open("wb") as log:
        command = [Path(sys.executable).with_name("dagster-daemon"), "run", "-f", night.__file__]
        daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + 400
        while not (runs := instance.get_runs(done)):
            assert daemon.poll() is None and time.monotonic() < until, HOME.joinpath("log").read_text()
            time.sleep(0.5)
        assert [run.tags["zmd/job_id"] for run in runs] == ["1001"], runs
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()


with zmd.testing.Service() as service:
    os.environ.update(service.environment)
    service.add_job("Leads", 1001)
    service.add_job("Leads", 1003, failed=2)
    service.add_job("Deals", 1002, rate=0)
    in_this_process(service)
    service.add_job("Deals", 1002, rate=0)
    under_the_daemon()
print("ok")
