"""A PatientRecord as JSON, posted to an address of the receiver's own and signed as Standard Webhooks 1.0 says.

`webhook-id` is the delivery's idempotency key, the same on every resend; `webhook-timestamp` the moment of this
sending, so that a resend after a long outage still lies within the receiver's window; `webhook-signature` is
HMAC-SHA256 over `id.timestamp.body`, once for each secret there is (docs/integration/webhook.md).
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

from config.destinations import WebhookDestination
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.http_caller import CONFLICT, JSON, HttpCaller, later, outcome_of, secret
from hisbridge.errors import DestinationSetup, DestinationUnreachable, GarbledAnswer
from hisbridge.http import Answer, Question
from hisbridge.records import FeeLine, HospitalAnswer, PatientRecord
from hisbridge.told import bounded
from wire.codec import from_json, to_json
from wire.errors import MalformedMessage

PREFIX = b"whsec_"  # of a secret that is written in base64
PROBE = "probe"  # webhook-id of a call that carries nothing
_TEXTS = ("record_number", "visit_number", "queue_number", "room")


class WebhookConnector:
    """A destination that takes signed calls."""

    content_type = JSON
    stale_answers = 0

    def __init__(
        self, destination: WebhookDestination, clock: Callable[[], float] = time.time, caller: HttpCaller | None = None
    ) -> None:
        self._destination = destination
        self._clock = clock
        self._caller = caller or HttpCaller(destination)

    def identify(self, record: PatientRecord) -> Known:  # noqa: ARG002 - nobody is asked
        """Nobody is asked."""
        return Known()

    def render(self, record: PatientRecord, known: Known) -> bytes | None:  # noqa: ARG002 - none is known
        """The record itself, of every event."""
        return to_json(record)

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """Post it, signed for this moment. Raises the errors of HttpCaller.call."""
        try:
            answer = self._caller.call(self._signed("POST", message, sending.key))
        except GarbledAnswer as garbled:
            status = garbled.data.get("status")
            if isinstance(status, int) and outcome_of(status) is Outcome.ACKNOWLEDGED:
                return Receipt(Outcome.ACKNOWLEDGED, f"http_{status}")  # taken; what else it says is beyond reading
            raise
        outcome = Outcome.ACKNOWLEDGED if answer.status == CONFLICT else outcome_of(answer.status)
        told = read_answer(answer) if outcome is Outcome.ACKNOWLEDGED else None
        return Receipt(outcome, f"http_{answer.status}", told, retry_after_seconds=later(answer))

    def probe(self) -> None:
        """A signed GET with nothing in it: a refused signature is told; 404 and 405 prove at least the address.

        Raises DestinationUnreachable, DestinationSetup.
        """
        status = self._caller.call(self._signed("GET", b"", PROBE)).status
        if status in (401, 403):
            raise DestinationSetup(key="secret_file", why=f"http_{status}")
        if 300 <= status < 400:
            raise DestinationSetup(key="base_url", why=f"http_{status}")
        if status >= 500:
            raise DestinationUnreachable(why=f"http_{status}")

    def close(self) -> None:
        """Drop the connections."""
        self._caller.close()

    def _signed(self, method: str, body: bytes, key: str) -> Question:
        wanted = self._destination
        secrets = [_key(secret(wanted.secret_file, "secret_file"), "secret_file")]
        if wanted.next_secret_file:
            secrets.append(_key(secret(wanted.next_secret_file, "next_secret_file"), "next_secret_file"))
        stamp = str(int(self._clock()))
        return Question(
            url=wanted.base_url,
            body=body,
            content_type=JSON,
            query={},
            method=method,
            headers={
                "webhook-id": key,
                "webhook-timestamp": stamp,
                "webhook-signature": " ".join(signature(one, key, stamp, body) for one in secrets),
                "idempotency-key": key,
            },
        )


def signature(key: bytes, message_id: str, stamp: str, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over id, timestamp and body, joined by full stops."""
    made = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(made).decode()}"


def read_answer(answer: Answer) -> HospitalAnswer | None:
    """What a receiver told of the visit, field by field: what is not of its kind is left out, and so is all else."""
    if "json" not in answer.content_type:
        return None
    try:
        told = from_json(answer.body, dict[str, Any])
    except MalformedMessage:
        return None
    fees = told.get("fees")
    lines = [_fee(line) for line in fees[:100]] if isinstance(fees, list) else []
    texts = {name: as_text(told.get(name)) for name in _TEXTS}
    return bounded(HospitalAnswer(**texts, fees=tuple(line for line in lines if line is not None)))


def as_text(value: object) -> str | None:
    """A JSON text or whole number as text."""
    if isinstance(value, bool):
        return None
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else None


def _fee(line: object) -> FeeLine | None:
    if not isinstance(line, dict) or not (name := as_text(line.get("name"))):
        return None
    insured = line.get("insured")
    amount = as_text(line.get("amount"))
    return FeeLine(name=name, amount=amount, insured=insured if isinstance(insured, bool) else None)


def _key(text: bytes, setting: str) -> bytes:
    """The key's bytes: written in base64 after `whsec_`, else the text itself."""
    if not text.startswith(PREFIX):
        return text
    try:
        return base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise DestinationSetup(key=setting, why="not_base64") from None
