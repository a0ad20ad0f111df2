"""Tickets of other kiosks of the hall, taken into this machine's queue: each once, however often and in whatever order
they are told.

A kiosk hands over what it committed (`hisbridge/arrivals.py`): a visit and its later revisions, or a number for the
counter. It is known by the machine that tells it and by its identity there; here both get an identity of this machine's
own, so that nobody's token reaches another's visit. What the staff here corrected stands. Every method may be called
from any thread; raises DatabaseUnavailable. Must not import Flask, a device library or a connector.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from config.settings import Settings
from hisbridge.arrivals import Arrival, CounterNumber, NumberArrival
from hisbridge.outbox import enqueue
from hisbridge.records import Event, PatientRecord
from kiosk import changes, sought, tickets
from kiosk.check_in_rows import NewTicket, write_ticket, write_visit
from kiosk.clock import Clock, at_site, moment
from kiosk.connection import Open, SharedConnection, site_database
from kiosk.queue.model import Priority
from kiosk.states import Ticket
from kiosk.store import Desk, desk_of, random_id
from wire import sqlite
from wire.codec import from_json, to_json
from wire.database import transaction
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

LONGEST_AWAY = timedelta(hours=18)  # the longest a line may have been down for somebody who still waits in the hall
BY_KIOSK = "arrival"

_KNOWN = "SELECT visit_id, revision FROM arrivals WHERE machine = ? AND origin = ?"
_NOTE = "INSERT INTO arrivals (machine, origin, ticket_id, visit_id, revision, taken_at) VALUES (?, ?, ?, ?, ?, ?)"
_LATER = "UPDATE arrivals SET revision = ? WHERE machine = ? AND origin = ?"
_RECORD = "SELECT record, needs_counter FROM visits JOIN tickets ON visit_id = visits.id WHERE visits.id = ?"
_CORRECTED = "SELECT DISTINCT field FROM corrections WHERE visit_id = ?"
_LAST_DAY = "SELECT ifnull(max(day), '') FROM tickets"
_NEXT = "SELECT ifnull(max(sequence), 0) + 1 FROM tickets WHERE day = ? AND prefix = ?"
_SAME = "SELECT 1 FROM tickets WHERE day = ? AND number = ? LIMIT 1"
_TAKEN_OVER = ("patient", "evidence", "coverage")  # of a later record; the rest was settled when it came


class ArrivalNotOurs(TiepDonError):
    """A check-in cannot be taken over (`why`: `synthetic`, sandbox data and real data in one hall)."""

    code = "arrival.not_ours"


class Outcome(StrEnum):
    """What became of what a kiosk told."""

    TAKEN = "taken"  # a new ticket is in the queue
    KNOWN = "known"  # it was told before, or something later was
    UPDATED = "updated"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class _Came:
    """Somebody who came at another kiosk, as this machine's clock and settings have it."""

    ticket_id: str
    number: str
    kiosk_id: str
    service_code: str
    when: datetime  # at the site
    day: str
    priority: Priority
    reason: str | None


class Arrivals:
    """The check-ins of other kiosks, on the site's database, opened at the first use."""

    def __init__(self, open_connection: Open, desk: Desk, clock: Clock, new_id: Callable[[], str] = random_id) -> None:
        self._connection = SharedConnection(open_connection)
        self._desk = desk
        self._clock = clock
        self._new_id = new_id
        self.close = self._connection.close

    def take(self, arrival: Arrival, machine: str, sent_at: datetime | None = None) -> Outcome:
        """Take over what this machine tells; durable when this returns. `sent_at`: the moment of sending, by its clock.

        Raises ArrivalNotOurs.
        """
        told = arrival.number if isinstance(arrival, NumberArrival) else arrival.record
        if told.synthetic != self._desk.site.synthetic:
            raise ArrivalNotOurs(why="synthetic")
        with self._connection.using(writes=True) as connection, transaction(connection):
            origin = told.ticket_id if isinstance(told, CounterNumber) else told.visit.visit_id
            row = connection.execute(_KNOWN, (machine, origin)).fetchone()
            if row is None:
                return self._new(connection, told, machine, origin, sent_at)
            if isinstance(told, CounterNumber) or told.revision <= row["revision"] or row["visit_id"] is None:
                return Outcome.KNOWN
            connection.execute(_LATER, (told.revision, machine, origin))
            return self._changed(connection, row["visit_id"], told, machine)

    # Inside a transaction.

    def _new(
        self,
        connection: sqlite.Connection,
        told: PatientRecord | CounterNumber,
        machine: str,
        origin: str,
        sent_at: datetime | None,
    ) -> Outcome:
        came = self._came(connection, told, sent_at)
        record = None if isinstance(told, CounterNumber) else self._own(told, came)
        visit_id = None if record is None else record.visit.visit_id
        presentation = hashlib.sha256(to_json([machine, origin])).hexdigest()
        if record is not None:
            write_visit(connection, presentation, record, record.visit.arrived_at)
            enqueue(connection, record, self._desk.destinations, self._now())
        self._write_ticket(connection, came, record, machine, presentation)
        if record is not None:
            sought.note(
                connection, came.day, record.visit.visit_id, (record.patient.full_name, record.patient.personal_id)
            )
        noted = (machine, origin, came.ticket_id, visit_id, told.revision, moment(self._now()))
        connection.execute(_NOTE, noted)
        if visit_id is not None and isinstance(told, PatientRecord) and told.event is Event.CANCELLED:
            # It was taken back before it came: whoever else was told of it hears both.
            changes.take_back(connection, visit_id, machine, BY_KIOSK, self._desk.destinations, self._now())
            return Outcome.CANCELLED
        return Outcome.TAKEN

    def _changed(self, connection: sqlite.Connection, visit_id: str, told: PatientRecord, machine: str) -> Outcome:
        row = connection.execute(_RECORD, (visit_id,)).fetchone()
        before = from_json(row["record"], PatientRecord)
        if before.event is Event.CANCELLED:
            return Outcome.KNOWN
        if told.event is Event.CANCELLED:
            changes.take_back(connection, visit_id, machine, BY_KIOSK, self._desk.destinations, self._now())
            return Outcome.CANCELLED
        settled = {str(field).partition(".")[0] for (field,) in connection.execute(_CORRECTED, (visit_id,))}
        changed = {name: getattr(told, name) for name in _TAKEN_OVER if name not in settled}
        needed = bool(row["needs_counter"])
        if not settled:
            needed = tickets.needs_counter(msgspec.structs.replace(before, **changed), self._now().date())
        changes.change(connection, before, self._desk.destinations, self._now(), needed, **changed)
        return Outcome.UPDATED

    def _came(
        self, connection: sqlite.Connection, told: PatientRecord | CounterNumber, sent_at: datetime | None
    ) -> _Came:
        now = self._now()
        if isinstance(told, CounterNumber):
            number, service, issued, declared = told.ticket_number, told.service_code, told.issued_at, told.priority
            kiosk_id, reason = told.kiosk_id, told.reason
        else:
            visit = told.visit
            number, service, issued, declared = (
                visit.ticket_number,
                visit.service_code,
                visit.arrived_at,
                visit.priority,
            )
            kiosk_id, reason = told.site.kiosk_id, None
        when = _when(issued, sent_at, now)
        ((last_day,),) = connection.execute(_LAST_DAY).fetchall()
        today = max(now.date().isoformat(), last_day)
        # Somebody who came today stands in the queue that is called today, whatever day this machine thinks it is.
        day = today if when.date() == now.date() else min(when.date().isoformat(), today)
        return _Came(
            ticket_id=self._new_id(),
            number=number,
            kiosk_id=kiosk_id,
            service_code=self._desk.service(service).code,
            when=when,
            day=day,
            priority=Priority(declared) if declared else Priority.NONE,
            reason=reason,
        )

    def _own(self, told: PatientRecord, came: _Came) -> PatientRecord:
        """The record as this machine's own: its identity, its facility, its catalogue; the first revision of it."""
        site, service = self._desk.site, self._desk.service(came.service_code)
        return msgspec.structs.replace(
            told,
            event=Event.ARRIVED,
            revision=0,
            recorded_at=moment(self._now()),
            merge=None,
            site=msgspec.structs.replace(told.site, facility_code=site.facility_code, facility_name=site.facility_name),
            visit=msgspec.structs.replace(
                told.visit,
                visit_id=self._new_id(),
                arrived_at=moment(came.when),
                service_code=service.code,
                service_name=service.name_vi,
            ),
        )

    def _write_ticket(
        self,
        connection: sqlite.Connection,
        came: _Came,
        record: PatientRecord | None,
        machine: str,
        presentation: str,
    ) -> None:
        if connection.execute(_SAME, (came.day, came.number)).fetchone() is not None:
            # Whoever holds it must be called all the same: two kiosks have one prefix, and somebody has to be told.
            log.error("arrivals: %s gave a number that another kiosk gave today: its ticket_prefix is not its own",
                      came.kiosk_id)  # fmt: skip
        prefix = (
            f"{machine}/"  # no prefix of settings holds a slash: its numbers and ours never take each other's place
        )
        ((sequence,),) = connection.execute(_NEXT, (came.day, prefix)).fetchall()
        new = NewTicket(
            ticket=Ticket(
                ticket_id=came.ticket_id,
                number=came.number,
                service_code=came.service_code,
                issued_at=moment(came.when),
                visit_id=None if record is None else record.visit.visit_id,
            ),
            presentation=presentation,
            prefix=prefix,
            day=came.day,
            sequence=sequence,
            issued=int(came.when.timestamp()),
            priority=came.priority,
            reason=came.reason,
            shown_at=moment(self._now()),  # it was shown where it was given
        )
        write_ticket(connection, new, record, self._desk.rules, self._now().date())

    def _now(self) -> datetime:
        return at_site(self._clock.now(), self._desk.site.utc_offset_minutes)


def open_arrivals(settings: Settings, clock: Clock) -> Arrivals:
    """The arrivals on the site's database, which is opened at the first use."""
    return Arrivals(site_database(settings), desk_of(settings), clock)


def _when(issued_at: str, sent_at: datetime | None, now: datetime) -> datetime:
    """When somebody came, by this machine's clock: so long ago as the kiosk says by its own, if that can be.

    A kiosk has no battery for its clock: what it calls now may be any day, but seconds pass there as here.
    """
    try:
        issued = datetime.fromisoformat(issued_at).astimezone(now.tzinfo)
        away = (sent_at or now) - issued
    except (ValueError, OverflowError):
        return now
    if away < timedelta(0):
        return now
    return now - away if away <= LONGEST_AWAY else min(issued, now - LONGEST_AWAY)
