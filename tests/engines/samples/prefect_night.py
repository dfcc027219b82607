"""Prefect: a flow whose tasks wait for the jobs of an account in one process."""

import asyncio

import zmd
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE


# doc: a flow
def may_be_retried(task, run, state) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, asyncio.CancelledError) or getattr(error, "is_transient", False)


@task(
    retries=2,
    retry_delay_seconds=60,
    retry_condition_fn=may_be_retried,
    cache_policy=NO_CACHE,
    task_run_name="{module} {job_id}",
)
async def records_are_deleted(client: zmd.AsyncClient, module: str, job_id: str) -> int | None:
    logger = get_run_logger()

    def show(progress: zmd.Progress) -> None:
        logger.info("%s", progress.status or progress.error)

    status = await client.wait(module, job_id, timeout=4 * 3600, progress=show, check=True)
    return status.deleted_count


@flow
async def night(jobs: list[tuple[str, str]]) -> list[int | None]:
    async with zmd.AsyncClient.from_env() as client:
        return await asyncio.gather(*(records_are_deleted(client, *job) for job in jobs))


# doc: end
