"""The register in trouble: faults kept apart, strange JSON, broken lines, nothing secret told."""

import io
import logging
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hisbridge.errors import LookupOffline, PortalCertificate
from hisbridge.http import Answer, Question
from hisbridge.lookups.population import population
from hisbridge.lookups.population_errors import (
    PopulationBadAccount,
    PopulationCertificate,
    PopulationError,
)
from hisbridge.questions import Register, RegisteredAddress
from hisbridge.site_time import SiteTime
from tests.hisbridge import hostile
from tests.hisbridge.gateway import (
    ALL,
    CLIENT,
    PERSON,
    SECRET,
    SOAP_ONES,
    USER,
    Standing,
    asking,
    fault,
    gateway,
    lookup,
    population_settings,
    standing_gateways,
)
from tests.support.waiting import BUSY_SECONDS, LONG_SECONDS
from wire.server import Response, json_response


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing_gateways(tmp_path_factory.mktemp("gateways")) as gateways:
        yield gateways


@pytest.mark.parametrize(
    "question",
    [
        {"personal_id": None},
        {"personal_id": "00130390001"},
        {"personal_id": "00130390001٧"},
        {"personal_id": None, "previous_id": "12"},
        {"full_name": "\u200b \x00"},
        {"full_name": "A" * 101},
        {"birth_date": "2003-02-30"},
        {"birth_date": "2003-13"},
        {"birth_date": "0000"},
        {"birth_date": "soon"},
    ],
)
def test_a_question_nobody_can_answer_is_not_sent(standing: Standing, question: dict[str, Any]) -> None:
    server, register = standing("soap_xroad")
    answer = register.ask(asking(**question))
    assert (answer.verdict, answer.reason) == (Register.UNVERIFIED, "population.question_unusable")
    assert server.asked == []


@pytest.mark.parametrize("transport", ALL)
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"base_url": ""}, "population.not_configured"),
        ({"base_url": "ftp://127.0.0.1"}, "population.not_configured"),
        ({"base_url": "http://[::1"}, "population.not_configured"),
        ({"username": ""}, "population.not_configured"),
        ({"username": "a:b"}, "population.not_configured"),
        ({"agency_code": "x" * 36}, "population.not_configured"),
        ({"password_file": ""}, "population.password_missing"),
        ({"password_file": "/nowhere/secret"}, "population.password_missing"),
        ({"password_file": "/nowhere/\x00"}, "population.password_missing"),
    ],
)
def test_settings_that_cannot_work_name_themselves(
    tmp_path: Path, transport: str, settings: dict[str, str], reason: str
) -> None:
    answer = lookup(population_settings(tmp_path, 9, transport, **settings)).ask(asking())
    assert (answer.verdict, answer.reason) == (Register.CONFIGURATION_ERROR, reason)


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        (Response(500, fault("S:Server"), "text/xml"), "unverified", "population.fault"),
        (Response(200, fault("S:Server", "Hết phiên"), "text/xml"), "unverified", "population.fault"),
        (Response(500, fault("S:Client"), "text/xml"), "configuration_error", "population.request_refused"),
        (Response(500, fault("S:MustUnderstand"), "text/xml"), "configuration_error", "population.request_refused"),
        (
            Response(500, fault("Server.ServerProxy.AccessDenied"), "text/xml"),
            "configuration_error",
            "population.not_allowed",
        ),
        (
            Response(500, fault("", "<html><body><b>Lỗi</b></body></html>"), "text/xml"),
            "unverified",
            "population.fault",
        ),
        (
            Response(200, fault("S:Server", "&lt;html>&lt;script>x&lt;/script>"), "text/xml"),
            "unverified",
            "population.fault",
        ),
        (
            Response(500, fault("S:Server", f"<detail>{PERSON}</detail>".replace("n:", "")), "text/xml"),
            "unverified",
            "population.fault",
        ),
        (Response(500, b"oops", "text/plain"), "unverified", "population.server_error"),
        (
            Response(503, b"<html><body>B\xe1\xba\xa3o tr\xc3\xac</body></html>", "text/html"),
            "unverified",
            "population.server_error",
        ),
        (Response(429, b"", "text/plain"), "unverified", "population.server_error"),
        (Response(200, b"<html><body>x</body></html>", "text/html"), "unverified", "population.garbled_answer"),
        (Response(200, b"", "text/xml"), "unverified", "population.garbled_answer"),
        (Response(401, b"", "text/plain"), "configuration_error", "population.not_allowed"),
        (Response(403, fault("S:Server"), "text/xml"), "configuration_error", "population.not_allowed"),
        (Response(404, b"", "text/plain"), "configuration_error", "population.request_refused"),
        (Response(302, b"", "text/plain", {"Location": "/login"}), "configuration_error", "population.request_refused"),
    ],
)
@pytest.mark.parametrize("transport", SOAP_ONES)
def test_faults_are_kept_apart(standing: Standing, transport: str, answer: Response, verdict: str, reason: str) -> None:
    server, register = standing(transport)
    server.answer = lambda _request: answer
    told = register.ask(asking())
    assert (told.verdict, told.reason, told.full_name) == (verdict, reason, None)


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        (
            json_response({"code": "900901", "message": "Invalid Credentials"}),
            "unverified",
            "population.unknown_answer",
        ),
        (json_response({"success": False}), "unverified", "population.unknown_answer"),
        (json_response({}), "unverified", "population.unknown_answer"),
        (json_response([]), "unverified", "population.garbled_answer"),
        (json_response("text"), "unverified", "population.garbled_answer"),
        (json_response({"CongdanCollection": None}), "not_found", None),
        (json_response({"message": "không có", "CongdanCollection": {"CongDan": []}}), "not_found", None),
        (Response(200, b'{"CongDan":{"SoDinhDanh":'), "unverified", "population.garbled_answer"),
        (Response(200, b"<html></html>", "text/html"), "unverified", "population.garbled_answer"),
        (Response(200, b"[" * 100_000), "unverified", "population.garbled_answer"),
        (Response(200, b'{"a":' * 900 + b"1" + b"}" * 900), "unverified", "population.garbled_answer"),
        (Response(200, b'{"a":[' + b"1," * 9000 + b"1]}"), "unverified", "population.garbled_answer"),
        (Response(200, b'{"a":' + b"9" * 100_000 + b"}"), "unverified", "population.unknown_answer"),
        (Response(200, b'{"a":"\xff"}'), "unverified", "population.garbled_answer"),
        (Response(500, b"{}"), "unverified", "population.server_error"),
        (Response(403, b"{}"), "configuration_error", "population.not_allowed"),
        (Response(404, b"{}"), "configuration_error", "population.request_refused"),
    ],
)
def test_answers_over_rest_that_hold_nobody_are_kept_apart(
    standing: Standing, answer: Response, verdict: str, reason: str | None
) -> None:
    server, register = standing("rest_lgsp")
    server.answer = lambda _request: answer
    told = register.ask(asking())
    assert (told.verdict, told.reason) == (verdict, reason)


def test_json_that_lost_its_wrapping_or_its_zeros_is_still_read(tmp_path: Path) -> None:
    flat = {
        "soDinhDanh": 1303900017,
        "hoVaTen": "Nguyễn Thị Hoài Thử",
        "ngayThangNamSinh": {"nam": 2003, "ngayThangNam": 20030214},
        "gioiTinh": "Nữ",
        "danToc": 1,
        "thuongTru": {"maTinhThanh": 1, "maPhuongXa": 70, "chiTiet": None},
        "cha": {"soDinhDanh": "001055900099", "hoVaTen": "CHA-MAT"},
    }
    for told in ({"status": 200, "data": flat}, {"data": [flat]}, {"data": [[flat]]}, flat):
        with gateway(tmp_path, "rest_lgsp") as (server, register):
            server.answer = lambda _request, told=told: json_response(told)
            found = register.ask(asking())
        assert (found.verdict, found.personal_id, found.ethnicity_code) == (Register.FOUND, "001303900017", "01")
        assert found.residence == RegisteredAddress(province_code="01", ward_code="00070")


def test_a_relative_is_never_taken_for_the_person(standing: Standing) -> None:
    told = {
        "data": {
            "hoVaTen": "Ai Đó",
            "cha": {"soDinhDanh": "001303900017", "hoVaTen": "Nguyễn Thị Hoài Thử", "ngayThangNamSinh": "20030214"},
        }
    }
    server, register = standing("rest_lgsp")
    server.answer = lambda _request: json_response(told)
    assert register.ask(asking()).verdict is Register.UNVERIFIED


def test_a_question_that_comes_back_as_an_echo_is_no_answer(standing: Standing) -> None:
    server, register = standing("rest_lgsp")
    server.answer = lambda request: Response(200, b'{"request":' + request.body + b',"data":null}')
    assert register.ask(asking()).verdict is Register.UNVERIFIED


@pytest.mark.parametrize("transport", ALL)
@pytest.mark.parametrize(
    ("misbehave", "reason"),
    [
        (hostile.nothing, "population.timeout"),
        (hostile.drip_head, "population.timeout"),
        (hostile.drip_body, "population.timeout"),
        (hostile.flood, "population.answer_too_large"),
        (hostile.cut, "population.unreachable"),
        (hostile.not_http, "population.unreachable"),
    ],
)
def test_a_line_in_trouble_costs_no_more_than_its_deadline(
    tmp_path: Path, transport: str, misbehave: hostile.Misbehave, reason: str
) -> None:
    with hostile.lying(misbehave) as port:
        begun = time.monotonic()
        answer = lookup(population_settings(tmp_path, port, transport, timeout_seconds=LONG_SECONDS)).ask(
            asking(), 0.25
        )
        assert time.monotonic() - begun < BUSY_SECONDS
    assert (answer.verdict, answer.reason) == (Register.UNVERIFIED, reason)


def test_no_server_at_all_is_unverified(tmp_path: Path) -> None:
    answer = lookup(population_settings(tmp_path, 1, "soap_xroad")).ask(asking(), 2)
    assert (answer.verdict, answer.reason) == (Register.UNVERIFIED, "population.unreachable")


def test_a_bad_certificate_and_an_offline_system_keep_their_own_words(tmp_path: Path) -> None:
    def register(error: Exception) -> Any:
        def post(_question: Question, _deadline: float) -> Answer:
            raise error

        return population(population_settings(tmp_path, 9, "soap_xroad"), post, SiteTime(420))

    refused = register(PortalCertificate(why="expired")).ask(asking())
    assert (refused.verdict, refused.reason) == (Register.CONFIGURATION_ERROR, "population.certificate")
    with pytest.raises(PopulationCertificate) as raised:
        register(PortalCertificate(why="expired")).probe()
    assert raised.value.data == {"why": "expired"}
    offline = register(LookupOffline(system="population")).ask(asking())
    assert (offline.verdict, offline.reason) == (Register.UNVERIFIED, "lookup.offline")


@pytest.mark.parametrize("transport", ALL)
def test_a_probe_asks_for_nobody_and_says_what_is_wrong(tmp_path: Path, transport: str) -> None:
    with gateway(tmp_path, transport) as (server, register):
        server.people = ""
        register.probe()
        (asked,) = server.asked
        assert "000000000000" in asked.values()
        server.answer = lambda _request: Response(404, b"")
        with pytest.raises(PopulationError) as raised:
            register.probe()
        assert raised.value.code == "population.request_refused"
    with gateway(tmp_path, "rest_lgsp", username="wrong") as (_, register), pytest.raises(PopulationBadAccount):
        register.probe()


@pytest.mark.parametrize("transport", ALL)
def test_neither_secrets_nor_persons_reach_logs_errors_or_reprs(tmp_path: Path, transport: str) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    key = tmp_path / "api-key"
    key.write_text("KHOA-API")
    try:
        with gateway(tmp_path, transport, api_key_file=str(key), account="tai-khoan") as (server, register):
            register.ask(asking())
            written.write(repr(register))
            for answer in (
                Response(200, fault("S:Server", PERSON.replace("n:", ""))),
                Response(401, b""),
                Response(200, PERSON.encode()),
            ):
                server.answer = lambda _request, answer=answer: answer
                written.write(repr(register.ask(asking()).reason))
                try:
                    register.probe()
                except PopulationError:
                    written.write(traceback.format_exc())
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    hidden = (
        SECRET,
        USER,
        CLIENT,
        "001303900017",
        "Thử",
        "THỬ",
        "2003",
        "MAT",
        "Bearer",
        "Basic",
        "T1",
        "KHOA-API",
        "tai-khoan",
    )
    assert not [word for word in hidden if word in written.getvalue()]


def test_json_that_says_a_field_twice_is_no_answer(standing: Standing) -> None:
    person = '"hoVaTen":"Nguyễn Thị Hoài Thử","ngayThangNamSinh":"20030214","soDinhDanh":"001303900017"'
    server, register = standing("rest_lgsp")
    for extra, verdict in (
        ("", Register.FOUND),
        (',"SoDinhDanh":"001303900017"', Register.FOUND),
        (',"SoDinhDanh":"001303900018"', Register.UNVERIFIED),
        (',"hoVaTen":"Ai Khác"', Register.UNVERIFIED),
        (',"ngayThangNamSinh":{"nam":1955}', Register.UNVERIFIED),
    ):
        body = f'{{"data":{{{person}{extra}}}}}'.encode()
        server.answer = lambda _request, body=body: Response(200, body)
        assert register.ask(asking()).verdict is verdict
