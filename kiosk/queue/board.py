"""What hangs in the hall: the last calls, numbered, so that a board that was away knows which it has spoken already.

A name is read only for a board that shows names. Must not import Flask, a device library or a connector.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from hisbridge.records import PatientRecord
from kiosk.queue import rows
from kiosk.queue.model import Call, Priority
from wire import sqlite
from wire.codec import from_json
from wire.errors import MalformedMessage

MOST_FRESH = 60  # calls that are still to be spoken: an hour of a busy hall in one minute

# Whoever was called by mistake (undone), waits again or went home is on no board.
_CALLS = """
SELECT moves.id, moves.at, moves.kind, moves.counter, moves.queue, moves.ticket_id, number, priority, standing,
       NULL AS record
FROM moves JOIN tickets ON tickets.id = ticket_id
WHERE moves.day = ? AND moves.counter = ? AND kind IN ('call', 'recall') AND undone = 0
AND standing NOT IN ('waiting', 'cancelled')
ORDER BY moves.id DESC
"""
_NAMED = """
SELECT moves.id, moves.at, moves.kind, moves.counter, moves.queue, moves.ticket_id, number, priority, standing, record
FROM moves JOIN tickets ON tickets.id = ticket_id LEFT JOIN visits ON visits.id = visit_id
WHERE moves.day = ? AND moves.counter = ? AND kind IN ('call', 'recall') AND undone = 0
AND standing NOT IN ('waiting', 'cancelled')
ORDER BY moves.id DESC
"""
_ANSWERED = ("served", "done")  # whoever stands at the counter need not be called once more


@dataclass(frozen=True)
class BoardRead:
    """What one board shows. `fresh`: what may still have to be spoken, the oldest first; `next_up`: numbers."""

    calls: tuple[Call, ...]
    fresh: tuple[Call, ...]
    waiting: dict[str, int]
    next_up: tuple[str, ...]


def last_calls(
    connection: sqlite.Connection, day: str, counters: Sequence[str], most: int, named: bool = True
) -> list[Call]:
    """The newest calls of these counters, each ticket once, the newest first; `named`: with the names."""
    return [_call(row) for row in islice(_once_each(_newest(connection, day, counters, named)), most)]


def fresh_calls(connection: sqlite.Connection, day: str, counters: Sequence[str], since: int) -> list[Call]:
    """The calls since this moment (seconds since the epoch) that nobody has come to yet, the oldest first, nameless.

    Each ticket once: a call that was repeated is the repeated one.
    """
    recent = takewhile(lambda row: row["at"] >= since, _newest(connection, day, counters, named=False))
    open_ = (row for row in _once_each(recent) if row["standing"] not in _ANSWERED)
    return [_call(row) for row in islice(open_, MOST_FRESH)][::-1]


def board_read(
    connection: sqlite.Connection,
    day: str,
    counters: Sequence[str],
    queues: Sequence[str],
    since: int,
    most: int,
    named: bool = False,
    next_up: int = 0,
) -> BoardRead:
    """What a board with these counters shows; `queues`: those they call from."""
    return BoardRead(
        tuple(last_calls(connection, day, counters, most, named)),
        tuple(fresh_calls(connection, day, counters, since)),
        {queue: rows.count_all(connection, day, queue) for queue in queues},
        tuple(entry.number for entry in rows.waiting(connection, day, queues, None, next_up)) if next_up else (),
    )


def _newest(connection: sqlite.Connection, day: str, counters: Sequence[str], named: bool) -> Iterator[sqlite.Row]:
    statement = _NAMED if named else _CALLS
    found = (connection.execute(statement, (day, counter)) for counter in counters)
    return heapq.merge(*found, key=lambda row: -row["id"])


def _once_each(found: Iterator[sqlite.Row]) -> Iterator[sqlite.Row]:
    seen = set()
    for row in found:
        if row["ticket_id"] not in seen:
            seen.add(row["ticket_id"])
            yield row


def _call(row: sqlite.Row) -> Call:
    return Call(
        sequence=row["id"],
        ticket_id=row["ticket_id"],
        number=row["number"],
        counter=row["counter"],
        queue=row["queue"],
        at=row["at"],
        priority=Priority(row["priority"]),
        again=row["kind"] == "recall",
        full_name=_name(row["record"]),
    )


def _name(record: str | None) -> str | None:
    try:
        return from_json(record, PatientRecord).patient.full_name if record else None
    except MalformedMessage:
        return None
