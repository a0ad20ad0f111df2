"""The twelve-digit number: what follows from it and what does not (card.md 2)."""

import pytest

from reader.payload import can, typed_holder
from reader.payload.errors import PersonalIdInvalid
from reader.payload.personal_id import disagreements, expected_birth_year, expected_sex, province
from reader.payload.provinces import PROVINCES
from reader.reading import Holder, Sex


def test_twelve_typed_digits_are_a_holder_with_nothing_else_known() -> None:
    assert typed_holder("001303900017") == Holder(personal_id="001303900017")


def test_no_check_digit_is_invented() -> None:
    assert [typed_holder(f"00130390001{digit}").personal_id[-1] for digit in range(10)] == list("0123456789")


@pytest.mark.parametrize(
    "typed", ["", "00130390001", "0013039000170", "00130390001a", " 01303900017", "001303900017\n", "٠٠١٣٠٣٩٠٠٠١٧"]
)
def test_anything_but_twelve_ascii_digits_is_refused(typed: str) -> None:
    with pytest.raises(PersonalIdInvalid):
        typed_holder(typed)
    with pytest.raises(PersonalIdInvalid):
        can(typed)


def test_the_refusal_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(PersonalIdInvalid) as refused:
        typed_holder("00130390001")
    assert str(refused.value) == "payload.personal_id"


def test_the_last_six_digits_open_the_chip() -> None:
    assert can("001303900017") == "900017"


@pytest.mark.parametrize(
    ("personal_id", "year", "sex"),
    [
        ("048155900031", 1955, Sex.FEMALE),
        ("079099900024", 1999, Sex.MALE),
        ("079200900024", 2000, Sex.MALE),
        ("001303900017", 2003, Sex.FEMALE),
        ("001400900017", 2100, Sex.MALE),
        ("001799900017", 2299, Sex.FEMALE),
        ("001999900017", 2399, Sex.FEMALE),
    ],
)
def test_the_century_digit_tells_birth_year_and_sex(personal_id: str, year: int, sex: Sex) -> None:
    assert (expected_birth_year(personal_id), expected_sex(personal_id)) == (year, sex)
    assert disagreements(personal_id, str(year), sex) == ()


def test_the_province_is_information_only() -> None:
    assert len(PROVINCES) == 63
    assert province("079200900024") == "TP. Hồ Chí Minh"
    assert province("999200900024") is None
