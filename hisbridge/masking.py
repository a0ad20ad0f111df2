"""A PatientRecord with the person hidden, to show what a message looks like: still a valid record, still renderable.

Names become initials; in other texts and numbers only the length stays; a date becomes another one of the same
precision. A field is shown only if it is listed here: one that is added later is hidden until somebody decides.
"""

import re
import unicodedata
from typing import Any

import msgspec

from hisbridge.connectors.contract import Known
from hisbridge.questions import Coverage
from hisbridge.records import AddressCodes, Arrival, Guardian, Merge, Patient, PatientRecord

# What is of the visit, the site or the insurer's rules, and of no single person.
SHOWN: dict[type, frozenset[str]] = {
    Patient: frozenset({"sex", "nationality", "nationality_code", "local_id"}),
    Guardian: frozenset({"relation"}),
    AddressCodes: frozenset({"province_code"}),
    Arrival: frozenset(
        {"visit_id", "arrived_at", "service_code", "service_name", "ticket_number", "visit_type", "object_code"}
        | {"referring_facility"}
    ),
    Merge: frozenset(),
    Coverage: frozenset(
        {"verdict", "result_code", "reason", "act", "found_by", "registered_facility", "other_registered_facility"}
        | {"recheck_before_discharge", "entitlement", "asked_at", "asked_by", "living_area"}
    ),
}
NAMES = frozenset({"full_name", "confirmed_by"})
# Codes that stand for one entry of a list: any other entry would be a lie, and a made-up one no receiver knows.
LEFT_OUT = frozenset({"ward_code", "ward_candidates", "ethnicity_code", "occupation_code", "priority"})
CARDS = frozenset({"card_number", "other_card_number"})

HIDDEN_DATE = "1111-11-11"  # a day of the calendar, so that every format can hold it
HIDDEN_CARD = "XX1"  # a card's first letters, with a benefit digit that may stand there

_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?\n?")
_DATE_FIELDS = frozenset(
    {"birth_date", "issue_date", "expiry_date", "valid_from", "valid_to", "other_valid_from", "other_valid_to"}
    | {"five_year_date"}
)


def masked(record: PatientRecord) -> PatientRecord:
    """The record with everything of the person hidden. Pure."""
    return msgspec.structs.replace(
        record,
        merge=_hidden(record.merge),
        patient=_hidden(record.patient),
        visit=_hidden(record.visit),
        coverage=_hidden(record.coverage),
        guardian=_hidden(record.guardian),
    )


def masked_known(known: Known) -> Known:
    """The numbers at the receiver, hidden but for their length."""
    person, visit = (None if one is None else _text(one) for one in (known.record_number, known.visit_number))
    return Known(person, visit, known.none_told)


def _hidden(part: Any) -> Any:
    """A part of the record, its fields hidden each in its way. None stays None: that nothing is there may be seen."""
    if part is None:
        return None
    shown = SHOWN[type(part)]
    changed = {
        field: _field(field, value)
        for field in part.__struct_fields__
        if field not in shown and (value := getattr(part, field)) is not None
    }
    return msgspec.structs.replace(part, **changed)


def _field(name: str, value: Any) -> Any:
    if name in LEFT_OUT:
        return () if isinstance(value, tuple) else None
    if type(value) in SHOWN:
        return _hidden(value)
    if not isinstance(value, str):
        raise TypeError(f"nobody decided how to hide {name}")
    if name in NAMES:
        return _initials(value)
    if name in _DATE_FIELDS:
        return HIDDEN_DATE[: len(value.rstrip("\n"))] if _DATE.fullmatch(value) else value
    hidden = _text(value)
    return HIDDEN_CARD + hidden[3:] if name in CARDS and len(value) > 10 else hidden


def _initials(name: str) -> str:
    words = unicodedata.normalize("NFC", name).split()
    return " ".join(f"{word[0].upper()}." for word in words)


def _text(text: str) -> str:
    return "".join(_letter(letter) for letter in unicodedata.normalize("NFC", text))


def _letter(letter: str) -> str:
    if letter.isdigit():
        return "0"
    return "x" if letter.isalpha() or unicodedata.category(letter).startswith("M") else letter
