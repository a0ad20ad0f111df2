"""Which keys may open a card, from what is known about it (card.md 3 and 10.3). Persons are synthetic."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader.chip import access_keys, expiry
from reader.chip.access_keys import AccessKeys
from reader.errors import KeyMalformed
from reader.lds.dg1 import check_digit
from reader.reading import Holder

A = "IDVNM3039000177001303900017<<8\n0302140F2802149VNM<<<<<<<<<<<2\nTRAN<<THI<MAU<<<<<<<<<<<<<<<<<"
A_KEY = "303900017703021402802149"


def holder(personal_id: str, birth: str | None, issued: str | None, expires: str | None = None) -> Holder:
    return Holder(personal_id=personal_id, birth_date=birth, issue_date=issued, expiry_date=expires)


@pytest.mark.parametrize(
    ("personal_id", "birth", "issued", "mrz"),
    [
        ("001303900017", "2003-02-14", "2021-05-20", "303900017703021402802149"),
        ("079200900024", "2000-07-01", "2024-08-15", "200900024700070104007018"),
        ("048155900031", "1955-09-20", "2022-10-10", "155900031055092099912315"),
        ("092321900048", "2021-03-05", "2024-08-15", "321900048121030533503052"),
    ],
)
def test_the_qr_alone_gives_can_and_mrz_key(personal_id, birth, issued, mrz):
    keys = access_keys.from_holder(holder(personal_id, birth, issued))
    assert keys.can == personal_id[6:]
    assert keys.mrz[0] == mrz
    assert len(keys.mrz) <= 3


def days(birth: str, issued: str) -> list[str]:
    found = expiry.candidates(date.fromisoformat(birth), date.fromisoformat(issued))
    return ["none" if day is None else day.isoformat() for day in found]


@pytest.mark.parametrize(
    ("birth", "issued", "expected"),
    [
        # card.md 10.3, after D
        ("1998-06-10", "2021-06-09", ["2023-06-10", "2038-06-10"]),
        ("1998-06-10", "2021-06-10", ["2038-06-10", "2023-06-10", "2058-06-10"]),
        ("1963-01-02", "2021-03-01", ["none", "2023-01-02"]),
        ("2004-02-29", "2022-01-01", ["2029-02-28", "2029-03-01", "2044-02-29"]),
        # the old law knows 25, 40 and 60 only, the new one 14 too
        ("2012-09-01", "2024-06-30", ["2037-09-01", "2052-09-01"]),
        ("2012-09-01", "2024-07-01", ["2026-09-01", "2037-09-01"]),
        ("2012-07-01", "2024-07-01", ["2037-07-01", "2026-07-01", "2052-07-01"]),
        ("2012-06-01", "2024-08-15", ["2037-06-01", "2026-06-01", "2052-06-01"]),
        # each milestone and its two years
        ("1990-05-05", "2021-05-05", ["2030-05-05", "2050-05-05"]),
        ("1983-05-05", "2021-05-04", ["2023-05-05", "2043-05-05"]),
        ("1983-05-05", "2021-05-05", ["2043-05-05", "2023-05-05", "none"]),
        ("1980-05-05", "2021-05-05", ["2040-05-05", "none"]),
        ("1963-05-05", "2021-05-04", ["2023-05-05", "none"]),
        ("1963-05-05", "2021-05-05", ["none", "2023-05-05"]),
        ("1961-05-04", "2021-05-05", ["none"]),
        ("1955-09-20", "2022-10-10", ["none"]),
        # 29 February where the year has none, and where it has
        ("2012-02-29", "2025-01-01", ["2037-02-28", "2037-03-01", "2026-02-28", "2026-03-01", "2052-02-29"]),
        ("2004-02-29", "2027-02-28", ["2029-02-28", "2029-03-01", "2044-02-29"]),
        ("2004-02-29", "2027-03-01", ["2044-02-29", "2029-02-28", "2029-03-01", "2064-02-29"]),
        ("2020-01-01", "2019-01-01", []),
    ],
)
def test_the_expiry_rule(birth, issued, expected):
    assert days(birth, issued) == expected


@given(st.dates(date(1900, 1, 1), date(2040, 12, 31)), st.dates(date(2021, 1, 1), date(2050, 12, 31)))
def test_no_card_expires_before_it_is_issued_and_the_birthday_is_kept(birth, issued):
    found = expiry.candidates(birth, issued)
    assert len(set(found)) == len(found)
    assert bool(found) == (issued >= birth)
    for day in found:
        if day is not None:
            assert day > issued
            assert (day.month, day.day) == (birth.month, birth.day) or (birth.month, birth.day) == (2, 29)


def test_at_most_three_mrz_keys_and_the_likeliest_first():
    keys = access_keys.from_holder(holder("001212900017", "2012-02-29", "2025-01-01"))
    assert [mrz[17:23] for mrz in keys.mrz] == ["370228", "370301", "260228"]


@pytest.mark.parametrize(
    ("birth", "issued"),
    [
        ("1955", "2022-10-10"),
        ("1955-09", "2022-10-10"),
        (None, "2022-10-10"),
        ("1955-09-20", None),
        ("1955-09-20", "2022"),
        ("1955-09-20", "2022-10"),
        ("1955-09-31", "2022-10-10"),
        ("20-09-1955", "2022-10-10"),
        ("2024-09-20", "2022-10-10"),
    ],
)
def test_where_a_date_is_not_wholly_known_no_mrz_key_is_guessed(birth, issued):
    assert access_keys.from_holder(holder("048155900031", birth, issued)) == AccessKeys(can="900031")


@pytest.mark.parametrize(
    ("issued", "expires", "expected"),
    [
        (None, "2028-02-14", ["280214"]),
        (None, "none", ["991231"]),
        ("2021-05-20", "2028-02-14", ["280214", "430214"]),
        ("2021-05-20", "2043-02-14", ["430214", "280214"]),
        ("2021-05-20", "2030-01-01", ["300101", "280214", "430214"]),
        ("2021-05-20", "2030", ["280214", "430214"]),
    ],
)
def test_an_expiry_that_is_known_comes_first(issued, expires, expected):
    keys = access_keys.from_holder(holder("001303900017", "2003-02-14", issued, expires))
    assert [mrz[17:23] for mrz in keys.mrz] == expected


@pytest.mark.parametrize("can", ["90001", "9000177", "", "90001a", "９０００１７", "900 17", "900017\n"])
def test_a_can_has_six_digits(can):
    with pytest.raises(KeyMalformed) as caught:
        access_keys.from_can(can)
    assert caught.value.data == {"what": "can"}


@pytest.mark.parametrize("number", ["00130390001", "0013039000177", "", "00130390001a", "００１３０３９０００１７"])
def test_a_personal_id_number_has_twelve_digits(number):
    for make in (access_keys.from_personal_id, lambda text: access_keys.from_holder(holder(text, None, None))):
        with pytest.raises(KeyMalformed) as caught:
            make(number)
        assert caught.value.data == {"what": "id"}


def test_a_can_and_a_personal_id_number_give_the_can_and_nothing_else():
    assert access_keys.from_can("900017") == AccessKeys(can="900017")
    assert access_keys.from_personal_id("001303900017") == AccessKeys(can="900017")


def test_keys_do_not_show_what_they_are():
    assert "900017" not in repr(access_keys.from_personal_id("001303900017"))


@pytest.mark.parametrize(
    ("zone", "keys"),
    [
        (A, AccessKeys("900017", (A_KEY,))),
        (
            "IDVNM2009000247079200900024<<7\n0007010M4007018VNM<<<<<<<<<<<8\nNGUYEN<<VAN<THU<<<<<<<<<<<<<<<",
            AccessKeys("900024", ("200900024700070104007018",)),
        ),
        (
            "IDVNM1559000310048155900031<<0\n5509209F9912315VNM<<<<<<<<<<<2\nLE<<THI<VI<DU<<<<<<<<<<<<<<<<<",
            AccessKeys("900031", ("155900031055092099912315",)),
        ),
        (
            # TD3: Doc 9303-4, appendix A
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
            AccessKeys(None, ("L898902C3674081221204159",)),
        ),
        (
            # TD2: Doc 9303-6, appendix A
            "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
            AccessKeys(None, ("D23145890774081221204159",)),
        ),
        (
            # TD1: Doc 9303-5, appendix A
            "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
            AccessKeys(None, ("D23145890774081221204159",)),
        ),
        (A_KEY, AccessKeys(None, (A_KEY,))),
        ("L898902C<369080619406236", AccessKeys(None, ("L898902C<369080619406236",))),
        ("D23145890734934071279507122", AccessKeys(None, ("D23145890734934071279507122",))),
    ],
)
def test_the_lines_of_an_mrz_or_the_key_alone_give_the_key(zone, keys):
    assert access_keys.from_mrz_text(zone) == keys


@pytest.mark.parametrize(
    "change",
    [
        lambda zone: zone.replace("\n", ""),
        lambda zone: zone.replace("\n", "\r\n") + "\r\n",
        lambda zone: zone.lower(),
        lambda zone: " ".join(zone),
        lambda zone: f"\t{zone}\n\n",
        lambda zone: zone.replace("\n", "\u00a0"),
    ],
)
def test_spaces_line_breaks_and_lower_case_do_not_matter(change):
    assert access_keys.from_mrz_text(change(A)) == AccessKeys("900017", (A_KEY,))


@pytest.mark.parametrize("first", ["LDVNM", "TDVNM", "I<VNM"])
def test_what_the_key_does_not_hold_may_be_misread(first):
    assert access_keys.from_mrz_text(first + A[5:]).mrz == (A_KEY,)
    assert access_keys.from_mrz_text(A.replace("TRAN", "7RAN")).mrz == (A_KEY,)
    assert access_keys.from_mrz_text(A.replace("001303900017<<8", "OO13O39O0017<<B")).can == "900017"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("3039000177", "3O39OOOI77"),
        ("3039000177", "3039000I77"),
        ("0302140F2802149", "O3O2I4OF2BO2I49"),
        ("0302140F2802149", "0302140FZ802149"),
    ],
)
def test_letters_that_stand_where_digits_do_are_read_again(right, wrong):
    assert right in A
    assert access_keys.from_mrz_text(A.replace(right, wrong)) == AccessKeys("900017", (A_KEY,))
    key = A_KEY.replace("3039000177", "3O39OOOI77").replace("0302140", "O3O2I4O")
    assert access_keys.from_mrz_text(key).mrz == (A_KEY,)


def test_letters_in_front_of_a_document_number_stay_where_they_fit():
    passport = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nB898902030UTO7408122F1204159ZE184226B<<<<<10"
    key = "B898902030" + "7408122" + "1204159"
    assert access_keys.from_mrz_text(passport).mrz == (key,)
    assert access_keys.from_mrz_text(passport.replace("B898902030", "B8989O2O30")).mrz == (key,)


@pytest.mark.parametrize("at", range(len(A_KEY)))
@pytest.mark.parametrize("other", "0123456789")
def test_a_wrong_digit_anywhere_in_the_key_is_found(at, other):
    if other == A_KEY[at]:
        return
    with pytest.raises(KeyMalformed) as caught:
        access_keys.from_mrz_text(A_KEY[:at] + other + A_KEY[at + 1 :])
    assert caught.value.data == {"what": "mrz"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "900017",
        "001303900017",
        A_KEY[:-1],
        A[:-1],
        A + "<",
        A.replace("<", "«"),
        A.replace("0302140F", "0302141F"),
        A.replace("2802149V", "2802148V"),
        A.replace("VNM3039000177", "VNM303900017<"),  # the long number rule is not Vietnam's
        "I<UTOD23145890<<<<<<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<",
        "I<UTOD23145890<7348<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<",
        "L898902C<3" + "69X806" + "1" + "9406236",
        "＜" * 90,
        "<" * 100000,
        "\u0130" * 90,
    ],
)
def test_anything_else_is_no_mrz(text):
    with pytest.raises(KeyMalformed) as caught:
        access_keys.from_mrz_text(text)
    assert caught.value.data == {"what": "mrz"}


def test_a_vietnamese_passport_has_no_can():
    passport = "P<VNMTRAN<<THI<MAU<<<<<<<<<<<<<<<<<<<<<<<<<<\nC01234567" + check_digit("C01234567")
    passport += "VNM0302140F3102145<<<<<<<<<<<<<<<0"
    keys = access_keys.from_mrz_text(passport)
    assert keys.can is None
    assert keys.mrz[0].startswith("C01234567")


def test_dates_whose_parts_are_not_known_are_taken_as_printed():
    dates = "55<<<<" + check_digit("55<<<<") + "9912315"
    assert access_keys.from_mrz_text("1559000310" + dates).mrz == ("1559000310" + dates,)


@given(st.text(max_size=500))
def test_no_text_does_anything_but_give_keys_or_be_refused(text):
    try:
        keys = access_keys.from_mrz_text(text)
    except KeyMalformed:
        return
    assert len(keys.mrz) == 1


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<", min_size=9, max_size=23),
    st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    st.dates(date(1900, 1, 1), date(2099, 12, 31)),
)
def test_a_key_whose_check_digits_fit_is_taken_as_it_stands(number, birth, expires):
    parts = [number, birth.strftime("%y%m%d"), expires.strftime("%y%m%d")]
    key = "".join(part + check_digit(part) for part in parts)
    assert re.fullmatch(r"[0-9A-Z<]{24,38}", key)
    assert access_keys.from_mrz_text(key) == AccessKeys(mrz=(key,))
