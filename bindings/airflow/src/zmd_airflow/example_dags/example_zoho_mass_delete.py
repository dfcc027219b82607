"""A DAG that continues when the records of mass-delete jobs are deleted.

The connection is ``zoho_crm_default``. Run it with the ids of jobs that you have scheduled::

    airflow dags test example_zoho_mass_delete -c '{"leads": ["111111000000222222"], "deals": "111111000000333333"}'
"""

from __future__ import annotations

from datetime import datetime, timedelta

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow.decorators import task
    from airflow.models.dag import DAG

from zmd_airflow.sensor import ZohoMassDeleteJobsSensor, ZohoMassDeleteSensor

with DAG(
    "example_zoho_mass_delete",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    params={"leads": ["111111000000222222"], "deals": "111111000000333333"},
) as dag:

    @task
    def schedule_deletes(params: dict) -> list:
        # Here your task would schedule the deletes, POST .../actions/mass_delete, and return the job ids.
        return list(params["leads"])

    @task
    def pairs(job_ids: list) -> list:
        return [["Leads", job_id] for job_id in job_ids]

    @task
    def load() -> None:
        print("the records are deleted: load the new ones")

    job_ids = schedule_deletes()

    # A task for each job,
    each = ZohoMassDeleteSensor.partial(task_id="each", module="Leads", timeout=4 * 3600, deferrable=True).expand(
        job_id=job_ids
    )

    # one task for all of them,
    together = ZohoMassDeleteJobsSensor(task_id="together", jobs=pairs(job_ids), timeout=4 * 3600, deferrable=True)

    # and one that no worker starts.
    one = ZohoMassDeleteSensor(
        task_id="one",
        module="Deals",
        job_id="{{ params.deals }}",
        timeout=4 * 3600,
        deferrable=True,
        start_from_trigger=True,
    )

    [each, together, one] >> load()
