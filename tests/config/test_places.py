"""The place lists: complete, consistent, and honest about what was split."""

import subprocess
import sys
from collections import Counter

import pytest

from config.codelists.places import Era, places


def test_the_lists_hold_what_the_statistics_office_counts() -> None:
    known = places()
    kinds = Counter(ward.kind for ward in known.new_wards.values())
    assert len(known.new_provinces) == 34
    assert kinds == {"xã": 2621, "phường": 687, "đặc khu": 13}
    assert len(known.old_provinces) == 63
    assert len(known.old_wards) == 10_035  # 10,033 codes of the conversion table and two that hide behind neighbours'


def test_440_old_wards_are_split_and_keep_all_their_candidates() -> None:
    split = Counter(len(ward.new_codes) for ward in places().old_wards.values())
    assert split == {1: 9595, 2: 368, 3: 55, 4: 16, 5: 1}


def test_every_code_has_its_form_and_every_reference_leads_somewhere() -> None:
    known = places()
    for ward in (*known.new_wards.values(), *known.old_wards.values()):
        assert len(ward.code) == 5
        assert ward.code.isdigit()
        assert ward.kind in ("xã", "phường", "thị trấn", "đặc khu")
        assert known.province(ward.era, ward.province) is not None
        assert known.successors(ward)
        assert (ward.district in known.districts) is (ward.era is Era.OLD)
    for province in known.old_provinces.values():
        assert province.new_code in known.new_provinces


def test_no_old_ward_is_split_across_provinces_and_each_goes_where_its_province_went() -> None:
    known = places()
    for ward in known.old_wards.values():
        home = known.old_provinces[ward.province].new_code
        assert {new.province for new in known.successors(ward)} == {home}


def test_every_new_ward_comes_from_an_old_ward_or_an_island_district() -> None:
    known = places()
    units = (*known.old_wards.values(), *known.districts.values())
    assert {code for unit in units for code in unit.new_codes} == set(known.new_wards)


@pytest.mark.parametrize(
    ("district", "ward"),
    [("318", "11948"), ("471", "19742"), ("498", "20333"), ("536", "21548"), ("755", "26732")],
)
def test_an_island_district_without_wards_became_a_special_zone(district: str, ward: str) -> None:
    (new,) = places().successors(places().districts[district])
    assert new.code == ward
    assert new.kind == "đặc khu"


def test_a_code_means_another_place_in_each_era() -> None:
    known = places()
    assert known.old_provinces["24"].name == "Bắc Giang"
    assert known.new_provinces["24"].name == "Bắc Ninh"
    old, new = known.ward(Era.OLD, "00008"), known.ward(Era.NEW, "00008")
    assert old
    assert new
    assert (old.name, new.name) == ("Liễu Giai", "Ngọc Hà")


@pytest.mark.parametrize(
    ("code", "name", "today"),
    [
        ("00556", "Đặng Xá", ("00562", "00541")),  # stands under Cổ Bi's code in the conversion table
        ("01651", "Mỹ Hưng", ("01648",)),  # under Hồng Quang's
        ("02482", "Phú Thịnh", ("02494",)),  # under Công Đa's
        ("01615", "Hồng Quang", ("01636",)),
        ("02485", "Công Đa", ("02458",)),
        ("27691", "4", ("27694",)),  # given to Tiền Giang
    ],
)
def test_the_table_s_label_errors_are_put_right(code: str, name: str, today: tuple[str, ...]) -> None:
    ward = places().old_wards[code]
    known_names = {ward.name, *ward.spellings}
    assert name in known_names
    assert ward.new_codes == today


def test_of_a_split_ward_the_one_that_took_all_residents_stands_first() -> None:
    assert places().old_wards["00556"].new_codes[0] == "00562"


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    code = "from config.codelists.places import places; import hisbridge.addresses; print(places.cache_info().currsize)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "0"
