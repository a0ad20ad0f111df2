"""The card's residence beside the register's: the same ward under either era's name is no difference."""

import pytest

from hisbridge.lookups.residence import lives_elsewhere, readable, today
from hisbridge.questions import RegisteredAddress

HOAN_KIEM = RegisteredAddress(province_code="01", ward_code="00070", detail="Số 1 Đường Mẫu", country="VN")


@pytest.mark.parametrize(
    ("card", "held"),
    [
        ("Số 1 Đường Mẫu, Phường Hoàn Kiếm, Hà Nội", HOAN_KIEM),
        ("SỐ 1 ĐƯỜNG MẪU, P. HOÀN KIẾM, TP. HÀ NỘI", HOAN_KIEM),
        ("Phường Hoàn Kiếm, Hà Nội", HOAN_KIEM),
        ("Số 1 Đường Mẫu, Hàng Bạc, Hoàn Kiếm, Hà Nội", HOAN_KIEM),  # a ward of before, now part of it
        ("Số 1 Đường Mẫu, Phường Hoàn Kiếm, Hà Nội", RegisteredAddress(province_code="01", ward_code="00070")),
    ],
)
def test_the_same_place_is_no_difference(card: str, held: RegisteredAddress) -> None:
    assert not lives_elsewhere(card, held)


@pytest.mark.parametrize(
    "card",
    [
        "Số 2 Đường Mẫu, Phường Hoàn Kiếm, Hà Nội",
        "Số 1 Đường Mẫu, Phường Ba Đình, Hà Nội",
        "Số 1 Đường Mẫu, Hà Nội",
        "không rõ",
    ],
)
def test_another_place_or_an_uncertain_one_is_for_a_person_to_look_at(card: str) -> None:
    assert lives_elsewhere(card, HOAN_KIEM)


def test_a_code_stands_for_every_ward_of_today_that_it_may_mean() -> None:
    assert today(HOAN_KIEM) >= {"00070"}
    assert today(RegisteredAddress(ward_code="99999")) == frozenset()


def test_the_register_is_read_in_words_where_its_codes_are_known() -> None:
    assert readable(HOAN_KIEM) == "Số 1 Đường Mẫu, Phường Hoàn Kiếm, Hà Nội"
    assert readable(RegisteredAddress(ward_code="99999", province_code="98")) == "99999, 98"
