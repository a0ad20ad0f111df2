"""From what a receptionist types to the question the insurance is asked, and from a paper card to a Coverage.

Pure and forgiving: dates and numbers as people write them. What cannot be understood is said field by field.
Must not import Flask, a device library or a connector.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum

import msgspec

from hisbridge.lookups.persons import iso_day, surely_under, tidy
from hisbridge.lookups.portal_numbers import CARD, forces_card
from hisbridge.questions import Act, Coverage, CoverageQuestion, Officer, Verdict
from hisbridge.records import PatientRecord
from kiosk.counter_acts import FROM_PAPER, NUMBER_TYPED
from wire.codec import from_plain, to_plain
from wire.errors import TiepDonError

CHILD_YEARS = 6  # services.md 2.4
OLDEST_YEARS = 130
MAX_NAME = 200

Fields = Mapping[str, str]
SEXES = ("male", "female")
CIRCUMSTANCES = ("none", "emergency", "transfer", "appointment")


class Path(StrEnum):
    """Whose insurance is asked for, and by what: the usual case and those that need a way of their own."""

    USUAL = "usual"
    OLD_ID = "old_id"  # insurance still tied to the nine-digit number (services.md 2.2)
    CHILD = "child"  # under six, card not shown (2.4, code 130)
    NEWBORN = "newborn"  # no number yet (2.4)
    FORCES = "forces"  # army, police, cipher (2.5, codes 001 and 002)


NUMBERS: Mapping[Path, tuple[str, ...]] = {  # which numbers each path asks for; the first is said where all lack
    Path.USUAL: ("personal_id", "insurance_number", "previous_id"),
    Path.OLD_ID: ("previous_id", "insurance_number", "personal_id"),
    Path.CHILD: ("personal_id", "insurance_number"),
    Path.NEWBORN: (),
    Path.FORCES: ("insurance_number", "personal_id"),
}
NEEDS_A_NUMBER = frozenset({Path.USUAL, Path.OLD_ID, Path.FORCES})


class FormUnusable(TiepDonError):
    """What was typed cannot be asked; `data` names each field with what is wrong with it, never its content."""

    code = "counter.form_unusable"


def path_of(fields: Fields) -> Path:
    """The path chosen; the usual one where none or an unknown one is named."""
    told = fields.get("path", "")
    return Path(told) if told in set(Path) else Path.USUAL


def question_of(fields: Fields, today: date) -> CoverageQuestion:
    """The question that these fields ask, for a visit today. Raises FormUnusable."""
    path = path_of(fields)
    problems: dict[str, str] = {}

    def taken(field: str, read: Callable[[str], str | None]) -> str | None:
        text = plain_text(fields.get(field, ""))
        if not text:
            return None
        understood = read(text)
        if understood is None:
            problems[field] = "unreadable"
        return understood

    name = taken("full_name", lambda text: tidy(text) if is_name(text) else None)
    born = taken("birth_date", birth_date)
    numbers = {field: taken(field, READERS[field]) for field in NUMBERS[path]}
    for field, value in (("full_name", name), ("birth_date", born)):
        if value is None:
            problems.setdefault(field, "missing")
    if path in NEEDS_A_NUMBER and not any(numbers.values()) and not problems.keys() & numbers.keys():
        problems[NUMBERS[path][0]] = "one_number"
    if born is not None and "birth_date" not in problems and (wrong := wrong_birth(born, path, today)):
        problems["birth_date"] = wrong
    officer = _officer(fields, problems)
    if problems:
        raise FormUnusable(**problems)
    sex, circumstance = fields.get("sex", ""), fields.get("circumstance", "")
    told = {
        **numbers,
        "full_name": name,
        "birth_date": born,
        "sex": sex if sex in SEXES else None,
        "visit_date": today.isoformat(),
        "circumstance": circumstance if circumstance in CIRCUMSTANCES else "none",
        "officer": to_plain(officer),
    }
    return from_plain(told, CoverageQuestion)


def fields_of(record: PatientRecord) -> dict[str, str]:
    """The form as far as the visit's own record fills it."""
    patient, coverage = record.patient, record.coverage
    return {
        "full_name": patient.full_name or "",
        "birth_date": people_date(patient.birth_date),
        "sex": patient.sex or "",
        "personal_id": patient.personal_id or "",
        "previous_id": patient.previous_id or "",
        "insurance_number": (coverage.card_number or coverage.social_security_number or "")
        if coverage is not None and coverage.reason == NUMBER_TYPED
        else "",
    }


def from_paper(asked: Coverage, fields: Fields, today: date) -> Coverage:
    """The answer completed with what staff read from a forces' card: number, first day, perhaps last day.

    The last day may stay open (services.md 2.5). Raises FormUnusable.
    """
    problems: dict[str, str] = {}
    number = joined_number(plain_text(fields.get("card_number", ""))).upper()
    if not forces_card(number):
        problems["card_number"] = "not_forces" if CARD.fullmatch(number) else "unreadable" if number else "missing"
    first = plain_text(fields.get("valid_from", ""))
    last = plain_text(fields.get("valid_to", ""))
    begins, ends = whole_date(first), whole_date(last)
    if begins is None:
        problems["valid_from"] = "unreadable" if first else "missing"
    elif begins > today.isoformat():
        problems["valid_from"] = "not_yet"
    if last and ends is None:
        problems["valid_to"] = "unreadable"
    elif ends is not None and ends < today.isoformat():
        problems["valid_to"] = "over"
    if problems:
        raise FormUnusable(**problems)
    return msgspec.structs.replace(
        asked,
        verdict=Verdict.MANUAL_CHECK,  # the insurer has not said yes: staff have seen the card
        act=Act.NONE,
        reason=FROM_PAPER,
        card_number=number,
        social_security_number=number[-10:],
        valid_from=begins,
        valid_to=ends,
        registered_facility=None,
        entitlement=None,
    )


def birth_date(text: str) -> str | None:
    """`5/3/1946`, `05-03-1946`, `05031946`, `3/1946`, `1946` or ISO 8601 as ISO 8601; None: no date of this kind."""
    parts = iso_day(text)
    if parts is None:
        found = re.fullmatch(r"(?:(?:([0-9]{1,2})[/.\- ]+)?([0-9]{1,2})[/.\- ]+)?([0-9]{4})", text)
        found = found or re.fullmatch(r"([0-9]{2})([0-9]{2})([0-9]{4})", text)
        if found is None:
            return None
        parts = tuple(int(part) for part in reversed(found.groups()) if part)
    try:
        date(*(*parts, 1, 1)[:3])
    except ValueError:
        return None
    return "-".join([f"{parts[0]:04d}", *(f"{part:02d}" for part in parts[1:])])


def whole_date(text: str) -> str | None:
    """As `birth_date`, where day and month are needed too."""
    understood = birth_date(text)
    return understood if understood is not None and len(understood) == 10 else None


def people_date(iso: str | None) -> str:
    """An ISO 8601 date at any precision as people write it: `05/03/1946`, `03/1946`, `1946`; empty for none."""
    return "/".join(reversed((iso or "").split("-")))


def wrong_birth(born: str, path: Path, today: date) -> str | None:
    parts = iso_day(born) or ()
    first = date(*(*parts, 1, 1)[:3])
    if first > today:
        return "future"
    if first.year < today.year - OLDEST_YEARS:
        return "too_old"
    if path is Path.NEWBORN and len(parts) < 3:
        return "whole_date"  # services.md 2.4: a newborn's date is told to the day
    child = path in (Path.CHILD, Path.NEWBORN)
    return "not_under_six" if child and not _may_be_under_six(parts, today) else None


def _may_be_under_six(parts: tuple[int, ...], today: date) -> bool:
    """Whether the youngest such a person can be is under six; the insurer decides the rest."""
    youngest = (*parts, 12, 28)[:3] if len(parts) < 3 else parts
    return surely_under(CHILD_YEARS, youngest, today) or parts[0] == today.year


def _officer(fields: Fields, problems: dict[str, str]) -> Officer | None:
    name, number = plain_text(fields.get("officer_name", "")), joined_number(plain_text(fields.get("officer_id", "")))
    if not name and not number:
        return None  # the one the settings name
    if not is_name(name):
        problems["officer_name"] = "unreadable" if name else "missing"
    if not re.fullmatch(r"[0-9]{12}", number):
        problems["officer_id"] = "unreadable" if number else "missing"
    if problems:
        return None
    return Officer(full_name=tidy(name), personal_id=number)


def plain_text(text: str) -> str:
    """Without what is not seen; wide digits and letters as the usual ones."""
    shown = "".join(letter for letter in text if unicodedata.category(letter)[0] != "C" or letter in "\t\n")
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def joined_number(text: str) -> str:
    """A number without what people put between its digits."""
    return re.sub(r"[\s.\-]", "", text)


def is_name(text: str) -> bool:
    return 0 < len(text) <= MAX_NAME and any(letter.isalpha() for letter in text) and not re.search(r"[0-9<>]", text)


def _digits(count: int) -> Callable[[str], str | None]:
    def read(text: str) -> str | None:
        joined = joined_number(text)
        return joined if re.fullmatch(f"[0-9]{{{count}}}", joined) else None

    return read


def _insurance(text: str) -> str | None:
    joined = joined_number(text).upper()
    return joined if CARD.fullmatch(joined) or re.fullmatch(r"[0-9]{10}", joined) else None


READERS: Mapping[str, Callable[[str], str | None]] = {
    "personal_id": _digits(12),
    "insurance_number": _insurance,
    "previous_id": _digits(9),
}
