"""Cards that others would make: foreign documents, other layouts, other habits. Read, or refused by the right word."""

import pytest

from reader.chip.access_keys import AccessKeys, from_can
from reader.chip.session import read_card
from reader.chip.task import CardRead, Wanted
from reader.errors import CardBroken, MrzNeeded, ReaderError, UnsupportedAccess
from reader.reading import Outcome
from sandbox.card import image
from sandbox.card.apdu import Command, Reply
from sandbox.card.chip import Chip
from sandbox.card.image import CardImage
from sandbox.card.trust import Authority
from tests.hostile.documents import (
    GENERIC_MAPPING,
    der,
    dg13,
    field,
    identity_card,
    pace_info,
    passport,
    signed,
)
from tests.reader.chip.cards import InProcessSlot, image_of, slot_with, surroundings, with_file

NUMBER = field(1, "001303900017", 0x13)
NAME = field(2, "Trần Thị Mẫu")
BIRTH = field(3, "14/02/2003", 0x13)


def read(slot: InProcessSlot, keys: AccessKeys | None = None) -> CardRead:
    return read_card(slot, keys or from_can("900017"), surroundings(), 20, Wanted(portrait=True))


def with_groups(authority: Authority, files: dict[int, bytes | None]) -> CardImage:
    """Mẫu's card with files replaced (None: taken out) and signed as it then is."""
    card = image_of("mau", authority)
    for file, content in files.items():
        card = with_file(card, file, content)
    return signed(card, authority)


# EF.CardAccess


DOMAIN_PARAMETERS = der(
    0x30,
    der(0x06, GENERIC_MAPPING[:9]),
    der(0x30, der(0x06, bytes.fromhex("04007F00070102")), der(0x02, b"\x0d")),
    der(0x02, b"\x0d"),
)
UNKNOWN = der(0x30, der(0x06, bytes.fromhex("2A864886F70D0101")), der(0x04, b"x" * 300))
# Announced, and the card does not speak it: refused at the first step.
OTHER_PROTOCOLS = {
    "3DES": pace_info(GENERIC_MAPPING[:9] + b"\x01"),
    "DH": pace_info(GENERIC_MAPPING[:8] + b"\x01\x02", parameters=2),
    "integrated mapping": pace_info(GENERIC_MAPPING[:8] + b"\x04\x02"),
    "version 1": pace_info(version=1),
    "a number nobody knows": pace_info(parameters=40),
}
# No PACEInfo as the standard has it: the card offers no PACE.
NO_PROTOCOLS = {
    "unknown": UNKNOWN,
    "domain parameters": DOMAIN_PARAMETERS,
    "one field more": der(0x30, pace_info()[2:], der(0x04, b"later")),
    "a huge parameter": der(0x30, der(0x06, GENERIC_MAPPING), der(0x02, b"\x02"), der(0x02, bytes(8))),
}


@pytest.mark.parametrize(
    "other", [*NO_PROTOCOLS.values(), *OTHER_PROTOCOLS.values()], ids=[*NO_PROTOCOLS, *OTHER_PROTOCOLS]
)
def test_the_protocol_the_card_speaks_is_found_behind_others(authority: Authority, other: bytes) -> None:
    card = with_file(image_of("mau", authority), image.CARD_ACCESS, der(0x31, other, pace_info()))
    assert read(slot_with(card)).reading.holder.full_name == "Trần Thị Mẫu"


@pytest.mark.parametrize("other", OTHER_PROTOCOLS.values(), ids=OTHER_PROTOCOLS)
def test_other_protocols_alone_are_unsupported(authority: Authority, other: bytes) -> None:
    card = with_file(image_of("mau", authority), image.CARD_ACCESS, der(0x31, other))
    with pytest.raises(UnsupportedAccess):
        read(slot_with(card))


@pytest.mark.parametrize(
    "announced", [*NO_PROTOCOLS.values(), *OTHER_PROTOCOLS.values()], ids=[*NO_PROTOCOLS, *OTHER_PROTOCOLS]
)
def test_a_card_that_does_not_keep_its_promise_of_pace_is_read_by_its_mrz(
    authority: Authority, announced: bytes
) -> None:
    card = with_file(image_of("mau", authority), image.CARD_ACCESS, der(0x31, announced))
    reading = read(slot_with(card), AccessKeys(can="900017", mrz=(card.mrz_information,))).reading
    assert reading.holder.full_name == "Trần Thị Mẫu"
    assert reading.evidence.checks is not None
    assert reading.evidence.checks.access.protocol == "BAC"


@pytest.mark.parametrize("announced", NO_PROTOCOLS.values(), ids=NO_PROTOCOLS)
def test_a_card_without_pace_needs_its_mrz(authority: Authority, announced: bytes) -> None:
    card = with_file(image_of("mau", authority), image.CARD_ACCESS, der(0x31, announced))
    with pytest.raises(MrzNeeded):
        read(slot_with(card))


@pytest.mark.parametrize("length", [b"\x81", b"\x82\x00", b"\x83\x00\x00"])
@pytest.mark.parametrize("padding", [b"", bytes(40), b"\xff" * 200])
def test_lengths_may_be_longer_than_needed_and_files_padded(
    authority: Authority, length: bytes, padding: bytes
) -> None:
    inside = pace_info()
    content = b"\x31" + length + bytes([len(inside)]) + inside + padding
    assert read(slot_with(with_file(image_of("mau", authority), image.CARD_ACCESS, content))).reading.holder.full_name


# What stands in the files


@pytest.mark.parametrize(
    "dg1",
    [
        identity_card("D<<", "L01X00T47", ""),
        identity_card("UTO", "L01X00T47", "123456789012"),
        passport("THA", "AA1234567", "1234567890123"),
        passport("UTO", "AA1234567", "123456789012"),
    ],
    ids=["no number", "twelve digits of another state", "Thai", "twelve digits"],
)
@pytest.mark.parametrize("details", [None, der(0x6D, b"free text of another state"), dg13(NUMBER, NAME, BIRTH)])
def test_a_foreign_document_is_read_and_makes_no_citizen_of_its_holder(
    authority: Authority, dg1: bytes, details: bytes | None
) -> None:
    reading = read(slot_with(with_groups(authority, {image.DG1: dg1, image.DG13: details}))).reading
    assert (reading.holder.full_name, reading.holder.birth_date) == ("MAU ANNA", "2003-02-14")
    assert reading.holder.personal_id is None


@pytest.mark.parametrize("number", ["1234567890123", ""], ids=["thirteen digits", "no number"])
def test_a_vietnamese_passport_may_have_no_personal_number(authority: Authority, number: str) -> None:
    card = with_groups(authority, {image.DG1: passport("VNM", "C12345678", number), image.DG13: None})
    assert read(slot_with(card)).reading.holder.personal_id is None


def test_a_vietnamese_passport_gives_its_personal_number(authority: Authority) -> None:
    card = with_groups(authority, {image.DG1: passport("VNM", "C12345678", "001303900017"), image.DG13: None})
    assert read(slot_with(card)).reading.holder.personal_id == "001303900017"


@pytest.mark.parametrize(
    "content",
    [der(0x6D, bytes(range(1, 120))), der(0x6D, der(0x30, b"\x30\x82\xff\xff")), der(0x6D, b"\x99" * 300)],
)
def test_a_dg13_of_another_layout_leaves_what_dg1_says_when_it_is_signed_so(
    authority: Authority, content: bytes
) -> None:
    told = read(slot_with(with_groups(authority, {image.DG13: content}))).reading
    assert (told.holder.personal_id, told.holder.full_name) == ("001303900017", "TRAN THI MAU")
    assert "dg13.malformed" in told.warnings
    assert told.evidence.checks is not None
    assert told.evidence.checks.hashes.result is Outcome.PASSED
    with pytest.raises(CardBroken) as caught:
        read(slot_with(with_file(image_of("mau", authority), image.DG13, content)))
    assert caught.value.data["where"] == "dg13"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ([NUMBER], "TRAN THI MAU"),
        ([], "TRAN THI MAU"),
        ([NUMBER, NAME, BIRTH, field(17, "x"), field(99, "y")], "Trần Thị Mẫu"),
        ([NUMBER, NAME, BIRTH, der(0x30, der(0x02, b"\x01\x2c"), der(0x0C, b"z"))], "Trần Thị Mẫu"),
        ([BIRTH, NAME, NUMBER], "Trần Thị Mẫu"),
        ([NUMBER, NAME, BIRTH, field(9, "Số 1 Đường Mẫu, " * 40)], "Trần Thị Mẫu"),
        ([NUMBER, field(2, "Tra\u0302\u0300n Thi\u0323 Ma\u0302\u0303u"), BIRTH], "Trần Thị Mẫu"),
        ([NUMBER, NAME, BIRTH, der(0x30, der(0x02, b"\x0d"), der(0x30, field(1, "a"), field(2, "b")))], "Trần Thị Mẫu"),
    ],
    ids=["number only", "nothing", "more", "long number", "any order", "long address", "decomposed", "nested parents"],
)
def test_any_field_of_dg13_may_be_missing_long_or_unknown(authority: Authority, fields: list[bytes], name: str) -> None:
    reading = read(slot_with(with_groups(authority, {image.DG13: dg13(*fields)}))).reading
    assert (reading.holder.personal_id, reading.holder.full_name) == ("001303900017", name)
    assert reading.evidence.checks is not None
    assert reading.evidence.checks.hashes.result is Outcome.PASSED


@pytest.mark.parametrize(("printed", "kept"), [("012345678", "012345678"), ("<script>", None), ("1234", None)])
def test_an_earlier_number_is_digits_or_left_out(authority: Authority, printed: str, kept: str | None) -> None:
    content = dg13(NUMBER, NAME, BIRTH, field(15, printed, 0x13))
    reading = read(slot_with(with_groups(authority, {image.DG13: content}))).reading
    assert reading.holder.previous_id == kept
    assert ("dg13.field_15" in reading.warnings) == (kept is None)


# How the card answers


class Stubborn(Chip):
    """Opens, and then answers `status` without data to one kind of command about one file."""

    def __init__(self, card: CardImage, file: int, status: int, instructions: bytes) -> None:
        super().__init__(card)
        self._file, self._status, self._instructions = file, status, instructions

    def _execute(self, command: Command) -> Reply:
        meant = self._session.current
        if command.ins == 0xB0 and command.p1 & 0x80:
            meant = 0x0100 | command.p1 & 0x1F
        elif command.ins == 0xA4:
            meant = int.from_bytes(command.data, "big")
        if command.ins in self._instructions and meant == self._file:
            return Reply(self._status)
        return super()._execute(command)


REFUSALS = [0x6300, 0x6700, 0x6982, 0x6985, 0x6986, 0x6A82, 0x6A86, 0x6B00, 0x6C00, 0x6D00, 0x6F00]


@pytest.mark.parametrize(
    ("instructions", "status"),
    [*((b"\xb0", status) for status in (0x9000, 0x6282, *REFUSALS)), *((b"\xb0\xa4", status) for status in REFUSALS)],
)
@pytest.mark.parametrize("file", [image.DG13, image.SOD, image.DG14, image.DG2])
def test_a_file_that_is_kept_back_by_any_status_costs_only_itself(
    authority: Authority, file: int, instructions: bytes, status: int
) -> None:
    chip = Stubborn(image_of("mau", authority), file, status, instructions)
    result = read(InProcessSlot(chip))
    assert result.reading.holder.personal_id == "001303900017"
    assert [warning for warning in result.reading.warnings if warning.endswith(".absent")] == [
        {image.DG13: "dg13", image.SOD: "sod", image.DG14: "dg14", image.DG2: "dg2"}[file] + ".absent"
    ]
    assert chip.apdus < 160  # what one file refuses does not make the others small


@pytest.mark.parametrize("file", [image.DG2, image.DG13, image.SOD, image.DG14])
def test_an_empty_file_is_an_absent_one(authority: Authority, file: int) -> None:
    result = read(slot_with(with_file(image_of("mau", authority), file, b"")))
    assert result.reading.holder.personal_id == "001303900017"


@pytest.mark.parametrize("status", REFUSALS)
def test_a_card_access_that_is_selected_but_not_read_leaves_bac(authority: Authority, status: int) -> None:
    card = image_of("mau", authority)
    chip = Stubborn(card, image.CARD_ACCESS, status, b"\xb0")
    with pytest.raises(MrzNeeded):
        read(InProcessSlot(chip))
    told = read(InProcessSlot(chip), AccessKeys(mrz=(card.mrz_information,))).reading.evidence.checks
    assert told is not None
    assert told.access.protocol == "BAC"


@pytest.mark.parametrize(
    "zone", [b"secret" * 15, b"SECRET" * 14, "SECRÉT".encode() * 13], ids=["characters", "length", "encoding"]
)
def test_no_error_holds_what_the_card_said(authority: Authority, zone: bytes) -> None:
    card = with_groups(authority, {image.DG1: der(0x61, der(0x5F1F, zone)), image.DG13: None})
    with pytest.raises(ReaderError) as caught:
        read(slot_with(card))
    assert "SECR" not in (repr(caught.value.data) + str(caught.value)).upper()
