"""The chip's protocol, asked by a terminal that shares no code with it."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.card import files, image
from sandbox.card.chip import CardGone, Chip
from sandbox.card.quirks import Quirks
from sandbox.card.trust import Authority
from sandbox.people import all_people, find
from sandbox.portrait import jpeg
from tests.support.terminal import Refused, Terminal, can_key, kdf, mrz_key, point, unwrapped

APPLET = "00A4040C07A0000002471001"
READ = b"\x0c\xb0"


@pytest.fixture(scope="module")
def card(authority: Authority) -> image.CardImage:
    person = find("mau")
    return files.build(person, jpeg(person), authority)


def opened(card: image.CardImage, quirks: Quirks | None = None) -> Terminal:
    chip = Chip(card, quirks or Quirks())
    terminal = Terminal(chip.transmit)
    terminal.pace(can_key(card.can))
    terminal.select_applet()
    return terminal


def refusal(terminal: Terminal, header: bytes, data: bytes = b"", expected: int | None = None) -> int:
    with pytest.raises(Refused) as refused:
        terminal.secured(header, data, expected)
    return refused.value.status


def test_the_access_key_is_that_of_the_published_vectors() -> None:
    from sandbox.card import keys

    assert keys.can_key("900017").hex().upper() == "AF49B2AE5DCABC8D71C93DD5F739B76D"
    assert keys.mrz_key("303900017703021402802149").hex().upper() == "7933D8FE89A145D0E1DDB6E141B917C7"
    assert keys.can_key("900017") == can_key("900017") == kdf(b"900017", 3)


@pytest.mark.parametrize("person", [person.key for person in all_people()])
def test_every_persons_card_opens_and_gives_back_its_files(person: str, authority: Authority) -> None:
    card = files.build(find(person), None, authority)
    terminal = opened(card)
    for file in (image.COM, image.SOD, image.DG1, image.DG13, image.DG14, image.DG15):
        assert terminal.read(file) == card.files[file]


def test_the_mrz_opens_the_card_too(card: image.CardImage) -> None:
    terminal = Terminal(Chip(card).transmit)
    terminal.pace(mrz_key(card.mrz_information), reference=1)
    terminal.select_applet()
    assert terminal.read(image.DG1) == card.files[image.DG1]


def test_a_wrong_can_is_refused_only_at_the_last_step(card: image.CardImage) -> None:
    chip = Chip(card)
    terminal = Terminal(chip.transmit)
    with pytest.raises(Refused) as refused:
        terminal.pace(can_key("900018"))
    assert refused.value.status == 0x6300
    assert chip.apdus == 5


def test_a_right_can_opens_the_card_after_a_wrong_one(card: image.CardImage) -> None:
    terminal = Terminal(Chip(card).transmit)
    with pytest.raises(Refused):
        terminal.pace(can_key("000000"))
    terminal.pace(can_key(card.can))
    terminal.select_applet()
    assert terminal.read(image.COM) == card.files[image.COM]


def test_before_access_only_the_access_file_is_readable(card: image.CardImage) -> None:
    terminal = Terminal(Chip(card).transmit)
    assert terminal.plain("00B09C0000") == card.files[image.CARD_ACCESS]
    assert terminal.plain("00A4020C02011C") == b""
    assert terminal.plain("00B0000000") == card.files[image.CARD_ACCESS]
    terminal.plain(APPLET)
    for command in ("00A4020C020101", "00A4020C02011D", "00B0810000", "00B09E0000"):
        with pytest.raises(Refused, match="6982"):
            terminal.plain(command)


def test_fingerprints_are_refused_and_absent_groups_not_found(card: image.CardImage) -> None:
    terminal = opened(card)
    assert refusal(terminal, b"\x0c\xa4\x02\x0c", b"\x01\x03") == 0x6982
    assert refusal(terminal, b"\x0c\xa4\x02\x0c", b"\x01\x0b") == 0x6A82
    assert refusal(terminal, b"\x0c\xa4\x02\x0c", b"\x01\x0c") == 0x6A82
    assert terminal.read(image.DG1) == card.files[image.DG1]  # the session lives on


def test_a_child_without_portrait_has_no_dg2(authority: Authority) -> None:
    card = files.build(find("nhi"), None, authority)
    assert image.DG2 not in card.files
    terminal = opened(card)
    assert refusal(terminal, READ + b"\x82\x00", b"", 256) == 0x6A82
    assert b"\x75" not in unwrapped(terminal.read(image.COM), 0x60)[14:]


def test_extended_length_reads_a_portrait_in_one_command(card: image.CardImage) -> None:
    terminal = opened(card)
    status, whole = terminal.exchange(READ + b"\x82\x00", b"", 65536)
    assert (status, whole) == (0x9000, card.files[image.DG2])


def test_short_blocks_read_the_same_portrait(card: image.CardImage) -> None:
    assert opened(card).read(image.DG2) == card.files[image.DG2]


def test_an_odd_instruction_reads_at_any_offset(card: image.CardImage) -> None:
    terminal = opened(card)
    answer = terminal.secured(b"\x0c\xb1\x01\x02", b"\x54\x03\x00\x20\x00", 100)
    assert unwrapped(answer, 0x53) == card.files[image.DG2][0x2000 : 0x2000 + 100]


def test_reading_past_the_end_is_told(card: image.CardImage) -> None:
    terminal = opened(card)
    status, piece = terminal.exchange(READ + b"\x81\x00", b"", 200)
    assert (status, piece) == (0x6282, card.files[image.DG1])
    assert refusal(terminal, READ + b"\x01\x00", b"", 10) == 0x6B00


def test_a_plain_command_ends_the_session(card: image.CardImage) -> None:
    terminal = opened(card)
    with pytest.raises(Refused, match="6982"):
        terminal.plain("00B0810000")
    assert refusal(terminal, READ + b"\x81\x00", b"", 256) == 0x6988


def test_a_forged_command_ends_the_session(card: image.CardImage) -> None:
    terminal = opened(card)
    key, terminal.mac_key = terminal.mac_key, bytes(16)
    assert refusal(terminal, READ + b"\x81\x00", b"", 256) == 0x6988
    terminal.mac_key, terminal.counter = key, terminal.counter - 1
    assert refusal(terminal, READ + b"\x81\x00", b"", 256) == 0x6988


def test_a_replayed_command_is_refused(card: image.CardImage) -> None:
    chip = Chip(card)
    sent = []

    def recorded(command: bytes) -> bytes:
        sent.append(command)
        return chip.transmit(command)

    terminal = Terminal(recorded)
    terminal.pace(can_key(card.can))
    terminal.select_applet()
    assert chip.transmit(sent[-1]) == b"\x69\x88"


def test_power_off_forgets_the_session(card: image.CardImage) -> None:
    chip = Chip(card)
    terminal = Terminal(chip.transmit)
    terminal.pace(can_key(card.can))
    terminal.select_applet()
    chip.power_on()
    assert refusal(terminal, READ + b"\x81\x00", b"", 256) == 0x6988


HEADERS = st.tuples(
    st.sampled_from([0x00, 0x0C, 0x10, 0x80, 0xFF]),
    st.sampled_from([0x22, 0x84, 0x86, 0x88, 0xA4, 0xB0, 0xB1, 0xC0, 0xFF]),
    st.sampled_from([0x00, 0x01, 0x02, 0x04, 0x41, 0x81, 0x9C, 0xC1]),
    st.sampled_from([0x00, 0x0C, 0xA4, 0xFF]),
).map(bytes)


@given(header=HEADERS, body=st.binary(max_size=40), data=st.binary(max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_bytes_confuse_the_chip(card: image.CardImage, header: bytes, body: bytes, data: bytes) -> None:
    chip = Chip(card)
    chip.transmit(bytes.fromhex("0022C1A40F800A04007F00070202040202830102"))
    for raw in (header + body, body, header + bytes([len(data)]) + data, header + bytes([len(data)]) + data + b"\x00"):
        assert len(chip.transmit(raw)) >= 2


@pytest.fixture(scope="module")
def one_session(card: image.CardImage) -> Terminal:
    """One open session for all examples: PACE for each would take most of the time."""
    return opened(card)


@given(
    instruction=st.sampled_from([0x22, 0x86, 0x88, 0xA4, 0xB0, 0xB1]),
    place=st.sampled_from([b"\x00\x00", b"\x41\xa4", b"\xc1\xa4", b"\x02\x0c", b"\x7f\xff", b"\x81\xff"]),
    data=st.binary(max_size=60),
    expected=st.sampled_from([None, 1, 256, 65536]),
)
@settings(max_examples=100, deadline=None)
def test_no_protected_command_confuses_the_chip(
    one_session: Terminal, instruction: int, place: bytes, data: bytes, expected: int | None
) -> None:
    status, _ = one_session.exchange(b"\x0c" + bytes([instruction]) + place, data, expected)
    assert status & 0xF000 in (0x6000, 0x9000)


@pytest.mark.parametrize(
    "data", ["7C02800081", "7C43814100" + "00" * 64, "7C438141" + "04" + "01" * 64, "7C00", "30", "7F", "7C8481"]
)
def test_a_broken_key_in_pace_is_refused(card: image.CardImage, data: str) -> None:
    terminal = Terminal(Chip(card).transmit)
    terminal.plain("0022C1A40F800A04007F00070202040202830102")
    terminal.plain("10860000027C0000")
    body = bytes.fromhex(data)
    with pytest.raises(Refused) as refused:
        terminal.plain(b"\x10\x86\x00\x00" + bytes([len(body)]) + body + b"\x00")
    assert refused.value.status == 0x6A80


def test_another_curve_or_password_is_refused(card: image.CardImage) -> None:
    terminal = Terminal(Chip(card).transmit)
    with pytest.raises(Refused, match="6A80"):
        terminal.plain("0022C1A412800A04007F0007020204020283010284010C")
    with pytest.raises(Refused, match="6A88"):
        terminal.plain("0022C1A40F800A04007F00070202040202830103")
    with pytest.raises(Refused, match="6985"):
        terminal.plain("10860000027C0000")


def test_chip_authentication_changes_the_keys(card: image.CardImage) -> None:
    terminal = opened(card)
    dg14 = terminal.read(image.DG14)
    start = dg14.index(b"\x03\x42\x00\x04") + 3
    public = dg14[start : start + 65]
    assert point(public) is not None
    before = terminal.mac_key
    terminal.chip_authentication(public)
    assert terminal.mac_key != before
    assert terminal.read(image.DG1) == card.files[image.DG1]


def test_a_copied_card_fails_chip_authentication(card: image.CardImage) -> None:
    copied = msgspec.structs.replace(card, chip_authentication_key=(5).to_bytes(32, "big"))
    terminal = opened(copied)
    dg14 = terminal.read(image.DG14)
    start = dg14.index(b"\x03\x42\x00\x04") + 3
    terminal.chip_authentication(dg14[start : start + 65])
    assert refusal(terminal, READ + b"\x81\x00", b"", 256) == 0x6988


def test_active_authentication_signs_the_challenge(card: image.CardImage) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    terminal = opened(card)
    key = load_der_public_key(unwrapped(terminal.read(image.DG15), 0x6F))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = terminal.secured(b"\x0c\x88\x00\x00", b"challeng", 256)
    numbers = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(encode_dss_signature(*numbers), b"challeng", ec.ECDSA(SHA256()))


# Difficult cards


def test_a_card_without_extended_length_says_so_in_the_clear(card: image.CardImage) -> None:
    terminal = opened(card, Quirks(no_extended_length=True))
    assert refusal(terminal, READ + b"\x82\x00", b"", 4000) == 0x6700
    terminal.counter -= 1  # refused before secure messaging: the card did not count it
    assert terminal.read(image.DG1) == card.files[image.DG1]


def test_a_card_may_leave_secure_messaging_with_its_refusal(card: image.CardImage) -> None:
    terminal = opened(card, Quirks(no_extended_length=True, refusal_ends_session=True))
    assert refusal(terminal, READ + b"\x82\x00", b"", 4000) == 0x6700
    assert refusal(terminal, READ + b"\x81\x00", b"", 256) == 0x6988


def test_a_card_without_short_file_ids_refuses_them_in_the_clear(card: image.CardImage) -> None:
    terminal = opened(card, Quirks(no_short_file_ids=0x6985))
    assert refusal(terminal, READ + b"\x81\x00", b"", 256) == 0x6985
    assert terminal.read(image.DG1) == card.files[image.DG1]


@pytest.mark.parametrize(
    ("quirks", "expected", "status", "size"),
    [
        (Quirks(max_le=192), 223, 0x6700, 0),
        (Quirks(max_le=192), 192, 0x9000, 192),
        (Quirks(max_le=192, exact_le=True), 223, 0x6CC0, 0),
        (Quirks(most_bytes_per_reply=100), 223, 0x9000, 100),
        (Quirks(zero_bytes_for_big_le=223), 224, 0x9000, 0),
        (Quirks(zero_bytes_for_big_le=223), 223, 0x9000, 223),
    ],
)
def test_cards_differ_in_the_length_they_bear(
    card: image.CardImage, quirks: Quirks, expected: int, status: int, size: int
) -> None:
    got, data = opened(card, quirks).exchange(READ + b"\x82\x00", b"", expected)
    assert (got, data) == (status, card.files[image.DG2][:size])


def test_a_card_may_hide_its_access_file(card: image.CardImage) -> None:
    terminal = Terminal(Chip(card, Quirks(card_access_refused=0x6986)).transmit)
    for command in ("00B09C0000", "00A4020C02011C"):
        with pytest.raises(Refused, match="6986"):
            terminal.plain(command)


def test_a_card_may_refuse_short_file_ids_far_into_a_file(card: image.CardImage) -> None:
    terminal = opened(card, Quirks(short_file_id_offset_limit=0x80))
    assert terminal.secured(READ + b"\x82\x00", b"", 100) == card.files[image.DG2][:100]
    assert refusal(terminal, READ + b"\x82\xdf", b"", 100) == 0x6B00


def test_a_lying_card_claims_four_gigabytes_and_never_ends(card: image.CardImage) -> None:
    terminal = opened(card, Quirks(claimed_lengths={image.DG13: 0xFFFFFFFF}))
    head = terminal.secured(READ + b"\x8d\x00", b"", 8)
    assert head[:6] == b"\x6d\x84\xff\xff\xff\xff"
    assert len(terminal.secured(READ + b"\x7f\x00", b"", 200)) == 200


def test_an_endless_card_always_promises_more(card: image.CardImage) -> None:
    terminal = opened(card, Quirks(endless_61xx=True))
    assert refusal(terminal, READ + b"\x81\x00", b"", 256) == 0x61FF


def test_a_forging_card_sends_wrong_macs(card: image.CardImage) -> None:
    terminal = opened(card, Quirks(wrong_mac_from=2))
    with pytest.raises(AssertionError, match="wrong MAC"):
        terminal.read(image.DG1)


def test_a_card_leaves_when_told_to(card: image.CardImage) -> None:
    chip = Chip(card, Quirks(remove_after_apdus=1))
    chip.transmit(bytes.fromhex(APPLET))
    with pytest.raises(CardGone):
        chip.transmit(bytes.fromhex(APPLET))


def test_a_slow_card_waits_with_the_clock_it_was_given(card: image.CardImage) -> None:
    waited: list[float] = []
    Chip(card, Quirks(delay_seconds=0.25), sleep=waited.append).transmit(bytes.fromhex(APPLET))
    assert waited == [0.25]
