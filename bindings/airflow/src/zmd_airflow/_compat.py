"""What Airflow 2.10 and 3 have under different names."""

from __future__ import annotations

try:
    from airflow.sdk import BaseHook, BaseOperatorLink, BaseSensorOperator, PokeReturnValue
    from airflow.sdk.execution_time.xcom import XCom
except ImportError:
    from airflow.hooks.base import BaseHook
    from airflow.models import XCom
    from airflow.models.baseoperatorlink import BaseOperatorLink
    from airflow.sensors.base import BaseSensorOperator, PokeReturnValue

try:
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowSensorTimeout,
        AirflowSkipException,
    )
except ImportError:
    from airflow.exceptions import AirflowException, AirflowFailException, AirflowSensorTimeout, AirflowSkipException

try:
    from airflow.sdk.configuration import conf
except ImportError:
    from airflow.configuration import conf

try:
    from airflow.triggers.base import StartTriggerArgs
except ImportError:
    from airflow.sdk import StartTriggerArgs

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "BaseHook",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "PokeReturnValue",
    "StartTriggerArgs",
    "XCom",
    "conf",
]
