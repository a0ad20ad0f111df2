"""The courier against scripted receivers: every answer and every failure has its one effect on the outbox."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hisbridge.connectors import make
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.desk_records import Depth
from hisbridge.errors import DestinationUnreachable
from hisbridge.outbox import State
from hisbridge.pacing import Backoff
from hisbridge.records import PatientRecord
from hisbridge.standing import Condition
from tests.hisbridge.carrying import Carrying, carrying
from tests.hisbridge.making import destination, eventually
from tests.hisbridge.receiver import ack, control_id, framed, hang_up, mute, raw, receiving, say
from wire import sqlite
from wire.database import DatabaseUnavailable

FULL = Backoff(first_seconds=1.0, longest_seconds=300.0, draw=lambda: 1.0)


@contextmanager
def towards(folder: Path, port: int, seconds: float = 5.0) -> Iterator[Carrying]:
    with carrying(folder, make(destination(port, timeout_seconds=seconds))) as made:
        yield made


def test_an_acknowledged_record_is_done(tmp_path: Path) -> None:
    with receiving(say("AA")) as receiver, towards(tmp_path, receiver.port) as b:
        b.owe("v1")
        assert b.courier.step() == 0.0
        assert b.courier.step() is None
        told = b.told("v1")
        assert (told.state, told.receipt, told.attempts) == (State.ACKNOWLEDGED, "AA", 1)
        assert receiver.ids() == [told.idempotency_key]
        assert b.condition() is Condition.WORKING


def test_no_answer_means_unknown_and_the_same_message_goes_again(tmp_path: Path) -> None:
    with receiving(mute, hang_up, say("AA")) as receiver, towards(tmp_path, receiver.port, 0.3) as b:
        b.owe("v1")
        for failures in (1, 2):
            assert b.courier.step() == 2.0 ** (failures - 1)
            told = b.told("v1")
            assert (told.state, told.last_error) == (State.QUEUED, "delivery.no_answer")
            assert b.courier.step() is None  # not before its time
            b.clock.advance(2.0 ** (failures - 1))
        assert b.condition() is Condition.FAILING
        assert b.courier.step() == 0.0
        assert b.told("v1").state is State.ACKNOWLEDGED
        assert len(receiver.messages) == 3
        assert len(set(receiver.messages)) == 1
        assert b.condition() is Condition.WORKING


def test_a_receiver_that_is_down_and_comes_up_gets_everything_in_order(tmp_path: Path) -> None:
    with receiving(say("AA")) as receiver:
        port = receiver.port
    with towards(tmp_path, port) as b:
        b.owe("v1", "v2", person="000000000001")
        assert b.courier.step() == 1.0
        assert b.told("v1").last_error == "delivery.unreachable"
        assert b.told("v2").attempts == 0
    with receiving(say("AA")) as receiver, towards(tmp_path, receiver.port) as b:
        b.clock.advance(10)
        while b.courier.step() is not None:
            pass
        assert [b.told(visit).state for visit in ("v1", "v2")] == [State.ACKNOWLEDGED] * 2
        assert receiver.ids() == [b.told("v1").idempotency_key, b.told("v2").idempotency_key]


def test_an_application_error_is_final_and_the_next_record_goes_on(tmp_path: Path) -> None:
    with receiving(say("AE", "101"), say("AA")) as receiver, towards(tmp_path, receiver.port) as b:
        b.owe("v1", "v2", person="000000000001")
        assert b.courier.step() == 0.0
        told = b.told("v1")
        assert (told.state, told.last_error, told.receipt) == (State.REJECTED, "delivery.rejected", "AE 101 PID^1^5")
        assert b.courier.step() == 0.0
        assert b.courier.step() is None
        assert b.told("v2").state is State.ACKNOWLEDGED
        assert len(receiver.messages) == 2


@pytest.mark.parametrize(("code", "error"), [("AE", "207"), ("AR", "206"), ("AR", "207"), ("AR", "")])
def test_a_receiver_with_a_trouble_of_its_own_is_asked_again(tmp_path: Path, code: str, error: str) -> None:
    with receiving(say(code, error), say("AA")) as receiver, towards(tmp_path, receiver.port) as b:
        b.owe("v1")
        assert b.courier.step() == 1.0
        assert (b.told("v1").state, b.told("v1").last_error) == (State.QUEUED, "delivery.try_later")
        b.clock.advance(1)
        assert b.courier.step() == 0.0
        assert b.told("v1").state is State.ACKNOWLEDGED


@pytest.mark.parametrize("error", ["200", "201", "202", "203"])
def test_a_receiver_that_supports_none_of_it_stops_the_destination_and_loses_nothing(
    tmp_path: Path, error: str
) -> None:
    with receiving(say("AR", error), say("AA")) as receiver, towards(tmp_path, receiver.port) as b:
        b.owe("v1", "v2")
        b.courier.step()
        for _ in range(3):
            b.clock.advance(1000)
            b.courier.wake()
            assert b.courier.step() is None
        assert {b.told("v1").state, b.told("v2").state} == {State.QUEUED}
        assert len(receiver.messages) == 1
        health = b.courier.health(Depth(waiting=2))
        assert (health.condition, health.problem, health.waiting) == (Condition.STOPPED, "delivery.misconfigured", 2)


def test_answers_to_other_messages_are_counted_and_not_believed(tmp_path: Path) -> None:
    def stale(connection, message):  # type: ignore[no-untyped-def]
        connection.sendall(framed(ack(message, "AE", "101", about="OTHER")) + framed(ack(message)))

    with receiving(stale) as receiver, towards(tmp_path, receiver.port) as b:
        b.owe("v1")
        b.courier.step()
        assert b.told("v1").state is State.ACKNOWLEDGED
        assert b.courier.health(Depth()).stale_answers == 1


def test_garbage_costs_the_connection_and_a_retry_never_the_record(tmp_path: Path) -> None:
    script = [raw(b"SMTP ready\r\n"), raw(b"\x0b" + b"x" * (2 << 20)), say("AA")]
    with receiving(*script) as receiver, towards(tmp_path, receiver.port) as b:
        b.owe("v1")
        for _ in range(2):
            b.courier.step()
            assert b.told("v1").last_error == "delivery.garbled_answer"
            b.clock.advance(300)
        b.courier.step()
        assert b.told("v1").state is State.ACKNOWLEDGED
        assert receiver.connections == 3


class Fragile:
    """A connector that cannot render one visit; the rest it acknowledges."""

    content_type = "text/plain"
    stale_answers = 0

    def __init__(self, poison: str = "", broken: int = 0) -> None:
        self.poison = poison
        self.broken = broken
        self.sent: list[str] = []
        self.unreachable = False

    def identify(self, made: PatientRecord) -> Known:  # noqa: ARG002
        return Known()

    def render(self, made: PatientRecord, known: Known) -> bytes | None:  # noqa: ARG002
        if made.visit.visit_id == self.poison:
            raise ValueError(made.patient.full_name)
        return made.visit.visit_id.encode()

    def send(self, message: bytes, sending: Sending) -> Receipt:  # noqa: ARG002
        if self.unreachable:
            raise DestinationUnreachable(why="ConnectionRefusedError")
        if self.broken > 0:
            self.broken -= 1
            raise RuntimeError("a fault of the connector")
        self.sent.append(message.decode())
        return Receipt(Outcome.ACKNOWLEDGED, "AA")

    def probe(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_record_that_cannot_be_rendered_dies_after_three_tries_and_blocks_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connector = Fragile(poison="bad")
    with carrying(tmp_path, connector) as b:
        b.owe("bad", "good")
        b.drain()
        assert connector.sent == ["good"]
        assert (b.told("bad").state, b.told("bad").last_error) == (State.QUEUED, "delivery.unrenderable")
        b.owe("later", person="000000000001")
        for _ in range(2):
            b.clock.advance(300)
            b.drain()
        assert (b.told("bad").state, b.told("bad").attempts) == (State.DEAD, 3)
        assert connector.sent == ["good", "later"]
        assert "Nguyễn" not in caplog.text


def test_failed_sendings_do_not_count_as_failed_renderings(tmp_path: Path) -> None:
    connector = Fragile(broken=5)
    with carrying(tmp_path, connector) as b:
        b.owe("v1")
        for _ in range(5):
            b.courier.step()
            b.clock.advance(300)
        assert b.told("v1").state is State.QUEUED
        b.drain()
        assert b.told("v1").state is State.ACKNOWLEDGED


def test_one_record_that_never_gets_an_answer_starves_nobody(tmp_path: Path) -> None:
    bad: list[str] = []

    def picky(connection, message):  # type: ignore[no-untyped-def]
        if b"bad" in message:
            bad.append(control_id(message))
            connection.close()
        else:
            connection.sendall(framed(ack(message)))

    with receiving(picky) as receiver, towards(tmp_path, receiver.port) as b:
        b.owe("bad", "v1", "v2", "v3")
        for _ in range(8):
            b.courier.step()
            b.clock.advance(0.1)
        assert [b.told(visit).state for visit in ("v1", "v2", "v3")] == [State.ACKNOWLEDGED] * 3
        assert b.told("bad").state is State.QUEUED
        assert len(set(bad)) == 1


def test_an_outcome_the_database_would_not_take_is_kept_until_it_does(tmp_path: Path) -> None:
    connector = Fragile()
    with carrying(tmp_path, connector) as b:
        b.owe("v1")
        real = b.courier._open_connection
        b.courier._open_connection = lambda: _Stubborn(real())  # type: ignore[assignment,return-value]
        with pytest.raises(DatabaseUnavailable):
            b.courier.step()
        assert b.told("v1").state is State.SENDING
        b.courier._database_failed(DatabaseUnavailable())
        b.courier._open_connection = real
        assert b.courier.step() is None
        assert b.told("v1").state is State.ACKNOWLEDGED
        assert connector.sent == ["v1"]


class _Stubborn:
    """A database whose disk fills between the attempt and its outcome."""

    def __init__(self, real: sqlite.Connection) -> None:
        self._real = real

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def execute(self, statement: str, values: object = ()) -> sqlite.Cursor:
        if "acknowledged" in str(values):
            raise sqlite.OperationalError("database or disk is full")
        return self._real.execute(statement, values)  # type: ignore[arg-type]


def test_the_thread_survives_a_database_that_is_away(tmp_path: Path) -> None:
    connector = Fragile()
    with carrying(tmp_path, connector) as b:
        b.owe("v1")
        opened = threading.Event()
        real = b.courier._open_connection

        def away() -> sqlite.Connection:
            if not opened.is_set():
                raise DatabaseUnavailable(why="unable to open database file")
            return real()

        b.courier._open_connection = away
        thread = threading.Thread(target=b.courier.run, args=(0.02,))
        thread.start()
        threading.Event().wait(0.1)
        opened.set()
        eventually(lambda: b.told("v1").state is State.ACKNOWLEDGED)
        b.courier.stop()
        thread.join(5)
        assert not thread.is_alive()


def test_wake_shortens_the_wait(tmp_path: Path) -> None:
    connector = Fragile()
    with carrying(tmp_path, connector) as b:
        thread = threading.Thread(target=b.courier.run, args=(3600.0,))
        thread.start()
        eventually(lambda: b.courier._connection is not None)
        b.owe("v1")
        eventually(lambda: (b.courier.wake(), b.told("v1").state is State.ACKNOWLEDGED)[1])
        b.courier.stop()
        thread.join(5)
        assert not thread.is_alive()


def test_a_destination_that_was_away_gets_everything_as_soon_as_it_is_back(tmp_path: Path) -> None:
    away = Fragile()
    away.unreachable = True
    with carrying(tmp_path, away) as b:
        b.owe("v1", "v2", "v3")
        assert [b.courier.step() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
        away.unreachable = False
        b.drain()  # without any time passing: the pause was the destination's, not the records'
        assert away.sent == ["v1", "v2", "v3"]


def test_a_new_record_cuts_the_pause_of_a_destination_in_trouble(tmp_path: Path) -> None:
    away = Fragile()
    away.unreachable = True
    with carrying(tmp_path, away) as b:
        b.courier._backoff = Backoff(3600.0, 3600.0, lambda: 1.0)
        b.owe("v1")
        thread = threading.Thread(target=b.courier.run, args=(3600.0,))
        thread.start()
        eventually(lambda: b.told("v1").last_error == "delivery.unreachable")
        away.unreachable = False
        b.owe("v2", person="000000000009")
        eventually(lambda: (b.courier.wake(), len(away.sent) == 2)[1])
        b.courier.stop()
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("failures", "ceiling"), [(1, 1.0), (2, 2.0), (5, 16.0), (9, 256.0), (10, 300.0), (5000, 300.0)]
)
def test_back_off_doubles_up_to_its_cap_with_full_jitter(failures: int, ceiling: float) -> None:
    assert FULL.pause(failures) == ceiling
    assert Backoff(1.0, 300.0, lambda: 0.25).pause(failures) == ceiling / 4
    assert Backoff(1.0, 300.0, lambda: 0.0).pause(failures) == 0.0


def test_trouble_is_logged_once_when_it_begins_and_once_when_it_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with receiving(hang_up, hang_up, hang_up, say("AA")) as receiver, towards(tmp_path, receiver.port) as b:
        b.owe("v1")
        for _ in range(4):
            b.courier.step()
            b.clock.advance(300)
    lines = [entry.getMessage() for entry in caplog.records if entry.name == "hisbridge.standing"]
    assert [line.split(" (")[0] for line in lines] == [
        "his: delivery 1 waits",
        "his: delivering again after 3 failures",
    ]
