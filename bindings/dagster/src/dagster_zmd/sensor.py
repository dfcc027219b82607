"""A sensor that starts runs when records are deleted."""

import json
from typing import Any, Union

import dagster as dg
import zmd

from .resource import FINAL


def build_mass_delete_sensor(
    asset: Union[dg.AssetsDefinition, dg.AssetKey, str],
    *,
    name: str = "mass_delete_sensor",
    resource_key: str = "zoho_crm",
    minimum_interval_seconds: int = 60,
    **kwargs: Any,
) -> dg.SensorDefinition:
    """A sensor that requests a run for each mass-delete job when all of its records are deleted.

    :param asset: what schedules the deletes: its materializations have the jobs in their metadata,
        ``{"jobs": [["Leads", "111111000000222222"], ...]}``. The sensor begins with the last one before its first
        evaluation.
    :param resource_key: the :class:`ZohoCRMResource`
    :param kwargs: the rest of ``dagster.SensorDefinition``, such as ``job`` or ``target``

    A run has the tags ``zmd/module`` and ``zmd/job_id``. A job that failed, left records or does not exist has no run, but
    a line in the log of the tick. Others whose status is not known stay pending, for the next evaluation.
    """
    if isinstance(asset, str):
        asset = dg.AssetKey.from_user_string(asset)
    key = asset.key if isinstance(asset, dg.AssetsDefinition) else asset

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        seen, jobs = json.loads(context.cursor) if context.cursor else (None, [])
        if seen is None:
            found, seen = context.instance.fetch_materializations(key, limit=1), 0
        else:
            after = dg.AssetRecordsFilter(asset_key=key, after_storage_id=seen)
            found = context.instance.fetch_materializations(after, limit=100, ascending=True)
        for record in found.records:
            seen = record.storage_id
            metadata = record.asset_materialization.metadata  # type: ignore[union-attr]
            if "jobs" in metadata:
                jobs += metadata["jobs"].value
            else:
                context.log.warning(f"a materialization of {key.to_user_string()} has no metadata named jobs")
        pending = list(dict.fromkeys((module, str(job_id)) for module, job_id in jobs))

        left, requests = [], []
        with getattr(context.resources, resource_key).get_client() as client:
            outcomes = client.status_many(pending)
        for (module, job_id), outcome in zip(pending, outcomes):
            if isinstance(outcome, zmd.Status) and outcome.is_successful:
                tags = {"zmd/module": module, "zmd/job_id": job_id}
                requests.append(dg.RunRequest(run_key=f"{module} {job_id}", tags=tags))
            elif isinstance(outcome, FINAL) or (isinstance(outcome, zmd.Status) and outcome.has_ended):
                context.log.error(str(outcome))
            else:
                left.append((module, job_id))
                (context.log.warning if isinstance(outcome, zmd.Error) else context.log.debug)(str(outcome))
        reason = None if requests else f"{len(left)} of {len(pending)} jobs are pending"
        return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=json.dumps([seen, left]))

    return dg.SensorDefinition(
        name=name,
        evaluation_fn=evaluate,
        minimum_interval_seconds=minimum_interval_seconds,
        required_resource_keys={resource_key},
        **kwargs,
    )
