"""Secure messaging against cards that follow the standard independently: the sandbox card's own side and one written
from the standard block by block. The published worked examples stand beside those of basic access control.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader import tlv
from reader.chip import apdu
from reader.chip.apdu import Command, Response, parse_response
from reader.chip.channel import Meter, PlainChannel
from reader.chip.key_derivation import Cipher
from reader.chip.secure_messaging import (
    AesSuite,
    LeftSecureMessaging,
    SecureChannel,
    TripleDesSuite,
    pad,
    short_payload,
    suite,
    token_checksum,
    unpad,
)
from reader.errors import CardBroken
from sandbox.card import apdu as card_apdu
from sandbox.card.secure_messaging import Channel
from tests.support.paper_card import AesPaper, PaperCard, TripleDesPaper

ENCRYPTION = bytes.fromhex("979EC13B1CBFE9DCD01AB0FED307EAE5")
CHECKSUM = bytes.fromhex("F1CB1F1FB5ADF208806B89DC579DC1F8")
RFC4493_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
READ = apdu.read_by_short_id(1, 223)


class CardSide:
    """A sandbox channel that answers every command with the same reply; `spoil` may change the protected reply."""

    def __init__(self, reply: card_apdu.Reply, spoil=lambda data, sw: (data, sw)) -> None:
        self.channel = Channel(ENCRYPTION, CHECKSUM)
        self.reply = reply
        self.spoil = spoil
        self.opened: list[card_apdu.Command] = []

    def send(self, command: Command) -> Response:
        opened = self.channel.open(card_apdu.parse(command.encode()))
        self.opened.append(opened)
        sealed = self.channel.seal(self.reply, odd_instruction=bool(command.ins & 1))
        return Response(*self.spoil(sealed.data, sealed.status))


def secure(card: CardSide) -> SecureChannel:
    return SecureChannel(card, AesSuite(ENCRYPTION, CHECKSUM))


class Paper:
    """A paper card as the plain channel underneath: commands as bytes, replies as bytes."""

    extended = True

    def __init__(self, cipher: Cipher, answer=lambda _: (b"answer", b"\x90\x00"), counter: int = 0) -> None:
        encryption, checksum = keys(cipher)
        paper = TripleDesPaper if cipher is Cipher.TDES else AesPaper
        self.card = PaperCard(paper(encryption, checksum), counter, answer)
        self.secure = SecureChannel(self, suite(cipher, encryption, checksum), counter)

    def send(self, command: Command) -> Response:
        return parse_response(self.card.transmit(command.encode()))


def keys(cipher: Cipher) -> tuple[bytes, bytes]:
    size = {Cipher.TDES: 16, Cipher.AES128: 16, Cipher.AES192: 24, Cipher.AES256: 32}[cipher]
    return (ENCRYPTION * 2)[:size], (CHECKSUM * 2)[:size]


EVERY_CASE = {
    "case 1": Command(0x00, 0x44, 0x00, 0x00),
    "case 2": READ,
    "case 2, everything": READ.with_le(256),
    "case 2, extended": READ.with_le(4000),
    "case 2, extended, everything": READ.with_le(65536),
    "case 3": apdu.select_file(0x011E),
    "case 3, extended": Command(0x00, 0x22, 0x41, 0xA6, bytes(range(256)) * 2),
    "case 3, a whole block": Command(0x00, 0x22, 0x41, 0xA6, bytes(32)),
    "case 4": Command(0x00, 0x86, 0x00, 0x00, b"\x7c\x00", 256),
    "case 4, extended": Command(0x00, 0x86, 0x00, 0x00, bytes(300), 65536),
    "case 4, extended by protection alone": Command(0x00, 0x88, 0x00, 0x00, bytes(250), 256),
    "odd instruction": apdu.read_current(0x9000, 223),
    "odd instruction, extended": apdu.read_current(0x9000, 4000),
    "chaining": Command(0x10, 0x86, 0x00, 0x00, b"\x7c\x00", 256),
}


@pytest.mark.parametrize(
    ("message", "mac"),
    [("", "bb1d6929e9593728"), ("6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144")],
)
def test_the_token_checksum_of_aes_is_cmac_cut_to_eight_bytes(message, mac):
    # RFC 4493, section 4, examples 1 and 2
    assert token_checksum(Cipher.AES128, RFC4493_KEY, bytes.fromhex(message)).hex() == mac


@pytest.mark.parametrize("command", EVERY_CASE.values(), ids=EVERY_CASE)
@pytest.mark.parametrize("cipher", Cipher)
def test_a_card_written_from_the_standard_understands_every_command_and_we_its_answer(cipher, command):
    paper = Paper(cipher)
    for _ in range(3):
        assert paper.secure.send(command) == Response(b"answer", 0x9000)
    for seen in paper.card.seen:
        assert (seen.header, seen.data, seen.le) == (command.header, command.data, command.le)
        # Outside all there is is asked for: a protected reply is longer than what is in it.
        assert seen.outer_le == (65536 if seen.extended else 256)
        assert seen.extended or len(command.data) <= 255


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize("size", [1, 7, 8, 15, 16, 127, 128, 223, 231, 255, 256, 4000, 65000])
def test_answers_of_every_size_come_out_whole(cipher, size):
    data = (b"\x80\x00" * size)[:size]
    assert Paper(cipher, lambda _: (data, b"\x90\x00")).secure.send(READ.with_le(65536)).data == data


@pytest.mark.parametrize(
    "command",
    [READ, apdu.select_file(0x011E), apdu.read_current(300, 100), apdu.read_current(0x9000, 100), READ.with_le(256)],
)
def test_the_sandbox_card_understands_every_command_and_we_its_answer(command):
    card = CardSide(card_apdu.Reply(0x9000, b"answer"))
    channel = secure(card)
    for _ in range(3):
        assert channel.send(command) == Response(b"answer", 0x9000)
    assert card.opened[-1].data == command.data
    assert card.opened[-1].ins == command.ins


@pytest.mark.parametrize("cipher", [Cipher.TDES, Cipher.AES128])
def test_the_counter_wraps_around(cipher):
    size = 8 if cipher is Cipher.TDES else 16
    paper = Paper(cipher, counter=(1 << 8 * size) - 2)
    for _ in range(3):
        assert paper.secure.send(READ).data == b"answer"
    assert paper.card.counter == 4


def test_a_protected_status_word_without_data_is_an_answer():
    channel = secure(CardSide(card_apdu.Reply(0x6A82)))
    assert channel.send(READ) == Response(b"", 0x6A82)
    assert channel.send(READ) == Response(b"", 0x6A82)


@pytest.mark.parametrize("warning", [b"\x62\x82", b"\x62\x81", b"\x63\xc2", b"\x61\x10"])
def test_a_protected_warning_comes_with_its_data(warning):
    paper = Paper(Cipher.TDES, lambda _: (b"the end", warning))
    assert paper.secure.send(READ) == Response(b"the end", int.from_bytes(warning, "big"))


@pytest.mark.parametrize("cipher", [Cipher.TDES, Cipher.AES128])
def test_every_changed_byte_is_noticed(cipher):
    size = len(Paper(cipher).send(secure_command(cipher)).data)
    for at in range(size):
        paper = Paper(cipher)

        class Spoiling:
            def send(self, command: Command, at: int = at, paper: Paper = paper) -> Response:
                reply = paper.send(command)
                return Response(reply.data[:at] + bytes([reply.data[at] ^ 1]) + reply.data[at + 1 :], reply.sw)

        with pytest.raises(CardBroken):
            SecureChannel(Spoiling(), paper.secure.suite).send(READ)


def secure_command(cipher: Cipher) -> Command:
    taken: list[Command] = []

    class Taker:
        def send(self, command: Command) -> Response:
            taken.append(command)
            return Response(b"", 0x6982)

    with pytest.raises(LeftSecureMessaging):
        SecureChannel(Taker(), suite(cipher, *keys(cipher))).send(READ)
    return taken[0]


def test_the_status_word_outside_the_checksum_is_not_believed():
    card = CardSide(card_apdu.Reply(0x6A82), lambda data, _: (data, 0x9000))
    assert secure(card).send(READ).sw == 0x6A82


@pytest.mark.parametrize("sw", [0x6982, 0x6987, 0x6988, 0x6700, 0x6C10, 0x9000, 0x6A82])
def test_a_reply_in_the_clear_ends_the_session_for_good(sw):
    card = CardSide(card_apdu.Reply(0x9000, b"x"), lambda *_: (b"", sw))
    channel = secure(card)
    with pytest.raises(LeftSecureMessaging) as caught:
        channel.send(READ)
    assert caught.value.sw == sw
    with pytest.raises(CardBroken) as again:
        channel.send(READ)
    assert again.value.data["where"] == "secure_messaging.dead"
    assert len(card.opened) == 1


@pytest.mark.parametrize("objects", ["99026988", "9902698887010144", "8E0411223344", "00"])
def test_an_error_whose_objects_have_no_checksum_is_a_reply_in_the_clear(objects):
    card = CardSide(card_apdu.Reply(0x9000), lambda *_: (bytes.fromhex(objects), 0x6988))
    with pytest.raises(LeftSecureMessaging) as caught:
        secure(card).send(READ)
    assert caught.value.sw == 0x6988


def test_a_channel_that_failed_underneath_sends_nothing_more():
    class Torn:
        sent = 0

        def send(self, _: Command) -> Response:
            self.sent += 1
            raise CardBroken(where="apdu.endless")

    torn = Torn()
    channel = SecureChannel(torn, suite(Cipher.TDES, ENCRYPTION, CHECKSUM))
    for _ in range(2):
        with pytest.raises(CardBroken):
            channel.send(READ)
    assert torn.sent == 1


def test_data_in_the_clear_is_never_taken():
    card = CardSide(card_apdu.Reply(0x9000, b"x"), lambda *_: (b"\x61\x5b\x5f\x1f", 0x9000))
    with pytest.raises(CardBroken):
        secure(card).send(READ)


def only(*tags: int):
    def keep(data: bytes, sw: int) -> tuple[bytes, int]:
        nodes = {node.tag: node.encoded for node in tlv.read_all(data, "t")}
        return b"".join(nodes[tag] for tag in tags), sw

    return keep


@pytest.mark.parametrize("tags", [(0x99,), (0x8E,), (0x87, 0x99), (0x87, 0x8E), (0x99, 0x87, 0x8E), (0x8E, 0x87, 0x99)])
def test_missing_or_reordered_objects_are_refused(tags):
    with pytest.raises(CardBroken):
        secure(CardSide(card_apdu.Reply(0x9000, b"x"), only(*tags))).send(READ)


OK_STATUS = b"\x99\x02\x90\x00"


@pytest.mark.parametrize(
    ("objects", "where"),
    [
        (lambda card: card.object(0x87, b"\x02" + card.hidden(b"x")) + OK_STATUS, "secure_messaging.padding"),
        (lambda card: card.object(0x87, b"") + OK_STATUS, "secure_messaging.padding"),
        (lambda card: card.object(0x87, b"\x01" + bytes(15)) + OK_STATUS, "secure_messaging.length"),
        (lambda card: card.object(0x87, b"\x01" + card.enciphered(bytes(16))) + OK_STATUS, "secure_messaging.padding"),
        (lambda card: card.object(0x81, b"plain") + OK_STATUS, "secure_messaging.reply"),
        (lambda card: 2 * card.object(0x87, b"\x01" + card.hidden(b"x")) + OK_STATUS, "secure_messaging.reply"),
        (lambda _: OK_STATUS + OK_STATUS, "secure_messaging.reply"),
        (lambda _: b"\x87\x84\xff\xff\xff\xff\x01" + OK_STATUS, "secure_messaging.reply"),
        (lambda _: b"\x87\x80\x01\x00\x00" + OK_STATUS, "secure_messaging.reply"),
        (lambda _: b"\x87\x83\x01\x00\x00\x01" + OK_STATUS, "secure_messaging.reply"),
        (lambda _: b"\x87" + OK_STATUS, "secure_messaging.reply"),
        (lambda _: b"\x99\x01\x90", "secure_messaging.reply"),
        (lambda _: b"\x99\x03\x90\x00\x00", "secure_messaging.reply"),
        (lambda _: b"", "secure_messaging.reply"),
    ],
)
def test_a_card_that_knows_the_keys_and_lies_about_the_form_is_refused(objects, where):
    paper = Paper(Cipher.AES128)
    paper.card.answer = lambda _: objects(paper.card)
    with pytest.raises(CardBroken) as caught:
        paper.secure.send(READ)
    assert caught.value.data["where"] == where


def test_an_object_without_content_is_no_data():
    paper = Paper(Cipher.AES128)
    paper.card.answer = lambda _: b"\x87\x01\x01" + OK_STATUS
    assert paper.secure.send(READ) == Response(b"", 0x9000)


@pytest.mark.parametrize("odd", [False, True])
def test_the_object_and_not_the_instruction_says_how_the_data_is_hidden(odd):
    paper = Paper(Cipher.TDES)
    form = (lambda hidden: (0x87, b"\x01" + hidden)) if odd else (lambda hidden: (0x85, hidden))
    paper.card.answer = lambda _: paper.card.object(*form(paper.card.hidden(b"x"))) + OK_STATUS
    assert paper.secure.send(apdu.read_current(0x9000 if odd else 0, 100)).data == b"x"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 0xFFFF), st.sampled_from(list(Cipher)))
def test_whatever_a_card_says_without_the_keys_ends_the_session_and_nothing_else(data, sw, cipher):
    class Babbling:
        def send(self, _: Command) -> Response:
            return Response(data, sw)

    with pytest.raises(CardBroken):
        SecureChannel(Babbling(), suite(cipher, *keys(cipher))).send(READ)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_objects_a_card_seals_is_an_answer_or_a_broken_card(objects):
    paper = Paper(Cipher.TDES, lambda _: objects + OK_STATUS)
    try:
        response = paper.secure.send(READ)
    except CardBroken:
        return
    assert len(response.data) <= len(objects)


def test_an_old_reply_is_not_taken_again():
    kept: list[tuple[bytes, int]] = []

    def replay(data: bytes, sw: int) -> tuple[bytes, int]:
        kept.append((data, sw))
        return kept[0]

    channel = secure(CardSide(card_apdu.Reply(0x9000, b"x"), replay))
    assert channel.send(READ).data == b"x"
    with pytest.raises(CardBroken):
        channel.send(READ)


class Transport:
    """A paper card behind a line that gives long replies in pieces of `piece` bytes."""

    def __init__(self, card: PaperCard, piece: int) -> None:
        self.card = card
        self.piece = piece
        self.left = b""
        self.sent: list[bytes] = []

    def transmit(self, raw: bytes) -> bytes:
        self.sent.append(raw)
        if raw[1] != 0xC0:
            self.left = self.card.transmit(raw)[:-2]
        part, self.left = self.left[: self.piece], self.left[self.piece :]
        return part + (bytes([0x61, min(len(self.left), 255)]) if self.left else b"\x90\x00")


def test_a_reply_in_pieces_is_put_together_before_it_is_checked():
    data = bytes(range(256)) * 3
    paper = Paper(Cipher.TDES, lambda _: (data, b"\x90\x00"))
    transport = Transport(paper.card, 200)
    plain = PlainChannel(transport, Meter(lambda: 0.0, 1.0))
    channel = SecureChannel(plain, paper.secure.suite)
    assert channel.send(READ.with_le(768)).data == data
    assert [raw[1] for raw in transport.sent] == [0xB0, 0xC0, 0xC0, 0xC0]
    assert channel.channel is plain


@pytest.mark.parametrize(
    ("suite_type", "most"), [(AesSuite(ENCRYPTION, CHECKSUM), 223), (TripleDesSuite(ENCRYPTION, CHECKSUM), 231)]
)
def test_the_most_that_a_short_apdu_holds_under_protection(suite_type, most):
    assert short_payload(suite_type.block_size) == most
    cipher = Cipher.AES128 if most == 223 else Cipher.TDES
    sizes = []
    for size in (most, most + 1):
        paper = Paper(cipher, lambda _, size=size: (bytes(size), b"\x90\x00"))
        command = Command(0x00, 0x88, 0x00, 0x00, bytes(size), 256)
        assert paper.secure.send(command).data == bytes(size)
        sizes.append((paper.card.seen[0].extended, len(paper.send(secure_command_of(paper, command)).data)))
    (fits, reply), (too_long, longer) = sizes
    assert (fits, too_long) == (False, True)
    assert reply <= 256 < longer


def secure_command_of(paper: Paper, command: Command) -> Command:
    """The next protected command of a session, to be sent by hand."""
    taken: list[Command] = []

    class Taker:
        def send(self, protected: Command) -> Response:
            taken.append(protected)
            return Response(b"", 0x9000)

    with pytest.raises(LeftSecureMessaging):
        SecureChannel(Taker(), paper.secure.suite, paper.card.counter).send(command)
    return taken[0]


def test_a_long_command_goes_out_as_a_chain_of_protected_parts_without_extended_length():
    paper = Paper(Cipher.AES128, lambda _seen: (b"", b"\x90\x00"))
    paper.extended = False
    data = bytes(range(250)) * 2
    assert paper.secure.send(Command(0, 0x86, 0, 0, data, 256)).sw == apdu.OK
    parts = paper.card.seen
    assert b"".join(part.data for part in parts) == data
    assert [part.header[0] for part in parts] == [0x10, 0x10, 0]
    assert [part.le for part in parts] == [None, None, 256]
    assert not any(part.extended for part in parts)


@pytest.mark.parametrize(("size", "parts"), [(0, 1), (1, 1), (255, 1), (256, 2), (510, 2), (511, 3)])
def test_a_chain_has_no_empty_part(size, parts):
    command = Command(0x00, 0x86, 0x00, 0x00, bytes(size), 256)
    chain = apdu.chained(command)
    assert len(chain) == parts
    assert all(part.data for part in chain) or size == 0
    assert chain == [command] or parts > 1


def test_padding_is_iso_9797_method_2():
    assert pad(b"", 16) == b"\x80" + bytes(15)
    assert pad(bytes(16), 16) == bytes(16) + b"\x80" + bytes(15)
    assert unpad(pad(b"a\x80\x00", 16)) == b"a\x80\x00"
    for wrong in (b"", bytes(16), b"\x80\x01"):
        with pytest.raises(CardBroken):
            unpad(wrong)


@pytest.mark.parametrize("cipher", Cipher)
def test_keys_of_a_wrong_size_are_a_programming_error(cipher):
    with pytest.raises(ValueError, match=r"key|16 bytes"):
        suite(cipher, bytes(15), bytes(15))
