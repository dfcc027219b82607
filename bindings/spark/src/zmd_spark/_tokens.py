"""Access tokens: made by the driver, and asked for by the executors.

The driver listens; an executor sends a line and gets one. Both are encrypted and authenticated with a key that the
executors have from the task itself, so they are as safe as the tasks are: turn on Spark's own encryption for those.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import zmd
from cryptography.fernet import Fernet, InvalidToken

_TIME_LIMIT_S = 60
# A grant that the accounts server has refused is not tried again at once by every executor.
_PAUSE_S = 30
_LONGEST_LINE = 65536


@dataclasses.dataclass(frozen=True)
class FromDriver:
    """Asks the driver: the ``access_token`` of an executor's client."""

    host: str
    port: int
    key: bytes = dataclasses.field(repr=False)

    def __call__(self, refused: str | None) -> str:
        fernet = Fernet(self.key)
        with socket.create_connection((self.host, self.port), _TIME_LIMIT_S) as connection:
            connection.sendall(fernet.encrypt(json.dumps(refused).encode()) + b"\n")
            line = connection.makefile("rb").readline(_LONGEST_LINE)
        answer = json.loads(fernet.decrypt(line.strip()))
        if "error" in answer:
            raise RuntimeError(answer["error"])
        token: str = answer["token"]
        return token


# For each set of credentials, where executors ask for its tokens.
_known: dict[str, FromDriver] = {}
_lock = threading.Lock()


def from_driver(settings: dict[str, Any], bind_address: str, host: str, port: int) -> FromDriver:
    """Starts to give the tokens that these settings make, unless it does already, for as long as the driver runs."""
    name = json.dumps([settings, bind_address, port], sort_keys=True, default=str)
    with _lock:
        if name not in _known:
            key = Fernet.generate_key()
            server = _Server((bind_address, port), _Handler)
            server.fernet = Fernet(key)
            server.source = TokenSource(settings)
            threading.Thread(target=server.serve_forever, name="zmd tokens", daemon=True).start()
            _known[name] = FromDriver(host, server.server_address[1], key)
        return dataclasses.replace(_known[name], host=host)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    fernet: Fernet
    source: TokenSource


class _Handler(socketserver.StreamRequestHandler):
    timeout = _TIME_LIMIT_S
    server: _Server

    def handle(self) -> None:
        # Whoever has not got the key gets no answer.
        with contextlib.suppress(InvalidToken, OSError):
            refused = json.loads(self.server.fernet.decrypt(self.rfile.readline(_LONGEST_LINE).strip()))
            try:
                answer = {"token": self.server.source.get(refused)}
            except Exception as error:
                answer = {"error": str(error)}
            self.wfile.write(self.server.fernet.encrypt(json.dumps(answer).encode()) + b"\n")


class TokenSource:
    """The access tokens of a client's credentials.

    The library makes them, renews them a minute before their end, keeps them in ``token_cache`` and goes through the
    proxy for them; but it sends them to the API alone. So the API that it is given here is this object, on loopback,
    which refuses a token that was refused elsewhere.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._lock = threading.Lock()
        self._job_id = secrets.token_hex(16)
        self._refused: str | None = None
        self._token: str | None = None
        self._failure: tuple[float, Exception] | None = None
        source = self

        class Api(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._api = HTTPServer(("127.0.0.1", 0), Api)
        threading.Thread(target=self._api.serve_forever, name="zmd token source", daemon=True).start()
        self._client = zmd.Client(**{**settings, "api_domain": f"http://127.0.0.1:{self._api.server_address[1]}"})

    def get(self, refused: str | None) -> str:
        """A token, and not this one. Raises what the library does."""
        with self._lock:
            if self._failure is not None and time.monotonic() < self._failure[0]:
                raise self._failure[1]
            self._refused = refused
            try:
                self._client.status("Leads", self._job_id)
            except zmd.JobNotFoundError:
                self._failure = None
                assert self._token is not None
                return self._token
            except zmd.Error as error:
                self._failure = time.monotonic() + _PAUSE_S, error
                raise
            raise RuntimeError("another API has answered")

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        token = (request.headers.get("Authorization") or "").removeprefix("Zoho-oauthtoken ")
        # Only the client knows the job.
        if token and secrets.compare_digest(request.path.rpartition("job_id=")[2], self._job_id):
            self._token = token
        is_refused = token == self._refused
        body = (
            b'{"code":"INVALID_TOKEN","details":{},"message":"refused elsewhere","status":"error"}'
            if is_refused
            else b""
        )
        request.send_response(401 if is_refused else 404)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
