"""What the counter reads and writes: the day's tickets, one visit whole, an insurance answer taken over into it.

View records and prepared SQL; no words. Reads go by index, so that a day of 5,000 visits costs what a quiet one does.
Must not import Flask, a device library or a connector.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import msgspec

from config.settings import Settings
from hisbridge import pending
from hisbridge.lookups.persons import iso_day, same_day, same_name
from hisbridge.questions import Act, Coverage, CoverageQuestion, Officer
from hisbridge.records import Event, HospitalAnswer, PatientRecord
from kiosk import sought
from kiosk.audit import note_visit
from kiosk.changes import Answered, NoSuchVisit, answers_of, change, for_the_person
from kiosk.clock import Clock, at_site, moment
from kiosk.connection import Open, SharedConnection, site_database
from kiosk.counter_acts import Strength, Task, still_needs_counter, strength_of, tasks_of
from kiosk.states import CounterReason
from wire import sqlite
from wire.codec import from_json, to_json
from wire.database import transaction
from wire.errors import MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

PAGE_ROWS = 50
TAKEN_OVER = "counter.taken_over"  # why a question left open is not asked again

Version = tuple[int, ...]
_REASONS = frozenset(CounterReason)

# As the store numbers: the day never goes back.
_LAST_DAY = "SELECT max(day) FROM tickets"

_COUNTS = "SELECT needs_counter, count(*) FROM tickets WHERE day = ? GROUP BY needs_counter"

# The page is found in the index alone; only its own rows are looked up.
_PAGE = """
SELECT tickets.id, number, issued_at, needs_counter, visit_id, reason, record
FROM (SELECT rowid AS place FROM tickets WHERE day = ?
      ORDER BY needs_counter DESC, issued_seconds, sequence LIMIT ? OFFSET ?)
JOIN tickets ON tickets.rowid = place LEFT JOIN visits ON visits.id = visit_id
ORDER BY needs_counter DESC, issued_seconds, sequence
"""

_ONE = """
SELECT tickets.id, number, issued_at, needs_counter, visit_id, reason, record
FROM tickets LEFT JOIN visits ON visits.id = visit_id WHERE
"""
_TICKET = _ONE + "tickets.id = ?"
_VISIT = _ONE + "visit_id = ?"

_LAST_CORRECTION = """
SELECT at, reason, officer_name FROM corrections WHERE visit_id = ? AND field = 'coverage' ORDER BY id DESC LIMIT 1
"""
_CORRECT = """
INSERT INTO corrections (visit_id, at, field, reason, officer_name, officer_id, before, after)
VALUES (?, ?, 'coverage', ?, ?, ?, ?, ?)
"""


class AnotherPerson(TiepDonError):
    """The insurance was asked about somebody else than this visit's person (`field`: where they differ)."""

    code = "counter.another_person"


class Grounds(StrEnum):
    """Why an insurance answer was put into a visit by staff."""

    ASKED = "asked"  # the counter asked the insurance itself
    PAPER_CARD = "paper_card"  # typed from the paper card that was inspected


@dataclass(frozen=True, repr=False)
class Row:
    """One ticket as the list shows it. `issued_at` is RFC 3339 in the site's time; the name is whole, not masked."""

    ticket_id: str
    number: str
    issued_at: str
    needs_counter: bool
    visit_id: str | None
    reason: CounterReason
    full_name: str | None
    strength: Strength | None
    coverage: Coverage | None
    tasks: tuple[Task | Act, ...]
    cancelled: bool = False
    told: HospitalAnswer | None = None  # what the hospital said of the visit, for the person


@dataclass(frozen=True, repr=False)
class Page:
    """One page of the day's tickets; `number` counts from 1 to `pages`."""

    day: str
    number: int
    pages: int
    waiting: int
    total: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, repr=False)
class Correction:
    """That staff put the visit's insurance answer there: when, on what grounds, who (None: the kiosk's officer)."""

    at: str
    grounds: Grounds
    officer_name: str | None


@dataclass(frozen=True, repr=False)
class Visit:
    """One visit whole."""

    row: Row
    record: PatientRecord
    corrected: Correction | None
    answers: tuple[Answered, ...] = ()  # what each receiver told of it


class Counter:
    """The counter's own connection. Every method may be called from any thread; raises DatabaseUnavailable."""

    def __init__(
        self,
        open_connection: Open,
        clock: Clock,
        utc_offset_minutes: int,
        destinations: Sequence[str] = (),
        prefixes: Sequence[str] = (),
    ) -> None:
        self._shared = SharedConnection(open_connection)
        self._clock = clock
        self._offset = utc_offset_minutes
        self._destinations = destinations
        self._prefixes = prefixes

    def today(self) -> date:
        """The site's day."""
        return self._local_now().date()

    def version(self) -> Version:
        """Differs from the last one when anybody, in whatever process, has written to the database, and each day."""
        return *self._shared.version(), self.today().toordinal()

    def page(self, number: int = 1) -> Page:
        """One page of today's tickets, those that need the counter first, in order of arrival."""
        with self._shared.using() as connection:
            today = self.today()
            ((last,),) = connection.execute(_LAST_DAY).fetchall()
            day = max(today.isoformat(), last or "")
            counts = {row["needs_counter"]: row[1] for row in connection.execute(_COUNTS, (day,))}
            total = sum(counts.values())
            pages = max(1, -(-total // PAGE_ROWS))
            number = min(max(1, number), pages)
            found = connection.execute(_PAGE, (day, PAGE_ROWS, (number - 1) * PAGE_ROWS)).fetchall()
            told = answers_of(connection, [one["visit_id"] for one in found if one["visit_id"]])
        rows = tuple(self._row(one, told.get(one["visit_id"], ())) for one in found)
        return Page(day, number, pages, total - counts.get(0, 0), total, rows)

    def found(self, text: str) -> tuple[Row, ...]:
        """Today's tickets that this text means: a number, words of a name, an ID number; `sought.MOST` at most."""
        with self._shared.using() as connection:
            ((last,),) = connection.execute(_LAST_DAY).fetchall()
            day = max(self.today().isoformat(), last or "")
            tickets = sought.found(connection, day, text, self._prefixes)
            places = ", ".join("?" * len(tickets))
            found = connection.execute(f"{_ONE} tickets.id IN ({places}) ORDER BY number", tickets).fetchall()
            told = answers_of(connection, [one["visit_id"] for one in found if one["visit_id"]])
        return tuple(self._row(one, told.get(one["visit_id"], ())) for one in found)

    def ticket(self, ticket_id: str) -> Row:
        """One ticket, with or without a visit. Raises NoSuchVisit."""
        with self._shared.using() as connection:
            return self._row(_found(connection, _TICKET, ticket_id))

    def visit(self, visit_id: str) -> Visit:
        """One visit whole. Raises NoSuchVisit, MalformedMessage (a damaged record)."""
        with self._shared.using() as connection:
            found = _found(connection, _VISIT, visit_id)
            corrected = connection.execute(_LAST_CORRECTION, (visit_id,)).fetchone()
            answers = answers_of(connection, (visit_id,)).get(visit_id, ())
        record = from_json(found["record"] or "", PatientRecord)
        told = None
        if corrected is not None:
            told = Correction(corrected["at"], Grounds(corrected["reason"]), corrected["officer_name"])
        return Visit(self._row(found, answers), record, told, answers)

    def take_over(
        self, visit_id: str, question: CoverageQuestion, coverage: Coverage, grounds: Grounds = Grounds.ASKED
    ) -> None:
        """Put an insurance answer into the visit that `question` was asked for, and note who did and what was there.

        Record, verdict, attention, note and what its receivers are told are one transaction. Raises NoSuchVisit,
        AnotherPerson, VisitCancelled.
        """
        officer = question.officer
        with self._shared.using(writes=True) as connection:
            with transaction(connection):
                record = from_json(_found(connection, _VISIT, visit_id)["record"] or "", PatientRecord)
                if (field := differs(question, record)) is not None:
                    raise AnotherPerson(field=field)
                known = msgspec.structs.replace(record, coverage=coverage)
                attention = still_needs_counter(known, self.today())
                change(connection, record, self._destinations, self._local_now(), attention, coverage=coverage)
                note = (
                    moment(self._local_now()),
                    grounds.value,
                    officer.full_name if officer else None,
                    officer.personal_id if officer else None,
                    to_json(record.coverage).decode(),
                    to_json(coverage).decode(),
                )
                connection.execute(_CORRECT, (visit_id, *note))
                who = officer.full_name if officer else ""
                note_visit(connection, "visit.corrected", who, visit_id, self._local_now(), {"fields": "coverage"})
            # Behind the commit: were it lost, the bridge would ask once too often, and the store heed no answer.
            pending.give_up(connection, visit_id, TAKEN_OVER)

    def close(self) -> None:
        """Let the database go; the next call opens it again."""
        self._shared.close()

    def _row(self, row: sqlite.Row, answers: Sequence[Answered] = ()) -> Row:
        told = for_the_person(answers, self._destinations)
        return _row(row, self.today(), told.answer if told is not None else None)

    def _local_now(self) -> datetime:
        return at_site(self._clock.now(), self._offset)


def open_counter(settings: Settings, clock: Clock) -> Counter:
    """The counter on the site's database, which is opened at the first call."""
    names = tuple(destination.name for destination in settings.destinations)
    offset, prefix = settings.site.utc_offset_minutes, settings.kiosk.ticket_prefix
    prefixes = tuple(dict.fromkeys(prefix + service.number_prefix for service in settings.kiosk.services))
    return Counter(site_database(settings), clock, offset, names, prefixes)


def officer_of(settings: Settings) -> Officer | None:
    """The officer the settings name, in whose name the kiosk asks; None where there is none."""
    if settings.portal.officer_name and settings.portal.officer_id:
        return Officer(full_name=settings.portal.officer_name, personal_id=settings.portal.officer_id)
    return None


def differs(question: CoverageQuestion, record: PatientRecord) -> str | None:
    """The first field by which the question was not, or not surely, about this record's person; None: the same.

    The same number, or where none was asked by (a child's) the same name and birth date; and no contradiction.
    """
    patient = record.patient
    if question.personal_id and question.personal_id != patient.personal_id:
        return "personal_id"
    if question.full_name and patient.full_name and not same_name(question.full_name, patient.full_name):
        return "full_name"
    asked, read = iso_day(question.birth_date or ""), iso_day(patient.birth_date or "")
    if asked and read and not same_day(asked, read):
        return "birth_date"
    if {question.sex, patient.sex} == {"male", "female"}:
        return "sex"
    known = question.personal_id or (question.full_name and patient.full_name and asked and read)
    return None if known else "personal_id"


def _found(connection: sqlite.Connection, statement: str, name: str) -> sqlite.Row:
    row: sqlite.Row | None = connection.execute(statement, (name,)).fetchone()
    if row is None:
        raise NoSuchVisit
    return row


def _row(row: sqlite.Row, today: date, told: HospitalAnswer | None) -> Row:
    record = _record(row)
    cancelled = record is not None and record.event is Event.CANCELLED
    return Row(
        ticket_id=row["id"],
        number=row["number"],
        issued_at=row["issued_at"],
        needs_counter=bool(row["needs_counter"]),
        visit_id=row["visit_id"],
        reason=CounterReason(row["reason"]) if row["reason"] in _REASONS else CounterReason.NONE,
        full_name=record.patient.full_name if record else None,
        strength=strength_of(record.evidence) if record else None,
        coverage=record.coverage if record else None,
        tasks=tasks_of(record, today) if record and not cancelled else (),
        cancelled=cancelled,
        told=told,
    )


def _record(row: sqlite.Row) -> PatientRecord | None:
    if not row["record"]:
        return None
    try:
        return from_json(row["record"], PatientRecord)
    except MalformedMessage:
        log.error("the record of ticket %s cannot be read", row["number"])  # the row itself is shown all the same
        return None
