"""A record's parts as FHIR R4 resources (bridge.md 2.1, 2.2). Pure; what is not known is left out."""

from typing import Any

from config.codelists.places import Era, places
from config.destinations import FhirDestination
from hisbridge.connectors.fhir_types import ID, Json, code, coding, identifier, instant, partial_date, pruned, text
from hisbridge.questions import Coverage, Verdict
from hisbridge.records import Event, Guardian, Patient, PatientRecord, Proof

_TERMS = "http://terminology.hl7.org/CodeSystem"
_STANDARD = "http://hl7.org/fhir/StructureDefinition"
_VN = "http://fhir.hl7.org.vn/core/StructureDefinition"
OWN = "urn:tiepdon:fhir"
KEY_SYSTEM = "urn:tiepdon:key"
TEST_DATA = {"system": f"{_TERMS}/v3-ActReason", "code": "HTEST"}
# The chip's data are the issuer's, unchanged (passive authentication, ICAO Doc 9303-11, 5.1).
DATA_CHECKS = ("hashes", "signature", "chain")
COVERED = frozenset({Verdict.VALID, Verdict.VALID_NEW_CARD})


def chip_proven(proof: Proof) -> bool:
    """Whether the person's data are proven to be the issuer's: each check of the data passed, and no check failed."""
    results = {name: check.result for name, check in proof.checks.items()}
    return (
        proof.source == "chip"
        and all(results.get(name) == "passed" for name in DATA_CHECKS)
        and "failed" not in results.values()
    )


def card_in_force(coverage: Coverage | None) -> str | None:
    """The card's number where the insurer's answer carries cover. On a mismatch it may be another person's."""
    return text(coverage.card_number) if coverage is not None and coverage.verdict in COVERED else None


def meta(record: PatientRecord, his: FhirDestination, kind: str, *tags: Json) -> Json:
    """Resource.meta: the profile claimed, tags, and the mark of test data on everything synthetic."""
    profile = his.profiles.get(kind)  # type: ignore[call-overload]
    return pruned(profile=[profile] if profile else None, tag=[*tags, *([TEST_DATA] if record.synthetic else ())])


def patient(record: PatientRecord, his: FhirDestination) -> Json:
    """The person with every identifier; the name in Vietnamese order is family, middle, given."""
    person, systems = record.patient, his.identifier_systems
    # Of somebody who came without a number it is told by an update alone, which first looks who has it there.
    number = person.personal_id if record.local_id is None or record.event is Event.UPDATED else None
    return pruned(
        resourceType="Patient",
        meta=meta(record, his, "Patient"),
        extension=_person_extensions(person, his),
        identifier=[
            one
            for one in (
                identifier(systems["personal_id"], number, kind="NI", use="official"),
                identifier(systems["local"], record.local_id, kind="PI", use="temp"),
                identifier(systems["previous_id"], person.previous_id, use="old"),
            )
            if one
        ],
        active=True,
        name=_names(person.full_name),
        telecom=_telephone(person.phone),
        gender=person.sex,
        birthDate=partial_date(person.birth_date),
        address=_addresses(person, his),
        contact=_contact(record.guardian),
    )


def related_person(record: PatientRecord, his: FhirDestination, person: str) -> Json:
    """Who came with a child, with their own number; `person` is the reference to the Patient. Only with a guardian."""
    told, systems = record.guardian, his.identifier_systems
    assert told is not None  # noqa: S101 - see fhir_bundle
    return pruned(
        resourceType="RelatedPerson",
        meta=meta(record, his, "RelatedPerson"),
        identifier=[
            one
            for one in (
                # Ours alone: the guardian's own number finds them beside every child of theirs.
                identifier(systems["guardian"], record.visit.visit_id, use="temp"),
                identifier(systems["personal_id"], told.personal_id, kind="NI", use="official"),
            )
            if one
        ],
        active=True,
        patient={"reference": person},
        relationship=[_relation(told)],
        name=_names(told.full_name),
        telecom=_telephone(told.phone),
    )


def coverage(record: PatientRecord, his: FhirDestination, person: str) -> Json:
    """The cover the insurer confirmed; `person` is the reference to the Patient. Only with `card_in_force`."""
    told, systems = record.coverage, his.identifier_systems
    assert told is not None  # noqa: S101 - see card_in_force
    card = card_in_force(told)
    return pruned(
        resourceType="Coverage",
        meta=meta(record, his, "Coverage"),
        identifier=[
            one
            for one in (
                identifier(systems["insurance"], card, use="official"),
                identifier(systems["social_security"], told.social_security_number, kind="SS", use="secondary"),
            )
            if one
        ],
        status="active",
        type={"coding": [coding(f"{_TERMS}/v3-ActCode", "PUBLICPOL")], "text": "Bảo hiểm y tế"},
        subscriber={"reference": person},
        subscriberId=card,
        beneficiary={"reference": person},
        relationship={"coding": [coding(f"{_TERMS}/subscriber-relationship", "self")]},
        period=pruned(start=partial_date(told.valid_from), end=partial_date(told.valid_to)),
        payor=[{"display": "Bảo hiểm xã hội Việt Nam"}],
        network=text(told.registered_facility),  # the facility registered for first contact (maDKBD)
    )


def encounter(record: PatientRecord, his: FhirDestination, person: str, status: str) -> Json:
    """The visit as reception knows it; its first identifier is our own and never changes."""
    visit, systems = record.visit, his.identifier_systems
    appointment = appointment_id(record)
    kind, service = code(visit.visit_type), code(visit.service_code)
    arrived = instant(visit.arrived_at)
    reason = text(visit.reason)
    return pruned(
        resourceType="Encounter",
        meta=meta(record, his, "Encounter"),
        identifier=[
            one
            for one in (
                identifier(systems["visit"], visit.visit_id, use="official"),
                # Counted anew every day: it names the visit on its day only.
                identifier(systems["ticket"], visit.ticket_number, use="temp"),
            )
            if one
        ],
        status=status,
        **{"class": coding(f"{_TERMS}/v3-ActCode", "AMB")},
        type=[{"coding": [coding(f"{OWN}:visit-type", kind)]}] if kind else None,
        serviceType=pruned(
            coding=[coding(f"{OWN}:service", service, text(visit.service_name))] if service else None,
            text=text(visit.service_name),
        ),
        subject={"reference": person},
        appointment=[{"reference": f"Appointment/{appointment}"}] if appointment and status == "arrived" else None,
        period=pruned(start=arrived),
        reasonCode=[{"text": reason}] if reason else None,
        serviceProvider=pruned(
            identifier=identifier(systems["facility"], record.site.facility_code),
            display=text(record.site.facility_name),
        ),
    )


def appointment_id(record: PatientRecord) -> str | None:
    """The receiver's own id of the appointment, where it can be one."""
    told = record.visit.appointment_id
    return told if told and ID.match(told) else None


def recorded(record: PatientRecord) -> str | None:
    """When the record was made; in a record that does not tell, the arrival. None where neither is an instant."""
    return instant(record.recorded_at) or instant(record.visit.arrived_at)


def provenance(record: PatientRecord, his: FhirDestination, key: str, targets: list[str]) -> Json:
    """What the data rest on: where they were read, when, by which kiosk, and each check of the chip with its result.

    `key` becomes a tag, for a Provenance has no identifier by which a resend could be recognised.
    """
    proof, site = record.evidence, record.site
    return pruned(
        resourceType="Provenance",
        meta=meta(record, his, "Provenance", {"system": KEY_SYSTEM, "code": key}),
        extension=[_check(name, **_plain(check)) for name, check in sorted(proof.checks.items())],
        target=[{"reference": target} for target in targets],
        occurredDateTime=instant(proof.read_at),
        recorded=recorded(record),
        activity={
            "coding": [
                coding(f"{OWN}:evidence", "chip-proven" if chip_proven(proof) else proof.source.replace("_", "-"))
            ]
        },
        agent=[
            pruned(
                type={"coding": [coding(f"{_TERMS}/provenance-participant-type", "assembler")]},
                who=pruned(
                    type="Device", identifier=identifier(f"{OWN}:kiosk", site.kiosk_id), display=text(site.kiosk_id)
                ),
                onBehalfOf=pruned(
                    type="Organization",
                    identifier=identifier(his.identifier_systems["facility"], site.facility_code),
                    display=text(site.facility_name),
                ),
            )
        ],
        entity=[{"role": "source", "what": {"display": _SOURCES[proof.source]}}],
    )


_ROLES = {"mother": "MTH", "father": "FTH", "grandparent": "GRPRN", "guardian": "GUARD"}
_SOURCES = {
    "chip": "chip of the citizen's ID card",
    "card_qr": "QR code of the citizen's ID card",
    "phone_qr": "QR code of the VNeID application",
    "insurance_qr": "QR code of the health insurance card",
    "mrz": "machine-readable zone of the citizen's ID card",
    "typed": "typed in",
}


def _plain(check: Any) -> dict[str, str | None]:
    return {"result": check.result, "reason": check.reason, "protocol": check.protocol}


def _check(name: str, **facts: str | None) -> Json:
    told = {"name": name, **facts}
    parts = [{"url": key, "valueCode": value} for key, one in told.items() if (value := code(one))]
    return {"url": f"{OWN}:check", "extension": parts}


def _contact(guardian: Guardian | None) -> list[Json]:
    if guardian is None:
        return []
    name = next(iter(_names(guardian.full_name)), None)
    return [pruned(relationship=[_relation(guardian)], name=name, telecom=_telephone(guardian.phone))]


def _relation(guardian: Guardian) -> Json:
    known = _ROLES.get(guardian.relation)
    return pruned(coding=[coding(f"{_TERMS}/v3-RoleCode", known)] if known else None, text=guardian.relation)


def _telephone(number: str | None) -> list[Json]:
    told = text(number)
    return [{"system": "phone", "value": told, "use": "mobile"}] if told else []


def _names(full_name: str | None) -> list[Json]:
    """One HumanName; a single word is the family name, as in the other connectors."""
    whole = code(full_name)
    if whole is None:
        return []
    family, *given = whole.split()
    return [pruned(use="official", text=whole, family=family, given=given)]


def _addresses(person: Patient, his: FhirDestination) -> list[Json]:
    """The card's text, and its places on two levels: the ward as `city`, the province as `state`, no district."""
    whole, codes = text(person.residence), person.residence_codes
    if whole is None:
        return []
    if codes is None:
        return [{"use": "home", "text": whole, "country": "VN"}]
    province = places().province(Era.NEW, codes.province_code)
    ward = places().ward(Era.NEW, codes.ward_code or "")
    extensions: list[Json] = []
    if his.identifiers == "vn_core_hl7":
        extensions = [
            {"url": f"{_VN}/vn-ext-{level}", "valueCoding": pruned(code=unit.code, display=_unit(unit))}
            for level, unit in (("province", province), ("ward", ward))
            if unit is not None
        ]
    detail = text(codes.detail) if ward is not None else None
    return [
        pruned(
            extension=extensions,
            use="home",
            text=whole,
            line=[detail] if detail else None,
            city=_unit(ward) if ward is not None else None,
            state=_unit(province) if province is not None else None,
            country="VN",
        )
    ]


def _unit(unit: Any) -> str:
    return f"{unit.kind[:1].upper()}{unit.kind[1:]} {unit.name}"


def _person_extensions(person: Patient, his: FhirDestination) -> list[Json]:
    found: list[Json] = []
    if nationality := text(person.nationality):
        inner = {"url": "code", "valueCodeableConcept": {"text": nationality}}
        found.append({"url": f"{_STANDARD}/patient-nationality", "extension": [inner]})
    if his.identifiers == "vn_core_hl7" and (ethnicity := text(person.ethnicity)):
        known = [pruned(code=code(person.ethnicity_code), display=ethnicity)] if person.ethnicity_code else None
        concept = pruned(coding=known, text=ethnicity)
        found.append({"url": f"{_VN}/vn-ext-ethnicity", "valueCodeableConcept": concept})
    return found
