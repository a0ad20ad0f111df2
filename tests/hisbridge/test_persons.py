"""Do two descriptions mean the same person?"""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisbridge.lookups.persons import (
    iso_day,
    other_accent_placement,
    portal_day,
    portal_sex,
    same_day,
    same_name,
    surely_under,
    tidy,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nguyễn Văn Thử", "NGUYỄN VĂN THỬ"),
        ("Nguyễn Văn Thử", "  nguyễn\u00a0 văn thử "),
        ("Nguyễn Hòa", "Nguyễn Hoà"),
        ("THÚY KHỎE", "Thuý Khoẻ"),
        ("Nguyễn Thử", unicodedata.normalize("NFD", "Nguyễn Thử")),
        ("H’Mẫu Niê", "H'Mẫu Niê"),
        ("Đỗ Đức", "Ðỗ Ðức"),
        ("Ngoạn Quý", "NGOẠN QUÝ"),
        ("Nguyễn Thử", "\ufeffNguyễn\u200b Thử\u00ad"),
    ],
)
def test_spellings_of_one_name_are_the_same(one: str, other: str) -> None:
    assert same_name(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hoàng Thị Khác", "Hoàng Thị Khắc"),
        ("Nguyễn Thử", "Nguyễn Thứ"),
        ("Nguyễn Thử", "Nguyen Thu"),
        ("Lê Đan", "Lê Dan"),
        ("Trần Văn An", "Trần An Văn"),
        ("Trần Văn", "Trần Văn An"),
        ("Nguyễn Hoà An", "Nguyễn Hoa Àn"),
    ],
)
def test_other_names_are_not(one: str, other: str) -> None:
    assert not same_name(one, other)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Nguyễn Hòa", "Nguyễn Hoà"),
        ("Nguyễn Hoà", "Nguyễn Hòa"),
        ("LÊ THÚY", "LÊ THUÝ"),
        ("Trần Quý Hoàn", "Trần Quý Hoàn"),
        ("Trần Văn Thử", "Trần Văn Thử"),
        ("Hoà Thúy", "Hòa Thúy"),
        ("Hòa Thúy", "Hoà Thuý"),
        ("Hoà Thuý", "Hòa Thúy"),
    ],
)
def test_the_other_school_of_accent_placement(name: str, other: str) -> None:
    assert other_accent_placement(name) == other


@given(st.text(max_size=40))
def test_any_name_is_itself_in_any_form(name: str) -> None:
    assert same_name(name, unicodedata.normalize("NFD", name))
    assert same_name(name, f"  {name} ")
    assert same_name(other_accent_placement(name), tidy(name))


@pytest.mark.parametrize(
    "written",
    [
        *("14/2/2003", "14022003", "20030214", "2003-02-14"),
        *("14/02/2003 00:00:00", "2003-02-14T00:00:00.000", "2003-02-14T00:00:00Z", "2003-02-14T00:00:00+07:00"),
        *("14/02/2003 23:59:59", "2003-02-14T23:59", "2003-02-14T23:59:59.999+07:00"),
    ],
)
def test_a_birth_date_is_understood_in_every_form_that_can_mean_one_day_only(written: str) -> None:
    assert portal_day(written) == (2003, 2, 14)


@pytest.mark.parametrize(
    "written",
    [
        *("2003-02-13T17:00:00Z", "2003-02-14T23:59:59Z", "2003-02-14T00:00:00+09:00", "14/02/2003 12:00:00 AM"),
        *("20031402", "2003021", "1422003", "14-02-2003", "14/02/03", "1045180800"),
    ],
)
def test_what_could_mean_another_day_is_not_understood(written: str) -> None:
    assert portal_day(written) is None


def test_zeros_stand_for_what_is_not_known_of_a_birth_date() -> None:
    assert portal_day("00/00/1955") == portal_day("00001955") == (1955,)
    assert portal_day("00/09/1955") == (1955, 9)


@pytest.mark.parametrize(
    ("written", "sex"),
    [
        ("Nam", "male"),
        (" NAM", "male"),
        ("1", "male"),
        ("Nữ", "female"),
        (unicodedata.normalize("NFD", "NỮ"), "female"),
        ("nu", "female"),
        ("2", "female"),
        ("M", "male"),
        ("Female", "female"),
        ("3", None),
        ("", None),
        ("X", None),
    ],
)
def test_sexes_are_understood_as_words_and_as_numbers(written: str, sex: str | None) -> None:
    assert portal_sex(written) == sex


@pytest.mark.parametrize(
    ("born", "young"),
    [
        ((2020, 11, 22), True),
        ((2020, 11, 21), False),
        ((2020, 12), True),
        ((2020, 11), False),
        ((2021,), True),
        ((2020,), False),
        ((2026, 11, 21), True),
        ((2027,), False),
    ],
)
def test_somebody_is_young_only_where_that_is_sure(born: tuple[int, ...], young: bool) -> None:
    assert surely_under(6, born, date(2026, 11, 21)) is young


def test_dates_are_compared_as_far_as_both_are_known() -> None:
    assert portal_day("14/02/2003") == iso_day("2003-02-14") == (2003, 2, 14)
    assert portal_day("1955") == iso_day("1955") == (1955,)
    assert portal_day("02/1955") == iso_day("1955-02") == (1955, 2)
    assert portal_day("14.02.2003") is portal_day("") is iso_day("14/02/2003") is None
    assert portal_day("31/02/2003") is portal_day("13/2003") is portal_day("0000") is None
    assert same_day((1955,), (1955, 9, 20))
    assert not same_day((1956,), (1955, 9, 20))
    assert not same_day((2003, 2, 14), (2003, 2, 15))
