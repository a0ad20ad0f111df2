"""The pretend population register lets in who has read its document, answers them, and breaks as it is told.

Spoken to by hand over http.client, not by the product's own adapters.
"""

import base64
import hashlib
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from sandbox.people import everybody, find
from sandbox.population import (
    CLIENT,
    LGSP_REST_PATH,
    LGSP_SOAP_PATH,
    SECRET,
    TOKEN_PATH,
    USERNAME,
    XROAD_PATH,
    Population,
)

ANSWER = "{http://www.mic.gov.vn/dancu/1.0}"
FAULTSTRING = ".//faultstring"


class Clock:
    moment = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


class Caller:
    """Somebody who has read the document, over each of the three ways."""

    def __init__(self, port: int, sand: Population, clock: Clock) -> None:
        self.port, self.sand, self.clock = port, sand, clock
        self.differently: dict[str, str] = {}  # headers, for who has not read it

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("POST", path, body, {**headers, **self.differently})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def token(self, secret: str = SECRET) -> tuple[int, dict[str, Any]]:
        form = urlencode({"grant_type": "client_credentials"}).encode()
        status, body = self.post(TOKEN_PATH, form, {"Authorization": basic(USERNAME, secret)})
        return status, json.loads(body)

    def xroad(self, body: bytes, secret: str = SECRET) -> tuple[int, bytes]:
        stamp = str(int(self.clock.moment.timestamp() * 1000))
        address = f"http://127.0.0.1:{self.port}{XROAD_PATH}"
        password = hashlib.sha256(f"{address}{USERNAME}{stamp}{secret}".encode()).hexdigest()
        headers = {"Authorization": basic(USERNAME, password), "Timestamp": stamp, "X-Road-Client": CLIENT}
        return self.post(XROAD_PATH, body, headers)

    def lgsp_soap(self, body: bytes) -> tuple[int, bytes]:
        held = {"AccessKey": USERNAME, "SecretKey": SECRET, "AppName": "kiosk", "PartnerCode": "", "PartnerCodeCus": ""}
        headers = {"Authorization": f"Bearer {self.token()[1]['access_token']}"}
        headers["lgspaccesstoken"] = base64.b64encode(json.dumps(held).encode()).decode()
        return self.post(LGSP_SOAP_PATH, body, headers)

    def rest(self, **fields: str) -> tuple[int, bytes]:
        asked = {"maYeuCau": "SYN-1", "maDVC": "0.000000", "maCanBo": "canbo01", **fields}
        headers = {"Authorization": f"Bearer {self.token()[1]['access_token']}"}
        return self.post(LGSP_REST_PATH, json.dumps(asked).encode(), headers)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def envelope(number: str, name: str, born: str, kind: str = "SoDinhDanh", extra: str = "") -> bytes:
    date = f"<d:Nam>{born}</d:Nam>" if len(born) == 4 else f"<d:NgayThangNam>{born}</d:NgayThangNam>"
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:d="http://dancuquocgia.bca"><e:Header/>'
        "<e:Body><d:TraCuuThongTinCongDan><d:MaYeuCau>SYN-1</d:MaYeuCau><d:MaDVC>0.000000</d:MaDVC>"
        f"<d:MaTichHop>037</d:MaTichHop><d:MaCanBo>canbo01</d:MaCanBo>{extra}<d:{kind}>{number}</d:{kind}>"
        f"<d:HoVaTen>{name}</d:HoVaTen><d:NgayThangNamSinh>{date}</d:NgayThangNamSinh>"
        "</d:TraCuuThongTinCongDan></e:Body></e:Envelope>"
    ).encode()


def about(key: str) -> bytes:
    person = find(key)
    return envelope(person.personal_id, person.full_name.upper(), person.birth_date.replace("-", ""))


def text_of(body: bytes, path: str) -> str | None:
    found = ElementTree.fromstring(body).find(".//" + "/".join(f"{ANSWER}{step}" for step in path.split("/")))  # noqa: S314
    return None if found is None else found.text or ""


@pytest.fixture
def register() -> Iterator[Caller]:
    clock = Clock()
    sand = Population(everybody(), clock)
    with sand.serving() as (_, port):
        yield Caller(port, sand, clock)


# Whom it finds.


def test_all_three_ways_answer_the_same_person(register: Caller) -> None:
    for status, body in (register.xroad(about("mau")), register.lgsp_soap(about("mau"))):
        assert status == 200
        assert text_of(body, "CongDan/HoVaTen/Ten") == "Trần Thị Mẫu"
        assert text_of(body, "CongDan/NgayThangNamSinh/NgayThangNam") == "20030214"
        assert text_of(body, "CongDan/ThuongTru/MaTinhThanh") == "01"
        assert text_of(body, "CongDan/TonGiao") == "Không"  # for the product to leave
    status, body = register.rest(soDinhDanh="001303900017", hoVaTen="TRẦN THỊ MẪU", ngayThangNam="20030214")
    assert status == 200
    assert json.loads(body)["CongdanCollection"]["CongDan"]["HoVaTen"]["Ten"] == "Trần Thị Mẫu"


@pytest.mark.parametrize(
    ("question", "known"),
    [
        (("001303900017", "TRẦN THỊ MẪU", "20030214"), True),
        (("001303900017", "TRAN THI MAU", "2003-02-14"), True),
        (("001303900017", "TRẦN THỊ MẪU", "2003"), True),
        (("001303900017", "TRẦN THỊ MẬN", "20030214"), False),
        (("001303900017", "TRẦN THỊ MẪU", "20030215"), False),
        (("001303900017", "TRẦN THỊ MẪU", "2004"), False),
        (("001303900099", "TRẦN THỊ MẪU", "20030214"), False),
        (("200000017", "LÊ THỊ VÍ DỤ", "19550920", "SoCMND"), True),
    ],
)
def test_number_name_and_birth_date_must_all_agree(register: Caller, question: tuple[str, ...], known: bool) -> None:
    status, body = register.xroad(envelope(*question))
    assert status == 200
    assert (text_of(body, "CongDan/SoDinhDanh") is not None) == known


def test_what_the_register_holds_may_differ_from_the_card(register: Caller) -> None:
    moved = register.xroad(about("dia-chi-cu"))[1]
    assert text_of(moved, "CongDan/ThuongTru/MaPhuongXa") == "00082"
    assert text_of(moved, "CongDan/ThuongTru/MaQuanHuyen") == ""
    assert text_of(moved, "CongDan/NoiOHienTai/ChiTiet") == "Số 9 Phố Thử"
    assert text_of(register.xroad(about("dat-dau"))[1], "CongDan/HoVaTen/Ten") == "Nguyễn Thị Hoà"
    assert text_of(register.xroad(about("ten-dan-cu"))[1], "CongDan/HoVaTen/Ten") == "Thạch Văn Sở"
    assert text_of(register.xroad(about("bh-chi-nam"))[1], "CongDan/NgayThangNamSinh/Nam") == "1956"
    assert text_of(register.xroad(about("khac-gioi"))[1], "CongDan/GioiTinh") == "2"
    for key in ("khac-dan-cu", "khong-dan-cu"):
        assert text_of(register.xroad(about(key))[1], "CongDan") is None


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (("001303900017", "TRẦN THỊ MẪU", "20030214"), "true"),
        (("001303900017", "TRẦN THỊ MẪU", "20030215"), "false"),
        (("001303900099", "TRẦN THỊ MẪU", "20030214"), "false"),
    ],
)
def test_a_verification_is_answered_with_yes_or_no_and_nothing_else(
    register: Caller, question: tuple[str, ...], told: str
) -> None:
    body = envelope(*question).replace(b"TraCuuThongTinCongDan", b"XacThucThongTinCongDan")
    status, answer = register.xroad(body)
    assert (status, text_of(answer, "KetQuaXacThuc")) == (200, told)
    assert text_of(answer, "CongDan") is None
    register.sand.set_fault("population.not_found", "on")
    assert text_of(register.xroad(body)[1], "KetQuaXacThuc") == "false"


# Whom it lets in.


@pytest.mark.parametrize(
    "wrong",
    [
        {"Authorization": basic(USERNAME, SECRET)},
        {"Authorization": basic("another", SECRET)},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic ?"},
        {"Timestamp": ""},
        {"Timestamp": "1795222800001"},  # not the one that was hashed
        {"X-Road-Client": "VN/GOV/00000/ANOTHER"},
    ],
)
def test_xroad_wants_a_hash_that_fits_the_request(register: Caller, wrong: dict[str, str]) -> None:
    assert register.xroad(about("mau"))[0] == 200
    register.differently = wrong
    assert register.xroad(about("mau"))[0] == 401
    assert register.sand.counts()["refused"] == 1


def test_a_hash_of_another_secret_or_of_long_ago_is_refused(register: Caller) -> None:
    assert register.xroad(about("mau"), secret="another")[0] == 401
    sent = register.clock.moment
    register.clock.moment = sent - timedelta(minutes=6)
    stamp = str(int(register.clock.moment.timestamp() * 1000))
    address = f"http://127.0.0.1:{register.port}{XROAD_PATH}"
    hashed = hashlib.sha256(f"{address}{USERNAME}{stamp}{SECRET}".encode()).hexdigest()
    register.clock.moment = sent
    headers = {"Authorization": basic(USERNAME, hashed), "Timestamp": stamp}
    assert register.post(XROAD_PATH, about("mau"), headers)[0] == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"Authorization": "Bearer another"},
        {"lgspaccesstoken": ""},
        {"lgspaccesstoken": "?"},
        {"lgspaccesstoken": base64.b64encode(b'{"AccessKey": "sandbox-kiosk"}').decode()},
        {"lgspaccesstoken": base64.b64encode(b"[" * 5000).decode()},
    ],
)
def test_an_lgsp_wants_its_token_and_its_pass(register: Caller, wrong: dict[str, str]) -> None:
    register.token()
    assert register.lgsp_soap(about("mau"))[0] == 200
    headers = {"Authorization": f"Bearer {register.token()[1]['access_token']}", **wrong}
    assert register.post(LGSP_SOAP_PATH, about("mau"), headers)[0] == 401


def test_a_token_is_for_the_right_account_and_ends(register: Caller) -> None:
    assert register.token("another") == (401, {"error": "invalid_client"})
    status, told = register.token()
    assert (status, told["token_type"], told["expires_in"]) == (200, "Bearer", 3600)
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    asked = {"maYeuCau": "1", "maDVC": "0", "maCanBo": "c", "soDinhDanh": "0", "hoVaTen": "A", "ngayThangNam": "2000"}
    body = json.dumps(asked).encode()
    assert register.post(LGSP_REST_PATH, body, headers) == (200, b'{"CongdanCollection": null}')
    register.clock.moment += timedelta(hours=2)
    assert register.post(LGSP_REST_PATH, body, headers)[0] == 401


# What it does not understand.


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not XML"),
        (b"<a>", "not XML"),
        (b"<a/>", "no operation"),
        (envelope("1", "A", "2000").replace(b"TraCuuThongTinCongDan", b"AnotherOperation"), "no such operation"),
        (envelope("1", "A", "2000").replace(b"dancuquocgia.bca", b"another.bca"), "no such operation"),
        (envelope("1", "A", "2000", "SoNha"), "no such element"),
        (envelope("1", "", "2000"), "HoVaTen is missing"),
        (envelope("1", "A" * 101, "2000"), "HoVaTen is too long"),
        (envelope("", "A", "2000"), "a number and a birth date are needed"),
        (envelope("1", "A", "2000", extra="<d:MaDVC>1</d:MaDVC>"), "MaDVC is out of order"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + envelope("1", "A", "2000"), "a document type is not taken"),
    ],
)
def test_a_question_it_cannot_read_is_the_clients_fault(register: Caller, body: bytes, why: str) -> None:
    status, answer = register.xroad(body)
    assert status == 500
    fault = ElementTree.fromstring(answer)  # noqa: S314
    assert (fault.findtext(".//faultcode"), fault.findtext(FAULTSTRING)) == ("soap:Client", why)


@pytest.mark.parametrize("fields", [{}, {"hoVaTen": "A"}, {"another": "1"}, {"soDinhDanh": "1", "hoVaTen": "A"}])
def test_rest_wants_the_same(register: Caller, fields: dict[str, str]) -> None:
    assert register.rest(**fields)[0] == 400


# How it breaks.


@pytest.mark.parametrize(
    ("fault", "value", "status", "holds"),
    [
        ("population.401", "on", 401, b""),
        ("population.bad_account", "on", 401, b""),
        ("population.500", "on", 500, b"<!DOCTYPE html"),
        ("population.html", "on", 200, b"<!DOCTYPE html"),
        ("population.maintenance", "on", 503, b"<!DOCTYPE html"),
        ("population.fault", "on", 500, b"<faultcode>soap:Server"),
        ("population.fault", "client", 500, b"<faultcode>soap:Client"),
        ("population.not_found", "on", 200, b"<CongdanCollection></CongdanCollection>"),
        ("population.mismatch", "on", 200, "<Ten>Ngô Thị Lạc</Ten>".encode()),
        ("population.bomb", "on", 200, b'<!ENTITY g "&f;&f;'),
        ("population.bomb", "external", 200, b'<!ENTITY g SYSTEM "file:'),
        ("population.empty", "on", 200, b""),
    ],
)
def test_each_fault_has_its_effect_and_is_mended(
    register: Caller, fault: str, value: str, status: int, holds: bytes
) -> None:
    register.sand.set_fault(fault, value)
    got, body = register.xroad(about("mau"))
    assert got == status
    assert holds in body
    register.sand.set_fault(fault, None)
    assert register.xroad(about("mau"))[0] == 200


def test_half_an_answer_is_not_xml_any_more(register: Caller) -> None:
    register.sand.set_fault("population.half", "on")
    with pytest.raises(ElementTree.ParseError):
        text_of(register.xroad(about("mau"))[1], "CongDan")


def test_tokens_that_were_given_can_be_refused(register: Caller) -> None:
    register.sand.set_fault("population.token_expired", "always")
    assert register.rest(soDinhDanh="001303900017", hoVaTen="TRẦN THỊ MẪU", ngayThangNam="20030214")[0] == 401
    register.sand.set_fault("population.token_expired", None)
    assert register.rest(soDinhDanh="001303900017", hoVaTen="TRẦN THỊ MẪU", ngayThangNam="20030214")[0] == 200


def test_the_secret_is_in_no_answer(register: Caller) -> None:
    for body in (
        register.xroad(about("mau"))[1],
        register.xroad(about("mau"), secret="x")[1],
        register.xroad(b"<a")[1],
    ):
        assert SECRET.encode() not in body
