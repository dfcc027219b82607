"""A Spark DataFrame of Zoho CRM mass-delete jobs gets columns with their status."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyspark.sql.functions import udtf
from pyspark.sql.types import StructType

from . import _settings, _source, _tokens, _worker
from ._columns import COLUMNS, check

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__version__ = "0.1.0"
__all__ = ["register", "status", "wait"]


def status(
    jobs: DataFrame,
    *,
    connection: str | None = None,
    profile: str | None = None,
    config_file: str | None = None,
    token_port: int = 0,
    **settings: Any,
) -> DataFrame:
    """Queries how far each job is.

    :param jobs: has the columns ``module`` and ``job_id``, which is text or an integer; others are kept
    :param connection: settings in a string, ``"data_center=eu;refresh_token=..."``; a ``profile`` too
    :param profile: the profile of the driver's configuration file; ``ZMD_PROFILE`` or ``default`` unless set
    :param config_file: that file, instead of the usual one
    :param token_port: the driver's port for requests of access tokens by the executors; 0: any
    :param settings: those of :class:`zmd.Client`, credentials among them. ``max_concurrency`` is the limit for the
        whole cluster, 5 unless set. Paths must be there on the driver and on the executors, but for ``token_cache``,
        which is the driver's.

    What is given here counts more than the connection string, that more than the driver's environment (``ZMD_``
    variables), and that more than the profile.

    The result has the columns of ``jobs`` and, of each job, ``state``, ``total_count``, ``deleted_count`` and
    ``failed_count``, ``is_successful``: whether the records are deleted, and where that is not known ``error``, such as
    ``JobNotFoundError``, with a ``message``. An error of one job does not disturb the others.

    As every DataFrame it is lazy, and queries again whenever it is computed: ``cache()`` it, or write it, to use it
    twice.

    ``refresh_token``, ``client_id`` and ``client_secret``, or ``org_id``, stay with the driver, which makes the access
    tokens and gives them to the executors; those ask it when they begin and when a token is refused. A fixed
    ``access_token`` is sent to the executors as it is. A function as ``access_token`` runs in them, for example to read
    from a vault: it must be one that Spark can pickle.

    Raises ``ValueError`` for a bad setting, such as :class:`zmd.ConfigError`, and ``TypeError`` for a bad column.
    """
    check(jobs.schema)
    return _with_columns(jobs, _task(jobs.sparkSession, connection, profile, config_file, token_port, settings))


def wait(
    jobs: DataFrame,
    *,
    timeout: float | datetime.timedelta | None = None,
    connection: str | None = None,
    profile: str | None = None,
    config_file: str | None = None,
    token_port: int = 0,
    **settings: Any,
) -> DataFrame:
    """Waits until each job has ended. The rest is as for :func:`status`.

    :param timeout: the limit in seconds, or a ``timedelta``, counted by each partition from its beginning; None: there
        is none. A job that has not ended by then has the error ``Timeout``, and its last status.

    The executors' cores are taken while it waits. Where that is hours, ask for the :func:`status` every few minutes
    instead, or read a stream: see :func:`register`.
    """
    check(jobs.schema)
    task = _task(jobs.sparkSession, connection, profile, config_file, token_port, settings)
    seconds = timeout.total_seconds() if isinstance(timeout, datetime.timedelta) else timeout
    return _with_columns(jobs, dataclasses.replace(task, is_wait=True, timeout=seconds))


def register(
    spark: SparkSession,
    *,
    name: str = "zmd",
    connection: str | None = None,
    profile: str | None = None,
    config_file: str | None = None,
    token_port: int = 0,
    **settings: Any,
) -> None:
    """Gives a session the data source ``zmd`` and the table function ``zmd_status``, for one account.

    :param name: another name than ``zmd``, for another account; the function is called so, and ``_status``

    The other parameters are those of :func:`status`.

    ``spark.read.format("zmd")`` takes as options either ``jobs``, such as ``"Leads:1001,Leads:1002"``, or a path of
    files with the columns ``module`` and ``job_id`` (``load(path)``; ``fileFormat``: ``parquet``, ``csv`` or ``json``),
    and ``wait`` (``true``) and ``timeout`` (seconds). ``spark.readStream.format("zmd")`` has a row for each job when
    that has ended; with the trigger ``availableNow`` the query ends when all have (Spark 4.2 and later).

    ``SELECT * FROM zmd_status(TABLE(jobs))`` adds the columns to a table; with ``wait => true, timeout => 3600`` it
    waits.
    """
    task = _task(spark, connection, profile, config_file, token_port, settings)
    # Classes that are made here are pickled whole, with the settings.
    source = type("Source", (_source.Source,), {"task": task, "name": classmethod(lambda _: name)})
    spark.dataSource.register(source)
    function = type("Function", (_source.Function,), {"task": task})
    spark.udtf.register(f"{name}_status", udtf(function))


def _task(
    spark: SparkSession,
    connection: str | None,
    profile: str | None,
    config_file: str | None,
    token_port: int,
    given: dict[str, Any],
) -> _worker.Task:
    unknown = sorted(given.keys() - _settings.NAMES)
    if unknown:
        raise TypeError(f"{unknown[0]!r} is no setting of zmd.Client")
    # Bad settings are to be an error here, and not in the tasks.
    settings = _settings.read(given, connection, profile, config_file)
    max_concurrency = settings.pop("max_concurrency", 5)
    if settings.get("access_token") is None:
        kept = {key: value for key, value in settings.items() if key not in _settings.CREDENTIALS}
        # As Spark has it for what executors ask of the driver.
        host = spark.conf.get("spark.driver.host", None) or "127.0.0.1"
        bind_address = spark.conf.get("spark.driver.bindAddress", None) or host
        settings = {**kept, "access_token": _tokens.from_driver(settings, bind_address, host, token_port)}
    return _worker.Task(settings=settings, shares=_shares(spark, max_concurrency), is_wait=False, timeout=None)


def _with_columns(jobs: DataFrame, task: _worker.Task) -> DataFrame:
    schema = StructType(jobs.schema.fields + COLUMNS)
    return jobs.repartition(len(task.shares)).mapInArrow(_function(task), schema)


def _function(task: _worker.Task) -> Callable[..., Any]:
    def zmd_status(batches: Any) -> Any:
        return _worker.run(task, batches)

    return zmd_status


def _shares(session: SparkSession, max_concurrency: int) -> list[int]:
    """For each partition, how many calls it may have in flight: all of them together, ``max_concurrency``.

    So the limit holds wherever the partitions run, and however many of them run at once.
    """
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
