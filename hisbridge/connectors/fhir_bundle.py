"""A record as one FHIR R4 transaction (bridge.md 2.1). Pure: the same bytes for every resend.

An entry that is created carries `ifNoneExist`; one that changes what may be there is a conditional update (as the
feed of IHE PIXm, ITI-104), and `fhir_held` lays it over what the receiver holds before it is sent.
"""

from collections.abc import Iterator

import msgspec

from config.destinations import FhirDestination
from hisbridge.connectors.fhir_resources import (
    KEY_SYSTEM,
    OWN,
    appointment_id,
    card_in_force,
    chip_proven,
    coverage,
    encounter,
    meta,
    patient,
    provenance,
    recorded,
    related_person,
)
from hisbridge.connectors.fhir_types import (
    ID,
    Json,
    coding,
    entry,
    full_url,
    identifier,
    pruned,
    tag,
    text,
    token,
)
from hisbridge.identity import idempotency_key
from hisbridge.records import Event, Merge, PatientRecord


def render(record: PatientRecord, his: FhirDestination) -> bytes | None:
    """The transaction, UTF-8 JSON; None for a merge that this receiver is not told of."""
    if record.event is Event.MERGED:
        entries = _merged(record, his) if his.merges else []
    else:
        entries = list(_visit(record, his))
    if not entries:
        return None
    bundle = pruned(
        resourceType="Bundle",
        identifier={"system": KEY_SYSTEM, "value": _key(record, his)},
        type="transaction",
        timestamp=recorded(record),
        entry=entries,
    )
    return msgspec.json.encode(bundle)


def _visit(record: PatientRecord, his: FhirDestination) -> Iterator[Json]:
    systems, cancelled = his.identifier_systems, record.event is Event.CANCELLED
    person, visit = _url(record, his, "Patient"), _url(record, his, "Encounter")
    ours = record.local_id
    if ours is not None and text(ours) is None:
        raise ValueError("local_id")  # nobody could be told from another by it
    # Whoever came without a number is found by our own name of them alone, so that nobody else's record is ever met.
    known_by = token(systems["local"], ours) if ours else None
    who = known_by or token(systems["personal_id"], record.patient.personal_id or "")
    # Only the arrival tells what the chip holds: what staff corrected afterwards no chip proves.
    proven = record.event is Event.ARRIVED and his.update_person and chip_proven(record.evidence)
    known_better = known_by is not None and record.event is Event.UPDATED  # the Patient is of our own making
    write = _changed if proven or known_better else _created
    yield write(person, patient(record, his), who)
    if record.guardian is not None and not cancelled:
        guardian = token(systems["guardian"], _visit_id(record))
        yield _created(_url(record, his, "RelatedPerson"), related_person(record, his, person), guardian)
    card = None if cancelled else card_in_force(record.coverage)
    if card is not None:
        cover = coverage(record, his, person)
        write = _changed if his.update_coverage else _created
        yield write(_url(record, his, "Coverage"), cover, token(systems["insurance"], card))
    status = "cancelled" if cancelled else "arrived"
    write = _created if record.event is Event.ARRIVED else _changed
    yield write(visit, encounter(record, his, person, status), token(systems["visit"], _visit_id(record)))
    appointment = appointment_id(record)
    if appointment is not None and record.event is Event.ARRIVED:
        # Without its participants it is no whole Appointment: it is only ever laid over the one the receiver holds.
        booked = {"resourceType": "Appointment", "id": appointment, "status": "arrived", "participant": []}
        yield entry(_url(record, his, "Appointment"), booked, "PUT", f"Appointment/{appointment}")
    if his.provenance and recorded(record):
        yield _evidence(record, his, provenance(record, his, _key(record, his), [person, visit]))


def _visit_id(record: PatientRecord) -> str:
    told = text(record.visit.visit_id)
    if told is None:
        raise ValueError("visit_id")  # nothing that two visits could be told apart by
    return told


def _merged(record: PatientRecord, his: FhirDestination) -> list[Json]:
    """Two Patients of one person: the one given up points to the one kept and is no longer active (Patient.link)."""
    if record.merge is None:
        return []
    kept, given_up = _url(record, his, "kept"), _url(record, his, "given-up")
    addresses = [_address(his, number) for number in (record.merge.kept, record.merge.given_up)]
    if None in addresses or addresses[0] == addresses[1]:
        return []
    entries = [
        entry(kept, _linked(record, his, given_up, "replaces", active=True), "PUT", addresses[0] or ""),
        entry(given_up, _linked(record, his, kept, "replaced-by", active=False), "PUT", addresses[1] or ""),
    ]
    moment = recorded(record)
    if his.provenance and moment:
        entries.append(_evidence(record, his, _confirmation(record, his, record.merge, [kept, given_up], moment)))
    return entries


def _linked(record: PatientRecord, his: FhirDestination, other: str, how: str, *, active: bool) -> Json:
    # The personal ID number stays with the one kept: were it left on both, every later visit would find two persons.
    number = identifier(
        his.identifier_systems["personal_id"],
        record.patient.personal_id,
        kind="NI",
        use="official" if active else "old",
    )
    return pruned(
        resourceType="Patient",
        meta=meta(record, his, "Patient"),
        identifier=[number] if number else None,
        active=active,
        link=[{"other": {"reference": other}, "type": how}],
    )


def _confirmation(record: PatientRecord, his: FhirDestination, merge: Merge, targets: list[str], moment: str) -> Json:
    return pruned(
        resourceType="Provenance",
        meta=meta(record, his, "Provenance", {"system": KEY_SYSTEM, "code": _key(record, his)}),
        target=[{"reference": target} for target in targets],
        recorded=moment,
        activity={"coding": [coding(f"{OWN}:evidence", "merge-confirmed")]},
        agent=[{"who": {"display": text(merge.confirmed_by) or "-"}}],
    )


def _address(his: FhirDestination, number: str) -> str | None:
    """Which Patient a record number means: by the hospital's own system, else by the resource's id."""
    system, told = his.identifier_systems.get("record_number"), text(number)
    if told is None:
        return None
    if system:
        return f"Patient?{token(system, told)}"
    return f"Patient/{told}" if ID.match(told) else None


def _evidence(record: PatientRecord, his: FhirDestination, resource: Json) -> Json:
    key = _key(record, his)
    return entry(_url(record, his, "Provenance"), resource, "POST", "Provenance", tag(KEY_SYSTEM, key))


def _created(url: str, resource: Json, condition: str) -> Json:
    return entry(url, resource, "POST", resource["resourceType"], condition)


def _changed(url: str, resource: Json, condition: str) -> Json:
    return entry(url, resource, "PUT", f"{resource['resourceType']}?{condition}")


def _url(record: PatientRecord, his: FhirDestination, what: str) -> str:
    return full_url(his.name, record.visit.visit_id, record.revision, what)


def _key(record: PatientRecord, his: FhirDestination) -> str:
    return idempotency_key(his.name, record.visit.visit_id, record.revision)
