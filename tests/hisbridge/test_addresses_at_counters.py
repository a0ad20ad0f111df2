"""Addresses as people write them by hand, both eras mixed, and cards of wards that were gone before June 2025."""

import pytest

from benchmarks.addresses import Spelling, draw, judge, text_of
from benchmarks.addresses_at_counters import SPELLINGS, cards_of
from config.codelists.places import GONE, MOVED, Era, places
from hisbridge.addresses import Reason, parse_address

EACH = 50


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_97_of_100_written_by_hand_are_right_and_nothing_wrong_is_sure(spelling: Spelling) -> None:
    for era in Era:
        score, wrong = judge(draw(places(), era, seed=17, count=EACH), spelling)
        assert score.share >= 97 - 100 / EACH, wrong  # one by chance
        assert score.silent == 0


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_no_split_ward_written_by_hand_is_guessed(spelling: Spelling) -> None:
    known = places()
    for ward in [ward for ward in known.old_wards.values() if len(ward.new_codes) > 1][1::5]:
        assert parse_address(spelling(text_of(known, ward, "12 Lê Lợi"))).new_ward_code is None


def test_a_card_of_a_ward_that_is_gone_is_never_read_as_a_neighbour_of_like_name() -> None:
    known = places()
    for ward in [ward for ward in known.earlier_wards if ward.fate == GONE][::4]:
        found = parse_address(cards_of(known, ward))
        assert (found.new_ward_code, found.reason, found.confidence) == (None, Reason.EARLIER, "low")
        assert set(ward.new_codes) <= {one.ward_code for one in found.candidates}


def test_a_ward_that_moved_to_another_district_under_its_name_is_named() -> None:
    known = places()
    moved = [ward for ward in known.earlier_wards if ward.fate == MOVED and len(ward.new_codes) == 1]
    for ward in moved[::4]:
        assert parse_address(cards_of(known, ward)).new_ward_code == ward.new_codes[0], cards_of(known, ward)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Xã Hải Hậu, Huyện Hải Hậu, Tỉnh Nam Định", "14215"),
        ("Phường Quy Nhơn Nam, Thành phố Quy Nhơn, Bình Định", "21592"),
        ("Phường Thủ Dầu Một, TP Thủ Dầu Một, TP.HCM", "25747"),
    ],
)
def test_a_new_ward_under_the_district_it_was_made_in_is_found_and_not_sure(text: str, code: str) -> None:
    found = parse_address(text)
    assert (found.new_ward_code, found.confidence) == (code, "low")


def test_a_new_ward_under_a_district_far_away_is_not_taken() -> None:
    assert parse_address("Xã Hải Hậu, Huyện Mường Tè, Tỉnh Lai Châu").new_ward_code is None


@pytest.mark.parametrize(
    "text",
    [
        "Xã Tam Giang, Thành phố Bắc Ninh, Bắc Ninh",
        "Xã Nghinh Tường, TP. Thái Nguyên, tỉnh Thái Nguyên",
        "Xã Kỳ Bắc, Thị xã Kỳ Anh, Hà Tĩnh",
    ],
)
def test_a_city_named_like_its_province_or_a_district_is_one_that_has_to_fit(text: str) -> None:
    assert parse_address(text).confidence == "low"


@pytest.mark.parametrize(
    "text", ["Xã Chiềng Công, Huyện Mai Sơn, Sơn La", "Phường Tân Bình, Huyện Nam Sách, Hải Dương"]
)
def test_a_name_that_lies_elsewhere_in_the_province_is_no_misspelling(text: str) -> None:
    found = parse_address(text)
    assert found.new_ward_code is None
    assert len(found.candidates) > 1


def test_a_ward_that_is_written_but_unknown_is_not_passed_over_for_a_name_behind_it() -> None:
    found = parse_address("Phường Xuân Tảo QBẮC TỪ LIÊM Hà Nội")
    assert found.new_ward_code is None
    assert found.confidence == "low"


@pytest.mark.parametrize(
    "text",
    ["295 Lý Thường Kiệt xã Nam Đông Hưng Hưng Yên", "12 Trần Anh Tổ xã Nam Đông Hưng Hưng Yên"],
)
def test_a_street_whose_last_syllable_also_means_an_alley_hides_no_ward(text: str) -> None:
    assert parse_address(text).new_ward_code == "12775"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("QĐống Đa, PhườngLáng Hạ, HàNội", "00199"),
        ("Xã Ka Ðô, Huyện Ðơn Dương, Lâm Ðồng", "24943"),
        ("P. số 03, TP Tân An, Long An", "27697"),
        ("Phuong So Dau, Quan Hong Bang, Hai Phong", "11302"),
    ],
)
def test_words_run_together_look_alikes_of_d_and_numbered_wards_are_read(text: str, code: str) -> None:
    assert parse_address(text).ward_code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Đặc khu Phú Quốc, Kiên Giang", "31078"),
        ("Phường Dương Đông, TP Phú Quốc, Kiên Giang", "31078"),
        ("H. Côn Đảo, BR-VT", "26732"),
        ("Hoàng Sa, Đà Nẵng", "20333"),
        ("Xã Song Tử Tây, huyện Trường Sa, Khánh Hòa", "22736"),
        ("huyện đảo Lý Sơn, Quảng Ngãi", "21548"),
        ("Xã An Vĩnh, huyện Lý Sơn, Quảng Ngãi", "21548"),
    ],
)
def test_islands_are_special_zones_today(text: str, code: str) -> None:
    found = parse_address(text)
    assert code in {found.new_ward_code, *(one.new_ward_code for one in found.candidates)}
