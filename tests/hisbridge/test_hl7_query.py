"""Asking for the record number first (IHE PDQ): what is asked, what counts as found, and that nobody is guessed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hisbridge.connectors import hl7query
from hisbridge.connectors.contract import Known, Sending
from hisbridge.connectors.hl7errors import QueryFailed
from hisbridge.connectors.hl7segments import Making
from hisbridge.connectors.hl7v2 import Hl7v2Connector
from hisbridge.errors import DestinationSetup, DestinationUnreachable, GarbledAnswer, NoAnswer, PersonAmbiguous
from hisbridge.identity import idempotency_key
from hisbridge.records import Event, Merge
from tests.hisbridge.making import destination, record
from tests.hisbridge.receiver import Receiver, Step, control_id, framed, hang_up, mute, raw, receiving

OURS = "001303900017^^^VNID^NI"


def person(*identifiers: str) -> str:
    return f"PID|1||{'~'.join(identifiers)}||Nguyễn^Thử"


def response(message: bytes, status: str, *lines: str, code: str = "AA", about: str = "", count: str = "") -> bytes:
    key = about or control_id(message)
    head = ["MSH|^~\\&|HIS||TIEPDON||2026||RSP^K22^RSP_K21|9|P|2.5", f"MSA|{code}|{key}"]
    found = [f"QAK|{key}|{status}|Q22|{count}", "QPD|Q22", *lines]
    return "".join(f"{line}\r" for line in head + found).encode()


def answering(status: str, *lines: str, code: str = "AA", count: str = "") -> Step:
    return lambda connection, message: connection.sendall(
        framed(response(message, status, *lines, code=code, count=count))
    )


@contextmanager
def asking(receiver: Receiver, **differences: object) -> Iterator[Hl7v2Connector]:
    his = destination(receiver.port, **{"query": "pdq", "timeout_seconds": 1.0, **differences})
    connector = Hl7v2Connector(his)
    try:
        yield connector
    finally:
        connector.close()


def identified(step: Step, **differences: object) -> Known:
    with receiving(step) as receiver, asking(receiver, **differences) as connector:
        return connector.identify(record())


def test_the_question_names_the_personal_id_and_who_gave_it() -> None:
    his = destination(query="pdq", personal_id_authority="VNID&1.2.3&ISO")
    key = idempotency_key("his?", "visit-1")
    assert hl7query.question(Making(record(), his)).decode().replace("\r", "\n") == (
        f"MSH|^~\\&|TIEPDON|01028|HIS||20261121074500+0700||QBP^Q22^QBP_Q21|{key}|T|2.5|||||VNM|UNICODE UTF-8|vi\n"
        f"QPD|IHE PDQ Query|{key}|@PID.3.1^001303900017~@PID.3.4.1^VNID~@PID.3.4.2^1.2.3~@PID.3.4.3^ISO\n"
        "RCP|I|10^RD\n"
    )
    assert key != idempotency_key("his", "visit-1")


def test_nobody_is_asked_where_the_settings_do_not_say_so() -> None:
    with receiving(hang_up) as receiver, asking(receiver, query="none") as connector:
        assert connector.identify(record()) == Known()
        assert receiver.connections == 0


def test_a_merge_brings_its_own_numbers_and_asks_nobody() -> None:
    merge = Merge(kept="A", given_up="B", confirmed_by="x")
    with receiving(hang_up) as receiver, asking(receiver) as connector:
        assert connector.identify(record(event=Event.MERGED, revision=1, merge=merge)) == Known()
        assert receiver.connections == 0


@pytest.mark.parametrize(
    ("identifiers", "issuer", "number"),
    [
        ((OURS, "BN7^^^HIS^MR"), "", "BN7"),
        (("BN7^^^HIS^PI", OURS), "", "BN7"),
        (("BN7^^^HIS^MR",), "", "BN7"),
        (("BN7^^^HIS&1.2&ISO", "X9^^^OTHER^MR"), "HIS&1.2&ISO", "BN7"),
        (("BN\\S\\7^^^HIS^MR",), "", "BN^7"),
        (("001303900017^^^^NI", "BN7^^^HIS^MR"), "", "BN7"),
        (("999999999999^^^OTHERLAND^NI", OURS, "BN7^^^HIS^MR"), "", "BN7"),
        ((OURS,), "", None),
    ],
)
def test_one_person_found_has_this_record_number(identifiers: tuple[str, ...], issuer: str, number: str | None) -> None:
    found = answering("OK", person(*identifiers), count="1")
    assert identified(found, record_number_authority=issuer) == Known(number, none_told=number is None)


def test_nobody_found_is_nobody_known() -> None:
    assert identified(answering("NF")) == Known(none_told=True)


@pytest.mark.parametrize(
    ("step", "issuer"),
    [
        (answering("OK", person(OURS, "BN7^^^HIS^MR"), person(OURS, "BN8^^^HIS^MR"), count="2"), ""),
        (answering("OK", person(OURS), person(OURS), count="2"), ""),
        (answering("OK", person(OURS, "BN7^^^HIS^MR"), count="2"), ""),
        (answering("OK", person(OURS, "BN7^^^A^MR", "BN8^^^B^MR")), ""),
        (answering("OK", person("999999999999^^^VNID^NI", "BN7^^^HIS^MR"), count="1"), ""),
        (answering("OK", person("999999999999^^^^NI", "BN7^^^HIS^MR"), count="1"), "HIS"),
    ],
    ids=["two", "two without number", "more than shown", "two numbers", "somebody else", "somebody else, own issuer"],
)
def test_whoever_is_not_certain_is_left_to_a_person(step: Step, issuer: str) -> None:
    with pytest.raises(PersonAmbiguous):
        identified(step, record_number_authority=issuer)


def test_the_same_record_shown_twice_is_one_person() -> None:
    same = person(OURS, "BN7^^^HIS^MR")
    assert identified(answering("OK", same, same, count="2")) == Known("BN7")


@pytest.mark.parametrize("status", ["AE", "AR", "", "XX"])
@pytest.mark.parametrize("code", ["AA", "AE"])
def test_a_failed_query_is_never_taken_for_nobody(status: str, code: str) -> None:
    with pytest.raises(QueryFailed):
        identified(answering(status, code=code))


def test_a_receiver_that_knows_no_such_query_stops_the_destination() -> None:
    def refuse(connection: object, message: bytes) -> None:
        lines = ["MSH|^~\\&|HIS||T||2026||ACK|1|P|2.5", f"MSA|AR|{control_id(message)}", "ERR|||200^x|E"]
        connection.sendall(framed("".join(f"{line}\r" for line in lines).encode()))  # type: ignore[attr-defined]

    with pytest.raises(DestinationSetup) as caught:
        identified(refuse)
    assert caught.value.data == {"key": "query", "why": "AR 200"}


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (mute, NoAnswer),
        (hang_up, NoAnswer),
        (raw(b"HTTP/1.1 400\r\n\r\n"), GarbledAnswer),
        (lambda connection, message: connection.sendall(framed(response(message, "NF", about="OTHER"))), NoAnswer),
        (raw(framed(b"MSH|^~\\&|HIS\rQAK|1|NF")), GarbledAnswer),
    ],
    ids=["mute", "hang up", "garbage", "another's answer", "no MSA"],
)
def test_without_a_proper_answer_nothing_is_known_and_nothing_is_sent(step: Step, error: type[Exception]) -> None:
    with pytest.raises(error):
        identified(step, timeout_seconds=0.3)


def test_a_plain_acknowledgement_is_no_answer_to_a_query() -> None:
    def acknowledge(connection: object, message: bytes) -> None:
        told = f"MSH|^~\\&|HIS||T||2026||ACK|1|P|2.5\rMSA|AA|{control_id(message)}\r".encode()
        connection.sendall(framed(told))  # type: ignore[attr-defined]

    with pytest.raises(GarbledAnswer):
        identified(acknowledge)


def test_nobody_there_is_unreachable() -> None:
    connector = Hl7v2Connector(destination(1, query="pdq"))
    with pytest.raises(DestinationUnreachable):
        connector.identify(record())


def test_the_query_and_the_message_share_one_connection() -> None:
    ack = raw(framed(b"MSH|^~\\&|HIS||T||2026||ACK|1|P|2.5\rMSA|AA|7N3HVCV2ZRI7ZHYBT6P6\r"))
    with receiving(answering("OK", person("BN7^^^HIS^MR")), ack) as receiver, asking(receiver) as connector:
        known = connector.identify(record())
        message = connector.render(record(), known)
        assert message is not None
        receipt = connector.send(message, Sending(idempotency_key("his", "visit-1"), 1))
        assert receipt.answer is not None
        assert receipt.answer.record_number == "BN7"  # what the query learnt reaches the ticket too
        assert receiver.connections == 1
