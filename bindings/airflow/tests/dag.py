"""The DAGs of the test: deferred sensors, and one of each other kind."""

import os
from datetime import datetime, timedelta

try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow.decorators import task
    from airflow.models.dag import DAG

from zmd_airflow.sensor import ZohoMassDeleteJobsSensor, ZohoMassDeleteSensor

START = datetime(2026, 1, 1)

with DAG("night", schedule=None, start_date=START, params={"module": "Sales_Orders"}):

    @task
    def schedule() -> list:
        return [str(number) for number in range(int(os.environ["ZMD_TEST_JOBS"]))]

    @task
    def schedule_one() -> int:
        return 4711

    @task
    def schedule_two() -> list:
        return [["Leads", "0"], {"module": "Sales_Orders", "job_id": 4711}]

    # That they are deferred is what [operators] default_deferrable says.
    ZohoMassDeleteSensor.partial(task_id="deleted", module="Leads", timeout=1800).expand(job_id=schedule())
    ZohoMassDeleteSensor(
        task_id="templated",
        module="{{ params.module }}",
        job_id="{{ ti.xcom_pull('schedule_one') }}",
        zoho_crm_conn_id="{{ 'zoho_crm_default' }}",
        start_from_trigger=True,  # which is not to be had with this template
    ).set_upstream(schedule_one())
    # No worker starts these, where Airflow can.
    ZohoMassDeleteSensor(task_id="from_trigger", start_from_trigger=True, module="{{ params.module }}", job_id="4711")
    ZohoMassDeleteSensor(task_id="from_trigger_late", start_from_trigger=True, module="Leads", job_id="late", timeout=1)
    ZohoMassDeleteJobsSensor(task_id="several", jobs=schedule_two())
    # These wait with the others, and must not be retried when they end.
    ZohoMassDeleteJobsSensor(task_id="several_left", jobs=[("Leads", "left"), ("Leads", "done")], retries=3)
    ZohoMassDeleteJobsSensor(task_id="several_unknown", jobs=[("Leads", "unknown"), ("Leads", "0")], retries=3)
    ZohoMassDeleteSensor(task_id="failed", module="Leads", job_id="failed", retries=3)
    ZohoMassDeleteSensor(task_id="left", module="Leads", job_id="left", retries=3)
    ZohoMassDeleteSensor(task_id="soft", module="Leads", job_id="failed", soft_fail=True)
    ZohoMassDeleteSensor(task_id="late", module="Leads", job_id="late", timeout=40, retries=3)
    ZohoMassDeleteSensor(task_id="no_connection", module="Leads", job_id="1", zoho_crm_conn_id="none_such")
    ZohoMassDeleteSensor(task_id="no_job", module="Leads", job_id="{{ ti.xcom_pull('nothing') }}")
    poking = {"module": "Leads", "deferrable": False, "poke_interval": 1, "retries": 3}
    ZohoMassDeleteSensor(task_id="poked", job_id="0", **poking)
    ZohoMassDeleteSensor(task_id="poked_left", job_id="left_at_once", **poking)
    ZohoMassDeleteSensor(task_id="poked_unknown", job_id="unknown", **poking)
    # The second try comes when the time limit of the first is over, which a busy machine needs to start it.
    again = {"module": "Leads", "job_id": "done", "timeout": 20, "retries": 1, "retry_delay": timedelta(seconds=21)}
    ZohoMassDeleteSensor(task_id="again", zoho_crm_conn_id="zoho_crm_refused", **again)
    ZohoMassDeleteSensor(task_id="again_anew", zoho_crm_conn_id="zoho_crm_refused", retries_reset_timeout=True, **again)

# A scheduler that is very late counts a try as failed.
again = {"retries": 3, "retry_delay": timedelta(seconds=1)}
with DAG("connections", schedule="@daily", start_date=START, catchup=False, default_args=again):
    for where in ["default", "environment", "secrets"]:
        ZohoMassDeleteSensor(
            task_id=where, module="Leads", job_id="done", zoho_crm_conn_id=f"zoho_crm_{where}", timeout=600
        )
