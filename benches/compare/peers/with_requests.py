"""requests, with a session that keeps its connection."""

import bench  # noqa: I001  (the clock first)
import requests

session = requests.Session()
session.headers["Authorization"] = "Zoho-oauthtoken " + bench.TOKEN


def query():
    answer = session.get(bench.URL + bench.PATH, timeout=30)
    answer.raise_for_status()
    bench.check_json(answer.json())


bench.run(query)
session.close()
