"""Acknowledgements: read tolerantly, judged by the policy of bridge.md 1.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisbridge.connectors.contract import Outcome
from hisbridge.connectors.hl7ack import Acknowledgement, acknowledgement, judge
from hisbridge.connectors.hl7read import read
from hisbridge.errors import GarbledAnswer

HEADER = "MSH|^~\\&|HIS||TIEPDON||2026||ACK|1|P|2.5"


def parse(message: bytes) -> Acknowledgement:
    return acknowledgement(read(message))


def parsed(*lines: str, end: str = "\r") -> Acknowledgement:
    return parse(end.join((HEADER, *lines)).encode())


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segments_may_end_in_any_way_and_the_last_not_at_all(end: str) -> None:
    assert parsed("MSA|AA|K1", end=end) == Acknowledgement("AA", "K1")


def test_the_error_code_is_found_where_v25_and_where_older_versions_put_it() -> None:
    new = parsed("MSA|AE|K1", "ERR||PID^1^5|101^Required field missing^HL70357|E")
    assert (new.error, new.location) == ("101", "PID^1^5")
    old = parsed("MSA|AE|K1", "ERR|PID^1^5^101&Required field missing&HL70357")
    assert (old.error, old.location) == ("101", "PID^1^5")
    oldest = parsed("MSA|AE|K1|some words|||207^Internal")
    assert oldest.error == "207"


def test_free_text_of_the_receiver_is_not_kept() -> None:
    told = parsed("MSA|AE|K1|Nguyễn Thị Thử is unknown", "ERR||Nguyễn Thị Thử|Nguyễn Thị Thử^x|E")
    assert told == Acknowledgement("AE", "K1")


def test_other_delimiters_are_understood() -> None:
    told = parse(b"MSH#*~\\&#HIS\rMSA#AE#K1\rERR##PID*1*5#101*x")
    assert (told.code, told.control_id, told.error, told.location) == ("AE", "K1", "101", "PID^1^5")


@pytest.mark.parametrize(
    "garbage", [b"", b"\r\r", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"MSH", b"MSH|^~\\&|HIS\rPID|1", b"\xff\xfe\x00"]
)
def test_what_is_no_acknowledgement_is_garbage(garbage: bytes) -> None:
    with pytest.raises(GarbledAnswer):
        parse(garbage)


@pytest.mark.parametrize(
    ("code", "error", "outcome"),
    [
        ("AA", "", Outcome.ACKNOWLEDGED),
        ("CA", "", Outcome.ACKNOWLEDGED),
        ("AE", "", Outcome.REJECTED),
        ("AE", "101", Outcome.REJECTED),
        ("AE", "206", Outcome.REJECTED),
        ("AE", "207", Outcome.TRY_LATER),
        ("CE", "102", Outcome.REJECTED),
        ("AR", "", Outcome.TRY_LATER),
        ("AR", "206", Outcome.TRY_LATER),
        ("AR", "207", Outcome.TRY_LATER),
        ("CR", "207", Outcome.TRY_LATER),
        ("AR", "200", Outcome.MISCONFIGURED),
        ("AR", "201", Outcome.MISCONFIGURED),
        ("AR", "202", Outcome.MISCONFIGURED),
        ("AR", "203", Outcome.MISCONFIGURED),
        ("AR", "101", Outcome.REJECTED),
        ("AR", "205", Outcome.REJECTED),
    ],
)
def test_every_answer_has_its_outcome(code: str, error: str, outcome: Outcome) -> None:
    assert judge(Acknowledgement(code, "K1", error)).outcome is outcome


def test_an_unknown_acknowledgement_code_is_garbage_not_success() -> None:
    with pytest.raises(GarbledAnswer):
        judge(Acknowledgement("OK", "K1"))


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda rest: b"MSH|^~\\&|" + rest))
def test_no_answer_breaks_the_parser(answer: bytes) -> None:
    try:
        judge(parse(answer))
    except GarbledAnswer:
        return
