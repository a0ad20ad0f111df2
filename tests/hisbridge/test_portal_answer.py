"""Every documented answer of the portal, and what is no answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisbridge.errors import PortalError, PortalGarbled, PortalIncomplete
from hisbridge.lookups.portal_answer import Asked, coverage, read_object, result_code
from hisbridge.lookups.result_codes import RESULT_CODES
from hisbridge.records import Coverage, CoverageQuestion, Verdict
from wire.codec import from_json, to_json

ASKED = Asked(at="2026-11-21T07:45:00+07:00", by="kiosk-1")
QUESTION = CoverageQuestion(
    personal_id="000099999999",
    full_name="Nguyễn Văn Thử",
    birth_date="1999-01-02",
    sex="male",
    visit_date="2026-11-21",
)
DOCUMENTED: dict[str, Any] = {
    "maKetQua": "000",
    "ghiChu": "(free text)",
    "maThe": "GD4000000000000",
    "hoTen": "Nguyễn Văn Thử",
    "ngaySinh": "02/01/1999",
    "gioiTinh": "Nam",
    "diaChi": "Phường Mẫu, Tỉnh Thử",
    "maDKBD": "99999",
    "cqBHXH": "BHXH Mẫu",
    "gtTheTu": "01/01/2026",
    "gtTheDen": "31/12/2026",
    "maKV": "",
    "ngayDu5Nam": "01/03/2025",
    "maSoBHXH": "0000000000",
    "maTheCu": "",
    "maTheMoi": "GD4000000000001",
    "gtTheTuMoi": "01/01/2027",
    "gtTheDenMoi": "31/12/2027",
    "maDKBDMoi": "99998",
    "tenDKBDMoi": "Cơ sở thử",
    "dsLichSuKCB2018": [{"maHoSo": "1", "TEMP2": "Công ty Bí Mật"}],
    "dsLichSuKT2018": [],
}


def told(question: CoverageQuestion = QUESTION, **differences: Any) -> Coverage:
    answer = {key: value for key, value in {**DOCUMENTED, **differences}.items() if value is not ...}
    return coverage(read_object(json.dumps(answer).encode()), question, ASKED)


def on(day: str) -> CoverageQuestion:
    return CoverageQuestion(
        personal_id="000099999999", full_name="Nguyễn Văn Thử", birth_date="1999-01-02", visit_date=day
    )


EXPECTED = {
    "000": Verdict.VALID,
    **dict.fromkeys(("001", "002", "051", "052", "053"), Verdict.MANUAL_CHECK),
    **dict.fromkeys(("003", "004"), Verdict.VALID_NEW_CARD),
    **dict.fromkeys(("010", "110", "120", "121", "122", "123", "124"), Verdict.NOT_INSURED),
    **dict.fromkeys(("050", "100", "101", "500"), Verdict.UNVERIFIED),
    **dict.fromkeys(("054", "055", "205", "401"), Verdict.CONFIGURATION_ERROR),
    **dict.fromkeys(("060", "061", "070", "080", "090"), Verdict.MISMATCH),
    "130": Verdict.CHILD_TEMPORARY,
}


@pytest.mark.parametrize(("code", "verdict"), EXPECTED.items())
def test_every_documented_code_has_its_verdict(code: str, verdict: Verdict) -> None:
    answered = told(maKetQua=code)
    assert (answered.verdict, answered.result_code) == (verdict, code)


def test_no_code_is_left_out() -> None:
    assert set(EXPECTED) == set(RESULT_CODES)


@pytest.mark.parametrize("code", ["999", "0", "ABC", "00"])
def test_an_unknown_code_needs_a_persons_eye(code: str) -> None:
    answered = told(maKetQua=code)
    assert (answered.verdict, answered.reason) == (Verdict.MANUAL_CHECK, "portal.unknown_code")
    assert answered.result_code == code


def test_a_valid_card_gives_what_reception_needs_and_nothing_else() -> None:
    answered = told(maKV="K1")
    assert answered == Coverage(
        verdict=Verdict.VALID,
        result_code="000",
        card_number="GD4000000000000",
        social_security_number="0000000000",
        valid_from="2026-01-01",
        valid_to="2026-12-31",
        registered_facility="99999",
        living_area="K1",
        five_year_date="2025-03-01",
        asked_at=ASKED.at,
        asked_by="kiosk-1",
    )
    assert from_json(to_json(answered), Coverage) == answered


@pytest.mark.parametrize(
    ("day", "verdict", "reason"),
    [
        ("2025-12-31", Verdict.NOT_INSURED, "coverage.not_yet_valid"),
        ("2026-01-01", Verdict.VALID, None),
        ("2026-12-31", Verdict.VALID, None),
        ("2027-01-01", Verdict.NOT_INSURED, "coverage.expired"),
    ],
)
def test_a_card_counts_only_on_the_days_it_is_valid(day: str, verdict: Verdict, reason: str | None) -> None:
    answered = told(on(day))
    assert (answered.verdict, answered.reason) == (verdict, reason)


@pytest.mark.parametrize("code", ["003", "004"])
@pytest.mark.parametrize(
    ("day", "verdict", "card", "facility"),
    [
        ("2026-11-21", Verdict.VALID_NEW_CARD, "GD4000000000000", "99999"),
        ("2027-03-01", Verdict.VALID_NEW_CARD, "GD4000000000001", "99998"),
        ("2028-01-01", Verdict.NOT_INSURED, "GD4000000000001", "99998"),
        ("2025-01-01", Verdict.NOT_INSURED, "GD4000000000001", "99998"),
    ],
)
def test_of_two_cards_the_one_valid_on_the_day_is_taken(
    code: str, day: str, verdict: Verdict, card: str, facility: str
) -> None:
    answered = told(on(day), maKetQua=code)
    assert (answered.verdict, answered.card_number, answered.registered_facility) == (verdict, card, facility)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("hoTen", "Nguyễn Văn Thứ", "coverage.name_disagrees"),
        ("ngaySinh", "03/01/1999", "coverage.birth_date_disagrees"),
        ("ngaySinh", "1998", "coverage.birth_date_disagrees"),
        ("gioiTinh", "Nữ", "coverage.sex_disagrees"),
    ],
)
def test_an_insurer_that_holds_another_person_is_a_mismatch_without_the_card(
    field: str, value: str, reason: str
) -> None:
    answered = told(**{field: value})
    assert (answered.verdict, answered.reason) == (Verdict.MISMATCH, reason)
    assert answered.card_number is answered.social_security_number is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("hoTen", "NGUYỄN  VĂN THỬ"), ("ngaySinh", "1999"), ("hoTen", None), ("ngaySinh", ""), ("gioiTinh", ...)],
)
def test_what_the_insurer_writes_otherwise_or_leaves_out_contradicts_nothing(field: str, value: Any) -> None:
    assert told(**{field: value}).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "differences",
    [
        {"maThe": ""},
        {"maThe": None},
        {"maThe": "<script>"},
        {"maThe": 15},
        {"gtTheTu": ""},
        {"gtTheDen": None},
        {"gtTheDen": "31/02/2026"},
        {"gtTheDen": "2026"},
        {"ngaySinh": "unknown"},
        {"maKetQua": None},
        {"maKetQua": ...},
        {"maKetQua": ""},
        {"maKetQua": [1]},
        {"maKetQua": "0" * 99},
        {"maKetQua": True},
        {"maKetQua": 10**30},
    ],
)
def test_an_answer_without_what_its_code_promises_is_incomplete(differences: dict[str, Any]) -> None:
    with pytest.raises(PortalIncomplete):
        told(**differences)


def test_field_names_in_another_case_and_codes_as_numbers_are_understood() -> None:
    body = json.dumps({**{key.upper(): value for key, value in DOCUMENTED.items()}, "MAKETQUA": 0}).encode()
    assert coverage(read_object(b"\xef\xbb\xbf" + body), QUESTION, ASKED).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b"null", b"[]", b'"000"', b'{"maKetQua":"000"', b"\xff\xfe", b"[" * 200_000]
)
def test_what_is_no_json_object_is_garbled(body: bytes) -> None:
    with pytest.raises(PortalGarbled):
        read_object(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(DOCUMENTED)), json_values), st.sampled_from([*RESULT_CODES, "x"]))
def test_no_answer_breaks_it_and_every_coverage_fits_its_own_record(odd: dict[str, Any], code: str) -> None:
    answer = read_object(json.dumps({**DOCUMENTED, "maKetQua": code, **odd}).encode())
    try:
        made = coverage(answer, QUESTION, ASKED)
    except PortalError:
        return
    assert from_json(to_json(made), Coverage) == made
    assert made.result_code == result_code(answer)
