"""The counter on the kiosk process itself: on loopback TCP, not on the Unix socket, and no hindrance to a stop."""

import http.client
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from tests.support.waiting import wait_until
from tests.ui.test_server import Process
from wire.client import Client
from wire.errors import RemoteError


@pytest.fixture
def kiosk(run_dir: Path) -> Iterator[Process]:
    process = Process(run_dir, "[counter]\nenabled = true\n")
    wait_until(process.answers, 20, "the kiosk process")
    yield process
    process.stop()


def get(kiosk: Process, path: str, address: str = "127.0.0.1", **headers: str) -> int:
    connection = http.client.HTTPConnection(address, kiosk.port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_is_there_on_loopback_and_not_on_the_socket_or_behind_a_proxy(kiosk: Process) -> None:
    assert get(kiosk, "/counter") == 200
    assert get(kiosk, "/counter", **{"X-Forwarded-For": "127.0.0.1"}) == 403
    assert get(kiosk, "/counter", Host="192.168.1.7") == 403
    with pytest.raises(RemoteError) as refused:
        Client(Path(load(kiosk.settings).paths.run) / "kiosk.sock").get("/counter", Any)
    assert refused.value.code == "touchscreen.forbidden_caller"


def test_open_streams_of_the_counter_do_not_delay_its_stop_and_leave_the_touchscreen_its_own(kiosk: Process) -> None:
    connections = [http.client.HTTPConnection("127.0.0.1", kiosk.port, timeout=10) for _ in range(13)]
    for number, connection in enumerate(connections):
        connection.request("GET", "/counter/events" if number else "/touchscreen/events")
        assert connection.getresponse().status == 200
    assert get(kiosk, "/counter") == get(kiosk, "/") == 200
    begin = time.monotonic()
    os.kill(kiosk.process.pid, signal.SIGTERM)
    kiosk.process.wait(10)
    assert time.monotonic() - begin < 5
    assert kiosk.process.returncode == 0
    for connection in connections:
        connection.close()
