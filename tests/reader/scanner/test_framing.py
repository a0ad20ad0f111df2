"""Where payloads end in a scanner's bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader.scanner.framing import BARE_SECONDS, SILENCE_SECONDS, at_silence, silence_after, take_payloads

CARD = b"1|2|3|4|5|6|7"
PASSPORT = (
    b"P<VNMTRAN<<THI<MAU<<<<<<<<<<<<<<<<<<<<<<<<<<",
    b"C1234567<8VNM0302147F3302146001303900017<<56",
)
BACK_OF_A_CARD = (
    b"IDVNM3039000171001303900017<<1",
    b"0302147F2802146VNM<<<<<<<<<<<6",
    b"TRAN<<THI<MAU<<<<<<<<<<<<<<<<<",
)
TD2 = (b"I<VNMTRAN<<THI<MAU<<<<<<<<<<<<<<<<<<", b"3039000171VNM0302147F2802146<<<<<<<6")
ZONES = [PASSPORT, BACK_OF_A_CARD, TD2]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r\n", b"\t", b"\x03", b"\x04", b"\r\x03"])
def test_an_end_sign_ends_a_payload(end: bytes) -> None:
    payloads, rest = take_payloads(CARD + end)
    assert (payloads, at_silence(rest)) == ((CARD,), b"")
    payloads, rest = take_payloads((CARD + end) * 3)
    assert (payloads, at_silence(rest)) == ((CARD,) * 3, b"")


def test_without_an_end_sign_nothing_is_complete() -> None:
    assert take_payloads(CARD) == ((), CARD)


def test_the_rest_is_kept_for_what_comes_next() -> None:
    assert take_payloads(CARD + b"\r" + CARD + b"\r4|") == ((CARD, CARD), b"4|")


def test_a_line_end_cut_in_two_makes_no_empty_payload() -> None:
    first = take_payloads(CARD + b"\r")
    assert take_payloads(first.rest + b"\n" + CARD + b"\r") == ((CARD,), b"")


@pytest.mark.parametrize("lines", [b"1\r\n\r\n3\r\n", b"1|2\r", b"1;2;3\n", b"1\t\t3\t4\t5\t6\t7"])
def test_lines_that_are_not_whole_wait_because_they_may_be_fields(lines: bytes) -> None:
    assert take_payloads(lines) == ((), lines)


def test_an_address_with_semicolons_is_still_one_of_the_fields() -> None:
    fields = b"001303900017\r\n\r\nTran\r\n14022003\r\nNu\r\nThon 1; Xa 2; Ha Noi\r\n20052021"
    assert take_payloads(fields + b"\r\n") == ((), fields + b"\r\n")
    assert at_silence(fields + b"\r\n") == fields


def test_lines_before_a_payload_are_a_payload_of_their_own() -> None:
    assert take_payloads(b"noise\r\n" + CARD + b"\r") == ((b"noise", CARD), b"")


@pytest.mark.parametrize("separator", [b";", b"\t"])
def test_semicolons_and_tabs_are_separators_too(separator: bytes) -> None:
    card = CARD.replace(b"|", separator)
    assert take_payloads(card + b"\r" + card + b"\r") == ((card, card), b"")


def test_blank_lines_are_nothing() -> None:
    assert take_payloads(b"\r\n\r\n \r\n" + CARD + b"\r\n") == ((CARD,), b"")


def test_between_start_and_end_of_text_everything_belongs_together() -> None:
    lines = b"noise\r\n\r\nmore"
    assert take_payloads(b"\x02" + lines + b"\r\x03" + b"\x02" + lines + b"\x03") == ((lines, lines), b"")
    assert take_payloads(b"cut off\x02" + CARD) == ((b"cut off",), CARD)


@pytest.mark.parametrize("zone", ZONES, ids=["TD3", "TD1", "TD2"])
@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"])
def test_a_machine_readable_zone_is_one_payload_and_complete_with_its_last_line(
    zone: tuple[bytes, ...], end: bytes
) -> None:
    assert {len(line) for line in zone} in ({44}, {30}, {36})
    sent, whole = b"".join(line + end for line in zone), b"\r\n".join(zone)
    assert take_payloads(sent + sent) == ((whole, whole), b"")
    assert take_payloads(b"\x02" + sent + b"\x03" + CARD + end).payloads == (whole, CARD)
    assert take_payloads(b"noise" + end + sent) == ((b"noise", whole), b"")
    assert take_payloads(sent[: -len(end)]).payloads == ()
    assert take_payloads(b"".join(zone) + b"\r").payloads == (b"".join(zone),)


def test_a_bare_number_is_waited_for_longer_because_it_may_have_been_cut() -> None:
    assert silence_after(b"001303900") == BARE_SECONDS
    for rest in (b"001303900017\r", CARD, PASSPORT[0]):
        assert silence_after(rest) == SILENCE_SECONDS


PIECES = [CARD, *PASSPORT, *BACK_OF_A_CARD, b"\r\n", b"|", b"\n", b"\r", b"\t", b"\x02", b"\x03", b";;;;;;"]


@settings(deadline=None)  # a shared machine is slow at times
@given(st.lists(st.binary(max_size=6) | st.sampled_from(PIECES)))
def test_pieces_give_the_same_payloads_as_the_whole(pieces: list[bytes]) -> None:
    found: list[bytes] = []
    buffer = b""
    for piece in pieces:
        payloads, buffer = take_payloads(buffer + piece)
        found += payloads
    whole = take_payloads(b"".join(pieces))
    assert (tuple(found), buffer) == (whole.payloads, whole.rest)
