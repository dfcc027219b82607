import dagster as dg
from dagster_zmd import ZohoCRMResource, build_mass_delete_sensor


@dg.asset
def scheduled_deletes() -> dg.MaterializeResult:
    jobs = [["Leads", "1001"], ["Deals", "1002"]]  # here your asset schedules the deletes
    return dg.MaterializeResult(value=jobs, metadata={"jobs": jobs})


@dg.op
def load(context: dg.OpExecutionContext) -> None:
    context.log.info("the records of %s are deleted", context.run.tags["zmd/job_id"])


@dg.job
def after_delete() -> None:
    load()


# One run for each job when its records are deleted: nothing runs until then.
sensor = build_mass_delete_sensor(
    scheduled_deletes, job=after_delete, default_status=dg.DefaultSensorStatus.RUNNING
)


# Or an asset that waits.
@dg.asset(pool="zoho_crm")
def deleted(scheduled_deletes: list, zoho_crm: ZohoCRMResource) -> dg.MaterializeResult:
    statuses = zoho_crm.wait(scheduled_deletes, timeout=4 * 3600)
    return dg.MaterializeResult(metadata={"records": sum(status.deleted_count or 0 for status in statuses)})


definitions = dg.Definitions(
    assets=[scheduled_deletes, deleted],
    sensors=[sensor],
    resources={"zoho_crm": ZohoCRMResource(data_center="eu")},  # the rest: ZMD_REFRESH_TOKEN, ...
)
