#!/usr/bin/env python3
"""What a call costs in Python: zmd beside requests and bare ctypes, for the same query on a connection that is kept.

    benches/python.py [ROUNDS]

It needs zmd and requests in this Python, nginx and openssl. nginx answers on this machine, over TLS, always with the
same text; what is measured is what the clients do. The times are the median of the rounds, each the mean of CALLS calls
in a row; the clients take turns in each round, so that other load on the machine meets all of them.
"""

import asyncio
import ctypes
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import requests

import zmd
from zmd._library import RawStatus, library

CALLS = 300
TOKEN = "1000.0123456789abcdef0123456789abcdef"
DELETED = 12345
ANSWER = '{"data":[{"Status":"RUNNING","Failed_Count":3,"Deleted_Count":12345,"Total_Count":50000}]}'

CONFIGURATION = """
daemon off; pid {directory}/pid; error_log {directory}/error; worker_processes 1;
events {{}}
http {{
    access_log off; keepalive_requests 10000000; keepalive_timeout 1h;
    client_body_temp_path {directory}/t; proxy_temp_path {directory}/t; fastcgi_temp_path {directory}/t;
    uwsgi_temp_path {directory}/t; scgi_temp_path {directory}/t;
    server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {directory}/cert.pem; ssl_certificate_key {directory}/key.pem;
        location / {{ default_type application/json; return 200 '{answer}'; }}
    }}
}}
"""


def start_nginx(directory):
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split()
        + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory / "key.pem", "-out", directory / "cert.pem"],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = directory / "nginx.conf"
    file.write_text(CONFIGURATION.format(directory=directory, port=port, answer=ANSWER))
    path = os.environ["PATH"] + ":/usr/sbin"
    server = subprocess.Popen(["nginx", "-c", file], env={**os.environ, "PATH": path}, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return server, f"https://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.02)
    raise SystemExit("nginx does not listen")


def with_requests(url, ca_file):
    session = requests.Session()
    session.headers["Authorization"] = f"Zoho-oauthtoken {TOKEN}"
    address = f"{url}/crm/v7/Leads/actions/mass_delete"

    def call():
        answer = session.get(address, params={"job_id": "1001"}, verify=str(ca_file), timeout=30)
        answer.raise_for_status()
        return answer.json()["data"][0]["Deleted_Count"]

    return call


def with_ctypes(client):
    """A thread's call of the library with nothing around it."""
    raw, pointer = RawStatus(), client._root.pointer

    def call():
        assert library.zmd_client_status_within(pointer, b"Leads", b"1001", -1, ctypes.byref(raw)) == 0
        return raw.deleted_count

    return call


def here(call):
    assert call() == DELETED
    begin = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - begin) / CALLS * 1e6


def in_thread(call):
    results = []
    thread = threading.Thread(target=lambda: results.append(here(call)))
    thread.start()
    thread.join()
    return results[0]


def in_asyncio(call):
    async def main():
        assert await call() == DELETED
        begin = time.perf_counter()
        for _ in range(CALLS):
            await call()
        return (time.perf_counter() - begin) / CALLS * 1e6

    return asyncio.run(main())


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        server, url = start_nginx(directory)
        try:
            ca_file = directory / "cert.pem"
            client = zmd.Client(TOKEN, api_domain=url, ca_file=ca_file)
            async_client = zmd.AsyncClient(TOKEN, api_domain=url, ca_file=ca_file)

            def ask():
                return client.status("Leads", "1001").deleted_count

            async def ask_in_asyncio():
                return (await async_client.status("Leads", "1001")).deleted_count

            calls = {
                "requests": (here, with_requests(url, ca_file)),
                "ctypes alone": (here, with_ctypes(client)),
                "`zmd.Client`, main thread": (here, ask),
                "`zmd.Client`, another thread": (in_thread, ask),
                "`zmd.AsyncClient`": (in_asyncio, ask_in_asyncio),
            }
            times = {name: [] for name in calls}
            for _ in range(rounds):
                for name, (measure, call) in calls.items():
                    times[name].append(measure(call))
        finally:
            server.terminate()
            server.wait()
    print(f"Python {sys.version.split()[0]}, requests {requests.__version__}, {rounds} rounds of {CALLS} calls\n")
    print("| | microseconds a call | of requests |\n| --- | --: | --: |")
    of = statistics.median(times["requests"])
    for name, each in times.items():
        print(f"| {name} | {statistics.median(each):.0f} | {statistics.median(each) / of:.2f} |")


if __name__ == "__main__":
    main()
