"""A night of a real Airflow: database, API server (or none in Airflow 2), scheduler and triggerer, each a process.

ZMD_TEST_HOME        an empty directory: AIRFLOW_HOME
ZMD_TEST_JOBS        how many sensors wait
ZMD_TEST_CONNECTION  the Airflow connection, as JSON
ZMD_TEST_PORT        a free port

Prints a line when something has happened, and waits for one on stdin before it goes on. The last line is JSON.
"""

import collections
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from zmd_airflow import example_dags

HOME = Path(os.environ.pop("ZMD_TEST_HOME"))
JOBS = int(os.environ["ZMD_TEST_JOBS"])
PORT = os.environ.pop("ZMD_TEST_PORT")
CONNECTION = json.loads(os.environ.pop("ZMD_TEST_CONNECTION"))
DATABASE = HOME / "airflow.db"
TIME_LIMIT_S = 420
# Of the backfill.
DAYS = ["2026-01-10", "2026-01-11"]
IN_BACKFILL = 3 * len(DAYS)
IS_2 = metadata.version("apache-airflow").startswith("2.")
EXAMPLES = Path(example_dags.__path__[0])
SECRETS = HOME / "secrets.json"

ENVIRONMENT = {
    **os.environ,
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(HOME / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__PARALLELISM": "6",
    # A writer waits for another one.
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{DATABASE}?timeout=60",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"sqlite+aiosqlite:///{DATABASE}?timeout=60",
    "AIRFLOW__CORE__FERNET_KEY": "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{PORT}/execution/",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__API__PORT": PORT,
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-of-this-test-alone-which-is-long-enough-for-sha-512-as-well",
    "AIRFLOW__API__SECRET_KEY": "another-one",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
    "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
    # A triggerer that was killed counts as dead after this, and another one takes its triggers.
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True",
    # Connections: one in the database, one in the environment, and one in a secrets backend.
    "AIRFLOW_CONN_ZOHO_CRM_ENVIRONMENT": json.dumps(CONNECTION),
    "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
    "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(SECRETS)}),
    "AIRFLOW__WORKERS__SECRETS_BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
    "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS": json.dumps({"connections_file_path": str(SECRETS)}),
}
if IS_2:
    # There SQLite is for one process at a time, says Airflow; for so few tasks it will do.
    ENVIRONMENT["_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK"] = "1"
    ENVIRONMENT["AIRFLOW__CORE__PARALLELISM"] = "3"


def airflow(*arguments: str, level: str = "DEBUG") -> None:
    environment = {**ENVIRONMENT, "AIRFLOW__LOGGING__LOGGING_LEVEL": level}
    with open(HOME / "cli.log", "ab") as log:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments], cwd=HOME, env=environment, stdout=log, stderr=log
        )
    if done.returncode:
        give_up(f"airflow {' '.join(arguments)}: {done.returncode}")


def give_up(why: str) -> NoReturn:
    """Ends the test, with the ends of the logs, of tasks that have failed too; what matters most comes last."""
    logs = []
    with contextlib.suppress(sqlite3.OperationalError):
        # In the DAG "night" tasks are to fail.
        failed = "(state = 'failed' and dag_id != 'night') or state = 'up_for_retry'"
        for dag, run, task in query(f"select dag_id, run_id, task_id from task_instance where {failed}"):
            logs += HOME.glob(f"logs/dag_id={dag}/run_id={run}/task_id={task}/**/*.log")
        why = f"{states()}\n{why}"
    for log in sorted(logs):
        print(f"== {log.relative_to(HOME)}", *lines_of(log)[-20:], sep="\n", file=sys.stderr)
    for log in sorted(HOME.glob("*.log")):
        lines = lines_of(log)
        errors = [line for line in lines if re.search(r" ERROR |\berror\b|is locked", line)]
        print(f"== {log.name}", *lines[-20:], "-- its errors:", *errors[-5:], sep="\n", file=sys.stderr)
    sys.exit(why)


def lines_of(log: Path) -> list:
    text = log.read_text(errors="replace")
    for secret in [CONNECTION["password"], *re.findall(r"1000\.[\w.-]+", text)]:
        text = text.replace(secret, "***")
    return [line[:300] for line in text.splitlines() if " DEBUG - " not in line and '"level":"debug"' not in line]


def start(name: str, *arguments: str, **variables: str) -> subprocess.Popen:
    with open(HOME / f"{name}.log", "ab") as log:
        program = [sys.executable, "-m", "airflow", name, *arguments]
        environment = {**ENVIRONMENT, **variables}
        return subprocess.Popen(program, env=environment, stdout=log, stderr=log, start_new_session=True)


def end(process: subprocess.Popen) -> None:
    """With all of its children, at once; those that have made a process group of their own are of its session."""
    while children := [pid for pid, session in sessions() if session == process.pid]:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()


def sessions() -> Iterator[tuple]:
    """Each process that is not over, with its session."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, _group, session, *_ = stat.read_text().rpartition(")")[2].split()
            if state not in "ZX":
                yield int(stat.parent.name), int(session)


def query(text: str) -> list:
    # It only reads, but must be able to roll back what a process was writing when it was killed.
    with contextlib.closing(sqlite3.connect(f"file:{DATABASE}?mode=rw", uri=True, timeout=60)) as database:
        return database.execute(text).fetchall()


def wait_until(what: str, is_so, limit: float = TIME_LIMIT_S) -> None:
    until = time.monotonic() + limit
    while not is_so():
        if time.monotonic() > until:
            give_up(f"not within {limit} s: {what}")
        time.sleep(0.5)


def states() -> list:
    return query("select dag_id, task_id, state, count(*) from task_instance group by dag_id, task_id, state")


def say(text: str) -> None:
    print(text, flush=True)
    sys.stdin.readline()


def listens() -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(PORT)), 1):
        return True
    return False


def deferred(where: str) -> int:
    ((count,),) = query(f"select count(*) from task_instance where state = 'deferred' and {where}")
    return count


def backfill_in_airflow_2() -> None:
    """There it is a process that runs the tasks itself, but for what the triggerer does.

    It takes tasks that have succeeded for failed unless each of its rounds, which are a second apart, has a heartbeat:
    otherwise it may keep the state "queued" of a task that it has resumed, and not read the one in the database. The
    same happens if a trigger ends before the executor's report of the deferral is read.
    """
    days = ["--start-date", DAYS[0], "--end-date", DAYS[1]]
    backfill = start("dags", "backfill", "connections", *days, AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC="1")
    log = HOME / "dags.log"
    read = re.compile(r"Executor state: success task <TaskInstance: connections\..*\[deferred\]>")
    try:
        wait_until(
            "the backfill has read that all of its sensors are deferred",
            lambda: len(read.findall(log.read_text())) == IN_BACKFILL or backfill.poll() is not None,
        )
        say("backfill")
        wait_until("the backfill ends", lambda: backfill.poll() is not None)
    finally:
        end(backfill)
    if backfill.returncode:
        give_up(f"airflow dags backfill: {backfill.returncode}")


def runs_that_ended(dag: str) -> list:
    return [state for (state,) in query(f"select state from dag_run where dag_id = '{dag}'") if state in ENDED]


ENDED = {"success", "failed"}
# Until the stand-in ends their jobs.
WAITING = (
    "deleted",
    "templated",
    "from_trigger",
    "several",
    "several_left",
    "several_unknown",
    "failed",
    "left",
    "soft",
)


def attempts(task: str, map_index: int) -> int:
    """How often a worker has run a task. A busy scheduler may count a try that no worker has run."""
    index = [f"map_index={map_index}"] if map_index >= 0 else []
    logs = HOME.joinpath("logs").glob("/".join(["dag_id=night", "*", f"task_id={task}", *index, "attempt=*.log"]))
    return sum(re.fullmatch(r"attempt=\d+\.log", log.name) is not None for log in logs)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    (HOME / "dags").mkdir()
    (HOME / "dags/night.py").write_text(Path(__file__).with_name("dag.py").read_text())
    example = "example_zoho_mass_delete"
    (HOME / f"dags/{example}.py").write_text(EXAMPLES.joinpath(f"{example}.py").read_text())
    airflow("db", "migrate")
    # From a file: a command with its arguments gets into Airflow's audit log.
    connections = HOME / "connections.json"
    refused = {**CONNECTION, "extra": {**CONNECTION["extra"], "refresh_token": "1000.refused"}}
    connections.write_text(json.dumps({"zoho_crm_default": CONNECTION, "zoho_crm_refused": refused}))
    airflow("connections", "import", "connections.json")
    connections.unlink()
    SECRETS.write_text(json.dumps({"zoho_crm_secrets": CONNECTION}))
    # Before there is a scheduler: in one process. At level DEBUG, Airflow 3 itself prints there which secrets it masks.
    airflow("dags", "test", "connections", "2026-01-05", level="INFO")
    airflow("dags", "test", example, "-c", '{"leads": ["0", "1"], "deals": "2"}', level="INFO")
    test_runs = query("select dag_id, state from dag_run order by dag_id")
    links = query("select cast(value as text) from xcom where key = 'zoho_crm_module' and task_id = 'one'")
    say("begin")
    if not IS_2:
        # For the scheduler. Beside its writing, SQLite would refuse this command's.
        airflow("dags", "unpause", "connections")
        airflow("backfill", "create", "--dag-id", "connections", "--from-date", DAYS[0], "--to-date", DAYS[1])
    processes = []
    try:
        for name in ["scheduler"] if IS_2 else ["api-server", "dag-processor", "scheduler"]:
            processes.append(start(name))
        triggerer = start("triggerer")
        processes.append(triggerer)
        if not IS_2:
            wait_until("the API server listens", listens)
        wait_until("the DAG is there", lambda: query("select 1 from dag where dag_id = 'night'"))
        airflow("dags", "unpause", "night")
        airflow("dags", "trigger", "night")
        begin = time.monotonic()
        # These wait; the others have ended or poke.
        count = JOBS + len(WAITING) - 1
        wait_until("all sensors are deferred", lambda: deferred(f"dag_id = 'night' and task_id in {WAITING}") == count)
        if not IS_2:
            wait_until("those of the backfill, too", lambda: deferred("run_id like 'backfill%'") == IN_BACKFILL)
        deferred_s = time.monotonic() - begin
        say("deferred")
        end(triggerer)
        say("killed")
        triggerer = start("triggerer")
        processes.append(triggerer)
        say("restarted")
        begin = time.monotonic()
        wait_until("the run ends", lambda: runs_that_ended("night"))
        ended_s = time.monotonic() - begin

        if IS_2:
            end(processes[0])
            say("ended")
            backfill_in_airflow_2()
        count = (
            "select count(*) from dag_run where dag_id = 'connections' and run_type = 'backfill' and state = 'success'"
        )
        wait_until("the backfill ends", lambda: query(count) == [(2,)])
        # The triggerer removes them a little later.
        wait_until("no trigger is left", lambda: not query("select 1 from trigger"))
    finally:
        for process in processes:
            end(process)

    rows = query("select task_id, map_index, state, try_number from task_instance where dag_id = 'night'")
    tasks = collections.Counter((task, state, attempts(task, index) or tries) for task, index, state, tries in rows)
    values = query(
        "select task_id, cast(value as text) from xcom where dag_id = 'night' and key = 'return_value'"
        " and task_id in ('templated', 'poked', 'several', 'from_trigger')"
    )
    triggers = query("select classpath, kwargs from trigger")
    print(
        json.dumps(
            {
                "tasks": [[*task, count] for task, count in tasks.items()],
                "xcom": dict(values),
                "triggers": triggers,
                "deferred_s": deferred_s,
                "ended_s": ended_s,
                "tested": dict(test_runs),
                "links": [link for (link,) in links],
            }
        )
    )


if __name__ == "__main__":
    main()
