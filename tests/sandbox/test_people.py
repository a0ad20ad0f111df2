"""The synthetic persons keep to the rules of the ID number and cover the cases the product must bear."""

import re
import unicodedata
from datetime import date

import pytest

from sandbox.errors import UnknownPerson
from sandbox.people import Person, all_people, everybody, find, qr_text

PEOPLE = pytest.mark.parametrize("person", all_people(), ids=lambda person: person.key)


@PEOPLE
def test_the_id_number_agrees_with_sex_and_birth_year_and_is_synthetic(person: Person) -> None:
    assert re.fullmatch(r"[0-9]{6}9000[0-9]{2}", person.personal_id)
    century, woman = divmod(int(person.personal_id[3]), 2)
    assert 1900 + 100 * century + int(person.personal_id[4:6]) == int(person.birth_date[:4])
    assert (person.sex == "female") == bool(woman)


@PEOPLE
def test_the_expiry_date_follows_from_birth_and_issue(person: Person) -> None:
    born = date.fromisoformat(f"{person.birth_date}-01-01"[:10])
    issued = date.fromisoformat(person.issue_date)
    ages = (14, 25, 40, 60) if issued >= date(2024, 7, 1) else (25, 40, 60)
    expected = "none"
    for age in ages:
        if issued < born.replace(year=born.year + age - 2):
            expected = born.replace(year=born.year + age).isoformat()
            break
    assert person.expiry_date == expected


@PEOPLE
def test_insurance_numbers_are_of_the_synthetic_series(person: Person) -> None:
    insurance = person.insurance
    assert re.fullmatch(r"[0-9]{3}", insurance.result_code)
    if insurance.card_number is not None:
        assert re.fullmatch(r"[A-Z]{2}[1-5]00[0-9]{10}", insurance.card_number)
        assert insurance.social_security_number in (insurance.card_number[-10:], None)
        assert insurance.card_number[5:12] == "0000000"
        assert insurance.registered_facility in ("99999", "99998", "00000")
    numbers = {insurance.card_number, insurance.social_security_number, person.personal_id, person.previous_id}
    assert all(re.fullmatch(r"1000000[0-9]{2}|2000000[0-9]{2}", number) for number in (person.previous_id,) if number)
    assert numbers != {None}


def test_keys_and_numbers_are_unique() -> None:
    everybody = all_people()
    assert len(everybody) >= 10
    for values in ([p.key for p in everybody], [p.personal_id for p in everybody], [p.can for p in everybody]):
        assert len(set(values)) == len(everybody)


def test_texts_are_composed_where_unicode_can() -> None:
    for person in all_people():
        assert unicodedata.is_normalized("NFC", qr_text(person))


def test_every_case_is_there() -> None:
    everybody = all_people()
    assert {person.generation for person in everybody} == {2021, 2024}
    assert any(person.expiry_date == "none" for person in everybody)
    assert any(len(person.birth_date) == 4 for person in everybody)
    assert any(len(person.residence.encode()) > 127 for person in everybody)
    assert any(person.birth_date > "2020" for person in everybody)
    assert any(person.ethnicity == "Ê Đê" for person in everybody)
    assert any(person.expiry_date < "2024" for person in everybody)
    assert any(person.insurance.card_number is None for person in everybody)
    assert any((person.insurance.full_name or person.full_name) != person.full_name for person in everybody)
    assert any(person.previous_id and len(person.previous_id) == 9 for person in everybody)


def test_every_way_of_not_being_linked_is_there() -> None:
    ways = {person.key: person.insurance.found_by for person in all_people()}
    assert ways["so-cu"] == ("previous_id", "card_number")
    assert ways["so-bao-hiem"] == ("social_security_number", "card_number")
    assert ways["tre-the-tam"] == ("card_number",)
    assert (find("tre-the-tam").insurance.card_number or "").startswith("TE1")
    assert "personal_id" in ways["mau"]


def test_a_newborn_has_no_number_and_no_card_but_can_be_found_by_key() -> None:
    newborn = find("so-sinh")
    assert newborn not in all_people()
    assert newborn in everybody()
    assert (newborn.personal_id, newborn.previous_id, newborn.insurance.card_number) == ("", None, None)


def test_the_register_differs_from_the_card_in_every_way_and_does_not_know_everybody() -> None:
    held = [person.register for person in all_people()]
    assert any(one.full_name for one in held)
    assert any(one.birth_date for one in held)
    assert any(one.sex for one in held)
    assert any(one.residence and len(one.residence.ward) == 5 for one in held)
    assert any(not one.known for one in held)


def test_the_2021_code_has_seven_fields_and_the_2024_code_eleven() -> None:
    assert qr_text(find("mau")) == (
        "001303900017||Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021"
    )
    assert qr_text(find("thu")) == (
        "079200900024||Nguyễn Văn Thử|01072000|Nam|Tổ 5, Phường Thử, Quận Mẫu, TP. Hồ Chí Minh|15082024||||"
    )
    assert qr_text(find("vi-du")) == (
        "048155900031|200000017|Lê Thị Ví Dụ|1955|Nữ|Tổ 2, Phường Thử, Quận Mẫu, Đà Nẵng|10102022"
    )


def test_an_unknown_key_is_an_error_of_its_own() -> None:
    with pytest.raises(UnknownPerson):
        find("nobody")
