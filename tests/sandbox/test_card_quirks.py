"""Difficult and hostile sandbox cards: each switch changes what it says and nothing else."""

import pytest

from sandbox.card import image
from sandbox.card.chip import CardGone, Chip
from sandbox.card.image import ChipKey, EcdsaKey, Pace
from sandbox.card.quirks import Quirks
from tests.sandbox.bare_cards import BIG, CAN, COM, FILES, MRZ, by_bac, card, opened
from tests.sandbox.plain_groups import group_named
from tests.sandbox.terminals import AnyTerminal, can
from tests.support.terminal import Refused
from wire.codec import from_json, to_json

APPLET = "00A4040C07A0000002471001"
READ = b"\x0c\xb0"
SELECT = b"\x0c\xa4\x02\x0c"
DG1, DG2 = FILES[image.DG1], FILES[image.DG2]
CHIP_KEY = ChipKey(private=b"\x07")


def status_of(terminal: AnyTerminal, header: bytes, data: bytes = b"", expected: int | None = None) -> int:
    with pytest.raises(Refused) as refused:
        terminal.secured(header, data, expected)
    return refused.value.status


def test_switches_travel_as_json() -> None:
    quirks = Quirks(claimed_lengths={0x10D: 1 << 32}, length_octets={0x102: b"\x80"}, pace_replies={2: b"\x7c\x00"})
    assert from_json(to_json(quirks), Quirks) == quirks
    assert from_json(b"{}", Quirks) == Quirks()


# Lengths


def test_a_card_without_extended_length_says_so_in_the_clear() -> None:
    terminal = opened(card(), Quirks(no_extended_length=True))
    assert status_of(terminal, READ + b"\x82\x00", b"", 4000) == 0x6700
    terminal.counter -= 1  # refused before secure messaging: the card did not count it
    assert terminal.read(image.DG1) == DG1


def test_or_under_secure_messaging() -> None:
    terminal = opened(card(), Quirks(no_extended_length=True, extended_refusal_protected=True))
    assert terminal.exchange(READ + b"\x82\x00", b"", 4000) == (0x6700, b"")
    assert terminal.read(image.DG1) == DG1


def test_a_card_may_leave_secure_messaging_with_its_refusal() -> None:
    terminal = opened(card(), Quirks(no_extended_length=True, refusal_ends_session=True))
    assert status_of(terminal, READ + b"\x82\x00", b"", 4000) == 0x6700
    assert status_of(terminal, READ + b"\x81\x00", b"", 256) == 0x6988


@pytest.mark.parametrize(
    ("quirks", "expected", "status", "size"),
    [
        (Quirks(max_le=192), 223, 0x6700, 0),
        (Quirks(max_le=192), 192, 0x9000, 192),
        (Quirks(max_le=192, exact_le=True), 223, 0x6CC0, 0),
        (Quirks(max_le=192), 256, 0x9000, 223),  # all zeros means: what you can
        (Quirks(most_bytes_per_reply=100), 223, 0x9000, 100),
        (Quirks(most_bytes_per_reply=4000), 65536, 0x9000, 4000),
        (Quirks(zero_bytes_for_big_le=223), 224, 0x9000, 0),
        (Quirks(zero_bytes_for_big_le=223), 223, 0x9000, 223),
        (Quirks(extra_bytes_per_reply=5), 100, 0x9000, 105),
    ],
)
def test_cards_differ_in_the_length_they_bear(quirks: Quirks, expected: int, status: int, size: int) -> None:
    assert opened(card(), quirks).exchange(READ + b"\x82\x00", b"", expected) == (status, DG2[:size])


@pytest.mark.parametrize(("exact", "status"), [(False, 0x6700), (True, 0x6CC0)])
def test_a_length_may_be_refused_in_the_clear(exact: bool, status: int) -> None:
    terminal = opened(card(), Quirks(max_le=192, exact_le=exact, max_le_in_clear=True))
    command = terminal.protected(READ + b"\x82\x00", b"", 200)
    assert terminal.transmit(command) == status.to_bytes(2, "big")
    assert terminal.exchange(READ + b"\x82\x00", b"", 192) == (0x9000, DG2[:192])  # the session lives on


def test_a_card_may_refuse_an_le_with_select() -> None:
    terminal = AnyTerminal(Chip(card(), Quirks(no_le_on_select=True)).transmit)
    for command in ("00A4020C02011C00", "0022C1A40F800A04007F0007020204020283010200"):
        with pytest.raises(Refused, match="6700"):
            terminal.plain(command)
    terminal.pace(can(CAN))
    assert status_of(terminal, b"\x0c\xa4\x04\x0c", bytes.fromhex("A0000002471001"), 256) == 0x6700
    terminal.select_applet()
    assert terminal.read(image.COM) == COM


# Files


def test_a_card_without_short_file_ids_refuses_them_in_the_clear() -> None:
    terminal = opened(card(), Quirks(no_short_file_ids=0x6985))
    assert terminal.transmit(terminal.protected(READ + b"\x81\x00", b"", 200)) == b"\x69\x85"
    assert terminal.read(image.DG1) == DG1


def test_or_refuses_them_under_secure_messaging() -> None:
    terminal = opened(card(), Quirks(no_short_file_ids=0x6A86, short_file_ids_refused_protected=True))
    assert terminal.exchange(READ + b"\x81\x00", b"", 200) == (0x6A86, b"")
    assert terminal.read(image.DG1) == DG1


def test_a_card_may_refuse_short_file_ids_far_into_a_file() -> None:
    terminal = opened(card(), Quirks(short_file_id_offset_limit=0x80))
    assert terminal.secured(READ + b"\x82\x00", b"", 100) == DG2[:100]
    assert status_of(terminal, READ + b"\x82\xdf", b"", 100) == 0x6B00
    assert terminal.secured(READ + b"\x00\xdf", b"", 100) == DG2[0xDF : 0xDF + 100]


def test_the_end_of_a_file_may_come_in_silence() -> None:
    assert opened(card(), Quirks(silent_end=True)).exchange(READ + b"\x81\x00", b"", 200) == (0x9000, DG1)


@pytest.mark.parametrize("status", [0x6A82, 0x6986, 0x6D00])
def test_a_card_may_hide_its_access_file(status: int) -> None:
    terminal = AnyTerminal(Chip(card(), Quirks(card_access_refused=status)).transmit)
    for command in ("00B09C0000", "00A4020C02011C", APPLET, "00A4020C02011C"):
        if command != APPLET:
            with pytest.raises(Refused, match=f"{status:04X}"):
                terminal.plain(command)
        else:
            terminal.plain(command)


def test_or_only_until_the_application_is_selected() -> None:
    terminal = AnyTerminal(Chip(card(), Quirks(card_access_refused_before_applet=0x6986)).transmit)
    with pytest.raises(Refused, match="6986"):
        terminal.plain("00B09C0000")
    terminal.plain(APPLET)
    assert terminal.plain("00B09C0005") == b"\x31\x05inf"


def test_the_master_file_cannot_be_selected_unless_the_card_wants_it() -> None:
    usual = AnyTerminal(Chip(card()).transmit)
    for command in ("00A4000C023F00", "00A4000C"):
        with pytest.raises(Refused, match="6D00"):
            usual.plain(command)
    with pytest.raises(Refused, match="6A82"):
        AnyTerminal(Chip(card(), Quirks(select_master_file=0x6A82)).transmit).plain("00A4000C023F00")
    wanting = AnyTerminal(Chip(card(), Quirks(card_access_needs_master_file=0x6A82)).transmit)
    with pytest.raises(Refused, match="6A82"):
        wanting.plain("00A4020C02011C")
    wanting.plain("00A4000C023F00")
    assert wanting.plain("00B09C0007") == b"\x31\x05infos"


def test_the_master_file_leads_out_of_the_application() -> None:
    terminal = opened(card(), Quirks(select_master_file=0x9000))
    assert terminal.read(image.SOD) == FILES[image.SOD]
    terminal.secured(b"\x0c\xa4\x00\x0c", b"\x3f\x00")
    assert terminal.read(image.CARD_SECURITY) == b"\x30\x03sig"
    assert status_of(terminal, b"\x0c\xa4\x00\x0c", b"\x3f\x01") == 0x6A82


def test_asking_for_fingerprints_may_end_the_session() -> None:
    terminal = opened(card(), Quirks(sensitive_refusal_ends_session=True))
    assert terminal.transmit(terminal.protected(SELECT, b"\x01\x03")) == b"\x69\x82"
    assert status_of(terminal, READ + b"\x81\x00", b"", 256) == 0x6988


# Access


def attempt(terminal: AnyTerminal, number: str) -> int:
    with pytest.raises(Refused) as refused:
        terminal.pace(can(number))
    return refused.value.status


def test_wrong_keys_are_counted_and_the_right_one_clears_the_count() -> None:
    terminal = AnyTerminal(Chip(card(), Quirks(tries=3)).transmit)
    assert [attempt(terminal, "000000") for _ in range(2)] == [0x63C2, 0x63C1]
    terminal.pace(can(CAN))
    assert attempt(terminal, "000000") == 0x63C2


def test_the_count_outlives_the_power_and_blocks_at_the_end() -> None:
    chip = Chip(card(), Quirks(tries=2))
    terminal = AnyTerminal(chip.transmit)
    assert attempt(terminal, "000000") == 0x63C1
    chip.power_on()
    assert attempt(terminal, "000000") == 0x63C0
    assert attempt(terminal, CAN) == 0x6983
    terminal.plain(APPLET)
    with pytest.raises(Refused, match="6983"):
        terminal.bac(MRZ)


def test_basic_access_counts_too_and_answers_as_told() -> None:
    terminal = AnyTerminal(Chip(card(), Quirks(tries=9)).transmit)
    terminal.plain(APPLET)
    with pytest.raises(Refused, match="63C8"):
        terminal.bac(MRZ[:-1] + "0")
    other = AnyTerminal(Chip(card(), Quirks(wrong_key_status=0x6988)).transmit)
    other.plain(APPLET)
    with pytest.raises(Refused, match="6988"):
        other.bac(MRZ[:-1] + "0")


def test_every_wrong_key_makes_the_next_attempt_slower() -> None:
    waited: list[float] = []
    terminal = AnyTerminal(Chip(card(), Quirks(wrong_key_delay_seconds=0.5), sleep=waited.append).transmit)
    attempt(terminal, "000000")
    assert waited == []
    attempt(terminal, "000000")
    terminal.pace(can(CAN))
    terminal.plain(APPLET)
    terminal.bac(MRZ)
    assert waited == [0.5, 1.0]


def test_a_card_may_refuse_pace_and_open_by_basic_access() -> None:
    terminal = AnyTerminal(Chip(card(), Quirks(pace_refused=0x6982)).transmit)
    assert attempt(terminal, CAN) == 0x6982
    terminal.plain(APPLET)
    terminal.bac(MRZ)
    assert terminal.read(image.COM) == COM


def test_a_card_may_refuse_basic_access_or_give_a_broken_challenge() -> None:
    terminal = AnyTerminal(Chip(card(), Quirks(bac_refused=0x6985)).transmit)
    terminal.plain(APPLET)
    with pytest.raises(Refused, match="6985"):
        terminal.bac(MRZ)
    terminal = AnyTerminal(Chip(card(), Quirks(challenge=b"\x01\x02")).transmit)
    terminal.plain(APPLET)
    assert terminal.plain("0084000008") == b"\x01\x02"


def test_the_steps_of_pace_may_hold_anything() -> None:
    chip = Chip(card(), Quirks(pace_replies={1: b"\x7c\x02\x80\x00", 2: b""}))
    chip.transmit(bytes.fromhex("0022C1A40F800A04007F00070202040202830102"))
    assert chip.transmit(bytes.fromhex("10860000027C0000")) == b"\x7c\x02\x80\x00\x90\x00"
    group = group_named("brainpoolP256r1")
    own = group.octets(group.base)
    assert chip.transmit(b"\x10\x86\x00\x00\x45\x7c\x43\x81\x41" + own + b"\x00") == b"\x90\x00"


@pytest.mark.parametrize("offer", [Pace(), Pace(mapping="IM")])
def test_a_mirror_gives_the_terminals_key_back(offer: Pace) -> None:
    said: list[bytes] = []
    chip = Chip(card(offer), Quirks(pace_mirrors_keys=True))

    def listen(command: bytes) -> bytes:
        answer = chip.transmit(command)
        said.extend((command, answer))
        return answer

    with pytest.raises((Refused, AssertionError)):
        AnyTerminal(listen).pace(can(CAN), offer.mapping)
    command, answer = next((said[at], said[at + 1]) for at in range(0, len(said), 2) if said[at][7:8] == b"\x83")
    assert answer[4:-2] == command[9:-1]
    assert answer[2] == 0x84


# Sessions


def test_a_session_may_be_lost_once() -> None:
    chip = Chip(card(), Quirks(session_lost_after=3, session_lost_status=0x6987))
    for lost in (True, False):
        terminal = AnyTerminal(chip.transmit)
        terminal.pace(can(CAN))
        terminal.select_applet()
        for _ in range(2):
            terminal.secured(READ + b"\x81\x00", b"", 5)
        if lost:
            assert status_of(terminal, READ + b"\x81\x00", b"", 5) == 0x6987
            assert status_of(terminal, READ + b"\x81\x00", b"", 5) == 0x6988
        else:
            assert terminal.secured(READ + b"\x81\x00", b"", 5) == DG1


def test_or_every_time() -> None:
    chip = Chip(card(), Quirks(session_lost_after=1, session_lost_times=99))
    for _ in range(3):
        terminal = AnyTerminal(chip.transmit)
        terminal.pace(can(CAN))
        terminal.select_applet()
        assert status_of(terminal, READ + b"\x81\x00", b"", 5) == 0x6988


def test_a_card_may_stay_in_secure_messaging_until_the_power_is_cut() -> None:
    chip = Chip(card(), Quirks(stays_in_secure_messaging=True))
    terminal = AnyTerminal(chip.transmit)
    terminal.pace(can(CAN))
    terminal.select_applet()
    for command in ("00B09C0000", APPLET, "0022C1A40F800A04007F00070202040202830102"):
        with pytest.raises(Refused, match="6982"):
            terminal.plain(command)
    assert terminal.read(image.DG1) == DG1
    chip.power_on()
    assert terminal.plain("00B09C0007") == b"\x31\x05infos"


def test_a_forging_card_sends_wrong_macs() -> None:
    for terminal in (opened(card(), Quirks(wrong_mac_from=2)), by_bac(card(), Quirks(wrong_mac_from=1))):
        with pytest.raises(AssertionError, match="wrong MAC"):
            terminal.read(image.DG1)


# Proofs


def test_chip_authentication_may_be_refused() -> None:
    made = card(chip_authentication=(CHIP_KEY,))
    terminal = opened(made, Quirks(chip_authentication_refused=0x6A88))
    with pytest.raises(Refused, match="6A88"):
        terminal.chip_authentication(b"", "brainpoolP256r1", "AES-128")
    assert terminal.read(image.DG1) == DG1


def test_chip_authentication_may_end_the_session() -> None:
    terminal = opened(card(chip_authentication=(CHIP_KEY,)), Quirks(chip_authentication_ends_session=True))
    with pytest.raises(Refused, match="6988"):
        terminal.chip_authentication(b"", "brainpoolP256r1", "AES-128")
    assert status_of(terminal, READ + b"\x81\x00", b"", 5) == 0x6988


def test_active_authentication_may_be_refused() -> None:
    made = card(active_authentication=EcdsaKey(private=b"\x07"))
    terminal = opened(made, Quirks(active_authentication_refused=0x6985))
    assert status_of(terminal, b"\x0c\x88\x00\x00", b"challeng", 256) == 0x6985
    assert terminal.read(image.DG1) == DG1


# Lies


def test_a_lying_card_claims_four_gigabytes_and_never_ends() -> None:
    terminal = opened(card(), Quirks(claimed_lengths={image.DG1: 0xFFFFFFFF}))
    assert terminal.secured(READ + b"\x81\x00", b"", 9) == b"\x61\x84\xff\xff\xff\xffone"
    assert terminal.secured(READ + b"\x7f\x00", b"", 200) == bytes(200)
    assert terminal.read(image.COM) == COM


@pytest.mark.parametrize("octets", [b"\x80", b"\x00", b"\x88" + b"\xff" * 8, b"\x84\x80\x00\x00\x00", b"\xff", b""])
def test_a_length_may_be_written_in_any_way(octets: bytes) -> None:
    terminal = opened(card(), Quirks(length_octets={image.DG2: octets}))
    beginning = b"\x75" + octets + BIG[4:20]
    assert terminal.secured(READ + b"\x82\x00", b"", len(beginning)) == beginning
    assert terminal.exchange(READ + b"\x7f\x00", b"", 100) == (0x9000, bytes(100))


def test_a_file_may_never_end() -> None:
    terminal = opened(card(), Quirks(never_ends=True))
    assert terminal.exchange(READ + b"\x81\x00", b"", 9) == (0x9000, DG1 + bytes(4))
    assert terminal.exchange(READ + b"\x7f\xff", b"", 9) == (0x9000, bytes(9))


def test_the_first_block_may_come_again_and_again() -> None:
    terminal = opened(card(), Quirks(repeats_first_block=True))
    terminal.secured(SELECT, b"\x01\x02")
    for offset in (0, 100, 0x7000):
        assert terminal.secured(READ + offset.to_bytes(2, "big"), b"", 50) == BIG[:50]


def test_an_endless_card_always_promises_more() -> None:
    terminal = opened(card(), Quirks(endless_61xx=True))
    assert terminal.transmit(terminal.protected(READ + b"\x81\x00", b"", 256)) == b"\x61\xff"
    for _ in range(5):
        assert terminal.transmit(b"\x00\xc0\x00\x00\xff") == bytes(16) + b"\x61\xff"


def test_a_card_may_fall_silent() -> None:
    chip = Chip(card(), Quirks(mute_from=2))
    assert chip.transmit(bytes.fromhex(APPLET)) == b"\x90\x00"
    assert chip.transmit(bytes.fromhex(APPLET)) == b""


# Time and place


def test_a_card_leaves_when_told_to() -> None:
    chip = Chip(card(), Quirks(remove_after_apdus=1))
    chip.transmit(bytes.fromhex(APPLET))
    with pytest.raises(CardGone):
        chip.transmit(bytes.fromhex(APPLET))


def test_a_slow_card_waits_with_the_clock_it_was_given() -> None:
    waited: list[float] = []
    Chip(card(), Quirks(delay_seconds=0.25), sleep=waited.append).transmit(bytes.fromhex(APPLET))
    assert waited == [0.25]


def test_a_card_may_cost_time_for_every_apdu_and_every_byte() -> None:
    waited: list[float] = []
    quirks = Quirks(milliseconds_per_apdu=10, microseconds_per_byte=100)
    chip = Chip(card(), quirks, sleep=waited.append)
    chip.transmit(bytes.fromhex("00B09C0000"))  # 5 bytes; 7 and the status word back
    chip.transmit(bytes.fromhex(APPLET))  # 12 bytes; the status word back
    assert waited == pytest.approx([0.010 + 0.0014, 0.010 + 0.0014])
