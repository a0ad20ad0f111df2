"""A courier on a real database with a receiver that a test scripts in a few words, and a clock that it moves."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hisbridge import outbox
from hisbridge.connectors.contract import Connector, Known, Outcome, Receipt, Sending
from hisbridge.delivery import Courier
from hisbridge.desk_records import Delivery, Depth
from hisbridge.outbox import State
from hisbridge.pacing import Backoff, Pace
from hisbridge.records import PatientRecord
from hisbridge.rendering_mark import RenderingMark
from hisbridge.standing import Condition
from tests.hisbridge.making import FakeClock, database, listed, patient, record
from wire import sqlite
from wire.database import open_database, transaction

FULL = Backoff(first_seconds=1.0, longest_seconds=300.0, draw=lambda: 1.0)
OK = Receipt(Outcome.ACKNOWLEDGED, "AA")
LATER = Receipt(Outcome.TRY_LATER, "500")

Answer = Callable[[str], Receipt]  # what is said to a visit; may raise


class Scripted:
    """A connector that renders a visit as its id and what is known of it, and asks `answer` what the receiver says."""

    content_type = "text/plain"
    stale_answers = 0

    def __init__(self, answer: Answer = lambda visit: OK) -> None:  # noqa: ARG005
        self.answer = answer
        self.known = Known()  # what the receiver tells of every person
        self.asked = 0
        self.sent: list[str] = []
        self.messages: list[bytes] = []
        self.sendings: list[Sending] = []

    def identify(self, made: PatientRecord) -> Known:  # noqa: ARG002
        self.asked += 1
        return self.known

    def render(self, made: PatientRecord, known: Known) -> bytes | None:
        return f"{made.visit.visit_id} {known}".encode()

    def send(self, message: bytes, sending: Sending) -> Receipt:
        self.sent.append(message.decode().partition(" ")[0])
        self.messages.append(message)
        self.sendings.append(sending)
        return self.answer(self.sent[-1])

    def probe(self) -> None:
        pass

    def close(self) -> None:
        pass


class Carrying:
    """A courier with its database and its clock."""

    def __init__(self, path: Path, connector: Connector, pace: Pace | None = None, name: str = "his") -> None:
        self.path = path
        self.name = name
        self.clock = FakeClock()
        self.db = open_database(path)
        self.opened: Callable[[], sqlite.Connection] = lambda: open_database(path)
        mark = RenderingMark(path.with_name(name))
        self.courier = Courier(name, "scripted", connector, lambda: self.opened(), FULL, self.clock, pace, mark)

    def owe(self, *visits: str, person: str | None = None) -> None:
        for number, visit in enumerate(visits):
            made = record(visit, patient=patient(personal_id=person or f"{number + 1:012}"))
            with transaction(self.db):
                outbox.enqueue(self.db, made, (self.name,), self.clock())

    def told(self, visit: str) -> Delivery:
        return next(one for one in listed(self.db, limit=1000) if one.record_id == visit)

    def state(self, visit: str) -> State:
        return self.told(visit).state

    def condition(self) -> Condition:
        return self.courier.health(Depth()).condition

    def drain(self, steps: int = 50) -> None:
        for _ in range(steps):
            if self.courier.step() is None:
                return


@contextmanager
def carrying(folder: Path, connector: Connector, pace: Pace | None = None) -> Iterator[Carrying]:
    made = Carrying(database(folder), connector, pace)
    try:
        yield made
    finally:
        made.courier.stop()
        made.courier.run(0.01)  # closes connection and connector
        made.db.close()


@contextmanager
def running(*carryings: Carrying, poll_seconds: float = 0.05) -> Iterator[None]:
    threads = [threading.Thread(target=c.courier.run, args=(poll_seconds,)) for c in carryings]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for c in carryings:
            c.courier.stop()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
