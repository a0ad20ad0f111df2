"""A PatientRecord as HL7 v2.5 ADT^A04 (bridge.md 1.2): pure text, no library, no clock; sent by MllpClient.

Every value comes from outside and may hold anything: each is NFC-normalised, delimiters and control characters are
escaped (HL7 v2.5, 2.7), impossible dates shrink to the part that is possible. Fields without a value stay empty,
which leaves the receiver's value untouched; a value that would read as HL7's "delete this" is escaped too.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from config.destinations import Hl7v2Destination
from hisbridge.connectors.contract import Known, Receipt, Sending
from hisbridge.connectors.mllp import MllpClient
from hisbridge.identity import idempotency_key
from hisbridge.records import Coverage, Patient, PatientRecord, Verdict

CONTENT_TYPE = "x-application/hl7-v2+er7; charset=utf-8"
VERSION = "2.5"

# Delimiters and the escape itself; C0 and C1 controls, which frame or split messages.
_SPECIAL = re.compile(r"[|^&~\\\x00-\x1f\x7f-\x9f]")
# Unicode's own line ends become a plain one: receivers decode the hex of one byte, few that of several.
_LINE_ENDS = str.maketrans("\x85\u2028\u2029", "\n\n\n")
_DELIMITERS = {"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\\": "\\E\\"}
_DELETE = '""'  # HL7 v2.5, 2.5.3: two quotation marks as a whole field tell the receiver to delete its value
_PARTIAL_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


def render(record: PatientRecord, destination: Hl7v2Destination) -> bytes:
    """The whole message, UTF-8, each segment ended by CR. Equal input gives equal bytes, so resends are identical.

    Segments: MSH EVN PID, PD1 (with a registered facility), PV1, IN1 (with an insurance card).
    """
    segments = [_msh(record, destination), _evn(record), _pid(record, destination)]
    coverage = record.coverage
    if coverage is not None and _text(coverage.registered_facility):
        segments.append(_pd1(coverage))
    segments.append(_pv1(record, destination))
    if coverage is not None and _text(coverage.card_number):
        segments.append(_in1(record.patient, coverage, destination))
    return "".join(f"{segment}\r" for segment in segments).encode("utf-8", "replace")


def _msh(record: PatientRecord, destination: Hl7v2Destination) -> str:
    fields = {
        3: _authority(destination.sending_application, "^"),
        4: _authority(destination.sending_facility or record.site.facility_code, "^"),
        5: _authority(destination.receiving_application, "^"),
        6: _authority(destination.receiving_facility, "^"),
        # The moment of the visit, not of the sending: a resend must be the same message.
        7: _moment(record.visit.arrived_at) or _moment(record.evidence.read_at),
        9: "ADT^A04^ADT_A01",
        10: idempotency_key(destination.name, record.visit.visit_id, record.revision),
        11: "T" if record.synthetic else "P",
        12: VERSION,
        17: "VNM",
        18: "UNICODE UTF-8",
        19: "vi",
    }
    # MSH-1 is the separator itself and MSH-2 the other delimiters, unescaped.
    return "MSH|^~\\&|" + _fields({number - 2: value for number, value in fields.items()})


def _evn(record: PatientRecord) -> str:
    arrived = _moment(record.visit.arrived_at)
    fields = {
        1: "A04",
        2: arrived or _moment(record.evidence.read_at),
        4: "SANDBOX" if record.synthetic else "",
        6: arrived,
        7: _text(record.site.facility_code),
    }
    return _segment("EVN", fields)


def _pid(record: PatientRecord, destination: Hl7v2Destination) -> str:
    patient = record.patient
    phone = _text(patient.phone)
    residence = _text(patient.residence)
    nationality = _components("", _text(patient.nationality))
    fields = {
        1: "1",
        3: _identifiers(record, destination),
        5: _name(patient.full_name, destination) or "^^^^^^U",
        7: _day(patient.birth_date),
        8: {"male": "M", "female": "F", "unknown": "U"}.get(patient.sex or "", ""),
        # Viet Nam has two address levels since July 2025; the card's text is not taken apart by guessing.
        11: _components(residence, "", "", "", "", "VNM", "H") if residence else "",
        # XTN.1 and XTN.12 are text; receivers drop the leading zero of the numeric components.
        13: _components(phone, "PRN", "CP", *[""] * 8, phone) if phone else "",
        22: _components("", _text(patient.ethnicity)),
        26: nationality,
        28: nationality,
    }
    return _segment("PID", fields)


def _identifiers(record: PatientRecord, destination: Hl7v2Destination) -> str:
    """PID-3: the personal ID number first; every repetition with its assigning authority and type (table 0203)."""
    patient, coverage = record.patient, record.coverage
    citizens = _authority(destination.personal_id_authority, "&")
    insurer = _authority(destination.insurance_authority, "&")
    numbers = [
        _components(
            _text(patient.personal_id), "", "", citizens, "NI", "", _day(patient.issue_date), _day(patient.expiry_date)
        )
    ]
    # On a mismatch the portal's numbers may be somebody else's: never an identifier of this person.
    if coverage is not None and coverage.verdict is not Verdict.MISMATCH:
        if card := _text(coverage.card_number):
            numbers.append(_components(card, "", "", insurer, "SN"))
        if social := _text(coverage.social_security_number):
            numbers.append(_components(social, "", "", insurer, "SS"))
    if previous := _text(patient.previous_id):
        # Not NI again: a receiver that takes the last NI would file the person under the old number.
        numbers.append(_components(previous, "", "", citizens, "NNVNM"))
    return "~".join(numbers)


def _pd1(coverage: Coverage) -> str:
    # XON.10, not XON.3: that one is numeric and would lose the leading zero of the facility code.
    return _segment("PD1", {3: _components(*[""] * 9, _text(coverage.registered_facility))})


def _pv1(record: PatientRecord, destination: Hl7v2Destination) -> str:
    visit = record.visit
    issuer = _authority(destination.sending_application, "&")
    ticket = _text(visit.ticket_number)
    place = [_text(visit.service_code), "", "", _text(record.site.facility_code), "", "", "", ""]
    fields = {
        1: "1",
        2: "O",
        3: _components(*place, _text(visit.service_name)),
        10: _text(visit.service_code),
        19: _components(_text(visit.visit_id), "", "", issuer, "VN"),
        44: _moment(visit.arrived_at),
        50: _components(ticket, "", "", issuer) if ticket else "",
    }
    return _segment("PV1", fields)


def _in1(patient: Patient, coverage: Coverage, destination: Hl7v2Destination) -> str:
    insurer = _authority(destination.insurance_authority, "&")
    social = _text(coverage.social_security_number)
    fields = {
        1: "1",
        2: _components("BHYT", "Bảo hiểm y tế"),
        3: _authority(destination.insurance_authority, "^"),
        4: "Bảo hiểm xã hội Việt Nam",
        12: _day(coverage.valid_from),
        13: _day(coverage.valid_to),
        16: _name(patient.full_name, destination),
        17: _components("SEL", "Self", "HL70063"),
        18: _day(patient.birth_date),
        29: _moment(coverage.asked_at or ""),
        36: _text(coverage.card_number),
        45: coverage.verdict.value,
        49: _components(social, "", "", insurer, "SS") if social else "",
    }
    return _segment("IN1", fields)


def _name(full_name: str | None, destination: Hl7v2Destination) -> str:
    """XPN: family^given^middle (the Vietnamese order is family, middle, given); a single word is the family name."""
    words = [_text(word) for word in (full_name or "").split()]
    words = [word for word in words if word]
    if not words:
        return ""
    if destination.name_style == "whole_in_family" or len(words) == 1:
        return _components(" ".join(words), "", "", "", "", "", "L")
    return _components(words[0], words[-1], " ".join(words[1:-1]), "", "", "", "L")


def _authority(setting: str, separator: str) -> str:
    """HD from a setting: a plain name, or `name&universal id&type`."""
    return separator.join(_text(part) for part in setting.split("&"))


def _day(text: str | None) -> str:
    """DT or TS at the precision known (`YYYY`, `YYYYMM`, `YYYYMMDD`); what cannot be a date is left out."""
    found = _PARTIAL_DATE.match(text or "")
    if found is None or found[1] == "0000":
        return ""
    year, month, day = found[1], found[2], found[3]
    if month is None or not "01" <= month <= "12":
        return year
    if day is None:
        return year + month
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return year + month
    return year + month + day


def _moment(text: str) -> str:
    """TS with its offset, to the second; only the day where the rest cannot be a time."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return _day(text)
    offset = moment.utcoffset()
    zone = "" if offset is None else _offset(offset)
    return f"{_day(text)}{moment:%H%M%S}{zone}"


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def _text(value: str | None) -> str:
    """A value as field text: trimmed, NFC, escaped."""
    if value is None:
        return ""
    plain = unicodedata.normalize("NFC", value.strip()).translate(_LINE_ENDS)
    if plain == _DELETE:
        return "\\X2222\\"
    return _SPECIAL.sub(_escape, plain)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _DELIMITERS.get(character) or f"\\X{character.encode().hex().upper()}\\"


def _components(*parts: str) -> str:
    return "^".join(parts).rstrip("^")


def _segment(name: str, fields: Mapping[int, str]) -> str:
    return f"{name}|{_fields(fields)}"


def _fields(fields: Mapping[int, str]) -> str:
    last = max((number for number, value in fields.items() if value), default=0)
    return "|".join(fields.get(number, "") for number in range(1, last + 1))


class Hl7v2Connector:
    """A destination that takes HL7 v2 over MLLP."""

    content_type = CONTENT_TYPE

    def __init__(self, destination: Hl7v2Destination) -> None:
        self._destination = destination
        self._client = MllpClient(destination)

    @property
    def stale_answers(self) -> int:
        """Acknowledgements that named another message."""
        return self._client.stale_answers

    def identify(self, record: PatientRecord) -> Known:  # noqa: ARG002 - nobody is asked
        """Nobody is asked."""
        return Known()

    def render(self, record: PatientRecord, known: Known) -> bytes | None:  # noqa: ARG002 - none is known
        """See `render`."""
        return render(record, self._destination)

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """One exchange over MLLP; the key is the message's MSH-10."""
        return self._client.exchange(message, sending.key)

    def probe(self) -> None:
        """Connect and leave."""
        self._client.connect()
        self._client.close()

    def close(self) -> None:
        """Drop the connection."""
        self._client.close()
