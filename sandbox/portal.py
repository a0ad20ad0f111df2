"""The pretend insurance portal: token, card look-up and check-in submission as documented (services.md 1.2 to 1.6).

Faults go by name. Answers every documented result code for its synthetic persons. Must not import the product's own
portal client: the two are written against the same document, not against each other.
"""

import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from sandbox.errors import UnknownFault
from sandbox.faults import ON, Check, Takes, one_of, seconds, switch
from sandbox.person import Person
from sandbox.portal_answer import (
    OFFICERS,
    answer,
    child_without_number,
    difference,
    found,
    officer_problem,
    usable_date,
)
from sandbox.portal_checkin import PATHS, CheckIns
from sandbox.portal_tls import WRONG, Certificates
from sandbox.trouble import COMMON, HTML, LOGIN_PAGE, Troubled, as_number, json_answer, number, respelt
from sandbox.web import Spoilt, Tls
from wire.server import Request, Response, Routes

TOKEN_PATH = "/api/token/take"  # noqa: S105  # a path
LOOKUP_PATH = "/api/egw/KQNhanLichSuKCB2024"
TOKEN_MINUTES = 30
MAX_TOKENS = 64
ASKED = ("maThe", "hoTen", "ngaySinh", "hoTenCb", "cccdCb")

DOCUMENTED_CODES = (
    *("000", "001", "002", "003", "004", "010", "050", "051", "052", "053", "054", "055", "060", "061", "070"),
    *("080", "090", "100", "101", "110", "120", "121", "122", "123", "124", "130", "205", "401", "500"),
)

_PERSON_CODES = re.compile(r"[a-z0-9-]+=[0-9a-z]{1,8}(,[a-z0-9-]+=[0-9a-z]{1,8})*")

OWN: Mapping[str, Check] = {  # besides the troubles that any system has
    "slow_token": seconds,  # the token alone takes so long
    "slow_lookup": seconds,  # each look-up alone takes so long
    "address": one_of("403", "reset"),  # this facility's public address is not registered (services.md 1.1)
    "bad_account": switch,  # no token for this account
    "forbidden": one_of("403", "401"),  # the account may log in and not ask
    "token_expired": one_of("once", "always"),  # tokens given so far, or all, are refused
    "token_lasts": number(1000),  # a token is refused after so many look-ups
    "code": Takes("a result code", lambda value: re.fullmatch(r"[0-9a-z]{1,8}", value) is not None),  # for everybody
    "person_code": Takes("mau=060,thu=010", lambda value: _PERSON_CODES.fullmatch(value) is not None),
    "wrong_case": switch,  # keys in capitals
    "numbers": switch,  # numbers where text is documented
    # Of a check-in that is submitted: error text beside 200, no receipt number, refused content, its own error.
    "checkin": one_of("error_text", "no_receipt", "refused", "server_error", "403"),
    "slow_checkin": seconds,
    "tls": one_of(*WRONG),  # the certificate of the https port
}
FAULTS: Mapping[str, Check] = {f"portal.{name}": check for name, check in {**COMMON, **OWN}.items()}


@dataclass
class _Token:
    """A token given: what must come with it, until when it holds, how often it was used."""

    identity: str
    account: tuple[str, str]
    ends: datetime
    uses: int = 0


class Portal(Troubled):
    """The portal for these persons. `clock` gives the moment (aware) from which tokens live and cards are counted."""

    def __init__(
        self,
        people: Sequence[Person],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        officers: Mapping[str, str] = OFFICERS,
    ) -> None:
        super().__init__("portal", OWN)
        self._people = people
        self._clock = clock
        self._officers = officers
        self._lock = threading.Lock()
        self._tokens: dict[str, _Token] = {}
        self._counts = {"tokens": 0, "lookups": 0}
        self.check_ins = CheckIns(clock)

    def set_fault(self, name: str, value: object) -> None:
        """Switch a fault of FAULTS on or off. Raises sandbox.errors.UnknownFault."""
        if name == "portal.person_code" and not _codes(str(value or "")).keys() <= {one.key for one in self._people}:
            raise UnknownFault(name=name)
        super().set_fault(name, value)
        if self._fault(name.removeprefix("portal.")) and name in ("portal.token_expired", "portal.bad_account"):
            with self._lock:
                self._tokens.clear()

    def counts(self) -> dict[str, int]:
        """How many tokens were given and look-ups answered."""
        with self._lock:
            return dict(self._counts)

    def certificate(self, certificates: Certificates) -> Tls:
        """What the https port shows each connection: the good certificate, or the wrong one of `portal.tls`."""
        return lambda: certificates.context(self._fault("tls"))

    def routes(self) -> Routes:
        """The calls."""
        submissions = {("POST", path): self._check_in for path in PATHS}
        return {("POST", TOKEN_PATH): self._token, ("POST", LOOKUP_PATH): self._lookup, **submissions}

    def _token(self, request: Request) -> Response:
        if instead := self._refused_line() or self._instead():
            return instead
        self._wait("slow_token")
        account = _account(request.body)
        known = bool(account[0]) and re.fullmatch(r"[0-9A-F]{32}", account[1])
        if not known or self._fault("bad_account"):
            return json_answer({"maKetQua": "401", "APIKey": None})
        access, identity = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        ends = self._clock().astimezone(UTC) + timedelta(minutes=TOKEN_MINUTES)
        with self._lock:
            self._tokens[access] = _Token(identity, account, ends)
            while len(self._tokens) > MAX_TOKENS:
                self._tokens.pop(next(iter(self._tokens)))
            self._counts["tokens"] += 1
        key = {
            "access_token": access,
            "id_token": identity,
            "token_type": "bearer",
            "username": account[0],
            "expires_in": ends.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        return json_answer({"maKetQua": "200", "APIKey": key})

    def _lookup(self, request: Request) -> Response:
        if instead := self._refused_line() or self._instead():
            return instead
        self._wait("slow_lookup")
        with self._lock:
            self._counts["lookups"] += 1
        if status := self._fault("forbidden"):
            return Response(401 if status == "401" else 403, b"", "text/plain")
        if not self._let_in(request.query) or self._fault("token_expired") == "always":
            return json_answer({"maKetQua": "401", "ghiChu": "Token không hợp lệ"})
        return self._on_the_way(self._spelt(self._answered(request.body)))

    def _check_in(self, request: Request) -> Response:
        if instead := self._refused_line() or self._instead():
            return instead
        self._wait("slow_checkin")
        told = request.headers
        proofs = {"token": "accesstoken", "id_token": "tokenid", "password": "passwordhash"}
        proof = {name: told.get(header, "") for name, header in proofs.items()}
        proof["username"] = _account(request.body)[0]
        if not self._let_in(proof) or self._fault("token_expired") == "always":
            return json_answer(self.check_ins.answer("401", text="Token không hợp lệ"))
        match self._fault("checkin"):
            case "403":
                return json_answer(self.check_ins.answer("403", text="Không có quyền"))
            case "refused":
                return json_answer(self.check_ins.answer("202", text="Sai nội dung"))
            case "server_error":
                return json_answer(self.check_ins.answer("500", text="Lỗi hệ thống"))
            case "no_receipt":
                return json_answer(self.check_ins.answer("200", text="Thành công"))
            case None:
                answered = self.check_ins.submitted(request, proof["username"])
                return self._on_the_way(self._spelt(answered))
            case _:
                return json_answer(self.check_ins.answer("200", "GD-SANDBOX-X", "Lỗi: gửi không thành công"))

    def _refused_line(self) -> Response | None:
        """What an address that is not registered gets: the document says only that it is refused."""
        told = self._fault("address")
        if told == "reset":
            return Spoilt(status=200, length=1, reset=True)
        return Response(403, LOGIN_PAGE, HTML) if told else None

    def _let_in(self, query: Mapping[str, str]) -> bool:
        """Are token, id_token, account and password those that belong together, and still good?"""
        lasts = self._fault("token_lasts")
        with self._lock:
            token = self._tokens.get(query.get("token", ""))
            if token is None:
                return False
            if lasts is not None and token.uses >= (1 if lasts == ON else int(lasts)):
                return False
            told = (query.get("username", ""), query.get("password", ""))
            good = query.get("id_token") == token.identity and told == token.account and self._clock() < token.ends
            token.uses += good
            return good

    def _answered(self, body: bytes) -> dict[str, Any]:
        try:
            form = json.loads(body)
            asked = {name: form[name] for name in ASKED}
        except (ValueError, KeyError, TypeError, RecursionError):
            return answer("205")
        if not all(isinstance(value, str) for value in asked.values()):
            return answer("205")
        if not usable_date(asked["ngaySinh"]) or not asked["hoTen"].strip():
            return answer("205")
        if problem := officer_problem(asked["hoTenCb"], asked["cccdCb"], self._officers):
            return answer(problem)
        today = self._clock().date()
        if child_without_number(asked, today):
            return answer("130")
        if not asked["maThe"]:
            return answer("205")
        told = self._fault("code")
        person = found(asked["maThe"], self._people)
        if isinstance(person, str):
            return answer(told or person)
        told = told or _codes(self._fault("person_code") or "").get(person.key)
        return answer(told or difference(person, asked) or person.insurance.result_code, person, today)

    def _spelt(self, told: dict[str, Any]) -> Response:
        key = str.upper if self._fault("wrong_case") else str
        text = as_number if self._fault("numbers") else str
        return json_answer(respelt(told, key, text))


def _account(body: bytes) -> tuple[str, str]:
    """Name and password hash, form-encoded or (also seen to work) as JSON."""
    text = body.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            return "", ""
        return str(told.get("username", "")), str(told.get("password", ""))
    form = parse_qs(text)
    return form.get("username", [""])[0], form.get("password", [""])[0]


def _codes(value: str) -> dict[str, str]:
    """`mau=060,thu=010` as key to code."""
    pairs = (pair.split("=", 1) for pair in value.split(",") if "=" in pair)
    return {key.strip(): code.strip() for key, code in pairs}
