"""The one door to the kiosk's tables: a check-in is durable here before anybody sees its number.

Visit, ticket and what is owed to each destination are one transaction, few prepared statements, one writer at a time.
Must not import Flask, a device library or a connector.
"""

import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from config.settings import ServiceSettings, Settings, SiteSettings, database_path
from hisbridge.lookups.openness import is_open
from hisbridge.outbox import enqueue
from hisbridge.outbox_desk import answers
from hisbridge.pending import LateAnswer, give_up, late_answers, note_open_question
from hisbridge.questions import Coverage
from hisbridge.records import HospitalAnswer, PatientRecord
from kiosk import changes, tickets
from kiosk.clock import Clock, at_site, moment
from kiosk.handover import Place, coverage_question, patient_record
from kiosk.schema import MIGRATIONS
from kiosk.states import CounterReason, Ticket
from reader.reading import Reading
from wire.codec import from_json, to_json
from wire.database import DatabaseUnavailable, open_existing, transaction

LATE_AT_ONCE = 20  # each is a durable write, and a ticket may be waiting behind them
TAKEN_BACK = "visit.cancelled"  # why a question left open is not asked again
PROBE_BYTES = 128 << 10  # twice what a check-in adds to the log, so that a probe that succeeds means one would

# The day never goes back: after the clock did, numbers go on where they were, and none is called twice in one day.
_NEXT_NUMBER = """
INSERT INTO counters (name, day, next)
VALUES (:prefix, max(:today, ifnull((SELECT max(day) FROM counters WHERE name = :prefix), '')), 2)
ON CONFLICT (name, day) DO UPDATE SET next = next + 1
RETURNING day, next - 1
"""

_VISIT = """
INSERT INTO visits (id, presentation, created_at, service_code, source, verdict, record) VALUES (?, ?, ?, ?, ?, ?, ?)
"""

_TICKET = """
INSERT INTO tickets (id, number, prefix, day, sequence, service_code, issued_at, issued_seconds, visit_id,
                     presentation, needs_counter, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_ISSUED = "SELECT id, number, service_code, issued_at, visit_id, needs_counter FROM tickets WHERE presentation = ?"

_SHOWN = "UPDATE tickets SET shown_at = ? WHERE id = ? AND shown_at IS NULL"

_UNSHOWN = """
SELECT tickets.id, number, tickets.service_code, issued_at, visit_id, needs_counter, record
FROM tickets LEFT JOIN visits ON visits.id = visit_id
WHERE shown_at IS NULL AND issued_seconds BETWEEN ? AND ?
ORDER BY tickets.rowid DESC LIMIT 1
"""

# Random, because SQLite writes no page that does not change.
_PROBE = """
INSERT INTO probes (id, at, filler) VALUES (1, ?, randomblob(?))
ON CONFLICT (id) DO UPDATE SET at = excluded.at, filler = excluded.filler
"""


@dataclass(frozen=True)
class Issued:
    """A ticket that is in the database, with what its screen must say."""

    ticket: Ticket
    needs_counter: bool
    coverage: Coverage | None = None
    told: changes.Answered | None = None


@dataclass(frozen=True)
class FromHospital:
    """What a receiver told of a visit: the one answer to show to the person."""

    visit_id: str
    answer: HospitalAnswer
    destination: str


@dataclass(frozen=True)
class Desk:
    """Whose numbers these are: the site, the service checked in for, the number's prefix, who gets the record."""

    site: SiteSettings
    service: ServiceSettings
    prefix: str
    destinations: Sequence[str]


def desk_of(settings: Settings) -> Desk:
    """The desk a site's settings describe; without a choice of service the first one is meant."""
    return Desk(
        site=settings.site,
        service=settings.kiosk.services[0],
        prefix=settings.kiosk.ticket_prefix,
        destinations=tuple(destination.name for destination in settings.destinations),
    )


def random_id() -> str:
    """An identity that is unique for ever (UUID version 4, 32 hex digits)."""
    return uuid.uuid4().hex


def open_store(settings: Settings, clock: Clock) -> "Store":
    """The store on the site's database; raises DatabaseUnavailable, DatabaseOutdated."""
    with _as_unavailable():
        connection = open_existing(database_path(settings), MIGRATIONS)
    return Store(connection, desk_of(settings), clock)


class Store:
    """Visits and tickets on one connection. Every method may be called from any thread; raises DatabaseUnavailable."""

    def __init__(
        self, connection: sqlite3.Connection, desk: Desk, clock: Clock, new_id: Callable[[], str] = random_id
    ) -> None:
        self._connection = connection
        self._desk = desk
        self._clock = clock
        self._new_id = new_id
        self._lock = threading.Lock()

    def check_in(self, presentation: str, reading: Reading, coverage: Coverage | None) -> Issued:
        """Visit, ticket and deliveries, durable when this returns. The same presentation again gives the same ticket.

        Raises DatabaseUnavailable (nothing was written), NoPersonalId.
        """
        return self._issue(presentation, reading, coverage, CounterReason.NONE)

    def counter_ticket(self, presentation: str, reason: CounterReason = CounterReason.NONE) -> Issued:
        """A number for the counter, without a visit; otherwise as `check_in`."""
        return self._issue(presentation, None, None, reason)

    def mark_shown(self, ticket_id: str) -> None:
        """The ticket stood on the screen: after a restart it need not be shown again."""
        with self._lock, _as_unavailable(), transaction(self._connection):
            self._connection.execute(_SHOWN, (moment(self._local_now()), ticket_id))

    def last_unshown(self, within: timedelta) -> Issued | None:
        """The newest ticket not older than `within` that was committed and never shown."""
        now = int(self._clock.now().timestamp())
        span = int(within.total_seconds())
        with self._lock, _as_unavailable():
            # Symmetric, because the clock may have been set back since.
            row = self._connection.execute(_UNSHOWN, (now - span, now + span)).fetchone()
            if row is None:
                return None
            told = self._told_of(row["visit_id"]) if row["visit_id"] else None
        coverage = from_json(row["record"], PatientRecord).coverage if row["record"] else None
        return replace(_issued(row, coverage), told=told)

    def take_late_answers(self) -> list[changes.Late]:
        """Insurance answers that came after their ticket, each once, the oldest LATE_AT_ONCE of them.

        They are in their visits when this returns.
        """
        with self._lock, _as_unavailable():
            ((seen,),) = self._connection.execute(changes.LATE_SEEN).fetchall()
            late = late_answers(self._connection, seen, LATE_AT_ONCE)
            return [self._take_late(answer) for answer in late]

    def _take_late(self, late: LateAnswer) -> changes.Late:
        with transaction(self._connection):
            return changes.take_late(self._connection, late, self._desk.destinations, self._local_now())

    def take_hospital_answers(self) -> list[FromHospital]:
        """What receivers told since, the oldest LATE_AT_ONCE of them, each visit once.

        It is with its visits when this returns.
        """
        with self._lock, _as_unavailable():
            ((seen,),) = self._connection.execute(changes.TOLD_SEEN).fetchall()
            told = answers(self._connection, seen, LATE_AT_ONCE)
            if not told:
                return []
            with transaction(self._connection):
                for one in told:
                    changes.take_told(self._connection, one)
            visits = dict.fromkeys(one.visit_id for one in told)
            shown = ((visit, self._told_of(visit)) for visit in visits)
            return [FromHospital(visit, one.answer, one.destination) for visit, one in shown if one is not None]

    def cancel(self, visit_id: str, by: str, why: str) -> bool:
        """Take a check-in back: `by` whom of the staff, and `why`, both noted. False: it was taken back before.

        Raises kiosk.changes.NoSuchVisit, MalformedMessage (a damaged record).
        """
        with self._lock, _as_unavailable():
            with transaction(self._connection):
                done = changes.take_back(
                    self._connection, visit_id, by, why, self._desk.destinations, self._local_now()
                )
            if done:
                # Behind the commit: were it lost, the bridge would ask once too often, and the store heed no answer.
                give_up(self._connection, visit_id, TAKEN_BACK)
            return done

    def _told_of(self, visit_id: str) -> changes.Answered | None:
        told = changes.answers_of(self._connection, (visit_id,)).get(visit_id, ())
        return changes.for_the_person(told, self._desk.destinations)

    def probe(self) -> None:
        """Write as much as a check-in would, durably; raises DatabaseUnavailable when that cannot be done."""
        with self._lock, _as_unavailable(), transaction(self._connection):
            self._connection.execute(_PROBE, (moment(self._local_now()), PROBE_BYTES))

    def healthy(self) -> bool:
        """Whether a check-in could be written now."""
        try:
            self.probe()
        except DatabaseUnavailable:
            return False
        return True

    def close(self) -> None:
        """Let the database go."""
        with self._lock:
            self._connection.close()

    def _issue(
        self, presentation: str, reading: Reading | None, coverage: Coverage | None, reason: CounterReason
    ) -> Issued:
        with self._lock, _as_unavailable():
            try:
                with transaction(self._connection):
                    return self._write(presentation, reading, coverage, reason)
            except sqlite3.IntegrityError:
                # The presentation was committed before; the number just drawn was rolled back with the rest.
                row = self._connection.execute(_ISSUED, (presentation,)).fetchone()
                if row is None:
                    raise
                return _issued(row, coverage)

    def _write(
        self, presentation: str, reading: Reading | None, coverage: Coverage | None, reason: CounterReason
    ) -> Issued:
        desk, connection, local = self._desk, self._connection, self._local_now()
        today = local.date()
        ((day, sequence),) = connection.execute(
            _NEXT_NUMBER, {"prefix": desk.prefix, "today": today.isoformat()}
        ).fetchall()
        ticket = Ticket(
            ticket_id=self._new_id(),
            number=tickets.number(desk.prefix, sequence),
            service_code=desk.service.code,
            issued_at=moment(local),
            visit_id=None if reading is None else self._new_id(),
        )
        record = None
        if reading is not None and ticket.visit_id is not None:
            place = Place(ticket.visit_id, ticket.number, desk.service, ticket.issued_at)
            record = patient_record(reading, coverage, desk.site, place)
            self._write_visit(presentation, record, local)
            if coverage is not None and is_open(coverage):
                question = coverage_question(reading, today)
                note_open_question(connection, ticket.visit_id, question, coverage.reason, local)
        attention = tickets.needs_counter(record, today)
        connection.execute(
            _TICKET,
            (
                ticket.ticket_id,
                ticket.number,
                desk.prefix,
                day,
                sequence,
                ticket.service_code,
                ticket.issued_at,
                int(local.timestamp()),
                ticket.visit_id,
                presentation,
                int(attention),
                reason.value or None,
            ),
        )
        return Issued(ticket, attention, coverage)

    def _write_visit(self, presentation: str, record: PatientRecord, local: datetime) -> None:
        visit, coverage = record.visit, record.coverage
        self._connection.execute(
            _VISIT,
            (
                visit.visit_id,
                presentation,
                visit.arrived_at,
                visit.service_code,
                record.evidence.source,
                coverage.verdict.value if coverage else None,
                to_json(record).decode(),
            ),
        )
        enqueue(self._connection, record, self._desk.destinations, local)

    def _local_now(self) -> datetime:
        return at_site(self._clock.now(), self._desk.site.utc_offset_minutes)


@contextmanager
def _as_unavailable() -> Iterator[None]:
    """SQLite's own errors (a damaged file, a closed connection) as the product's."""
    try:
        yield
    except sqlite3.Error as error:
        raise DatabaseUnavailable(why=type(error).__name__) from None


def _issued(row: sqlite3.Row, coverage: Coverage | None) -> Issued:
    ticket = Ticket(
        ticket_id=row["id"],
        number=row["number"],
        service_code=row["service_code"],
        issued_at=row["issued_at"],
        visit_id=row["visit_id"],
    )
    return Issued(ticket, bool(row["needs_counter"]), coverage)
