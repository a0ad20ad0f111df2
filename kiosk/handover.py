"""From what was read to what is handed over: the PatientRecord, and the question to the insurance.

Pure. Card and code are hostile: a field that does not have the record's shape is left out, so that one odd date never
costs a visit. Nothing but the record's own fields goes out. Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

import msgspec

from config.front import ServiceSettings
from config.settings import SiteSettings
from hisbridge.arrivals import CounterNumber
from hisbridge.questions import Coverage, CoverageQuestion
from hisbridge.records import Arrival, Guardian, Patient, PatientRecord, Proof, ProofCheck, Site
from hisbridge.values import CardNumber, Moment, PersonalId, PreviousId
from kiosk.queue.model import DECLARED, Priority
from kiosk.states import Ticket
from reader.reading import Evidence, Reading, Source
from wire.codec import from_plain, to_plain
from wire.errors import MalformedMessage, TiepDonError

DIACRITICS_LOST = "diacritics_lost"  # reader.payload
DeclaredWord = Literal["pregnant", "severe_disability", "merit"]  # kiosk.queue.model.DECLARED, as records have it
OURS = ("personal_id", "local_id")  # of a Patient, not taken from what was read as it stands
OPTIONAL = tuple(field for field in msgspec.structs.fields(Patient) if field.name not in OURS)


class NoPersonalId(TiepDonError):
    """The reading holds no twelve-digit personal ID number, so there is nobody to hand over."""

    code = "checkin.no_personal_id"


@dataclass(frozen=True, repr=False)
class Typed:
    """Somebody whom staff typed in whole, from papers or by word of mouth: data entry, never proof.

    `read_at`: RFC 3339. `question`: what the insurance was asked about them; None: nothing. `guardian`: who came with
    them.
    """

    patient: Patient
    read_at: str
    question: CoverageQuestion | None = None
    guardian: Guardian | None = None


@dataclass(frozen=True)
class Place:
    """The visit's own facts: identity, ticket, service, and the moment in the site's time (RFC 3339 with offset)."""

    visit_id: str
    ticket_number: str
    service: ServiceSettings
    arrived_at: str
    priority: DeclaredWord | None = None


def patient_record(
    reading: Reading | Typed, coverage: Coverage | None, site: SiteSettings, place: Place
) -> PatientRecord:
    """The record of one visit; raises NoPersonalId (of a reading: whom staff typed in may have no number)."""
    guardian = None
    if isinstance(reading, Typed):
        patient, proof, guardian = reading.patient, Proof(source="typed", read_at=reading.read_at), reading.guardian
        if patient.personal_id is None:
            # Nothing else tells two newborns of one name and day apart, and nothing else is sure never to join them.
            patient = msgspec.structs.replace(patient, local_id=place.visit_id)
    else:
        patient, proof = _patient(reading), _proof(reading.evidence, place.arrived_at)
    return PatientRecord(
        recorded_at=place.arrived_at,
        site=Site(facility_code=site.facility_code, facility_name=site.facility_name, kiosk_id=site.kiosk_id),
        patient=patient,
        visit=Arrival(
            visit_id=place.visit_id,
            arrived_at=place.arrived_at,
            service_code=place.service.code,
            service_name=place.service.name_vi,
            ticket_number=place.ticket_number,
            priority=place.priority,
        ),
        evidence=proof,
        coverage=coverage,
        guardian=guardian,
        synthetic=site.synthetic,
    )


def counter_number(site: SiteSettings, ticket: Ticket, reason: Any, priority: DeclaredWord | None) -> CounterNumber:
    """A number of somebody who was not read, as a desk on another machine is told of it."""
    return CounterNumber(
        ticket_id=ticket.ticket_id,
        ticket_number=ticket.number,
        service_code=ticket.service_code,
        issued_at=ticket.issued_at,
        kiosk_id=site.kiosk_id,
        reason=reason,
        priority=priority,
        synthetic=site.synthetic,
    )


def declared(priority: Priority) -> DeclaredWord | None:
    """The priority that somebody declared, as a record tells it; None for what nobody can declare."""
    return cast("DeclaredWord", priority.value) if priority in DECLARED else None


def coverage_question(reading: Reading, visit_date: date) -> CoverageQuestion:
    """What the bridge is asked about this person; raises NoPersonalId."""
    patient = _patient(reading)
    card = reading.insurance.card_number if reading.insurance is not None else None
    return CoverageQuestion(
        personal_id=patient.personal_id,
        insurance_number=card if _fits(card, CardNumber) else None,
        previous_id=patient.previous_id if _fits(patient.previous_id, PreviousId) else None,
        full_name=patient.full_name,
        birth_date=patient.birth_date,
        sex=patient.sex,
        visit_date=visit_date.isoformat(),
    )


def _patient(reading: Reading) -> Patient:
    holder = reading.holder
    if reading.evidence.source is Source.MRZ or DIACRITICS_LOST in reading.warnings:
        # Letters without their marks are another name to a register, and the name's line of the machine-readable zone
        # has no check digit besides (Doc 9303-5, 4.2.2): shown to its owner, told to nobody.
        holder = msgspec.structs.replace(holder, full_name=None, residence=None)
    plain = {name: value.strip() if value else value for name, value in to_plain(holder).items()}
    if not _fits(holder.personal_id, PersonalId):
        raise NoPersonalId()
    known = {field.name: plain.get(field.name) for field in OPTIONAL}
    fitting = {field.name: known[field.name] for field in OPTIONAL if _fits(known[field.name], field.type)}
    return from_plain({"personal_id": holder.personal_id, **fitting}, Patient)


def _proof(evidence: Evidence, arrived_at: str) -> Proof:
    checks: dict[str, Any] = {}
    if evidence.source is Source.CHIP and evidence.checks is not None:
        known = {field.name: field.type for field in msgspec.structs.fields(ProofCheck)}
        checks = {
            name: {key: value for key, value in check.items() if key in known and _fits(value, known[key])}
            for name, check in to_plain(evidence.checks).items()
        }
    return Proof(
        source=evidence.source.value,
        read_at=evidence.read_at if _fits(evidence.read_at, Moment) else arrived_at,
        checks={name: from_plain(check, ProofCheck) for name, check in checks.items()},
    )


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(value, str) and value != value.strip():
        return False
    try:
        from_plain(value, kind)
    except MalformedMessage:
        return False
    return True
