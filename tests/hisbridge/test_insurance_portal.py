"""The portal client against the sandbox portal and against servers that lie, hang and flood."""

import hashlib
import io
import json
import logging
import re
import threading
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from hisbridge.http import poster
from hisbridge.lookups.insurance_portal import MAX_ANSWER, Clocks, InsurancePortal
from hisbridge.lookups.portal_numbers import known_numbers
from hisbridge.questions import Coverage, Verdict
from sandbox.people import all_people
from sandbox.portal import DOCUMENTED_CODES, Portal
from tests.hisbridge import hostile
from tests.hisbridge.making import FakeClock, portal_settings
from tests.hisbridge.portal_asking import SITE, about, client, recording, sandbox
from tests.support.waiting import BUSY_SECONDS
from wire.server import Request, Response, json_response, serving


def ask_liar(folder: Path, misbehave: hostile.Misbehave, seconds: float = 5.0) -> tuple[Coverage, float]:
    with hostile.lying(misbehave) as port:
        begun = time.monotonic()
        answer = client(portal_settings(folder, port, timeout_seconds=seconds)).ask(about("mau"))
        return answer, time.monotonic() - begun


@pytest.mark.parametrize(
    ("key", "verdict", "code"),
    [
        ("mau", Verdict.VALID, "000"),
        ("nam-sinh", Verdict.VALID, "000"),
        ("nie", Verdict.VALID, "000"),
        ("eban", Verdict.VALID, "000"),
        ("dia-chi-dai", Verdict.VALID, "000"),
        ("the-moi", Verdict.VALID_NEW_CARD, "003"),
        ("the-het-han", Verdict.NOT_INSURED, "010"),
        ("khong-bao-hiem", Verdict.UNVERIFIED, "050"),
        ("quoc-phong", Verdict.MANUAL_CHECK, "001"),
    ],
)
def test_the_synthetic_persons_get_their_answers(tmp_path: Path, key: str, verdict: Verdict, code: str) -> None:
    with sandbox(tmp_path) as (_, portal):
        answer = portal.ask(about(key))
    assert (answer.verdict, answer.result_code) == (verdict, code)
    assert answer.asked_by == SITE.kiosk_id
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00", answer.asked_at or "")


def test_an_insurer_that_holds_another_name_is_a_mismatch(tmp_path: Path) -> None:
    with sandbox(tmp_path) as (_, portal):
        assert portal.ask(about("khac-ten")).verdict is Verdict.MISMATCH


@pytest.mark.parametrize("code", [code for code in DOCUMENTED_CODES if code not in ("003", "004")])
def test_every_documented_code_is_answered_and_understood(tmp_path: Path, code: str) -> None:
    with sandbox(tmp_path) as (sand, portal):
        sand.set_fault("portal.code", code)
        answer = portal.ask(about("mau"))
    assert answer.result_code == code
    assert (answer.verdict is Verdict.VALID) == (code == "000")
    assert answer.verdict is not Verdict.MANUAL_CHECK or code in ("001", "002", "051", "052", "053")


def test_one_token_serves_many_questions_and_is_taken_anew_when_refused(tmp_path: Path) -> None:
    with sandbox(tmp_path) as (sand, portal):
        for _ in range(3):
            assert portal.ask(about("mau")).verdict is Verdict.VALID
        assert sand.counts() == {"tokens": 1, "lookups": 3}
        sand.set_fault("portal.token_expired", "on")
        assert portal.ask(about("mau")).verdict is Verdict.VALID
        assert sand.counts() == {"tokens": 2, "lookups": 5}


def test_a_token_that_is_always_refused_is_tried_twice_and_named_a_setup_error(tmp_path: Path) -> None:
    with sandbox(tmp_path) as (sand, portal):
        sand.set_fault("portal.token_expired", "always")
        answer = portal.ask(about("mau"))
        assert (answer.verdict, answer.result_code) == (Verdict.CONFIGURATION_ERROR, "401")
        assert sand.counts() == {"tokens": 2, "lookups": 2}


def test_many_questions_at_once_take_one_token(tmp_path: Path) -> None:
    with sandbox(tmp_path) as (sand, portal):
        answers: list[Coverage] = []
        threads = [threading.Thread(target=lambda: answers.append(portal.ask(about("mau")))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert [answer.verdict for answer in answers] == [Verdict.VALID] * 8
        assert sand.counts()["tokens"] == 1


@pytest.mark.parametrize(
    ("told", "lives_seconds"),
    [
        ("2026-11-21T01:15:00Z", 1800),
        ("2026-11-21T01:15:00.1234567Z", 1800),
        ("2026-11-21T01:15:00", 1800),
        ("2026-11-21T08:15:00+07:00", 1800),
        ("soon", 3000),
        (None, 3000),
        ("9999-01-01T00:00:00Z", 86400),
    ],
)
def test_tokens_are_renewed_a_minute_before_they_end(tmp_path: Path, told: Any, lives_seconds: int) -> None:
    taken = 0

    def token(_request: Request) -> Response:
        nonlocal taken
        taken += 1
        return json_response({"maKetQua": "200", "APIKey": {"access_token": "A", "id_token": "I", "expires_in": told}})

    def lookup(_request: Request) -> Response:
        return json_response({"maKetQua": "050"})

    ticks = [0.0]
    wall = FakeClock()
    clocks = Clocks(now=wall, monotonic=lambda: time.monotonic() + ticks[0])
    routes = {("POST", "/api/token/take"): token, ("POST", "/api/egw/KQNhanLichSuKCB2024"): lookup}
    with serving(("127.0.0.1", 0), routes) as address:
        portal = InsurancePortal(
            portal_settings(tmp_path, address[1]),  # type: ignore[index]
            SITE,
            poster(MAX_ANSWER, monotonic=clocks.monotonic),
            clocks,
        )
        portal.ask(about("mau"))
        ticks[0] = lives_seconds - 60 - 5
        portal.ask(about("mau"))
        assert taken == 1
        ticks[0] = lives_seconds - 60 + 1
        portal.ask(about("mau"))
        assert taken == 2


def test_the_questions_are_put_exactly_as_documented(tmp_path: Path) -> None:
    with recording(lambda _form: {"maKetQua": "050"}) as (port, seen):
        client(portal_settings(tmp_path, port)).ask(about("mau", full_name="  Tra\u0302\u0300n  Thị Mẫu "))
    take, lookup = seen
    md5 = hashlib.md5("mật khẩu thử".encode()).hexdigest().upper()  # noqa: S324
    assert take.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(take.body.decode()) == {"username": ["99999_BV"], "password": [md5]}
    assert take.query == {}
    assert lookup.query == {"token": "A&=token", "id_token": "I", "username": "99999_BV", "password": md5}
    assert lookup.headers["content-type"] == "application/json; charset=utf-8"
    assert json.loads(lookup.body) == {
        "maThe": "001303900017",
        "hoTen": "Trần Thị Mẫu",
        "ngaySinh": "14/02/2003",
        "hoTenCb": "Trần Thị Mẫu",
        "cccdCb": "000088888888",
    }


@pytest.mark.parametrize("status", [401, 403])
def test_an_account_that_may_not_ask_is_a_setup_error_after_one_new_token(tmp_path: Path, status: int) -> None:
    with recording(lambda _form: Response(status=status)) as (port, seen):
        told = client(portal_settings(tmp_path, port)).ask(about("mau"))
    assert (told.verdict, told.reason) == (Verdict.CONFIGURATION_ERROR, "portal.not_allowed")
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("token", "verdict", "reason"),
    [
        ({"maKetQua": "401", "APIKey": None}, Verdict.CONFIGURATION_ERROR, "portal.bad_account"),
        ({"maKetQua": "500"}, Verdict.UNVERIFIED, "portal.token_failed"),
        ({"maKetQua": "200"}, Verdict.UNVERIFIED, "portal.token_failed"),
        ({"maKetQua": "200", "APIKey": {"access_token": 5}}, Verdict.UNVERIFIED, "portal.token_failed"),
        ({"nothing": 1}, Verdict.UNVERIFIED, "portal.incomplete_answer"),
    ],
)
def test_without_a_token_the_answer_says_why(tmp_path: Path, token: Any, verdict: Verdict, reason: str) -> None:
    with recording(lambda _form: {}, token) as (port, _):
        told = client(portal_settings(tmp_path, port)).ask(about("mau"))
    assert (told.verdict, told.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("differences", "verdict", "reason"),
    [
        ({"enabled": False}, Verdict.UNVERIFIED, "portal.disabled"),
        ({"base_url": ""}, Verdict.CONFIGURATION_ERROR, "portal.not_configured"),
        ({"base_url": "ftp://x"}, Verdict.CONFIGURATION_ERROR, "portal.not_configured"),
        ({"base_url": "http://[::1"}, Verdict.CONFIGURATION_ERROR, "portal.not_configured"),
        ({"username": ""}, Verdict.CONFIGURATION_ERROR, "portal.not_configured"),
        ({"officer_id": ""}, Verdict.CONFIGURATION_ERROR, "portal.not_configured"),
        ({"password_file": "/nowhere/at/all"}, Verdict.CONFIGURATION_ERROR, "portal.password_missing"),
        ({"password_file": ""}, Verdict.CONFIGURATION_ERROR, "portal.password_missing"),
    ],
)
def test_a_portal_that_is_off_or_half_set_up_says_so(
    tmp_path: Path, differences: dict[str, Any], verdict: Verdict, reason: str
) -> None:
    told = client(portal_settings(tmp_path, 9, **differences)).ask(about("mau"))
    assert (told.verdict, told.reason) == (verdict, reason)


@pytest.mark.parametrize("missing", [{"full_name": None}, {"full_name": "  "}, {"birth_date": None}])
def test_without_name_or_birth_date_the_portal_is_not_asked(tmp_path: Path, missing: dict[str, Any]) -> None:
    with sandbox(tmp_path) as (sand, portal):
        told = portal.ask(about("mau", **missing))
        assert (told.verdict, told.reason) == (Verdict.UNVERIFIED, "portal.name_needed")
        assert sand.counts() == {"tokens": 0, "lookups": 0}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("portal.down", "portal.unreachable"),
        ("portal.500", "portal.server_error"),
        ("portal.html", "portal.garbled_answer"),
        ("portal.slow", "portal.timeout"),
    ],
)
def test_a_portal_in_trouble_is_unverified_and_its_recovery_is_seen_at_once(
    tmp_path: Path, fault: str, reason: str
) -> None:
    with sandbox(tmp_path, timeout_seconds=0.5) as (sand, portal):
        assert portal.ask(about("mau")).verdict is Verdict.VALID
        sand.set_fault(fault, "on")
        told = portal.ask(about("mau"))
        assert (told.verdict, told.reason) == (Verdict.UNVERIFIED, reason)
        sand.set_fault(fault, None)
        assert portal.ask(about("mau"), 5.0).verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("misbehave", "reason"),
    [
        (hostile.answer(b"<html>"), "portal.garbled_answer"),
        (hostile.answer(b"{}"), "portal.incomplete_answer"),
        (hostile.answer(b"no", "502 Bad Gateway"), "portal.server_error"),
        (hostile.answer(b"no", "404 Not Found"), "portal.server_error"),
        (hostile.redirect, "portal.server_error"),
        (hostile.cut, "portal.unreachable"),
        (hostile.not_http, "portal.unreachable"),
        (hostile.flood, "portal.answer_too_large"),
        (hostile.bomb, "portal.garbled_answer"),
    ],
)
def test_lies_are_unverified_with_a_reason(tmp_path: Path, misbehave: hostile.Misbehave, reason: str) -> None:
    answer, _ = ask_liar(tmp_path, misbehave)
    assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, reason)


@pytest.mark.parametrize("misbehave", [hostile.nothing, hostile.drip_head, hostile.drip_body])
def test_the_deadline_holds_over_the_whole_call_however_the_bytes_drip(
    tmp_path: Path, misbehave: hostile.Misbehave
) -> None:
    answer, seconds = ask_liar(tmp_path, misbehave, seconds=0.5)
    assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, "portal.timeout")
    assert seconds < BUSY_SECONDS


SECRETS = (
    hashlib.md5("mật khẩu thử".encode()).hexdigest().upper(),  # noqa: S324
    "mật khẩu",
    "99999_BV",
    "A&=token",
    "A%26%3Dtoken",
    "Trần",
    "Tr%E1%BA%A7n",
    "001303900017",
    "14/02/2003",
    "2003-02-14",
)


def test_no_secret_and_no_person_reaches_a_log_or_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(1)
    for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        logging.getLogger(name).setLevel(1)
    try:
        with recording(lambda _form: {"maKetQua": "060"}) as (port, _):
            portal = client(portal_settings(tmp_path, port))
            portal.ask(about("mau"))
            token = repr(portal._session._token)
        with recording(lambda _form: Response(status=403)) as (port, _):
            client(portal_settings(tmp_path, port)).ask(about("mau"))
        for misbehave in (hostile.cut, hostile.not_http, hostile.redirect, hostile.answer(b"<html>")):
            ask_liar(tmp_path, misbehave)
        with hostile.lying(hostile.nothing) as port:
            broken = client(portal_settings(tmp_path, port, timeout_seconds=0.2))
            try:
                broken._ask(about("mau"), known_numbers(about("mau")), broken.asked(), time.monotonic() + 0.2)
            except Exception:
                written.write(traceback.format_exc())
        written.write(token)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    captured = capfd.readouterr()
    everything = written.getvalue() + captured.out + captured.err
    assert "Traceback" in everything
    assert [secret for secret in SECRETS if secret in everything] == []


@pytest.mark.parametrize("year", [2000, 2040])
def test_a_wall_clock_that_is_wrong_costs_nothing(tmp_path: Path, year: int) -> None:
    portal = Portal(all_people())
    with portal.serving() as (_, port):
        wrong = Clocks(now=lambda: datetime(year, 1, 1, tzinfo=UTC))
        asked = client(portal_settings(tmp_path, port), wrong)
        assert asked.ask(about("mau")).verdict is Verdict.VALID
        assert asked.ask(about("mau")).verdict is Verdict.VALID
        assert portal.counts()["tokens"] == 1
