"""5,000 jobs, asked for by a real Spark.

ZMD_TEST_MASTER    local[4], local-cluster[2,1,1024], ...
ZMD_TEST_JOBS      how many jobs
ZMD_TEST_LIMIT     max_concurrency
ZMD_TEST_SETTINGS  the settings, as JSON
ZMD_TEST_TOKEN     an access token that is good

Prints ``batch`` when a stream has its first rows, after which the jobs slow-0 to slow-3 are to end, and JSON at the end.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

import zmd
import zmd_spark
from pyspark.sql import DataFrameReader, SparkSession
from pyspark.sql import functions as f
from zmd_spark import _settings
from zmd_spark._columns import COLUMNS

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
    .config("spark.sql.parquet.compression.codec", "gzip")
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
assert statuses.columns == ["job_id", "module", "org", *(field.name for field in COLUMNS)], statuses.columns
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
# A limit of zero polls each once, however busy the machine is.
waited = zmd_spark.wait(running, timeout=0, max_concurrency=LIMIT, **SETTINGS).collect()
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

# Settings of the driver's environment, of a profile and of a connection string.
few = jobs.where("job_id < 50")


def good(count: int = 50, **how: str) -> None:
    (row,) = zmd_spark.status(few, **how).groupBy("error").count().collect()
    assert (row["error"], row["count"]) == (None, count), row


TEXTS = {key: str(value) for key, value in SETTINGS.items() if key != "poll_min"}
CREDENTIALS = {key: TEXTS.pop(key) for key in ("refresh_token", "client_id", "client_secret")}
good(connection=";".join(f"{key}={{{value}}}" for key, value in {**TEXTS, **CREDENTIALS, "poll_min_ms": 100}.items()))
refused(lambda: zmd_spark.status(few, connection="data_centre=eu"), zmd.ConfigError, "data_centre")
# The fixed token of the profile counts less than the credentials of the environment.
config = Path("profiles.toml")
config.write_text(
    "[default]\naccess_token = '1000.outdated'\npoll_min_ms = 100\nmax_concurrency = 3\n"
    f"[token]\naccess_token = '{TOKEN}'\napi_domain = '{TEXTS['api_domain']}'\n"
)
config.chmod(0o600)
good(profile="token", config_file=str(config))
refused(lambda: zmd_spark.status(few, profile="none", config_file=str(config)), zmd.ConfigError, "none")
os.environ.update({f"ZMD_{key.upper()}": value for key, value in {**TEXTS, **CREDENTIALS}.items()})
os.environ["ZMD_CONFIG_FILE"] = str(config)
good()
assert _settings.read({}, None, None, None)["max_concurrency"] == 3
config.unlink()
del os.environ["ZMD_CONFIG_FILE"]

# The data source: jobs as an option, or of files.
zmd_spark.register(spark, max_concurrency=LIMIT, poll_min=0.1)


def read() -> DataFrameReader:
    return spark.read.format("zmd")


rows = read().option("jobs", "Leads:10,Leads:13 Leads:unknown").load().collect()
assert {(row.module, row.job_id, row.state, row.is_successful, row.error) for row in rows} == {
    ("Leads", "10", "COMPLETED", True, None),
    ("Leads", "13", "COMPLETED", False, None),
    ("Leads", "unknown", None, None, "JobNotFoundError"),
}, rows
few.write.parquet("jobs.parquet")
assert read().load("jobs.parquet").where("is_successful is not null").count() == 50
spark.sql("CREATE TEMPORARY VIEW of_files USING zmd OPTIONS (path 'jobs.parquet')")
assert spark.sql("SELECT * FROM of_files WHERE is_successful is not null").count() == 50
waited = read().option("jobs", "Leads:running").option("wait", "true").option("timeout", "0").load().collect()
assert [(row.state, row.error) for row in waited] == [("RUNNING", "Timeout")], waited

# A table of the catalog, by its name: in Python, in SQL, and as the option of a stream or a read.
few.write.saveAsTable("deletes")
found = zmd_spark.status(spark.table("deletes"), max_concurrency=LIMIT, poll_min=0.1)  # as above: the same token
assert found.where("error is null").count() == 50
spark.sql("CREATE TABLE found AS SELECT * FROM zmd_status(TABLE(SELECT module, job_id FROM deletes WHERE job_id < 30))")
assert spark.table("found").where("error is null").count() == 30
some = ",".join(f"{row.module}:{row.job_id}" for row in spark.table("deletes").where("job_id < 20").collect())
assert read().option("jobs", some).load().where("error is null").count() == 20
refused(lambda: read().option("table", "deletes").load().collect(), Exception, "zmd_status(TABLE(name))")

# The table function keeps the table's columns.
few.createOrReplaceTempView("jobs")
rows = spark.sql("SELECT * FROM zmd_status(TABLE(jobs)) WHERE is_successful").collect()
assert {row.job_id for row in rows} == {id for id in range(50) if id % 10 != 3}, rows
assert all(row.org == f"org {row.job_id % 7}" and row.total_count == row.job_id for row in rows), rows
spark.sql("SELECT 'Leads' AS module, 'running' AS job_id").createOrReplaceTempView("waiting")
waited = spark.sql("SELECT * FROM zmd_status(TABLE(waiting), wait => true, timeout => 0)").collect()
assert [(row.state, row.error) for row in waited] == [("RUNNING", "Timeout")], waited

# A stream has a row for each job when that ends, and ends with the last one; it goes on where it was.
STREAMED = [("Leads", f"slow-{number}") for number in range(4)] + [("Leads", "10"), ("Leads", "unknown")]
spark.createDataFrame(STREAMED, "module string, job_id string").write.parquet("streamed.parquet")


def stream(checkpoint: str) -> None:
    source = spark.readStream.format("zmd").option("timeout", "900").load("streamed.parquet")
    query = source.writeStream.format("parquet").trigger(availableNow=True)
    query = query.option("checkpointLocation", checkpoint).option("path", "ended.parquet").start()
    if not batches:
        while not any(progress["numInputRows"] for progress in query.recentProgress):
            assert query.isActive, query.exception()
            time.sleep(0.2)
        print("batch", flush=True)
    assert query.awaitTermination(300), "the stream does not end"
    batches.append(query.recentProgress)


batches: list = []
stream("streamed.checkpoint")
stream("streamed.checkpoint")
ended = spark.read.parquet("ended.parquet").collect()
assert sorted((row.module, row.job_id) for row in ended) == sorted(STREAMED), ended
assert {row.job_id: row.state for row in ended if row.error is None} == {
    **{f"slow-{number}": "COMPLETED" for number in range(4)},
    "10": "COMPLETED",
}, ended
assert sum(progress["numInputRows"] > 0 for progress in batches[0]) > 1, "all at once"
assert not any(progress["numInputRows"] for progress in batches[1]), "again"

# The examples of the README, in one program, once; with the settings of above, and so the same token.
if MASTER.startswith("local["):
    os.environ["ZMD_POLL_MIN_MS"] = "100"
    few.write.parquet("deletes.parquet")
    readme = Path(__file__).parents[1].joinpath("README.md").read_text()
    names = {"spark": spark}
    for block in re.findall(r"```python\n(.*?)```", readme, re.S):
        exec(block, names)
    assert names["left"].count() == 5, names["left"].collect()
    assert names["query"].exception() is None and names["stream"].isStreaming
    assert spark.table("ended").where("is_successful is not null").count() == 50

print(json.dumps({"seconds": seconds}), flush=True)
spark.stop()
