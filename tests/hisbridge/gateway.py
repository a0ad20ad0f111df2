"""A register behind its gateways, for the tests: it lets in by the rules of services.md 4.3, worked out on its own."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import msgspec

from config.settings import PopulationSettings, load
from hisbridge.http import poster
from hisbridge.lookups.contract import PopulationLookup
from hisbridge.lookups.population import population
from hisbridge.lookups.population_access import MAX_ANSWER
from hisbridge.questions import CitizenQuestion
from hisbridge.site_time import SiteTime
from wire.server import Request, Response, json_response, serving

SOAP_ONES = ("soap_xroad", "soap_lgsp")
ALL = (*SOAP_ONES, "rest_lgsp")
USER = "donvi-mau"
SECRET = "khoá bí mật thử"
CLIENT = "VN/GOV/000.00.00.H00/tiepdon"
ASK = "{http://dancuquocgia.bca}"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
ORDER = ["MaYeuCau", "MaDVC", "MaTichHop", "MaCanBo", "MaDonVi", "TaiKhoan", "SoDienThoai"]
ORDER += ["SoDinhDanh", "SoCMND", "HoVaTen", "NgayThangNamSinh"]

PERSON = """<n:CongDan><n:SoDinhDanh>001303900017</n:SoDinhDanh><n:SoCMND>012345678</n:SoCMND>
  <n:HoVaTen><n:Ho>NGUYỄN</n:Ho><n:ChuDem>THỊ HOÀI</n:ChuDem><n:Ten>THỬ</n:Ten></n:HoVaTen>
  <n:GioiTinh>2</n:GioiTinh><n:DanToc>01</n:DanToc><n:TonGiao>TON-GIAO-MAT</n:TonGiao>
  <n:TinhTrangHonNhan>HON-NHAN-MAT</n:TinhTrangHonNhan><n:NhomMau>NHOM-MAU-MAT</n:NhomMau>
  <n:NgayThangNamSinh><n:NgayThangNam>20030214</n:NgayThangNam></n:NgayThangNamSinh>
  <n:QueQuan><n:MaTinhThanh>01</n:MaTinhThanh><n:MaPhuongXa>00004</n:MaPhuongXa><n:QuocGia>VN</n:QuocGia></n:QueQuan>
  <n:ThuongTru><n:MaTinhThanh>01</n:MaTinhThanh><n:MaQuanHuyen/><n:MaPhuongXa>00070</n:MaPhuongXa>
    <n:ChiTiet>Số 1 Đường Mẫu</n:ChiTiet><n:QuocGia>VN</n:QuocGia></n:ThuongTru>
  <n:NoiOHienTai/><n:QuocTich>VN</n:QuocTich>
  <n:Cha><n:HoVaTen><n:Ten>CHA-MAT</n:Ten></n:HoVaTen><n:SoDinhDanh>001055900099</n:SoDinhDanh></n:Cha>
  <n:Me><n:HoVaTen><n:Ten>ME-MAT</n:Ten></n:HoVaTen></n:Me><n:VoChong><n:HoVaTen>VO-CHONG-MAT</n:HoVaTen></n:VoChong>
  <n:ChuHo><n:HoVaTen><n:Ten>CHU-HO-MAT</n:Ten></n:HoVaTen><n:QuanHe>01</n:QuanHe></n:ChuHo>
  <n:SoSoHoKhau>SO-HO-KHAU-MAT</n:SoSoHoKhau></n:CongDan>"""

SECRETS_OF_A_PERSON = ("MAT", "001055900099")


def enveloped(people: str, fault: str = "") -> bytes:
    inner = fault or (
        '<n:TraCuuThongTinCongDanResponse xmlns:n="http://www.mic.gov.vn/dancu/1.0">'
        f"<n:CongdanCollection>{people}</n:CongdanCollection></n:TraCuuThongTinCongDanResponse>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<S:Header/><S:Body>{inner}</S:Body></S:Envelope>"
    ).encode()


def fault(code: str, text: str = "") -> bytes:
    return enveloped("", f"<S:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring></S:Fault>")


def as_json(people: str) -> dict[str, Any]:
    """The XML persons as a gateway turns them into JSON: names kept, one person not in a list."""

    def plain(node: ElementTree.Element) -> Any:
        return {child.tag: plain(child) for child in node} if len(node) else (node.text or "")

    tree = ElementTree.fromstring(f"<all>{people.replace('n:', '')}</all>")  # noqa: S314  # ours
    found = [plain(child) for child in tree]
    return {"CongdanCollection": {"CongDan": found[0] if len(found) == 1 else found}}


class Gateway:
    """Answers only who is let in; `refused` says why somebody was not."""

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.port = 0
        self.people = PERSON
        self.answer: Callable[[Request], Response] | None = None
        self.asked: list[dict[str, str]] = []
        self.refused: list[str] = []
        self.tokens = 0
        self.action, self.operation = '""', "TraCuuThongTinCongDan"
        self.headers: list[Mapping[str, str]] = []
        self.expires: object = 3600
        self.at_token: Callable[[], Response | None] = lambda: None
        self._hashes: set[str] = set()
        self._lock = threading.Lock()

    def token(self, request: Request) -> Response:
        with self._lock:
            self.tokens += 1
            number = self.tokens
        if told := self.at_token():
            return told
        expected = "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
        form = parse_qs(request.body.decode())
        if request.headers.get("authorization") != expected or form != {"grant_type": ["client_credentials"]}:
            return json_response({"error": "invalid_client"}, 401)
        return json_response({"access_token": f"T{number}", "token_type": "Bearer", "expires_in": self.expires})

    def register(self, request: Request) -> Response:
        self.headers.append(request.headers)
        why = self._x_road(request) if self.transport == "soap_xroad" else self._lgsp(request)
        if why:
            self.refused.append(why)
            return Response(401, b"no", "text/plain")
        fields = self._json(request) if self.transport == "rest_lgsp" else self._soap(request)
        self.asked.append(fields)
        if self.answer:
            return self.answer(request)
        if self.transport == "rest_lgsp":
            return json_response(as_json(self.people))
        return Response(200, enveloped(self.people), "text/xml; charset=utf-8")

    def _x_road(self, request: Request) -> str:
        kind, _, told = request.headers.get("authorization", "").partition(" ")
        user, _, hashed = base64.b64decode(told).decode().partition(":")
        stamp = request.headers.get("timestamp", "")
        url = f"http://127.0.0.1:{self.port}/register"
        right = hashlib.sha256((url + USER + stamp + SECRET).encode()).hexdigest()
        if kind != "Basic" or user != USER or hashed != right:
            return "hash"
        if abs(time.time() * 1000 - int(stamp)) > 60_000:
            return "time"
        return "" if request.headers.get("x-road-client") == CLIENT else "client"

    def _lgsp(self, request: Request) -> str:
        if request.headers.get("authorization") != f"Bearer T{self.tokens}":
            return "token"
        told = request.headers.get("lgspaccesstoken")
        if self.transport == "rest_lgsp":
            return "" if told is None else "pass"
        expected = {"AccessKey": USER, "SecretKey": SECRET, "AppName": CLIENT}
        return "" if told and json.loads(base64.b64decode(told)) == expected else "pass"

    def _soap(self, request: Request) -> dict[str, str]:
        assert request.headers["content-type"] == "text/xml; charset=utf-8"
        assert request.headers["soapaction"] == self.action
        root = ElementTree.fromstring(request.body)  # noqa: S314  # what our own side sent
        assert [child.tag for child in root] == [f"{SOAP}Header", f"{SOAP}Body"]
        asked = root.findall(f"{SOAP}Body/*")
        assert [child.tag for child in asked] == [f"{ASK}{self.operation}"]
        names = [child.tag.removeprefix(ASK) for child in asked[0]]
        assert names == [name for name in ORDER if name in names], "order of services.md 4.3"
        told = {name: child.text or "" for name, child in zip(names, asked[0], strict=True)}
        (born,) = asked[0][-1]
        return {**told, "NgayThangNamSinh": f"{born.tag.removeprefix(ASK)}={born.text}"}

    def _json(self, request: Request) -> dict[str, str]:
        assert request.headers["content-type"].startswith("application/json")
        told: dict[str, str] = json.loads(request.body)
        return told


@contextmanager
def gateway(folder: Path, transport: str, **differences: Any) -> Iterator[tuple[Gateway, PopulationLookup]]:
    """A gateway of that transport and the look-up that is set up for it."""
    made = Gateway(transport)
    routes = {("POST", "/token"): made.token, ("POST", "/register"): made.register}
    with serving(("127.0.0.1", 0), routes) as address:
        assert isinstance(address, tuple)
        made.port = address[1]
        yield made, lookup(population_settings(folder, made.port, transport, **differences))


def lookup(settings: PopulationSettings) -> PopulationLookup:
    return population(settings, poster(MAX_ANSWER), SiteTime(420))


def population_settings(folder: Path, port: int, transport: str, **differences: Any) -> PopulationSettings:
    secret = folder / "population-secret"
    secret.write_text(SECRET + "\n", "utf-8")
    usual: dict[str, Any] = {
        "transport": transport,
        "base_url": f"http://127.0.0.1:{port}",
        "path": "/register",
        "token_path": "/token",
        "username": USER,
        "password_file": str(secret),
        "client": CLIENT,
        "officer": "canbo01",
        "agency_code": "000.00.00.H00",
        "procedure_code": "0.000000",
        "timeout_seconds": 5.0,
    }
    return msgspec.structs.replace(load().population, **{**usual, **differences})


def asking(**differences: Any) -> CitizenQuestion:
    usual: dict[str, Any] = {
        "personal_id": "001303900017",
        "full_name": "Nguyễn Thị Hoài Thử",
        "birth_date": "2003-02-14",
        "sex": "female",
    }
    return CitizenQuestion(**{**usual, **differences})


class Standing:
    """The gateways that stand for a whole file; each is as good as new when asked for by its transport."""

    def __init__(self, served: dict[str, tuple[Gateway, PopulationLookup]]) -> None:
        self._served = served

    def __call__(self, transport: str) -> tuple[Gateway, PopulationLookup]:
        server, register = self._served[transport]
        server.people, server.answer = PERSON, None
        server.asked.clear()
        server.refused.clear()
        return server, register


@contextmanager
def standing_gateways(folder: Path) -> Iterator[Standing]:
    with ExitStack() as stack:
        yield Standing({name: stack.enter_context(gateway(folder, name)) for name in ALL})
