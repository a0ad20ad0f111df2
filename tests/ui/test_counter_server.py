"""The counter on the kiosk process itself: on loopback TCP, not on the Unix socket, and no hindrance to a stop."""

import http.client
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from tests.support.waiting import LONG_SECONDS, wait_until
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
    connections = [http.client.HTTPConnection("127.0.0.1", kiosk.port, timeout=LONG_SECONDS) for _ in range(13)]
    streams = []
    for number, connection in enumerate(connections):
        connection.request("GET", "/counter/events" if number else "/touchscreen/events")
        streams.append(connection.getresponse())
    assert [stream.status for stream in streams] == [200] * 13
    assert get(kiosk, "/counter") == get(kiosk, "/") == 200
    os.kill(kiosk.process.pid, signal.SIGTERM)
    for stream in streams:
        stream.read()  # ends properly: a worker killed once its patience is over would leave it incomplete
    assert kiosk.process.wait(LONG_SECONDS) == 0
    for connection in connections:
        connection.close()
