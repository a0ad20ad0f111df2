"""The pretend population database: SOAP over X-Road, SOAP and REST over an LGSP (services.md 4), faults by name.

Who asks is let in by this file's own reading of the document; the product's adapters are never imported.
"""

import base64
import hashlib
import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from sandbox import population_soap as soap
from sandbox.faults import Check, one_of, switch
from sandbox.person import Person
from sandbox.population_register import Sought, by_number, entry, look_up
from sandbox.trouble import COMMON, Troubled, json_answer
from wire.server import Request, Response, Routes

USERNAME = "sandbox-kiosk"
SECRET = "sandbox"  # noqa: S105  # of the pretend service; it guards nothing
CLIENT = "VN/GOV/99999/KIOSK"
XROAD_PATH = "/xroad/dancu"
LGSP_SOAP_PATH = "/lgsp/dancu/soap"
LGSP_REST_PATH = "/lgsp/dancu/rest"
LGSP_REST_VERIFY_PATH = "/lgsp/dancu/rest/xacthuc"
TOKEN_PATH = "/token"  # noqa: S105  # a path
TOKEN_SECONDS = 3600
MAX_TOKENS = 64
CLOCK_SKEW = timedelta(minutes=5)

OWN: Mapping[str, Check] = {
    "bad_account": switch,  # no token, no request of this account
    "token_expired": one_of("once", "always"),  # tokens given so far, or all, are refused
    "401": switch,  # refused, whoever asks
    "fault": one_of("server", "client"),  # a SOAP fault
    "not_found": switch,  # nobody is known
    "mismatch": switch,  # the number finds somebody of another name and birth date
    "bomb": one_of("entities", "external"),  # hostile XML
}
FAULTS: Mapping[str, Check] = {f"population.{name}": check for name, check in {**COMMON, **OWN}.items()}

# REST over LGSP (services.md 4.3, variant c), by the name of the same element.
REST_FIELDS = {
    **{"maYeuCau": "MaYeuCau", "maDVC": "MaDVC", "maTichHop": "MaTichHop", "maCanBo": "MaCanBo"},
    **{"maDonVi": "MaDonVi", "soDinhDanh": "SoDinhDanh", "soCMND": "SoCMND", "hoVaTen": "HoVaTen"},
    **{"ngayThangNam": "NgayThangNamSinh", "taiKhoan": "TaiKhoan", "soDienThoai": "SoDienThoai"},
}
REST_NEEDED = ("MaYeuCau", "MaDVC", "MaCanBo", "HoVaTen")


class Population(Troubled):
    """The register of these persons. `clock` gives the moment (aware) against which timestamps and tokens count."""

    def __init__(self, people: Sequence[Person], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__("population", OWN)
        self._people = people
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, datetime] = {}
        self._counts = {"tokens": 0, "lookups": 0, "refused": 0}

    def set_fault(self, name: str, value: object) -> None:
        """Switch a fault of FAULTS on or off. Raises sandbox.errors.UnknownFault."""
        super().set_fault(name, value)
        if self._fault(name.removeprefix("population.")) and name in (
            "population.token_expired",
            "population.bad_account",
        ):
            with self._lock:
                self._tokens.clear()

    def counts(self) -> dict[str, int]:
        """How many tokens were given, look-ups answered, and callers refused."""
        with self._lock:
            return dict(self._counts)

    def routes(self) -> Routes:
        """Three ways to ask, and where an LGSP gives its token."""
        return {
            ("POST", XROAD_PATH): self._by_xroad,
            ("POST", LGSP_SOAP_PATH): self._by_lgsp_soap,
            ("POST", LGSP_REST_PATH): self._by_lgsp_rest,
            ("POST", LGSP_REST_VERIFY_PATH): self._by_lgsp_rest,
            ("POST", TOKEN_PATH): self._token,
        }

    def _by_xroad(self, request: Request) -> Response:
        return self._soap(request, self._signed(request))

    def _by_lgsp_soap(self, request: Request) -> Response:
        return self._soap(request, self._bears_token(request) and _has_pass(request))

    def _by_lgsp_rest(self, request: Request) -> Response:
        if refusal := self._refusal(self._bears_token(request)):
            return refusal
        try:
            told = json.loads(request.body)
            found = {REST_FIELDS[name]: str(value).strip() for name, value in told.items() if value}
            sought = soap.read_fields(found, REST_NEEDED)
        except (ValueError, KeyError, AttributeError, RecursionError, soap.Unreadable):
            return json_answer({"message": "Bad request"}, 400)
        if self._fault("fault"):
            return json_answer({"message": "Internal error"}, 500)
        if request.path == LGSP_REST_VERIFY_PATH:
            return self._on_the_way(json_answer({"ketQuaXacThuc": self._there(sought)}))
        held = self._held(sought)
        return self._on_the_way(json_answer({"CongdanCollection": {"CongDan": held} if held else None}))

    def _soap(self, request: Request, let_in: bool) -> Response:
        if refusal := self._refusal(let_in):
            return refusal
        try:
            operation, sought = soap.question(request.body)
        except soap.Unreadable as error:
            return Response(500, soap.fault("Client", str(error)), soap.CONTENT_TYPE)
        if who := self._fault("fault"):
            return Response(500, soap.fault("Client" if who == "client" else "Server", "Lỗi"), soap.CONTENT_TYPE)
        if operation == soap.VERIFICATION:
            return self._on_the_way(Response(200, soap.verified(self._there(sought)), soap.CONTENT_TYPE))
        held = self._held(sought)
        if bomb := self._fault("bomb"):
            prolog = soap.EXTERNAL if bomb == "external" else soap.ENTITIES
            return Response(200, soap.answer(held, prolog, "<TonGiao>&g;</TonGiao>"), soap.CONTENT_TYPE)
        return self._on_the_way(Response(200, soap.answer(held), soap.CONTENT_TYPE))

    def _there(self, sought: Sought) -> bool:
        """Whether number, name and birth date are those of one person of the register."""
        with self._lock:
            self._counts["lookups"] += 1
        wrong = self._fault("not_found") or self._fault("mismatch")
        return wrong is None and look_up(sought, self._people) is not None

    def _held(self, sought: Sought) -> dict[str, Any] | None:
        with self._lock:
            self._counts["lookups"] += 1
        if self._fault("not_found"):
            return None
        if self._fault("mismatch"):
            person = by_number(sought, self._people)
            return entry(person, mistaken=True) if person else None
        person = look_up(sought, self._people)
        return entry(person) if person else None

    def _refusal(self, let_in: bool) -> Response | None:
        if instead := self._instead():
            return instead
        if let_in and not self._fault("401") and not self._fault("bad_account"):
            return None
        with self._lock:
            self._counts["refused"] += 1
        return Response(401, b"", "text/plain", {"WWW-Authenticate": "Bearer"})

    def _token(self, request: Request) -> Response:
        if instead := self._instead():
            return instead
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        account = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        if form.get("grant_type") != "client_credentials" or account != (USERNAME, SECRET):
            return json_answer({"error": "invalid_client"}, 401)
        if self._fault("bad_account"):
            return json_answer({"error": "invalid_client"}, 401)
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = self._clock() + timedelta(seconds=TOKEN_SECONDS)
            while len(self._tokens) > MAX_TOKENS:
                self._tokens.pop(next(iter(self._tokens)))
            self._counts["tokens"] += 1
        return json_answer({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS})

    def _bears_token(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._fault("token_expired") == "always":
            return False
        with self._lock:
            ends = self._tokens.get(token)
        return ends is not None and self._clock() < ends

    def _signed(self, request: Request) -> bool:
        """HTTP Basic whose password is SHA-256 of address, user, millisecond timestamp and secret (variant a)."""
        account, stamp = _basic(request), request.headers.get("timestamp", "")
        if account is None or account[0] != USERNAME or not re.fullmatch(r"[0-9]{13}", stamp):
            return False
        sent = datetime.fromtimestamp(int(stamp) / 1000, UTC)
        address = f"http://{request.headers.get('host', '')}{request.path}"
        wanted = hashlib.sha256(f"{address}{USERNAME}{stamp}{SECRET}".encode()).hexdigest()
        client = request.headers.get("x-road-client", CLIENT)  # optional, but not somebody else's
        return abs(self._clock() - sent) <= CLOCK_SKEW and account[1] == wanted and client == CLIENT


def _has_pass(request: Request) -> bool:
    """`lgspaccesstoken`: base64 of a JSON with the account's keys (variant b); AuthHash is not documented further."""
    try:
        told = json.loads(base64.b64decode(request.headers.get("lgspaccesstoken", ""), validate=True))
    except (ValueError, RecursionError):
        return False
    if not isinstance(told, dict):
        return False
    return (told.get("AccessKey"), told.get("SecretKey")) == (USERNAME, SECRET) and bool(told.get("AppName"))


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, coded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return user, password
