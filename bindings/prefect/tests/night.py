import asyncio

from prefect import flow
from prefect_zmd import ZohoCRMCredentials, wait_for_mass_delete


@flow
async def night(jobs: list[tuple[str, str]]) -> int:
    credentials = await ZohoCRMCredentials.aload("night")
    async with credentials.get_client() as client:
        waits = [wait_for_mass_delete(client, module, job_id, timeout=4 * 3600) for module, job_id in jobs]
        statuses = await asyncio.gather(*waits)
    return sum(status.deleted_count or 0 for status in statuses)
