"""Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.

    ZMD_ACCESS_TOKEN=1000.xxxx.yyyy python example.py Leads 111111000000222222

Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
"""

import sys

import zmd


def show(progress):
    if progress.status is not None:
        print(progress.status, flush=True)
    elif progress.error.is_transient:
        print(progress.error, file=sys.stderr)  # the wait continues


def main(module, job_id, seconds=4 * 3600):
    try:
        with zmd.Client.from_env() as client:
            client.wait(module, job_id, timeout=float(seconds), progress=show, check=True)
    except zmd.JobFailedError:
        return 1
    except zmd.Error as error:
        print(f"ZMD_ERR_{error.code}: {error}", file=sys.stderr)
        return 2 if isinstance(error, zmd.Timeout) and error.last_status else 3
    return 0


if __name__ == "__main__":
    try:
        exit_status = main(*sys.argv[1:])
    except (TypeError, ValueError):
        print("usage: example.py MODULE JOB_ID [SECONDS]", file=sys.stderr)
        exit_status = 3
    sys.exit(exit_status)
