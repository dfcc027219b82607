"""The package zmd of this project."""

import bench
import zmd

client = zmd.Client(access_token=bench.TOKEN, api_domain=bench.URL, max_concurrency=1000)


def query():
    status = client.status(bench.MODULE, bench.JOB)
    bench.check((status.state.name, status.total_count, status.deleted_count, status.failed_count))


bench.run(query)
client.close()
