"""The segments of a PatientRecord in HL7 v2.3.1, v2.5 and v2.5.1, field by field (bridge.md 1.2). Pure.

What the older version lacks (components and types that came with v2.4 and v2.5) is left out or has its older place.
docs/integration/hl7v2.md shows every field with an example.
"""

from dataclasses import dataclass

from config.destinations import Hl7v2Destination
from hisbridge.connectors.hl7text import Segment, authority, components, day, moment, text
from hisbridge.identity import idempotency_key
from hisbridge.questions import Coverage, Verdict
from hisbridge.records import Event, Patient, PatientRecord

CHARACTER_SET = "UNICODE UTF-8"  # table 0211; v2.3.1's own table has only UNICODE, which does not say how it is written
_RELATIONS = {  # table 0063
    "mother": ("MTH", "Mother"),
    "father": ("FTH", "Father"),
    "grandparent": ("GRP", "Grandparent"),
    "guardian": ("GRD", "Guardian"),
    "other": ("OTH", "Other"),
}
CARD_LENGTH = 15  # of an insurance card's number; shorter ones are social security numbers


@dataclass(frozen=True)
class Making:
    """What a message is made of. `record_number`: the person's number at the receiver, where it is known."""

    record: PatientRecord
    destination: Hl7v2Destination
    record_number: str | None = None

    @property
    def old(self) -> bool:
        """Whether the receiver speaks v2.3.1."""
        return self.destination.version == "2.3.1"


def header(making: Making, kind: str, control_id: str, *, answers: bool = True) -> Segment:
    """MSH for a message of this kind (`ADT^A04^ADT_A01`). `answers`: as the settings ask to be answered."""
    destination, record = making.destination, making.record
    accept, application = _answers(destination) if answers else ("", "")
    fields = {
        3: authority(destination.sending_application, "^"),
        4: authority(destination.sending_facility or record.site.facility_code, "^"),
        5: authority(destination.receiving_application, "^"),
        6: authority(destination.receiving_facility, "^"),
        # The record's own moment, not that of the sending: a resend must be the same message.
        7: happened(record) or moment(record.evidence.read_at),
        9: "^".join(kind.split("^")[:2]) if making.old else kind,
        10: control_id,
        11: "T" if record.synthetic else "P",
        12: destination.version,
        15: accept,
        16: application,
        17: "VNM",
        18: CHARACTER_SET,
        19: "vi",
    }
    return Segment("MSH", fields)


def control_id(making: Making) -> str:
    """MSH-10: the delivery's own key, the same for every resend."""
    record = making.record
    return idempotency_key(making.destination.name, record.visit.visit_id, record.revision)


def happened(record: PatientRecord) -> str:
    """TS of the event: when the record was made; in a record that does not tell, the latest moment it knows of."""
    if told := moment(record.recorded_at or ""):
        return told
    arrived = moment(record.visit.arrived_at)
    asked = record.coverage.asked_at if record.coverage is not None else None
    if record.event is Event.ARRIVED or not asked:
        return arrived
    # Both are the site's own time; where they are not, the receiver still gets a moment that was.
    return max(arrived, moment(asked))


def event(making: Making, trigger: str) -> Segment:
    """EVN."""
    record = making.record
    fields = {
        1: trigger,
        2: happened(record) or moment(record.evidence.read_at),
        4: "SANDBOX" if record.synthetic else "",
        6: happened(record),
        7: "" if making.old else text(record.site.facility_code),
    }
    return Segment("EVN", fields)


def person(making: Making) -> Segment:
    """PID."""
    record = making.record
    patient = record.patient
    nationality = _coded(patient.nationality_code, patient.nationality, "99QUOCTICH")
    fields = {
        1: "1",
        3: _identifiers(making),
        5: name(patient.full_name, making.destination) or "^^^^^^U",
        7: day(patient.birth_date),
        8: {"male": "M", "female": "F", "unknown": "U"}.get(patient.sex or "", ""),
        11: _address(patient),
        13: _telephone(patient.phone, making),
        22: _coded(patient.ethnicity_code, patient.ethnicity, "99DANTOC"),
        26: nationality,
        28: nationality,
    }
    return Segment("PID", fields)


def guardian(making: Making) -> Segment | None:
    """NK1 with who came with a child: their own number stands in NK1-33, never in PID-3 (HL7 v2.5, 3.4.5)."""
    told, destination = making.record.guardian, making.destination
    if told is None:
        return None
    number, citizens = text(told.personal_id), authority(destination.personal_id_authority, "&")
    fields = {
        1: "1",
        2: name(told.full_name, destination) or "^^^^^^U",
        3: components(*_RELATIONS[told.relation], "HL70063"),
        5: _telephone(told.phone, making),
        33: components(number, "", "", citizens, "NI") if number else "",
    }
    return Segment("NK1", fields)


def primary_facility(making: Making) -> Segment | None:
    """PD1 with where each insurance card is registered for first contact, where that is known."""
    coverage = making.record.coverage
    if coverage is None:
        return None
    known = [text(coverage.registered_facility)]
    other = text(coverage.other_registered_facility)
    if _other_card(coverage) and other:
        known.append(other)
    # XON.10, not XON.3: that one is numeric and would lose the leading zero of the facility code.
    told = "~".join(one if making.old else components(*[""] * 9, one) for one in known if one)
    return Segment("PD1", {3: told}) if told else None


def visit(making: Making) -> Segment:
    """PV1 of a visit."""
    arrival, site = making.record.visit, making.record.site
    issuer = authority(making.destination.sending_application, "&")
    ticket, appointment = text(arrival.ticket_number), text(arrival.appointment_id)
    place = [text(arrival.service_code), "", "", text(site.facility_code), "", "", "", ""]
    fields = {
        1: "1",
        2: "O",
        3: components(*place, text(arrival.service_name)),
        5: appointment,
        10: text(arrival.service_code),
        18: text(arrival.visit_type),
        19: components(text(arrival.visit_id), "", "", issuer, "VN"),
        # What staff settled on; a proposal has no place in the standard and is not sent.
        20: text(arrival.object_code),
        44: moment(arrival.arrived_at),
        50: components(ticket, "", "", issuer) if ticket else "",
    }
    return Segment("PV1", fields)


def no_visit() -> Segment:
    """PV1 of a message about a person alone: the segment is required, N means "not applicable" (table 0004)."""
    return Segment("PV1", {1: "1", 2: "N"})


def reason(making: Making) -> Segment | None:
    """PV2 with why the person comes, in words, where that is known."""
    told = text(making.record.visit.reason)
    return Segment("PV2", {3: components("", told)}) if told else None


def insurances(making: Making) -> list[Segment]:
    """IN1 for each insurance card that is known: the one in force on the day first."""
    record, destination = making.record, making.destination
    coverage = record.coverage
    if coverage is None:
        return []
    number = text(coverage.card_number)
    first = [_insurance(making, coverage, (number, coverage.valid_from, coverage.valid_to))] if number else []
    found = list(first)
    if _other_card(coverage):
        other = (text(coverage.other_card_number), coverage.other_valid_from, coverage.other_valid_to)
        found.append(_insurance(making, coverage, other))
    for set_id, segment in enumerate(found, 1):
        segment.fields[1] = str(set_id)
    if first:
        insurer = authority(destination.insurance_authority, "&")
        social = text(coverage.social_security_number)
        slip, sender = text(record.visit.referral_number), text(record.visit.referring_facility)
        first[0].fields[14] = components(slip, "", sender) if slip else ""
        first[0].fields[49] = components(social, "", "", insurer, "SS") if social else ""
    return found


def merged(making: Making) -> Segment:
    """MRG: the record number that goes into the one in PID-3. Raises ValueError where the record tells none."""
    merge = making.record.merge
    if merge is None:
        raise ValueError("merged without record numbers")
    return Segment("MRG", {1: _record_number(merge.given_up, making.destination)})


def name(full_name: str | None, destination: Hl7v2Destination) -> str:
    """XPN: family^given^middle (the Vietnamese order is family, middle, given); a single word is the family name."""
    words = [text(word) for word in (full_name or "").split()]
    words = [word for word in words if word]
    if not words:
        return ""
    if destination.name_style == "whole_in_given":
        return components("", " ".join(words), "", "", "", "", "L")
    if destination.name_style == "whole_in_family" or len(words) == 1:
        return components(" ".join(words), "", "", "", "", "", "L")
    return components(words[0], words[-1], " ".join(words[1:-1]), "", "", "", "L")


def _answers(destination: Hl7v2Destination) -> tuple[str, str]:
    """MSH-15 and MSH-16 (table 0155). Both empty is the original mode."""
    return {"original": ("", ""), "enhanced": ("AL", "AL"), "commit": ("AL", "NE")}[destination.acknowledgement]


def _identifiers(making: Making) -> str:
    """PID-3: the personal ID number first, else our own; every repetition with its assigning authority and type
    (table 0203)."""
    record, destination = making.record, making.destination
    patient, coverage = record.patient, record.coverage
    citizens = authority(destination.personal_id_authority, "&")
    insurer = authority(destination.insurance_authority, "&")
    # CX.7 and CX.8 came with v2.5.
    validity = [] if making.old else ["", day(patient.issue_date), day(patient.expiry_date)]
    numbers = []
    if number := text(patient.personal_id):
        numbers.append(components(number, "", "", citizens, "NI", *validity))
    if ours := text(record.local_id):
        # Kept when the number is known: by it the receiver finds whom it made of the first message.
        numbers.append(components(ours, "", "", authority(destination.sending_application, "&"), "PI"))
    if making.record_number:
        numbers.append(_record_number(making.record_number, destination))
    # On a mismatch the portal's numbers may be somebody else's: never an identifier of this person.
    if coverage is not None and coverage.verdict is not Verdict.MISMATCH:
        if card := text(coverage.card_number):
            # SN (subscriber number) came with v2.5; NH is a national health plan's identifier.
            numbers.append(components(card, "", "", insurer, "NH" if making.old else "SN"))
        if social := text(coverage.social_security_number):
            numbers.append(components(social, "", "", insurer, "SS"))
    if previous := text(patient.previous_id):
        # Not NI again: a receiver that takes the last NI would file the person under the old number.
        numbers.append(components(previous, "", "", citizens, "NNVNM"))
    return "~".join(numbers)


def _record_number(number: str, destination: Hl7v2Destination) -> str:
    issuer = destination.record_number_authority or destination.receiving_application
    return components(text(number), "", "", authority(issuer, "&"), "MR")


def _telephone(number: str | None, making: Making) -> str:
    """XTN: .1 and .12 are text; receivers drop the leading zero of the numeric components."""
    phone = text(number)
    unformatted = [] if making.old else [*[""] * 8, phone]
    return components(phone, "PRN", "CP", *unformatted) if phone else ""


def _address(patient: Patient) -> str:
    """XAD. Viet Nam has two address levels since July 2025: XAD.4 the province, XAD.9 the ward, no district.

    The card's text stays whole in XAD.1, for the codes are our own reading of it.
    """
    residence, codes = text(patient.residence), patient.residence_codes
    if codes is None:
        return components(residence, "", "", "", "", "VNM", "H") if residence else ""
    province, ward = text(codes.province_code), text(codes.ward_code)
    return components(residence, "", "", province, "", "VNM", "H", "", ward)


def _coded(code: str | None, words: str | None, system: str) -> str:
    """CE: a code of a Vietnamese list (`99...`: a local one, table 0396) with its words, or the words alone."""
    return components(text(code), text(words), system) if text(code) else components("", text(words))


def _company(setting: str) -> str:
    """CX: the insurer's short name is its number; its universal id, if it has one, says who it is."""
    short = text(setting.split("&")[0])
    return components(short, "", "", authority(setting, "&")) if "&" in setting else short


def _other_card(coverage: Coverage) -> bool:
    return bool(text(coverage.other_card_number)) and coverage.other_card_number != coverage.card_number


def _insurance(making: Making, coverage: Coverage, card: tuple[str, str | None, str | None]) -> Segment:
    patient, destination = making.record.patient, making.destination
    number, begins, ends = card
    fields = {
        2: components("BHYT", "Bảo hiểm y tế"),
        3: _company(destination.insurance_authority),
        4: "Bảo hiểm xã hội Việt Nam",
        12: day(begins),
        13: day(ends),
        # The card's own first three characters: group of the insured and benefit level.
        15: number[:3] if len(number) == CARD_LENGTH else "",
        16: name(patient.full_name, destination),
        17: components("SEL", "Self", "HL70063"),
        18: day(patient.birth_date),
        29: moment(coverage.asked_at or ""),
        36: number,
        45: coverage.verdict.value,
    }
    return Segment("IN1", fields)
