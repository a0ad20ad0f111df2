"""The pretend insurance portal: token and card look-up as documented (services.md 1.2 to 1.4), faults by name.

Answers every documented result code for its synthetic persons. Must not import the product's own portal client: the
two are written against the same document, not against each other.
"""

import json
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from sandbox.faults import Faults, one_of, seconds, switch
from sandbox.people import Insurance, Person
from wire.server import Request, Response, Routes, json_response, serving

TOKEN_PATH = "/api/token/take"  # noqa: S105  # a path
LOOKUP_PATH = "/api/egw/KQNhanLichSuKCB2024"
TOKEN_MINUTES = 30
SLOW_SECONDS = 30.0
MAX_TOKENS = 64

DOCUMENTED_CODES = (
    *("000", "001", "002", "003", "004", "010", "050", "051", "052", "053", "054", "055", "060", "061", "070"),
    *("080", "090", "100", "101", "110", "120", "121", "122", "123", "124", "130", "205", "401", "500"),
)
WITH_CARD = ("000", "003", "004", "010")  # codes whose answer describes a card

FAULTS: Mapping[str, Callable[[str], bool]] = {
    "portal.down": switch,  # nobody listens
    "portal.slow": seconds,  # answers after so many seconds
    "portal.html": switch,  # a login page instead of JSON
    "portal.500": switch,  # HTTP 500
    "portal.bad_account": switch,  # no token for this account
    "portal.token_expired": one_of("once", "always"),  # tokens given so far, or all, are refused
    "portal.code": lambda value: re.fullmatch(r"[0-9a-z]{1,8}", value) is not None,  # this result code for everybody
}

_HTML = b"<!DOCTYPE html><html><head><title>Login</title></head><body>Please log in.</body></html>"


class Portal:
    """The portal for these persons. `clock` gives the moment (aware) from which tokens live."""

    def __init__(self, people: Sequence[Person], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._people = people
        self._clock = clock
        self._faults = Faults(FAULTS)
        self._lock = threading.Lock()
        self._tokens: dict[str, str] = {}
        self._counts = {"tokens": 0, "lookups": 0}
        self._listening: _Switchboard | None = None

    def set_fault(self, name: str, value: object) -> None:
        """Switch a fault of FAULTS on or off. Raises sandbox.errors.UnknownFault."""
        self._faults.set(name, value)
        if name == "portal.token_expired" and self._faults.get(name):
            with self._lock:
                self._tokens.clear()
        if self._listening is not None:
            self._listening.follow(down=self._faults.get("portal.down") is not None)

    def faults(self) -> dict[str, str | None]:
        """Every fault with its value, None when off."""
        return self._faults.now()

    def counts(self) -> dict[str, int]:
        """How many tokens were given and look-ups answered."""
        with self._lock:
            return dict(self._counts)

    def routes(self) -> Routes:
        """The two calls."""
        return {("POST", TOKEN_PATH): self._token, ("POST", LOOKUP_PATH): self._lookup}

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[tuple[str, int]]:
        """Listen on loopback while the context lasts; yields the address (with the real port where 0 was asked)."""
        switchboard = _Switchboard(self.routes(), port)
        self._listening = switchboard
        switchboard.follow(down=self._faults.get("portal.down") is not None)
        try:
            yield "127.0.0.1", switchboard.port
        finally:
            self._listening = None
            self._faults.clear()
            switchboard.follow(down=True)

    def _token(self, request: Request) -> Response:
        if broken := self._broken():
            return broken
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        password = form.get("password", "")
        known = bool(form.get("username")) and re.fullmatch(r"[0-9A-F]{32}", password)
        if not known or self._faults.get("portal.bad_account"):
            return json_response({"maKetQua": "401", "APIKey": None})
        access, identity = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[access] = identity
            while len(self._tokens) > MAX_TOKENS:
                self._tokens.pop(next(iter(self._tokens)))
            self._counts["tokens"] += 1
        expires = (self._clock().astimezone(UTC) + timedelta(minutes=TOKEN_MINUTES)).isoformat(timespec="seconds")
        key = {
            "access_token": access,
            "id_token": identity,
            "token_type": "bearer",
            "username": form["username"],
            "expires_in": expires.replace("+00:00", "Z"),
        }
        return json_response({"maKetQua": "200", "APIKey": key})

    def _lookup(self, request: Request) -> Response:
        if broken := self._broken():
            return broken
        query = request.query
        with self._lock:
            self._counts["lookups"] += 1
            known = self._tokens.get(query.get("token", "")) == query.get("id_token", "") != ""
        if not known or self._faults.get("portal.token_expired") == "always":
            return json_response({"maKetQua": "401", "ghiChu": "Token không hợp lệ"})
        try:
            form = json.loads(request.body)
            asked = {name: str(form[name]) for name in ("maThe", "hoTen", "ngaySinh", "hoTenCb", "cccdCb")}
        except (ValueError, KeyError, TypeError):
            return json_response(_answer("205"))
        return json_response(self._answered(asked))

    def _answered(self, asked: Mapping[str, str]) -> dict[str, Any]:
        if not asked["hoTenCb"] or not re.fullmatch(r"[0-9]{12}", asked["cccdCb"]):
            return _answer("054")
        if not re.fullmatch(r"(\d{2}/\d{2}/)?\d{4}", asked["ngaySinh"]):
            return _answer("205")
        person = next((person for person in self._people if asked["maThe"] in _numbers(person)), None)
        told = self._faults.get("portal.code")
        if person is None:
            return _answer(told or "050")
        code = told or _difference(person, asked) or person.insurance.result_code
        return _answer(code, person) if code in WITH_CARD else _answer(code)

    def _broken(self) -> Response | None:
        if slow := self._faults.get("portal.slow"):
            self._faults.wait_until_off("portal.slow", SLOW_SECONDS if slow == "on" else float(slow))
        if self._faults.get("portal.500"):
            return Response(status=500, body=_HTML, content_type="text/html")
        if self._faults.get("portal.html"):
            return Response(body=_HTML, content_type="text/html; charset=utf-8")
        return None


class _Switchboard:
    """Takes the portal off the network and puts it back on the same port."""

    def __init__(self, routes: Routes, port: int) -> None:
        self._routes = routes
        self.port = port
        self._server: Any = None
        self._lock = threading.Lock()

    def follow(self, *, down: bool) -> None:
        with self._lock:
            if down and self._server is not None:
                self._server.__exit__(None, None, None)
                self._server = None
            elif not down and self._server is None:
                server = serving(("127.0.0.1", self.port), self._routes)
                address = server.__enter__()
                self.port = int(str(address[1])) if isinstance(address, tuple) else self.port
                self._server = server


def _numbers(person: Person) -> set[str]:
    """Every number under which the insurer finds a person."""
    held = person.insurance
    return {number for number in (person.personal_id, held.card_number, held.social_security_number) if number}


def _difference(person: Person, asked: Mapping[str, str]) -> str | None:
    """060, 061 or 070 where the question does not fit what the insurer holds."""
    held_name = person.insurance.full_name or person.full_name
    if _plain(asked["hoTen"]) != _plain(held_name):
        return "061" if _bare(asked["hoTen"]) == _bare(held_name) else "060"
    held, told = _portal_date(person.insurance.birth_date or person.birth_date), asked["ngaySinh"]
    same = told == held or (len(told) == 4 and told == held[-4:])
    return None if same else "070"


def _answer(code: str, person: Person | None = None) -> dict[str, Any]:
    """The documented fields, in their documented order; empty where the code does not describe a card."""
    held = person.insurance if person else Insurance(result_code=code)
    new = held.new_card
    text = {
        "maKetQua": code,
        "ghiChu": f"Dữ liệu thử nghiệm, mã {code}",
        "maThe": held.card_number,
        "hoTen": (held.full_name or person.full_name) if person else None,
        "ngaySinh": _portal_date(held.birth_date or person.birth_date) if person else None,
        "gioiTinh": {"male": "Nam", "female": "Nữ"}[person.sex] if person else None,
        "diaChi": person.residence if person else None,
        "maDKBD": held.registered_facility,
        "cqBHXH": "BHXH Mẫu" if person else None,
        "gtTheTu": _portal_date(held.valid_from),
        "gtTheDen": _portal_date(held.valid_to),
        "maKV": held.living_area or "",
        "ngayDu5Nam": _portal_date(held.five_year_date),
        "maSoBHXH": held.social_security_number,
        "maTheCu": "",
        "maTheMoi": new.card_number if new else "",
        "gtTheTuMoi": _portal_date(new.valid_from) if new else "",
        "gtTheDenMoi": _portal_date(new.valid_to) if new else "",
        "maDKBDMoi": new.registered_facility if new else "",
        "tenDKBDMoi": "Cơ sở thử" if new else "",
    }
    return {**text, "dsLichSuKCB2018": None, "dsLichSuKT2018": []}


def _portal_date(iso: str | None) -> str:
    return "/".join(reversed(iso.split("-"))) if iso else ""


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _bare(name: str) -> str:
    """Without any mark: what is left when only accents were wrong."""
    letters = unicodedata.normalize("NFD", _plain(name)).replace("đ", "d")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
