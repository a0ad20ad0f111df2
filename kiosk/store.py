"""The one door to the kiosk's tables: a check-in is durable here before anybody sees its number.

Visit, ticket and what is owed to each destination are one transaction, few prepared statements, one writer at a time.
Must not import Flask, a device library or a connector.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from config.front import ConsentSettings, ServiceSettings
from config.settings import Settings, SiteSettings
from hisbridge.arrivals import enqueue_number
from hisbridge.lookups.openness import is_open
from hisbridge.outbox import enqueue
from hisbridge.outbox_desk import answers
from hisbridge.pending import LateAnswer, give_up, late_answers, note_open_question
from hisbridge.questions import Coverage
from hisbridge.records import HospitalAnswer, PatientRecord
from kiosk import changes, legal_basis, sought, tickets
from kiosk.check_in_rows import NewTicket, write_ticket, write_visit
from kiosk.clock import Clock, at_site, moment
from kiosk.connection import site_database
from kiosk.handover import Place, Typed, counter_number, coverage_question, declared, patient_record
from kiosk.queue.model import Wait
from kiosk.queue.rules import Rules, rules_of
from kiosk.queue.waits import wait_of
from kiosk.states import NO_CHOICE, Choice, CounterReason, Ticket
from reader.reading import Reading
from wire import sqlite
from wire.codec import from_json
from wire.database import DatabaseUnavailable, transaction

log = logging.getLogger(__name__)

LATE_AT_ONCE = 20  # each is a durable write, and a ticket may be waiting behind them
TAKEN_BACK = "visit.cancelled"  # why a question left open is not asked again
PROBE_BYTES = 128 << 10  # twice what a check-in adds to the log, so that a probe that succeeds means one would

# The day never goes back: after the clock did, numbers go on where they were, and none is called twice in one day.
_NEXT_NUMBER = """
INSERT INTO counters (name, day, next)
VALUES (:source, max(:today, ifnull((SELECT max(day) FROM counters WHERE name = :source), '')), 2)
ON CONFLICT (name, day) DO UPDATE SET next = next + 1
RETURNING day, next - 1
"""
_TAKEN = "SELECT 1 FROM tickets WHERE day = ? AND prefix = ? AND sequence = ?"

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
    """A ticket that is in the database, with what its screen must say. `wait`: None where nobody calls it."""

    ticket: Ticket
    needs_counter: bool
    coverage: Coverage | None = None
    told: changes.Answered | None = None
    wait: Wait | None = None


@dataclass(frozen=True)
class FromHospital:
    """What a receiver told of a visit: the one answer to show to the person."""

    visit_id: str
    answer: HospitalAnswer
    destination: str


@dataclass(frozen=True)
class Desk:
    """Whose numbers these are: site, services, the kiosk's prefix, who gets the record, how people are called."""

    site: SiteSettings
    services: Sequence[ServiceSettings]
    prefix: str
    destinations: Sequence[str]
    rules: Rules
    desks: Sequence[str] = ()  # those destinations that take numbers without a visit too
    consent: ConsentSettings = field(default_factory=ConsentSettings)

    def service(self, code: str) -> ServiceSettings:
        """The service of that code; where there is none such, the first offered."""
        offered = next((one for one in self.services if one.offered), self.services[0])
        return next((one for one in self.services if one.code == code), offered)


def desk_of(settings: Settings) -> Desk:
    """The desk a site's settings describe."""
    return Desk(
        site=settings.site,
        services=settings.kiosk.services,
        prefix=settings.kiosk.ticket_prefix,
        destinations=tuple(destination.name for destination in settings.destinations),
        rules=rules_of(settings),
        desks=tuple(one.name for one in settings.destinations if one.connector == "desk"),
        consent=settings.kiosk.consent,
    )


def random_id() -> str:
    """An identity that is unique for ever (UUID version 4, 32 hex digits)."""
    return uuid.uuid4().hex


def open_store(settings: Settings, clock: Clock) -> "Store":
    """The store on the site's database; raises DatabaseUnavailable, DatabaseOutdated."""
    with _as_unavailable():
        connection = site_database(settings)()
    return Store(connection, desk_of(settings), clock)


class Store:
    """Visits and tickets on one connection. Every method may be called from any thread; raises DatabaseUnavailable."""

    def __init__(
        self, connection: sqlite.Connection, desk: Desk, clock: Clock, new_id: Callable[[], str] = random_id
    ) -> None:
        self._connection = connection
        self._desk = desk
        self._clock = clock
        self._new_id = new_id
        self._lock = threading.Lock()

    def check_in(
        self, presentation: str, reading: Reading | Typed, coverage: Coverage | None, choice: Choice = NO_CHOICE
    ) -> Issued:
        """Visit, ticket and deliveries, durable when this returns. The same presentation again gives the same ticket.

        Whom staff typed in was told their ticket's number where that was done: no touchscreen shows it.

        Raises DatabaseUnavailable (nothing was written), NoPersonalId.
        """
        return self._issue(presentation, reading, coverage, CounterReason.NONE, choice)

    def counter_ticket(
        self, presentation: str, reason: CounterReason = CounterReason.NONE, choice: Choice = NO_CHOICE
    ) -> Issued:
        """A number for the counter, without a visit; otherwise as `check_in`."""
        return self._issue(presentation, None, None, reason, choice)

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
            wait = self._wait_of(row["id"])
        coverage = from_json(row["record"], PatientRecord).coverage if row["record"] else None
        return replace(_issued(row, coverage), told=told, wait=wait)

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

    def cancel_number(self, ticket_id: str, by: str, why: str) -> bool:
        """Take a number without a visit off the queue; see kiosk.changes.take_off."""
        with self._lock, _as_unavailable(), transaction(self._connection):
            return changes.take_off(self._connection, ticket_id, by, why, self._local_now())

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
        self,
        presentation: str,
        reading: Reading | Typed | None,
        coverage: Coverage | None,
        reason: CounterReason,
        choice: Choice,
    ) -> Issued:
        with self._lock, _as_unavailable():
            try:
                with transaction(self._connection):
                    issued = self._write(presentation, reading, coverage, reason, choice)
            except sqlite.IntegrityError:
                # The presentation was committed before; the number just drawn was rolled back with the rest.
                row = self._connection.execute(_ISSUED, (presentation,)).fetchone()
                if row is None:
                    raise
                issued = _issued(row, coverage)
            return replace(issued, wait=self._wait_of(issued.ticket.ticket_id))

    def _wait_of(self, ticket_id: str) -> Wait | None:
        """Behind the commit: an estimate delays no other kiosk, and where it fails the ticket is there all the same.

        None where a desk elsewhere holds the queue: who is ahead stands there (docs/decisions/0016).
        """
        if self._desk.desks:
            return None
        try:
            return wait_of(self._connection, self._desk.rules, ticket_id, self._clock.now())
        except sqlite.Error as error:
            log.warning("wait: %s", type(error).__name__)
            return None

    def _write(
        self,
        presentation: str,
        reading: Reading | Typed | None,
        coverage: Coverage | None,
        reason: CounterReason,
        choice: Choice,
    ) -> Issued:
        desk, connection, local = self._desk, self._connection, self._local_now()
        today, service = local.date(), desk.service(choice.service_code)
        prefix = desk.prefix + service.number_prefix
        day, number = self._next_number(prefix, service, today)
        ticket = Ticket(
            ticket_id=self._new_id(),
            number=number.text,
            service_code=service.code,
            issued_at=moment(local),
            visit_id=None if reading is None else self._new_id(),
        )
        record = None
        if reading is not None and ticket.visit_id is not None:
            place = Place(ticket.visit_id, ticket.number, service, ticket.issued_at, declared(choice.priority))
            record = patient_record(reading, coverage, desk.site, place)
            write_visit(connection, presentation, record, record.visit.arrived_at)
            enqueue(connection, record, desk.destinations, local)
            question = reading.question if isinstance(reading, Typed) else coverage_question(reading, today)
            if coverage is not None and question is not None and is_open(coverage):
                note_open_question(connection, ticket.visit_id, question, coverage.reason, local)
        new = NewTicket(
            ticket=ticket,
            presentation=presentation,
            prefix=prefix,
            day=day,
            sequence=number.sequence,
            issued=int(local.timestamp()),
            priority=choice.priority,
            reason=reason.value or None,
            shown_at=ticket.issued_at if isinstance(reading, Typed) else None,
        )
        attention = write_ticket(connection, new, record, desk.rules, today)
        if record is not None:
            person = (record.patient.full_name, record.patient.personal_id)
            sought.note(connection, day, record.visit.visit_id, person)
        else:
            number_told = counter_number(desk.site, ticket, reason.value or None, declared(choice.priority))
            enqueue_number(connection, number_told, desk.desks, local)
        if choice.consent is not None:
            text = legal_basis.text_of(desk.consent, choice.consent.language)
            number_of = record.patient.personal_id if record is not None else None
            legal_basis.give(
                connection, choice.consent, text, number_of, ticket.ticket_id, ticket.visit_id, ticket.issued_at
            )
        return Issued(ticket, attention, coverage)

    def _next_number(self, prefix: str, service: ServiceSettings, today: date) -> tuple[str, tickets.Number]:
        """The next of the service's range, and its day; a number that other settings gave today is left out."""
        draw = {"source": tickets.source_of(prefix, service.first_number), "today": today.isoformat()}
        while True:
            ((day, count),) = self._connection.execute(_NEXT_NUMBER, draw).fetchall()
            number = tickets.number(prefix, count, service.first_number, service.last_number)
            if self._connection.execute(_TAKEN, (day, prefix, number.sequence)).fetchone() is None:
                return day, number

    def _local_now(self) -> datetime:
        return at_site(self._clock.now(), self._desk.site.utc_offset_minutes)


@contextmanager
def _as_unavailable() -> Iterator[None]:
    """SQLite's own errors (a damaged file, a closed connection) as the product's."""
    try:
        yield
    except sqlite.Error as error:
        raise DatabaseUnavailable(why=type(error).__name__) from None


def _issued(row: sqlite.Row, coverage: Coverage | None) -> Issued:
    ticket = Ticket(
        ticket_id=row["id"],
        number=row["number"],
        service_code=row["service_code"],
        issued_at=row["issued_at"],
        visit_id=row["visit_id"],
    )
    return Issued(ticket, bool(row["needs_counter"]), coverage)
