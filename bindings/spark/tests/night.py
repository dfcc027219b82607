"""5,000 jobs, asked for by a real Spark.

ZMD_TEST_MASTER    local[4], local-cluster[2,1,1024], ...
ZMD_TEST_JOBS      how many jobs
ZMD_TEST_LIMIT     max_concurrency
ZMD_TEST_SETTINGS  the settings, as JSON
ZMD_TEST_TOKEN     an access token that is good

Prints JSON at the end.
"""

import json
import os
import sys
import time

import zmd
import zmd_spark
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

MASTER = os.environ.pop("ZMD_TEST_MASTER")
JOBS = int(os.environ.pop("ZMD_TEST_JOBS"))
LIMIT = int(os.environ.pop("ZMD_TEST_LIMIT"))
TOKEN = os.environ.pop("ZMD_TEST_TOKEN")
SETTINGS = json.loads(os.environ.pop("ZMD_TEST_SETTINGS"))

# The executors' Python: this one, with what is installed there.
os.environ["PYSPARK_PYTHON"] = sys.executable


def refused(call, error: type, words: str) -> None:
    try:
        call()
    except error as raised:
        assert words in str(raised), raised
    else:
        raise AssertionError(f"not refused: {words}")


spark = (
    SparkSession.builder.master(MASTER)
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.python.worker.reuse", "true")
    .config("spark.sql.execution.arrow.maxRecordsPerBatch", "200")
    .getOrCreate()
)

# Columns of its own, job ids as numbers, and rows that are wrong.
jobs = spark.range(JOBS).select(
    f.col("id").alias("job_id"), f.lit("Leads").alias("module"), f.concat(f.lit("org "), f.col("id") % 7).alias("org")
)
begin = time.monotonic()
statuses = zmd_spark.status(jobs, max_concurrency=LIMIT, **SETTINGS)
rows = statuses.collect()
seconds = time.monotonic() - begin
assert statuses.columns == ["job_id", "module", "org", *(field.name for field in zmd_spark.COLUMNS)], statuses.columns
assert sorted(row.job_id for row in rows) == list(range(JOBS))
for row in rows:
    assert row.org == f"org {row.job_id % 7}", row
    # The job that is that far has that id: no status got to another row.
    assert (row.state, row.total_count, row.error) == ("COMPLETED", row.job_id, None), row
    assert row.is_successful is (row.job_id % 10 != 3), row

# The same client in the same process.
again = zmd_spark.status(jobs.limit(LIMIT * 4), max_concurrency=LIMIT, **SETTINGS)
assert again.where("is_successful").count() > 0

bad = spark.createDataFrame(
    [("Leads", "unknown"), ("no module", "1"), (None, "1"), ("Leads", None), ("Leads", "10")],
    "module string, job_id string",
)
errors = {
    (row.module, row.job_id): row.error for row in zmd_spark.status(bad, max_concurrency=LIMIT, **SETTINGS).collect()
}
assert errors == {
    ("Leads", "unknown"): "JobNotFoundError",
    ("no module", "1"): "ArgumentError",
    (None, "1"): "ArgumentError",
    ("Leads", None): "ArgumentError",
    ("Leads", "10"): None,
}, errors

running = spark.createDataFrame(
    [("Leads", "running"), ("Leads", "10"), ("Leads", "unknown")], "module string, job_id string"
)
waited = zmd_spark.wait(running, timeout=1.5, max_concurrency=LIMIT, **SETTINGS).collect()
assert {(row.job_id, row.state, row.error) for row in waited} == {
    ("running", "RUNNING", "Timeout"),
    ("10", "COMPLETED", None),
    ("unknown", None, "JobNotFoundError"),
}, waited

# Tokens from elsewhere: a function that runs in the executors, and a fixed one.
api = {"max_concurrency": LIMIT, "api_domain": SETTINGS["api_domain"]}
for access_token in (lambda refused: TOKEN if refused else "1000.outdated", TOKEN):
    (row,) = (
        zmd_spark.status(jobs.where("job_id < 50"), access_token=access_token, **api).groupBy("error").count().collect()
    )
    assert (row["error"], row["count"]) == (None, 50), row

# Bad calls are refused by the driver, at once.
refused(lambda: zmd_spark.status(jobs, max_concurrency=LIMIT), zmd.ConfigError, "access_token")
refused(lambda: zmd_spark.status(jobs, max_concurrency=0, **SETTINGS), ValueError, "max_concurrency")
refused(lambda: zmd_spark.status(jobs, acess_token="x"), TypeError, "acess_token")
refused(lambda: zmd_spark.status(jobs.drop("module"), **SETTINGS), TypeError, "module")
refused(
    lambda: zmd_spark.status(jobs.withColumn("job_id", f.col("job_id").cast("double")), **SETTINGS), TypeError, "job_id"
)
refused(lambda: zmd_spark.status(jobs.withColumn("state", f.lit(1)), **SETTINGS), TypeError, "state")
# Refused credentials are an error of every job, for which the accounts server is asked once.
wrong = zmd_spark.status(jobs.limit(500), max_concurrency=LIMIT, **{**SETTINGS, "client_secret": "wrong"})
rows = wrong.collect()
messages = {row.message for row in rows}
assert {row.error for row in rows} == {"OAuthError"} and len(rows) == 500, rows
assert all("invalid_client_secret" in message for message in messages), messages

print(json.dumps({"seconds": seconds}), flush=True)
spark.stop()
