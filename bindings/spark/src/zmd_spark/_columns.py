"""The columns that the jobs have, and those that they get."""

from __future__ import annotations

from pyspark.sql.types import BooleanType, IntegerType, LongType, StringType, StructField, StructType

COLUMNS = [
    StructField("state", StringType()),
    StructField("total_count", LongType()),
    StructField("deleted_count", LongType()),
    StructField("failed_count", LongType()),
    StructField("is_successful", BooleanType()),
    StructField("error", StringType()),
    StructField("message", StringType()),
]


def check(jobs: StructType) -> None:
    """Raises ``TypeError`` for jobs that lack a column, or have one that they are to get."""
    types = {field.name: field.dataType for field in jobs.fields}
    for name in ("module", "job_id"):
        if name not in types:
            raise TypeError(f"jobs has no column {name}, but {', '.join(types)}")
    if not isinstance(types["module"], StringType):
        raise TypeError(f"the column module must be a string, not {types['module'].simpleString()}")
    # A double has lost a job id's last digits.
    if not isinstance(types["job_id"], (StringType, LongType, IntegerType)):
        raise TypeError(f"the column job_id must be a string or a bigint, not {types['job_id'].simpleString()}")
    taken = [field.name for field in COLUMNS if field.name in types]
    if taken:
        raise TypeError(f"jobs has a column {taken[0]} already: rename or drop it")
