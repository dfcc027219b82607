"""httpx, with a client that keeps its connection."""

import bench  # noqa: I001  (the clock first)
import httpx

client = httpx.Client(headers={"Authorization": "Zoho-oauthtoken " + bench.TOKEN}, timeout=30)


def query():
    answer = client.get(bench.URL + bench.PATH)
    answer.raise_for_status()
    bench.check_json(answer.json())


bench.run(query)
client.close()
