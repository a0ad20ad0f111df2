"""Payloads of what a scanner types fast and a person slowly, by times that the tests give."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader.payload import parse_payload
from reader.payload.text import MAX_LENGTH
from reader.scanner.framing import BARE_SECONDS, SILENCE_SECONDS
from reader.scanner.typed import FORGET_SECONDS, TypedText

CARD = "001303900017||Tran Thi Mau|14022003|Nu|So 1 Duong Mau|20052021"
NUMBER = "001303900017"
FAST, SLOW = 0.005, 0.4


class Typist:
    """Types with the clock in hand."""

    def __init__(self) -> None:
        self.typed = TypedText()
        self.now = 0.0
        self.payloads: list[str] = []

    def types(self, text: str, gap: float = FAST, before: float = 1.0) -> "Typist":
        for at, sign in enumerate(text):
            self.now += gap if at else before
            self.payloads += self.typed.struck(self.now)
            self.payloads += self.typed.typed(sign)
        return self

    def rests(self, seconds: float) -> "Typist":
        """No key for so long, and the clock is asked all the time."""
        if seconds >= self.typed.patience():
            self.payloads += self.typed.silent()
        self.now += seconds
        return self


@pytest.mark.parametrize("gap", [0.0, 0.001, 0.01, 0.04])
@pytest.mark.parametrize("end", ["", "\n", "\t", "\r\n"])
def test_a_scanner_ends_with_a_sign_or_with_silence(gap: float, end: str) -> None:
    assert Typist().types(CARD + end, gap).rests(SILENCE_SECONDS).payloads == [CARD]


def test_a_code_with_an_end_sign_does_not_wait() -> None:
    assert Typist().types(CARD + "\n" + CARD + "\n").payloads == [CARD, CARD]


def test_a_bare_number_without_an_end_sign_is_waited_for_longer() -> None:
    typist = Typist().types(NUMBER[:9])
    assert typist.rests(BARE_SECONDS - 0.1).types(NUMBER[9:] + "\n", before=0.0).payloads == []
    assert typist.rests(SILENCE_SECONDS).payloads == [NUMBER]
    assert Typist().types(NUMBER).rests(BARE_SECONDS).payloads == [NUMBER]


@pytest.mark.parametrize("gap", [0.08, 0.3, 2.0, FORGET_SECONDS - 0.5])
def test_a_persons_digits_are_not_cut_into_pieces(gap: float) -> None:
    typist = Typist().types(NUMBER, gap).rests(FORGET_SECONDS - 1)
    assert typist.payloads == []
    assert typist.types("\n", before=0.5).rests(SILENCE_SECONDS).payloads == [NUMBER]


def test_quick_hands_that_rest_between_groups_are_still_one_number() -> None:
    typist = Typist()
    for group in (NUMBER[:3], NUMBER[3:6], NUMBER[6:]):
        typist.types(group, gap=0.06, before=1.5)
    assert typist.types("\n").rests(SILENCE_SECONDS).payloads == [NUMBER]


def test_who_leaves_in_the_middle_leaves_nothing_to_the_next() -> None:
    typist = Typist().types("079", SLOW).rests(FORGET_SECONDS).types(NUMBER + "\n", SLOW)
    assert typist.rests(SILENCE_SECONDS).payloads == [NUMBER]


def test_the_kernels_times_count_even_where_nobody_asked_meanwhile() -> None:
    typist = Typist().types("079", SLOW).types(NUMBER + "\n", SLOW, before=FORGET_SECONDS + 1)
    assert typist.types("1", before=1.0).payloads == [NUMBER]
    assert Typist().types(CARD).types(NUMBER + "\n").rests(SILENCE_SECONDS).payloads == [CARD, NUMBER]


def test_backspace_and_escape_take_back() -> None:
    typist = Typist().types("99\x1b0013\b\b\b\b\b\b0013039000177\b\n", SLOW)
    assert typist.rests(SILENCE_SECONDS).payloads == [NUMBER]


@pytest.mark.parametrize("left", ["001", "0", "001303"])
@pytest.mark.parametrize("code", ["303900017", "0123456789", NUMBER, CARD])
@pytest.mark.parametrize("end", ["\n", ""])
def test_what_somebody_left_and_a_code_are_not_put_together(left: str, code: str, end: str) -> None:
    typist = Typist().types(left, SLOW).types(code + end).rests(BARE_SECONDS)
    assert [parse_payload(text).kind for text in typist.payloads] == ["unknown"]
    assert typist.types(CARD + "\n").payloads[1:] == [CARD]


def test_after_lost_keys_the_tail_is_nothing() -> None:
    typist = Typist().types(CARD[:30])
    typist.typed.lost()
    typist.types(CARD[31:] + "\n" + NUMBER + "\n", before=FAST)
    assert typist.rests(SILENCE_SECONDS).payloads == []
    assert typist.types(CARD + "\n").payloads == [CARD]


def test_a_flood_is_handed_on_once_and_cut() -> None:
    typist = Typist().types("x" * 10_000)
    assert [len(text) for text in typist.payloads] == [MAX_LENGTH + 1]
    assert typist.rests(SILENCE_SECONDS).types(CARD + "\n").payloads[1:] == [CARD]


def test_letters_that_were_typed_by_number_stay_what_they_are() -> None:
    card = CARD.replace("Tran Thi Mau", "Trần Thị Mẫu")
    assert Typist().types(card + "\n").payloads == [card]
    assert Typist().types(card.encode().decode("cp437") + "\n").payloads == [card]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(st.sampled_from(list("019|;a\n\t\b\x1b\ufffdễ")), st.sampled_from([0.0, 0.01, 0.1, 0.2, 0.7, 12.0]))
    )
)
def test_no_payload_is_made_of_keys_that_a_pause_had_ended(keys: list[tuple[str, float]]) -> None:
    typist = Typist()
    for sign, gap in keys:
        typist.types(sign, before=gap)
    typist.rests(FORGET_SECONDS)
    longest = max([len(part) for part in "".join("\x00" * (gap == 12.0) + sign for sign, gap in keys).split("\x00")])
    assert all(len(payload) <= longest + 1 for payload in typist.payloads)  # one for the mark of a break
