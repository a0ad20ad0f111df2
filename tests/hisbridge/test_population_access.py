"""Who is let in to the register: tokens that many share, passes, headers."""

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from hisbridge.http import Answer, Question
from hisbridge.lookups.population import population
from hisbridge.questions import Citizen, Register
from hisbridge.site_time import SiteTime
from tests.hisbridge.gateway import (
    SECRET,
    asking,
    gateway,
    population_settings,
)
from wire.server import Request, Response, json_response


def test_a_client_name_cannot_smuggle_a_header(tmp_path: Path) -> None:
    with gateway(tmp_path, "soap_xroad", client="VN\r\nX-Other: 1") as (server, register):
        assert register.ask(asking()).reason == "population.not_configured"
    assert server.asked == []


@pytest.mark.parametrize("transport", ["soap_lgsp", "rest_lgsp"])
def test_one_token_serves_many_questions_and_is_taken_anew_when_refused(tmp_path: Path, transport: str) -> None:
    with gateway(tmp_path, transport) as (server, register):
        for _ in range(3):
            assert register.ask(asking()).verdict is Register.FOUND
        assert server.tokens == 1
        server.tokens = 7  # as after a restart of the gateway: it knows T1 no more
        assert register.ask(asking()).verdict is Register.FOUND
        assert (server.tokens, server.refused) == (8, ["token"])


@pytest.mark.parametrize("transport", ["soap_lgsp", "rest_lgsp"])
def test_a_hundred_questions_at_once_take_one_token(tmp_path: Path, transport: str) -> None:
    waiting = threading.Event()
    with gateway(tmp_path, transport) as (server, register):
        server.at_token = lambda: waiting.wait(5) and None
        answers = at_once(100, lambda: register.ask(asking()), waiting)
        assert [answer.verdict for answer in answers] == [Register.FOUND] * 100
        assert server.tokens == 1


def test_who_waits_for_a_token_shares_its_refusal(tmp_path: Path) -> None:
    waiting = threading.Event()
    with gateway(tmp_path, "rest_lgsp") as (server, register):

        def refuse() -> Response:
            waiting.wait(5)
            return json_response({"error": "invalid_client"}, 401)

        server.at_token = refuse
        answers = at_once(20, lambda: register.ask(asking()), waiting)
        assert {answer.reason for answer in answers} == {"population.bad_account"}
        assert server.tokens < 20


def test_somebody_in_a_hurry_does_not_end_the_wait_of_the_others(tmp_path: Path) -> None:
    begun = threading.Event()
    release = threading.Event()
    with gateway(tmp_path, "rest_lgsp") as (server, register):

        def slow_once() -> Response | None:
            if server.tokens == 1:
                begun.set()
                release.wait(5)
            return None

        server.at_token = slow_once
        answers: dict[str, Citizen] = {}
        hurried = threading.Thread(target=lambda: answers.update(hurried=register.ask(asking(), 0.3)))
        hurried.start()
        assert begun.wait(5)
        answers["patient"] = register.ask(asking(), 5)
        hurried.join(5)
        release.set()
    assert answers["hurried"].reason == "population.timeout"
    assert answers["patient"].verdict is Register.FOUND


def at_once(many: int, ask: Any, release: threading.Event) -> list[Citizen]:
    answers: list[Citizen] = []
    ready = threading.Barrier(many + 1)

    def run() -> None:
        ready.wait(10)
        answers.append(ask())

    threads = [threading.Thread(target=run) for _ in range(many)]
    for thread in threads:
        thread.start()
    ready.wait(10)
    threading.Event().wait(0.05)
    release.set()
    for thread in threads:
        thread.join(20)
    return answers


@pytest.mark.parametrize(
    ("told", "used_seconds"),
    [
        (3600, 3570),
        ("3600", 3570),
        (20, 10),
        (None, 300),
        ("soon", 300),
        (-5, 300),
        ("1" * 400, 86370),
        (True, 300),
        (10**9, 86370),
        ("NaN", 300),
        ("inf", 86370),
    ],
)
def test_tokens_are_renewed_before_they_end(tmp_path: Path, told: object, used_seconds: float) -> None:
    clock = [1000.0]
    taken: list[float] = []

    def post(question: Question, _deadline: float) -> Answer:
        if question.url.endswith("/token"):
            taken.append(clock[0])
            return Answer(200, json.dumps({"access_token": "T", "expires_in": told}).encode())
        return Answer(200, b'{"CongdanCollection": null}')

    settings = population_settings(tmp_path, 9, "rest_lgsp")
    register = population(settings, post, SiteTime(420, monotonic=lambda: clock[0]))
    for moment in (1000.0, 1000.0 + used_seconds - 0.1, 1000.0 + used_seconds + 0.1):
        clock[0] = moment
        assert register.ask(asking()).verdict is Register.NOT_FOUND
    assert taken == [1000.0, 1000.0 + used_seconds + 0.1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response(401, b"{}"), "population.bad_account"),
        (Response(400, b"{}"), "population.bad_account"),
        (Response(404, b"{}"), "population.request_refused"),
        (Response(500, b"{}"), "population.server_error"),
        (Response(200, b"<html>"), "population.token_failed"),
        (json_response({}), "population.token_failed"),
        (json_response({"access_token": 5}), "population.token_failed"),
        (json_response({"access_token": ""}), "population.token_failed"),
        (json_response({"access_token": "T\r\nX-Other: 1"}), "population.token_failed"),
        (json_response({"access_token": "T" * 9000}), "population.token_failed"),
        (json_response(["T"]), "population.token_failed"),
    ],
)
def test_a_token_that_is_none_is_told_as_such(tmp_path: Path, answer: Response, reason: str) -> None:
    with gateway(tmp_path, "soap_lgsp") as (server, register):
        server.at_token = lambda: answer
        assert register.ask(asking()).reason == reason
    assert server.asked == []


def test_the_pass_of_a_province_goes_out_as_it_was_issued(tmp_path: Path) -> None:
    issued = {
        "AccessKey": "A",
        "SecretKey": SECRET,
        "AppName": "App",
        "PartnerCode": "P",
        "PartnerCodeCus": "C",
        "AuthHash": "H",
    }
    file = tmp_path / "issued.json"
    file.write_text(json.dumps(issued), "utf-8")
    passes: list[Any] = []

    def read(request: Request) -> Response:
        passes.append(json.loads(base64.b64decode(request.headers["lgspaccesstoken"])))
        return Response(401, b"")

    with gateway(tmp_path, "soap_lgsp", password_file=str(file)) as (server, register):
        server.register = read  # type: ignore[method-assign]
        server._lgsp = lambda request: (
            passes.append(  # type: ignore[method-assign]
                json.loads(base64.b64decode(request.headers["lgspaccesstoken"]))
            )
            or ""
        )
        assert register.ask(asking()).verdict is Register.FOUND
    assert passes == [issued]
    file.write_text('{"SecretKey": 5}', "utf-8")
    with gateway(tmp_path, "soap_lgsp", password_file=str(file)) as (_, register):
        assert register.ask(asking()).reason == "population.not_configured"
