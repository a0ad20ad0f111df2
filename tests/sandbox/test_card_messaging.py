"""How commands and replies travel to the sandbox card: secure messaging, lengths, parts; no bytes confuse it."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.card import apdu, image
from sandbox.card.chip import Chip
from sandbox.card.image import CardImage, CipherName, Pace
from sandbox.card.quirks import Quirks
from sandbox.card.secure_messaging import Channel
from tests.sandbox.bare_cards import BIG, CAN, COM, FILES, by_bac, card, opened, rsa_key
from tests.sandbox.terminals import AnyTerminal, Transmit, can
from tests.support.terminal import Refused, unwrapped

READ, FAR = b"\x0c\xb0", b"\x0c\xb1"
CIPHERS: tuple[CipherName, ...] = ("3DES", "AES-128", "AES-192", "AES-256")


def by_cipher(cipher: CipherName, quirks: Quirks | None = None) -> AnyTerminal:
    return opened(card(Pace(cipher=cipher, parameters=12)), quirks)


@pytest.mark.parametrize("cipher", CIPHERS)
def test_every_cipher_carries_short_and_extended_lengths(cipher: CipherName) -> None:
    terminal = by_cipher(cipher)
    assert terminal.exchange(READ + b"\x82\x00", b"", 65536) == (0x9000, BIG)
    assert terminal.exchange(READ + b"\x82\x00", b"", 1000) == (0x9000, BIG[:1000])
    assert terminal.read(image.DG2, 223) == BIG
    assert terminal.opened(terminal.transmit(terminal.protected(READ + b"\x81\x00", b"", 5, extended=True))) == (
        0x9000,
        FILES[image.DG1],
    )


@pytest.mark.parametrize(("cipher", "most"), [("3DES", 231), ("AES-128", 223), ("AES-256", 223)])
def test_a_short_command_is_answered_with_what_fits_256_bytes(cipher: CipherName, most: int) -> None:
    terminal = by_cipher(cipher)
    answer = terminal.transmit(terminal.protected(READ + b"\x82\x00", b"", 256))
    assert len(answer) <= 258
    assert terminal.opened(answer) == (0x9000, BIG[:most])
    assert terminal.exchange(READ + b"\x82\x00", b"", 255) == (0x9000, BIG[:most])
    assert terminal.exchange(READ + b"\x82\x00", b"", most) == (0x9000, BIG[:most])


@pytest.mark.parametrize("cipher", CIPHERS)
def test_an_odd_instruction_reads_at_any_offset(cipher: CipherName) -> None:
    terminal = by_cipher(cipher)
    answer = terminal.secured(FAR + b"\x01\x02", b"\x54\x02\x0e\x00", 100)
    assert unwrapped(answer, 0x53) == BIG[0xE00 : 0xE00 + 100]
    whole = unwrapped(terminal.secured(FAR + b"\x01\x02", b"\x54\x01\x00", 65536), 0x53)
    assert whole == BIG
    terminal.secured(b"\x0c\xa4\x02\x0c", b"\x01\x1e")
    assert unwrapped(terminal.secured(FAR + b"\x00\x00", b"\x54\x01\x02", 8), 0x53) == COM[2:10]
    short = terminal.transmit(terminal.protected(FAR + b"\x01\x02", b"\x54\x01\x00", 256))
    assert len(short) <= 258
    assert unwrapped(terminal.opened(short)[1], 0x53) == BIG[: 228 if cipher == "3DES" else 220]


@pytest.mark.parametrize("data", [b"", b"\x54\x00", b"\x54\x05\x00\x00\x00\x00\x00", b"\x53\x01\x00", b"\x54\x02\x00"])
def test_an_odd_instruction_without_an_offset_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="6A80"):
        opened(card()).secured(FAR + b"\x01\x02", data, 100)


def test_reading_to_the_end_and_past_it_is_told() -> None:
    terminal = opened(card())
    assert terminal.exchange(READ + b"\x81\x00", b"", 200) == (0x6282, FILES[image.DG1])
    with pytest.raises(Refused, match="6B00"):
        terminal.secured(READ + b"\x01\x00", b"", 10)
    with pytest.raises(Refused, match="6700"):
        terminal.secured(READ + b"\x81\x00")


def test_fingerprints_are_refused_and_absent_groups_not_found() -> None:
    terminal = opened(card())
    for file, status in ((b"\x01\x03", "6982"), (b"\x01\x0b", "6A82"), (b"\x01\x0c", "6A82")):
        with pytest.raises(Refused, match=status):
            terminal.secured(b"\x0c\xa4\x02\x0c", file)
    assert terminal.read(image.DG1) == FILES[image.DG1]  # the session lives on


# Sessions


def test_a_plain_command_ends_the_session() -> None:
    terminal = opened(card())
    with pytest.raises(Refused, match="6982"):
        terminal.plain("00B0810000")
    with pytest.raises(Refused, match="6988"):
        terminal.secured(READ + b"\x81\x00", b"", 256)


@pytest.mark.parametrize("way", [by_bac, opened])
def test_a_forged_command_ends_the_session(way: Callable[[CardImage], AnyTerminal]) -> None:
    asking = way(card())
    key, asking.mac_key = asking.mac_key, bytes(16)
    with pytest.raises(Refused, match="6988"):
        asking.secured(READ + b"\x81\x00", b"", 256)
    asking.mac_key, asking.counter = key, asking.counter - 1
    with pytest.raises(Refused, match="6988"):
        asking.secured(READ + b"\x81\x00", b"", 256)


def test_a_command_without_checksum_is_told_what_it_lacks() -> None:
    terminal = opened(card())
    with pytest.raises(Refused, match="6987"):
        terminal.plain("0CB0810003970100" + "00")


def test_a_replayed_command_is_refused() -> None:
    chip = Chip(card())
    sent = []

    def recorded(command: bytes) -> bytes:
        sent.append(command)
        return chip.transmit(command)

    terminal = AnyTerminal(recorded)
    terminal.pace(can(CAN))
    terminal.select_applet()
    assert chip.transmit(sent[-1]) == b"\x69\x88"


def test_power_off_forgets_the_session() -> None:
    chip = Chip(card())
    terminal = AnyTerminal(chip.transmit)
    terminal.pace(can(CAN))
    terminal.select_applet()
    chip.power_on()
    with pytest.raises(Refused, match="6988"):
        terminal.secured(READ + b"\x81\x00", b"", 256)


def test_the_counter_of_triple_des_begins_again_after_its_last_value() -> None:
    terminal = AnyTerminal(lambda _: b"")
    terminal.cipher, terminal.encryption_key, terminal.mac_key, terminal.counter = "3DES", b"e" * 16, b"m" * 16, -1
    channel = Channel(b"e" * 16, b"m" * 16, "3DES", counter=(1 << 64) - 1)
    opened_command = channel.open(apdu.parse(terminal.protected(READ + b"\x81\x00", b"", 4)))
    assert (opened_command.ins, opened_command.expected) == (0xB0, 4)


# Parts


def test_a_plain_command_may_come_in_parts() -> None:
    chip = Chip(card())
    assert chip.transmit(bytes.fromhex("10A4040C04A0000002")) == b"\x90\x00"
    assert chip.transmit(bytes.fromhex("00A4040C03471001")) == b"\x90\x00"
    chip.transmit(bytes.fromhex("10A4040C04A0000002"))
    chip.transmit(bytes.fromhex("00B0810000"))  # another command ends the chain
    assert chip.transmit(bytes.fromhex("00A4040C03471001")) == b"\x6a\x82"


def test_a_protected_command_may_come_in_parts() -> None:
    key, _ = rsa_key(1024)
    terminal = opened(card(active_authentication=key))
    assert terminal.secured(b"\x1c\x88\x00\x00", b"chal") == b""
    assert len(terminal.secured(b"\x0c\x88\x00\x00", b"leng", 256)) == 128


def test_a_long_key_for_pace_may_come_in_parts() -> None:
    chip = Chip(card(Pace(parameters=1)))
    terminal = AnyTerminal(in_parts(chip))
    terminal.pace(can(CAN), parameters=1)
    terminal.select_applet()
    assert terminal.read(image.COM) == COM


def in_parts(chip: Chip) -> Transmit:
    """A line that has no extended length: long plain commands are cut up, long replies fetched."""

    def transmit(command: bytes) -> bytes:
        if len(command) < 7 or command[4] or command[0] & 0x0C:
            return chip.transmit(command)
        data = command[7:-2]
        answer = b""
        for at in range(0, len(data), 200):
            piece = data[at : at + 200]
            last = at + 200 >= len(data)
            header = bytes([command[0] if last else command[0] | 0x10]) + command[1:4]
            answer = chip.transmit(header + bytes([len(piece)]) + piece + (b"\x00" if last else b""))
        collected = b""
        while answer[-2] == 0x61:
            collected += answer[:-2]
            answer = chip.transmit(b"\x00\xc0\x00\x00" + answer[-1:])
        return collected + answer

    return transmit


def test_a_card_may_know_no_parts_of_commands() -> None:
    chip = Chip(card(), Quirks(no_command_chaining=True))
    assert chip.transmit(bytes.fromhex("10A4040C04A0000002")) == b"\x68\x84"
    assert chip.transmit(bytes.fromhex("00A4040C07A0000002471001")) == b"\x90\x00"


def test_a_command_in_parts_has_an_end() -> None:
    chip = Chip(card())
    part = bytes.fromhex("10A4040C00FFFF") + bytes(0xFFFF)
    assert chip.transmit(part) == b"\x90\x00"
    assert chip.transmit(part) == b"\x68\x84"


@pytest.mark.parametrize("size", [256, 100, 16])
@pytest.mark.parametrize("cipher", ["3DES", "AES-128"])
def test_a_long_reply_may_come_in_parts(cipher: CipherName, size: int) -> None:
    terminal = by_cipher(cipher, Quirks(chains_replies=size))
    assert terminal.exchange(READ + b"\x82\x00", b"", 256) == (0x9000, BIG[:256])
    command = terminal.protected(READ + b"\x82\x00", b"", 4000, extended=False)
    assert terminal.opened(terminal.asked(command)) == (0x9000, BIG[:4000])
    assert terminal.exchange(READ + b"\x82\x00", b"", 4000) == (0x9000, BIG[:4000])  # extended: in one


def test_the_rest_of_a_reply_is_lost_with_the_next_command() -> None:
    terminal = by_cipher("AES-128", Quirks(chains_replies=100))
    answer = terminal.transmit(terminal.protected(READ + b"\x82\x00", b"", 256))
    assert answer[-2] == 0x61
    terminal.counter += 1
    terminal.secured(b"\x0c\xa4\x02\x0c", b"\x01\x1e")
    assert terminal.transmit(b"\x00\xc0\x00\x00\x00")[-2:] == b"\x6d\x00"


# Any bytes


HEADERS = st.tuples(
    st.sampled_from([0x00, 0x0C, 0x10, 0x1C, 0x80, 0xFF]),
    st.sampled_from([0x22, 0x82, 0x84, 0x86, 0x88, 0xA4, 0xB0, 0xB1, 0xC0, 0xFF]),
    st.sampled_from([0x00, 0x01, 0x02, 0x04, 0x41, 0x81, 0x9C, 0xC1]),
    st.sampled_from([0x00, 0x0C, 0xA4, 0xA6, 0xFF]),
).map(bytes)


@given(header=HEADERS, body=st.binary(max_size=40), data=st.binary(max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_bytes_confuse_the_chip(header: bytes, body: bytes, data: bytes) -> None:
    chip = Chip(card())
    chip.transmit(bytes.fromhex("00A4040C07A0000002471001"))
    chip.transmit(bytes.fromhex("0022C1A40F800A04007F00070202040202830102"))
    for raw in (header + body, body, header + bytes([len(data)]) + data, header + bytes([len(data)]) + data + b"\x00"):
        assert len(chip.transmit(raw)) >= 2


@pytest.fixture(scope="module")
def one_session() -> AnyTerminal:
    """One open session for all examples."""
    key = image.ChipKey(private=b"\x07", ciphers=("3DES", "AES-128"))
    return opened(card(chip_authentication=(key,), active_authentication=image.EcdsaKey(private=b"\x07")))


@given(
    instruction=st.sampled_from([0x22, 0x82, 0x84, 0x86, 0x88, 0xA4, 0xB0, 0xB1]),
    place=st.sampled_from(
        [b"\x00\x00", b"\x41\xa4", b"\x41\xa6", b"\xc1\xa4", b"\x02\x0c", b"\x7f\xff", b"\x81\xff", b"\x04\x0c"]
    ),
    cla=st.sampled_from([0x0C, 0x1C]),
    data=st.binary(max_size=60),
    expected=st.sampled_from([None, 1, 256, 65536]),
)
@settings(max_examples=200, deadline=None)
def test_no_protected_command_confuses_the_chip(
    one_session: AnyTerminal, instruction: int, place: bytes, cla: int, data: bytes, expected: int | None
) -> None:
    status, _ = one_session.exchange(bytes([cla, instruction]) + place, data, expected)
    assert status & 0xF000 in (0x6000, 0x9000)
