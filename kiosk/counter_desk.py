"""What one counter has before it: whom it serves, whom it put aside, who comes next and who waits longest, who was
given up. Everything by index, so that a day of 5,000 visits costs what a quiet one does.

Must not import Flask, a device library or a connector.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kiosk.clock import Clock
from kiosk.queue import rows
from kiosk.queue.acts import Acts
from kiosk.queue.desk import NEXT_UP, Queue
from kiosk.queue.errors import NoSuchCounter
from kiosk.queue.model import Entry
from wire import sqlite

MISSED = 10  # of each queue, the newest

_LONGEST = """
SELECT since FROM tickets WHERE day = ? AND queue = ? AND standing = 'waiting' AND (wanted IS NULL OR wanted = ?)
ORDER BY since LIMIT 1
"""
_MISSED = "SELECT * FROM tickets WHERE day = ? AND queue = ? AND standing = 'missed' ORDER BY since DESC LIMIT ?"
_NAMES = """
SELECT tickets.id, iif(json_valid(record), json_extract(record, '$.patient.full_name'), NULL) AS full_name
FROM tickets JOIN visits ON visits.id = visit_id WHERE tickets.id IN
"""


@dataclass(frozen=True, repr=False)
class Someone:
    """A ticket with the name of whoever holds it, where that is known."""

    entry: Entry
    full_name: str | None


@dataclass(frozen=True)
class Line:
    """One queue of the counter: how many wait, and since when the first of them (seconds since the epoch)."""

    queue: str
    waiting: int
    since: int | None


@dataclass(frozen=True, repr=False)
class DeskView:
    """What a counter sees at one moment. `seen`: its last move (`rows.last_move`)."""

    counter: str
    seen: int
    current: Someone | None
    held: tuple[Someone, ...]
    missed: tuple[Someone, ...]
    next_up: tuple[Someone, ...]
    lines: tuple[Line, ...]


def desk_view(queue: Queue, clock: Clock, code: str) -> DeskView:
    """What this counter sees now. Raises NoSuchCounter, DatabaseUnavailable."""
    if code not in queue.rules.counters:
        raise NoSuchCounter(counter=code)
    queues = queue.rules.counters[code].queues
    with queue.connection.using() as connection:
        day = Acts(connection, queue.rules, clock).day()
        seen = rows.last_move(connection, day, code)
        current = rows.current(connection, day, code)
        held = rows.held(connection, day, code)
        next_up = rows.waiting(connection, day, queues, code, NEXT_UP)
        missed = [rows.entry_of(row) for one in queues for row in connection.execute(_MISSED, (day, one, MISSED))]
        missed.sort(key=lambda entry: -entry.since)
        names = _names(connection, [*([current] if current else []), *held, *next_up, *missed])
        lines = tuple(_line(connection, day, one, code) for one in queues)

    def named(entries: Sequence[Entry]) -> tuple[Someone, ...]:
        return tuple(Someone(entry, names.get(entry.ticket_id)) for entry in entries)

    here = named([current])[0] if current else None
    return DeskView(code, seen, here, named(held), named(missed[:MISSED]), named(next_up), lines)


def _line(connection: sqlite.Connection, day: str, queue: str, code: str) -> Line:
    waiting = rows.count(connection, day, queue, code)
    first = connection.execute(_LONGEST, (day, queue, code)).fetchone() if waiting else None
    return Line(queue, waiting, None if first is None else first["since"])


def _names(connection: sqlite.Connection, entries: Sequence[Entry]) -> dict[str, str | None]:
    tickets = [entry.ticket_id for entry in entries if entry.visit_id is not None]
    places = ", ".join("?" * len(tickets))
    return {row["id"]: row["full_name"] for row in connection.execute(f"{_NAMES} ({places})", tickets)}
