"""Dagster: a sensor that starts a run for each job whose records are deleted, and an asset that waits."""

import json

import dagster as dg
import zmd


@dg.op
def load(context: dg.OpExecutionContext) -> None:
    context.log.info("the records of %s are deleted", context.run.tags["zoho_job_id"])


@dg.job
def after_delete() -> None:
    load()


@dg.asset
def scheduled_deletes() -> dg.MaterializeResult:
    jobs = [["Leads", "1001"], ["Deals", "1002"]]  # Here your asset would schedule the deletes.
    return dg.MaterializeResult(value=jobs, metadata={"jobs": jobs})


# doc: a sensor
@dg.sensor(job=after_delete, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def records_are_deleted(context: dg.SensorEvaluationContext):
    event = context.instance.get_latest_materialization_event(dg.AssetKey("scheduled_deletes"))
    if event is None:
        return dg.SkipReason("no job has been scheduled")
    jobs = event.asset_materialization.metadata["jobs"].value
    ended = json.loads(context.cursor or "[]")
    pending = [job for job in jobs if job not in ended]
    with zmd.Client.from_env() as client:
        outcomes = client.status_many(map(tuple, pending))
    requests = []
    for job, outcome in zip(pending, outcomes):
        if isinstance(outcome, zmd.Status) and outcome.is_successful:
            requests.append(dg.RunRequest(run_key=job[1], tags={"zoho_job_id": job[1]}))
        elif isinstance(outcome, zmd.Status) and not outcome.has_ended:
            continue
        elif isinstance(outcome, zmd.Error) and outcome.is_transient:
            continue
        else:
            context.log.error("%s", outcome)  # It failed, or left records.
        ended.append(job)
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(ended))


# doc: an asset
@dg.asset(pool="zoho_crm")
def deleted(context: dg.AssetExecutionContext, scheduled_deletes: list[list[str]]) -> dg.MaterializeResult:
    def show(progress: zmd.Progress) -> None:
        context.log.info("%s", progress.status or progress.error)

    with zmd.Client.from_env() as client:
        outcomes = client.wait_many(map(tuple, scheduled_deletes), timeout=4 * 3600, progress=show, check=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, zmd.Error)]
    if errors:
        raise dg.Failure("; ".join(map(str, errors)), allow_retries=all(error.is_transient for error in errors))
    return dg.MaterializeResult(metadata={"records": sum(status.deleted_count or 0 for status in outcomes)})


# doc: end
definitions = dg.Definitions(assets=[scheduled_deletes, deleted], jobs=[after_delete], sensors=[records_are_deleted])
