"""The samples of doc/dbt.md and doc/meltano.md, with the real dbt and Meltano. Its argument is an empty directory."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import zmd.testing

SAMPLES = Path(__file__).parent
work = Path(sys.argv[1])
binaries = str(Path(sys.executable).parent)


def run(directory: str, *command: str) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        **service.environment,
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "NIGHT_DATABASE": str(work / "night.duckdb"),
        "DBT_PROFILES_DIR": ".",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "MELTANO_DATABASE_URI": f"sqlite:///{work}/meltano.db",
        "HOME": str(work),
    }
    done = subprocess.run(
        command, cwd=work / directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    print(command, done.returncode, done.stdout[-3000:], flush=True)
    return done


with zmd.testing.Service() as service:
    service.add_job("Leads", 1001)
    service.add_job("Leads", 1002, failed=2)
    for name in ("dbt", "meltano"):
        shutil.copytree(SAMPLES / name, work / name)

    def jobs(*ids: int) -> None:
        for name in ("dbt", "meltano"):
            (work / name / "jobs.txt").write_text("".join(f"Leads {job_id}\n" for job_id in ids))

    jobs(1001, 1002)
    left = run("dbt", "sh", "night.sh")
    assert left.returncode == 1 and "Completed successfully" not in left.stdout
    stopped = run("meltano", "meltano", "run", "zmd:deleted", "zmd:deleted")
    assert stopped.returncode == 1 and stopped.stdout.count("7 of 9 deleted") == 1

    jobs(1001)
    built = run("dbt", "sh", "night.sh")
    assert built.returncode == 0 and "9 of 9 deleted" in built.stdout and "Completed successfully" in built.stdout
    went_on = run("meltano", "meltano", "run", "zmd:deleted", "zmd:deleted")
    assert went_on.returncode == 0 and went_on.stdout.count("9 of 9 deleted") == 2
print("ok")
