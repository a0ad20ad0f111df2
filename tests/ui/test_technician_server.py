"""The message desk on the kiosk process itself: on loopback TCP, not on the Unix socket, and no hindrance to a stop."""

import http.client
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from tests.support.waiting import LONG_SECONDS, wait_until
from tests.ui.technician_desk import PretendBridge
from tests.ui.test_server import Process
from wire.client import Client
from wire.errors import RemoteError


@pytest.fixture
def kiosk(run_dir: Path) -> Iterator[Process]:
    process = Process(run_dir, "[technician]\nenabled = true\n")
    wait_until(process.answers, 20, "the kiosk process")
    yield process
    process.stop()


@pytest.fixture
def bridge(kiosk: Process) -> Iterator[PretendBridge]:
    pretend = PretendBridge(Path(load(kiosk.settings).paths.run) / "bridge.sock")
    pretend.start()
    yield pretend
    pretend.stop()


def get(kiosk: Process, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", kiosk.port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_is_there_on_loopback_and_not_on_the_socket_or_behind_a_proxy(kiosk: Process, bridge: PretendBridge) -> None:
    assert get(kiosk, "/technician") == 200
    assert get(kiosk, "/technician", **{"X-Forwarded-For": "127.0.0.1"}) == 403
    assert get(kiosk, "/technician", Host="192.168.1.7") == 403
    with pytest.raises(RemoteError) as refused:
        Client(Path(load(kiosk.settings).paths.run) / "kiosk.sock").get("/technician", Any)
    assert refused.value.code == "touchscreen.forbidden_caller"


def test_it_is_off_unless_a_site_switches_it_on() -> None:
    assert load().technician.enabled is False


def test_the_bridge_is_looked_at_without_any_page_so_that_the_picture_has_no_gap(
    kiosk: Process, bridge: PretendBridge
) -> None:
    wait_until(lambda: bridge.looks >= 1, 30, "a look")


def test_open_streams_of_the_message_desk_do_not_delay_its_stop_and_leave_the_others_theirs(
    kiosk: Process, bridge: PretendBridge
) -> None:
    connections = [http.client.HTTPConnection("127.0.0.1", kiosk.port, timeout=LONG_SECONDS) for _ in range(13)]
    streams = []
    for number, connection in enumerate(connections):
        connection.request("GET", "/technician/events" if number else "/touchscreen/events")
        streams.append(connection.getresponse())
    assert [stream.status for stream in streams] == [200] * 13
    assert get(kiosk, "/technician") == get(kiosk, "/") == 200
    kiosk.process.send_signal(signal.SIGTERM)
    for stream in streams:
        stream.read()  # ends properly: a worker killed once its patience is over would leave it incomplete
    assert kiosk.process.wait(LONG_SECONDS) == 0
    for connection in connections:
        connection.close()
