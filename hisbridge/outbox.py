"""The outbox: what is still owed to whom. Prepared SQL on the shared database; knows no connector and no network.

`enqueue` runs inside the kiosk's own transaction (visit, ticket and deliveries are committed together); everything
else belongs to the bridge. A row leaves `queued` and `sending` only on the receiver's own word, or as `dead`.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from hisbridge.identity import idempotency_key, person_key
from hisbridge.records import PatientRecord
from wire.codec import Record, to_json
from wire.database import transaction

MAX_LISTED = 1000


class State(StrEnum):
    """Where a delivery stands. `sending` means: an attempt was begun and its outcome is not known."""

    QUEUED = "queued"
    SENDING = "sending"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    DEAD = "dead"


@dataclass(frozen=True)
class Claimed:
    """A delivery taken for sending: the attempt is already on disk."""

    delivery_id: int
    record_id: str
    idempotency_key: str
    payload: str
    attempts: int
    render_failures: int


class Delivery(Record, frozen=True, kw_only=True):
    """One delivery as shown to technicians and scripts, without personal data. Moments are UTC, RFC 3339."""

    delivery_id: int
    record_id: str
    destination: str
    idempotency_key: str
    state: State
    attempts: int
    created_at: str
    next_attempt_at: str | None = None
    finished_at: str | None = None
    last_error: str | None = None
    receipt: str | None = None


class Depth(Record, frozen=True, kw_only=True):
    """How much a destination is owed: records waiting, when the oldest was made, and how many ended badly."""

    waiting: int = 0
    oldest_created_at: str | None = None
    rejected: int = 0
    dead: int = 0


_ENQUEUE = """
INSERT INTO deliveries (record_id, destination, idempotency_key, person_key, payload, state, attempts,
                        render_failures, next_attempt_at, created_at)
VALUES (?, ?, ?, ?, ?, 'queued', 0, 0, 0.0, ?)
"""

# Head of line per person: a record waits while an earlier one of the same person is not finished. A next attempt
# further away than the longest back-off was written before the clock was set back; it is due.
_CLAIM = """
SELECT id FROM deliveries AS mine
WHERE destination = :destination AND state = 'queued'
  AND (next_attempt_at <= :now OR next_attempt_at > :now + :horizon)
  AND NOT EXISTS (
    SELECT 1 FROM deliveries AS earlier
    WHERE earlier.destination = mine.destination AND earlier.person_key = mine.person_key
      AND earlier.id < mine.id AND earlier.state IN ('queued', 'sending'))
ORDER BY id LIMIT :limit
"""

_BEGIN_ATTEMPT = """
UPDATE deliveries SET state = 'sending', attempts = attempts + 1 WHERE id = ?
RETURNING id, record_id, idempotency_key, payload, attempts, render_failures
"""

_FINISH = "UPDATE deliveries SET state = ?, finished_at = ?, last_error = ?, receipt = ? WHERE id = ?"

_DEFER = """
UPDATE deliveries SET state = 'queued', next_attempt_at = ?, last_error = ?, render_failures = ? WHERE id = ?
"""

_RESET = """
UPDATE deliveries SET state = 'queued', next_attempt_at = 0.0 WHERE destination = ? AND state = 'sending'
"""

_LIST = """
SELECT id, record_id, destination, idempotency_key, state, attempts, created_at, next_attempt_at, finished_at,
       last_error, receipt
FROM deliveries WHERE (:state IS NULL OR state = :state) ORDER BY id DESC LIMIT :limit
"""

# Counted in the index alone, without touching the records; then one row is looked up for its age.
_DEPTH = """
SELECT destination, state, how_many, (SELECT created_at FROM deliveries WHERE id = first) AS oldest
FROM (SELECT destination, state, count(*) AS how_many, min(id) AS first FROM deliveries GROUP BY destination, state)
"""


def enqueue(connection: sqlite3.Connection, record: PatientRecord, destinations: Sequence[str], now: datetime) -> None:
    """Owe this record to each destination. Inserts only: the caller begins and commits the transaction.

    Raises sqlite3.IntegrityError when this visit is already owed to a destination.
    """
    if not destinations:
        return
    payload = to_json(record).decode()
    person = person_key(record.patient.personal_id)
    visit = record.visit.visit_id
    created = _moment(now)
    connection.executemany(
        _ENQUEUE, [(visit, name, idempotency_key(name, visit), person, payload, created) for name in destinations]
    )


def claim(
    connection: sqlite3.Connection, destination: str, now: datetime, limit: int, horizon_seconds: float
) -> list[Claimed]:
    """Take the next deliveries that are due, oldest first, at most one per person; their attempt is counted on disk.

    `horizon_seconds` is the longest back-off in use. Raises wire.database.DatabaseUnavailable.
    """
    wanted = {"destination": destination, "now": now.timestamp(), "horizon": horizon_seconds, "limit": limit}
    # Only this destination's own courier changes what is due, so an idle look needs no write lock.
    due = connection.execute(_CLAIM, wanted).fetchall()
    if not due:
        return []
    with transaction(connection):
        return [Claimed(*connection.execute(_BEGIN_ATTEMPT, (row[0],)).fetchone()) for row in due]


def acknowledge(connection: sqlite3.Connection, delivery_id: int, receipt: str, now: datetime) -> None:
    """The receiver has taken the record."""
    _write(connection, _FINISH, (State.ACKNOWLEDGED, _moment(now), None, receipt, delivery_id))


def reject(connection: sqlite3.Connection, delivery_id: int, code: str, receipt: str, now: datetime) -> None:
    """The receiver refused the record's content; a person must look at it."""
    _write(connection, _FINISH, (State.REJECTED, _moment(now), code, receipt, delivery_id))


def kill(connection: sqlite3.Connection, delivery_id: int, code: str, now: datetime) -> None:
    """The record cannot be rendered for this destination; a person must look at it."""
    _write(connection, _FINISH, (State.DEAD, _moment(now), code, None, delivery_id))


def defer(
    connection: sqlite3.Connection, delivery_id: int, code: str, next_attempt: datetime, render_failures: int = 0
) -> None:
    """The outcome is not known, or the receiver asked to come again: back to the queue, not before `next_attempt`."""
    _write(connection, _DEFER, (next_attempt.timestamp(), code, render_failures, delivery_id))


def reset_sending(connection: sqlite3.Connection, destination: str) -> int:
    """After a restart: attempts with unknown outcome go back to the queue, under their old key. Returns how many."""
    return _write(connection, _RESET, (destination,))


def list_deliveries(connection: sqlite3.Connection, state: State | None = None, limit: int = 100) -> list[Delivery]:
    """Deliveries, newest first, at most MAX_LISTED."""
    rows = connection.execute(_LIST, {"state": state, "limit": max(0, min(limit, MAX_LISTED))})
    return [_delivery(row) for row in rows]


def depth(connection: sqlite3.Connection) -> dict[str, Depth]:
    """What each destination is owed, by destination; one that was never owed anything is not in it."""
    counted: dict[str, dict[str, sqlite3.Row]] = {}
    for row in connection.execute(_DEPTH):
        counted.setdefault(row["destination"], {})[row["state"]] = row
    return {name: _depth(states) for name, states in counted.items()}


def _depth(states: dict[str, sqlite3.Row]) -> Depth:
    pending = [states[state] for state in (State.QUEUED, State.SENDING) if state in states]
    return Depth(
        waiting=sum(row["how_many"] for row in pending),
        oldest_created_at=min((row["oldest"] for row in pending), default=None),
        rejected=states[State.REJECTED]["how_many"] if State.REJECTED in states else 0,
        dead=states[State.DEAD]["how_many"] if State.DEAD in states else 0,
    )


def _delivery(row: sqlite3.Row) -> Delivery:
    waits = row["state"] == State.QUEUED and row["next_attempt_at"] > 0
    return Delivery(
        delivery_id=row["id"],
        record_id=row["record_id"],
        destination=row["destination"],
        idempotency_key=row["idempotency_key"],
        state=State(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_attempt_at=_moment(datetime.fromtimestamp(row["next_attempt_at"], UTC)) if waits else None,
        finished_at=row["finished_at"],
        last_error=row["last_error"],
        receipt=row["receipt"],
    )


def _write(connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> int:
    with transaction(connection):
        return connection.execute(statement, values).rowcount


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
