"""Secure messaging against the sandbox card's own side of it, which follows the standard independently."""

import pytest

from reader.chip import apdu, tlv
from reader.chip.apdu import Command, Response
from reader.chip.secure_messaging import AesSuite, LeftSecureMessaging, SecureChannel, aes_checksum, pad, unpad
from reader.errors import CardBroken
from sandbox.card import apdu as card_apdu
from sandbox.card.secure_messaging import Channel

ENCRYPTION = bytes.fromhex("979EC13B1CBFE9DCD01AB0FED307EAE5")
CHECKSUM = bytes.fromhex("F1CB1F1FB5ADF208806B89DC579DC1F8")
RFC4493_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")


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


READ = apdu.read_by_short_id(1, 223)


@pytest.mark.parametrize(
    ("message", "mac"),
    [("", "bb1d6929e9593728"), ("6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144")],
)
def test_the_checksum_is_aes_cmac_cut_to_eight_bytes(message, mac):
    # RFC 4493, section 4, examples 1 and 2
    assert aes_checksum(RFC4493_KEY, bytes.fromhex(message)).hex() == mac


@pytest.mark.parametrize(
    "command",
    [READ, apdu.select_file(0x011E), apdu.read_current(300, 100), apdu.read_current(0x9000, 100), READ.with_le(256)],
)
def test_the_card_understands_every_command_and_we_its_answer(command):
    card = CardSide(card_apdu.Reply(0x9000, b"answer"))
    channel = secure(card)
    for _ in range(3):
        assert channel.send(command) == Response(b"answer", 0x9000)
    assert card.opened[-1].data == command.data
    assert card.opened[-1].ins == command.ins


def test_a_protected_status_word_without_data_is_an_answer():
    channel = secure(CardSide(card_apdu.Reply(0x6A82)))
    assert channel.send(READ) == Response(b"", 0x6A82)
    assert channel.send(READ) == Response(b"", 0x6A82)


def test_every_changed_byte_is_noticed():
    size = len(CardSide(card_apdu.Reply(0x9000, b"answer")).send(secure_command()).data)
    for at in range(size):

        def flip(data: bytes, sw: int, at: int = at) -> tuple[bytes, int]:
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], sw

        with pytest.raises(CardBroken):
            secure(CardSide(card_apdu.Reply(0x9000, b"answer"), flip)).send(READ)


def secure_command() -> Command:
    taken: list[Command] = []

    class Taker:
        def send(self, command: Command) -> Response:
            taken.append(command)
            return Response(b"", 0x6982)

    with pytest.raises(LeftSecureMessaging):
        SecureChannel(Taker(), AesSuite(ENCRYPTION, CHECKSUM)).send(READ)
    return taken[0]


def test_the_status_word_outside_the_checksum_is_not_believed():
    card = CardSide(card_apdu.Reply(0x6A82), lambda data, _: (data, 0x9000))
    assert secure(card).send(READ).sw == 0x6A82


@pytest.mark.parametrize("sw", [0x6982, 0x6987, 0x6988, 0x6700, 0x9000, 0x6A82])
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


def test_an_old_reply_is_not_taken_again():
    kept: list[tuple[bytes, int]] = []

    def replay(data: bytes, sw: int) -> tuple[bytes, int]:
        kept.append((data, sw))
        return kept[0]

    channel = secure(CardSide(card_apdu.Reply(0x9000, b"x"), replay))
    assert channel.send(READ).data == b"x"
    with pytest.raises(CardBroken):
        channel.send(READ)


def test_padding_is_iso_9797_method_2():
    assert pad(b"", 16) == b"\x80" + bytes(15)
    assert pad(bytes(16), 16) == bytes(16) + b"\x80" + bytes(15)
    assert unpad(pad(b"a\x80\x00", 16)) == b"a\x80\x00"
    for wrong in (b"", bytes(16), b"\x80\x01"):
        with pytest.raises(CardBroken):
            unpad(wrong)
