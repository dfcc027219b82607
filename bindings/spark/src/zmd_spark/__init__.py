"""A Spark DataFrame of Zoho CRM mass-delete jobs gets columns with their status."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import zmd
from pyspark.sql.types import BooleanType, IntegerType, LongType, StringType, StructField, StructType

from . import _tokens, _worker

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__version__ = "0.1.0"
__all__ = ["status", "wait"]

COLUMNS = [
    StructField("state", StringType()),
    StructField("total_count", LongType()),
    StructField("deleted_count", LongType()),
    StructField("failed_count", LongType()),
    StructField("is_successful", BooleanType()),
    StructField("error", StringType()),
    StructField("message", StringType()),
]

# What stays with the driver.
_CREDENTIALS = frozenset({"refresh_token", "client_id", "client_secret", "org_id", "accounts_url", "token_cache"})
_SETTINGS = frozenset(inspect.signature(zmd.Client).parameters)


def status(jobs: DataFrame, *, max_concurrency: int = 5, token_port: int = 0, **settings: Any) -> DataFrame:
    """Queries how far each job is.

    :param jobs: has the columns ``module`` and ``job_id``, which is text or an integer; others are kept
    :param max_concurrency: how many calls may be in flight at once, in the whole cluster: your edition's limit
    :param token_port: the driver's port for requests of access tokens by the executors; 0: any
    :param settings: those of :class:`zmd.Client`, credentials among them. Paths must be there on the driver and on the
        executors, but for ``token_cache``, which is the driver's.

    The result has the columns of ``jobs`` and, of each job, ``state``, ``total_count``, ``deleted_count`` and
    ``failed_count``, ``is_successful``: whether the records are deleted, and where that is not known ``error``, such as
    ``JobNotFoundError``, with a ``message``. An error of one job does not disturb the others.

    As every DataFrame it is lazy, and queries again whenever it is computed: ``cache()`` it, or write it, to use it twice.

    ``refresh_token``, ``client_id`` and ``client_secret``, or ``org_id``, stay with the driver, which makes the access
    tokens and gives them to the executors; those ask it when they begin and when a token is refused. A fixed
    ``access_token`` is sent to the executors as it is. A function as ``access_token`` runs in them, for example to read
    from a vault: it must be one that Spark can pickle.

    Raises ``ValueError`` for a bad setting, such as :class:`zmd.ConfigError`, and ``TypeError`` for a bad column.
    """
    return _ask(jobs, None, False, max_concurrency, token_port, settings)


def wait(
    jobs: DataFrame,
    *,
    timeout: float | datetime.timedelta | None = None,
    max_concurrency: int = 5,
    token_port: int = 0,
    **settings: Any,
) -> DataFrame:
    """Waits until each job has ended. The rest is as for :func:`status`.

    :param timeout: the limit in seconds, or a ``timedelta``, counted by each partition from its beginning; None: there
        is none. A job that has not ended by then has the error ``Timeout``, and its last status.

    The executors' cores are taken while it waits. Where that is hours, ask for the :func:`status` every few minutes
    instead.
    """
    if isinstance(timeout, datetime.timedelta):
        timeout = timeout.total_seconds()
    return _ask(jobs, timeout, True, max_concurrency, token_port, settings)


def _ask(
    jobs: DataFrame,
    timeout: float | None,
    is_wait: bool,
    max_concurrency: int,
    token_port: int,
    settings: dict[str, Any],
) -> DataFrame:
    _check_columns(jobs.schema)
    unknown = sorted(settings.keys() - _SETTINGS)
    if unknown:
        raise TypeError(f"{unknown[0]!r} is no setting of zmd.Client")
    # Bad settings are to be an error here, and not in the tasks.
    zmd.Client(**settings, max_concurrency=max_concurrency).close()
    if settings.get("access_token") is None:
        kept = {key: value for key, value in settings.items() if key not in _CREDENTIALS}
        # As Spark has it for what executors ask of the driver.
        host = jobs.sparkSession.conf.get("spark.driver.host", None) or "127.0.0.1"
        bind_address = jobs.sparkSession.conf.get("spark.driver.bindAddress", None) or host
        settings = {**kept, "access_token": _tokens.from_driver(settings, bind_address, host, token_port)}

    shares = _shares(jobs, max_concurrency)
    task = _worker.Task(settings=settings, shares=shares, is_wait=is_wait, timeout=timeout)
    schema = StructType(jobs.schema.fields + COLUMNS)
    return jobs.repartition(len(shares)).mapInArrow(_function(task), schema)


def _function(task: _worker.Task) -> Callable[..., Any]:
    def zmd_status(batches: Any) -> Any:
        return _worker.run(task, batches)

    return zmd_status


def _check_columns(schema: StructType) -> None:
    types = {field.name: field.dataType for field in schema.fields}
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


def _shares(jobs: DataFrame, max_concurrency: int) -> list[int]:
    """For each partition, how many calls it may have in flight: all of them together, ``max_concurrency``.

    So the limit holds wherever the partitions run, and however many of them run at once.
    """
    session = jobs.sparkSession
    limit = max_concurrency
    if session.conf.get("spark.speculation", "false") == "true":
        # A slow task may run twice at the same time.
        limit //= 2
        if not limit:
            raise ValueError("with spark.speculation every task may run twice: max_concurrency must be 2 at least")
    try:
        slots = session.sparkContext.defaultParallelism
    except Exception:  # Spark Connect has no context
        slots = limit
    count = max(1, min(limit, slots))
    return [limit // count + (index < limit % count) for index in range(count)]
