"""A hospital system with the kiosk contract of services.md 3.5: `GET /benhnhan`, then `POST /dangky-kcb`, both signed.

The contract has no idempotency key and no way to ask for a registration: one whose outcome is not known goes to a
person, unless the other side is known to recognise our key (`when_unknown`). It knows arrivals only.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from config.destinations import RegistrationDestination
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.http_caller import JSON, HttpCaller, joined, later, outcome_of, secret
from hisbridge.connectors.registration_fields import known_as, registration
from hisbridge.connectors.rest_api import read
from hisbridge.connectors.rest_fields import Who, who_is
from hisbridge.connectors.rest_people import match
from hisbridge.errors import (
    DestinationSetup,
    DestinationUnreachable,
    GarbledAnswer,
    NoAnswer,
    PersonAmbiguous,
)
from hisbridge.http import Answer, Question
from hisbridge.records import Event, FeeLine, HospitalAnswer, PatientRecord
from hisbridge.told import bounded
from wire.codec import from_json, to_json
from wire.errors import MalformedMessage

OK, NOT_FOUND, FAILED = "000", "404", "999"  # of the envelope
_PLAIN = (OK, NOT_FOUND, FAILED)
_REFUSALS = ("401", "403")
REGISTRATION_UNKNOWN = "registration_unknown"  # of a receipt: it may be made, and nobody can be asked
_DOUBTFUL = frozenset({408, 500, 502, 504})
_FIELDS = {"personal_id": "SO_GTTT", "record_number": "MA_BN", "full_name": "HO_TEN", "birth_date": "NGAY_SINH"}

Body = Mapping[str, Any]


class RegistrationConnector:
    """A destination with that contract."""

    content_type = JSON
    stale_answers = 0

    def __init__(
        self,
        destination: RegistrationDestination,
        clock: Callable[[], float] = time.time,
        caller: HttpCaller | None = None,
    ) -> None:
        self._destination = destination
        self._clock = clock
        self._caller = caller or HttpCaller(destination)

    def identify(self, record: PatientRecord) -> Known:
        """Ask for the person by ID number; whom nobody knows yet is asked for anew before every attempt.

        Registered without MA_BN, somebody made by hand in the meantime would be made again. Raises PersonAmbiguous,
        DestinationSetup, the errors of HttpCaller.call.
        """
        if record.event is not Event.ARRIVED or not self._destination.search_path:
            return Known()
        if record.patient.personal_id is None:
            return Known()  # a search by nothing finds anybody
        return self._sought(who_is(record.patient), record.patient.phone)

    def render(self, record: PatientRecord, known: Known) -> bytes | None:
        """The body of `POST /dangky-kcb`; None for anything but an arrival."""
        if record.event is not Event.ARRIVED:
            return None
        return to_json(registration(record, known, self._destination))

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """Register the visit. Raises DestinationSetup and the errors of HttpCaller.call."""
        if self._destination.when_unknown == "staff" and sending.doubtful:
            # Whoever looked and lets it go out again wants it sent.
            return Receipt(Outcome.REJECTED, REGISTRATION_UNKNOWN, doubtful=False)
        answer = self._caller.call(self._registering(message, sending.key))
        code, data = _envelope(answer)
        if code is None and outcome_of(answer.status) is Outcome.ACKNOWLEDGED:
            raise GarbledAnswer(why="no_envelope")
        judged = self._judged(answer.status, code, data, sending)
        # Nobody knows what a failing server did.
        doubtful = True if code not in _PLAIN and answer.status in _DOUBTFUL else None
        return replace(judged, doubtful=doubtful, retry_after_seconds=later(answer))

    def probe(self) -> None:
        """Ask for nobody: to be told so proves address, merchant, secret and clock.

        Raises DestinationUnreachable, DestinationSetup, NoAnswer, GarbledAnswer.
        """
        if self._destination.search_path:
            self._sought(Who(personal_id="000099999999"), None)  # nobody's number (services.md 0.3)
            return
        status = self._caller.call(self._question("GET", self._destination.path, {}, {}, ())).status
        if status in (401, 403):
            raise DestinationSetup(key="secret_file", why=f"http_{status}")
        if status >= 500:
            raise DestinationUnreachable(why=f"http_{status}")

    def close(self) -> None:
        """Drop the connections."""
        self._caller.close()

    def _sought(self, who: Who, phone: str | None) -> Known:
        wanted = self._destination
        values = {"SO_GTTT": who.personal_id, "LOAI_GTTT": wanted.id_kind, "DIEN_THOAI": phone}
        query = {wanted.renamed.get(name, name): value for name, value in values.items() if value}
        answer = self._caller.call(
            self._question("GET", wanted.search_path, values, query, wanted.search_signed_fields)
        )
        code, data = _envelope(answer)
        if code == NOT_FOUND:
            return Known()
        if code != OK:
            outcome = outcome_of(answer.status)
            if outcome is Outcome.MISCONFIGURED:
                raise DestinationSetup(key="search_path", why=f"http_{answer.status}")
            if code is None and outcome is Outcome.ACKNOWLEDGED:
                raise GarbledAnswer(why="no_envelope")
            failure = NoAnswer(why=f"code_{code}" if code else f"http_{answer.status}")
            failure.retry_after_seconds = later(answer)
            raise failure
        if data is not None and not isinstance(data, dict | list):
            raise GarbledAnswer(why="data")  # never taken for "nobody": the person would be made a second time
        found = [one for one in (data if isinstance(data, list) else [data]) if isinstance(one, dict) and one]
        # Who was asked for by number need not be told it again; MA_DINH_DANH, where told, is that number.
        told = [{**one, "SO_GTTT": one.get("SO_GTTT") or one.get("MA_DINH_DANH") or who.personal_id} for one in found]
        number = match(told, who, _FIELDS, "yyyy-MM-dd")
        if number is None and told:
            raise PersonAmbiguous(why="other_number")
        if number is None:
            return Known()
        return known_as(number, next(read(one, "ID_BN") for one in told if read(one, "MA_BN") == number))

    def _registering(self, message: bytes, key: str) -> Question:
        body = from_json(message, dict[str, Any])
        values = {**body, **body["THONG_TIN_DICH_VU"], **body["THONG_TIN_BN"]}
        theirs = self._destination.renamed
        values |= {ours: values[name] for ours, name in theirs.items() if name in values}
        made = self._question("POST", self._destination.path, values, {}, self._destination.signed_fields, message)
        return Question(
            made.url, made.body, made.content_type, {}, "POST", {**made.headers, "idempotency-key": key}, False
        )

    def _question(
        self,
        method: str,
        path: str,
        values: Body,
        query: Mapping[str, str],
        signed: tuple[str, ...],
        body: bytes = b"",
    ) -> Question:
        wanted = self._destination
        headers = {"x-merchant-id": wanted.merchant_id, "x-timestamp": str(int(self._clock() * 1000))}
        known = {**values, **headers}
        for name in signed:
            if name not in known:
                raise DestinationSetup(key="signed_fields", why="unknown_name")
        sign = signature(secret(wanted.secret_file, "secret_file"), [known[name] for name in signed])
        return Question(
            url=joined(wanted.base_url, path),
            body=body,
            content_type=JSON,
            query=query,
            method=method,
            headers={**headers, "x-sign": sign},
        )

    def _judged(self, status: int, code: str | None, data: Any, sending: Sending) -> Receipt:
        if code == OK:
            return Receipt(Outcome.ACKNOWLEDGED, "code_000", told(data))
        outcome = outcome_of(status)
        if code not in _PLAIN and outcome is not Outcome.ACKNOWLEDGED:
            return Receipt(outcome, f"http_{status}")
        text = f"code_{code}"
        if code in _REFUSALS:
            return Receipt(Outcome.MISCONFIGURED, text)
        if code == FAILED and sending.attempt < self._destination.fail_tries:
            return Receipt(Outcome.TRY_LATER, text)
        return Receipt(Outcome.REJECTED, text)


def signature(key: bytes, values: list[Any]) -> str:
    """HMAC-SHA256 of the values joined by `|`, null as empty, in lower-case hexadecimal digits (services.md 3.5)."""
    text = "|".join("" if value is None else str(value) for value in values)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def told(data: Any) -> HospitalAnswer | None:
    """What a registration tells of the visit: MA_BN, MA_LK (else MA_DANG_KY), STT_LK and the lines of the slip."""
    if not isinstance(data, dict):
        return None
    parts = [data, *(part for part in data.values() if isinstance(part, dict))]
    lines = next((found for part in parts if isinstance(found := part.get("CHI_TIET_DANG_KY"), list)), [])
    fees = [_fee(line) for line in lines[:100] if isinstance(line, dict)]
    return bounded(
        HospitalAnswer(
            record_number=_first(parts, "MA_BN"),
            visit_number=_first(parts, "MA_LK") or _first(parts, "MA_DANG_KY"),
            queue_number=_first(parts, "STT_LK"),
            room=_first(parts, "TEN_PHONG"),
            fees=tuple(fee for fee in fees if fee is not None),
        )
    )


def _first(parts: Sequence[Body], name: str) -> str | None:
    return next((value for part in parts if (value := read(part, name))), None)


def _fee(line: Body) -> FeeLine | None:
    name = read(line, "TEN_DICH_VU")
    if name is None:
        return None
    try:
        price, count = Decimal(str(line.get("DON_GIA"))), Decimal(str(line.get("SO_LUONG") or 1))
        amount = price * count
    except InvalidOperation:
        return FeeLine(name=name)
    if not amount.is_finite() or abs(amount) > 10**12:
        return FeeLine(name=name)
    return FeeLine(name=name, amount=f"{amount.normalize():f}")


def _envelope(answer: Answer) -> tuple[str | None, Any]:
    """Code and data, whatever the HTTP status; (None, None) where there is no envelope."""
    try:
        body = from_json(answer.body, dict[str, Any])
    except MalformedMessage:
        return None, None
    code = body.get("code")
    if isinstance(code, int) and not isinstance(code, bool):
        code = f"{code:03d}"
    if not isinstance(code, str) or not code.isalnum() or not code.isascii() or len(code) > 8:
        return None, None
    return code, body.get("data")
