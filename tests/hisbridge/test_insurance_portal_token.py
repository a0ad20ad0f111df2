"""One token for everybody: however many wait for it, one request fetches it, and a refusal is cured once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from hisbridge.http import poster
from hisbridge.lookups.insurance_portal import MAX_ANSWER, Clocks, InsurancePortal
from hisbridge.questions import Coverage, CoverageQuestion, Officer, Verdict
from tests.hisbridge.making import eventually, portal_settings
from wire.server import Request, Response, json_response, serving

SITE = load().site
HELD = {
    "maKetQua": "000",
    "maThe": "GD4000000000000",
    "hoTen": "Nguyễn Văn Thử",
    "ngaySinh": "02/01/1999",
    "gtTheTu": "01/01/2026",
    "gtTheDen": "31/12/2026",
}
MANY = 50


def question(**differences: Any) -> CoverageQuestion:
    usual: dict[str, Any] = {
        "personal_id": "000099999999",
        "full_name": "Nguyễn Văn Thử",
        "birth_date": "1999-01-02",
        "visit_date": "2026-11-21",
    }
    return CoverageQuestion(**{**usual, **differences})


class Gate:
    """A portal whose tokens are numbered and whose look-ups know only the tokens in `good`."""

    def __init__(self) -> None:
        self.tokens = 0
        self.lookups: list[str] = []
        self.good: set[str] = set()
        self.before_token: Callable[[int], Response | None] = lambda _number: None
        self.answer: Callable[[str], Any] = lambda _token: HELD
        self.refusal: Any = {"maKetQua": "401"}
        self._lock = threading.Lock()

    def token(self, _request: Request) -> Response:
        with self._lock:
            self.tokens += 1
            number = self.tokens
        if refusal := self.before_token(number):
            return refusal
        access = f"token-{number}"
        self.good = {access}
        key = {"access_token": access, "id_token": "I", "expires_in": "2099-01-01T00:00:00Z"}
        return json_response({"maKetQua": "200", "APIKey": key})

    def lookup(self, request: Request) -> Response:
        told = request.query["token"]
        with self._lock:
            self.lookups.append(told)
        answer = self.answer(told) if told in self.good else self.refusal
        return answer if isinstance(answer, Response) else json_response(answer)


@contextmanager
def gate(folder: Path, clocks: Clocks | None = None) -> Iterator[tuple[Gate, InsurancePortal]]:
    it = Gate()
    routes = {("POST", "/api/token/take"): it.token, ("POST", "/api/egw/KQNhanLichSuKCB2024"): it.lookup}
    with serving(("127.0.0.1", 0), routes) as address:
        settings = portal_settings(folder, address[1])  # type: ignore[index]
        yield it, InsurancePortal(settings, SITE, poster(MAX_ANSWER), clocks)


@contextmanager
def asking(portal: InsurancePortal, number: int, *seconds: float) -> Iterator[list[Coverage]]:
    """So many threads ask, with these deadlines in turn; after the context all have their answer."""
    answers: list[Coverage] = []

    def ask(which: int) -> None:
        officer = Officer(full_name="Lê Văn Giả", personal_id=f"{which:012}")
        answers.append(portal.ask(question(officer=officer), seconds[which % len(seconds)]))

    threads = [threading.Thread(target=ask, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        for thread in threads:
            thread.join(20)
    assert len(answers) == number


class Counted:
    """A clock that knows how often it was read: a thread that waits for a token has read it twice."""

    def __init__(self) -> None:
        self.read = 0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            self.read += 1
        return time.monotonic()


@pytest.mark.parametrize(
    ("outcome", "verdict", "reason"),
    [
        (None, Verdict.VALID, None),
        (Response(status=500), Verdict.UNVERIFIED, "portal.server_error"),
        (json_response({"maKetQua": "401"}), Verdict.CONFIGURATION_ERROR, "portal.bad_account"),
        (Response(status=403), Verdict.CONFIGURATION_ERROR, "portal.not_allowed"),
    ],
)
def test_however_many_wait_one_request_is_made_and_all_share_what_became_of_it(
    tmp_path: Path, outcome: Response | None, verdict: Verdict, reason: str | None
) -> None:
    clock, answered = Counted(), threading.Event()
    with gate(tmp_path, Clocks(monotonic=clock)) as (it, portal):

        def hold(_number: int) -> Response | None:
            answered.wait(20)
            return outcome

        it.before_token = hold
        with asking(portal, MANY, 15.0) as answers:
            eventually(lambda: clock.read >= 2 * MANY)
            answered.set()
        assert {(answer.verdict, answer.reason) for answer in answers} == {(verdict, reason)}
        assert it.tokens == 1


def test_a_token_that_ends_while_many_ask_is_renewed_once(tmp_path: Path) -> None:
    with gate(tmp_path) as (it, portal):
        assert portal.ask(question()).verdict is Verdict.VALID
        it.good = set()
        with asking(portal, MANY, 15.0) as answers:
            pass
        assert {answer.verdict for answer in answers} == {Verdict.VALID}
        assert it.tokens == 2


@pytest.mark.parametrize(
    "refusal", [{"maKetQua": "401"}, {"maKetQua": 401}, Response(status=401), Response(status=403)]
)
def test_a_token_that_ends_between_two_numbers_of_a_person_costs_one_more_try(tmp_path: Path, refusal: Any) -> None:
    with gate(tmp_path) as (it, portal):
        it.refusal = refusal

        def end_it(token: str) -> Any:
            if token == "token-1":
                it.good = set()
                return {"maKetQua": "050"}
            return HELD

        it.answer = end_it
        answer = portal.ask(question(insurance_number="0000000000"))
        assert (answer.verdict, answer.found_by) == (Verdict.VALID, "social_security_number")
        assert it.lookups == ["token-1", "token-1", "token-2"]


def test_whoever_has_little_time_does_not_take_it_from_those_who_have_more(tmp_path: Path) -> None:
    hang = threading.Event()
    with gate(tmp_path) as (it, portal):

        def hold_first(number: int) -> None:
            if number == 1:
                hang.wait(20)

        it.before_token = hold_first
        with asking(portal, 1, 0.6) as hasty:
            eventually(lambda: it.tokens == 1)
            with asking(portal, 1, 10.0) as patient:
                pass
        hang.set()
        assert (hasty[0].verdict, hasty[0].reason) == (Verdict.UNVERIFIED, "portal.timeout")
        assert patient[0].verdict is Verdict.VALID
        assert it.tokens == 2


def test_a_failed_request_for_a_token_is_made_again_by_the_next_question(tmp_path: Path) -> None:
    with gate(tmp_path) as (it, portal):
        it.before_token = lambda number: Response(status=500) if number == 1 else None
        assert portal.ask(question()).reason == "portal.server_error"
        assert portal.ask(question()).verdict is Verdict.VALID


def test_a_changed_password_needs_no_restart(tmp_path: Path) -> None:
    with gate(tmp_path) as (it, portal):
        assert portal.ask(question()).verdict is Verdict.VALID
        (tmp_path / "portal-password").write_text("mật khẩu mới", "utf-8")
        it.good = set()
        assert portal.ask(question()).verdict is Verdict.VALID
