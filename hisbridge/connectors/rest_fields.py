"""A PatientRecord as the calls of a registration interface: whom to seek, what to save, what to book. Pure.

The rendered message holds the bodies of all calls as they are sent, so that a technician sees them, but for what only
the receiver's answers can fill in: a new record's number.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from config.destinations import RestDestination
from hisbridge.connectors.contract import Known
from hisbridge.connectors.rest_api import Names
from hisbridge.identity import idempotency_key
from hisbridge.lookups.persons import iso_day, tidy
from hisbridge.questions import Coverage, Verdict
from hisbridge.records import Event, Patient, PatientRecord
from wire.codec import Record

VALID = frozenset({Verdict.VALID, Verdict.VALID_NEW_CARD})
_FORMS = {"dd/MM/yyyy": ("/", (2, 1, 0)), "MM/dd/yyyy": ("/", (1, 2, 0)), "yyyy-MM-dd": ("-", (0, 1, 2))}

Body = dict[str, Any]


class Who(Record, frozen=True, kw_only=True):
    """By what a found record is recognised."""

    personal_id: str | None = None
    previous_id: str | None = None
    full_name: str | None = None
    birth_date: str | None = None


class Plan(Record, frozen=True, kw_only=True):
    """The calls of one delivery. `order_id` names the visit, the same for all its records."""

    event: Event
    order_id: str
    who: Who
    record_number: str | None = None
    searches: tuple[Body, ...] = ()
    save: Body | None = None
    booking: Body | None = None
    booking_id: str | None = None


def plan(record: PatientRecord, known: Known, destination: RestDestination, names: Names) -> Plan | None:
    """What is to be called, None where this interface has nothing for the event."""
    order = idempotency_key(destination.name, record.visit.visit_id)
    who = who_is(record.patient)
    if record.event is Event.MERGED or (record.event is Event.CANCELLED and not destination.booking):
        return None
    if record.event is Event.CANCELLED:
        return Plan(event=record.event, order_id=order, who=who, booking_id=known.visit_number)
    booking = destination.booking and record.event is Event.ARRIVED
    return Plan(
        event=record.event,
        order_id=order,
        who=who,
        record_number=known.record_number,
        searches=searches(who, names),
        save=_save(record, known, destination, names),
        booking=_booking(record, known, order, destination, names) if booking else None,
    )


def who_is(patient: Patient) -> Who:
    """Of a record's person, what others know them by."""
    return Who(
        personal_id=patient.personal_id,
        previous_id=patient.previous_id,
        full_name=patient.full_name,
        birth_date=patient.birth_date,
    )


def searches(who: Who, names: Names) -> tuple[Body, ...]:
    """The bodies to search with, the ID number first, then the earlier one."""
    numbers = [number for number in (who.personal_id, who.previous_id) if number]
    return tuple(put({**names.search_values}, {names.fields["personal_id"]: number}) for number in numbers)


def put(body: Body, values: Mapping[str, str | None]) -> Body:
    """The body with these values by their names; a dot leads into an object within. What is not known is left out."""
    for name, value in values.items():
        if not name or value is None:
            continue
        *outer, last = name.split(".")
        inside = body
        for part in outer:
            inside = inside.setdefault(part, {})
        inside[last] = value
    return body


def day(text: str | None, form: str) -> str | None:
    """A date as configured, as far as it is known: the year alone is written as the year alone."""
    parts = iso_day(text or "")
    if parts is None:
        return None
    written = [f"{parts[0]:04d}", *(f"{part:02d}" for part in parts[1:])]
    if form == "yyyyMMdd":
        return "".join(written)
    between, order = _FORMS[form]
    return between.join(written[place] for place in order if place < len(written))


def card_of(coverage: Coverage | None) -> Coverage | None:
    """The cover, unless the insurer holds it for somebody else: then its numbers are not this person's."""
    return None if coverage is None or coverage.verdict is Verdict.MISMATCH else coverage


def clean(text: str | None) -> str | None:
    """NFC, one line, single spaces; None where nothing is left."""
    kept = (" " if unicodedata.category(letter)[0] in "ZC" else letter for letter in tidy(text or ""))
    return " ".join("".join(kept).split()) or None


def _save(record: PatientRecord, known: Known, destination: RestDestination, names: Names) -> Body:
    patient, card, guardian = record.patient, card_of(record.coverage), record.guardian
    words = (clean(patient.full_name) or "").split()
    codes = patient.residence_codes
    ours = {
        "record_number": known.record_number,
        "personal_id": patient.personal_id,
        "previous_id": clean(patient.previous_id),
        "full_name": " ".join(words) or None,
        "family_and_middle": " ".join(words[:-1]) or None,
        "given_name": words[-1] if words else None,
        "sex": destination.sex_codes.get(patient.sex or "unknown") or None,
        "birth_date": day(patient.birth_date, destination.date_format),
        "phone": clean(patient.phone),
        "residence": clean(patient.residence),
        "province_code": codes.province_code if codes else None,
        "ward_code": codes.ward_code if codes else None,
        "nationality_code": clean(patient.nationality_code),
        "ethnicity_code": clean(patient.ethnicity_code),
        "occupation_code": clean(patient.occupation_code),
        "card_number": card.card_number if card else None,
        "issue_date": day(patient.issue_date, destination.date_format),
        "guardian_name": clean(guardian.full_name) if guardian else None,
        "guardian_relation": guardian.relation if guardian else None,
        "guardian_personal_id": guardian.personal_id if guardian else None,
        "guardian_phone": clean(guardian.phone) if guardian else None,
    }
    return _named(ours, names.fields, (names.values,))


def _booking(record: PatientRecord, known: Known, order: str, destination: RestDestination, names: Names) -> Body:
    visit, card = record.visit, card_of(record.coverage)
    date, _, clock = visit.arrived_at.partition("T")
    ours = {
        "record_number": known.record_number,
        "order_id": order,
        "visit_date": day(date, destination.date_format),
        "visit_time": clock[:5],
        "ticket_number": clean(visit.ticket_number),
        "service_code": clean(visit.service_code),
        "service_name": clean(visit.service_name),
        "reason": clean(visit.reason),
        "visit_type": clean(visit.visit_type),
        "object_code": clean(visit.object_code),
        "referral_number": clean(visit.referral_number),
        "referring_facility": clean(visit.referring_facility),
        "card_number": card.card_number if card else None,
        "card_valid_to": day(card.valid_to, destination.date_format) if card else None,
        "card_status": "valid" if card and card.verdict in VALID else None,
        "registered_facility": card.registered_facility if card else None,
    }
    service = destination.services.get(visit.service_code, {})
    return _named(ours, names.booking_fields, (names.booking_values, service))


def _named(ours: Mapping[str, str | None], names: Mapping[str, str], fixed: Iterable[Mapping[str, str]]) -> Body:
    body = put({}, {names.get(name, ""): value for name, value in ours.items()})
    for values in fixed:
        put(body, values)
    return body
