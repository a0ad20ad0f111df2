"""What differs between provinces and is a setting: further fields, headers, names in the token's answer, codes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hisbridge.questions import Register
from tests.hisbridge.gateway import ALL, PERSON, SOAP_ONES, Gateway, asking, gateway
from wire.server import Response, json_response

REST_USUAL = {"maYeuCau", "maDVC", "maCanBo", "soDinhDanh", "hoVaTen", "ngayThangNam"}
VERIFY = {"operation": "verify", "integration_code": "003"}


@pytest.mark.parametrize("transport", SOAP_ONES)
def test_account_and_phone_stand_where_the_document_has_them(tmp_path: Path, transport: str) -> None:
    with gateway(tmp_path, transport, account="donvi", phone="0000000000") as (server, register):
        assert register.ask(asking()).verdict is Register.FOUND  # the gateway checks the order
    assert (server.asked[0]["TaiKhoan"], server.asked[0]["SoDienThoai"]) == ("donvi", "0000000000")


@pytest.mark.parametrize("transport", ALL)
def test_an_api_key_goes_along_where_one_was_issued(tmp_path: Path, transport: str) -> None:
    key = tmp_path / "api-key"
    key.write_text("synthetic-key\n")
    with gateway(tmp_path, transport, api_key_file=str(key)) as (server, register):
        assert register.ask(asking()).verdict is Register.FOUND
        assert server.headers[-1]["apikey"] == "synthetic-key"
        for unusable, reason in (("a\r\nX: 1", "not_configured"), ("", "password_missing")):
            key.write_text(unusable)
            assert register.ask(asking()).reason == f"population.{reason}"
    with gateway(tmp_path, transport) as (server, register):
        register.ask(asking())
    assert "apikey" not in server.headers[-1]


def test_the_operations_action_is_quoted_and_cannot_break_out(tmp_path: Path) -> None:
    with gateway(tmp_path, "soap_xroad", soap_action="http://dancuquocgia.bca/TraCuu") as (server, register):
        server.action = '"http://dancuquocgia.bca/TraCuu"'
        assert register.ask(asking()).verdict is Register.FOUND
    for wrong in ('a"b', "a\r\nX: 1"):
        with gateway(tmp_path, "soap_xroad", soap_action=wrong) as (server, register):
            assert register.ask(asking()).reason == "population.not_configured"
        assert server.asked == []


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ({"accessToken": "T1", "expiresIn": "3600"}, {"token_field": "accessToken", "lifetime_field": "expiresIn"}),
        ({"data": {"token": "T1"}}, {"token_field": "data.token", "lifetime_field": "data.ttl"}),
        ({"access_token": "T1"}, {}),
    ],
)
@pytest.mark.parametrize("transport", ["soap_lgsp", "rest_lgsp"])
def test_the_token_is_found_under_the_name_that_is_set(
    tmp_path: Path, transport: str, answer: Any, names: dict[str, str]
) -> None:
    with gateway(tmp_path, transport, **names) as (server, register):
        server.at_token = lambda: Response(200, b"\xef\xbb\xbf" + json_response(answer).body)
        assert register.ask(asking()).verdict is Register.FOUND
        server.at_token = lambda: json_response({"another": "T2", "data": "T2"})
        server.tokens = 7
        assert register.ask(asking()).reason == "population.token_failed"


@pytest.mark.parametrize(
    ("codes", "held", "sex"),
    [
        ({"male": "0", "female": "1"}, "1", "female"),
        ({"male": "0", "female": "1"}, "0", "male"),
        ({"male": "M", "female": "F"}, "f", "female"),
        ({"male": "M", "female": "F"}, "Nữ", "female"),
        ({"male": "1", "female": "1"}, "1", None),  # a code for both is none
        ({"male": "M", "female": "F"}, "2", None),
        ({}, "2", "female"),
    ],
)
@pytest.mark.parametrize("transport", ["soap_xroad", "rest_lgsp"])
def test_the_registers_code_of_a_sex_is_a_setting(
    tmp_path: Path, transport: str, codes: dict[str, str], held: str, sex: str | None
) -> None:
    settings = {"sex_codes": codes} if codes else {}
    with gateway(tmp_path, transport, **settings) as (server, register):
        server.people = PERSON.replace("<n:GioiTinh>2<", f"<n:GioiTinh>{held}<")
        found = register.ask(asking(sex="male"))
    assert (found.verdict, found.sex) == (Register.FOUND, sex)
    assert [one.field for one in found.differences] == (["sex"] if sex == "female" else [])


def rest_fields(**differences: str) -> Mapping[str, str]:
    usual = ("request_id", "procedure_code", "officer", "personal_id", "previous_id", "full_name", "birth_date")
    theirs = ("maYeuCau", "maDVC", "maCanBo", "soDinhDanh", "soCMND", "hoVaTen", "ngayThangNam")
    return {**dict(zip(usual, theirs, strict=True)), **differences}


def test_rest_fields_are_named_as_the_province_names_them(tmp_path: Path) -> None:
    own = rest_fields(integration_code="maTichHop", account="taiKhoan", full_name="ten", birth_year="nam", officer="")
    with gateway(tmp_path, "rest_lgsp", account="donvi", rest_fields=own, rest_extra={"nguon": "KIOSK"}) as (
        server,
        register,
    ):
        register.ask(asking())
        register.ask(asking(birth_date="1955"))
    first, second = server.asked
    assert first.keys() == REST_USUAL - {"hoVaTen", "maCanBo"} | {"ten", "maTichHop", "taiKhoan", "nguon"}
    assert (first["nguon"], first["maTichHop"], first["taiKhoan"]) == ("KIOSK", "037", "donvi")
    assert ("ngayThangNam" in second, second["nam"]) == (False, "1955")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rest_fields": rest_fields(ethnicity="danToc")},
        {"rest_fields": rest_fields(full_name="maDVC")},
        {"rest_extra": {"maDVC": "1"}},
    ],
)
def test_names_that_contradict_each_other_are_a_setting_to_mend(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with gateway(tmp_path, "rest_lgsp", **wrong) as (server, register):
        answer = register.ask(asking())
    assert (answer.verdict, answer.reason) == (Register.CONFIGURATION_ERROR, "population.not_configured")
    assert server.asked == []


# Verification: yes or no (services.md 4.2)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Any]]:
    with gateway(tmp_path_factory.mktemp("verifier"), "soap_lgsp", **VERIFY) as (server, register):
        server.operation = "XacThucThongTinCongDan"
        yield server, register


def said(inner: str) -> Response:
    body = f"<XacThucThongTinCongDanResponse>{inner}</XacThucThongTinCongDanResponse>"
    return Response(200, f'<S:Envelope xmlns:S="s"><S:Body>{body}</S:Body></S:Envelope>'.encode(), "text/xml")


@pytest.mark.parametrize(
    ("inner", "verdict", "reason"),
    [
        ("<KetQuaXacThuc>true</KetQuaXacThuc>", "found", "only_confirmed"),
        ("<KetQuaXacThuc> 1 </KetQuaXacThuc>", "found", "only_confirmed"),
        ("<KetQuaXacThuc><TonTai>TRUE</TonTai></KetQuaXacThuc>", "found", "only_confirmed"),
        ("<ketquaxacthuc>false</ketquaxacthuc>", "not_found", "not_confirmed"),
        ("<KetQuaXacThuc><TonTai>0</TonTai></KetQuaXacThuc>", "not_found", "not_confirmed"),
        ("<KetQuaXacThuc/>", "unverified", "unknown_answer"),
        ("", "unverified", "unknown_answer"),
        ("<KetQuaXacThuc>có</KetQuaXacThuc>", "unverified", "unknown_answer"),
        ("<TrangThai>true</TrangThai>", "unverified", "unknown_answer"),
        ("<KetQuaXacThuc>true</KetQuaXacThuc><TonTai>false</TonTai>", "unverified", "garbled_answer"),
        ("<KetQuaXacThuc>true</KetQuaXacThuc><TonTai>maybe</TonTai>", "unverified", "garbled_answer"),
    ],
)
def test_a_verification_says_yes_or_no_or_nothing(
    verifier: tuple[Gateway, Any], inner: str, verdict: str, reason: str
) -> None:
    server, register = verifier
    server.answer = lambda _request: said(inner)
    answer = register.ask(asking())
    assert (answer.verdict, answer.reason) == (verdict, f"population.{reason}")
    assert (answer.personal_id, answer.full_name, answer.differences) == (None, None, ())
    assert server.asked[-1]["MaTichHop"] == "003"


def test_a_verification_over_rest_is_the_same(tmp_path: Path) -> None:
    with gateway(tmp_path, "rest_lgsp", **VERIFY) as (server, register):
        for told, verdict in (
            ({"ketQuaXacThuc": True}, "found"),
            ({"data": [{"KetQuaXacThuc": {"TonTai": 0}}]}, "not_found"),
            ({"ketQuaXacThuc": None}, "unverified"),
        ):
            server.answer = lambda _request, told=told: json_response(told)
            assert register.ask(asking()).verdict == verdict
