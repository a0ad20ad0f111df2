"""From what a payload says to a reading: the right source, the name only where its letters can be believed."""

import msgspec
import pytest

from reader.payload import parse_payload
from reader.payload.parse import PayloadResult
from reader.presented import Identity, presented
from reader.reading import Holder, Reading, Source
from sandbox.people import all_people, qr_text

INSURANCE = "0199900017|5472e1baa76e205468e1bb8b204de1baab75|14/02/2003|2|-|01 - 028|01/01/2025|-|02/01/2025|$"
PEOPLE = [pytest.param(person, id=person.key) for person in all_people()]


def identity() -> Identity:
    return Identity("reading-1", "2026-11-21T00:45:00.000Z")


def reading_of(text: str, trusts_letters: bool = True) -> Reading:
    told = presented(parse_payload(text), identity, trusts_letters)
    assert isinstance(told, Reading), told
    return told


def typed_by_keys(text: str) -> str:
    """What comes through a device that types: letters without their marks, and what no key has is gone."""
    import unicodedata

    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in plain if letter.isascii())


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (qr_text(all_people()[0]), Source.CARD_QR),
        ("001303900017", Source.TYPED),
        (INSURANCE, Source.INSURANCE_QR),
        ("0199900017", Source.INSURANCE_QR),
        ("GD4010199900017", Source.INSURANCE_QR),
    ],
)
def test_each_kind_has_its_source(text: str, source: Source) -> None:
    told = reading_of(text)
    assert told.evidence.source is source
    assert told.evidence.checks is None
    assert (told.reading_id, told.evidence.read_at) == identity()


def test_an_insurance_number_alone_is_a_card_of_nobody_known() -> None:
    told = reading_of("0199900017")
    assert told.holder == Holder(personal_id=None)
    assert told.insurance is not None
    assert told.insurance.card_number == "0199900017"


@pytest.mark.parametrize("text", ["123456789", "", "https://example.invalid", "\x00\x01", "x" * 5000])
def test_the_rest_is_refused_with_a_code(text: str) -> None:
    told = presented(parse_payload(text), identity)
    assert isinstance(told, str)
    assert told.startswith("payload.")


def test_an_old_nine_digit_number_is_said_to_be_that() -> None:
    assert presented(parse_payload("123456789"), identity) == "payload.previous_id_only"


def test_a_refusal_without_a_reason_has_a_code_all_the_same() -> None:
    assert presented(PayloadResult(kind="unknown"), identity) == "payload.refused"
    assert presented(PayloadResult(kind="citizen_card"), identity) == "payload.refused"


@pytest.mark.parametrize("person", PEOPLE)
def test_a_name_that_lost_its_letters_on_the_keys_is_not_passed_on(person) -> None:
    told = presented(parse_payload(typed_by_keys(qr_text(person))), identity, trusts_letters=False)
    if isinstance(told, str):
        return  # an apostrophe or a combining mark that went missing may spoil the whole
    assert told.holder.personal_id == person.personal_id
    assert (told.holder.full_name, told.holder.residence) == (None, None)
    assert told.holder.birth_date == (person.qr_birth_date or person.birth_date)
    assert told.holder.issue_date == person.issue_date
    assert "letters_untrusted" in told.warnings


def test_a_name_with_some_of_its_letters_is_not_passed_on_either() -> None:
    told = reading_of("001303900017||Lê Vn Sn|14022003|Nam|Thôn Tân Lp|20052021", trusts_letters=False)
    assert (told.holder.full_name, told.holder.residence) == (None, None)


@pytest.mark.parametrize("person", PEOPLE)
def test_a_device_that_proves_to_send_vietnamese_letters_is_believed(person) -> None:
    told = reading_of(qr_text(person), trusts_letters=False)
    assert told.holder == reading_of(qr_text(person)).holder
    assert told.warnings[-1] == "letters_untrusted"


def test_an_insurance_cards_name_in_hexadecimal_digits_comes_through_every_keyboard() -> None:
    told = reading_of(INSURANCE, trusts_letters=False)
    assert told.holder.full_name == "Trần Thị Mẫu"
    assert told.insurance is not None
    assert told.insurance.full_name == "Trần Thị Mẫu"


def test_an_insurance_cards_name_in_plain_letters_does_not() -> None:
    plain = INSURANCE.replace("5472e1baa76e205468e1bb8b204de1baab75", "TRAN THI MAU")
    told = reading_of(plain, trusts_letters=False)
    assert told.insurance is not None
    assert (told.holder.full_name, told.insurance.full_name) == (None, None)
    assert told.insurance.card_number == "0199900017"


def test_a_number_has_no_letters_to_doubt() -> None:
    assert "letters_untrusted" not in reading_of("001303900017", trusts_letters=False).warnings


def test_warnings_of_the_payload_go_with_the_reading() -> None:
    result = msgspec.structs.replace(parse_payload(qr_text(all_people()[0])), warnings=("repaired.bom",))
    told = presented(result, identity)
    assert isinstance(told, Reading)
    assert told.warnings == ("repaired.bom",)
