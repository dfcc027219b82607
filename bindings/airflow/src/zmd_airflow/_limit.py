"""Until when a task may wait, over its retries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context


def deadline_of(context: Context, timeout: float) -> float:
    """The end of the time limit, in seconds since 1970: counted from the first try, as far as Airflow can tell.

    Someone who clears a task begins anew, so the first try is the first since then.
    """
    ti: Any = context["ti"]
    first_try = ti.max_tries - (ti.task.retries or 0) + 1
    store: Any = context.get("task_state_store")
    if store is not None:
        # Airflow 3.3 and later.
        key = f"zmd_began_{first_try}"
        began = store.get(key)
        if began is None:
            began = time.time()
            store.set(key, began)
        return began + timeout
    if ti.try_number <= first_try:
        return time.time() + timeout
    try:
        # Airflow 2: tasks may read its database.
        from airflow.models.taskinstancehistory import TaskInstanceHistory as Tries
        from airflow.utils.session import create_session

        with create_session() as session:
            began = (
                session.query(Tries.start_date)
                .filter_by(dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index)
                .filter(Tries.try_number >= first_try, Tries.start_date.isnot(None))
                .order_by(Tries.try_number)
                .first()
            )
    except Exception:
        began = None
    return time.time() + timeout if began is None else began[0].timestamp() + timeout
