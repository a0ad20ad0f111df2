"""HL7 receivers that this project did not write, given what the bridge sends.

python-hl7 (its MLLP server and parser) and hl7apy (its MLLP server).
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7.mllp import start_hl7_server
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

from config.destinations import Hl7v2Destination
from config.settings import database_path
from hisbridge import outbox
from hisbridge.connectors.contract import Known, Outcome, Sending
from hisbridge.connectors.hl7v2 import Hl7v2Connector
from hisbridge.identity import idempotency_key
from hisbridge.outbox import State
from hisbridge.records import PatientRecord
from hisbridge.service import running
from tests.hisbridge.making import (
    MOMENT,
    database,
    destination,
    eventually,
    listed,
    patient,
    record,
    settings,
)
from wire.database import open_database, transaction

pytestmark = pytest.mark.peer

Converse = Callable[[Any, Any], Awaitable[None]]


@contextmanager
def python_hl7_server(accept: Callable[[hl7.Message], str]) -> Iterator[tuple[int, list[hl7.Message]]]:
    """python-hl7's own MLLP server in its own event loop; `accept` gives the acknowledgement code."""
    got: list[hl7.Message] = []
    ready = threading.Event()
    box: dict[str, Any] = {}

    async def converse(reader: Any, writer: Any) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while not writer.is_closing():
                    message = await reader.readmessage()
                    got.append(message)
                    writer.writemessage(message.create_ack(accept(message)))
                    await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def serve() -> None:
        box["loop"], box["stop"] = asyncio.get_running_loop(), asyncio.Event()
        # Its stream's limit is 64 kB by default; a message of ours may be longer.
        async with await start_hl7_server(converse, "127.0.0.1", 0, encoding="utf-8", limit=1 << 20) as server:
            box["port"] = server.sockets[0].getsockname()[1]
            ready.set()
            await box["stop"].wait()
        for _ in range(3):
            await asyncio.sleep(0)  # who connected just now comes as far as closing what they were given
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield box["port"], got
    finally:
        box["loop"].call_soon_threadsafe(box["stop"].set)
        thread.join(10)


def component(message: hl7.Message, segment: str, field: int, number: int, repetition: int = 1) -> str:
    """The unescaped component, by python-hl7's own reading."""
    return str(message.unescape(message.extract_field(segment, 1, field, repetition, number)))


def test_python_hl7_gives_back_the_person_from_its_own_server(tmp_path: Path) -> None:
    database(tmp_path)
    with python_hl7_server(lambda _: "AA") as (port, got):
        made = settings(tmp_path, destination(port))
        names = {"v1": "Nguyễn Thị Hoài Thử", "v2": "Đặng Thị Trễ & Con | Mẫu", "v3": "H'Mẫu Niê Kđăm"}
        with closing(open_database(database_path(made))) as connection:
            for number, (visit, name) in enumerate(names.items()):
                one = record(visit, patient=patient(full_name=name, personal_id=f"00130390000{number}"))
                with transaction(connection):
                    outbox.enqueue(connection, one, ("his",), MOMENT)
            with running(made):
                eventually(lambda: len(listed(connection, State.ACKNOWLEDGED)) == 3)
    assert len(got) == 3
    for number, (message, (visit, name)) in enumerate(zip(got, names.items(), strict=True)):
        family, given, middle = (component(message, "PID", 5, place) for place in (1, 2, 3))
        assert f"{family} {middle} {given}" == name
        assert str(message.segment("PID")(7)) == "20030214"
        assert str(message.segment("PID")(8)) == "F"
        assert component(message, "PID", 3, 1) == f"00130390000{number}"
        assert component(message, "PID", 3, 4) == "VNID"
        assert component(message, "PID", 3, 5) == "NI"
        assert component(message, "PID", 3, 1, repetition=2) == "GD4000000000017"
        assert component(message, "PID", 3, 4, repetition=2) == "BHXHVN"
        assert component(message, "PID", 13, 12) == "0912345678"
        assert str(message.segment("IN1")(36)) == "GD4000000000017"
        assert component(message, "PV1", 19, 1) == visit
        assert str(message.segment("MSH")(10)) == idempotency_key("his", visit)


@pytest.mark.parametrize(
    ("code", "outcome"), [("AA", Outcome.ACKNOWLEDGED), ("AE", Outcome.REJECTED), ("AR", Outcome.TRY_LATER)]
)
def test_python_hl7s_answers_are_understood(code: str, outcome: Outcome) -> None:
    with python_hl7_server(lambda _: code) as (port, _):
        assert send_to(destination(port)).outcome is outcome


def test_python_hl7_takes_a_very_long_message() -> None:
    long_one = record(patient=patient(residence="Ấp Mẫu " * 20_000))
    with python_hl7_server(lambda _: "AA") as (port, got):
        assert send_to(destination(port), long_one).outcome is Outcome.ACKNOWLEDGED
        assert component(got[0], "PID", 11, 1) == ("Ấp Mẫu " * 20_000).strip()


def send_to(his: Hl7v2Destination, one: PatientRecord | None = None) -> Any:
    connector = Hl7v2Connector(his)
    try:
        made = one or record()
        return connector.send(
            connector.render(made, Known()), Sending(idempotency_key(his.name, made.visit.visit_id), 1)
        )
    finally:
        connector.close()


class _Register(AbstractHandler):  # type: ignore[misc]
    """hl7apy's way of receiving: one handler per message, its answer goes back."""

    def __init__(self, message: str, got: list[Any]) -> None:
        super().__init__(message)
        self._got = got

    def reply(self) -> str:
        parsed = parse_message(self.incoming_message, validation_level=VALIDATION_LEVEL.STRICT)
        self._got.append(parsed)
        key = parsed.msh.msh_10.value
        text = f"MSH|^~\\&|PEER||TIEPDON||20261121074500||ACK^A04^ACK|1|P|2.5\rMSA|AA|{key}\r"
        return f"\x0b{text}\x1c\r"


@pytest.mark.parametrize("connection", ["persistent", "per_message"])
def test_hl7apys_server_which_hangs_up_after_each_answer_gets_every_record(tmp_path: Path, connection: str) -> None:
    got: list[Any] = []
    database(tmp_path)
    server = MLLPServer("127.0.0.1", 0, {"ADT^A04^ADT_A01": (_Register, got)})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        made = settings(tmp_path, destination(server.server_address[1], connection=connection))
        with closing(open_database(database_path(made))) as db:
            for number in range(5):
                one = record(f"v{number}", patient=patient(personal_id=f"00130390001{number}"))
                with transaction(db):
                    outbox.enqueue(db, one, ("his",), MOMENT)
            with running(made):
                eventually(lambda: len(listed(db, State.ACKNOWLEDGED)) == 5)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    assert {message.pid.pid_3[0].cx_1.value for message in got} == {f"00130390001{number}" for number in range(5)}
    assert {message.pid.pid_5.xpn_1.value for message in got} == {"Nguyễn"}
