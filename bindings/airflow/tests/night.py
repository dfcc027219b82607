"""A night of a real Airflow: database, API server, scheduler, DAG processor and triggerer, each a process.

ZMD_TEST_HOME        an empty directory: AIRFLOW_HOME
ZMD_TEST_JOBS        how many sensors wait
ZMD_TEST_CONNECTION  the Airflow connection, as JSON
ZMD_TEST_PORT        a free port

Prints a line when something has happened, and waits for one on stdin before it goes on. The last line is JSON.
"""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ.pop("ZMD_TEST_HOME"))
JOBS = int(os.environ["ZMD_TEST_JOBS"])
PORT = os.environ.pop("ZMD_TEST_PORT")
CONNECTION = os.environ.pop("ZMD_TEST_CONNECTION")
DATABASE = HOME / "airflow.db"
TIME_LIMIT_S = 420

ENVIRONMENT = {
    **os.environ,
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(HOME / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__PARALLELISM": "6",
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
}


def airflow(*arguments: str) -> None:
    with open(HOME / "cli.log", "ab") as log:
        subprocess.run(
            [sys.executable, "-m", "airflow", *arguments], env=ENVIRONMENT, stdout=log, stderr=log, check=True
        )


def start(name: str) -> subprocess.Popen:
    with open(HOME / f"{name}.log", "ab") as log:
        program = [sys.executable, "-m", "airflow", name]
        return subprocess.Popen(program, env=ENVIRONMENT, stdout=log, stderr=log, start_new_session=True)


def end(process: subprocess.Popen) -> None:
    """With all of its children, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def query(text: str) -> list:
    with contextlib.closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(text).fetchall()


def wait_until(what: str, is_so, limit: float = TIME_LIMIT_S) -> None:
    until = time.monotonic() + limit
    while not is_so():
        if time.monotonic() > until:
            sys.exit(f"not within {limit} s: {what}\n{states()}")
        time.sleep(0.5)


def states() -> dict:
    return dict(query("select state, count(*) from task_instance where dag_id = 'night' group by state"))


def say(text: str) -> None:
    print(text, flush=True)
    sys.stdin.readline()


def listens() -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(PORT)), 1):
        return True
    return False


def sensors_in(state: str) -> int:
    ((count,),) = query(
        f"select count(*) from task_instance where task_id in ('deleted', 'templated') and state = '{state}'"
    )
    return count


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    (HOME / "dags").mkdir()
    (HOME / "dags/night.py").write_text(Path(__file__).with_name("dag.py").read_text())
    airflow("db", "migrate")
    # From a file: a command with its arguments gets into Airflow's audit log.
    connections = HOME / "connections.json"
    connections.write_text(json.dumps({"zoho_crm_default": json.loads(CONNECTION)}))
    airflow("connections", "import", str(connections))
    connections.unlink()
    processes = []
    try:
        for name in ["api-server", "dag-processor", "scheduler"]:
            processes.append(start(name))
        triggerer = start("triggerer")
        processes.append(triggerer)
        wait_until("the API server listens", listens)
        wait_until("the DAG is there", lambda: query("select 1 from dag where dag_id = 'night'"))
        airflow("dags", "unpause", "night")
        airflow("dags", "trigger", "night")
        begin = time.monotonic()
        # Those that are mapped and the one with templates wait; the others have ended or poke.
        wait_until("all sensors are deferred", lambda: sensors_in("deferred") == JOBS + 1)
        deferred = time.monotonic() - begin
        say("deferred")
        end(triggerer)
        say("killed")
        triggerer = start("triggerer")
        processes.append(triggerer)
        say("restarted")
        begin = time.monotonic()
        wait_until("the run ends", lambda: query("select 1 from dag_run where state in ('success', 'failed')"))
        ended = time.monotonic() - begin
    finally:
        for process in processes:
            end(process)

    tasks = query("select task_id, state, try_number, count(*) from task_instance group by task_id, state, try_number")
    values = query("select task_id, value from xcom where task_id in ('templated', 'poked') and key = 'return_value'")
    triggers = query("select classpath, kwargs from trigger")
    print(
        json.dumps(
            {"tasks": tasks, "xcom": dict(values), "triggers": triggers, "deferred_s": deferred, "ended_s": ended}
        )
    )


if __name__ == "__main__":
    main()
