"""A PatientRecord as CSV: a header line and one line (RFC 4180), every field quoted, nothing a spreadsheet would run.

A text that begins with `=`, `+`, `-` or `@`, at its start or behind something that another separator setting would
take for the end of a field, gets an apostrophe before that sign; `told` takes it off again. Pure.
"""

import codecs
import csv
import io
import re
from collections.abc import Mapping

from hisbridge.connectors.xml_values import plain
from hisbridge.questions import Coverage, Verdict
from hisbridge.records import PatientRecord

# The full-width forms are taken for the plain ones by some spreadsheets; an apostrophe in such a place is doubled, so
# that what was written can be told.
_BEGINS = r"(?:^|[,;|\t])[\"'\s]*"
_RUNS = "=+\\-@＝＋－＠"
_HARMFUL = re.compile(rf"({_BEGINS})(?=[{_RUNS}])")

# The first four columns; not by the csv module, whose longest field is a setting of the whole process.
_STAMP = re.compile(rb'\r\n"[^"]*","([0-9]+)","(?:[^"]|"")*","([^"]*)"')


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return _HARMFUL.sub(r"\1'", text)


def told(text: str) -> str:
    """What `harmless` was given."""
    return re.sub(rf"({_BEGINS})'(?=[{_RUNS}])", r"\1", text)


def columns(record: PatientRecord) -> dict[str, str]:
    """Every column in its order, as text. The numbers of a card that may be somebody else's stay out."""
    patient, visit, site, merge = record.patient, record.visit, record.site, record.merge
    codes, coverage, guardian = patient.residence_codes, record.coverage, record.guardian
    values: dict[str, str | None] = {
        "event": record.event.value,
        "revision": str(record.revision),
        "visit_id": visit.visit_id,
        "arrived_at": visit.arrived_at,
        "facility_code": site.facility_code,
        "kiosk_id": site.kiosk_id,
        "service_code": visit.service_code,
        "service_name": visit.service_name,
        "ticket_number": visit.ticket_number,
        "personal_id": patient.personal_id,
        "full_name": patient.full_name,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
        "residence": patient.residence,
        "province_code": codes.province_code if codes is not None else None,
        "ward_code": codes.ward_code if codes is not None else None,
        "address_detail": codes.detail if codes is not None else None,
        "place_of_origin": patient.place_of_origin,
        "nationality": patient.nationality,
        "nationality_code": patient.nationality_code,
        "ethnicity": patient.ethnicity,
        "ethnicity_code": patient.ethnicity_code,
        "occupation_code": patient.occupation_code,
        "previous_id": patient.previous_id,
        "issue_date": patient.issue_date,
        "expiry_date": patient.expiry_date,
        "phone": patient.phone,
        "reason": visit.reason,
        "visit_type": visit.visit_type,
        "object_code": visit.object_code,
        "referring_facility": visit.referring_facility,
        "referral_number": visit.referral_number,
        "appointment_id": visit.appointment_id,
        "evidence_source": record.evidence.source,
        "evidence_checks": ";".join(f"{name}:{check.result}" for name, check in record.evidence.checks.items()),
        **_coverage(coverage or Coverage(verdict=Verdict.UNVERIFIED), known=coverage is not None),
        "merge_kept": merge.kept if merge is not None else None,
        "merge_given_up": merge.given_up if merge is not None else None,
        "synthetic": "true" if record.synthetic else "false",
        "recorded_at": record.recorded_at,
        "local_id": patient.local_id,
        "guardian_name": guardian.full_name if guardian is not None else None,
        "guardian_relation": guardian.relation if guardian is not None else None,
        "guardian_personal_id": guardian.personal_id if guardian is not None else None,
        "guardian_phone": guardian.phone if guardian is not None else None,
    }
    return {name: plain(value) for name, value in values.items()}


def write(record: PatientRecord, *, byte_order_mark: bool) -> bytes:
    """Header and line, each ended by CR LF, in UTF-8."""
    text = io.StringIO()
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    values = columns(record)
    rows.writerow(values)
    rows.writerow(harmless(value) for value in values.values())
    return (codecs.BOM_UTF8 if byte_order_mark else b"") + text.getvalue().encode()


def read(message: bytes) -> Mapping[str, str]:
    """The columns of a file that `write` made."""
    text = message.removeprefix(codecs.BOM_UTF8).decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return {name: told(value) for name, value in row.items()}


def stamp(message: bytes) -> tuple[str, int]:
    """Moment of arrival and revision of a file that `write` made."""
    found = _STAMP.search(message)
    if found is None:
        raise ValueError
    return told(found[2].decode()), int(found[1])


def _coverage(coverage: Coverage, *, known: bool) -> dict[str, str | None]:
    theirs = coverage.verdict is Verdict.MISMATCH
    proposal = coverage.entitlement
    card: dict[str, str | None] = {
        "card_number": coverage.card_number,
        "social_security_number": coverage.social_security_number,
        "valid_from": coverage.valid_from,
        "valid_to": coverage.valid_to,
        "registered_facility": coverage.registered_facility,
        "living_area": coverage.living_area,
        "five_year_date": coverage.five_year_date,
        "other_card_number": coverage.other_card_number,
        "other_valid_from": coverage.other_valid_from,
        "other_valid_to": coverage.other_valid_to,
        "other_registered_facility": coverage.other_registered_facility,
    }
    return {
        "coverage": coverage.verdict.value if known else None,
        "coverage_code": coverage.result_code,
        "coverage_reason": coverage.reason,
        **(dict.fromkeys(card) if theirs else card),
        "recheck_before_discharge": ("true" if coverage.recheck_before_discharge else "false") if known else None,
        "proposed_object_code": proposal.object_code if proposal is not None else None,
    }
