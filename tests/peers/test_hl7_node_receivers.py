"""The three HL7 receivers of the Node world, each with failures of its own (bridge.md 1.4), fed by the real bridge.

simple-hl7 answers one frame per read; @medplum/hl7 needs FS and CR in one piece, and in enhanced mode answers twice;
node-hl7-server handles every earlier message of a connection again.
"""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.settings import database_path
from hisbridge import outbox
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.hl7v2 import Hl7v2Connector
from hisbridge.identity import idempotency_key
from hisbridge.outbox import State
from hisbridge.records import Event, PatientRecord
from hisbridge.service import running
from tests.hisbridge.hl7_golden import FULL, MESSAGES, told
from tests.hisbridge.making import MOMENT, database, destination, eventually, listed, patient, record, settings
from wire.database import open_database, transaction

pytestmark = pytest.mark.peer

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("hl7_receivers.cjs")
PEERS = {
    "simple-hl7": "original",
    "@medplum/hl7": "original",
    "@medplum/hl7 enhanced": "enhanced",
    "node-hl7-server": "original",
}


class Peer:
    """A running receiver; `got` is what its handler was given, by its own parser."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self._lines = process.stdout
        first = self._lines.readline()
        assert first, "the receiver did not start"
        self.port: int = json.loads(first)["port"]
        self.got: list[dict[str, Any]] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def keys(self) -> list[str]:
        return [one["key"] for one in self.got]

    def close(self) -> None:
        self._reading.join(10)

    def _read(self) -> None:
        for line in self._lines:
            self.got.append(json.loads(line))


@contextmanager
def receiver(name: str, code: str = "AA") -> Iterator[Peer]:
    command = [str(ROOT / ".venv/bin/node"), str(SCRIPT), name, code]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        peer = Peer(process)
        try:
            yield peer
        finally:
            # Not by a signal: node from PyPI is a wrapper, which would die and leave node behind.
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)
            peer.close()


def send(peer: Peer, name: str, *records: PatientRecord, **more: Any) -> tuple[list[Receipt], int]:
    """Receipts of these records, and how many answers were to something else."""
    connector = Hl7v2Connector(destination(peer.port, acknowledgement=PEERS[name], **more))
    try:
        receipts = []
        for one in records:
            message = connector.render(one, Known())
            assert message is not None
            key = idempotency_key("his", one.visit.visit_id, one.revision)
            receipts.append(connector.send(message, Sending(key, 1)))
        return receipts, connector.stale_answers
    finally:
        connector.close()


@pytest.mark.parametrize("connection", ["persistent", "per_message"])
@pytest.mark.parametrize("name", PEERS)
def test_each_receiver_gets_every_record_once_and_in_order(tmp_path: Path, name: str, connection: str) -> None:
    visits = [f"v{number}" for number in range(10)]
    names = {visit: f"Nguyễn Thị Thử {chr(65 + number)}" for number, visit in enumerate(visits)}
    database(tmp_path)
    with receiver(name) as peer:
        his = destination(peer.port, acknowledgement=PEERS[name], connection=connection)
        made = settings(tmp_path, his)
        with closing(open_database(database_path(made))) as db:
            for number, visit in enumerate(visits):
                one = record(visit, patient=patient(personal_id=f"00130390010{number}", full_name=names[visit]))
                with transaction(db):
                    outbox.enqueue(db, one, ("his",), MOMENT)
            with running(made):
                eventually(lambda: len(listed(db, State.ACKNOWLEDGED)) == len(visits))
            assert [one.attempts for one in listed(db)] == [1] * len(visits)
        expected = [(idempotency_key("his", visit), names[visit], "20030214", "A04") for visit in visits]
        eventually(lambda: len(set(peer.keys())) == len(visits))
        # Handled again by the receiver itself or not: by our name of it each arrived, for the first time in order.
        first = {one["key"]: (one["key"], one["name"], one["born"], one["event"]) for one in reversed(peer.got)}
        assert [first[key] for key in dict.fromkeys(peer.keys())] == expected


@pytest.mark.parametrize("code", ["AE", "AR"])
@pytest.mark.parametrize("name", PEERS)
def test_each_receivers_refusal_is_understood(name: str, code: str) -> None:
    with receiver(name, code) as peer:
        receipts, _ = send(peer, name, record())
    assert [one.outcome for one in receipts] == [Outcome.REJECTED if code == "AE" else Outcome.TRY_LATER]


@pytest.mark.parametrize("name", PEERS)
def test_each_receiver_takes_every_event(name: str) -> None:
    with receiver(name) as peer:
        receipts, _ = send(peer, name, *(told(FULL, event) for event in Event), connection="per_message")
        assert {one.outcome for one in receipts} == {Outcome.ACKNOWLEDGED}
        eventually(lambda: len(peer.got) == len(Event))
    assert [one["event"] for one in peer.got] == [MESSAGES["visit", event][0] for event in Event]


@pytest.mark.parametrize("name", PEERS)
def test_each_receiver_takes_a_very_long_message(name: str) -> None:
    long_one = record(patient=patient(residence="Ấp Mẫu " * 20_000))
    with receiver(name) as peer:
        receipts, _ = send(peer, name, long_one)
    assert receipts[0].outcome is Outcome.ACKNOWLEDGED


def test_answers_that_node_hl7_server_gives_once_more_are_counted_and_taken_for_nothing() -> None:
    with receiver("node-hl7-server") as peer:
        receipts, stale = send(peer, "node-hl7-server", *(record(f"v{number}") for number in range(15)))
        assert {one.outcome for one in receipts} == {Outcome.ACKNOWLEDGED}
        # It clears nothing between messages: n(n-1)/2 further answers, of which some may still be under way.
        assert stale > 15
    with receiver("node-hl7-server") as peer:
        records = [record(f"v{number}") for number in range(15)]
        receipts, stale = send(peer, "node-hl7-server", *records, connection="per_message")
        assert (len(receipts), stale) == (15, 0)
        assert len(peer.keys()) == len(set(peer.keys()))
