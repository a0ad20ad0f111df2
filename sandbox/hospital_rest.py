"""The pretend hospital system with HTTP interfaces of its own: a registration API with a token, the kiosk contract.

The first is as bridge.md 3.1 has it (search, save, booking, no idempotency key, nothing that tells twins apart), the
second as services.md 3.5. Both share one register of patients, one row of numbers and the faults.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.faults import Check, one_of, switch
from sandbox.his_messages import parse_message
from sandbox.person import Person
from sandbox.trouble import COMMON, Troubled, json_answer
from sandbox.web import Spoilt
from wire.server import Handler, Request, Response, Routes

ACCOUNT = ("tiepdon", "sandbox-password")
MERCHANT, SECRET = "TIEPDON-99999", "sandbox-secret-0123456789"
LATEST_SECONDS = 300  # of x-timestamp
FEE = 38_700  # dong
MAX_KEPT = 500

OWN: Mapping[str, Check] = {
    "lost": one_of("save", "booking", "registration"),  # done, and the answer never comes
    "token_expired": one_of("once", "always"),
    "bad_account": switch,
    "signature": switch,  # no signature is right
    "twins": switch,  # whoever is sought is there twice
    "refused": switch,  # nobody is saved (HTTP 400) or registered (code 999)
}
FAULTS: Mapping[str, Check] = {f"rest.{name}": check for name, check in {**COMMON, **OWN}.items()}
_PERSON = ("surname", "name", "gender", "dateOfBirth", "phone", "cmnd", "address", "nationalityId", "nationId")


class HospitalRest(Troubled):
    """Both interfaces. `clock` gives the moment (aware); `people` are those whose insurance it can ask for."""

    def __init__(
        self, people: Sequence[Person] = (), clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        super().__init__("rest", OWN)
        self._people = people
        self._clock = clock
        self._lock = threading.RLock()
        self._tokens: set[str] = set()
        self._given = self._refusals = 0
        self.patients: dict[str, dict[str, str]] = {}
        self.bookings: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []

    def routes(self) -> Routes:
        """The calls."""
        api = {
            ("POST", "/api/v1/patient/detail"): self._search,
            ("POST", "/api/v1/patients"): self._save,
            ("POST", "/api/v1/booking"): self._booking,
            ("GET", "/api/v1/booking"): self._find_booking,
            ("DELETE", "/api/v1/cancelBooking/"): self._cancel,
        }
        contract = {
            ("GET", "/benhnhan"): (self._known, ("x-merchant-id", "x-timestamp", "SO_GTTT", "LOAI_GTTT")),
            ("GET", "/bhyt"): (self._insured, ("SO_GTTT", "HO_TEN", "NGAY_SINH", "GIOI_TINH", "x-timestamp")),
            ("POST", "/dangky-kcb"): (
                self._register,
                ("x-merchant-id", "x-timestamp", "SO_GTTT", "HO_TEN", "NGAY_SINH"),
            ),
        }
        return {
            ("POST", "/api/v1/token"): self._whole(self._token),
            **{call: self._whole(self._with_token(handler)) for call, handler in api.items()},
            **{call: self._whole(self._signed(handler, names)) for call, (handler, names) in contract.items()},
        }

    def messages(self) -> list[dict[str, Any]]:
        """The visits it was told of, oldest first, with the fields of the MLLP receiver's messages."""
        with self._lock:
            return [dict(booking["shown"]) for booking in self.bookings.values()]

    def refused(self) -> int:
        """How many records it would not take."""
        with self._lock:
            return self._refusals

    def _whole(self, handler: Handler) -> Handler:
        def answered(request: Request) -> Response:
            with self._lock:
                self.calls.append(f"{request.method} {request.path}")
                del self.calls[:-MAX_KEPT]
            return self._instead() or self._on_the_way(handler(request))

        return answered

    def _with_token(self, handler: Handler) -> Handler:
        def checked(request: Request) -> Response:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            with self._lock:
                if self._fault("token_expired"):
                    self._tokens.clear()
                    if self._fault("token_expired") != "always":
                        self.set_fault("rest.token_expired", None)
                right = token in self._tokens
            return handler(request) if right else json_answer({"message": "token"}, 401)

        return checked

    def _token(self, request: Request) -> Response:
        told = _object(request.body)
        if (told.get("username"), told.get("password")) != ACCOUNT or self._fault("bad_account"):
            return json_answer({"message": "account"}, 401)
        with self._lock:
            self._given += 1
            token = f"token-{self._given}"
            self._tokens.add(token)
        return json_answer({"token": token})

    def _search(self, request: Request) -> Response:
        wanted = {name: value for name, value in _object(request.body).items() if value and name in _PERSON}
        with self._lock:
            found = [
                {"mabn": number, **held}
                for number, held in self.patients.items()
                if all(held.get(name) == value for name, value in wanted.items())
            ]
        if not found:
            return json_answer({"message": "not found"}, 404)
        if self._fault("twins"):
            found.append({**found[0], "mabn": f"{found[0]['mabn']}9"})
        return json_answer(found[0] if len(found) == 1 else found)

    def _save(self, request: Request) -> Response:
        if self._refusing():
            return json_answer({"message": "refused"}, 400)
        body = _object(request.body)
        with self._lock:
            number = str(body.get("mabn") or self._next("P"))
            held = self.patients.setdefault(number, {})
            held.update({name: str(body[name]) for name in _PERSON if body.get(name)})
        return self._unless_lost("save", json_answer({"code": number, "message": "saved"}))

    def _booking(self, request: Request) -> Response:
        body = _object(request.body)
        number = str(_object(body.get("patient")).get("hisId", ""))
        with self._lock:
            if number not in self.patients:
                return json_answer({"message": "no such patient"}, 400)
            held = self.patients[number]
            name = f"{held.get('surname', '')} {held.get('name', '')}".strip()
            card = _object(body.get("insuranceDetail")).get("insuranceNumber", "")
            booking = self._booked(
                str(body.get("orderId", "")),
                number,
                request.body,
                name=name,
                personal_id=held.get("cmnd", ""),
                insurance_number=card,
                birth_date=held.get("dateOfBirth", ""),
            )
        return self._unless_lost("booking", json_answer(_told(booking)))

    def _find_booking(self, request: Request) -> Response:
        """Not in the published interface; for those that have it."""
        with self._lock:
            held = [one for one in self.bookings.values() if one["order"] == request.query.get("orderId")]
        return json_answer([_told(one) for one in held])

    def _cancel(self, request: Request) -> Response:
        number = request.path.rpartition("/")[2]
        with self._lock:
            gone = self.bookings.pop(number, None)
        return json_answer({"mgntHisId": number}) if gone else json_answer({"message": "not found"}, 404)

    def _signed(self, handler: Handler, names: Sequence[str]) -> Handler:
        def checked(request: Request) -> Response:
            body = _object(request.body)
            told = {
                **request.headers,
                **request.query,
                **_object(body.get("THONG_TIN_DICH_VU")),
                **_object(body.get("THONG_TIN_BN")),
            }
            text = "|".join("" if told.get(name) is None else str(told[name]) for name in names)
            sign = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
            stamp = request.headers.get("x-timestamp", "")
            late = abs(self._clock().timestamp() - int(stamp) / 1000) if stamp.isdecimal() else LATEST_SECONDS + 1
            right = hmac.compare_digest(sign, request.headers.get("x-sign", "")) and late <= LATEST_SECONDS
            if not right or request.headers.get("x-merchant-id") != MERCHANT or self._fault("signature"):
                return json_answer({"code": "401", "message": "signature", "data": None}, 401)
            return handler(request)

        return checked

    def _known(self, request: Request) -> Response:
        with self._lock:
            found = [
                {
                    "ID_BN": f"ID{number}",
                    "MA_BN": number,
                    "HO_TEN": f"{held.get('surname', '')} {held.get('name', '')}".strip(),
                    "NGAY_SINH": "-".join(reversed(held.get("dateOfBirth", "").split("/"))),
                    "MA_DINH_DANH": held.get("cmnd", ""),
                }
                for number, held in self.patients.items()
                if held.get("cmnd") == request.query.get("SO_GTTT")
            ]
        if not found:
            return _envelope("404")
        if self._fault("twins"):
            found.append({**found[0], "MA_BN": f"{found[0]['MA_BN']}9"})
        return _envelope("000", found[0] if len(found) == 1 else found)

    def _insured(self, request: Request) -> Response:
        person = next((one for one in self._people if one.personal_id == request.query.get("SO_GTTT")), None)
        if person is None or person.insurance.card_number is None:
            return _envelope("404")
        card = person.insurance
        data = {
            "HO_TEN": card.full_name or person.full_name,
            "NGAY_SINH": card.birth_date or person.birth_date,
            "GIOI_TINH": {"female": 0, "male": 1}[card.sex or person.sex],
            "MA_THE_BHYT": card.card_number,
            "MA_DKBD": card.registered_facility,
            "GT_THE_TU": card.valid_from,
            "GT_THE_DEN": card.valid_to,
            "PHAN_TUYEN": 1,
            "MA_KQ": card.result_code,
            "TEN_KQ": "",
            "TIEP_NHAN_BHYT": int(card.result_code in ("000", "003", "004")),
        }
        return _envelope("000", data)

    def _register(self, request: Request) -> Response:
        if self._refusing():
            return _envelope("999")
        body = _object(request.body)
        person, service = _object(body.get("THONG_TIN_BN")), _object(body.get("THONG_TIN_DICH_VU"))
        words = str(person.get("HO_TEN") or "").split()
        with self._lock:
            number = str(person.get("MA_BN") or self._next("P"))
            self.patients[number] = {
                "surname": " ".join(words[:-1]),
                "name": " ".join(words[-1:]),
                "dateOfBirth": "/".join(reversed(str(person.get("NGAY_SINH") or "").split("-"))),
                "cmnd": str(person.get("SO_GTTT") or ""),
            }
            booking = self._booked(
                str(service.get("DU_PHONG") or ""),
                number,
                request.body,
                name=" ".join(words),
                personal_id=str(person.get("SO_GTTT") or ""),
                insurance_number=str(person.get("MA_THE_BHYT") or ""),
                birth_date=str(person.get("NGAY_SINH") or ""),
            )
        line = {"TEN_DICH_VU": service.get("TEN_DICH_VU"), "SO_LUONG": 1, "DON_GIA": FEE, "TRANG_THAI": 1}
        data = {
            "THONG_TIN_BN": {**person, "MA_BN": number, "ID_BN": f"ID{number}"},
            "THONG_TIN_TIEP_NHAN": {"MA_LK": booking["id"], "STT_LK": booking["number"], "TRANG_THAI_LK": 1},
            "THONG_TIN_DANG_KY": {"MA_DANG_KY": f"DK{booking['id']}", "CHI_TIET_DANG_KY": [line]},
        }
        return self._unless_lost("registration", _envelope("000", data))

    def _booked(self, order: str, patient: str, text: bytes, **shown: str) -> dict[str, Any]:
        booking_id = self._next("B")
        moment = self._clock().isoformat(timespec="seconds")
        booking = {
            "id": booking_id,
            "order": order,
            "patient": patient,
            "number": len(self.bookings) + 1,
            "shown": {
                **parse_message(b""),
                **shown,
                "control_id": order,
                "type": "REST",
                "visit_id": booking_id,
                "text": json.dumps(json.loads(text), ensure_ascii=False, indent=1),
                "received_at": moment,
                "copies": 1,
            },
        }
        self.bookings[booking_id] = booking
        while len(self.bookings) > MAX_KEPT:
            self.bookings.pop(next(iter(self.bookings)))
        return booking

    def _refusing(self) -> bool:
        with self._lock:
            self._refusals += bool(self._fault("refused"))
        return self._fault("refused") is not None

    def _unless_lost(self, step: str, answer: Response) -> Response:
        lost = self._fault("lost")
        if lost == step or (lost == "on" and step == "save"):
            return Spoilt(answer.status, b"", answer.content_type, length=len(answer.body), reset=True)
        return answer

    def _next(self, letter: str) -> str:
        self._given += 1
        return f"{letter}{self._given:06}"


def _told(booking: Mapping[str, Any]) -> dict[str, str]:
    return {"mgntHisId": booking["id"], "number": str(booking["number"]), "id": booking["id"]}


def _envelope(code: str, data: Any = None) -> Response:
    return json_answer({"code": code, "message": "", "data": data})


def _object(told: Any) -> dict[str, Any]:
    """A JSON object, from bytes or as it is; empty for anything else."""
    if isinstance(told, bytes):
        try:
            told = json.loads(told)
        except ValueError:
            return {}
    return told if isinstance(told, dict) else {}
