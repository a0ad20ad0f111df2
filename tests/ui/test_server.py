"""The kiosk process itself: gunicorn with the real controller, on TCP and on its Unix socket."""

import http.client
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import load
from tests.support.processes import alive, children
from tests.support.waiting import LONG_SECONDS, wait_until
from tiepdon.readiness import http_json
from wire.client import Client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    def __init__(self, folder: Path, more: str = "") -> None:
        self.port = free_port()
        self.settings = folder / "tiepdon.toml"
        self.log = folder / "kiosk.log"
        self.settings.write_text(
            f'[site]\nsynthetic = true\n[paths]\nstate = "{folder}/state"\nrun = "{folder}/run"\n'
            f'[kiosk]\nlisten = "127.0.0.1:{self.port}"\n{more}',
            "utf-8",
        )
        tiepdon = [sys.executable, "-m", "tiepdon.main"]
        subprocess.run(
            [*tiepdon, "database", "migrate", "--config", self.settings], check=True, stdout=subprocess.DEVNULL
        )
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*tiepdon, "kiosk", "--config", self.settings], stderr=log, stdout=log)

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text("utf-8")
        return bool(http_json("127.0.0.1", self.port, "/health"))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def kiosk(run_dir: Path) -> Iterator[Process]:
    process = Process(run_dir)
    wait_until(process.answers, 20, "the kiosk process")
    yield process
    process.stop()


def test_it_serves_the_pages_on_tcp_and_on_a_socket_of_its_own(kiosk: Process) -> None:
    path = Path(load(kiosk.settings).paths.run) / "kiosk.sock"
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    told = Client(path).get("/health", dict[str, object])
    assert (told["status"], told["showing"]) == ("ok", "start")


def test_open_streams_do_not_delay_its_stop(kiosk: Process) -> None:
    connections = [http.client.HTTPConnection("127.0.0.1", kiosk.port, timeout=LONG_SECONDS) for _ in range(3)]
    streams = []
    for connection in connections:
        connection.request("GET", "/touchscreen/events")
        stream = connection.getresponse()
        assert stream.readline() == b"event: screen\n"
        streams.append(stream)
    kiosk.process.send_signal(signal.SIGTERM)
    for stream in streams:
        stream.read()  # ends properly: a worker killed once its patience is over would leave it incomplete
    assert kiosk.process.wait(LONG_SECONDS) == 0
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_open_stream_keeps_no_worker_alive_whose_master_was_interrupted_or_killed(
    kiosk: Process, number: signal.Signals
) -> None:
    (worker,) = children(kiosk.process.pid)
    connection = http.client.HTTPConnection("127.0.0.1", kiosk.port, timeout=10)
    connection.request("GET", "/touchscreen/events")
    with connection.getresponse() as stream:
        assert stream.readline() == b"event: screen\n"
        kiosk.process.send_signal(number)
        wait_until(lambda: not alive(worker), 10, "the worker is gone")
    connection.close()
    assert "SIGKILL" not in kiosk.log.read_text("utf-8")  # it went by itself


def test_more_streams_than_threads_do_not_shut_others_out(kiosk: Process) -> None:
    connections = [http.client.HTTPConnection("127.0.0.1", kiosk.port, timeout=10) for _ in range(32)]
    for connection in connections:
        connection.request("GET", "/touchscreen/events")
        assert connection.getresponse().status == 200
    assert kiosk.answers()
    for connection in connections:
        connection.close()


def test_the_log_names_no_request(kiosk: Process) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", kiosk.port, timeout=5)
    for path in ("/?secret=001303900017", "/nowhere?secret=001303900017", "/touchscreen/act?secret=001303900017"):
        connection.request("GET", path)
        connection.getresponse().read()
        connection.close()
    assert "001303900017" not in kiosk.log.read_text("utf-8")


def test_a_worker_that_dies_is_replaced(kiosk: Process) -> None:
    def workers() -> list[int]:
        tasks = Path(f"/proc/{kiosk.process.pid}/task/{kiosk.process.pid}/children").read_text().split()
        return [int(task) for task in tasks]

    (worker,) = workers()
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: workers() and workers() != [worker] and kiosk.answers(), 20, "a new worker")
