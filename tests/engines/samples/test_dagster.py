"""The samples of doc/dagster.md in a real Dagster, in one process: its daemon evaluates the sensor in the same way."""

import os

import dagster as dg
import dagster_night as night
import zmd.testing

instance = dg.DagsterInstance.ephemeral()


@dg.asset(name="scheduled_deletes")
def one_more() -> dg.MaterializeResult:
    return dg.MaterializeResult(value=[["Leads", "1001"], ["Leads", "1003"]])


def evaluate(cursor: str | None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    return night.records_are_deleted(context)


service = zmd.testing.Service()
os.environ.update(service.environment)
service.add_job("Leads", 1001)
service.add_job("Leads", 1003, failed=2)
service.add_job("Deals", 1002, rate=0)
assert isinstance(evaluate(None), dg.SkipReason)
assert dg.materialize([night.scheduled_deletes], instance=instance).success
first = evaluate(None)
assert [request.run_key for request in first.run_requests] == ["1001"], first
service.add_job("Deals", 1002)
second = evaluate(first.cursor)
assert [request.run_key for request in second.run_requests] == ["1002"], second
assert evaluate(second.cursor).run_requests == []
assert night.after_delete.execute_in_process(tags=second.run_requests[0].tags).success

# The asset waits.
waited = dg.materialize([night.scheduled_deletes, night.deleted], instance=instance)
(event,) = waited.asset_materializations_for_node("deleted")
assert event.metadata["records"].value == 18, event
# A job that leaves records fails it, and is not retried.
failed = dg.materialize([one_more, night.deleted], instance=instance, raise_on_error=False)
(failure,) = [event for event in failed.all_events if event.event_type_value == "STEP_FAILURE"]
assert "7 of 9 deleted, 2 failed" in failure.event_specific_data.error_display_string, failure
assert failure.step_failure_data.user_failure_data is not None
dg.Definitions.validate_loadable(night.definitions)
service.close()
print("ok")
