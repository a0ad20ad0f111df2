"""Dates however cards write them."""

import pytest

from reader.lds.dates import expiry_date, fold, lds_date, partial_date


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("14/02/2003", "2003-02-14"),
        ("4/2/2003", "2003-02-04"),
        ("14022003", "2003-02-14"),
        ("14-02-2003", "2003-02-14"),
        ("14.02.2003", "2003-02-14"),
        ("2003-02-14", "2003-02-14"),
        ("20030214", "2003-02-14"),
        ("02/2003", "2003-02"),
        ("022003", "2003-02"),
        ("2003", "2003"),
        ("00/00/1955", "1955"),
        ("--/--/1955", "1955"),
        ("00/05/1955", "1955-05"),
        (" 1955 ", "1955"),
        ("31/02/2003", None),
        ("29/02/2003", None),
        ("29/02/2004", "2004-02-29"),
        ("14/13/2003", None),
        ("5/0/1955", None),
        ("1/1/03", None),
        ("", None),
        ("٢٠٠٣", None),
        ("abc", None),
    ],
)
def test_dates_are_read_at_the_precision_they_have(written, iso):
    assert partial_date(written) == iso


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Không thời hạn", "none"),
        ("KHÔNG THỜI HẠN", "none"),
        ("khong  thoi han", "none"),
        ("Kho\u0302ng tho\u031b\u0300i ha\u0323n", "none"),
        ("14/02/2028", "2028-02-14"),
        ("31/12/9999", "none"),
        ("2028", None),
        ("", None),
    ],
)
def test_no_expiry_is_understood_however_it_is_written(written, expected):
    assert expiry_date(written) == expected


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        (b"19740812", "1974-08-12"),
        (bytes.fromhex("19740812"), "1974-08-12"),
        (b"19740800", "1974-08"),
        (b"1974<<<<", "1974"),
        (bytes.fromhex("19740000"), "1974"),
        (b"19741301", None),
        (bytes.fromhex("1974AB12"), None),
        (b"1974081", None),
        (b"\xff" * 8, None),
        (b"", None),
    ],
)
def test_dates_of_the_logical_data_structure_are_characters_or_decimal_digits_in_halves_of_bytes(raw, iso):
    assert lds_date(raw) == iso


def test_folding_handles_the_vietnamese_d():
    assert fold("ĐẶNG Đình  đ") == "dang dinh d"
