"""Do two descriptions mean the same person?"""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisbridge.lookups.persons import (
    iso_day,
    other_accent_placement,
    portal_day,
    same_day,
    same_name,
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
    ],
)
def test_the_other_school_of_accent_placement(name: str, other: str) -> None:
    assert other_accent_placement(name) == other


@given(st.text(max_size=40))
def test_any_name_is_itself_in_any_form(name: str) -> None:
    assert same_name(name, unicodedata.normalize("NFD", name))
    assert same_name(name, f"  {name} ")
    assert same_name(other_accent_placement(name), tidy(name))


def test_dates_are_compared_as_far_as_both_are_known() -> None:
    assert portal_day("14/02/2003") == iso_day("2003-02-14") == (2003, 2, 14)
    assert portal_day("1955") == iso_day("1955") == (1955,)
    assert portal_day("02/1955") == iso_day("1955-02") == (1955, 2)
    assert portal_day("14.02.2003") is portal_day("") is iso_day("14/02/2003") is None
    assert same_day((1955,), (1955, 9, 20))
    assert not same_day((1956,), (1955, 9, 20))
    assert not same_day((2003, 2, 14), (2003, 2, 15))
