"""Which numbers of a person are asked about, in which order, and what it comes to when none decides."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import load
from hisbridge.http import Answer, Question, poster
from hisbridge.lookups.insurance_portal import MAX_ANSWER, InsurancePortal
from hisbridge.lookups.portal_numbers import MOST
from hisbridge.lookups.result_codes import RESULT_CODES
from hisbridge.questions import Act, Coverage, CoverageQuestion, Verdict
from tests.hisbridge.making import portal_settings
from tests.support.waiting import BUSY_SECONDS, LONG_SECONDS
from wire.codec import from_json, to_json
from wire.server import Request, Response, json_response, serving

SITE = load().site
ID, TEN, CARD, OLD = "000099999999", "0000000017", "GD4000000000017", "000000017"
NEW_CARD = "HC4000000000018"
PERSON = {"hoTen": "Nguyễn Văn Thử", "ngaySinh": "02/01/1999", "gioiTinh": "Nam"}
HELD = {"maKetQua": "000", "maThe": CARD, **PERSON, "gtTheTu": "01/01/2026", "gtTheDen": "31/12/2026"}


def said(code: str, **more: Any) -> dict[str, Any]:
    return {"maKetQua": code, **more}


def question(**differences: Any) -> CoverageQuestion:
    usual: dict[str, Any] = {
        "personal_id": ID,
        "insurance_number": CARD,
        "previous_id": OLD,
        "full_name": "Nguyễn Văn Thử",
        "birth_date": "1999-01-02",
        "sex": "male",
        "visit_date": "2026-11-21",
    }
    return CoverageQuestion(**{**usual, **differences})


def asked_of(answers: Mapping[str, Any], folder: Path, asked: CoverageQuestion) -> tuple[Coverage, list[str]]:
    """The Coverage, and the numbers that were asked about; unknown numbers are answered 050."""
    client, numbers = portal(lambda number: answers.get(number, said("050")), folder)
    return client.ask(asked), numbers


class Wired:
    """A portal that listens for the whole of this file; each test says what it answers."""

    def __init__(self) -> None:
        self.answer: Callable[[str], Any] = lambda _number: said("050")
        self.numbers: list[str] = []
        self.port = 0

    def token(self, _request: Request) -> Response:
        key = {"access_token": "A", "id_token": "I", "expires_in": "2099-01-01T00:00:00Z"}
        return json_response({"maKetQua": "200", "APIKey": key})

    def lookup(self, request: Request) -> Response:
        self.numbers.append(json.loads(request.body)["maThe"])
        told = self.answer(self.numbers[-1])
        return told if isinstance(told, Response) else json_response(told)


WIRED = Wired()
POST = poster(MAX_ANSWER)


@pytest.fixture(scope="module", autouse=True)
def _wired() -> Iterator[None]:
    routes = {("POST", "/api/token/take"): WIRED.token, ("POST", "/api/egw/KQNhanLichSuKCB2024"): WIRED.lookup}
    with serving(("127.0.0.1", 0), routes) as address:
        WIRED.port = address[1]  # type: ignore[index,assignment]
        yield
    POST.close()


def portal(answer: Callable[[str], Any], folder: Path) -> tuple[InsurancePortal, list[str]]:
    """A client of a portal that answers so, and the list of numbers it will be asked about."""
    WIRED.answer, WIRED.numbers = answer, []
    return InsurancePortal(portal_settings(folder, WIRED.port, timeout_seconds=LONG_SECONDS), SITE, POST), WIRED.numbers


@pytest.mark.parametrize(
    ("holds", "kind", "numbers"),
    [
        (ID, "personal_id", [ID]),
        (TEN, "social_security_number", [ID, TEN]),
        (CARD, "card_number", [ID, TEN, CARD]),
        (OLD, "previous_id", [ID, TEN, CARD, OLD]),
    ],
)
def test_numbers_are_asked_in_order_and_the_first_that_finds_the_card_ends_it(
    tmp_path: Path, holds: str, kind: str, numbers: list[str]
) -> None:
    found, asked = asked_of({holds: HELD}, tmp_path, question())
    assert (found.verdict, found.found_by, found.card_number) == (Verdict.VALID, kind, CARD)
    assert asked == numbers


@pytest.mark.parametrize(
    ("differences", "numbers"),
    [
        ({"insurance_number": None, "previous_id": None}, [ID]),
        ({"insurance_number": TEN}, [ID, TEN, OLD]),
        ({"personal_id": None}, [TEN, CARD, OLD]),
        ({"personal_id": None, "insurance_number": None}, [OLD]),
        ({"personal_id": f"{ID}\n"}, [ID, TEN, CARD, OLD]),
        ({"insurance_number": "GD9000000000017", "previous_id": "12"}, [ID]),
    ],
)
def test_only_numbers_that_are_known_and_have_a_numbers_shape_are_asked(
    tmp_path: Path, differences: dict[str, Any], numbers: list[str]
) -> None:
    found, asked = asked_of({}, tmp_path, question(**differences))
    assert asked == numbers
    assert (found.verdict, found.act, found.result_code) == (Verdict.UNVERIFIED, Act.ASK_OTHER_NUMBER, "050")
    assert found.found_by is found.reason is None


def test_without_any_number_nobody_is_asked(tmp_path: Path) -> None:
    nobody = {"personal_id": None, "insurance_number": None, "previous_id": None}
    found, asked = asked_of({}, tmp_path, question(**nobody))
    assert (found.verdict, found.act) == (Verdict.UNVERIFIED, Act.ASK_OTHER_NUMBER)
    assert found.reason == "portal.number_needed"
    newborn, asked_too = asked_of({}, tmp_path, question(**nobody, full_name=None, birth_date="2026-11-20"))
    assert (newborn.verdict, newborn.act) == (Verdict.CHILD_TEMPORARY, Act.TEMPORARY_CARD)
    assert newborn.reason == "portal.number_needed"
    assert asked == asked_too == []


@pytest.mark.parametrize("code", ["050", "051", "052", "053", "121", "122", "123"])
def test_these_codes_ask_for_the_next_number(tmp_path: Path, code: str) -> None:
    found, asked = asked_of({ID: said(code), TEN: HELD}, tmp_path, question())
    assert found.verdict is Verdict.VALID
    assert asked == [ID, TEN]


CODES = ["001", "002", "010", "054", "055", "060", "061", "070", "080", "090", "100", "101", "110", "120", "124", "130"]


@pytest.mark.parametrize("code", [*CODES, "205", "500", "999"])
def test_these_codes_end_it(tmp_path: Path, code: str) -> None:
    found, asked = asked_of({ID: said(code), TEN: HELD}, tmp_path, question(birth_date="1999"))
    assert found.result_code == code
    assert found.card_number is None
    assert asked == [ID]


def test_somebody_elses_card_ends_it_without_that_card(tmp_path: Path) -> None:
    found, asked = asked_of({ID: {**HELD, "hoTen": "Nguyễn Văn Thứ"}, TEN: HELD}, tmp_path, question())
    assert (found.verdict, found.act, found.card_number) == (Verdict.MISMATCH, Act.COMPARE_PERSON, None)
    assert found.found_by is None
    assert asked == [ID]


@pytest.mark.parametrize("code", ["121", "122", "123"])
@pytest.mark.parametrize(
    ("teaches", "answers_to"),
    [
        ({"maSoBHXH": TEN}, TEN),
        ({"maThe": CARD}, TEN),
        ({"maThe": CARD}, CARD),
        ({"maThe": CARD, "maTheMoi": NEW_CARD}, NEW_CARD),
    ],
)
def test_a_card_that_moved_teaches_the_numbers_under_which_the_new_one_is_found(
    tmp_path: Path, code: str, teaches: dict[str, str], answers_to: str
) -> None:
    alone = question(insurance_number=None, previous_id=None)
    answers = {ID: said(code, **PERSON, **teaches), answers_to: {**HELD, "maThe": NEW_CARD}}
    found, asked = asked_of(answers, tmp_path, alone)
    assert (found.verdict, found.card_number) == (Verdict.VALID, NEW_CARD)
    assert found.act is (Act.USE_NEW_CARD if "maThe" in teaches else Act.NONE)
    assert found.other_card_number == teaches.get("maThe")
    assert asked[-1] == answers_to


def test_a_card_that_moved_and_is_found_nowhere_else_is_no_cover(tmp_path: Path) -> None:
    found, asked = asked_of({ID: said("121", maSoBHXH="0000000099")}, tmp_path, question())
    assert (found.verdict, found.act, found.result_code) == (Verdict.NOT_INSURED, Act.ASK_RENEWED_CARD, "121")
    assert sorted(asked) == sorted([ID, TEN, "0000000099", CARD, OLD])


def test_a_card_whose_holder_is_not_the_person_is_never_told_of(tmp_path: Path) -> None:
    other = said("121", maThe="GD4000000000055", hoTen="Lê Thị Giả", ngaySinh="03/03/1990")
    found, _ = asked_of({ID: other, TEN: HELD}, tmp_path, question())
    assert (found.verdict, found.act, found.other_card_number) == (Verdict.VALID, Act.NONE, None)


def test_a_card_that_is_ended_by_one_number_and_valid_by_the_next_is_looked_at_by_hand(tmp_path: Path) -> None:
    found, asked = asked_of({ID: {**HELD, "maKetQua": "121"}, TEN: HELD}, tmp_path, question())
    assert (found.verdict, found.act) == (Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)
    assert (found.reason, found.card_number) == ("coverage.contradictory", None)
    assert asked == [ID, TEN]


@pytest.mark.parametrize("code", ["051", "052", "053"])
def test_a_card_of_the_forces_whose_number_the_portal_calls_wrong_is_looked_at_by_hand(
    tmp_path: Path, code: str
) -> None:
    card = "QN5000000000017"
    found, asked = asked_of({card: said(code)}, tmp_path, question(insurance_number=card))
    assert (found.verdict, found.act) == (Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)
    assert (found.reason, found.result_code) == ("coverage.forces_card_not_found", code)
    assert asked == [ID, TEN, card, OLD]


def test_a_portal_that_teaches_without_end_is_not_followed_for_ever(tmp_path: Path) -> None:
    counted = iter(range(10**9))
    client, asked = portal(lambda _number: said("121", maSoBHXH=f"{next(counted):010}"), tmp_path)
    found = client.ask(question())
    assert found.verdict is Verdict.NOT_INSURED
    assert len(asked) == len(set(asked)) == MOST


@pytest.mark.parametrize(
    ("answers", "verdict", "code"),
    [
        ({TEN: said("051"), CARD: said("052"), OLD: said("051")}, Verdict.MANUAL_CHECK, "051"),
        ({CARD: said("053")}, Verdict.MANUAL_CHECK, "053"),
        ({OLD: said("051")}, Verdict.UNVERIFIED, "050"),  # the portal does not look for cards by the old ID
        ({ID: said("051")}, Verdict.UNVERIFIED, "050"),
        ({ID: said("051"), OLD: said("123"), CARD: said("052")}, Verdict.NOT_INSURED, "123"),
    ],
)
def test_of_answers_that_do_not_decide_the_one_that_says_most_is_told(
    tmp_path: Path, answers: dict[str, Any], verdict: Verdict, code: str
) -> None:
    found, asked = asked_of(answers, tmp_path, question())
    assert (found.verdict, found.result_code) == (verdict, code)
    assert asked == [ID, TEN, CARD, OLD]


@pytest.mark.parametrize(
    ("broken", "reason", "code"),
    [
        (Response(status=500), "portal.server_error", None),
        (Response(body=b"<html>"), "portal.garbled_answer", None),
        (said("000"), "portal.incomplete_answer", None),
        (said("101"), None, "101"),
    ],
)
def test_trouble_on_the_way_leaves_it_open_whatever_was_heard_before(
    tmp_path: Path, broken: Any, reason: str | None, code: str | None
) -> None:
    found, _ = asked_of({ID: said("121"), TEN: broken}, tmp_path, question())
    assert (found.verdict, found.act) == (Verdict.UNVERIFIED, Act.WAIT)
    assert (found.reason, found.result_code) == (reason, code)


@pytest.mark.parametrize(
    ("born", "verdict", "act"),
    [
        ("2020-11-22", Verdict.CHILD_TEMPORARY, Act.TEMPORARY_CARD),
        ("2020-11-21", Verdict.UNVERIFIED, Act.ASK_OTHER_NUMBER),
        ("2021", Verdict.CHILD_TEMPORARY, Act.TEMPORARY_CARD),
        ("2020", Verdict.UNVERIFIED, Act.ASK_OTHER_NUMBER),
    ],
)
def test_a_child_under_six_whom_nobody_knows_gets_a_temporary_card(
    tmp_path: Path, born: str, verdict: Verdict, act: Act
) -> None:
    child = question(birth_date=born, insurance_number=None, previous_id=None)
    found, _ = asked_of({}, tmp_path, child)
    assert (found.verdict, found.act, found.result_code) == (verdict, act, "050")
    assert found.reason == ("coverage.child_not_found" if act is Act.TEMPORARY_CARD else None)


@pytest.mark.parametrize("group", ["QN", "CA", "CY", "HC", "LS", "XK"])
def test_a_card_of_the_forces_that_nobody_knows_is_looked_at_by_hand(tmp_path: Path, group: str) -> None:
    found, asked = asked_of({}, tmp_path, question(insurance_number=f"{group}5000000000017"))
    assert (found.verdict, found.act) == (Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)
    assert found.reason == "coverage.forces_card_not_found"
    assert len(asked) == 4


def test_all_numbers_together_have_one_deadline(tmp_path: Path) -> None:
    hang = threading.Event()

    def answer(number: str) -> dict[str, Any]:
        if number == CARD:
            hang.wait(LONG_SECONDS)
        return said("050")

    client, asked = portal(answer, tmp_path)
    begun = time.monotonic()
    found = client.ask(question(), 0.7)
    seconds = time.monotonic() - begun
    hang.set()
    assert (found.verdict, found.act, found.reason) == (Verdict.UNVERIFIED, Act.WAIT, "portal.timeout")
    assert asked == [ID, TEN, CARD]
    assert seconds < BUSY_SECONDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("portal")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=15)
    | st.sampled_from([*HELD.values(), "31/12/2020", "1999", "Nữ", TEN, NEW_CARD, *RESULT_CODES]),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(list(HELD)), below, max_size=3),
    max_leaves=4,
)
answers = st.builds(
    lambda odd, code: {**HELD, "maKetQua": code, **odd},
    st.dictionaries(st.sampled_from([*HELD, "maSoBHXH", "maTheMoi", "gtTheTuMoi", "gtTheDenMoi"]), values, max_size=4),
    st.sampled_from(list(RESULT_CODES)),
)


@given(st.lists(answers | values, min_size=1, max_size=4))
def test_whatever_the_portal_answers_the_question_ends_in_a_coverage_that_is_proven(
    folder: Path, told: list[Any]
) -> None:
    turn = iter(range(10**9))

    def post(asked: Question, _deadline: float) -> Answer:
        if "password" not in asked.query:
            return Answer(200, b'{"maKetQua":"200","APIKey":{"access_token":"A","id_token":"I"}}')
        return Answer(200, json.dumps(told[next(turn) % len(told)]).encode())

    found = InsurancePortal(portal_settings(folder, 9), SITE, post).ask(question())
    assert from_json(to_json(found), Coverage) == found
    if found.verdict in (Verdict.VALID, Verdict.VALID_NEW_CARD):
        assert found.card_number
        assert found.valid_from is not None
        assert found.valid_to is not None
        assert found.valid_from <= "2026-11-21" <= found.valid_to
        assert found.found_by is not None
    elif found.verdict is not Verdict.NOT_INSURED:
        assert found.card_number is found.found_by is found.other_card_number is None
    if found.result_code in RESULT_CODES and found.reason is None:
        assert found.verdict is RESULT_CODES[found.result_code].verdict
