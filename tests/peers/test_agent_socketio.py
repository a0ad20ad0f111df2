"""The HN212 feed against the socket.io clients that hospital programs are built with, protocols 3 and 4."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from hisbridge.outbox import State
from tests.hisbridge.agents import Running, running
from tests.hisbridge.making import eventually, patient, record

ROOT = Path(__file__).parents[2]
CLIENTS = ("socket.io-client", "socket.io-client-2")


@contextmanager
def client(
    package: str, port: int, transports: str, events: int
) -> Iterator["tuple[subprocess.Popen[str], Queue[dict[str, Any]]]"]:
    command = ["node", "tests/peers/socketio_reads.cjs", package, f"http://127.0.0.1:{port}", transports, str(events)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    heard: Queue[dict[str, Any]] = Queue()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            heard.put(json.loads(line))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        assert heard.get(timeout=20) == {"connected": True}
        yield process, heard
    finally:
        process.kill()
        process.communicate()
        listener.join(5)


def events(heard: "Queue[dict[str, Any]]", count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        told = heard.get(timeout=20)
        if "id" in told:
            found.append(told)
    return found


def taken(agent: Running, visit: str) -> bool:
    return agent.told(visit).state is State.ACKNOWLEDGED


@pytest.mark.parametrize("package", CLIENTS)
@pytest.mark.parametrize("transports", ["polling", "websocket", "polling,websocket"])
def test_a_real_client_hears_the_card_and_the_delivery_is_acknowledged(
    package: str, transports: str, tmp_path: Path
) -> None:
    with (
        running(tmp_path, feed="hn212", offer="at_once", origins=()) as agent,
        client(package, agent.port, transports, 4) as (_, heard),
    ):
        if transports == "polling,websocket":
            assert heard.get(timeout=10) == {"transport": "websocket"}
        agent.put(record("v1"))
        first = events(heard, 2)
        assert first[0] == {"id": 1, "message": "new card!"}
        assert first[1]["id"] == 2
        data = first[1]["data"]
        assert (data["idCode"], data["personName"]) == ("001303900017", "Nguyễn Thị Hoài Thử")
        assert (data["dateOfBirth"], data["gender"], data["issueDate"]) == ("14/02/2003", "Nữ", "20/05/2021")
        assert len(data) == 16
        eventually(lambda: taken(agent, "v1"))
        agent.put(record("v2", patient=patient(personal_id="000000000002", full_name="Trần 𝒳 Thử")))
        assert events(heard, 2)[1]["data"]["personName"] == "Trần 𝒳 Thử"
        eventually(lambda: taken(agent, "v2"))
        assert agent.told("v2").receipt == "taken hn212"


@pytest.mark.parametrize("package", CLIENTS)
def test_a_client_that_dies_before_it_read_leaves_the_record_waiting_for_the_next(package: str, tmp_path: Path) -> None:
    with running(tmp_path, feed="hn212", offer="at_once", origins=()) as agent:
        with client(package, agent.port, "websocket", 9) as (process, _):
            process.kill()
            process.wait(10)
        agent.put(record("v1"))
        with client(package, agent.port, "websocket", 2) as (_, heard):
            assert events(heard, 2)[1]["data"]["idCode"] == "001303900017"
            eventually(lambda: taken(agent, "v1"))


@pytest.mark.parametrize("package", CLIENTS)
def test_one_of_two_open_windows_gets_the_record(package: str, tmp_path: Path) -> None:
    with (
        running(tmp_path, feed="hn212", offer="at_once", origins=()) as agent,
        client(package, agent.port, "websocket", 9) as (_, first),
        client(package, agent.port, "websocket", 9) as (_, last),
    ):
        agent.put(record("v1"))
        assert [told["id"] for told in events(last, 2)] == [1, 2]
        eventually(lambda: taken(agent, "v1"))
        assert [told for told in list(first.queue) if "id" in told] == []
