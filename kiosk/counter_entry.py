"""Somebody whom no device read: what the counter types becomes a visit, of a ticket that is there or of a new one.

A child, a newborn, somebody without a card or with one of the forces: all are data entry, never proof. Who has no
number is a person by their visit alone (`Patient.local_id`), never joined with another such. The guardian's number says
whom to turn to and is no key of the child, nor is the insurance asked by it (services.md 2.4). The insurance is asked
behind the commit, by the bridge; its answer comes late and by itself. Must not import Flask, a device library or a
connector.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from config.settings import Settings
from hisbridge.lookups.persons import tidy
from hisbridge.outbox import enqueue
from hisbridge.pending import note_open_question
from hisbridge.questions import Act as ExpectedAct
from hisbridge.questions import Coverage, CoverageQuestion, Verdict
from hisbridge.records import Guardian, Patient, PatientRecord
from kiosk import sought
from kiosk.audit import note_visit
from kiosk.changes import NoSuchVisit
from kiosk.check_in_rows import write_visit
from kiosk.clock import Clock, at_site, moment
from kiosk.connection import Open, SharedConnection, site_database
from kiosk.counter_question import (
    CIRCUMSTANCES,
    READERS,
    SEXES,
    Fields,
    FormUnusable,
    Path,
    birth_date,
    is_name,
    joined_number,
    plain_text,
    wrong_birth,
)
from kiosk.handover import Place, Typed, patient_record
from kiosk.queue import rows
from kiosk.queue.model import Act, Entry, MoveKind, Priority, PriorityBy, Standing
from kiosk.queue.priority import by_age, sort_at, stronger
from kiosk.states import Choice, CounterReason
from kiosk.store import Desk, Store, desk_of, random_id
from wire import sqlite
from wire.codec import from_plain
from wire.database import transaction
from wire.errors import TiepDonError

BEING_ASKED = "counter.being_asked"  # reason of a Coverage that the bridge is about to find
MAX_ADDRESS = 1000

_KNOWN = "SELECT id FROM visits WHERE presentation = ?"
_JOIN = "UPDATE tickets SET visit_id = ?, needs_counter = 1, service_code = ?, onward = ? WHERE id = ?"
_ENTERED = """
INSERT INTO corrections (visit_id, at, field, reason, officer_name, account, before, after)
SELECT ?, ?, 'entry', ?, ?, ?, NULL, 'null'
WHERE NOT EXISTS (SELECT 1 FROM corrections WHERE visit_id = ? AND field = 'entry')
"""


class TicketTaken(TiepDonError):
    """The ticket has its visit already: somebody else has typed this person in."""

    code = "counter.ticket_taken"


class Case(StrEnum):
    """Whom the counter types in; what is asked for differs."""

    USUAL = "usual"
    NO_CARD = "no_card"
    CHILD = "child"  # under six, with whoever brings them
    NEWBORN = "newborn"
    FORCES = "forces"


WITH_GUARDIAN = (Case.CHILD, Case.NEWBORN)
RELATIONS = ("mother", "father", "grandparent", "guardian", "other")
_PATHS: Mapping[Case, Path] = {Case.CHILD: Path.CHILD, Case.NEWBORN: Path.NEWBORN, Case.FORCES: Path.FORCES}
_CASES = {CounterReason.NONE: Case.USUAL} | {one: Case(one.value) for one in CounterReason if one}


@dataclass(frozen=True)
class Signer:
    """Who of the staff does it: the account, and the name it stands for."""

    account: str
    full_name: str


@dataclass(frozen=True, repr=False)
class Person:
    """What was typed, understood. `question`: what the insurance is asked; None: there is nothing to ask by."""

    case: Case
    patient: Patient
    guardian: Guardian | None
    question: CoverageQuestion | None
    service_code: str
    priority: Priority


def case_of(fields: Fields) -> Case:
    """The case chosen; the usual one where none or an unknown one is named."""
    told = fields.get("case", "")
    return Case(told) if told in set(Case) else Case.USUAL


def case_for(reason: CounterReason) -> Case:
    """The case that a ticket's reason speaks for."""
    return _CASES[reason]


def person_of(fields: Fields, today: date) -> Person:
    """Who was typed in. Raises FormUnusable with every field that is wrong."""
    case = case_of(fields)
    problems: dict[str, str] = {}

    def taken(field: str, read: Callable[[str], str | None]) -> str | None:
        text = plain_text(fields.get(field, ""))
        understood = read(text) if text else None
        if text and understood is None:
            problems[field] = "unreadable"
        return understood

    name, born = taken("full_name", name_text), taken("birth_date", birth_date)
    for field, value in (("full_name", name), ("birth_date", born)):
        if value is None:
            problems.setdefault(field, "missing")
    if born is not None and (wrong := wrong_birth(born, _PATHS.get(case, Path.USUAL), today)):
        problems["birth_date"] = wrong
    numbers = {field: taken(field, READERS[field]) for field in ("personal_id", "previous_id", "insurance_number")}
    told = {"residence": taken("residence", address_text), "phone": taken("phone", phone_number)}
    guardian = _guardian(taken, problems) if case in WITH_GUARDIAN else None
    if problems:
        raise FormUnusable(**problems)
    sex, circumstance = fields.get("sex", ""), fields.get("circumstance", "")
    known = {
        "full_name": name,
        "birth_date": born,
        "sex": sex if sex in SEXES else None,
        "previous_id": numbers["previous_id"],
    }
    patient = from_plain({"personal_id": numbers["personal_id"], **known, **told}, Patient)
    question = None
    if any(numbers.values()) or case in WITH_GUARDIAN:
        plain = {
            **known,
            **numbers,
            "visit_date": today.isoformat(),
            "circumstance": circumstance if circumstance in CIRCUMSTANCES else "none",
        }
        question = from_plain(plain, CoverageQuestion)
    return Person(case, patient, guardian, question, fields.get("service_code", ""), _priority(fields))


class CounterEntry:
    """Types people in. Every method may be called from any thread; raises DatabaseUnavailable."""

    def __init__(self, open_connection: Open, store: Store, desk: Desk, clock: Clock) -> None:
        self._shared = SharedConnection(open_connection)
        self._store = store
        self._desk = desk
        self._clock = clock
        self.close = self._shared.close

    def new(self, name: str, person: Person, by: Signer) -> str:
        """A visit with a ticket of its own, for somebody who stands at the desk; returns the ticket.

        The same name again is the same person, entered once.
        """
        typed = Typed(person.patient, moment(self._now()), person.question, person.guardian)
        issued = self._store.check_in(name, typed, _to_come(person), Choice(person.service_code))
        visit_id = issued.ticket.visit_id or ""
        with self._shared.using(writes=True) as connection, transaction(connection):
            entry = rows.one(connection, issued.ticket.ticket_id)
            if entry is not None:
                self._rank(connection, name, entry, person, by, self._now())
            self._note(connection, visit_id, person, by)
        return issued.ticket.ticket_id

    def complete(self, name: str, ticket_id: str, person: Person, by: Signer) -> str:
        """The visit of a ticket that was given without one; the number stays. Returns the visit.

        Raises NoSuchVisit (no such ticket), TicketTaken.
        """
        with self._shared.using(writes=True) as connection, transaction(connection):
            known = connection.execute(_KNOWN, (name,)).fetchone()
            if known is not None:
                return str(known["id"])
            entry = rows.one(connection, ticket_id)
            if entry is None or entry.place.standing is Standing.CANCELLED:
                raise NoSuchVisit
            if entry.visit_id is not None:
                raise TicketTaken
            now, visit_id = self._now(), random_id()
            record = self._record(visit_id, entry, person, now)
            write_visit(connection, name, record, moment(now))
            service = record.visit.service_code
            onward = self._desk.rules.onward(service, entry.place.queue)
            connection.execute(_JOIN, (visit_id, service, onward, ticket_id))
            sought.note(connection, entry.day, visit_id, (person.patient.full_name, person.patient.personal_id))
            self._rank(connection, name, rows.one(connection, ticket_id) or entry, person, by, now)
            enqueue(connection, record, self._desk.destinations, now)
            if person.question is not None:
                note_open_question(connection, visit_id, person.question, BEING_ASKED, now)
            self._note(connection, visit_id, person, by)
            return visit_id

    def _record(self, visit_id: str, entry: Entry, person: Person, now: datetime) -> PatientRecord:
        service = self._desk.service(person.service_code or entry.service_code)
        arrived = at_site(datetime.fromtimestamp(entry.issued, now.tzinfo), self._desk.site.utc_offset_minutes)
        place = Place(visit_id, entry.number, service, moment(arrived))
        typed = Typed(person.patient, moment(now), person.question, person.guardian)
        return patient_record(typed, _to_come(person), self._desk.site, place)

    def _rank(
        self,
        connection: sqlite.Connection,
        name: str,
        entry: Entry,
        person: Person,
        by: Signer,
        now: datetime,
    ) -> None:
        """The place by what is known now: age gives a priority that the bare number could not have."""
        head_start = self._desk.rules.head_start_minutes
        aged = by_age(person.patient.birth_date, now.date())
        told = stronger(aged, person.priority, head_start)
        best = stronger(entry.place.priority, told, head_start)
        if best is entry.place.priority:
            return
        changed = replace(
            entry.place,
            priority=best,
            priority_by=PriorityBy.AGE if best is aged else PriorityBy.STAFF,
            confirmed=True,
            sort_at=sort_at(entry.issued, best, head_start),
        )
        act = Act(f"{name}:priority", entry.place.counter or "", by.account)
        rows.move(connection, act, MoveKind.PRIORITY, entry, changed, int(now.timestamp()))

    def _note(self, connection: sqlite.Connection, visit_id: str, person: Person, by: Signer) -> None:
        at = moment(self._now())
        connection.execute(_ENTERED, (visit_id, at, person.case.value, by.full_name, by.account, visit_id))
        note_visit(connection, "visit.entered", by.account, visit_id, self._now(), {"case": person.case.value})

    def _now(self) -> datetime:
        return at_site(self._clock.now(), self._desk.site.utc_offset_minutes)


def open_entry(settings: Settings, store: Store, clock: Clock) -> CounterEntry:
    """The entry on the site's database, which is opened at the first call; new tickets come from the store."""
    return CounterEntry(site_database(settings), store, desk_of(settings), clock)


def name_text(text: str) -> str | None:
    """A person's name, or None."""
    return tidy(text) if is_name(text) else None


def address_text(text: str) -> str | None:
    """An address in one line, or None."""
    return text if len(text) <= MAX_ADDRESS and not re.search(r"[<>]", text) else None


def phone_number(text: str) -> str | None:
    """A telephone number with its leading zero or `+`, or None."""
    joined = joined_number(text)
    return joined if re.fullmatch(r"\+?[0-9]{8,15}", joined) else None


def _guardian(
    taken: Callable[[str, Callable[[str], str | None]], str | None], problems: dict[str, str]
) -> Guardian | None:
    name = taken("guardian_name", name_text)
    relation = taken("guardian_relation", lambda text: text if text in RELATIONS else None)
    number = taken("guardian_id", READERS["personal_id"])
    phone = taken("guardian_phone", phone_number)
    if name is None:
        problems.setdefault("guardian_name", "missing")
    elif relation is None:
        problems.setdefault("guardian_relation", "missing")
    if name is None or relation is None:
        return None
    told = {"full_name": name, "relation": relation, "personal_id": number, "phone": phone}
    return from_plain(told, Guardian)


def _priority(fields: Fields) -> Priority:
    """What staff saw: an emergency before all, else one of the law's groups."""
    if fields.get("emergency"):
        return Priority.EMERGENCY
    told = fields.get("priority", "")
    return Priority(told) if told in set(Priority) else Priority.NONE


def _to_come(person: Person) -> Coverage | None:
    return None if person.question is None else being_asked()


def being_asked() -> Coverage:
    """What stands there until the bridge has asked."""
    return Coverage(verdict=Verdict.UNVERIFIED, reason=BEING_ASKED, act=ExpectedAct.WAIT)
