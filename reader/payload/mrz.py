"""The machine-readable zone as text: from a swipe reader, typed, or found by a camera (card.md 3.1, ICAO Doc 9303).

The zone is taken apart by `reader.lds.dg1`, which reads it from chips too; here stands what a printed one needs beside
that. Every check digit must agree. The line of the name has none: it is shown, and proves nothing. Pure; knows no
clock, so whoever has one says which day it is.
"""

from dataclasses import dataclass
from datetime import date

import msgspec

from reader.errors import CardBroken
from reader.lds import dg1, holder
from reader.lds.dg1 import LINES, NO_EXPIRY_MRZ, VIETNAM, Mrz
from reader.payload.dates import before
from reader.payload.errors import BirthDateInvalid, MrzCheckDigit, MrzIncomplete
from reader.payload.personal_id import disagreements
from reader.payload.text import unique
from reader.reading import Document, Holder, Size

_FILLER = "<"
_SEXES = ("M", "F", _FILLER)  # Doc 9303-4, -5 and -6, 4.2.2
_TOO_FAR = "2080"  # the first year that no card or passport of these decades reaches, save those without end
_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")
_SHORTEST, _LONGEST = 60, 100  # characters of what may be a zone with some lost or doubled; a single line is none

# Where only digits may stand, or fillers (Doc 9303-4, -5 and -6, 4.2.2): check digits and dates; places in the zone.
_DIGITS = {
    Size.TD1: (14, *range(30, 37), *range(38, 45), 59),
    Size.TD2: (45, *range(49, 56), *range(57, 64), 71),
    Size.TD3: (53, *range(57, 64), *range(65, 72), 86, 87),
}
_DIGITS_OF_VIETNAM = {Size.TD1: (*range(5, 14), *range(15, 30)), Size.TD3: tuple(range(72, 84))}
_LETTERS_ALIKE = str.maketrans("OQDILZSGBT", "0001125687")
_BEGINNINGS_ALIKE = ("LDVNM", "TDVNM", "1DVNM")  # of a Vietnamese card, seen misread so (card.md 3.1)


@dataclass(frozen=True)
class MrzPayload:
    """What the zone says, and the codes of what was odd about it."""

    holder: Holder
    document: Document
    warnings: tuple[str, ...]


def repairs(text: str) -> tuple[str, ...]:
    """Codes of what `compact` changes in a zone beside the ends of its lines."""
    blank = any(sign.isspace() and sign not in "\r\n" for sign in text)
    happened = (("repaired.spaces", blank), ("repaired.case", text != text.upper()))
    return tuple(code for code, true in happened if true)


def compact(text: str) -> str | None:
    """The zone's characters without blanks and line ends, in capitals; None where the text is no zone."""
    joined = "".join(text.split()).upper()
    if _FILLER not in joined or not set(joined) <= _SIGNS:
        return None
    return joined if len(joined) in LINES or ("<<" in joined and _SHORTEST <= len(joined) <= _LONGEST) else None


def parse_mrz(zone: str, today: date | None = None) -> MrzPayload:
    """Read a zone as `compact` gives it.

    A letter where only a digit may stand was misread, and is mended if every check digit agrees then. Without `today`
    a birth date is left out where two digits leave two centuries open. Raises MrzIncomplete, MrzCheckDigit,
    BirthDateInvalid (no day of the calendar, although its check digit agrees).
    """
    warnings: list[str] = []
    mrz = _checked(zone, warnings)
    birth_date = _birth_date(mrz, today, warnings)
    name = _name(mrz, warnings)
    expiry_date = _expiry_date(mrz)
    if expiry_date is None and mrz.expiry.strip(_FILLER):
        warnings.append("expiry_date_unreadable")
    if _printed_sex(mrz) not in _SEXES:
        warnings.append("sex_unreadable")
    read = msgspec.structs.replace(
        holder.from_mrz(mrz, today or date.max), full_name=name, birth_date=birth_date, expiry_date=expiry_date
    )
    if read.personal_id is not None and read.birth_date is not None:
        warnings.extend(disagreements(read.personal_id, read.birth_date, read.sex))
    if _number_disagrees(mrz):
        warnings.append("document_number_disagrees")
    return MrzPayload(holder=read, document=mrz.document, warnings=unique(warnings))


def _checked(zone: str, warnings: list[str]) -> Mrz:
    if len(zone) not in LINES:
        raise MrzIncomplete
    mended, sure = _mended(zone)
    if not sure:
        raise MrzCheckDigit
    try:
        mrz = dg1.parse_text(mended)
    except CardBroken:
        raise MrzCheckDigit from None
    if mrz.faults or any(sign.isdigit() for sign in mrz.issuing_state + mrz.nationality):
        raise MrzCheckDigit
    if mended != zone:
        # Both numbers of the card have check digits, and what was mended must have them tell the same story too.
        if _number_disagrees(mrz):
            raise MrzCheckDigit
        warnings.append("repaired.mrz")
    return mrz


def _mended(zone: str) -> tuple[str, bool]:
    """Misread letters as the digits they resemble, and whether digits (or fillers) stand now wherever they must.

    One digit for each letter: there is one way to mend a zone. A letter left over may have a check digit that agrees.
    """
    size, _ = LINES[len(zone)]
    if size is Size.TD1 and zone.startswith(_BEGINNINGS_ALIKE):
        zone = "I" + zone[1:]
    places = _DIGITS[size]
    if zone[2:5] == VIETNAM:
        places += _DIGITS_OF_VIETNAM.get(size, ())
    signs = list(zone)
    for place in places:
        signs[place] = signs[place].translate(_LETTERS_ALIKE)
    return "".join(signs), all(signs[place].isdigit() or signs[place] == _FILLER for place in places)


def _birth_date(mrz: Mrz, today: date | None, warnings: list[str]) -> str | None:
    if not mrz.birth.strip(_FILLER):
        return None  # not known, as Doc 9303-3, 4.8 has it
    born = mrz.birth_date(today or date.max)
    if born is None:
        raise BirthDateInvalid
    number = mrz.personal_id
    if today is not None or (number is not None and number[4:6] == mrz.birth[:2]):
        return born
    # Nobody is born after the document expires; where that leaves one century only, it is the one.
    expiry_date = _expiry_date(mrz)
    if mrz.expiry == NO_EXPIRY_MRZ or expiry_date is None or not before(expiry_date, born):
        warnings.append("birth_century_unknown")
        return None
    return mrz.birth_date(date(1999, 12, 31))


def _expiry_date(mrz: Mrz) -> str | None:
    """None beyond what any document lasts: two digits like `95` are a year of the last century then."""
    return mrz.expiry_date if mrz.expiry == NO_EXPIRY_MRZ or (mrz.expiry_date or "") < _TOO_FAR else None


def _printed_sex(mrz: Mrz) -> str:
    return mrz.lines[1][7 if mrz.size is Size.TD1 else 20]


def _name(mrz: Mrz, warnings: list[str]) -> str | None:
    """None where a digit stands in it: a misread letter, which no check digit could confirm."""
    if not mrz.full_name:
        warnings.append("name_missing")
        return None
    if any(sign.isdigit() for sign in mrz.full_name):
        warnings.append("name_unreadable")
        return None
    warnings.append("diacritics_lost")
    if not mrz.lines[2 if mrz.size is Size.TD1 else 0].endswith(_FILLER):
        warnings.append("name_cut")
    return mrz.full_name


def _number_disagrees(mrz: Mrz) -> bool:
    """On the Vietnamese card the document number is the end of the personal ID number (card.md 3.1)."""
    number = mrz.personal_id
    return number is not None and mrz.size is Size.TD1 and mrz.document_number != number[3:]
