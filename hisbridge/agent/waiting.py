"""What waits for a destination that takes for itself: the outbox's own rows, without a claim.

Nothing is marked while it is merely offered, so an agent that dies or a clerk who goes home leaves nothing hanging.
Taking is one statement: of two who take the same record one gets it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hisbridge.agent.errors import AgentNotTaken
from hisbridge.outbox import moment
from hisbridge.records import PatientRecord
from wire import sqlite
from wire.codec import from_json
from wire.database import transaction
from wire.errors import MalformedMessage

MOST_LISTED = 200
SUPERSEDED = "superseded"  # receipt of a record that a later one of the same visit replaced before anybody took it
UNREADABLE = "delivery.unrenderable"


@dataclass(frozen=True)
class Waiting:
    """One record that may be offered: the latest of its visit. `created_at` is UTC, RFC 3339."""

    delivery_id: int
    created_at: str
    record: PatientRecord


# The latest record of each visit; none whose person has an earlier visit that waits; none while a technician holds
# or paused anything of it.
_WAITING = """
SELECT id, created_at, payload FROM deliveries AS mine
WHERE destination = :destination AND state = 'queued'
  AND NOT EXISTS (SELECT 1 FROM destination_switches AS switch WHERE switch.destination = :destination)
  AND NOT EXISTS (
    SELECT 1 FROM deliveries AS other
    WHERE other.destination = mine.destination AND other.person_key = mine.person_key
      AND ((other.record_id = mine.record_id AND other.state IN ('queued', 'held') AND other.id > mine.id)
           OR (other.record_id = mine.record_id AND other.state = 'held')
           OR (other.record_id <> mine.record_id AND other.state IN ('queued', 'held') AND other.id < mine.id)))
"""
_ONE = _WAITING + " AND id = :number"
_MANY = _WAITING + " ORDER BY id LIMIT :limit"

_TAKE = """
UPDATE deliveries SET state = 'acknowledged', finished_at = :at, receipt = :receipt, last_error = NULL,
                      attempts = attempts + 1
WHERE id = :number AND state = 'queued' RETURNING record_id
"""
_SUPERSEDE = """
UPDATE deliveries SET state = 'acknowledged', finished_at = :at, receipt = :receipt, last_error = NULL
WHERE destination = :destination AND record_id = :visit AND state = 'queued' AND id < :number
"""
_GIVE_UP = """
UPDATE deliveries SET state = 'dead', finished_at = :at, last_error = :code
WHERE destination = :destination AND state = 'queued' AND created_at < :before
  AND finished_at IS NULL
"""
_OVERDUE = """
SELECT 1 FROM deliveries WHERE destination = ? AND state = 'queued' AND created_at < ? AND finished_at IS NULL LIMIT 1
"""
_DEAD = "UPDATE deliveries SET state = 'dead', finished_at = ?, last_error = ? WHERE id = ? AND state = 'queued'"
_TAKE_BACK = "UPDATE deliveries SET state = 'queued', next_attempt_at = 0.0 WHERE destination = ? AND state = 'sending'"


def waiting(connection: sqlite.Connection, destination: str, now: datetime, limit: int = MOST_LISTED) -> list[Waiting]:
    """What may be offered, oldest first; empty while the destination is paused. An unreadable record ends as dead."""
    rows = connection.execute(_MANY, {"destination": destination, "limit": max(0, min(limit, MOST_LISTED))}).fetchall()
    return [one for one in (_read(connection, row, now) for row in rows) if one is not None]


def one_waiting(connection: sqlite.Connection, destination: str, number: int, now: datetime) -> Waiting | None:
    """This delivery, if it may be offered now."""
    row = connection.execute(_ONE, {"destination": destination, "number": number}).fetchone()
    return None if row is None else _read(connection, row, now)


def take(connection: sqlite.Connection, destination: str, number: int, now: datetime, receipt: str) -> bool:
    """Acknowledge this delivery, and with it the visit's earlier records. Whether it was still there to take.

    Raises wire.database.DatabaseUnavailable; then nothing is taken.
    """
    at = moment(now)
    with transaction(connection):
        if connection.execute(_ONE, {"destination": destination, "number": number}).fetchone() is None:
            return False
        row = connection.execute(_TAKE, {"number": number, "at": at, "receipt": receipt}).fetchone()
        if row is None:
            return False
        visit = {"destination": destination, "visit": row["record_id"], "number": number}
        connection.execute(_SUPERSEDE, {**visit, "at": at, "receipt": SUPERSEDED})
    return True


def give_up(connection: sqlite.Connection, destination: str, now: datetime, hours: float) -> int:
    """Declare dead what nobody took in `hours`, so that technicians see it. Returns how many.

    What had ended before and was sent again by a technician stays until it is taken.
    """
    before = moment(now - timedelta(hours=hours))
    values = {"destination": destination, "at": moment(now), "before": before, "code": AgentNotTaken.code}
    # Only looked at before the write lock is asked for.
    if connection.execute(_OVERDUE, (destination, before)).fetchone() is None:
        return 0
    with transaction(connection):
        return connection.execute(_GIVE_UP, values).rowcount


def take_back(connection: sqlite.Connection, destination: str) -> None:
    """Let records stand in the queue that another kind of connector under this name left under way."""
    with transaction(connection):
        connection.execute(_TAKE_BACK, (destination,))


def _read(connection: sqlite.Connection, row: Sequence[object] | sqlite.Row, now: datetime) -> Waiting | None:
    number, created_at, payload = int(str(row[0])), str(row[1]), str(row[2])
    try:
        return Waiting(number, created_at, from_json(payload, PatientRecord))
    except MalformedMessage:
        with transaction(connection):
            connection.execute(_DEAD, (moment(now), UNREADABLE, number))
        return None
