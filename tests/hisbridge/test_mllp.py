"""The MLLP client against receivers that behave as real ones do: well, late, split, twice, or badly."""

import socket
import threading

import pytest

from hisbridge.connectors.contract import Outcome
from hisbridge.connectors.hl7v2 import render
from hisbridge.connectors.mllp import MAX_ANSWER, MllpClient
from hisbridge.errors import DestinationUnreachable, GarbledAnswer, NoAnswer
from hisbridge.identity import idempotency_key
from tests.hisbridge.making import destination, eventually, record
from tests.hisbridge.receiver import Receiver, Step, ack, framed, hang_up, mute, raw, receiving, say

KEY = idempotency_key("his", "visit-1")
MESSAGE = render(record(), destination())


def exchange(receiver: Receiver, seconds: float = 5.0, times: int = 1, **differences: str) -> list[Outcome]:
    client = MllpClient(destination(receiver.port, timeout_seconds=seconds, **differences))
    try:
        return [client.exchange(MESSAGE, KEY).outcome for _ in range(times)]
    finally:
        client.close()


def test_the_message_arrives_whole_and_its_acknowledgement_is_taken() -> None:
    with receiving(say("AA")) as receiver:
        assert exchange(receiver) == [Outcome.ACKNOWLEDGED]
        assert receiver.messages == [MESSAGE]


def test_a_persistent_connection_is_kept_and_per_message_ones_are_not() -> None:
    with receiving(say("AA")) as receiver:
        assert exchange(receiver, times=3) == [Outcome.ACKNOWLEDGED] * 3
        assert receiver.connections == 1
    with receiving(say("AA")) as receiver:
        assert exchange(receiver, times=3, connection="per_message") == [Outcome.ACKNOWLEDGED] * 3
        assert receiver.connections == 3


ACK = ack(MESSAGE)


@pytest.mark.parametrize(
    "pieces",
    [
        [bytes([byte]) for byte in framed(ACK)],
        [framed(ACK)[:-1], b"\r"],
        [framed(ACK) + b"\n"],
        [framed(ACK), b"\r\n"],
        [b"\r\n" + framed(ACK)],
        [b"\x0b" + ACK.rstrip(b"\r") + b"\x1c\r"],
        [b"\x0b" + ACK.replace(b"\r", b"\n") + b"\x1c\r"],
        [b"\x0b" + ACK + b"\x1c"],
        [framed(ack(MESSAGE, about="SOMEONE-ELSE")) + framed(ACK)],
        [framed(ack(MESSAGE, "AE", about="")), framed(ACK)],
    ],
    ids=["dribbled", "split", "lf", "late-lf", "early-crlf", "no-last-cr", "lf-segments", "no-cr", "stale", "no-id"],
)
def test_sloppy_but_unmistakable_answers_are_understood(pieces: list[bytes]) -> None:
    with receiving(raw(*pieces), say("AA")) as receiver:
        assert exchange(receiver, times=2) == [Outcome.ACKNOWLEDGED] * 2


def test_an_answer_to_another_message_is_counted_and_not_taken_for_ours() -> None:
    with receiving(raw(framed(ack(MESSAGE, "AE", "101", about="OTHER")))) as receiver:
        client = MllpClient(destination(receiver.port, timeout_seconds=0.3))
        with pytest.raises(NoAnswer):
            client.exchange(MESSAGE, KEY)
        assert client.stale_answers == 1


def test_a_late_answer_never_meets_the_next_message() -> None:
    held: list[tuple[socket.socket, bytes]] = []
    answered = threading.Event()

    def keep(connection: socket.socket, message: bytes) -> None:
        held.append((connection, message))

    def answer_late(connection: socket.socket, message: bytes) -> None:
        old, first = held[0]
        with pytest.raises(OSError):  # noqa: PT012  # the first write may still pass, a later one meets the reset
            for _ in range(30):
                old.sendall(framed(ack(first, "AA")))
                threading.Event().wait(0.01)
        answered.set()
        connection.sendall(framed(ack(message, "AE", "101")))

    with receiving(keep, answer_late) as receiver:
        client = MllpClient(destination(receiver.port, timeout_seconds=1.0))
        with pytest.raises(NoAnswer):
            client.exchange(MESSAGE, KEY)
        assert client.exchange(MESSAGE, KEY).outcome is Outcome.REJECTED
        assert answered.is_set()
        client.close()


@pytest.mark.parametrize("script", [[hang_up], [mute], [raw(b"\x0bMSH|^~"), hang_up]], ids=["eof", "mute", "half"])
def test_silence_and_hanging_up_leave_the_outcome_unknown(script: list[Step]) -> None:
    with receiving(*script) as receiver, pytest.raises(NoAnswer):
        exchange(receiver, seconds=0.4)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x0bgarbage\x1c\r", b"\x0bMSH|^~\\&|HIS\rPID|1\x1c\r", b"\x00\xff" * 50],
)
def test_garbage_is_named_so_and_ends_the_connection(answer: bytes) -> None:
    with receiving(raw(answer), say("AA")) as receiver:
        client = MllpClient(destination(receiver.port))
        with pytest.raises(GarbledAnswer):
            client.exchange(MESSAGE, KEY)
        assert client.exchange(MESSAGE, KEY).outcome is Outcome.ACKNOWLEDGED
        assert receiver.connections == 2
        client.close()


def test_an_endless_answer_is_cut_off_early() -> None:
    sent = 0

    def flood(connection: socket.socket, message: bytes) -> None:
        nonlocal sent
        connection.sendall(b"\x0bMSH|^~\\&|")
        while sent < 1 << 30:
            connection.sendall(b"x" * 65536)
            sent += 65536

    with receiving(flood) as receiver:
        with pytest.raises(GarbledAnswer):
            exchange(receiver)
        assert sent < MAX_ANSWER + (32 << 20)  # what the sockets' buffers swallow comes on top


def test_endless_stale_answers_are_cut_off_too() -> None:
    def flood(connection: socket.socket, message: bytes) -> None:
        stale = framed(ack(message, about="OTHER")) * 500
        while True:
            connection.sendall(stale)

    with receiving(flood) as receiver, pytest.raises(GarbledAnswer):
        exchange(receiver)


def test_a_dribbling_answer_ends_with_the_deadline() -> None:
    stop = threading.Event()

    def dribble(connection: socket.socket, message: bytes) -> None:
        connection.sendall(b"\x0b")
        while not stop.wait(0.05):
            connection.sendall(b"M")

    with receiving(dribble) as receiver:
        with pytest.raises(NoAnswer):
            exchange(receiver, seconds=0.5)
        stop.set()


def test_nobody_there_is_told_apart_from_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    client = MllpClient(destination(port))
    with pytest.raises(DestinationUnreachable):
        client.exchange(MESSAGE, KEY)
    with pytest.raises(DestinationUnreachable):
        MllpClient(destination(port, host="not a host \u00e9.invalid")).connect()


def test_a_connection_the_receiver_closed_while_idle_costs_nothing() -> None:
    def answer_and_leave(connection: socket.socket, message: bytes) -> None:
        connection.sendall(framed(ack(message)))
        connection.shutdown(socket.SHUT_RDWR)

    with receiving(answer_and_leave) as receiver:
        assert exchange(receiver, times=4) == [Outcome.ACKNOWLEDGED] * 4
        assert eventually(lambda: receiver.connections) == 4


def test_a_commit_answer_waits_for_the_verdict_on_the_content() -> None:
    with receiving(raw(framed(ack(MESSAGE, "CA")), framed(ack(MESSAGE, "AE", "101")))) as receiver:
        assert exchange(receiver) == [Outcome.REJECTED]


def test_a_commit_answer_alone_is_the_receivers_responsibility() -> None:
    with receiving(raw(framed(ack(MESSAGE, "CA")))) as receiver:
        assert exchange(receiver, seconds=0.5) == [Outcome.ACKNOWLEDGED]
