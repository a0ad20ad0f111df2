"""Every documented answer of the portal, and what is no answer."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from hisbridge.errors import PortalError, PortalGarbled, PortalIncomplete
from hisbridge.lookups.persons import same_name
from hisbridge.lookups.portal_answer import Asked, coverage
from hisbridge.lookups.portal_json import needed, read_object, result_code
from hisbridge.lookups.result_codes import RESULT_CODES
from hisbridge.questions import Act, Coverage, CoverageQuestion, Verdict
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
    "000": (Verdict.VALID, Act.NONE),
    **dict.fromkeys(("001", "002"), (Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)),
    **dict.fromkeys(("003", "004"), (Verdict.VALID_NEW_CARD, Act.USE_NEW_CARD)),
    **dict.fromkeys(("010", "110", "120", "121", "122", "123", "124"), (Verdict.NOT_INSURED, Act.ASK_RENEWED_CARD)),
    "050": (Verdict.UNVERIFIED, Act.ASK_OTHER_NUMBER),
    **dict.fromkeys(("051", "052", "053"), (Verdict.MANUAL_CHECK, Act.ASK_OTHER_NUMBER)),
    **dict.fromkeys(("054", "055", "205", "401"), (Verdict.CONFIGURATION_ERROR, Act.CALL_ADMINISTRATOR)),
    **dict.fromkeys(("060", "061", "070", "080", "090"), (Verdict.MISMATCH, Act.COMPARE_PERSON)),
    **dict.fromkeys(("100", "101", "500"), (Verdict.UNVERIFIED, Act.WAIT)),
    "130": (Verdict.CHILD_TEMPORARY, Act.TEMPORARY_CARD),
}
ACCEPTED = ("000", "003", "004")
BEGUN = {"gtTheTuMoi": "01/11/2026"}  # the new card is in force on the day of the visit


@pytest.mark.parametrize(("code", "meaning"), EXPECTED.items())
def test_every_documented_code_has_its_verdict_and_its_act(code: str, meaning: tuple[Verdict, Act]) -> None:
    answered = told(maKetQua=code, **BEGUN)
    assert (answered.verdict, answered.act) == meaning
    assert (answered.result_code, answered.reason) == (code, None)
    assert (answered.card_number is not None) == (code in ACCEPTED)


def test_no_code_is_left_out() -> None:
    assert set(EXPECTED) == set(RESULT_CODES)


@pytest.mark.parametrize("code", ["999", "ABC", "01", "03", "10", "99", "0000", "200"])
def test_an_unknown_code_needs_a_persons_decision(code: str) -> None:
    answered = told(maKetQua=code)
    assert (answered.verdict, answered.act) == (Verdict.MANUAL_CHECK, Act.DECIDE)
    assert (answered.result_code, answered.reason) == (code, "portal.unknown_code")


@pytest.mark.parametrize(
    ("written", "meant"),
    [(0, "000"), ("0", "000"), ("00", "000"), (" 000 ", "000"), (3, "003"), ("4", "004"), (50, "050"), (121, "121")],
)
def test_a_code_that_lost_its_zeros_is_still_that_code(written: Any, meant: str) -> None:
    answered = told(maKetQua=written, **BEGUN)
    assert (answered.result_code, answered.verdict) == (meant, EXPECTED[meant][0])


def test_a_valid_card_gives_what_reception_needs_and_nothing_else() -> None:
    answered = told(maKV="K1")
    assert answered == Coverage(
        verdict=Verdict.VALID,
        act=Act.NONE,
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
    assert answered.act is (Act.ASK_RENEWED_CARD if reason else Act.NONE)


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
    assert answered.act is Act.COMPARE_PERSON
    assert answered.card_number is answered.social_security_number is answered.other_card_number is None
    assert answered.valid_from is answered.registered_facility is answered.five_year_date is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hoTen", "NGUYỄN  VĂN THỬ"),
        ("hoTen", unicodedata.normalize("NFD", "Nguyễn Văn Thử")),
        ("hoTen", "\ufeffNguyễn Văn\u200b Thử"),
        ("ngaySinh", "1999"),
        ("ngaySinh", 1999),
        ("ngaySinh", "01/1999"),
        ("ngaySinh", "02011999"),
        ("ngaySinh", "19990102"),
        ("gtTheDen", "31/12/2026 23:59:59"),
        ("ngaySinh", "02/01/1999 00:00:00"),
        ("ngaySinh", "00/00/1999"),
        ("gioiTinh", ...),
        ("gioiTinh", "1"),
        ("gioiTinh", 1),
        ("gioiTinh", "3"),
    ],
)
def test_what_the_insurer_writes_otherwise_contradicts_nothing(field: str, value: Any) -> None:
    assert told(**{field: value}).verdict is Verdict.VALID


@pytest.mark.parametrize(("field", "value"), [("gioiTinh", "2"), ("gioiTinh", 2), ("ngaySinh", "1998")])
def test_a_contradiction_is_seen_however_it_is_written(field: str, value: Any) -> None:
    assert told(**{field: value}).verdict is Verdict.MISMATCH


def test_a_person_known_by_the_year_alone_is_compared_by_the_year() -> None:
    elder = structs.replace(QUESTION, birth_date="1999")
    assert told(elder).verdict is Verdict.VALID
    assert told(elder, ngaySinh="02/01/1998").verdict is Verdict.MISMATCH


def test_d_and_d_with_stroke_are_different_letters() -> None:
    assert told(structs.replace(QUESTION, full_name="Đỗ Đan"), hoTen="Đỗ Dan").verdict is Verdict.MISMATCH


def test_a_card_of_the_forces_without_dates_is_looked_at_by_hand() -> None:
    answered = told(maThe="QN5000000000000", gtTheDen="")
    assert (answered.verdict, answered.act) == (Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)
    assert answered.card_number is None


@pytest.mark.parametrize(
    "differences",
    [
        {"maThe": ""},
        {"maThe": None},
        {"maThe": "<script>"},
        {"maThe": 15},
        {"maThe": "GD9000000000000"},
        {"gtTheTu": "01/01/2027"},
        {"gtTheTu": ""},
        {"gtTheTu": 1012026},  # 01/01/2026 or 10/1/2026
        {"gtTheDen": None},
        {"gtTheDen": "null"},
        {"gtTheDen": "31/02/2026"},
        {"gtTheDen": "2026"},
        {"gtTheDen": "2026-12-31T17:00:00Z"},
        {"gtTheTu": None, "gtTheDen": None},
    ],
)
def test_the_right_person_with_half_a_card_is_looked_at_by_hand(differences: dict[str, Any]) -> None:
    answered = told(**differences)
    assert (answered.verdict, answered.act) == (Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)
    assert (answered.result_code, answered.reason) == ("000", "coverage.card_incomplete")
    assert answered.card_number is answered.valid_from is answered.social_security_number is None


@pytest.mark.parametrize(
    "differences",
    [
        {"hoTen": None},
        {"hoTen": "   "},
        {"ngaySinh": ""},
        {"ngaySinh": "31/02/1999"},
        {"ngaySinh": 2011999},
        {"maKetQua": 0.0},
        {"maKetQua": -1},
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
def test_an_answer_that_does_not_say_what_it_means_or_of_whom_is_incomplete(differences: dict[str, Any]) -> None:
    with pytest.raises(PortalIncomplete):
        told(**differences)


def test_field_names_in_another_case_and_codes_as_numbers_are_understood() -> None:
    body = json.dumps({**{key.upper(): value for key, value in DOCUMENTED.items()}, "MAKETQUA": 0}).encode()
    assert coverage(read_object(b"\xef\xbb\xbf" + body), QUESTION, ASKED).verdict is Verdict.VALID


def raw(*pairs: tuple[str, Any], **differences: Any) -> str:
    """The documented answer with these pairs written after it, keys that came before among them."""
    written = [*{**DOCUMENTED, **differences}.items(), *pairs]
    told = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in written)
    return "{" + ", ".join(told) + "}"


def answered_by(body: bytes) -> Coverage:
    return coverage(read_object(body), QUESTION, ASKED)


@pytest.mark.parametrize(
    "body",
    [
        raw().encode("utf-16"),
        raw().encode() + b"\r\n\x00\x00",
        raw().encode() + b"<!-- served by gateway 3 -->",
        b" \r\n" + raw().encode(),
        raw(("MaKetQua", "000"), ("hoten", "Nguyễn Văn Thử")).encode(),
        raw(("mathe", None), ("gtthetu", "")).encode(),
        raw(ghiChu=None, dsLichSuKCB2018=None, dsLichSuKT2018=None).encode(),
        raw(("dsLichSuKT2018", [{"thongBao": "một", "thongbao": "hai"}])).encode(),
        raw(("ghiChu", "hai"), ("GhiChu", "ba")).encode(),
        raw(ghiChu="dòng\nhai").replace("\\n", "\n").encode(),
        raw(maDKBD=99999, maSoBHXH=123456789, maKetQua=0).encode(),
        raw(ghiChu="XX").encode().replace(b"XX", b"L\xea H\xe0"),
    ],
)
def test_what_gateways_do_to_an_answer_is_understood_where_it_can_mean_one_thing_only(body: bytes) -> None:
    answered = answered_by(body)
    assert (answered.verdict, answered.card_number) == (Verdict.VALID, "GD4000000000000")
    assert answered.registered_facility == "99999"


@pytest.mark.parametrize(
    "body",
    [
        raw(("maKetQua", "060")).encode(),
        raw(("MATHE", "GD4000000000009")).encode(),
        raw(("hoten", "Nguyễn Văn Khác")).encode(),
        raw().encode() * 2,
        raw().encode() + b'{"maKetQua":"060"}',
        raw().encode()[:-1],
        raw(hoTen="Nguy?n V?n Th?").encode(),
        raw(hoTen="Nguy\ufffdn").encode(),
        raw(hoTen="XX").encode().replace(b"XX", b"L\xea H\xe0"),
        raw(hoTen="XX").encode().replace(b"XX", b"\\ud800"),
        b"\xff\xfe" + raw().encode() + b" ",
        raw(maKV=float("nan")).encode(),
    ],
)
def test_what_could_mean_two_things_is_refused(body: bytes) -> None:
    with pytest.raises(PortalGarbled):
        answered_by(body)


def test_a_name_in_latin_letters_that_makes_the_very_name_sought_agrees() -> None:
    question = structs.replace(QUESTION, full_name="Lê Thanh Hà")
    body = raw(hoTen="XX").encode().replace(b"XX", b"L\xea Thanh H\xe0")
    assert coverage(read_object(body), question, ASKED).verdict is Verdict.VALID


def test_history_employer_address_and_free_text_end_with_the_reading() -> None:
    kept = needed(read_object(raw(ghiChu="Bí Mật", diaChi="Bí Mật", cqBHXH="Bí Mật", tenDKBDMoi="Bí Mật").encode()))
    assert "Bí Mật" not in str(kept)
    assert coverage(kept, QUESTION, ASKED) == told()


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
    assert_never_more_than_was_proven(made, answer)


def assert_never_more_than_was_proven(made: Coverage, answer: dict[str, Any]) -> None:
    if made.verdict in (Verdict.VALID, Verdict.VALID_NEW_CARD):
        assert made.card_number
        assert made.valid_from is not None
        assert made.valid_to is not None
        assert made.valid_from <= QUESTION.visit_date <= made.valid_to
        assert same_name(answer["hoten"], "Nguyễn Văn Thử")
        assert "1999" in str(answer["ngaysinh"])
    if made.verdict not in (Verdict.VALID, Verdict.VALID_NEW_CARD, Verdict.NOT_INSURED):
        assert made.card_number is made.social_security_number is made.other_card_number is None


almost = st.sampled_from(
    ["Nguyễn Văn Thử", "NGUYỄN VĂN THỬ", "Nguyễn Văn Thứ", "02/01/1999", "1999", "03/01/1999", "Nam", "Nữ", "2", 1, ""]
)


@given(
    st.dictionaries(st.sampled_from(["hoTen", "HOTEN", "ngaySinh", "gioiTinh", "maThe", "gtTheTu"]), almost),
    st.sampled_from(ACCEPTED),
)
def test_no_card_is_valid_without_its_person(odd: dict[str, Any], code: str) -> None:
    answer = read_object(json.dumps({**DOCUMENTED, "maKetQua": code, **odd}).encode())
    try:
        made = coverage(answer, QUESTION, ASKED)
    except PortalError:
        return
    assert_never_more_than_was_proven(made, answer)
    if made.verdict is not Verdict.MISMATCH:
        assert str(answer["gioitinh"]) not in ("Nữ", "2")


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_reading(body: bytes) -> None:
    try:
        answer = read_object(body)
        made = coverage(answer, QUESTION, ASKED)
    except PortalError:
        return
    assert_never_more_than_was_proven(made, answer)
