"""A PatientRecord as a local agent hands it over: whole as JSON, or as a card reader's service says it (bridge.md 3.1).

This destination is not sent to: `hisbridge/agent` listens, and whoever is paired takes. What stands here is what the
record looks like then, for the agent and for the message desk.
"""

import socket
import unicodedata
from typing import Any

from config.destinations import LocalAgentDestination
from hisbridge.connectors.contract import Known, Receipt, Sending
from hisbridge.errors import DestinationSetup, DestinationUnreachable
from hisbridge.records import Event, PatientRecord
from wire.codec import to_json

CONTENT_TYPE = "application/json"
SEXES = {"male": "Nam", "female": "Nữ"}  # as the card's text has it
TAKES = "taken by the receiver itself"

# The names in use in hospital systems that read such a reader today (bridge.md 3.1).
_MESSAGE = "read card successfully!"


class LocalAgentConnector:
    """Renders; never sends."""

    pull = True  # the bridge gives it a listener in place of a courier
    content_type = CONTENT_TYPE
    stale_answers = 0

    def __init__(self, destination: LocalAgentDestination) -> None:
        self._destination = destination

    def identify(self, record: PatientRecord) -> Known:  # noqa: ARG002
        """Nobody is asked."""
        return Known()

    def render(self, record: PatientRecord, known: Known) -> bytes | None:  # noqa: ARG002
        """The record in the feed's form; a reader's service tells of arrivals alone."""
        return render(record, self._destination.feed)

    def send(self, message: bytes, sending: Sending) -> Receipt:  # noqa: ARG002
        """Not possible. Raises DestinationSetup."""
        raise DestinationSetup(key="connector", why=TAKES)

    def probe(self) -> None:
        """Whether the agent listens. Raises DestinationUnreachable."""
        host, _, port = self._destination.listen.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), self._destination.timeout_seconds).close()
        except OSError as error:
            raise DestinationUnreachable(why=type(error).__name__) from None

    def close(self) -> None:
        """Nothing is held."""


def render(record: PatientRecord, feed: str) -> bytes | None:
    """The record as this feed hands it over; None for an event it has no word for."""
    if feed == "tiepdon":
        return to_json(record)
    if record.event is not Event.ARRIVED:
        return None
    if feed == "hn212":
        return to_json({"id": 2, "message": _MESSAGE, "data": personal_info(record)})
    return to_json({"EventName": "CARD_RESULT", "PersonalInfo": personal_info(record)})


def personal_info(record: PatientRecord) -> dict[str, Any]:
    """The text fields of a card, by the names such readers use; empty where not known, days as dd/mm/yyyy.

    Religion, marks, parents and portrait are never in a record and stay empty.
    """
    patient = record.patient
    texts = {
        "idCode": patient.personal_id,
        "oldIdCode": patient.previous_id,
        "personName": patient.full_name,
        "dateOfBirth": day(patient.birth_date),
        "gender": SEXES.get(patient.sex or "", ""),
        "nationality": patient.nationality,
        "race": patient.ethnicity,
        "religion": "",
        "originPlace": patient.place_of_origin,
        "residencePlace": patient.residence,
        "personalIdentification": "",
        "issueDate": day(patient.issue_date),
        "expiryDate": "Không thời hạn" if patient.expiry_date == "none" else day(patient.expiry_date),
        "fatherName": "",
        "motherName": "",
        "wifeName": "",
    }
    return {name: one_line(text) for name, text in texts.items()}


def day(value: str | None) -> str:
    """An ISO 8601 date as it is written in Vietnam, at the precision it has."""
    return "/".join(reversed((value or "").split("-")))


def one_line(text: str | None) -> str:
    """Composed letters (NFC), one line, no control characters: what goes into another program's field."""
    cleaned = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text or "")
    return " ".join(unicodedata.normalize("NFC", cleaned).split())
