"""A record corrected at the counter: which fields, why, who, and what stood there before; it goes out again.

Two receptionists may have the same record open: a field that changed under somebody's hands is not written over unseen,
every other field is. Must not import Flask, a device library or a connector.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import msgspec

from config.settings import Settings
from hisbridge import pending
from hisbridge.outbox import enqueue
from hisbridge.questions import Act as ExpectedAct
from hisbridge.questions import Coverage, CoverageQuestion, Verdict
from hisbridge.records import Event, Guardian, Patient, PatientRecord, Proof
from kiosk import sought
from kiosk.audit import note_visit
from kiosk.changes import NoSuchVisit, VisitCancelled, change
from kiosk.check_in_rows import write_visit
from kiosk.clock import Clock, at_site, moment
from kiosk.connection import Open, SharedConnection, site_database
from kiosk.counter_acts import NUMBER_TYPED, still_needs_counter
from kiosk.counter_entry import (
    BEING_ASKED,
    RELATIONS,
    Signer,
    address_text,
    being_asked,
    name_text,
    phone_number,
)
from kiosk.counter_question import (
    READERS,
    SEXES,
    Fields,
    FormUnusable,
    birth_date,
    people_date,
    plain_text,
    wrong_birth,
)
from kiosk.counter_question import Path as Way
from kiosk.queue import rows
from kiosk.queue.model import Act, MoveKind, Standing
from kiosk.queue.visits import waiting_in
from kiosk.store import Desk, desk_of, random_id
from wire import sqlite
from wire.codec import from_json, from_plain, to_json, to_plain
from wire.database import transaction
from wire.errors import TiepDonError

PATIENT = ("full_name", "birth_date", "sex", "personal_id", "previous_id", "residence", "current_address", "phone")
GUARDIAN = ("guardian_name", "guardian_relation", "guardian_id", "guardian_phone")
FIELDS = (*PATIENT, *GUARDIAN, "insurance_number", "service_code")
OF_AGE = 18  # years; until then somebody else answers for a person (Civil Code 91/2015/QH13, articles 20 and 21)
MAX_REASON = 200
MOST_CORRECTIONS = 50

_RECORD = "SELECT record FROM visits WHERE id = ?"
_NOTE = """
INSERT INTO corrections (visit_id, at, field, reason, officer_name, account, before, after)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_NOTES = """
SELECT at, field, reason, officer_name, before, after FROM corrections
WHERE visit_id = ? AND field NOT IN ('coverage', 'event') ORDER BY id DESC LIMIT ?
"""
_NOW_OF = "UPDATE tickets SET visit_id = ?, needs_counter = 1 WHERE visit_id = ?"
_SERVICE = "UPDATE visits SET service_code = ? WHERE id = ?"
_TICKET = "UPDATE tickets SET service_code = ?, onward = ? WHERE id = ?"


class ChangedMeanwhile(TiepDonError):
    """Somebody else has changed a field that this form changes too; `data` names each of them, never its content.

    `now`: what stands there, by field, as the form writes it.
    """

    code = "counter.changed_meanwhile"

    def __init__(self, now: Mapping[str, str]) -> None:
        super().__init__(fields=" ".join(now))
        self.now = dict(now)


@dataclass(frozen=True, repr=False)
class Changed:
    """One field that was corrected: when (RFC 3339), why, by whom, what stood there and what stands there since."""

    at: str
    field: str
    reason: str
    who: str
    before: str
    after: str


@dataclass(frozen=True, repr=False)
class Edits:
    """What a form changes, understood: by field the text that stands in the record, None to empty it.

    `was`: what the form showed, by field, for all fields of it.
    """

    reason: str
    values: Mapping[str, str | None]
    was: Mapping[str, str] = field(default_factory=dict)


def shown_of(record: PatientRecord) -> dict[str, str]:
    """The record's fields as the form writes them."""
    patient, coverage = to_plain(record.patient), record.coverage
    shown = {name: patient.get(name) or "" for name in PATIENT}
    shown["birth_date"] = people_date(record.patient.birth_date)
    shown |= dict.fromkeys(GUARDIAN, "")
    if (guardian := record.guardian) is not None:
        told = (guardian.full_name, guardian.relation, guardian.personal_id or "", guardian.phone or "")
        shown |= dict(zip(GUARDIAN, told, strict=True))
    shown["insurance_number"] = (coverage.card_number or coverage.social_security_number or "") if coverage else ""
    shown["service_code"] = record.visit.service_code
    return shown


def has_guardian(record: PatientRecord, today: date) -> bool:
    """Whether somebody answers for this person, or would: who is under age, as far as the birth date tells."""
    born = record.patient.birth_date or ""
    return record.guardian is not None or (born[:4].isdigit() and today.year - int(born[:4]) < OF_AGE)


def edits_of(fields: Fields, services: Sequence[str], today: date) -> Edits:
    """What this form changes: the fields that do not say what they said (`was_FIELD`). Raises FormUnusable."""
    problems: dict[str, str] = {}
    was = {name: fields.get(f"was_{name}", "") for name in FIELDS if f"was_{name}" in fields}
    values: dict[str, str | None] = {}
    for name, before in was.items():
        text = plain_text(fields.get(name, ""))
        if text == plain_text(before):
            continue
        if not text and name in ("personal_id", "full_name", "service_code"):
            problems[name] = "missing"
            continue
        values[name] = _READ[name](text) if text else None
        if text and (values[name] is None or (name == "service_code" and text not in services)):
            problems[name] = "unreadable"
    born = values.get("birth_date")
    if born and (wrong := wrong_birth(born, Way.USUAL, today)):
        problems["birth_date"] = wrong
    # Who came with a child has a name and is something to them, or is nobody.
    with_child = {name: plain_text(fields.get(name, "")) for name in GUARDIAN if name in was}
    if any(with_child.values()) and values.keys() & set(GUARDIAN):
        for name in GUARDIAN[:2]:
            if not with_child.get(name):
                problems.setdefault(name, "missing")
    reason = plain_text(fields.get("reason", ""))[:MAX_REASON]
    if not reason:
        problems["reason"] = "missing"
    if not values and not problems:
        problems["reason"] = "nothing_changed"
    if problems:
        raise FormUnusable(**problems)
    return Edits(reason, values, was)


class CounterEdit:
    """Corrects records. Every method may be called from any thread; raises DatabaseUnavailable."""

    def __init__(self, open_connection: Open, desk: Desk, clock: Clock) -> None:
        self._shared = SharedConnection(open_connection)
        self._desk = desk
        self._clock = clock
        self.close = self._shared.close

    def correct(self, visit_id: str, edits: Edits, by: Signer) -> str:
        """Put what is changed into the record, and note each field with its reason, who it was and what stood there.
        Returns the visit that stands: another one where a number was typed wrong.

        One transaction with what receivers are told. Raises NoSuchVisit, VisitCancelled, ChangedMeanwhile (nothing is
        written), FormUnusable (a number that a device read).
        """
        stands = visit_id
        with self._shared.using(writes=True) as connection:
            with transaction(connection):
                record = self._record(connection, visit_id)
                before = shown_of(record)
                now = {name: text for name, text in before.items() if text != edits.was.get(name, text)}
                if clash := {name: text for name, text in now.items() if name in edits.values}:
                    raise ChangedMeanwhile(clash)
                if "personal_id" in edits.values and record.patient.personal_id:
                    if record.evidence.source != "typed":
                        raise FormUnusable(personal_id="settled")
                    stands = self._as_another(connection, record, edits, by)
                else:
                    self._write(connection, record, edits, by)
                corrected = {"fields": " ".join(edits.values), "stands": stands}
                note_visit(connection, "visit.corrected", by.account, visit_id, self._now(), corrected)
            if "insurance_number" in edits.values or stands != visit_id:
                # Behind the commit, as elsewhere: the question asked by the old number is not asked again.
                pending.give_up(connection, visit_id, NUMBER_TYPED)
        return stands

    def corrections(self, visit_id: str) -> list[Changed]:
        """What was corrected, the newest first."""
        with self._shared.using() as connection:
            found = connection.execute(_NOTES, (visit_id, MOST_CORRECTIONS)).fetchall()
        return [
            Changed(
                one["at"],
                one["field"],
                one["reason"],
                one["officer_name"] or "",
                _text(one["before"]),
                _text(one["after"]),
            )
            for one in found
        ]

    def _record(self, connection: sqlite.Connection, visit_id: str) -> PatientRecord:
        row = connection.execute(_RECORD, (visit_id,)).fetchone()
        if row is None:
            raise NoSuchVisit
        record = from_json(row["record"], PatientRecord)
        if record.event is Event.CANCELLED:
            raise VisitCancelled
        return record

    def _write(self, connection: sqlite.Connection, record: PatientRecord, edits: Edits, by: Signer) -> None:
        local, visit_id = self._now(), record.visit.visit_id
        changed = _changed(record, edits.values, self._desk)
        known = msgspec.structs.replace(record, **changed)
        attention = still_needs_counter(known, local.date())
        after = change(connection, record, self._desk.destinations, local, attention, **changed)
        if "service_code" in edits.values:
            self._other_service(connection, after, by, edits.reason, local)
        entry = rows.of_visit(connection, visit_id)
        if entry is not None:
            sought.note(connection, entry.day, visit_id, (after.patient.full_name, after.patient.personal_id))
        old, new = shown_of(record), shown_of(after)
        for name in edits.values:
            told = (to_json(old[name]).decode(), to_json(new[name]).decode())
            connection.execute(_NOTE, (visit_id, moment(local), name, edits.reason, by.full_name, by.account, *told))

    def _as_another(self, connection: sqlite.Connection, record: PatientRecord, edits: Edits, by: Signer) -> str:
        """A number was typed wrong, and another number is another person to every receiver: that check-in is taken back
        there, and the same ticket, in the same place, is of a new visit under the right number. Returns the new visit.
        """
        local, old, new = self._now(), record.visit.visit_id, random_id()
        changed = _changed(record, edits.values, self._desk)
        patient = msgspec.structs.replace(changed["patient"], local_id=None)
        question = _question(patient, edits.values.get("insurance_number"), local.date())
        fresh = msgspec.structs.replace(
            record,
            event=Event.ARRIVED,
            revision=0,
            recorded_at=moment(local),
            patient=patient,
            guardian=changed.get("guardian", record.guardian),
            visit=msgspec.structs.replace(changed.get("visit", record.visit), visit_id=new),
            evidence=Proof(source="typed", read_at=moment(local)),
            coverage=being_asked(),
        )
        change(connection, record, self._desk.destinations, local, True, Event.CANCELLED)
        write_visit(connection, new, fresh, moment(local))
        connection.execute(_NOW_OF, (new, old))
        enqueue(connection, fresh, self._desk.destinations, local)
        pending.note_open_question(connection, new, question, BEING_ASKED, local)
        if "service_code" in edits.values:
            self._other_service(connection, fresh, by, edits.reason, local)
        entry = rows.of_visit(connection, new)
        if entry is not None:
            sought.note(connection, entry.day, old, ())
            sought.note(connection, entry.day, new, (patient.full_name, patient.personal_id))
        before, after = shown_of(record), shown_of(fresh)
        for name in edits.values:
            told = (to_json(before[name]).decode(), to_json(after[name]).decode())
            connection.execute(_NOTE, (new, moment(local), name, edits.reason, by.full_name, by.account, *told))
        return new

    def _other_service(
        self, connection: sqlite.Connection, record: PatientRecord, by: Signer, reason: str, now: datetime
    ) -> None:
        """Who waited for the one service waits for the other, as early as they came; at reception only what follows."""
        visit, code = record.visit.visit_id, record.visit.service_code
        connection.execute(_SERVICE, (code, visit))
        entry = rows.of_visit(connection, visit)
        if entry is None:
            return
        rules = self._desk.rules
        first = entry.place.queue if entry.place.queue != entry.service_code else rules.first_queue(code, False)
        onward = rules.onward(code, first)
        connection.execute(_TICKET, (code, onward, entry.ticket_id))
        if first != entry.place.queue and entry.place.standing is Standing.WAITING:
            act = Act(f"{visit}:{record.revision}:service", "", by.account)
            place = replace(waiting_in(entry.place, first), onward=onward)
            rows.move(connection, act, MoveKind.TRANSFER, entry, place, int(now.timestamp()), reason)

    def _now(self) -> datetime:
        return at_site(self._clock.now(), self._desk.site.utc_offset_minutes)


def open_edit(settings: Settings, clock: Clock) -> CounterEdit:
    """The corrections on the site's database, which is opened at the first call."""
    return CounterEdit(site_database(settings), desk_of(settings), clock)


_READ: Mapping[str, Callable[[str], str | None]] = {
    "full_name": name_text,
    "birth_date": birth_date,
    "sex": lambda text: text if text in SEXES else None,
    "personal_id": READERS["personal_id"],
    "previous_id": READERS["previous_id"],
    "residence": address_text,
    "current_address": address_text,
    "phone": phone_number,
    "guardian_name": name_text,
    "guardian_relation": lambda text: text if text in RELATIONS else None,
    "guardian_id": READERS["personal_id"],
    "guardian_phone": phone_number,
    "insurance_number": READERS["insurance_number"],
    "service_code": lambda text: text,
}
# The bridge draws them from the text, which is another one now.
_CODES = {"residence": "residence_codes", "current_address": "current_address_codes"}


def _changed(record: PatientRecord, values: Mapping[str, str | None], desk: Desk) -> dict[str, Any]:
    """The parts of the record that become others."""
    parts: dict[str, Any] = {}
    person = {name: value for name, value in values.items() if name in PATIENT}
    if person:
        codes = {_CODES[name]: None for name in person if name in _CODES}
        plain = {**to_plain(record.patient), **person, **codes}
        parts["patient"] = from_plain(plain, type(record.patient))
    if values.keys() & set(GUARDIAN):
        name, relation, number, phone = (values.get(one, shown_of(record)[one]) or None for one in GUARDIAN)
        told = {"full_name": name, "relation": relation, "personal_id": number, "phone": phone}
        parts["guardian"] = from_plain(told, Guardian) if name else None
    if "insurance_number" in values:
        parts["coverage"] = _to_be_asked(values["insurance_number"])
    if (code := values.get("service_code")) is not None:
        service = desk.service(code)
        parts["visit"] = msgspec.structs.replace(record.visit, service_code=service.code, service_name=service.name_vi)
    return parts


def _question(patient: Patient, insurance_number: str | None, today: date) -> CoverageQuestion:
    """What the insurance is asked of somebody whose number is another one than was asked by before."""
    plain = to_plain(patient)
    known = {name: plain[name] for name in ("personal_id", "full_name", "birth_date", "sex")}
    return from_plain(
        {**known, "insurance_number": insurance_number, "visit_date": today.isoformat()}, CoverageQuestion
    )


def _to_be_asked(number: str | None) -> Coverage | None:
    """What the insurer said of another number holds no more: somebody has to ask by this one."""
    if number is None:
        return None
    social = number if len(number) == 10 else None
    return Coverage(
        verdict=Verdict.UNVERIFIED,
        reason=NUMBER_TYPED,
        act=ExpectedAct.ASK_OTHER_NUMBER,
        card_number=None if social else number,
        social_security_number=social,
    )


def _text(told: str | None) -> str:
    found = msgspec.json.decode(told or '""')
    return found if isinstance(found, str) else ""
