"""What a hospital system's answer amounts to, from the documented one to anything at all."""

import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisbridge.http import Answer, Question
from hisbridge.lookups.entitlement import entitlement
from hisbridge.lookups.his_proxy import HisProxy
from hisbridge.lookups.insurance_portal import Clocks
from hisbridge.lookups.openness import is_open
from hisbridge.lookups.result_codes import RESULT_CODES
from hisbridge.questions import Act, Coverage, Verdict
from tests.hisbridge.his_hospital import ALL_ANSWERS, CARD, SITE, USUAL, question, settings, told
from tests.hisbridge.making import FakeClock
from wire.codec import from_json, to_json

# The answer


@pytest.mark.parametrize("code", [*RESULT_CODES, "777", "ABC"])
def test_every_code_of_the_portal_means_the_same_as_from_the_portal(tmp_path: Path, code: str) -> None:
    answer = told(tmp_path, {**CARD, "MA_KQ": code})
    meant = RESULT_CODES.get(code)
    assert answer.result_code == code
    assert answer.verdict is (Verdict.MANUAL_CHECK if meant is None else meant.verdict)
    assert answer.act is (Act.DECIDE if meant is None else meant.act)
    assert answer.reason == ("portal.unknown_code" if meant is None else None)
    assert (answer.card_number is not None) == (answer.verdict in (Verdict.VALID, Verdict.VALID_NEW_CARD))


@pytest.mark.parametrize("code", [0, "0", "00", "000", " 000 "])
def test_a_code_that_lost_its_zeros_is_understood(tmp_path: Path, code: Any) -> None:
    assert told(tmp_path, {**CARD, "MA_KQ": code}).result_code == "000"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("2026-01-01", "2026-12-31"),
        ("01/01/2026", "31/12/2026"),
        ("1/1/2026", "31/12/2026"),
        ("20260101", "20261231"),
        (20260101, 20261231),
        ("202601010000", "202612312359"),
        ("2026-01-01", "31/12/2026"),
    ],
)
def test_answered_dates_are_read_in_every_usual_form(tmp_path: Path, begins: Any, ends: Any) -> None:
    answer = told(tmp_path, {**CARD, "GT_THE_TU": begins, "GT_THE_DEN": ends})
    assert (answer.valid_from, answer.valid_to) == ("2026-01-01", "2026-12-31")


@pytest.mark.parametrize(
    "ends",
    [
        "31122026",
        "2026-31-12",
        "2026-02-30",
        "12/31/2026",
        "2026",
        "2026-12",
        "0001-01-01",
        "00010101",
        "soon",
        "",
        None,
        True,
        5,
        -1,
        1e30,
        [],
        {},
        ["2026-12-31"],
        "2025-12-31T17:00:00Z",
        "2025-12-01",
    ],
)
def test_a_last_day_that_is_none_proves_no_cover(tmp_path: Path, ends: Any) -> None:
    answer = told(tmp_path, {**CARD, "GT_THE_DEN": ends})
    assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, "his_proxy.incomplete_answer")
    assert answer.card_number is None


@pytest.mark.parametrize(
    "number", ["", None, "GD9000000000000", "GD400000000000", "<b>", 5.0, ["GD4000000000000"], True]
)
def test_a_card_number_that_is_none_proves_no_cover(tmp_path: Path, number: Any) -> None:
    assert told(tmp_path, {**CARD, "MA_THE_BHYT": number}).reason == "his_proxy.incomplete_answer"


@pytest.mark.parametrize(
    ("visit", "verdict", "reason"),
    [
        ("2025-12-31", Verdict.NOT_INSURED, "coverage.not_yet_valid"),
        ("2026-01-01", Verdict.VALID, None),
        ("2026-12-31", Verdict.VALID, None),
        ("2027-01-01", Verdict.NOT_INSURED, "coverage.expired"),
    ],
)
def test_the_card_has_to_hold_on_the_day_of_the_visit(
    tmp_path: Path, visit: str, verdict: Verdict, reason: str | None
) -> None:
    answer = told(tmp_path, CARD, question(visit_date=visit))
    assert (answer.verdict, answer.reason) == (verdict, reason)
    assert answer.act is (Act.NONE if verdict is Verdict.VALID else Act.ASK_RENEWED_CARD)


@pytest.mark.parametrize(
    ("code", "visit", "verdict", "card", "other", "act"),
    [
        ("004", "2026-11-21", "valid_new_card", "GD4000000000000", "GD4000000000001", Act.USE_NEW_CARD),
        ("004", "2027-02-01", "valid_new_card", "GD4000000000001", "GD4000000000000", Act.USE_NEW_CARD),
        ("003", "2027-02-01", "valid_new_card", "GD4000000000001", "GD4000000000000", Act.USE_NEW_CARD),
        ("003", "2026-11-21", "manual_check", None, None, Act.INSPECT_PAPERS),
        ("003", "2027-01-01", "not_insured", "GD4000000000001", "GD4000000000000", Act.ASK_RENEWED_CARD),
        ("000", "2027-02-01", "not_insured", "GD4000000000000", None, Act.ASK_RENEWED_CARD),
    ],
)
def test_the_card_in_force_on_the_day_is_chosen(
    tmp_path: Path, code: str, visit: str, verdict: str, card: str, other: str | None, act: Act
) -> None:
    data = {
        **CARD,
        "MA_KQ": code,
        "MA_THE_MOI": "GD4000000000001",
        "GT_THE_TU_MOI": "02/01/2027",
        "GT_THE_DEN_MOI": "31/12/2027",
        "MA_DKBD_MOI": "99998",
    }
    answer = told(tmp_path, data, question(visit_date=visit), answers=ALL_ANSWERS)
    assert (answer.verdict, answer.card_number, answer.other_card_number, answer.act) == (verdict, card, other, act)
    assert answer.recheck_before_discharge is (code == "004")


def test_a_new_card_that_is_announced_and_not_told_leaves_the_question_open(tmp_path: Path) -> None:
    answer = told(tmp_path, {**CARD, "MA_KQ": "003"}, question(visit_date="2027-02-01"))
    assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, "his_proxy.incomplete_answer")


def test_half_an_answer_is_this_persons_trouble_and_is_asked_again(tmp_path: Path) -> None:
    answer = told(tmp_path, {"MA_KQ": "000"})
    assert (answer.reason, answer.result_code, answer.act) == ("his_proxy.incomplete_answer", "000", Act.WAIT)
    assert is_open(answer)


@pytest.mark.parametrize("code", ["0" * 65, "9" * 9, "x" * 10_000, "0 0", "\u0660" * 3])
def test_a_code_that_is_none_never_makes_an_answer_that_nobody_can_read(tmp_path: Path, code: str) -> None:
    answer = told(tmp_path, {**CARD, "MA_KQ": code})
    assert (answer.verdict, answer.result_code) == (Verdict.UNVERIFIED, None)
    assert from_json(to_json(answer), Coverage) == answer


def test_the_further_fields_are_read_where_they_are_named(tmp_path: Path) -> None:
    data = {**CARD, "MA_SO_BHXH": 900000017, "MA_KV": "k1", "NGAY_DU_5_NAM": "01/03/2025", "MA_DKBD": 1028}
    answer = told(tmp_path, data, answers=ALL_ANSWERS)
    assert answer.social_security_number == "0900000017"
    assert (answer.living_area, answer.five_year_date) == ("K1", "2025-03-01")
    assert answer.registered_facility == "01028"


def test_nested_and_differently_cased_answers_are_found_by_their_paths(tmp_path: Path) -> None:
    data = {"the": {"so": "GD4000000000000", "Han": {"tu": "2026-01-01", "DEN": "2026-12-31"}}, "kq.ma": "000"}
    paths = {
        "result_code": "KQ.MA",
        "card_number": "The.So",
        "valid_from": "the.han.tu",
        "valid_to": "the.han.den",
        "registered_facility": "the.so.sau",
    }
    answer = told(tmp_path, data, answers=paths)
    assert (answer.verdict, answer.card_number) == (Verdict.VALID, "GD4000000000000")
    assert answer.registered_facility is None


def test_a_hospital_that_hands_on_no_code_decides_by_its_own_flag(tmp_path: Path) -> None:
    without = {**CARD}
    del without["MA_KQ"]
    answer = told(tmp_path, without, answers={"result_code": ""})
    assert (answer.verdict, answer.result_code) == (Verdict.VALID, None)
    refused = told(tmp_path, {"TIEP_NHAN_BHYT": 0}, answers={"result_code": ""})
    assert (refused.verdict, refused.reason) == (Verdict.MANUAL_CHECK, "his_proxy.not_accepted")
    assert told(tmp_path, {}, answers={"result_code": ""}).reason == "his_proxy.incomplete_answer"


# The person


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        ({"HO_TEN": "NGUYỄN VĂN THỬ", "NGAY_SINH": "02/01/1999", "GIOI_TINH": "1"}, None),
        ({"HO_TEN": "Nguyễn Văn Thử", "NGAY_SINH": "199901020000", "GIOI_TINH": 1}, None),
        ({"NGAY_SINH": "199900000000"}, None),
        ({"NGAY_SINH": "1999"}, None),
        ({"HO_TEN": "", "NGAY_SINH": None, "GIOI_TINH": "3"}, None),
        ({"GIOI_TINH": "0"}, None),  # not one of the configured codes: it says nothing
        ({"GIOI_TINH": "Nam"}, None),
        ({"HO_TEN": "Nguyễn Văn Thứ"}, "coverage.name_disagrees"),
        ({"NGAY_SINH": "1999-02-01"}, "coverage.birth_date_disagrees"),
        ({"NGAY_SINH": "195000000000"}, "coverage.birth_date_disagrees"),
        ({"GIOI_TINH": "2"}, "coverage.sex_disagrees"),
        ({"GIOI_TINH": "Nữ"}, "coverage.sex_disagrees"),
    ],
)
@pytest.mark.parametrize("code", ["000", "010"])
def test_another_person_in_the_answer_is_a_mismatch(
    tmp_path: Path, person: dict[str, Any], reason: str | None, code: str
) -> None:
    answer = told(tmp_path, {**CARD, "MA_KQ": code, **person}, answers=ALL_ANSWERS)
    assert (answer.verdict is Verdict.MISMATCH) == (reason is not None)
    assert answer.reason == reason
    if reason:
        assert (answer.card_number, answer.act) == (None, Act.COMPARE_PERSON)


@pytest.mark.parametrize("person", [{"HO_TEN": ["Nguyễn"]}, {"HO_TEN": {}}, {"NGAY_SINH": "soon"}, {"NGAY_SINH": []}])
def test_a_person_that_cannot_be_compared_proves_no_cover(tmp_path: Path, person: dict[str, Any]) -> None:
    answer = told(tmp_path, {**CARD, **person}, answers=ALL_ANSWERS)
    assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, "his_proxy.incomplete_answer")


def test_two_sexes_with_one_code_contradict_nobody(tmp_path: Path) -> None:
    codes = {"male": "1", "female": "2", "unknown": "2"}
    answer = told(tmp_path, {**CARD, "GIOI_TINH": "2"}, answers=ALL_ANSWERS, sex_codes=codes)
    assert answer.verdict is Verdict.VALID


def test_a_hospital_may_code_sex_otherwise_in_its_answers_than_in_its_questions(tmp_path: Path) -> None:
    codes = {"male": "0", "female": "1"}  # services.md 3.5: inconsistent between calls
    for sent, verdict in ((0, Verdict.VALID), ("1", Verdict.MISMATCH)):
        data = {**CARD, "GIOI_TINH": sent}
        assert told(tmp_path, data, answers=ALL_ANSWERS, answer_sex_codes=codes).verdict is verdict


def test_an_answer_in_a_list_of_one_is_that_one(tmp_path: Path) -> None:
    assert told(tmp_path, [CARD]).verdict is Verdict.VALID
    assert told(tmp_path, [CARD, CARD]).reason == "his_proxy.incomplete_answer"


# What the hospital decided


@pytest.mark.parametrize("flag", [0, "0", False])
def test_a_card_that_the_hospital_does_not_accept_is_the_officers_to_decide(tmp_path: Path, flag: Any) -> None:
    answer = told(tmp_path, {**CARD, "TIEP_NHAN_BHYT": flag})
    assert (answer.verdict, answer.reason, answer.act) == (Verdict.MANUAL_CHECK, "his_proxy.not_accepted", Act.DECIDE)
    hints = entitlement(answer, question(), SITE, USUAL.facility)
    assert (hints.route, hints.object_code, hints.benefit_percent) == ("officer_decides", None, 80)


@pytest.mark.parametrize(
    ("route", "circumstance", "code"),
    [
        ("1", "none", "1.1"),
        (1, "none", "1.1"),
        ("3", "none", "1.1"),
        (None, "none", "1.1"),
        ("2", "none", None),
        (2, "none", None),
        ("2", "emergency", "2"),
        ("2", "transfer", "1.3"),
    ],
)
def test_the_hospitals_word_for_the_route_shapes_the_proposal(
    tmp_path: Path, route: Any, circumstance: Any, code: str | None
) -> None:
    asked = question(circumstance=circumstance)
    answer = told(tmp_path, {**CARD, "PHAN_TUYEN": route}, asked)
    assert answer.verdict is Verdict.VALID
    assert answer.reason == ("his_proxy.wrong_route" if route in ("2", 2) else None)
    assert entitlement(answer, asked, SITE, USUAL.facility).object_code == code


@pytest.mark.parametrize(
    "odd", [{"TIEP_NHAN_BHYT": "yes"}, {"TIEP_NHAN_BHYT": []}, {"PHAN_TUYEN": "9"}, {"PHAN_TUYEN": {}}]
)
def test_a_decision_nobody_can_read_leaves_the_question_open(tmp_path: Path, odd: dict[str, Any]) -> None:
    assert told(tmp_path, {**CARD, **odd}).reason == "his_proxy.incomplete_answer"


# Anything at all


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([*RESULT_CODES, "2026-01-01", "31/12/2026", "20261231", "GD4000000000000", "0", "1", "2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*CARD, *ALL_ANSWERS.values()])


@hypothesis.settings(deadline=None)
@given(
    envelope=values
    | st.fixed_dictionaries(
        {"code": st.sampled_from(["000", 0, "404", "999", 404]) | values},
        optional={"data": values | st.builds(dict.__or__, st.just(CARD), st.dictionaries(names, values, max_size=4))},
    ),
    status=st.sampled_from([200, 200, 200, 401, 404, 500]),
)
def test_whatever_is_answered_ends_in_a_coverage_and_only_a_whole_card_in_cover(
    tmp_path_factory: pytest.TempPathFactory, envelope: Any, status: int
) -> None:
    body = json.dumps(envelope).encode()

    def post(_question: Question, _deadline: float) -> Answer:
        return Answer(status, body, "application/json")

    folder = tmp_path_factory.getbasetemp()
    proxy = HisProxy(settings(folder, answers=ALL_ANSWERS), SITE, post, Clocks(now=FakeClock()))
    answer = proxy.ask(question())
    assert from_json(to_json(answer), Coverage) == answer
    if answer.verdict in (Verdict.VALID, Verdict.VALID_NEW_CARD):
        assert status == 200
        assert answer.card_number
        assert (answer.valid_from or "x") <= "2026-11-21" <= (answer.valid_to or "")
        assert answer.result_code in ("000", "003", "004")


@hypothesis.settings(deadline=None)
@given(body=st.binary(max_size=200), status=st.integers(100, 599))
def test_whatever_bytes_come_back_end_in_no_cover(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, status: int
) -> None:
    def post(_question: Question, _deadline: float) -> Answer:
        return Answer(status, body)

    answer = HisProxy(settings(tmp_path_factory.getbasetemp()), SITE, post, Clocks(now=FakeClock())).ask(question())
    assert answer.verdict in (Verdict.UNVERIFIED, Verdict.CONFIGURATION_ERROR)
