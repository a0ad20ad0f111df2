"""What persons ask of their data: who asked when, for what, until when it must be answered and done, and who did it.

Decree 356/2025/NĐ-CP, article 5: an answer within 2 working days; seen, corrected or copied within 10 days, withdrawn,
restricted or objected to within 15, erased within 20, protected within 15; 5 or 10 more where that is told with its
reason. The person stands here by a keyed reference. On the caller's connection and inside the caller's transaction.
Must not import Flask, a device library or a connector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from kiosk.clock import moment
from kiosk.working_days import after_days, after_working_days
from wire import chain, sqlite
from wire.codec import Record
from wire.errors import TiepDonError

ANSWER_WORKING_DAYS = 2

_ADD = """
INSERT INTO person_requests (kind, person, asked_by, channel, asked_at, answer_due, due, latest_due, taken_by)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
"""
_LIST = "SELECT * FROM person_requests WHERE ? OR done_at IS NULL ORDER BY done_at IS NOT NULL, due, id"
_ONE = "SELECT * FROM person_requests WHERE id = ?"
_OF = "SELECT * FROM person_requests WHERE person = ? ORDER BY id"
_ANSWERED = "UPDATE person_requests SET answered_at = ? WHERE id = ? AND answered_at IS NULL"
_DONE = (
    "UPDATE person_requests SET done_at = ?, done_by = ?, outcome = ?, answered_at = ifnull(answered_at, ?)"
    " WHERE id = ? AND done_at IS NULL"
)


class Kind(StrEnum):
    """What is asked for."""

    VIEW = "view"
    COPY = "copy"
    CORRECT = "correct"
    ERASE = "erase"
    WITHDRAW = "withdraw"
    RESTRICT = "restrict"
    OBJECT = "object"
    PROTECT = "protect"


class Asker(StrEnum):
    """Who asks. For somebody under age or not able to act a representative does; of seven years or more the child
    agrees too."""

    SELF = "self"
    PARENT = "parent"
    GUARDIAN = "guardian"
    REPRESENTATIVE = "representative"


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    PARTLY = "partly"  # something had to stay by law, and it was said what
    REFUSED = "refused"  # with the reason, in writing


# Days until it is done, and the latest where more time was asked for.
TERMS: dict[Kind, tuple[int, int]] = {
    Kind.VIEW: (10, 15),
    Kind.COPY: (10, 15),
    Kind.CORRECT: (10, 15),
    Kind.ERASE: (20, 30),
    Kind.WITHDRAW: (15, 20),
    Kind.RESTRICT: (15, 20),
    Kind.OBJECT: (15, 20),
    Kind.PROTECT: (15, 15),
}


class NoSuchRequest(TiepDonError):
    """There is no open request of that number."""

    code = "person.no_such_request"


class Request(Record, frozen=True, kw_only=True):
    """One request. Days as YYYY-MM-DD, moments as RFC 3339; `person`: a keyed reference."""

    number: int
    kind: Kind
    person: str
    asked_by: Asker
    channel: str
    asked_at: str
    answer_due: str
    due: str
    latest_due: str
    taken_by: str
    answered_at: str | None = None
    done_at: str | None = None
    done_by: str | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Asked:
    """What is asked, as it is taken down."""

    kind: Kind
    personal_id: str
    asked_by: Asker = Asker.SELF
    channel: str = "counter"


def add(connection: sqlite.Connection, asked: Asked, by: str, now: datetime, days_off: Sequence[date] = ()) -> Request:
    """Take a request down. `now`: at the site."""
    person, (days, most) = chain.reference(connection, asked.personal_id), TERMS[asked.kind]
    today = now.date()
    dues = (
        after_working_days(today, ANSWER_WORKING_DAYS, days_off),
        after_days(today, days, days_off),
        after_days(today, most, days_off),
    )
    values = (asked.kind.value, person, asked.asked_by.value, asked.channel, moment(now))
    ((number,),) = connection.execute(_ADD, (*values, *(due.isoformat() for due in dues), by)).fetchall()
    chain.note(connection, "person.asked", by, person, now, {"request": number, "kind": asked.kind.value})
    return one(connection, number)


def answer(connection: sqlite.Connection, number: int, by: str, now: datetime) -> Request:
    """The person was told that it is being done, or why not. Raises NoSuchRequest."""
    if connection.execute(_ANSWERED, (moment(now), number)).rowcount != 1:
        raise NoSuchRequest
    told = one(connection, number)
    chain.note(connection, "person.answered", by, told.person, now, {"request": number})
    return told


def finish(connection: sqlite.Connection, number: int, outcome: Outcome, by: str, now: datetime) -> Request:
    """It is done, or refused. Raises NoSuchRequest."""
    if connection.execute(_DONE, (moment(now), by, outcome.value, moment(now), number)).rowcount != 1:
        raise NoSuchRequest
    told = one(connection, number)
    chain.note(connection, "person.finished", by, told.person, now, {"request": number, "outcome": outcome.value})
    return told


def one(connection: sqlite.Connection, number: int) -> Request:
    """Raises NoSuchRequest."""
    row = connection.execute(_ONE, (number,)).fetchone()
    if row is None:
        raise NoSuchRequest
    return _request(row)


def listed(connection: sqlite.Connection, every: bool = False) -> list[Request]:
    """Those that are open, the most urgent first; behind them, with `every`, those that are done."""
    return [_request(row) for row in connection.execute(_LIST, (every,))]


def requests_of(connection: sqlite.Connection, personal_id: str) -> list[Request]:
    """What was asked for this person, oldest first."""
    return [_request(row) for row in connection.execute(_OF, (chain.reference(connection, personal_id),))]


def due_day(request: Request) -> str:
    """What is due next: its answer, then the whole of it. YYYY-MM-DD."""
    return request.due if request.answered_at is not None else min(request.answer_due, request.due)


def is_late(request: Request, today: date) -> bool:
    """Whether its answer or the whole of it is overdue."""
    return request.done_at is None and today.isoformat() > due_day(request)


def _request(row: sqlite.Row) -> Request:
    names = ("person", "channel", "asked_at", "answer_due", "due", "latest_due", "taken_by", "answered_at", "done_at")
    return Request(
        number=row["id"],
        kind=Kind(row["kind"]),
        asked_by=Asker(row["asked_by"]),
        done_by=row["done_by"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        **{name: row[name] for name in names},
    )
