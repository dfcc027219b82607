"""The DAG of the test: 200 deferred sensors, and one of each other kind."""

import os

from airflow.sdk import DAG, task
from zmd_airflow.sensor import ZohoMassDeleteSensor

with DAG("night", schedule=None, params={"module": "Sales_Orders"}) as dag:

    @task
    def schedule() -> list:
        return [str(number) for number in range(int(os.environ["ZMD_TEST_JOBS"]))]

    @task
    def schedule_one() -> int:
        return 4711

    ZohoMassDeleteSensor.partial(task_id="deleted", module="Leads", timeout=1800).expand(job_id=schedule())
    ZohoMassDeleteSensor(
        task_id="templated",
        module="{{ params.module }}",
        job_id="{{ ti.xcom_pull('schedule_one') }}",
        zoho_crm_conn_id="{{ 'zoho_crm_default' }}",
    ).set_upstream(schedule_one())
    ZohoMassDeleteSensor(task_id="failed", module="Leads", job_id="failed", retries=3)
    ZohoMassDeleteSensor(task_id="left", module="Leads", job_id="left", retries=3)
    ZohoMassDeleteSensor(task_id="unknown", module="Leads", job_id="unknown")
    ZohoMassDeleteSensor(task_id="late", module="Leads", job_id="late", timeout=1)
    ZohoMassDeleteSensor(task_id="soft", module="Leads", job_id="failed", soft_fail=True)
    ZohoMassDeleteSensor(task_id="no_connection", module="Leads", job_id="1", zoho_crm_conn_id="none_such")
    ZohoMassDeleteSensor(task_id="no_job", module="Leads", job_id="{{ ti.xcom_pull('nothing') }}")
    ZohoMassDeleteSensor(task_id="poked", module="Leads", job_id="0", deferrable=False, poke_interval=1)
    ZohoMassDeleteSensor(task_id="poked_failed", module="Leads", job_id="failed", deferrable=False, retries=3)
