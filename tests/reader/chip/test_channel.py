"""Commands as bytes, answers in pieces, and the bounds that a hostile card runs into."""

import pytest

from reader.chip import apdu
from reader.chip.apdu import Command, parse_response, status_name
from reader.chip.channel import MAX_CONTINUATIONS, Between, Meter, PlainChannel
from reader.chip.trace import LineTrace
from reader.chip.transport import NotTransmitted
from reader.errors import Cancelled, CardBroken, CardRemoved, TooSlow


class Scripted:
    """Answers in order; the last one for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = [bytes.fromhex(answer) for answer in answers]
        self.sent: list[str] = []

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command.hex().upper())
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def channel(card: Scripted, **meter: object) -> PlainChannel:
    return PlainChannel(card, Meter(**{"clock": lambda: 0.0, "deadline": 1.0, **meter}))  # type: ignore[arg-type]


READ = Command(0, 0xB0, 0, 0, b"", 223)


@pytest.mark.parametrize(
    ("command", "encoded"),
    [
        (Command(0, 0xB0, 1, 2), "00B00102"),
        (Command(0, 0xB0, 1, 2, b"", 223), "00B00102DF"),
        (Command(0, 0xB0, 1, 2, b"", 256), "00B0010200"),
        (Command(0, 0xA4, 2, 12, b"\x01\x1e"), "00A4020C02011E"),
        (Command(0, 0xA4, 2, 12, b"\x01\x1e", 256), "00A4020C02011E00"),
        (Command(0, 0xB0, 0, 0, b"", 257), "00B00000000101"),
        (Command(0, 0xB0, 0, 0, b"", 65536), "00B00000000000"),
        (Command(0, 0x22, 0, 0, b"\x01", 1000), "002200000000010103E8"),
        (Command(0, 0x22, 0, 0, bytes(256)), "00220000000100" + "00" * 256),
    ],
)
def test_commands_are_encoded_in_the_shortest_form(command, encoded):
    assert command.encode().hex().upper() == encoded


def test_offsets_beyond_fifteen_bits_use_the_odd_instruction():
    assert apdu.read_current(0x7FFF, 10).encode().hex().upper() == "00B07FFF0A"
    assert apdu.read_current(0x8000, 10).encode().hex().upper() == "00B100000454028000" + "0A"
    assert apdu.read_current(0x12345, 10).encode().hex().upper() == "00B1000005540301234" + "50A"


def test_an_answer_in_pieces_is_put_together():
    card = Scripted("01026102", "03046101", "059000")
    assert channel(card).send(READ) == apdu.Response(b"\x01\x02\x03\x04\x05", 0x9000)
    assert card.sent == ["00B00000DF", "00C0000002", "00C0000001"]


def test_a_wrong_length_is_asked_again_with_the_right_one():
    card = Scripted("6C10", "00" * 16 + "9000")
    assert len(channel(card).send(READ).data) == 16
    assert card.sent == ["00B00000DF", "00B0000010"]


def test_a_card_that_always_wants_another_length_is_asked_twice():
    card = Scripted("6C10")
    assert channel(card).send(READ).sw == 0x6C10
    assert len(card.sent) == 2


def test_a_protected_command_is_never_sent_twice():
    card = Scripted("6C10", "9000")
    assert channel(card).send(Command(0x0C, 0xB0, 0, 0, b"\x97\x01\x00", 256)).sw == 0x6C10
    assert len(card.sent) == 1


def test_an_endless_answer_is_a_broken_card():
    card = Scripted("6100")
    with pytest.raises(CardBroken) as caught:
        channel(card).send(READ)
    assert caught.value.data["where"] == "apdu.endless"
    assert len(card.sent) <= MAX_CONTINUATIONS + 1


def test_an_answer_without_end_in_large_pieces_is_a_broken_card():
    card = Scripted("00" * 65000 + "6100")
    with pytest.raises(CardBroken):
        channel(card).send(READ)
    assert len(card.sent) <= 3


@pytest.mark.parametrize("answer", ["", "90", "00" * 65537 + "9000"])
def test_what_is_no_response_is_a_broken_card(answer):
    with pytest.raises(CardBroken):
        channel(Scripted(answer)).send(READ)


def test_after_the_deadline_nothing_is_sent():
    card = Scripted("9000")
    with pytest.raises(TooSlow):
        channel(card, clock=lambda: 1.0).send(READ)
    assert card.sent == []


def test_a_stopped_reading_sends_nothing():
    def stopped() -> None:
        raise Cancelled()

    card = Scripted("9000")
    with pytest.raises(Cancelled):
        channel(card, check=stopped).send(READ)
    assert card.sent == []


def test_apdus_and_bytes_are_counted():
    meter = Meter(clock=lambda: 0.0, deadline=1.0)
    PlainChannel(Scripted("01026101", "039000"), meter).send(READ)
    assert (meter.apdus, meter.bytes_sent, meter.bytes_received) == (2, 10, 7)


def test_the_trace_holds_headers_and_lengths_and_no_data():
    lines: list[str] = []
    card = Scripted("AABBCCDD9000")
    channel(card, trace=LineTrace(lines.append)).send(Command(0, 0x22, 0xC1, 0xA4, b"\x99\x88\x77", 256))
    title, *told = lines
    assert title.startswith("# ")
    assert [line.split(None, 2)[2] for line in told] == [">  0022C1A4  Lc=3 Le=256\n", "<  9000 ok  data=4\n"]


def test_what_did_not_get_through_is_traced_by_its_code():
    class Unplugged:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def transmit(self, _command: bytes) -> bytes:
            raise self.error

    for error, code in ((CardRemoved(), "reader.card_removed"), (NotTransmitted("1"), "reader.not_transmitted")):
        lines: list[str] = []
        with pytest.raises(type(error)):
            channel(Unplugged(error), trace=LineTrace(lines.append)).send(READ)  # type: ignore[arg-type]
        assert lines[-1].endswith(f"!  {code}\n")


def test_a_long_command_goes_out_in_parts_where_there_is_no_extended_length():
    card = Scripted("9000")
    plain = channel(card)
    plain.extended = False
    assert plain.send(Command(0, 0x86, 0, 0, bytes(600), 256)).sw == 0x9000
    assert [(sent[:2], int(sent[8:10], 16), len(sent) // 2) for sent in card.sent] == [
        ("10", 255, 260),
        ("10", 255, 260),
        ("00", 90, 96),
    ]


def test_a_card_that_takes_no_parts_is_heard_at_the_first():
    card = Scripted("6884")
    plain = channel(card)
    plain.extended = False
    assert plain.send(Command(0, 0x86, 0, 0, bytes(600), 256)).sw == 0x6884
    assert len(card.sent) == 1


def test_after_each_answer_there_is_a_turn():
    turns: list[str] = []
    between = Between(channel(Scripted("9000")), lambda: turns.append("turn"))
    assert between.send(READ).sw == 0x9000
    between.send(READ)
    assert turns == ["turn", "turn"]


def test_status_words_have_names():
    assert status_name(0x63C2) == "attempts_left"
    assert status_name(0x6C10) == "wrong_le"
    assert status_name(0x6A82) == "file_not_found"
    assert status_name(0x1234) == "unnamed"
    assert parse_response(b"\x63\xc2").attempts_left == 2
    assert parse_response(b"\x63\x00").attempts_left is None
