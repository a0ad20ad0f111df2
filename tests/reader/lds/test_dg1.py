"""The machine-readable zone: the vectors of the card reference, the specimens of the standard, and garbage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader.errors import CardBroken
from reader.lds import dg1
from reader.reading import Document, Sex, Size
from tests.reader.lds.vectors import (
    GERMAN_PASSPORT,
    MRZ,
    PASSPORT,
    TD1,
    TD1_LONG,
    TD2,
    TD2_LONG,
    TODAY,
    dg1_of,
    mrz_of,
)


@pytest.mark.parametrize(
    ("key", "number", "birth", "sex", "expiry", "name"),
    [
        ("A", "001303900017", "2003-02-14", Sex.FEMALE, "2028-02-14", "TRAN THI MAU"),
        ("B", "079200900024", "2000-07-01", Sex.MALE, "2040-07-01", "NGUYEN VAN THU"),
        ("C", "048155900031", "1955-09-20", Sex.FEMALE, "none", "LE THI VI DU"),
        ("D", "092321900048", "2021-03-05", Sex.FEMALE, "2035-03-05", "PHAM MAU NHI"),
    ],
)
def test_the_zone_of_every_vector_is_read(key, number, birth, sex, expiry, name):
    mrz = mrz_of(MRZ[key])
    assert (mrz.personal_id, mrz.birth_date(TODAY), mrz.sex) == (number, birth, sex)
    assert (mrz.expiry_date, mrz.full_name, mrz.faults) == (expiry, name, ())
    assert mrz.document_number == number[3:]
    assert (mrz.size, [len(line) for line in mrz.lines]) == (Size.TD1, [30, 30, 30])


@pytest.mark.parametrize(
    ("key", "information"),
    [
        ("A", "303900017703021402802149"),
        ("B", "200900024700070104007018"),
        ("C", "155900031055092099912315"),
        ("D", "321900048121030533503052"),
    ],
)
def test_the_zone_gives_what_the_access_keys_are_made_of(key, information):
    assert mrz_of(MRZ[key]).information == information


@pytest.mark.parametrize(
    ("zone", "document", "information"),
    [
        (PASSPORT, ("P", "UTO", "L898902C3", "UTO", Size.TD3), "L898902C3674081221204159"),
        (TD1, ("I", "UTO", "D23145890", "UTO", Size.TD1), "D23145890774081221204159"),
        (TD2, ("I", "UTO", "D23145890", "UTO", Size.TD2), "D23145890774081221204159"),
        (TD1_LONG, ("I", "UTO", "D23145890734", "UTO", Size.TD1), "D23145890734934071279507122"),
        (TD2_LONG, ("I", "UTO", "D23145890734", "UTO", Size.TD2), "D23145890734934071279507122"),
        (GERMAN_PASSPORT, ("P", "D", "C01X00T47", "D", Size.TD3), "C01X00T47864081252702283"),
    ],
)
def test_documents_of_every_size_and_state_are_read(zone, document, information):
    mrz = mrz_of(zone)
    kind, state, number, nationality, size = document
    assert mrz.document == Document(type=kind, issuing_state=state, number=number, nationality=nationality, size=size)
    assert (mrz.information, mrz.faults) == (information, ())


def test_a_passport_has_no_personal_id():
    mrz = mrz_of(PASSPORT)
    assert (mrz.full_name, mrz.optional, mrz.personal_id) == ("ERIKSSON ANNA MARIA", "ZE184226B", None)
    assert (mrz.birth_date(TODAY), mrz.expiry_date, mrz.sex) == ("1974-08-12", "2012-04-15", Sex.FEMALE)


def test_a_long_number_leaves_the_optional_data_behind_it():
    zone = TD1_LONG[:15] + "7349<REST".ljust(15, "<") + TD1_LONG[30:]
    assert (mrz_of(zone).document_number, mrz_of(zone).optional) == ("D23145890734", "REST")


def test_the_vietnamese_number_never_runs_on():
    mrz = mrz_of(MRZ["A"][:14] + "<" + MRZ["A"][15:])
    assert (mrz.document_number, mrz.personal_id) == ("303900017", "001303900017")
    assert "document_number" in mrz.faults


def test_a_missing_check_digit_without_a_continuation_is_a_fault():
    mrz = mrz_of(TD1[:14] + "<" + TD1[15:])
    assert (mrz.document_number, mrz.faults) == ("D23145890", ("document_number", "composite"))


def test_a_wrong_check_digit_is_named():
    assert mrz_of(MRZ["A"].replace("0302140", "0302141")).faults == ("birth", "composite")
    assert mrz_of(MRZ["A"].replace("<<8", "<<7")).faults == ("composite", "optional")


@pytest.mark.parametrize(
    ("birth", "expected"), [("55<<<<", "1955"), ("5509<<", "1955-09"), ("<<<<<<", None), ("551301", None)]
)
def test_partial_births_in_the_zone(birth, expected):
    zone = MRZ["C"]
    assert mrz_of(zone[:30] + birth + zone[36:]).birth_date(TODAY) == expected


@pytest.mark.parametrize(("birth", "expected"), [("901231", "1990-12-31"), ("261122", "1926-11-22")])
def test_a_birth_is_never_in_the_future(birth, expected):
    zone = MRZ["A"][:15] + "<" * 15 + birth + MRZ["A"][36:]
    assert mrz_of(zone).birth_date(TODAY) == expected


def test_a_sex_that_is_not_told_is_unknown():
    assert mrz_of(TD1[:37] + "<" + TD1[38:]).sex is Sex.UNKNOWN


@pytest.mark.parametrize(
    "typed",
    [
        PASSPORT,
        PASSPORT[:44] + "\n" + PASSPORT[44:],
        f"  {PASSPORT[:44]}\r\n{PASSPORT[44:]}\r\n".lower(),
    ],
)
def test_a_zone_is_read_as_it_was_scanned_or_typed(typed):
    assert dg1.parse_text(typed) == dg1.parse_zone(PASSPORT)


@pytest.mark.parametrize("typed", ["", "A" * 90 + "é", "A" * 91, PASSPORT[:-1], "<" * 10_000_000, "٠" * 90, "?" * 88])
def test_what_is_no_zone_is_refused(typed):
    with pytest.raises(CardBroken):
        dg1.parse_text(typed)


@pytest.mark.parametrize("data", [b"", b"\x61\x00", dg1_of(TD1)[:-1], dg1_of(TD1) + b"\x00", dg1_of(TD1.lower())])
def test_what_is_no_data_group_1_is_refused(data):
    with pytest.raises(CardBroken):
        dg1.parse(data)


@given(st.text(alphabet="ABC<0123456789é", max_size=100))
def test_any_zone_is_read_or_refused(zone):
    try:
        mrz_of(zone).birth_date(TODAY)
    except CardBroken:
        return


@given(st.sampled_from([72, 88, 90]).flatmap(lambda n: st.text(alphabet="VNMIDP<0123456789", min_size=n, max_size=n)))
def test_any_zone_of_the_right_size_is_read(zone):
    mrz = mrz_of(zone)
    assert (mrz.birth_date(TODAY) or "") <= TODAY.isoformat()
    assert "".join(mrz.lines) == zone
    assert "<" not in mrz.full_name
