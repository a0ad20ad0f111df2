"""What a kiosk on another machine hands to the desk's: a check-in's record, or a number for the counter without one.

The body of `POST /api/v1/arrivals` (docs/integration/api.md), known to both its sides: the connector makes it, the desk
takes it. Must not import kiosk or ui.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from hisbridge import outbox
from hisbridge.records import PatientRecord
from hisbridge.values import Code, Moment
from wire import sqlite
from wire.codec import Record, from_json, to_json

Declared = Annotated[
    Literal["pregnant", "severe_disability", "merit"],
    Meta(description="why they go first, as they said themselves; staff confirm it"),
]


class CounterNumber(Record, frozen=True, kw_only=True):
    """A number for the counter of somebody who was not read: no visit yet, and nothing of the person.

    In the outbox it stands where a PatientRecord stands elsewhere; only desks are owed one.
    """

    version: Literal["tiepdon.counter_number/1"] = "tiepdon.counter_number/1"
    ticket_id: Annotated[str, Meta(min_length=1, max_length=64, description="unique for ever")]
    ticket_number: Annotated[Code, Meta(description="the number the person holds", examples=["A0001"])]
    service_code: Annotated[Code, Meta(description="the service they came for", examples=["KB"])]
    issued_at: Annotated[Moment, Meta(description="when it was given, in the site's time")]
    kiosk_id: Annotated[Code, Meta(description="which kiosk gave it", examples=["kiosk-2"])]
    reason: Annotated[
        Literal["child", "newborn", "forces", "no_card"] | None, Meta(description="why nobody was read")
    ] = None
    priority: Declared | None = None
    synthetic: Annotated[bool, Meta(description="sandbox data: no real person")] = False

    @property
    def revision(self) -> int:
        """It is told once and never changes."""
        return 0

    @property
    def local_id(self) -> None:
        """Nobody is told of, under whatever name."""
        return None


class VisitArrival(Record, frozen=True, kw_only=True, tag_field="kind", tag="visit"):
    """A check-in, a later revision of it, or that it was taken back: as the record says."""

    record: PatientRecord


class NumberArrival(Record, frozen=True, kw_only=True, tag_field="kind", tag="number"):
    """A number for the counter."""

    number: CounterNumber


Arrival = VisitArrival | NumberArrival
Handed = PatientRecord | CounterNumber  # what an outbox row may hold

_NUMBER_BEGINS = '{"version":"tiepdon.counter_number/'


def read_handed(payload: str) -> Handed:
    """What an outbox row holds. Raises MalformedMessage."""
    if payload.startswith(_NUMBER_BEGINS):
        return from_json(payload, CounterNumber)
    return from_json(payload, PatientRecord)


def enqueue_number(connection: sqlite.Connection, number: CounterNumber, desks: Sequence[str], now: datetime) -> None:
    """Owe this number to each desk. Inserts only: the caller begins and commits the transaction."""
    payload = to_json(number).decode()
    for name in desks:
        # Nobody is known, so nobody's records wait for this one: the ticket stands for the person.
        outbox.enqueue_row(connection, name, number.ticket_id, number.ticket_id, payload, now)
