"""What an executor of Spark holds while it waits for many jobs.

    scale_spark.py JOBS [SECONDS]

Two executors of one core each wait for JOBS jobs, which do not end; after SECONDS it prints what the processes of one hold.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

import zmd.testing
import zmd_spark
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

JOBS = int(sys.argv[1])
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
os.environ["PYSPARK_PYTHON"] = sys.executable


def processes(words: str) -> list[dict[str, int]]:
    """What those of this session hold whose command line has these words."""
    held = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            fields = dict(line.split(":", 1) for line in (path / "status").read_text().splitlines())
            if words in command and os.getsid(int(path.name)) == os.getsid(0):
                megabytes = round(int(fields["VmRSS"].split()[0]) / 1024)
                descriptors = len(list((path / "fd").iterdir()))
                held.append({"megabytes": megabytes, "threads": int(fields["Threads"]), "descriptors": descriptors})
        except (OSError, KeyError):
            pass  # it has ended
    return sorted(held, key=lambda process: process["megabytes"])


with zmd.testing.Service() as service:
    for job_id in range(JOBS):
        service.add_job("Leads", job_id, rate=0)
    spark = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    jobs = spark.range(JOBS).select(f.lit("Leads").alias("module"), f.col("id").alias("job_id"))
    settings = {**service.settings, "poll_min": 1, "poll_max": 60, "max_concurrency": 10}
    waited = zmd_spark.wait(jobs, timeout=SECONDS + 60, **settings)
    counts: list = []
    wait = threading.Thread(target=lambda: counts.extend(waited.groupBy("error").count().collect()))
    wait.start()
    # It has the last 10,000 requests.
    while len(service.requests) < min(JOBS, 10_000):
        time.sleep(1)
    time.sleep(SECONDS)
    # The one that forks the workers waits for none.
    workers = processes("pyspark.daemon")
    executors = processes("CoarseGrainedExecutorBackend")
    wait.join()
    assert [(row["error"], row["count"]) for row in counts] == [("Timeout", JOBS)], counts
    print(json.dumps({"jobs": JOBS, "python_workers": workers, "executors": executors}))
    spark.stop()
