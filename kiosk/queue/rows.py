"""The queue's rows: tickets as they stand, and what was done to them. Statements only; acts are in `acts.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

from kiosk.queue.model import Act, Entry, MoveKind, Place, Priority, PriorityBy, Standing
from wire import sqlite
from wire.codec import to_json

_ONE = "SELECT * FROM tickets WHERE id = ?"
_OF_VISIT = "SELECT * FROM tickets WHERE visit_id = ?"
_CURRENT = """
SELECT * FROM tickets WHERE day = ? AND counter = ? AND standing IN ('called', 'served')
ORDER BY since DESC, rowid DESC LIMIT 1
"""
_HELD = "SELECT * FROM tickets WHERE day = ? AND counter = ? AND standing = 'held' ORDER BY since, rowid"
_WAITING = """
SELECT * FROM tickets
WHERE day = ? AND queue = ? AND standing = 'waiting' AND (wanted IS NULL OR wanted = ?)
ORDER BY urgent DESC, sort_at, sequence LIMIT ?
"""
_FIRST_SINCE = """
SELECT since FROM tickets WHERE day = ? AND queue = ? AND standing = 'waiting'
ORDER BY urgent DESC, sort_at, sequence LIMIT 1
"""
_COUNT = """
SELECT count(*) FROM tickets
WHERE day = ? AND queue = ? AND standing = 'waiting' AND (wanted IS NULL OR wanted = ?)
"""
_COUNT_ALL = "SELECT count(*) FROM tickets WHERE day = ? AND queue = ? AND standing = 'waiting'"
# Whoever waits for one counter alone is overtaken by nobody whom another counter alone may call, and overtakes none.
_AHEAD = """
SELECT count(*), min(other.since) FROM tickets AS mine JOIN tickets AS other
ON other.day = mine.day AND other.queue = mine.queue
WHERE mine.id = ? AND other.standing = 'waiting'
AND (other.wanted IS NULL OR mine.wanted IS NULL OR other.wanted = mine.wanted)
AND (other.urgent > mine.urgent OR (other.urgent = mine.urgent AND
     (other.sort_at < mine.sort_at OR (other.sort_at = mine.sort_at AND other.sequence < mine.sequence))))
"""
_PLACE = """
UPDATE tickets SET standing = ?, queue = ?, sort_at = ?, urgent = ?, priority = ?, priority_by = ?, confirmed = ?,
                   counter = ?, wanted = ?, calls = ?, missed = ?, onward = ?, since = ?
WHERE id = ?
"""
_NOTE = """
INSERT INTO moves (act, day, at, kind, ticket_id, queue, counter, by, reason, before, since)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SENT = "SELECT 1 FROM moves WHERE ticket_id = ? AND kind = 'transfer' AND undone = 0 LIMIT 1"
_LAST_MOVE = "SELECT ifnull(max(id), 0) FROM moves WHERE day = ? AND counter = ?"
_CALLS = """
SELECT at, since, json_extract(before, '$.priority') != '' AS first FROM moves
WHERE day = ? AND queue = ? AND kind = 'call' AND undone = 0 ORDER BY id DESC LIMIT ?
"""
_CALLS_BY = """
SELECT at, since, json_extract(before, '$.priority') != '' AS first FROM moves
WHERE day = ? AND counter = ? AND kind = 'call' AND undone = 0 ORDER BY id DESC LIMIT ?
"""


@dataclass(frozen=True)
class LastCall:
    """When somebody was called, since when they had stood there (seconds since the epoch), whether with a priority."""

    at: int
    since: int
    first: bool


def entry_of(row: sqlite.Row) -> Entry:
    """A ticket's row as an entry of the queue."""
    return Entry(
        ticket_id=row["id"],
        number=row["number"],
        day=row["day"],
        service_code=row["service_code"],
        visit_id=row["visit_id"],
        needs_counter=bool(row["needs_counter"]),
        issued=row["issued_seconds"],
        since=row["since"],
        place=Place(
            standing=Standing(row["standing"]),
            queue=row["queue"],
            sort_at=row["sort_at"],
            priority=Priority(row["priority"]),
            priority_by=PriorityBy(row["priority_by"]) if row["priority_by"] else None,
            confirmed=bool(row["confirmed"]),
            counter=row["counter"],
            wanted=row["wanted"],
            calls=row["calls"],
            missed=row["missed"],
            onward=row["onward"],
        ),
    )


def one(connection: sqlite.Connection, ticket_id: str) -> Entry | None:
    """One ticket, of whatever day."""
    row = connection.execute(_ONE, (ticket_id,)).fetchone()
    return None if row is None else entry_of(row)


def of_visit(connection: sqlite.Connection, visit_id: str) -> Entry | None:
    """The ticket of a visit."""
    row = connection.execute(_OF_VISIT, (visit_id,)).fetchone()
    return None if row is None else entry_of(row)


def was_sent(connection: sqlite.Connection, ticket_id: str) -> bool:
    """Whether staff sent this ticket from one queue to another."""
    return connection.execute(_SENT, (ticket_id,)).fetchone() is not None


def last_move(connection: sqlite.Connection, day: str, counter: str) -> int:
    """The number of the last move of a counter; 0 where it made none that day."""
    ((found,),) = connection.execute(_LAST_MOVE, (day, counter)).fetchall()
    return int(found)


def current(connection: sqlite.Connection, day: str, counter: str) -> Entry | None:
    """Whom a counter called or serves."""
    row = connection.execute(_CURRENT, (day, counter)).fetchone()
    return None if row is None else entry_of(row)


def held(connection: sqlite.Connection, day: str, counter: str) -> list[Entry]:
    """Whom a counter put aside, the longest first."""
    return [entry_of(row) for row in connection.execute(_HELD, (day, counter))]


def waiting(
    connection: sqlite.Connection, day: str, queues: Sequence[str], counter: str | None, most: int
) -> list[Entry]:
    """Who waits in these queues for this counter, in the order of being called, `most` at most.

    An emergency of any queue comes first; else the queues stand side by side, by the moment that counts.
    """
    found = [row for queue in queues for row in connection.execute(_WAITING, (day, queue, counter, most))]
    # Stable: of the same moment the queue named first goes first.
    found.sort(key=lambda row: (-row["urgent"], row["sort_at"]))
    return [entry_of(row) for row in found[:most]]


def count(connection: sqlite.Connection, day: str, queue: str, counter: str) -> int:
    """How many wait in a queue whom this counter may call."""
    ((found,),) = connection.execute(_COUNT, (day, queue, counter)).fetchall()
    return int(found)


def count_all(connection: sqlite.Connection, day: str, queue: str) -> int:
    """How many wait in a queue, for whatever counter."""
    ((found,),) = connection.execute(_COUNT_ALL, (day, queue)).fetchall()
    return int(found)


def first_since(connection: sqlite.Connection, day: str, queue: str) -> int | None:
    """Since when whoever is called next from a queue waits there; None where nobody does."""
    row = connection.execute(_FIRST_SINCE, (day, queue)).fetchone()
    return None if row is None else int(row["since"])


def ahead(connection: sqlite.Connection, ticket_id: str) -> tuple[int, int | None]:
    """How many of its queue are called before this ticket, if all goes in order, and since when the first waits."""
    ((found, since),) = connection.execute(_AHEAD, (ticket_id,)).fetchall()
    return int(found), since


def last_calls(connection: sqlite.Connection, day: str, queue: str, counter: str | None, most: int) -> list[LastCall]:
    """The last calls from a queue (or by a counter), the newest first."""
    statement, name = (_CALLS, queue) if counter is None else (_CALLS_BY, counter)
    return [
        LastCall(row["at"], row["since"], bool(row["first"]))
        for row in connection.execute(statement, (day, name, most))
    ]


def put(connection: sqlite.Connection, ticket_id: str, place: Place, since: int) -> None:
    """Let a ticket stand there since then."""
    connection.execute(
        _PLACE,
        (
            place.standing.value,
            place.queue,
            place.sort_at,
            int(place.urgent),
            place.priority.value,
            place.priority_by.value if place.priority_by else None,
            int(place.confirmed),
            place.counter,
            place.wanted,
            place.calls,
            place.missed,
            place.onward,
            since,
            ticket_id,
        ),
    )


def note(connection: sqlite.Connection, act: Act, kind: MoveKind, entry: Entry, at: int, reason: str = "") -> None:
    """Write down what is done to a ticket, with the place it had and since when."""
    before = to_json(entry.place).decode()
    place = (entry.ticket_id, entry.place.queue, act.counter, act.by, reason, before, entry.since)
    connection.execute(_NOTE, (act.name, entry.day, at, kind.value, *place))


def move(
    connection: sqlite.Connection, act: Act, kind: MoveKind, entry: Entry, place: Place, at: int, reason: str = ""
) -> None:
    """Write down what is done, and let the ticket stand there; who stays where they are stays since the same moment."""
    note(connection, act, kind, entry, at, reason)
    stays = (place.standing, place.queue) == (entry.place.standing, entry.place.queue)
    put(connection, entry.ticket_id, place, entry.since if stays else at)
