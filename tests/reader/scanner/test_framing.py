"""Where payloads end in a scanner's bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader.scanner.framing import take_payloads

CARD = b"1|2|3"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r\n"])
def test_a_line_end_ends_a_payload(end: bytes) -> None:
    assert take_payloads(CARD + end) == ((CARD,), b"")


def test_without_a_line_end_nothing_is_complete() -> None:
    assert take_payloads(CARD) == ((), CARD)


def test_the_rest_is_kept_for_what_comes_next() -> None:
    assert take_payloads(CARD + b"\r" + CARD + b"\r4|") == ((CARD, CARD), b"4|")


def test_a_line_end_cut_in_two_makes_no_empty_payload() -> None:
    first = take_payloads(CARD + b"\r")
    assert take_payloads(first.rest + b"\n" + CARD + b"\r") == ((CARD,), b"")


def test_lines_without_separators_wait_because_they_may_be_fields() -> None:
    assert take_payloads(b"1\r\n\r\n3\r\n") == ((), b"1\r\n\r\n3\r\n")


def test_lines_before_a_payload_are_a_payload_of_their_own() -> None:
    assert take_payloads(b"noise\r\n" + CARD + b"\r") == ((b"noise", CARD), b"")


def test_semicolons_are_separators_too() -> None:
    assert take_payloads(b"1;2;3\r") == ((b"1;2;3",), b"")


def test_blank_lines_are_nothing() -> None:
    assert take_payloads(b"\r\n\r\n \r\n" + CARD + b"\r\n") == ((CARD,), b"")


@settings(deadline=None)  # a shared machine is slow at times
@given(st.lists(st.binary(max_size=6) | st.sampled_from([CARD, b"\r\n", b"|", b"\n"])))
def test_pieces_give_the_same_payloads_as_the_whole(pieces: list[bytes]) -> None:
    found: list[bytes] = []
    buffer = b""
    for piece in pieces:
        payloads, buffer = take_payloads(buffer + piece)
        found += payloads
    whole = take_payloads(b"".join(pieces))
    assert (tuple(found), buffer) == (whole.payloads, whole.rest)
