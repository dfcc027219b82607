"""A task that waits."""

import inspect
from typing import Any, Optional, Union

import zmd
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

# Whoever asks again gets the same, or has waited as long as was asked for.
_FINAL = (zmd.JobFailedError, zmd.JobNotFoundError, zmd.InvalidModuleError, zmd.ArgumentError, zmd.Timeout)


async def _is_retried(task: Any, task_run: Any, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    # In an event loop it is a coroutine.
    if inspect.isawaitable(error):
        error = await error
    return not isinstance(error, _FINAL)


# A client can be neither hashed nor pickled.
@task(
    retries=2,
    retry_delay_seconds=60,
    retry_condition_fn=_is_retried,
    cache_policy=NO_CACHE,
    task_run_name="{module} {job_id}",
)
async def wait_for_mass_delete(
    client: zmd.AsyncClient, module: str, job_id: Union[str, int], timeout: Optional[float] = None
) -> zmd.Status:
    """
    Waits until the records of a mass-delete job are deleted. All tasks of a flow can share a client, and its process.
    The run's log has a line for each change.

    Args:
        client: that of the account; `ZohoCRMCredentials.get_client()` makes one.
        module: the module's API name.
        job_id: the job.
        timeout: the limit in seconds.

    Returns:
        The last status.

    Raises:
        zmd.Error: retried, unless the job failed, left records or does not exist, or the time limit expired.
    """
    logger, last = get_run_logger(), ""

    def show(progress: zmd.Progress) -> None:
        nonlocal last
        line = str(progress.status or progress.error)
        if line != last:
            last = line
            logger.info(line)

    return await client.wait(module, job_id, timeout=timeout, progress=show, check=True)
