"""What changes a visit after its ticket: a late insurance answer, what receivers tell back, the check-in taken back.

On the caller's connection and inside the caller's transaction. A record that changes goes out again, its revision one
higher, in the same transaction. Must not import Flask, a device library or a connector.
"""

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from hisbridge.desk_records import Told
from hisbridge.pending import LateAnswer
from hisbridge.questions import Coverage
from hisbridge.records import Event, HospitalAnswer, PatientRecord
from hisbridge.revisions import enqueue_later
from hisbridge.told import renewed
from kiosk import tickets
from kiosk.audit import note_visit
from kiosk.clock import moment
from kiosk.queue import rows, visits
from kiosk.queue.model import Standing
from wire import chain, sqlite
from wire.codec import from_json, to_json
from wire.errors import MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

MAX_WORDS = 200  # characters of who took a check-in back, and why

LATE_SEEN = "SELECT ifnull(max(seq), 0) FROM late_answers"
TOLD_SEEN = "SELECT ifnull(max(seq), 0) FROM visit_answers"

# What came late changes no visit that the store does not hold, and none twice.
_LATE = "INSERT INTO late_answers (visit_id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING"
_CORRECTED = "SELECT 1 FROM corrections WHERE visit_id = ? AND field = 'coverage'"
_RECORD = "SELECT record, needs_counter FROM visits JOIN tickets ON visit_id = visits.id WHERE visits.id = ?"
_RECORD_NOW = "UPDATE visits SET record = ?, verdict = ? WHERE id = ?"
_ATTENTION = "UPDATE tickets SET needs_counter = :needed WHERE visit_id = :visit AND needs_counter != :needed"

_TELLS = "SELECT answer FROM visit_answers WHERE visit_id = ? AND destination = ?"
_TOLD = """
INSERT INTO visit_answers (visit_id, destination, seq, answered_at, answer) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (visit_id, destination) DO UPDATE
SET seq = excluded.seq, answered_at = excluded.answered_at, answer = excluded.answer
"""
_ANSWERS = "SELECT visit_id, destination, answered_at, answer FROM visit_answers WHERE visit_id IN "

_TAKEN_BACK = """
INSERT INTO corrections (visit_id, at, field, reason, officer_name, before, after) VALUES (?, ?, 'event', ?, ?, ?, ?)
"""


class NoSuchVisit(TiepDonError):
    """The database does not hold the visit or ticket that is named."""

    code = "counter.no_such_visit"


class VisitCancelled(TiepDonError):
    """The check-in was taken back; nothing of it is changed any more."""

    code = "counter.visit_cancelled"


@dataclass(frozen=True)
class Late:
    """An insurance answer that came after the ticket."""

    visit_id: str
    coverage: Coverage
    needs_counter: bool


@dataclass(frozen=True, repr=False)
class Answered:
    """What one receiver has told of a visit, all in all. `answered_at` is the last time, UTC, RFC 3339."""

    destination: str
    answered_at: str
    answer: HospitalAnswer


def change(
    connection: sqlite.Connection,
    before: PatientRecord,
    destinations: Sequence[str],
    now: datetime,
    needs_counter: bool,
    event: Event = Event.UPDATED,
    **changed: Any,
) -> PatientRecord:
    """Put a changed record into its visit and tell the receivers; one that is as it was goes to nobody.

    Whom reception need not see any more goes on in the queue.
    `now` is in the site's time. Raises VisitCancelled.
    """
    if before.event is Event.CANCELLED:
        raise VisitCancelled
    record = msgspec.structs.replace(before, **changed)
    visit_id, verdict = record.visit.visit_id, record.coverage.verdict.value if record.coverage else None
    if event is not Event.UPDATED or record != before:
        told = {"event": event, "revision": before.revision + 1, "recorded_at": moment(now), "merge": None}
        record = msgspec.structs.replace(record, **told)
        enqueue_later(connection, record, destinations, now)
    connection.execute(_RECORD_NOW, (to_json(record).decode(), verdict, visit_id))
    turned = connection.execute(_ATTENTION, {"needed": int(needs_counter), "visit": visit_id}).rowcount
    if turned and not needs_counter and event is not Event.CANCELLED:
        visits.settled(connection, visit_id, record.revision, now)
    return record


def take_late(connection: sqlite.Connection, late: LateAnswer, destinations: Sequence[str], now: datetime) -> Late:
    """A late insurance answer enters its visit, and goes out with it."""
    row = connection.execute(_RECORD, (late.visit_id,)).fetchone()
    connection.execute(_LATE, (late.visit_id, late.seq))
    record = None if row is None else _readable(row["record"])
    if record is None:
        return Late(late.visit_id, late.coverage, True)
    # What staff took over at the counter stands: an answer to an older question does not undo it.
    settled = connection.execute(_CORRECTED, (late.visit_id,)).fetchone() is not None
    if settled or record.event is Event.CANCELLED:
        return Late(late.visit_id, record.coverage or late.coverage, bool(row["needs_counter"]))
    known = msgspec.structs.replace(record, coverage=late.coverage)
    attention = tickets.needs_counter(known, now.date())
    change(connection, record, destinations, now, attention, coverage=late.coverage)
    return Late(late.visit_id, late.coverage, attention)


def take_told(connection: sqlite.Connection, told: Told) -> None:
    """What a receiver told back, kept with the visit beside what it told before."""
    row = connection.execute(_TELLS, (told.visit_id, told.destination)).fetchone()
    answer = renewed(None if row is None else _answer(row), told.answer)
    values = (told.visit_id, told.destination, told.seq, told.answered_at, to_json(answer).decode())
    connection.execute(_TOLD, values)


def answers_of(connection: sqlite.Connection, visit_ids: Sequence[str]) -> dict[str, tuple[Answered, ...]]:
    """What receivers told of these visits, by visit; visits nobody told anything of are not in it."""
    found: dict[str, tuple[Answered, ...]] = {}
    places = ", ".join("?" * len(visit_ids))
    for row in connection.execute(f"{_ANSWERS} ({places}) ORDER BY destination", tuple(visit_ids)):
        if (answer := _answer(row)) is not None:
            told = Answered(row["destination"], row["answered_at"], answer)
            found[row["visit_id"]] = (*found.get(row["visit_id"], ()), told)
    return found


def for_the_person(told: Sequence[Answered], destinations: Sequence[str]) -> Answered | None:
    """The one answer to show to the person: of the first destination, in the settings' order, that says where to go.

    Never a number of one system beside a room of another.
    """
    order = {name: number for number, name in enumerate(destinations)}
    ranked = sorted(told, key=lambda one: order.get(one.destination, len(order)))
    leads = (one for one in ranked if one.answer.room or one.answer.queue_number)
    return next(leads, ranked[0] if ranked else None)


def take_back(
    connection: sqlite.Connection, visit_id: str, by: str, why: str, destinations: Sequence[str], now: datetime
) -> bool:
    """The check-in was a mistake: its receivers are told, its ticket leaves the queue, and who and why is noted.

    False: it was taken back before, and nothing changed. Raises NoSuchVisit, MalformedMessage (a damaged record).
    """
    row = connection.execute(_RECORD, (visit_id,)).fetchone()
    if row is None:
        raise NoSuchVisit
    record = from_json(row["record"], PatientRecord)
    if record.event is Event.CANCELLED:
        return False
    off = change(connection, record, destinations, now, False, Event.CANCELLED)
    visits.cancelled(connection, visit_id, off.revision, _line(by), _line(why), now)
    events = (to_json(record.event).decode(), to_json(Event.CANCELLED).decode())
    connection.execute(_TAKEN_BACK, (visit_id, moment(now), _line(why), _line(by), *events))
    note_visit(connection, "visit.cancelled", _line(by), visit_id, now)
    return True


def take_off(connection: sqlite.Connection, ticket_id: str, by: str, why: str, now: datetime) -> bool:
    """A number without a visit was a mistake, or its holder is gone: it leaves the queue; nobody was told of anybody.

    False: it had left before, or has a visit, which is to be taken back. Raises NoSuchVisit.
    """
    entry = rows.one(connection, ticket_id)
    if entry is None:
        raise NoSuchVisit
    if entry.visit_id is not None or entry.place.standing is Standing.CANCELLED:
        return False
    visits.taken_off(connection, entry, f"{ticket_id}:off", _line(by), _line(why), now)
    chain.note(connection, "ticket.cancelled", _line(by), "", now, {"ticket": ticket_id})
    return True


def _line(text: str) -> str:
    shown = (" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text[: 2 * MAX_WORDS])
    return " ".join("".join(shown).split())[:MAX_WORDS]


def _readable(record: str) -> PatientRecord | None:
    """A visit's record; None for a damaged one, which must not keep the answers of all others waiting."""
    try:
        return from_json(record, PatientRecord)
    except MalformedMessage:
        log.error("a visit's record cannot be read")
        return None


def _answer(row: sqlite.Row) -> HospitalAnswer | None:
    try:
        return from_json(row["answer"], HospitalAnswer)
    except MalformedMessage:
        log.error("what a receiver told of a visit cannot be read")
        return None
