"""What technicians and pages see of the outbox, and what they may do to it. Knows no connector and no network.

Nothing here edits a record. Every act names deliveries that stand in a state in which it means something; others are
left alone and not counted.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hisbridge.errors import UnknownDelivery
from hisbridge.outbox import WAITING, State, moment
from hisbridge.records import HospitalAnswer
from wire.codec import Record, from_json
from wire.database import transaction

MAX_LISTED = 1000


class Delivery(Record, frozen=True, kw_only=True):
    """One delivery as shown to technicians and scripts, without personal data. Moments are UTC, RFC 3339."""

    delivery_id: int
    record_id: str
    revision: int = 0
    event: str = "arrived"
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
    held: int = 0
    oldest_created_at: str | None = None
    acknowledged: int = 0
    rejected: int = 0
    dead: int = 0


class Pause(Record, frozen=True, kw_only=True):
    """A destination that a technician has paused."""

    destination: str
    paused_at: str
    why: str = ""


class Told(Record, frozen=True, kw_only=True):
    """What a receiver told back of a visit; `seq` grows with every answer."""

    seq: int
    visit_id: str
    destination: str
    answered_at: str
    answer: HospitalAnswer


@dataclass(frozen=True)
class Selection:
    """Which deliveries are meant; every part that is given narrows it. Moments bound `created_at`, `until` excluded.

    `person_key` as of hisbridge.identity; `before` is a delivery's number, for the next page.
    """

    numbers: Sequence[int] = ()
    destination: str | None = None
    states: Sequence[State] = ()
    since: datetime | None = None
    until: datetime | None = None
    person_key: str | None = None
    record_id: str | None = None
    before: int | None = None


_COLUMNS = """id, record_id, revision, event, destination, idempotency_key, state, attempts, created_at,
       next_attempt_at, finished_at, last_error, receipt"""

# Counted in the index alone, without touching the records; then one row is looked up for its age.
_DEPTH = """
SELECT destination, state, how_many, (SELECT created_at FROM deliveries WHERE id = first) AS oldest
FROM (SELECT destination, state, count(*) AS how_many, min(id) AS first FROM deliveries GROUP BY destination, state)
"""

_ANSWERS = """
SELECT seq, visit_id, destination, answered_at, answer FROM hospital_answers WHERE seq > ? ORDER BY seq LIMIT ?
"""

_AGAIN = "UPDATE deliveries SET state = 'queued', next_attempt_at = 0.0, render_failures = 0, suspicion = 0"


def list_deliveries(connection: sqlite3.Connection, selection: Selection, limit: int = 100) -> list[Delivery]:
    """Deliveries, newest first, at most MAX_LISTED."""
    where, values = _where(selection)
    query = f"SELECT {_COLUMNS} FROM deliveries WHERE {where} ORDER BY id DESC LIMIT :limit"  # noqa: S608 - our words
    rows = connection.execute(query, {**values, "limit": max(0, min(limit, MAX_LISTED))})
    return [_delivery(row) for row in rows]


def payload_of(connection: sqlite3.Connection, delivery_id: int) -> tuple[Delivery, str, str | None]:
    """One delivery with its record as JSON, and the person's number at the receiver. Raises UnknownDelivery."""
    query = f"SELECT {_COLUMNS}, payload, known FROM deliveries WHERE id = ?"  # noqa: S608 - our words
    row = connection.execute(query, (delivery_id,)).fetchone()
    if row is None:
        raise UnknownDelivery()
    return _delivery(row), row["payload"], row["known"]


def depth(connection: sqlite3.Connection) -> dict[str, Depth]:
    """What each destination is owed, by destination; one that was never owed anything is not in it."""
    counted: dict[str, dict[str, sqlite3.Row]] = {}
    for row in connection.execute(_DEPTH):
        counted.setdefault(row["destination"], {})[row["state"]] = row
    return {name: _depth(states) for name, states in counted.items()}


def retry(connection: sqlite3.Connection, selection: Selection) -> int:
    """Let what ended badly or waits for its next attempt go out now, under the same keys. Returns how many."""
    return _act(connection, _AGAIN, selection, (State.QUEUED, State.REJECTED, State.DEAD, State.CANCELLED))


def replay(connection: sqlite3.Connection, selection: Selection) -> int:
    """Send again what was acknowledged, under the same keys: a receiver that lost it, or was restored. How many."""
    return _act(connection, _AGAIN, selection, (State.ACKNOWLEDGED,))


def hold(connection: sqlite3.Connection, selection: Selection) -> int:
    """Keep back what waits, and with it all later records of the same persons. Returns how many."""
    return _act(connection, "UPDATE deliveries SET state = 'held'", selection, (State.QUEUED,))


def release(connection: sqlite3.Connection, selection: Selection) -> int:
    """Let what was held go out. Returns how many."""
    return _act(connection, _AGAIN, selection, (State.HELD,))


def cancel(connection: sqlite3.Connection, selection: Selection, now: datetime) -> int:
    """Give up what is held or ended badly: it was entered by hand. Its person's later records go on. How many."""
    act = f"UPDATE deliveries SET state = 'cancelled', finished_at = '{moment(now)}'"  # noqa: S608 - digits
    return _act(connection, act, selection, (State.HELD, State.REJECTED, State.DEAD))


def pause(connection: sqlite3.Connection, destination: str, now: datetime, why: str = "") -> None:
    """Send nothing more to this destination until `resume`; survives a restart."""
    with transaction(connection):
        connection.execute(
            "INSERT OR REPLACE INTO destination_switches VALUES (?, ?, ?)", (destination, moment(now), why)
        )


def resume(connection: sqlite3.Connection, destination: str) -> bool:
    """Go on. Whether it had been paused."""
    with transaction(connection):
        done = connection.execute("DELETE FROM destination_switches WHERE destination = ?", (destination,))
    return done.rowcount > 0


def pauses(connection: sqlite3.Connection) -> dict[str, Pause]:
    """The paused destinations, by name."""
    rows = connection.execute("SELECT destination, paused_at, why FROM destination_switches")
    return {row["destination"]: Pause(**dict(row)) for row in rows}


def answers(connection: sqlite3.Connection, since_seq: int = 0, limit: int = 100) -> list[Told]:
    """What receivers told back, numbered above `since_seq`, in the order in which it came."""
    rows = connection.execute(
        _ANSWERS,
        (since_seq, max(0, min(limit, MAX_LISTED))),
    )
    return [Told(**{**dict(row), "answer": from_json(row["answer"], HospitalAnswer)}) for row in rows]


def _act(connection: sqlite3.Connection, act: str, selection: Selection, allowed: Sequence[State]) -> int:
    states = [state for state in allowed if not selection.states or state in selection.states]
    if not states:
        return 0
    where, values = _where(selection, states)
    with transaction(connection):
        return connection.execute(f"{act} WHERE {where}", values).rowcount


def _where(selection: Selection, states: Sequence[State] | None = None) -> tuple[str, dict[str, object]]:
    """The condition and its values; words of ours only, every value is bound."""
    parts = ["1"]
    values: dict[str, object] = {}

    def among(column: str, wanted: Sequence[object]) -> None:
        names = [f"{column}_{number}" for number in range(len(wanted))]
        values.update(zip(names, wanted, strict=True))
        parts.append(f"{column} IN ({', '.join(':' + name for name in names)})")

    if selection.numbers:
        among("id", selection.numbers)
    if chosen := selection.states if states is None else states:
        among("state", chosen)
    bounds = {
        "destination = :destination": ("destination", selection.destination),
        "created_at >= :since": ("since", selection.since and moment(selection.since)),
        "created_at < :until": ("until", selection.until and moment(selection.until)),
        "person_key = :person": ("person", selection.person_key),
        "record_id = :record": ("record", selection.record_id),
        "id < :before": ("before", selection.before),
    }
    for condition, (name, value) in bounds.items():
        if value is not None:
            parts.append(condition)
            values[name] = value
    return " AND ".join(parts), values


def _depth(states: dict[str, sqlite3.Row]) -> Depth:
    def count(state: State) -> int:
        return states[state]["how_many"] if state in states else 0

    waiting = [state for state in WAITING if state in states]
    return Depth(
        waiting=count(State.QUEUED) + count(State.SENDING),
        held=count(State.HELD),
        oldest_created_at=min((states[state]["oldest"] for state in waiting), default=None),
        acknowledged=count(State.ACKNOWLEDGED),
        rejected=count(State.REJECTED),
        dead=count(State.DEAD),
    )


def _delivery(row: sqlite3.Row) -> Delivery:
    waits = row["state"] == State.QUEUED and row["next_attempt_at"] > 0
    return Delivery(
        delivery_id=row["id"],
        record_id=row["record_id"],
        revision=row["revision"],
        event=row["event"],
        destination=row["destination"],
        idempotency_key=row["idempotency_key"],
        state=State(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_attempt_at=moment(datetime.fromtimestamp(row["next_attempt_at"], UTC)) if waits else None,
        finished_at=row["finished_at"],
        last_error=row["last_error"],
        receipt=row["receipt"],
    )
