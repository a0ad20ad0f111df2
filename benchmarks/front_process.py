"""Processes that serve pages, watched from outside: their answers' time, their CPU time and their memory.

CPU time and counts say on a busy machine what a clock on the wall cannot.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tiepdon.readiness import socket_answers

HOST = "127.0.0.1"
START_SECONDS = 60.0
SECONDS = 30.0
PAUSE_SECONDS = 0.005
FORM = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}


@dataclass(frozen=True)
class Answer:
    """One answer: its status, its body, milliseconds from connecting to its last byte."""

    status: int
    body: bytes
    milliseconds: float
    headers: http.client.HTTPMessage


@dataclass(frozen=True)
class Server:
    """A gunicorn of one worker: where it listens, how long it took from its start to its first answer (seconds of the
    clock and of CPU)."""

    pid: int
    port: int
    wall: float = 0.0
    cpu: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def ask(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """One request on a connection of its own, as the servers want it (`keepalive` 0)."""
        carried = {**self.headers, **headers, **(FORM if form is not None else {})}
        began = time.perf_counter()
        connection = http.client.HTTPConnection(HOST, self.port, timeout=SECONDS)
        try:
            body = urllib.parse.urlencode(form) if form is not None else None
            connection.request("GET" if form is None else "POST", path, body, carried)
            response = connection.getresponse()
            told = response.read()
        finally:
            connection.close()
        return Answer(response.status, told, (time.perf_counter() - began) * 1000, response.headers)

    def first_event(self, path: str) -> float:
        """Milliseconds from connecting to the whole first event of a stream, which is left then."""
        began = time.perf_counter()
        heard = b""
        with self.stream(path) as connection:
            while b"\n\n" not in heard.partition(b"\r\n\r\n")[2]:
                piece = connection.recv(65536)
                if not piece:
                    raise SystemExit(f"the stream {path} ended: {heard[:200]!r}")
                heard += piece
        return (time.perf_counter() - began) * 1000

    def stream(self, path: str) -> socket.socket:
        """A connection on which an event stream was asked for."""
        connection = socket.create_connection((HOST, self.port), SECONDS)
        carried = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n{carried}\r\n".encode())
        return connection

    def processes(self) -> list[int]:
        """Arbiter and worker."""
        told = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, told)]

    def cpu_seconds(self) -> float:
        """CPU time of all its threads so far, of those that ended too."""
        return sum(map(cpu_seconds, self.processes()))

    def megabytes(self) -> float:
        """PSS of arbiter and worker: pages that several processes share are shared out between them."""
        return sum(map(pss, self.processes()))

    def threads(self) -> int:
        """How many threads it has."""
        return sum(len(list(Path(f"/proc/{one}/task").iterdir())) for one in self.processes())


def cpu_seconds(pid: int) -> float:
    """CPU time of another process, finer than the ticks of proc(5)."""
    return time.clock_gettime((~pid << 3) | 2)  # CPUCLOCK_SCHED of the pid: linux/posix-timers.h


def pss(pid: int) -> float:
    """Megabytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def free_ports(count: int) -> list[int]:
    """So many TCP ports that nobody listens on."""
    held = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


@contextmanager
def served(command: list[str], port: int, unix: Path | None = None) -> Iterator[Server]:
    """A server, from its first answer on; ended by its own id. `unix`: where its health is asked."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:

        def answers() -> bool:
            return socket_answers(unix, "/health") if unix else _listens(port)

        wait_for(lambda: process.poll() is not None or answers(), f"{command} to be ready", START_SECONDS)
        if process.poll() is not None:
            raise SystemExit(f"{command} ended with {process.returncode}")
        wall = time.perf_counter() - began
        server = Server(process.pid, port, wall)
        yield Server(process.pid, port, wall, server.cpu_seconds())
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    try:
        return Server(0, port).ask("/health").status == 200
    except (OSError, http.client.HTTPException):
        return False


def wait_for(condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Until it holds; ends the benchmark when it does not."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"not within {seconds:g} s: {what}")
        time.sleep(PAUSE_SECONDS)


def load_note() -> tuple[str, ...]:
    """Where others work on this machine the clock on the wall tells of them too."""
    now = os.getloadavg()[0]
    cores = os.cpu_count() or 1
    if now <= 1.0:
        return ()
    return (f"load average {now:.1f} on {cores} cores: others worked meanwhile, so trust CPU, counts and the peer",)


@contextmanager
def peer(threads: int) -> Iterator[Server]:
    """The bare one (benchmarks/front_peer.py) on the same gunicorn set-up."""
    (port,) = free_ports(1)
    with served(["benchmarks.front_peer", str(port), str(threads)], port) as server:
        yield server


def told(answer: Answer) -> dict[str, object]:
    """Its JSON."""
    found: dict[str, object] = json.loads(answer.body)
    return found
