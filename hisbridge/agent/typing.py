"""What a clerk would type, made from a record and a screen's template: text blocks to copy, or keys to press. Pure.

Only Tab is ever pressed between fields: never Enter, never a key that saves. Saving is the clerk's own act.
"""

import unicodedata
from collections.abc import Iterator

from config.destinations.local_agent import Screen, TypedField
from hisbridge.connectors.local_agent import day, one_line
from hisbridge.lookups.population_question import without_marks
from hisbridge.records import PatientRecord
from wire.codec import Record


class Block(Record, frozen=True, kw_only=True):
    """One field's text. `field` names it; `tabs` are pressed after it."""

    field: str
    text: str
    tabs: int


def blocks(record: PatientRecord, screen: Screen) -> list[Block]:
    """The texts of the screen's fields in their order; an unknown one is empty, so that the order stays."""
    return [Block(field=one.field, text=_text(record, one), tabs=one.tabs) for one in screen.fields]


def keys(typed: list[Block]) -> Iterator[str | None]:
    """The presses in order: a text, or None for one Tab. The last field's Tabs are pressed too."""
    for block in typed:
        if block.text:
            yield block.text
        for _ in range(block.tabs):
            yield None


def _text(record: PatientRecord, field: TypedField) -> str:
    text = one_line(_value(record, field))
    if field.letters in ("upper", "upper_ascii"):
        text = text.upper()
    if field.letters in ("ascii", "upper_ascii"):
        text = without_marks(text)
    return unicodedata.normalize("NFC", text)


def _value(record: PatientRecord, field: TypedField) -> str | None:
    patient, coverage, visit = record.patient, record.coverage, record.visit
    match field.field:
        case "text":
            return field.text
        case "sex":
            return field.sexes.get(patient.sex or "unknown", "")
        case "birth_year":
            return (patient.birth_date or "")[:4]
        case "birth_date" | "issue_date":
            return _day(getattr(patient, field.field), field.dates)
        case "expiry_date":
            return "" if patient.expiry_date == "none" else _day(patient.expiry_date, field.dates)
        case "insurance_number":
            return coverage.card_number if coverage else ""
        case "insurance_from":
            return _day(coverage.valid_from if coverage else None, field.dates)
        case "insurance_to":
            return _day(coverage.valid_to if coverage else None, field.dates)
        case "registered_facility":
            return coverage.registered_facility if coverage else ""
        case "ticket_number":
            return visit.ticket_number
        case "service_name":
            return visit.service_name
        case "guardian_name":
            return record.guardian.full_name if record.guardian else ""
        case "guardian_personal_id":
            return record.guardian.personal_id if record.guardian else ""
        case "guardian_phone":
            return record.guardian.phone if record.guardian else ""
        case _:
            told: str | None = getattr(patient, field.field)
            return told


def _day(value: str | None, style: str) -> str:
    """An ISO 8601 date in the screen's own writing, at the precision it has."""
    if not value:
        return ""
    match style:
        case "yyyy-MM-dd":
            return value
        case "yyyy":
            return value[:4]
        case "ddMMyyyy":
            return day(value).replace("/", "")
        case _:
            return day(value)
