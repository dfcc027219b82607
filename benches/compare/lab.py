"""What the measurements have in common: the programs, a server with its certificates, and how a program is run."""

import atexit
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
RELEASE = TARGET / "release"
LAB = TARGET / "bench"
LIBRARY = RELEASE / "libzmd.so"

MODULE, JOB = "Leads", "111111000000222222"
TOKEN = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210"
BODY = '{"data":[{"Status":"COMPLETED","Failed_Count":0,"Deleted_Count":9,"Total_Count":9}]}'

# glibc is everywhere, so it is not counted.
GLIBC = re.compile(r"^(ld-linux.*|linux-vdso|lib(c|m|dl|pthread|rt|resolv))\.so")


def output_of(*command, **options) -> str:
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def scratch() -> Path:
    """A directory that is removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="zmd-bench-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


# Certificates, and the trust store.


class Certificates:
    """An authority, a server's certificate for localhost, and the system's trust store with that authority in it."""

    def __init__(self, *key: str):
        """The kind of key, as openssl takes it: RSA, which most servers have, unless said otherwise."""
        directory = scratch()
        self.chain, self.key, self.bundle = (directory / name for name in ("server.pem", "server.key", "bundle.pem"))
        ca, ca_key, request = directory / "ca.pem", directory / "ca.key", directory / "server.csr"
        extensions = directory / "extensions"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        key = ["-newkey", *(key or ["rsa:2048"]), "-nodes", "-batch"]
        quiet = {"stderr": subprocess.DEVNULL}
        output_of("openssl", "req", "-x509", *key, "-days", "7", "-subj", "/CN=benchmark CA", "-addext",
                  "basicConstraints=critical,CA:TRUE", "-keyout", ca_key, "-out", ca, **quiet)  # fmt: skip
        output_of("openssl", "req", *key, "-subj", "/CN=localhost", "-keyout", self.key, "-out", request, **quiet)
        output_of("openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days",
                  "7", "-extfile", extensions, "-out", self.chain, **quiet)  # fmt: skip
        self.bundle.write_bytes(system_bundle().read_bytes() + b"\n" + ca.read_bytes())


def system_bundle() -> Path:
    places = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
    found = next((path for path in map(Path, places) if path.is_file()), None)
    return found or sys.exit("this machine has no trust store: none of " + ", ".join(places))


# Servers.


class Server:
    """A server program, which ends with this one."""

    def __init__(self, command: List[str], port: int):
        self.url = f"https://localhost:{port}"
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL)
        atexit.register(self.stop)
        for _ in range(500):
            if self.process.poll() is not None:
                sys.exit(f"{command[0]} has ended")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        sys.exit(f"{command[0]} does not listen")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()

    def cpu(self) -> float:
        """The seconds of the processor that it took, with its children."""
        return sum(map(cpu_of, [self.process.pid, *children_of(self.process.pid)]))


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> List[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def nginx(certificates: Certificates) -> Server:
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        sys.exit("the comparison needs nginx, which is not installed (Debian: nginx-light)")
    directory = scratch()
    directory.chmod(0o755)
    port = free_port()
    listens = [f"127.0.0.1:{port}"]
    if socket.has_ipv6 and Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text():
        listens.append(f"[::1]:{port}")
    configuration = directory / "nginx.conf"
    configuration.write_text(f"""
        daemon off;
        worker_processes 2;
        pid {directory}/pid;
        error_log stderr crit;
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            keepalive_timeout 3600s;
            keepalive_requests 1000000000;
            client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
            server {{
                {" ".join(f"listen {address} ssl;" for address in listens)}
                ssl_certificate {certificates.chain};
                ssl_certificate_key {certificates.key};
                ssl_protocols TLSv1.3;
                default_type application/json;
                location / {{ return 200 '{BODY}'; }}
            }}
        }}
    """)
    return Server([program, "-e", "stderr", "-p", directory, "-c", configuration], port)


def delayed(certificates: Certificates, pause_ms: float) -> Server:
    """The server of the curves: see src/bin/delayed.rs."""
    port = free_port()
    pause = str(int(pause_ms * 1000))
    return Server([RELEASE / "delayed", str(port), certificates.chain, certificates.key, pause], port)


# Programs.


@dataclass
class Peer:
    name: str
    label: str
    command: List[str] = field(default_factory=list)
    environment: Dict[str, str] = field(default_factory=dict)
    size: Optional[Callable[[], int]] = None
    version: str = ""
    # Queries in a turn, how many of them warm up, and how many are made for a count of what one takes.
    turn: int = 60
    warm_up: int = 10
    counted: int = 100
    missing: str = ""


def environment(server: Server, certificates: Certificates) -> Dict[str, str]:
    """
    Of every program that asks. The trust store is read in the way in which the system has it: a file with everything
    and a directory with the same, one by one.
    """
    bundle = str(certificates.bundle)
    directory = system_bundle().parent
    home = scratch()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "BENCH_URL": server.url,
        "BENCH_MODULE": MODULE,
        "BENCH_JOB": JOB,
        "BENCH_TOKEN": TOKEN,
        "SSL_CERT_FILE": bundle,
        "SSL_CERT_DIR": str(directory),
        # requests has a trust store of its own, and no variable for a directory.
        "REQUESTS_CA_BUNDLE": bundle,
    }


def compile_program(name: str, *flags: str) -> Path:
    LAB.mkdir(parents=True, exist_ok=True)
    program = LAB / name
    compiler = os.environ.get("CC", "cc")
    output_of(compiler, "-std=gnu99", "-O2", "-Wall", "-Wextra", f"-I{ROOT}/include", HERE / f"peers/{name}.c", "-o",
              program, *flags, "-lpthread", stderr=subprocess.PIPE)  # fmt: skip
    return program


def compile_zmd() -> Path:
    # The name that an installation gives it.
    LAB.mkdir(parents=True, exist_ok=True)
    link = LAB / "libzmd.so.0"
    link.unlink(missing_ok=True)
    link.symlink_to(LIBRARY)
    return compile_program("zmd", str(LIBRARY), f"-Wl,-rpath,{LAB}")


def libraries_of(*files: Path) -> int:
    """The bytes of these and of the libraries that they take, glibc excepted."""
    found = {file.resolve() for file in files}
    for line in (line for file in files for line in output_of("ldd", file).splitlines()):
        name, _, rest = line.strip().partition(" => ")
        if rest and not GLIBC.match(name):
            found.add(Path(rest.rsplit(" (", 1)[0]).resolve())
    return sum(file.stat().st_size for file in found)


def linked(program: Path, *names: str) -> List[Path]:
    """The libraries of these names that a program takes."""
    lines = (line.strip().split(" => ") for line in output_of("ldd", program).splitlines() if " => " in line)
    return [Path(rest.rsplit(" (", 1)[0]) for name, rest in lines if name.startswith(names)]


# Run in the environment of the peers: a distribution's version, and the bytes of its files and of what it requires.
DISTRIBUTION = """
import importlib.metadata as metadata, json, re, sys
def closure(name, seen):
    key = re.sub("[-_.]+", "-", name).lower()
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return seen
    if key in seen: return seen
    seen[key] = distribution
    for requirement in distribution.requires or []:
        if "extra ==" not in requirement:
            closure(re.match("[A-Za-z0-9._-]+", requirement).group(), seen)
    return seen
found = closure(sys.argv[1], {})
files = [file.locate() for d in found.values() for file in d.files or [] if file.suffix != ".pyc"]
print(json.dumps([metadata.version(sys.argv[1]), sum(f.stat().st_size for f in files if f.is_file())]))
"""


def python() -> Path:
    """That of the virtual environment, if there is one."""
    program = LAB / "venv/bin/python"
    return program if program.exists() else Path(sys.executable)


def distribution(peer: Peer, name: str) -> Peer:
    found = subprocess.run([python(), "-c", DISTRIBUTION, name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if found.returncode != 0:
        peer.missing = f"the Python package {name} is not installed (make bench-peers)"
        return peer
    peer.version, size = json.loads(found.stdout)
    peer.size = lambda: size
    return peer


def peers() -> List[Peer]:
    """All of them, ready to run; those that cannot have a reason in `missing`."""
    script = lambda name: [str(python()), str(HERE / f"peers/{name}.py")]  # noqa: E731
    own = {"ZMD_LIBRARY": str(LIBRARY)}
    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE).group(1)

    floor = Peer("floor", "floor: rustls, one socket", [str(RELEASE / "floor")])
    floor.size = lambda: libraries_of(RELEASE / "floor")
    zmd = Peer("zmd", "libzmd", [str(compile_zmd())], version=version, size=lambda: libraries_of(LIBRARY))
    curl = Peer("curl", "libcurl with cJSON")
    try:
        program = compile_program("curl", "-lcurl", "-lcjson")
        curl.command = [str(program)]
        curl.size = lambda: libraries_of(*linked(program, "libcurl", "libcjson"))
        curl.version = linked(program, "libcurl")[0].resolve().name
    except subprocess.CalledProcessError:
        curl.missing = "the headers of libcurl or cJSON are not installed (Debian: libcurl4-openssl-dev, libcjson-dev)"
    bare = Peer("ctypes", "Python: libzmd by ctypes", script("bare_ctypes"), own, counted=40, version=version)
    bare.size = zmd.size
    package = distribution(Peer("package", "Python: package zmd", script("package"), own, counted=40), "zmd")
    requests = distribution(Peer("requests", "Python: requests", script("with_requests"), counted=20), "requests")
    httpx = distribution(Peer("httpx", "Python: httpx", script("with_httpx"), counted=20), "httpx")
    sdk = Peer("sdk", "Python: vendor's SDK", script("with_sdk"), counted=5, turn=6, warm_up=1)
    return [floor, zmd, curl, package, bare, requests, httpx, distribution(sdk, "zohocrmsdk8_0")]


# Figures.


def median(values):
    return statistics.median(values)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def machine() -> Dict[str, str]:
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    os_release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": model.group(1) if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "system": os_release.get("PRETTY_NAME", "").strip('"') + ", Linux " + platform.release(),
        "load": Path("/proc/loadavg").read_text().split()[0],
        "python": platform.python_version(),
    }


def table(head: List[str], rows: List[List[str]], align: str = "") -> str:
    """A table in Markdown that can be read as it is."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    rule = ["-" * (width - 1) + (":" if i else "-") for i, width in enumerate(widths)]
    lines = [
        "| " + " | ".join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths))) + " |"
        for row in [head, rule, *rows]
    ]
    return "\n".join(lines)


def save(name: str, results: dict, text: str):
    LAB.mkdir(parents=True, exist_ok=True)
    (LAB / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    (LAB / f"{name}.md").write_text(text + "\n")
    print(f"\nIn {LAB}: {name}.json, {name}.md", file=sys.stderr)
