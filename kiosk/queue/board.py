"""What hangs in the hall: the last calls, numbered, so that a board that was away knows which it has spoken already."""

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice

from hisbridge.records import PatientRecord
from kiosk.queue.model import Call, Priority
from wire.codec import from_json
from wire.errors import MalformedMessage

# Whoever was called by mistake (undone), waits again or went home is on no board.
_CALLS = """
SELECT moves.id, moves.at, moves.kind, moves.counter, moves.queue, moves.ticket_id, number, priority, record
FROM moves JOIN tickets ON tickets.id = ticket_id LEFT JOIN visits ON visits.id = visit_id
WHERE moves.day = ? AND moves.counter = ? AND kind IN ('call', 'recall') AND undone = 0
AND standing NOT IN ('waiting', 'cancelled')
ORDER BY moves.id DESC
"""


def last_calls(connection: sqlite3.Connection, day: str, counters: Sequence[str], most: int) -> list[Call]:
    """The newest calls of these counters, each ticket once, the newest first."""
    newest = heapq.merge(
        *(connection.execute(_CALLS, (day, counter)) for counter in counters), key=lambda row: -row["id"]
    )
    return [_call(row) for row in islice(_once_each(newest), most)]


def _once_each(found: Iterator[sqlite3.Row]) -> Iterator[sqlite3.Row]:
    seen = set()
    for row in found:
        if row["ticket_id"] not in seen:
            seen.add(row["ticket_id"])
            yield row


def _call(row: sqlite3.Row) -> Call:
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
