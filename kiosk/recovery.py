"""What the kiosk's tables need after a database was restored or recovered: people keep their numbers, no number is
given twice in a day, and what is lost is named.

How far numbers went since the copy nobody knows. A number that is left out harms nobody, one that is called twice does:
so many are left out as the kiosk can have given at the most. Must not import Flask, a device library or a connector.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum

from config.settings import Settings
from hisbridge import restored
from hisbridge.arrivals import read_handed
from hisbridge.records import PatientRecord
from kiosk import changes, tickets
from kiosk.queue.model import Priority
from kiosk.queue.rules import first_place, rules_of
from wire import sqlite
from wire.codec import Record, from_json
from wire.errors import MalformedMessage

PER_SECOND = 5.0  # numbers of one range; the load that the product is built for and tried with (make faults)
LEAST, ROUND_TO = 100, 100
UNKNOWN_SECONDS = 3600.0  # where the clock went back meanwhile, so that nobody knows how long it was

_COUNTERS = "SELECT name, day, next FROM counters"
RAISE = """
INSERT INTO counters (name, day, next) VALUES (?, ?, ?)
ON CONFLICT (name, day) DO UPDATE SET next = max(next, excluded.next)
"""
_GIVEN = "SELECT sequence FROM tickets WHERE day = ? AND prefix = ?"
_LAST_DAY = "SELECT max(day) FROM (SELECT day FROM counters UNION ALL SELECT day FROM tickets)"
_WITHOUT_VISIT = """
SELECT DISTINCT record_id, payload FROM deliveries
WHERE record_id NOT IN (SELECT id FROM visits) ORDER BY deliveries.id
"""
_VISIT = """
INSERT INTO visits (id, presentation, created_at, service_code, source, verdict, record) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_WITHOUT_TICKET = """
SELECT id, record FROM visits WHERE created_at >= ? AND id NOT IN (SELECT visit_id FROM tickets WHERE visit_id NOTNULL)
"""
_TICKET = """
INSERT INTO tickets (id, number, prefix, day, sequence, service_code, issued_at, issued_seconds, visit_id,
                     presentation, needs_counter, queue, sort_at, priority, since, onward, shown_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
# The number is called; the counter asks its holder who they are.
_TO_THE_COUNTER = """
UPDATE tickets SET needs_counter = 1 WHERE visit_id IS NOT NULL AND visit_id NOT IN (SELECT id FROM visits)
"""


class Outbox(StrEnum):
    """What is left of the deliveries."""

    WHOLE = "whole"
    OLDER = "older"  # of a moment ago: some may have been acknowledged since
    LOST = "lost"  # rows are missing


class Numbers(Record, frozen=True, kw_only=True):
    """One range of numbers after the damage. `missing`: given out on `day`, and their tickets are in no table."""

    source: str
    day: str
    goes_on_at: int  # counts the range's numbers, from 1
    left_out: int
    missing: tuple[str, ...] = ()  # stretches: "A0012", "A0015–A0019"


class Mended(Record, frozen=True, kw_only=True):
    """What was done so that work goes on."""

    numbers: tuple[Numbers, ...] = ()
    visits_from_deliveries: int = 0
    tickets_from_visits: int = 0
    tickets_without_visit: int = 0
    owed_again: int = 0
    doubtful: int = 0  # deliveries whose receiver may have them already
    sessions_ended: int = 0
    references: dict[str, int] = {}  # table: rows whose other half is lost  # noqa: RUF012 - msgspec copies it


def mend(
    connection: sqlite.Connection,
    settings: Settings,
    now: datetime,
    *,
    unknown_since: datetime | None,
    unknown_until: datetime,
    deliveries: Outbox,
) -> Mended:
    """Make the tables of a restored or recovered database fit for work, inside the caller's transaction.

    `unknown_since`: from when on numbers may have been given out that no table tells; None: all of them are told.
    `now` and `unknown_until` in the site's time.
    """
    destinations = [destination.name for destination in settings.destinations]
    visits = _visits_from_deliveries(connection)
    waiting = _tickets_from_visits(connection, settings, unknown_until)
    tickets_alone = connection.execute(_TO_THE_COUNTER).rowcount
    owed = 0
    if deliveries is Outbox.LOST and destinations:
        begin = unknown_until.replace(hour=0, minute=0, second=0, microsecond=0)
        owed = restored.owe_again(connection, destinations, begin.isoformat(timespec="seconds"), now)
    doubtful = 0 if deliveries is Outbox.WHOLE else restored.doubt_what_waits(connection)
    ((told,),) = connection.execute(changes.TOLD_SEEN).fetchall()
    ((late,),) = connection.execute(changes.LATE_SEEN).fetchall()
    restored.answers_continue(connection, told, late)
    numbers = tuple(_numbers(connection, settings, unknown_since, unknown_until))
    return Mended(
        numbers=numbers,
        visits_from_deliveries=visits,
        tickets_from_visits=waiting,
        tickets_without_visit=tickets_alone,
        owed_again=owed,
        doubtful=doubtful,
        sessions_ended=connection.execute("DELETE FROM sessions").rowcount,
        references=mend_references(connection),
    )


def skipped(unknown_seconds: float) -> int:
    """How many numbers of a range to leave out for so long a time of which nobody knows what was given out."""
    seconds = unknown_seconds if unknown_seconds >= 0 else UNKNOWN_SECONDS
    return max(LEAST, math.ceil(seconds * PER_SECOND))


def mend_references(connection: sqlite.Connection) -> dict[str, int]:
    """Rows that name a row that is lost: the name is forgotten where it may be, else the row goes. By table."""
    found: dict[str, int] = {}
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    again = True
    while again:
        again = False
        for table in names:
            needed = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")') if row[3] or row[5]}
            for key in connection.execute(f'PRAGMA foreign_key_list("{table}")').fetchall():
                parent, column, named = key[2], key[3], key[4]
                act = f'DELETE FROM "{table}"' if column in needed else f'UPDATE "{table}" SET "{column}" = NULL'  # noqa: S608
                lost = f'"{column}" IS NOT NULL AND "{column}" NOT IN (SELECT "{named}" FROM "{parent}")'  # noqa: S608
                changed = connection.execute(f"{act} WHERE {lost}").rowcount
                if changed > 0:
                    found[table] = found.get(table, 0) + changed
                    again = True
    return found


def missing_numbers(
    connection: sqlite.Connection, day: str, prefix: str, first: int, last: int, given: int
) -> tuple[str, ...]:
    """Numbers of a range that were given out on a day and whose ticket is in no table, as stretches."""
    there = {row[0] for row in connection.execute(_GIVEN, (day, prefix))}
    all_given = (tickets.number(prefix, count, first, last) for count in range(1, given + 1))
    return tuple(_stretches(all_given, there))


def _numbers(
    connection: sqlite.Connection, settings: Settings, since: datetime | None, until: datetime
) -> Iterator[Numbers]:
    ((last_day,),) = connection.execute(_LAST_DAY).fetchall()
    day = max(until.date().isoformat(), last_day or "")
    known = {(row[0], row[1]): row[2] for row in connection.execute(_COUNTERS)}
    for name, prefix, first, last in _ranges(settings, {name for name, _ in known}):
        following = known.get((name, day), 1)
        missing = missing_numbers(connection, day, prefix, first, last, following - 1) if following > 1 else ()
        goes_on = following
        if since is not None:
            begin = max(since, until.replace(hour=0, minute=0, second=0, microsecond=0)) if since <= until else since
            left_out = skipped((until - begin).total_seconds())
            goes_on = math.ceil((following - 1 + left_out) / ROUND_TO) * ROUND_TO + 1
            connection.execute(RAISE, (name, day, goes_on))
        if missing or goes_on != following:
            yield Numbers(source=name, day=day, goes_on_at=goes_on, left_out=goes_on - following, missing=missing)


def _ranges(settings: Settings, known: Iterable[str]) -> Iterator[tuple[str, str, int, int]]:
    """Every range of numbers: that of each service, and any that was counted before the settings changed."""
    seen = set()
    for service in settings.kiosk.services:
        prefix = settings.kiosk.ticket_prefix + service.number_prefix
        name = tickets.source_of(prefix, service.first_number)
        if name not in seen:
            seen.add(name)
            yield name, prefix, service.first_number, service.last_number
    for name in sorted(set(known) - seen):
        prefix, _, first = name.partition(":")
        yield name, prefix, int(first) if first.isdigit() else 1, tickets.LARGEST


def _stretches(given: Iterable[tickets.Number], there: set[int]) -> Iterator[str]:
    open_stretch: list[str] = []
    for one in given:
        if one.sequence not in there:
            open_stretch.append(one.text)
            continue
        yield from _stretch(open_stretch)
        open_stretch = []
    yield from _stretch(open_stretch)


def _stretch(texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield texts[0] if len(texts) == 1 else f"{texts[0]}–{texts[-1]}"


def _visits_from_deliveries(connection: sqlite.Connection) -> int:
    """A visit that is lost stands whole in what is owed of it."""
    made = 0
    for visit_id, payload in connection.execute(_WITHOUT_VISIT).fetchall():
        try:
            record = read_handed(payload)
        except MalformedMessage:
            continue
        if not isinstance(record, PatientRecord) or record.visit.visit_id != visit_id:
            continue
        coverage = record.coverage.verdict.value if record.coverage else None
        visit = (visit_id, f"recovered-{visit_id}", record.visit.arrived_at, record.visit.service_code)
        made += connection.execute(_VISIT, (*visit, record.evidence.source, coverage, payload)).rowcount
    return made


def _tickets_from_visits(connection: sqlite.Connection, settings: Settings, until: datetime) -> int:
    """Whose ticket is lost holds its number all the same: it stands in the record, and they wait again."""
    day, rules = until.date(), rules_of(settings)
    made = 0
    for visit_id, text in connection.execute(_WITHOUT_TICKET, (day.isoformat(),)).fetchall():
        try:
            record = from_json(text, PatientRecord)
        except MalformedMessage:
            continue
        visit = record.visit
        place = re.fullmatch(r"(.*?)([0-9]{4,})", visit.ticket_number)
        if place is None or not visit.arrived_at.startswith(day.isoformat()):
            continue  # its range was used up, or its day is over
        issued = int(datetime.fromisoformat(visit.arrived_at).timestamp())
        attention = tickets.needs_counter(record, day)
        waits = first_place(rules, visit.service_code, attention, issued, Priority.NONE, record, day)
        name = f"recovered-{visit_id}"
        row = (name, visit.ticket_number, place[1], day.isoformat(), int(place[2]), visit.service_code)
        row += (visit.arrived_at, issued, visit_id, name, int(attention), waits.queue, waits.sort_at)  # type: ignore[assignment]
        onward = rules.onward(visit.service_code, waits.queue)
        made += connection.execute(_TICKET, (*row, waits.priority.value, issued, onward, visit.arrived_at)).rowcount
    return made
