"""The pretend insurance portal answers as its document says, and breaks in every way that is asked of it.

Spoken to by hand over http.client, not by the product's own portal client.
"""

import http.client
import json
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.people import everybody, find
from sandbox.portal import DOCUMENTED_CODES, LOOKUP_PATH, TOKEN_PATH, Portal
from sandbox.portal_tls import Certificates

PASSWORD = "0123456789ABCDEF0123456789ABCDEF"
OFFICER = {"hoTenCb": "Trần Thị Mẫu", "cccdCb": "000088888888"}


class Clock:
    moment = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


class Caller:
    """Somebody who has read the document: takes a token, asks with it."""

    def __init__(self, port: int, sand: Portal, clock: Clock) -> None:
        self.port, self.sand, self.clock = port, sand, clock
        self.query: dict[str, str] = {}

    def post(self, path: str, body: bytes, seconds: float = 5.0) -> tuple[int, str, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)) as connection:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()

    def log_in(self, username: str = "99999_BV") -> dict[str, Any]:
        form = urlencode({"username": username, "password": PASSWORD}).encode()
        told: dict[str, Any] = json.loads(self.post(TOKEN_PATH, form)[2])
        if told["maKetQua"] == "200":
            key = told["APIKey"]
            self.query = {"token": key["access_token"], "id_token": key["id_token"]}
            self.query |= {"username": username, "password": PASSWORD}
        return told

    def raw(self, number: str, name: str, born: str, **changed: str) -> tuple[int, str, bytes]:
        form = {"maThe": number, "hoTen": name, "ngaySinh": born, **OFFICER, **changed}
        return self.post(f"{LOOKUP_PATH}?{urlencode(self.query)}", json.dumps(form).encode())

    def ask(self, number: str, name: str, born: str, **changed: str) -> dict[str, Any]:
        status, kind, body = self.raw(number, name, born, **changed)
        assert (status, kind) == (200, "application/json; charset=utf-8")
        told: dict[str, Any] = json.loads(body)
        return told

    def about(self, key: str, number: str | None = None, **changed: str) -> dict[str, Any]:
        person = find(key)
        born = "/".join(reversed(person.birth_date.split("-")))
        asked = {"hoTen": person.full_name, "ngaySinh": born, **changed}
        return self.ask(number or person.personal_id, asked.pop("hoTen"), asked.pop("ngaySinh"), **asked)

    def code(self, key: str, number: str | None = None, **changed: str) -> str:
        return str(self.about(key, number, **changed)["maKetQua"])


@pytest.fixture
def portal() -> Iterator[Caller]:
    clock = Clock()
    sand = Portal(everybody(), clock)
    with sand.serving() as (_, port):
        caller = Caller(port, sand, clock)
        caller.log_in()
        yield caller


# Which number finds whom.


@pytest.mark.parametrize(
    ("key", "number", "code"),
    [
        ("mau", "001303900017", "000"),
        ("mau", "0000000017", "000"),
        ("mau", "GD4000000000017", "000"),
        ("mau", "GD4010000000017", "052"),  # another province
        ("mau", "GD3000000000017", "053"),  # another benefit digit
        ("mau", "DN4000000000017", "051"),  # another group
        ("mau", "GD4000000099999", "050"),
        ("mau", "0000099999", "050"),
        ("mau", "001303900099", "050"),
        ("mau", "GD9000000000017", "051"),
        ("mau", "12345", "051"),
        ("vi-du", "200000017", "050"),  # linked to the card's number, not to the old one
        ("so-cu", "036070900002", "050"),
        ("so-cu", "100000002", "000"),
        ("so-cu", "GD4000000000002", "000"),
        ("so-bao-hiem", "038190900003", "050"),
        ("so-bao-hiem", "0000000003", "000"),
        ("tre-the-tam", "001222900005", "050"),
        ("tre-the-tam", "TE1000000000005", "000"),
        ("quan-nhan", "001088900008", "001"),
        ("quan-nhan", "QN5000000000008", "001"),
        ("cong-an", "CA5000000000009", "002"),
        ("tre-khong-the", "079323900007", "130"),
    ],
)
def test_a_number_finds_whom_the_insurer_has_under_it(portal: Caller, key: str, number: str, code: str) -> None:
    assert portal.code(key, number) == code


def test_a_newborn_without_a_number_is_a_child_without_a_card(portal: Caller) -> None:
    born = "20/11/2026"
    assert portal.ask("", "Con Trần Thị Mẫu", born)["maKetQua"] == "130"
    assert portal.ask("", "Trần Thị Mẫu", "14/02/2003")["maKetQua"] == "205"


# How it compares.


@pytest.mark.parametrize(
    ("key", "changed", "code"),
    [
        ("mau", {"hoTen": "trần  thị MẪU"}, "000"),
        ("mau", {"hoTen": "Tran Thi Mau"}, "061"),
        ("mau", {"hoTen": "Tra\u0302\u0300n Thị Mẫu"}, "061"),  # NFD is not NFC
        ("mau", {"hoTen": "Trần Thị Mận"}, "061"),  # first characters right
        ("mau", {"hoTen": "Trần Mẫu"}, "060"),
        ("mau", {"hoTen": "Lê Thị Mẫu"}, "060"),
        ("mau", {"ngaySinh": "15/02/2003"}, "070"),
        ("mau", {"ngaySinh": "2003"}, "000"),
        ("mau", {"ngaySinh": "2004"}, "070"),
        ("bh-chi-nam", {}, "070"),
        ("bh-chi-nam", {"ngaySinh": "1956"}, "000"),
        ("dat-dau", {}, "061"),
        ("dat-dau", {"hoTen": "Nguyễn Thị Hoà"}, "000"),
    ],
)
def test_name_and_birth_date_must_be_the_insurers(portal: Caller, key: str, changed: dict[str, str], code: str) -> None:
    assert portal.code(key, **changed) == code


@pytest.mark.parametrize("born", ["14022003", "2003-02-14", "14/2/2003", "31/02/2003", "02/2003", "", "14/02/2003 "])
def test_a_birth_date_of_another_form_is_a_wrong_parameter(portal: Caller, born: str) -> None:
    assert portal.code("mau", ngaySinh=born) == "205"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"maThe": 1}', b"\xff", b"[" * 20_000])
def test_a_question_that_is_not_whole_is_a_wrong_parameter(portal: Caller, body: bytes) -> None:
    answered = portal.post(f"{LOOKUP_PATH}?{urlencode(portal.query)}", body)[2]
    assert json.loads(answered)["maKetQua"] == "205"


@pytest.mark.parametrize(
    ("officer", "code"),
    [
        ({"cccdCb": "000088888889"}, "054"),
        ({"cccdCb": ""}, "054"),
        ({"hoTenCb": "Lê Văn Trực"}, "055"),
        ({"hoTenCb": "Lê Văn Trực", "cccdCb": "000077777777"}, "000"),
    ],
)
def test_only_registered_officers_may_ask(portal: Caller, officer: dict[str, str], code: str) -> None:
    assert portal.code("mau", **officer) == code


# What it answers.


def test_the_answer_has_the_documented_fields_in_their_order_and_what_reception_must_not_keep(portal: Caller) -> None:
    told = portal.about("mau")
    assert " ".join(told) == (
        "maKetQua ghiChu maThe hoTen ngaySinh gioiTinh diaChi maDKBD cqBHXH gtTheTu gtTheDen maKV ngayDu5Nam "
        "maSoBHXH maTheCu maTheMoi gtTheTuMoi gtTheDenMoi maDKBDMoi tenDKBDMoi dsLichSuKCB2018 dsLichSuKT2018"
    )
    assert (told["ngaySinh"], told["gioiTinh"], told["gtTheDen"]) == ("14/02/2003", "Nữ", "31/12/2049")
    assert told["dsLichSuKCB2018"][0]["TEMP2"] == "Công ty Thử Nghiệm"


def test_cards_end_and_begin_counted_from_today(portal: Caller) -> None:
    assert portal.about("sap-het-han")["gtTheDen"] == "03/12/2026"
    both = portal.about("hai-the")
    assert (both["maKetQua"], both["maThe"], both["gtTheDen"]) == ("004", "DN4000000000012", "11/12/2026")
    assert (both["maTheMoi"], both["gtTheTuMoi"]) == ("GD4000000000012", "12/12/2026")
    assert portal.about("chua-du-5-nam")["ngayDu5Nam"] == "26/12/2027"
    assert portal.about("noi-khac")["maDKBD"] == "99998"
    assert portal.about("khac-gioi")["gioiTinh"] == "Nữ"


@pytest.mark.parametrize("code", DOCUMENTED_CODES)
def test_every_documented_code_can_be_had_and_only_some_describe_a_card(portal: Caller, code: str) -> None:
    portal.sand.set_fault("portal.code", code)
    told = portal.about("mau")
    assert told["maKetQua"] == code
    assert bool(told["maThe"]) == (code in ("000", "003", "004", "010"))
    assert bool(told["maTheMoi"]) == (code in ("003", "004"))


def test_a_code_can_be_given_to_one_person_alone(portal: Caller) -> None:
    portal.sand.set_fault("portal.person_code", "mau=010,nie=110")
    assert [portal.code(key) for key in ("mau", "nie", "thu")] == ["010", "110", "000"]


# Tokens.


def test_token_identity_account_and_password_belong_together(portal: Caller) -> None:
    for name in ("token", "id_token", "username", "password"):
        right = portal.query
        portal.query = {**right, name: "another"}
        assert portal.code("mau") == "401"
        portal.query = right
    assert portal.code("mau") == "000"


def test_a_token_ends_when_it_said_it_would(portal: Caller) -> None:
    told = portal.log_in()
    assert told["APIKey"]["expires_in"] == "2026-11-21T01:30:00Z"
    portal.clock.moment += timedelta(minutes=29)
    assert portal.code("mau") == "000"
    portal.clock.moment += timedelta(minutes=2)
    assert portal.code("mau") == "401"


def test_a_token_can_end_in_the_middle_of_a_row_of_questions(portal: Caller) -> None:
    portal.sand.set_fault("portal.token_lasts", "2")
    assert [portal.code("mau") for _ in range(3)] == ["000", "000", "401"]
    portal.log_in()
    assert portal.code("mau") == "000"


def test_an_account_that_the_portal_does_not_take_gets_no_token(portal: Caller) -> None:
    portal.sand.set_fault("portal.bad_account", "on")
    assert portal.log_in() == {"maKetQua": "401", "APIKey": None}


@pytest.mark.parametrize(("value", "status"), [("on", 403), ("401", 401), ("403", 403)])
def test_an_account_may_log_in_and_not_ask(portal: Caller, value: str, status: int) -> None:
    portal.sand.set_fault("portal.forbidden", value)
    assert portal.log_in()["maKetQua"] == "200"
    assert portal.raw("001303900017", "Trần Thị Mẫu", "2003")[0] == status


# How it breaks.


def asked(portal: Caller) -> tuple[int, str, bytes]:
    return portal.raw("001303900017", "Trần Thị Mẫu", "14/02/2003")


@pytest.mark.parametrize(
    ("fault", "value", "status", "kind", "begins"),
    [
        ("portal.500", "on", 500, "text/html", b"<!DOCTYPE"),
        ("portal.html", "on", 200, "text/html; charset=utf-8", b"<!DOCTYPE"),
        ("portal.maintenance", "on", 503, "text/html; charset=utf-8", b"<!DOCTYPE"),
        ("portal.maintenance", "200", 200, "text/html; charset=utf-8", b"<!DOCTYPE"),
        ("portal.content_type", "on", 200, "text/html", b'{"maKetQua"'),
        ("portal.content_type", "text/plain", 200, "text/plain", b'{"maKetQua"'),
        ("portal.empty", "on", 200, "application/json; charset=utf-8", b""),
        ("portal.address", "on", 403, "text/html; charset=utf-8", b"<!DOCTYPE"),
        ("portal.wrong_case", "on", 200, "application/json; charset=utf-8", b'{"MAKETQUA"'),
        ("portal.numbers", "on", 200, "application/json; charset=utf-8", b'{"maKetQua": 0,'),
    ],
)
def test_an_answer_that_is_not_the_documented_one(
    portal: Caller, fault: str, value: str, status: int, kind: str, begins: bytes
) -> None:
    portal.sand.set_fault(fault, value)
    got_status, got_kind, body = asked(portal)
    assert (got_status, got_kind) == (status, kind)
    assert body.startswith(begins)
    portal.sand.set_fault(fault, None)
    assert portal.code("mau") == "000"


def test_half_an_answer_is_whole_to_http_or_breaks_its_promise(portal: Caller) -> None:
    whole = asked(portal)[2]
    portal.sand.set_fault("portal.half", "body")
    assert asked(portal)[2] == whole[: len(whole) // 2]
    portal.sand.set_fault("portal.half", "length")
    with pytest.raises(http.client.IncompleteRead) as caught:
        asked(portal)
    assert caught.value.partial == whole[: len(whole) // 2]
    assert caught.value.expected == len(whole) - len(whole) // 2


@pytest.mark.parametrize("fault", [("portal.reset", "on"), ("portal.address", "reset")])
def test_a_connection_can_be_torn_in_the_middle(portal: Caller, fault: tuple[str, str]) -> None:
    portal.sand.set_fault(*fault)
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        asked(portal)


def test_a_megabyte_of_nonsense_is_a_megabyte(portal: Caller) -> None:
    portal.sand.set_fault("portal.garbage", "on")
    assert len(asked(portal)[2]) == 1_000_000


def test_bytes_drip_one_by_one_until_the_fault_is_mended(portal: Caller) -> None:
    portal.sand.set_fault("portal.drip", "3600")
    with closing(http.client.HTTPConnection("127.0.0.1", portal.port, timeout=5)) as connection:
        form = {"maThe": "001303900017", "hoTen": "Trần Thị Mẫu", "ngaySinh": "2003", **OFFICER}
        connection.request("POST", f"{LOOKUP_PATH}?{urlencode(portal.query)}", json.dumps(form).encode())
        answer = connection.getresponse()
        assert answer.read1(100) == b"{"
        portal.sand.set_fault("portal.drip", None)
        assert json.loads(b"{" + answer.read())["maKetQua"] == "000"


@pytest.mark.parametrize("slow", ["portal.slow", "portal.slow_lookup"])
def test_a_slow_answer_comes_after_the_seconds_asked_for(portal: Caller, slow: str) -> None:
    portal.sand.set_fault(slow, 0.3)
    begun = time.monotonic()
    assert portal.code("mau") == "000"
    assert time.monotonic() - begun >= 0.3


def test_a_slow_login_leaves_look_ups_fast(portal: Caller) -> None:
    portal.sand.set_fault("portal.slow_token", "3600")
    assert portal.code("mau") == "000"


def test_a_portal_that_goes_down_cuts_connections_that_were_kept_open(portal: Caller) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", portal.port, timeout=5)) as kept:
        kept.request("POST", "/nothing", b"")
        assert kept.getresponse().read() == b""
        portal.sand.set_fault("portal.down", "on")
        assert kept.sock.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        asked(portal)
    portal.sand.set_fault("portal.down", None)
    assert portal.code("mau") == "000"


# TLS.


def greeted(port: int, ca: Path) -> str:
    """What a client that trusts the sandbox's authority makes of the certificate."""
    trusting = ssl.create_default_context(cafile=str(ca))
    with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=trusting)) as connection:
        try:
            connection.request("POST", TOKEN_PATH, urlencode({"username": "a", "password": PASSWORD}).encode())
            return str(json.loads(connection.getresponse().read())["maKetQua"])
        except ssl.SSLCertVerificationError as error:
            return error.verify_message


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (None, "200"),
        ("name", "IP address mismatch, certificate is not valid for '127.0.0.1'."),
        ("expired", "certificate has expired"),
        ("self_signed", "self-signed certificate"),
    ],
)
def test_the_https_port_shows_the_certificate_that_is_asked_for(tmp_path: Path, wrong: str | None, told: str) -> None:
    sand, certificates = Portal(everybody()), Certificates(tmp_path)
    with sand.serving(0, sand.certificate(certificates)) as (_, port):
        sand.set_fault("portal.tls", wrong)
        assert greeted(port, certificates.ca) == told
        sand.set_fault("portal.tls", None)
        assert greeted(port, certificates.ca) == "200"


def test_a_connection_kept_open_is_cut_when_the_certificate_becomes_another(tmp_path: Path) -> None:
    sand, certificates = Portal(everybody()), Certificates(tmp_path)
    account = urlencode({"username": "a", "password": PASSWORD}).encode()
    trusting = ssl.create_default_context(cafile=str(certificates.ca))
    with sand.serving(0, sand.certificate(certificates)) as (_, port):
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=trusting)
        with closing(connection):
            connection.request("POST", TOKEN_PATH, account)
            connection.getresponse().read()
            sand.set_fault("portal.tls", "expired")
            assert connection.sock is not None
            assert connection.sock.recv(1) == b""


def test_whoever_trusts_the_sandbox_still_does_when_it_is_started_anew(tmp_path: Path) -> None:
    trusted = Certificates(tmp_path).ca.read_bytes()
    again, sand = Certificates(tmp_path), Portal(everybody())
    assert again.ca.read_bytes() == trusted
    with sand.serving(0, sand.certificate(again)) as (_, port):
        assert greeted(port, again.ca) == "200"


@pytest.mark.parametrize("spoilt", ["ca.pem", "ca-key.pem"])
def test_an_authority_that_is_damaged_is_made_anew(tmp_path: Path, spoilt: str) -> None:
    trusted = Certificates(tmp_path).ca.read_bytes()
    (tmp_path / spoilt).write_text("damaged")
    again, sand = Certificates(tmp_path), Portal(everybody())
    assert again.ca.read_bytes() != trusted
    with sand.serving(0, sand.certificate(again)) as (_, port):
        assert greeted(port, again.ca) == "200"


@pytest.mark.parametrize("fault", ["bad_account", "token_expired"])
def test_an_account_that_is_refused_loses_its_tokens_at_once(portal: Caller, fault: str) -> None:
    assert portal.code("mau") == "000"
    portal.sand.set_fault(f"portal.{fault}", True)
    portal.sand.set_fault(f"portal.{fault}", None)
    assert portal.code("mau") == "401"


def test_the_keys_of_the_https_port_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    Certificates(tmp_path / "tls")
    for file in (tmp_path / "tls").iterdir():
        assert file.name == "ca.pem" or file.stat().st_mode & 0o077 == 0


def test_no_pretend_system_knows_the_products_own_look_ups() -> None:
    imports = re.compile(r"^\s*(from|import) (hisbridge|kiosk|ui)\b", re.MULTILINE)
    assert [file for file in Path("sandbox").rglob("*.py") if imports.search(file.read_text("utf-8"))] == []
