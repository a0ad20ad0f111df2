"""Enhanced acknowledgement: stored (CA) is not delivered (AA), and the verdict may come late."""

import socket
import threading

import pytest

from hisbridge.connectors.contract import Outcome, Receipt
from hisbridge.connectors.hl7v2 import render
from hisbridge.connectors.mllp import MllpClient
from hisbridge.errors import NoAnswer
from hisbridge.identity import idempotency_key
from tests.hisbridge.making import destination, record
from tests.hisbridge.receiver import Receiver, Step, ack, framed, raw, receiving, say

KEY = idempotency_key("his", "visit-1")
MESSAGE = render(record(), destination())


def exchange(receiver: Receiver, mode: str, seconds: float = 0.4, **more: object) -> Receipt:
    his = destination(receiver.port, timeout_seconds=seconds, acknowledgement=mode, **more)
    client = MllpClient(his)
    try:
        return client.exchange(MESSAGE, KEY)
    finally:
        client.close()


def later(seconds: float, *answers: bytes) -> Step:
    """The first answer at once, each other one so many seconds after the one before."""

    def step(connection: socket.socket, message: bytes) -> None:
        for number, answer in enumerate(answers):
            threading.Event().wait(seconds if number else 0)
            connection.sendall(framed(answer))

    return step


STORED, DONE = ack(MESSAGE, "CA"), ack(MESSAGE, "AA")


def test_both_answers_are_waited_for_and_the_second_counts() -> None:
    with receiving(raw(framed(STORED), framed(DONE))) as receiver:
        assert exchange(receiver, "enhanced").text == "AA"
    with receiving(raw(framed(STORED) + framed(ack(MESSAGE, "AE", "101")))) as receiver:
        assert exchange(receiver, "enhanced").outcome is Outcome.REJECTED


def test_the_verdict_may_come_after_what_would_be_the_time_out_for_the_first_answer() -> None:
    with receiving(later(0.3, b"MSH|^~\\&|HIS\rMSA|CA|OTHER\r", STORED, DONE)) as receiver:
        assert exchange(receiver, "enhanced", 0.45).text == "AA"


def test_stored_without_a_verdict_is_of_unknown_outcome() -> None:
    with receiving(raw(framed(STORED))) as receiver, pytest.raises(NoAnswer) as caught:
        exchange(receiver, "enhanced")
    assert caught.value.data["why"] == "stored, and no verdict"


def test_a_receiver_that_says_stored_for_ever_is_not_waited_for_for_ever() -> None:
    with receiving(later(0.1, *[STORED] * 50)) as receiver, pytest.raises(NoAnswer):
        exchange(receiver, "enhanced")


def test_a_verdict_without_the_word_before_it_counts() -> None:
    with receiving(say("AA")) as receiver:
        assert exchange(receiver, "enhanced").outcome is Outcome.ACKNOWLEDGED


@pytest.mark.parametrize(("code", "outcome"), [("CE", Outcome.REJECTED), ("CR", Outcome.TRY_LATER)])
def test_a_message_that_was_not_even_stored_has_its_outcome_at_once(code: str, outcome: Outcome) -> None:
    with receiving(say(code)) as receiver:
        assert exchange(receiver, "enhanced", 5.0).outcome is outcome


def test_where_only_the_first_answer_is_asked_for_nothing_else_is_waited_for() -> None:
    with receiving(raw(framed(STORED)), say("CA")) as receiver:
        assert exchange(receiver, "commit", 30.0).text == "CA"


def test_a_verdict_that_nobody_waits_for_any_more_never_meets_the_next_message() -> None:
    late = threading.Event()

    def both(connection: socket.socket, message: bytes) -> None:
        connection.sendall(framed(STORED))
        connection.sendall(framed(ack(MESSAGE, "AE", "101")))
        late.set()

    with receiving(both, say("AA")) as receiver:
        client = MllpClient(destination(receiver.port, acknowledgement="commit"))
        assert client.exchange(MESSAGE, KEY).text == "CA"
        assert late.wait(5)
        assert client.exchange(MESSAGE.replace(KEY.encode(), b"K2"), "K2").outcome is Outcome.ACKNOWLEDGED
        client.close()


def test_an_error_that_is_the_receivers_own_trouble_is_a_setting() -> None:
    with receiving(say("AE", "999")) as receiver:
        assert exchange(receiver, "original").outcome is Outcome.REJECTED
        assert exchange(receiver, "original", retry_errors=("999",)).outcome is Outcome.TRY_LATER
    with receiving(say("AE", "207")) as receiver:
        assert exchange(receiver, "original").outcome is Outcome.TRY_LATER
        assert exchange(receiver, "original", retry_errors=()).outcome is Outcome.REJECTED


def test_what_an_acknowledgement_tells_of_the_visit_is_kept_and_nothing_else_of_it() -> None:
    extra = (
        b"PID|1||BN7^^^HIS^MR~001303900017^^^VNID^NI||Nguy\xe1\xbb\x85n^Th\xe1\xbb\xad\rPV1|1|O|^P.101|||||||||||||||"
    )
    visit = b"|LK9^^^HIS^VN" + b"|" * 31 + b"017^^^HIS\r"
    with receiving(raw(framed(DONE + extra + visit))) as receiver:
        answer = exchange(receiver, "original").answer
    assert answer is not None
    assert (answer.record_number, answer.visit_number, answer.queue_number, answer.room) == (
        "BN7",
        "LK9",
        "017",
        "P.101",
    )
    assert "Nguyễn" not in repr(answer)
