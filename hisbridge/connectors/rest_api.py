"""The calls of a registration interface: token, search, save, booking (bridge.md 3.1, DHG.Hospital 3.1 as published).

Every answer is a JSON object or a list of them; HTTP tells what is wrong. Knows the interface's names, not persons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from config.destinations import RestDestination
from hisbridge.connectors.contract import Outcome
from hisbridge.connectors.http_caller import JSON, HttpCaller, joined, later, outcome_of, secret
from hisbridge.errors import GarbledAnswer
from hisbridge.http import Answer, Question
from hisbridge.records import MAX_TOLD
from wire.codec import from_json, to_json
from wire.errors import MalformedMessage

MAX_FOUND = 100  # records of one search that are looked at

_DOUBTFUL = frozenset({408, 409, 500, 502, 504})

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Names:
    """What the interface calls things: paths, and its names for ours."""

    paths: Mapping[str, str]
    login: Mapping[str, str]
    fields: Mapping[str, str]
    values: Mapping[str, str]
    search_values: Mapping[str, str]
    booking_fields: Mapping[str, str]
    booking_values: Mapping[str, str]
    answers: Mapping[str, str]


PRESETS: Mapping[str, Names] = {
    "dhg_hospital": Names(
        paths={
            "token": "/api/v1/token",
            "search": "/api/v1/patient/detail",
            "save": "/api/v1/patients",
            "booking": "/api/v1/booking",
            "cancel": "/api/v1/cancelBooking/{booking_id}",
            "find_booking": "",  # this interface publishes no way to look a booking up
        },
        login={"username": "username", "password": "password", "token": "token"},
        fields={
            "record_number": "mabn",
            "personal_id": "cmnd",
            "family_and_middle": "surname",
            "given_name": "name",
            "sex": "gender",
            "birth_date": "dateOfBirth",
            "phone": "phone",
            "residence": "address",
            "ethnicity_code": "nationId",
        },
        values={"nationalityId": "VN"},  # only citizens hold the card
        # The published example leaves these empty where they are not sought by.
        search_values=dict.fromkeys(("surname", "name", "gender", "dateOfBirth", "provinceId", "phone"), ""),
        booking_fields={
            "record_number": "patient.hisId",
            "order_id": "orderId",
            "visit_date": "appointments.date",
            "visit_time": "appointments.timeslot",
            "card_number": "insuranceDetail.insuranceNumber",
            "card_valid_to": "insuranceDetail.expiredDate",
            "card_status": "insuranceDetail.insuranceStatus",
            "registered_facility": "insuranceDetail.hospitalId",
        },
        booking_values={"status": "CONFIRMED"},
        # A new record's number comes as `code`, a found one's as `mabn`.
        answers={"record_number": "code", "booking_id": "mgntHisId", "queue_number": "number"},
    )
}


def names_of(destination: RestDestination) -> Names:
    """The preset's names with the site's laid over them."""
    preset = PRESETS[destination.preset]
    return Names(
        paths=_over(preset.paths, destination.paths),
        login=_over(preset.login, destination.login),
        fields=_over(preset.fields, destination.fields),
        values=_over(preset.values, destination.values),
        search_values=_over(preset.search_values, destination.search_values),
        booking_fields=_over(preset.booking_fields, destination.booking_fields),
        booking_values=_over(preset.booking_values, destination.booking_values),
        answers=_over(preset.answers, destination.answers),
    )


def _over(preset: Mapping[str, str], site: Mapping[Any, str]) -> Mapping[str, str]:
    return {**preset, **site}


class Refused(Exception):
    """The receiver answered, and the delivery ends or waits: `outcome`, `text` for the receipt, and for how many
    seconds it wants to be left alone."""

    def __init__(self, outcome: Outcome, text: str, status: int = 0, later: float = 0.0) -> None:
        super().__init__(text)
        self.outcome, self.text, self._status, self.later = outcome, text, status, later

    @property
    def doubtful(self) -> bool:
        """Whether it may be done all the same: the server failed on the way, or says that it has this already."""
        return self._status in _DOUBTFUL


class RestApi:
    """One interface, spoken to from one thread. Holds the token until it is refused."""

    def __init__(self, destination: RestDestination, names: Names, caller: HttpCaller) -> None:
        self._destination = destination
        self._names = names
        self._caller = caller
        self._token: str | None = None

    def found(self, body: Object) -> list[dict[str, Any]]:
        """The records a search finds, [] where it tells that there is none.

        Raises Refused, and the errors of HttpCaller.call.
        """
        told = self._told(self._asked("POST", "search", body, repeatable=True), "search", none_at=404)
        names = {name for name in self._names.fields.values() if name}
        found = _listed(told)
        # Anything else, taken for "nobody", would make a second person.
        if found is None or any(all(_deep(one, name) is None for name in names) for one in found):
            raise GarbledAnswer(why="search_shape")
        return found

    def save(self, body: Object) -> str | None:
        """Create a record, or change one that is named in it; its number, where told. Raises as `found`."""
        told = _one(self._told(self._asked("POST", "save", body), "save"))
        return self._text(told, "record_number") or read(told, self._names.fields.get("record_number", ""))

    def book(self, body: Object) -> dict[str, Any]:
        """Register the visit. Raises as `found`."""
        return _one(self._told(self._asked("POST", "booking", body), "booking"))

    def booked(self, order_id: str, record_number: str) -> dict[str, Any] | None:
        """The booking under our own number, None where there is none. Raises as `found`."""
        told = self._asked("GET", "find_booking", None, repeatable=True, order_id=order_id, record_number=record_number)
        return next(iter(_objects(self._told(told, "find_booking", none_at=404))), None)

    def cancel(self, booking_id: str) -> bool:
        """Take a booking back; False where there is none. Raises as `found`."""
        answer = self._asked("DELETE", "cancel", None, repeatable=True, booking_id=booking_id)
        if answer.status in (404, 410):
            return False
        self._told(answer, "cancel", body=False)
        return True

    def sign_in(self) -> None:
        """Have a token, a new one. Raises Refused, DestinationSetup and the errors of HttpCaller.call."""
        self._token = None
        if not self._destination.username:
            return
        login = self._names.login
        password = secret(self._destination.password_file, "password_file")
        body = {
            login["username"]: self._destination.username,
            login["password"]: password.decode("utf-8", "replace"),
        }
        answer = self._caller.call(self._question("POST", "token", body, repeatable=True))
        if 400 <= answer.status < 500 and outcome_of(answer.status) is not Outcome.TRY_LATER:
            raise Refused(Outcome.MISCONFIGURED, f"token_http_{answer.status}")
        token = read(_one(self._told(answer, "token")), login["token"])
        if token is None or not token.isascii() or not token.isprintable():
            raise Refused(Outcome.TRY_LATER, "token_missing")
        self._token = token

    def _text(self, told: Object, name: str) -> str | None:
        return read(told, self._names.answers.get(name, ""))

    def _asked(self, method: str, step: str, body: Object | None, *, repeatable: bool = False, **parts: str) -> Answer:
        """The answer to a call with a valid token: asked for where there is none, once more where it is refused."""
        if self._token is None:
            self.sign_in()
        answer = self._caller.call(self._question(method, step, body, repeatable, parts))
        if answer.status != 401 or not self._destination.username:
            return answer
        # Refused before it was looked at, so it may go out again. Also with a new token: a server that was started
        # anew meanwhile has forgotten it.
        self.sign_in()
        return self._caller.call(self._question(method, step, body, repeatable, parts))

    def _question(
        self, method: str, step: str, body: Object | None, repeatable: bool, parts: Mapping[str, str] | None = None
    ) -> Question:
        path = self._names.paths[step]
        for name, value in (parts or {}).items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return Question(
            url=joined(self._destination.base_url, path),
            body=b"" if body is None else to_json(body),
            content_type=JSON,
            query={},
            method=method,
            headers={"Authorization": f"Bearer {self._token}"} if self._token else {},
            repeatable=repeatable,
        )

    def _told(self, answer: Answer, step: str, *, none_at: int = 0, body: bool = True) -> Any:
        """What an answer holds. Raises Refused, GarbledAnswer."""
        if answer.status == none_at and _is_json(answer.body):
            return None  # told by the interface itself: a proxy's page says nothing of a person
        outcome = outcome_of(answer.status)
        if outcome is not Outcome.ACKNOWLEDGED:
            raise Refused(outcome, f"{step}_http_{answer.status}", answer.status, later(answer))
        if not body or not answer.body.strip():
            return None
        try:
            return from_json(answer.body, object)
        except MalformedMessage:
            raise GarbledAnswer(why=f"{step}_no_json") from None


def _is_json(body: bytes) -> bool:
    try:
        from_json(body, object)
    except MalformedMessage:
        return False
    return True


def read(told: Object, name: str) -> str | None:
    """A field as text by its name, a dot leading into an object within; None where it is missing or no text."""
    value = _deep(told, name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if text.isprintable() and 0 < len(text) <= MAX_TOLD else None


def _objects(told: Any) -> list[dict[str, Any]]:
    """The objects of an answer, none where it holds anything else."""
    return _listed(told) or []


def _listed(told: Any) -> list[dict[str, Any]] | None:
    """A list, one object, either of them under `data`, or nothing: interfaces differ, and their versions too. None
    where it is none of these."""
    if isinstance(told, dict) and "data" in told:
        told = told["data"]
    if isinstance(told, dict):
        told = [told]
    if not isinstance(told, list | None) or any(not isinstance(one, dict) for one in told or ()):
        return None
    return [one for one in (told or ())[:MAX_FOUND] if one]


def _deep(told: Any, name: str) -> Any:
    """A field by its name, a dot leading into an object within."""
    for part in name.split("."):
        told = told.get(part) if isinstance(told, Mapping) else None
    return told


def _one(told: Any) -> dict[str, Any]:
    return next(iter(_objects(told)), {})
