"""How the sandbox card is opened: PACE in all its forms and BAC, asked by terminals that share no code with it."""

import pytest

from sandbox.card import files, groups, image
from sandbox.card.chip import Chip
from sandbox.card.image import Access, ChipKey, Pace
from sandbox.card.parameters import NAMES
from sandbox.card.trust import Authority
from sandbox.people import all_people, find
from sandbox.portrait import jpeg
from tests.sandbox.bare_cards import CAN, COM, FILES, MRZ, by_bac, card, opened
from tests.sandbox.plain_groups import group_named
from tests.sandbox.terminals import AnyTerminal, can, mrz
from tests.support.terminal import Refused, Terminal, can_key, kdf, mrz_key

APPLET = "00A4040C07A0000002471001"
STATIC = 0x5EC2E7
CIPHERS = ["3DES", "AES-128", "AES-192", "AES-256"]
MAPPINGS = [
    *(Pace(parameters=number) for number in NAMES),
    *(Pace(mapping="IM", parameters=number) for number in NAMES if number != 10),
    *(Pace(mapping="CAM", parameters=number) for number in NAMES if number >= 8),
    *(Pace(mapping="GM", cipher=cipher, parameters=12) for cipher in CIPHERS),
    *(Pace(mapping="IM", cipher=cipher, parameters=12) for cipher in CIPHERS),
    *(Pace(mapping="CAM", cipher=cipher, parameters=12) for cipher in CIPHERS[1:]),
    *(Pace(mapping="GM", cipher=cipher, parameters=0) for cipher in CIPHERS),
    *(Pace(mapping="IM", cipher=cipher, parameters=0) for cipher in CIPHERS),
]


def named(offer: Pace) -> str:
    return f"{offer.mapping}-{offer.cipher}-{NAMES[offer.parameters]}"


def static_key(offer: Pace) -> ChipKey:
    return ChipKey(group=NAMES[offer.parameters], private=STATIC.to_bytes(4, "big"), ciphers=())


@pytest.mark.parametrize("offer", MAPPINGS, ids=named)
def test_pace_in_every_form_opens_the_card(offer: Pace) -> None:
    made = card(offer, chip_authentication=(static_key(offer),) if offer.mapping == "CAM" else ())
    terminal = AnyTerminal(Chip(made).transmit)
    mapping_key = terminal.pace(can(CAN), offer.mapping, offer.cipher, offer.parameters)
    terminal.select_applet()
    assert terminal.read(image.COM) == COM
    if mapping_key is not None:
        group = group_named(NAMES[offer.parameters])
        public = group.element(groups.by_number(offer.parameters).private(STATIC).public)
        assert group.octets(group.times(terminal.chip_authentication_data, public)) == mapping_key


@pytest.mark.parametrize("cipher", CIPHERS)
def test_the_mrz_opens_the_card_with_every_cipher(cipher: str) -> None:
    offer = Pace(cipher=cipher, parameters=12)
    terminal = AnyTerminal(Chip(card(offer)).transmit)
    terminal.pace(mrz(MRZ), cipher=cipher, parameters=12, reference=1)
    terminal.select_applet()
    assert terminal.read(image.DG1) == FILES[image.DG1]


def test_of_several_offers_the_terminal_chooses() -> None:
    offers = (Pace(), Pace(cipher="AES-256", parameters=16), Pace(mapping="IM", parameters=12), Pace(parameters=0))
    for offer in offers:
        terminal = AnyTerminal(Chip(card(*offers)).transmit)
        terminal.pace(can(CAN), offer.mapping, offer.cipher, offer.parameters)
        terminal.select_applet()
        assert terminal.read(image.COM) == COM


def test_two_curves_for_one_protocol_must_be_told_apart() -> None:
    made = card(Pace(parameters=12), Pace(parameters=13))
    with pytest.raises(Refused, match="6A88"):
        AnyTerminal(Chip(made).transmit).pace(can(CAN), parameters=13)
    for number in (12, 13):
        terminal = AnyTerminal(Chip(made).transmit)
        terminal.pace(can(CAN), parameters=number, tell_parameters=True)
        terminal.select_applet()


@pytest.mark.parametrize("offer", [Pace(), Pace(mapping="IM"), Pace(parameters=0), Pace(cipher="3DES", parameters=12)])
def test_a_wrong_can_is_refused_only_at_the_last_step_of_any_form(offer: Pace) -> None:
    chip = Chip(card(offer))
    with pytest.raises(Refused, match="6300"):
        AnyTerminal(chip.transmit).pace(can("654321"), offer.mapping, offer.cipher, offer.parameters)
    assert chip.apdus == 5


def test_a_card_without_a_can_knows_only_the_mrz() -> None:
    made = card(can=None)
    with pytest.raises(Refused, match="6A88"):
        AnyTerminal(Chip(made).transmit).pace(can(CAN))
    AnyTerminal(Chip(made).transmit).pace(mrz(MRZ), reference=1)


def test_chip_authentication_mapping_without_a_key_fails_at_the_end() -> None:
    terminal = AnyTerminal(Chip(card(Pace(mapping="CAM"))).transmit)
    with pytest.raises(Refused, match="6985"):
        terminal.pace(can(CAN), "CAM")


# Basic access control


def test_a_card_with_basic_access_only_has_no_access_file() -> None:
    chip = Chip(card(access=Access(pace=()), master_files={}))
    terminal = AnyTerminal(chip.transmit)
    for command in ("00B09C0000", "00A4020C02011C"):
        with pytest.raises(Refused, match="6A82"):
            terminal.plain(command)
    with pytest.raises(Refused, match="6A80"):
        terminal.pace(can(CAN))
    terminal.plain(APPLET)
    terminal.bac(MRZ)
    assert terminal.read(image.COM) == COM
    assert terminal.read(image.DG2, 231) == FILES[image.DG2]


def test_a_card_with_both_opens_by_either() -> None:
    assert by_bac(card()).read(image.COM) == opened(card()).read(image.COM) == COM


def test_a_card_with_pace_only_has_no_challenge() -> None:
    terminal = AnyTerminal(Chip(card(access=Access(bac=False))).transmit)
    terminal.plain(APPLET)
    with pytest.raises(Refused, match="6D00"):
        terminal.bac(MRZ)
    with pytest.raises(Refused, match="6D00"):
        terminal.plain("0082000028" + "00" * 40 + "28")


def test_basic_access_wants_the_application_first() -> None:
    with pytest.raises(Refused, match="6985"):
        AnyTerminal(Chip(card()).transmit).bac(MRZ)


def test_a_wrong_mrz_is_refused_and_the_right_one_works_after_it() -> None:
    terminal = AnyTerminal(Chip(card()).transmit)
    terminal.plain(APPLET)
    with pytest.raises(Refused, match="6300"):
        terminal.bac(MRZ[:-1] + "7")
    terminal.bac(MRZ)
    assert terminal.read(image.COM) == COM


def test_a_challenge_is_good_for_one_answer() -> None:
    chip = Chip(card())
    recorded = []

    def listen(command: bytes) -> bytes:
        recorded.append(command)
        return chip.transmit(command)

    terminal = AnyTerminal(listen)
    terminal.plain(APPLET)
    terminal.bac(MRZ)
    assert chip.transmit(recorded[-1]) == b"\x69\x85"


def test_an_answer_of_another_length_is_a_wrong_key() -> None:
    terminal = AnyTerminal(Chip(card()).transmit)
    terminal.plain(APPLET)
    for data in ("00" * 8, "00" * 39, "00" * 48):
        terminal.plain("0084000008")
        with pytest.raises(Refused, match="6300"):
            terminal.plain(f"00820000{len(data) // 2:02X}{data}28")


# Who may read what


def test_before_access_only_the_access_file_is_readable() -> None:
    terminal = AnyTerminal(Chip(card()).transmit)
    assert terminal.plain("00B09C0007") == b"\x31\x05infos"
    assert terminal.plain("00A4020C02011C") == b""
    assert terminal.plain("00B0000000") == b"\x31\x05infos"
    assert terminal.plain("00B0000203") == b"inf"


def test_before_access_nothing_of_the_application_is_readable() -> None:
    terminal = AnyTerminal(Chip(card()).transmit)
    terminal.plain(APPLET)
    for command in ("00A4020C020101", "00A4020C02011D", "00A4020C02010B", "00B0810000", "00B09E0000", "00B0820000"):
        with pytest.raises(Refused, match="6982"):
            terminal.plain(command)
    with pytest.raises(Refused, match="6986"):
        terminal.plain("00B0000000")


def test_the_same_identifier_means_card_security_before_the_application_and_the_sod_in_it() -> None:
    terminal = AnyTerminal(Chip(card()).transmit)
    with pytest.raises(Refused, match="6982"):
        terminal.plain("00B09D0000")
    terminal.pace(can(CAN))
    assert terminal.read(image.CARD_SECURITY) == b"\x30\x03sig"
    assert terminal.exchange(b"\x0c\xb0\x9d\x00", b"", 100) == (0x6282, b"\x30\x03sig")
    terminal.select_applet()
    assert terminal.read(image.SOD) == b"\x77\x03SOD"
    assert terminal.read(image.CARD_ACCESS) == b"\x31\x05infos"  # found from inside the application too


def test_files_of_the_master_file_have_short_identifiers_of_their_own() -> None:
    made = card(master_files={image.ATR_INFO: b"\x43\x01\x00", image.DIR: b"\x61\x00", image.CARD_ACCESS: b"\x31\x00"})
    terminal = AnyTerminal(Chip(made).transmit)
    assert terminal.plain("00B0810003") == b"\x43\x01\x00"
    assert terminal.plain("00B09E0002") == b"\x61\x00"
    assert terminal.plain("00A4020C022F01") == b""
    assert terminal.plain("00B0000002") == b"\x43\x01"
    with pytest.raises(Refused, match="6A82"):
        terminal.plain("00A4020C020101")


# A person's card, with the terminal that the product's other tests use


@pytest.fixture(scope="module")
def persons_card(authority: Authority) -> image.CardImage:
    person = find("mau")
    return files.build(person, jpeg(person), authority)


def test_the_access_key_is_that_of_the_published_vectors() -> None:
    from sandbox.card import keys

    assert keys.can_key("900017").hex().upper() == "AF49B2AE5DCABC8D71C93DD5F739B76D"
    assert keys.mrz_key("303900017703021402802149").hex().upper() == "7933D8FE89A145D0E1DDB6E141B917C7"
    assert keys.can_key("900017") == can_key("900017") == kdf(b"900017", 3)


@pytest.mark.parametrize("person", [person.key for person in all_people()])
def test_every_persons_card_opens_and_gives_back_its_files(person: str, authority: Authority) -> None:
    made = files.build(find(person), None, authority)
    terminal = Terminal(Chip(made).transmit)
    terminal.pace(can_key(made.can))
    terminal.select_applet()
    for file in (image.COM, image.SOD, image.DG1, image.DG13, image.DG14, image.DG15):
        assert terminal.read(file) == made.files[file]


def test_a_persons_card_opens_by_can_mrz_and_basic_access(persons_card: image.CardImage) -> None:
    for key, reference in ((can_key(persons_card.can), 2), (mrz_key(persons_card.mrz_information), 1)):
        terminal = Terminal(Chip(persons_card).transmit)
        terminal.pace(key, reference=reference)
        terminal.select_applet()
        assert terminal.read(image.DG1) == persons_card.files[image.DG1]
    other = AnyTerminal(Chip(persons_card).transmit)
    other.plain(APPLET)
    other.bac(persons_card.mrz_information)
    assert other.read(image.DG13) == persons_card.files[image.DG13]


def test_a_child_without_portrait_has_no_dg2(authority: Authority) -> None:
    made = files.build(find("nhi"), None, authority)
    assert image.DG2 not in made.files
    terminal = Terminal(Chip(made).transmit)
    terminal.pace(can_key(made.can))
    terminal.select_applet()
    with pytest.raises(Refused, match="6A82"):
        terminal.secured(b"\x0c\xb0\x82\x00", b"", 256)


# Broken steps


@pytest.mark.parametrize(
    "data", ["7C02800081", "7C43814100" + "00" * 64, "7C438141" + "04" + "01" * 64, "7C00", "30", "7F", "7C8481"]
)
def test_a_broken_key_in_pace_is_refused(data: str) -> None:
    terminal = AnyTerminal(Chip(card()).transmit)
    terminal.plain("0022C1A40F800A04007F00070202040202830102")
    terminal.plain("10860000027C0000")
    body = bytes.fromhex(data)
    with pytest.raises(Refused, match="6A80"):
        terminal.plain(b"\x10\x86\x00\x00" + bytes([len(body)]) + body + b"\x00")


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_a_terminals_nonce_has_the_length_of_the_key(size: int) -> None:
    terminal = AnyTerminal(Chip(card(Pace(mapping="IM"))).transmit)
    terminal.plain("0022C1A40F800A04007F00070202040402830102")
    terminal.plain("10860000027C0000")
    with pytest.raises(Refused, match="6A80"):
        terminal.plain(bytes([0x10, 0x86, 0, 0, size + 4, 0x7C, size + 2, 0x81, size]) + bytes(size + 1))


def test_the_cards_own_key_is_not_taken_back() -> None:
    terminal = AnyTerminal(Chip(card(), random=lambda count: bytes(count - 1) + b"\x06").transmit)
    terminal.plain("0022C1A40F800A04007F00070202040202830102")
    terminal.plain("10860000027C0000")
    group = group_named("brainpoolP256r1")
    public = group.octets(group.times(9, group.base))
    theirs = group.element(terminal.plain(b"\x10\x86\x00\x00\x45\x7c\x43\x81\x41" + public + b"\x00")[4:])
    nonce = 0x06  # encrypted under the CAN's key, which is known here: the card's randomness is
    generator = group.plus(group.times(nonce, group.base), group.times(9, theirs))
    own = group.octets(group.times(7, generator))
    with pytest.raises(Refused, match="6A80"):
        terminal.plain(b"\x10\x86\x00\x00\x45\x7c\x43\x83\x41" + own + b"\x00")


def test_another_curve_or_password_is_refused() -> None:
    terminal = AnyTerminal(Chip(card()).transmit)
    with pytest.raises(Refused, match="6A80"):
        terminal.plain("0022C1A412800A04007F0007020204020283010284010C")
    with pytest.raises(Refused, match="6A88"):
        terminal.plain("0022C1A40F800A04007F00070202040202830103")
    with pytest.raises(Refused, match="6985"):
        terminal.plain("10860000027C0000")
