"""Addresses as people write them: which ward, of which era, what it is today, and when somebody has to choose."""

import unicodedata

import pytest

from config.codelists.places import places
from hisbridge.addresses import Address, Reason, parse_address

CUA_NAM = "00073"  # old; split over four new wards


def today(found: Address) -> tuple[str | None, str | None]:
    return found.new_ward_code, found.new_province_code


def test_an_old_address_gives_its_ward_district_and_province_and_what_they_are_today() -> None:
    found = parse_address("Ấp 3, Xã Mỹ Yên, Huyện Bến Lức, Tỉnh Long An")
    assert found.era == "old"
    assert (found.ward, found.district, found.province) == ("Xã Mỹ Yên", "Huyện Bến Lức", "Tỉnh Long An")
    assert (found.ward_code, found.district_code, found.province_code) == ("28018", "803", "80")
    assert today(found) == ("28018", "80")
    assert (found.detail, found.confidence, found.reason) == ("Ấp 3", "high", Reason.FOUND)


def test_a_new_address_has_no_district() -> None:
    found = parse_address("Thôn Tân Lập, Xã Yên Bình, Tỉnh Lào Cai")
    assert (found.era, found.ward, found.district) == ("new", "Xã Yên Bình", None)
    assert today(found) == ("04714", "15")
    assert (found.detail, found.confidence) == ("Thôn Tân Lập", "high")


def test_a_split_ward_is_never_guessed_but_offered_whole() -> None:
    found = parse_address("12 Đường Phường Mẫu, Phường Cửa Nam, Quận Hoàn Kiếm, Hà Nội")
    assert found.ward_code == CUA_NAM
    assert found.new_ward_code is None
    assert found.reason is Reason.SPLIT
    assert {one.ward_code for one in found.candidates} == set(places().old_wards[CUA_NAM].new_codes)
    assert found.new_province_code == "01"


@pytest.mark.parametrize(
    "text",
    [
        "P.Bến Nghé, Q.1, TP.HCM",
        "P. Bến Nghé - Quận 1 - Tp Hồ Chí Minh",
        "phuong ben nghe quan 1 sai gon",
        "PHƯỜNG BẾN NGHÉ Q1 TPHCM",
        "Thành phố Hồ Chí Minh, Quận 1, Phường Bến Nghé",
        "Ben Nghe, Quan 01, Ho Chi Minh",
        unicodedata.normalize("NFD", "Phường Bến Nghé, Quận 1, Thành phố Hồ Chí Minh"),
        "Phường Bến Nghé;\nQuận 1;\nTP Hồ Chí Minh, Việt Nam.",
        "F. Bến Nghé, Q1, Hồ Chí Minh",
    ],
)
def test_one_ward_in_many_spellings(text: str) -> None:
    assert parse_address(text).ward_code == "26740"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Xã Hoà Thắng, Huyện Bắc Bình, Bình Thuận", "23053"),  # where the tone stands
        ("Xã Ea Hồ, H. Krông Năng, Đăk Lăk", "24361"),
        ("xa ea ho, krong nang, dak lak", "24361"),
        ("P4, TP Tân An, Long An", "27691"),
        ("Phường 04, Thành phố Tân An, Tỉnh Long An", "27691"),
        ("Xã Mĩ Yên, Huyện Bến Lức, Long An", "28018"),  # y and i
        ("Phường Mỹ Xuân, Thị xã Phú Mỹ, Bà Rịa Vũng Tàu", "26719"),  # a town that became a city
        ("Xã Đăk Pxi, Huyện Đăk Hà, Kon Tum", "23503"),
        ("Phường 1, Quận 5, Hồ Chí Minh", "27325"),  # one of eleven Phường 1 of the city
        ("TT. Cổ Lễ, H. Trực Ninh, T. Nam Định", "14026"),
    ],
)
def test_old_wards_in_spellings_of_their_own(text: str, code: str) -> None:
    found = parse_address(text)
    assert (found.era, found.ward_code) == ("old", code)


def test_the_district_decides_the_era_of_a_name_that_both_have() -> None:
    old, new = parse_address("Phường Sa Pa, Thị xã Sa Pa, Lào Cai"), parse_address("Phường Sa Pa, Lào Cai")
    assert (old.era, old.province_code, old.ward_code) == ("old", "10", "03001")
    assert (new.era, new.province_code, new.ward_code) == ("new", "15", "03006")


def test_a_name_that_lies_elsewhere_in_the_other_era_is_not_sure() -> None:
    found = parse_address("Xã Lam Sơn, Thanh Hóa")
    assert (found.confidence, found.reason) == ("low", Reason.BOTH_ERAS)
    assert {one.era for one in found.candidates} == {"old", "new"}


def test_a_ward_of_a_name_that_many_have_is_offered_many_times() -> None:
    found = parse_address("Xã Tân Lập")
    assert (found.ward_code, found.new_ward_code, found.reason) == (None, None, Reason.AMBIGUOUS)
    assert len(found.candidates) > 20


def test_wards_that_differ_by_accents_alone_are_offered_when_there_are_none() -> None:
    found = parse_address("Xa Chau Binh, Huyen Quy Chau, Nghe An")
    assert found.ward_code is None
    assert {one.ward for one in found.candidates} == {"Xã Châu Bính", "Xã Châu Bình"}
    assert parse_address("Xã Châu Bình, Huyện Quỳ Châu, Nghệ An").ward == "Xã Châu Bình"


def test_one_wrong_letter_is_found_and_called_unsure() -> None:
    found = parse_address("Xã Tân Thanh Đôong, Huyện Củ Chi, Hồ Chí Minh")
    assert found.confidence == "low"
    assert parse_address("Xã Mỹ Yênn, Huyện Bến Lức, Long An").ward_code == "28018"
    assert parse_address("Xã Mỹ Yên, Huyện Bến Lứt, Long An").reason is Reason.SPELLING
    assert parse_address("Xã Mỹ Yên, Huyện Bến Lức, Lonk An").province_code == "80"


def test_a_piece_of_what_is_written_is_no_ward_that_is_sure() -> None:
    found = parse_address("Tổ 3, Xã Ntm Ba Đồn, Tỉnh Quảng Trị")
    assert (found.ward, found.reason) == ("Xã Nam Ba Đồn", Reason.SPELLING)
    assert parse_address("Xã Xyz Ba Đồn, Tỉnh Quảng Trị").confidence == "low"


def test_a_missing_province_is_found_by_the_district_and_called_unsure() -> None:
    found = parse_address("Thị trấn Cổ Lễ, Huyện Trực Ninh")
    assert (found.ward_code, found.province) == ("14026", "Tỉnh Nam Định")
    assert (found.confidence, found.reason) == ("low", Reason.PROVINCE_MISSING)


def test_an_old_ward_without_its_district_is_found_where_it_is_the_only_one() -> None:
    found = parse_address("Xã Trực Thuận, Nam Định")
    assert (found.ward_code, found.confidence, found.reason) == ("14065", "low", Reason.DISTRICT_MISSING)


def test_an_old_ward_and_district_under_the_province_of_today() -> None:
    found = parse_address("Xã Vũ Bản, Huyện Bình Lục, Tỉnh Ninh Bình")
    assert (found.era, found.province, found.ward_code) == ("old", "Tỉnh Hà Nam", "13543")
    assert found.reason is Reason.MIXED_ERAS


def test_a_district_that_no_list_knows_any_more_does_not_make_an_address_new() -> None:
    found = parse_address("Phường Hiệp Phú, Quận 9, TP HCM")
    assert (found.era, found.ward_code, found.reason) == ("old", "26839", Reason.EARLIER)


def test_a_ward_that_is_not_in_the_district_written_is_offered_and_not_taken() -> None:
    found = parse_address("Xã Trực Thuận, Huyện Hải Hậu, Nam Định")
    assert found.ward_code is None
    assert (found.district, found.reason) == ("Huyện Hải Hậu", Reason.WARD_UNKNOWN)
    assert [one.ward_code for one in found.candidates] == ["14065"]


@pytest.mark.parametrize("street", ["12 Đường Tân Lập", "Ngõ 3 phố Tân Lập", "Thôn Tân Lập", "12 Đường Phường Tân Lập"])
def test_a_street_or_hamlet_named_like_a_ward_is_none(street: str) -> None:
    found = parse_address(f"{street}, Huyện Đan Phượng, Hà Nội")
    assert found.ward_code is None
    assert found.detail == street


def test_an_island_district_without_wards_is_a_special_zone_today() -> None:
    found = parse_address("Huyện Côn Đảo, Tỉnh Bà Rịa - Vũng Tàu")
    assert (found.ward_code, found.confidence) == (None, "high")
    assert today(found) == ("26732", "79")


def test_hue_under_its_earlier_name() -> None:
    assert parse_address("Phường An Cựu, Thành phố Huế, Tỉnh Thừa Thiên Huế").new_province_code == "46"


def test_a_province_alone_is_of_no_era_where_both_have_it() -> None:
    assert parse_address("Hà Nội").era == "unknown"
    assert parse_address("Lào Cai").province_code is None  # 10 then, 15 now
    assert parse_address("Lào Cai").new_province_code == "15"
    assert parse_address("Bắc Giang").era == "old"


def test_an_unmarked_name_that_was_also_a_district_is_not_sure() -> None:
    found = parse_address("Hoàng Mai, Hà Nội")
    assert (found.ward, found.confidence) == ("Phường Hoàng Mai", "low")


def test_a_ward_named_after_an_old_ward_and_its_district_is_one_name() -> None:
    found = parse_address("Thôn 2, Phường 1 Bảo Lộc, Tỉnh Lâm Đồng")
    assert (found.era, found.ward) == ("new", "Phường 1 Bảo Lộc")


@pytest.mark.parametrize(
    "text", ["", " ", "abc", ",,,", "Việt Nam", "12345", "Xã Mẫu, Huyện Thử, Tỉnh Giả", "không rõ"]
)
def test_what_is_no_address_gives_nothing(text: str) -> None:
    found = parse_address(text)
    assert (found.era, found.confidence, found.reason) == ("unknown", "none", Reason.NOTHING_FOUND)
    assert found.ward_code is found.province_code is found.new_ward_code is None


def test_the_sandbox_people_s_made_up_districts_are_not_mistaken_for_wards() -> None:
    found = parse_address("Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội")
    assert (found.ward_code, found.province) == (None, "Thành phố Hà Nội")
