"""How long people waited, came and were served, by queue and hour, from what the counters pressed; nobody is named.

Left out is what is not accurate: what was undone, a second wait after the first one ended, a press that was forgotten
over a pause, a clock that was set back. Must not import Flask, a device library or a connector.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from itertools import groupby
from statistics import median, quantiles

from wire import sqlite

LONGEST_MINUTES = 60  # whoever is called or served longer was forgotten, or the counter had a pause


class Measure(StrEnum):
    """What was measured."""

    WAIT = "wait"  # from coming into the queue to the call; pauses of the house are part of it
    WAY = "way"  # from the call to the beginning, where the counter presses both
    SERVICE = "service"  # from the beginning to the end, where the counter presses both
    TURN = "turn"  # from the call to the end, of those who came


@dataclass(frozen=True)
class Figure:
    """One measure of one queue in one hour of one day (the site's), minutes to one place.

    `most`: nine in ten took no longer.
    """

    day: str
    hour: int
    queue: str
    measure: Measure
    count: int
    median: float
    most: float


# Each row: day, the moment it began (seconds since the epoch), queue, counter, seconds. `:longest` in seconds.
_WAITS = """
SELECT day, since AS begun, queue, counter, at - since AS seconds FROM moves AS call
WHERE day BETWEEN :first AND :last AND kind = 'call' AND undone = 0
AND json_extract(before, '$.standing') = 'waiting' AND at >= since
AND NOT EXISTS (SELECT 1 FROM moves AS earlier WHERE earlier.ticket_id = call.ticket_id AND earlier.id < call.id
                AND earlier.queue = call.queue AND earlier.undone = 0 AND earlier.kind IN ('call', 'return', 'requeue'))
"""
_WAYS = """
SELECT day, since AS begun, queue, counter, at - since AS seconds FROM moves
WHERE day BETWEEN :first AND :last AND kind = 'begin' AND undone = 0 AND at - since BETWEEN 0 AND :longest
"""
_SERVICES = """
SELECT day, since AS begun, queue, counter, at - since AS seconds FROM moves
WHERE day BETWEEN :first AND :last AND kind IN ('finish', 'transfer') AND undone = 0
AND json_extract(before, '$.standing') = 'served' AND at - since BETWEEN 0 AND :longest
"""
_TURNS = """
SELECT done.day, call.at AS begun, done.queue, done.counter, done.at - call.at AS seconds
FROM moves AS done JOIN moves AS call ON call.id = (
    SELECT max(id) FROM moves WHERE ticket_id = done.ticket_id AND id < done.id AND kind = 'call' AND undone = 0)
WHERE done.day BETWEEN :first AND :last AND done.kind IN ('finish', 'transfer') AND done.undone = 0
AND json_extract(done.before, '$.standing') IN ('called', 'served') AND seconds BETWEEN 0 AND :longest
"""
_MEASURES = {Measure.WAIT: _WAITS, Measure.WAY: _WAYS, Measure.SERVICE: _SERVICES, Measure.TURN: _TURNS}


@dataclass(frozen=True)
class Measured:
    """One person's time as the counters pressed it. `hour`: of the site, in which it began."""

    day: str
    hour: int
    queue: str
    counter: str
    measure: Measure
    seconds: int


def measured(
    connection: sqlite.Connection,
    first_day: str,
    last_day: str,
    utc_offset_minutes: int,
    longest_minutes: int = LONGEST_MINUTES,
) -> Iterator[Measured]:
    """Every time of these days (`2026-11-21`), both included, that is accurate."""
    span = {"first": first_day, "last": last_day, "longest": 60 * longest_minutes}
    for measure, statement in _MEASURES.items():
        for row in connection.execute(statement, span):
            hour = (row["begun"] // 60 + utc_offset_minutes) // 60 % 24
            yield Measured(row["day"], hour, row["queue"], row["counter"], measure, row["seconds"])


def figures(
    connection: sqlite.Connection,
    first_day: str,
    last_day: str,
    utc_offset_minutes: int,
    longest_minutes: int = LONGEST_MINUTES,
) -> list[Figure]:
    """The figures of these days (`2026-11-21`), both included, in the order of day, hour, queue and measure."""
    found = [
        ((one.day, one.hour, one.queue, one.measure), one.seconds / 60)
        for one in measured(connection, first_day, last_day, utc_offset_minutes, longest_minutes)
    ]
    found.sort()
    groups = ((key, [minutes for _, minutes in group]) for key, group in groupby(found, lambda one: one[0]))
    return [
        Figure(day, hour, queue, measure, len(minutes), round(median(minutes), 1), round(_most(minutes), 1))
        for (day, hour, queue, measure), minutes in groups
    ]


def as_csv(told: Iterable[Figure]) -> str:
    """The figures with a heading, as RFC 4180 has it."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(field.name for field in fields(Figure))
    rows.writerows(astuple(one) for one in told)
    return text.getvalue()


def _most(minutes: list[float]) -> float:
    return quantiles(minutes, n=10, method="inclusive")[-1] if len(minutes) > 1 else minutes[0]
