"""What may open a card, worked out from what is known about it: a CAN, an ID number, a QR's fields, the printed MRZ.

At most one CAN and three MRZ keys, most likely first; a key that nobody could know is never guessed, and the CAN never
counted through. Pure: must not talk to a card or keep anything.
"""

import re
from dataclasses import dataclass
from datetime import date

from reader.chip import expiry
from reader.errors import KeyMalformed
from reader.lds.dg1 import NO_EXPIRY_MRZ, check_digit
from reader.reading import Holder

MAX_MRZ = 3
_MAX_TEXT = 400  # characters of an MRZ with whatever white space stands in it
_MRZ = re.compile(r"[0-9A-Z<]+")
_CAN = re.compile(r"[0-9]{6}")
_PERSONAL_ID = re.compile(r"[0-9]{12}")
_FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE = re.compile(r"[0-9<]{6}")

# What optical reading takes for one another, where the difference changes the check digit, so that it proves the
# repair. (G and 6, L and 1 weigh the same.)
_TO_DIGIT = str.maketrans("OIBSZ", "01852")


@dataclass(frozen=True, repr=False)
class AccessKeys:
    """A CAN, and MRZ informations (document number, birth, expiry, each with its check digit), most likely first.

    An MRZ information has 24 characters; more where a document number does not fit its nine (Doc 9303-5, 4.2.2.1).
    """

    can: str | None = None
    mrz: tuple[str, ...] = ()


def from_can(can: str) -> AccessKeys:
    """The six digits printed on, or derived from, the card. Raises KeyMalformed."""
    if not _CAN.fullmatch(can):
        raise KeyMalformed(what="can")
    return AccessKeys(can=can)


def from_personal_id(personal_id: str) -> AccessKeys:
    """The twelve digits of a Vietnamese card, whose last six are its CAN (card.md 0.1). Raises KeyMalformed."""
    if not _PERSONAL_ID.fullmatch(personal_id):
        raise KeyMalformed(what="id")
    return AccessKeys(can=personal_id[6:])


def from_holder(holder: Holder) -> AccessKeys:
    """CAN from the ID number; MRZ keys where the birth date is whole and the expiry known or derivable (card.md 3.3).

    Raises KeyMalformed when there is no ID number of twelve digits.
    """
    number = holder.personal_id or ""
    can = from_personal_id(number).can
    birth = _full_date(holder.birth_date)
    if birth is None:
        return AccessKeys(can=can)
    # The Vietnamese document number is the last nine digits (card.md 3.1).
    start = _checked(number[3:]) + _checked(_six_digits(birth))
    found = dict.fromkeys(start + _checked(printed) for printed in _expiries(holder, birth))
    return AccessKeys(can=can, mrz=tuple(found)[:MAX_MRZ])


def from_mrz_text(text: str) -> AccessKeys:
    """The MRZ as typed or read by a camera: its lines (TD1, TD2, TD3), or the MRZ information alone.

    White space, line breaks and lower case do not matter. A letter read for a digit is repaired where the check digit
    proves it. A Vietnamese TD1 gives the CAN too.

    Raises KeyMalformed (what="mrz") when it is none of these or a check digit does not fit.
    """
    if len(text) > _MAX_TEXT:
        raise KeyMalformed(what="mrz")
    characters = "".join(text.upper().split())
    if not _MRZ.fullmatch(characters):
        raise KeyMalformed(what="mrz")
    match len(characters):
        case 90:
            return _td1(characters)
        case 72:
            return _two_lines(characters[36:], long_numbers=True)
        case 88:
            return _two_lines(characters[44:], long_numbers=False)
        case size if 24 <= size <= 38:
            # Nine characters of document number, or up to 23 where a TD1 document continues it.
            number = _proven(characters[:-15], characters[-15])
            return AccessKeys(mrz=(number + _proven_dates(characters[-14:]),))
    raise KeyMalformed(what="mrz")


def _td1(zone: str) -> AccessKeys:
    number, digit, optional = zone[5:14], zone[14], zone[15:30]
    dates = _proven_dates(zone[30:37] + zone[38:45])
    if zone[2:5] != "VNM":
        return AccessKeys(mrz=(_proven(*_whole_number(number, digit, optional)) + dates,))
    # A Vietnamese number has digits only, and never goes on in the optional data (card.md 3.1).
    digits = _proven(number.translate(_TO_DIGIT), digit)
    return AccessKeys(can=digits[3:9] if digits.isdigit() else None, mrz=(digits + dates,))


def _two_lines(second: str, long_numbers: bool) -> AccessKeys:
    """TD2 and TD3: everything stands in the second line (Doc 9303-6, 4.2.2 and 9303-4, 4.2.2)."""
    number, digit = second[:9], second[9]
    if long_numbers:
        number, digit = _whole_number(number, digit, second[28:35])
    return AccessKeys(mrz=(_proven(number, digit) + _proven_dates(second[13:20] + second[21:28]),))


def _whole_number(number: str, digit: str, optional: str) -> tuple[str, str]:
    """A document number of more than nine characters goes on in the optional data, its check digit the last of them.

    A filler stands where the check digit would be (Doc 9303-5, 4.2.2 and 9303-6, 4.2.2).
    """
    if digit != "<":
        return number, digit
    rest = optional.split("<", 1)[0]
    if not rest:
        raise KeyMalformed(what="mrz")
    return number + rest[:-1], rest[-1]


def _proven(number: str, digit: str) -> str:
    """The document number and its check digit, as they stand or read again in the only way that fits.

    Letters stand in front, if anywhere: at most two of them are left alone.
    """
    digit = digit.translate(_TO_DIGIT)
    if check_digit(number) == digit:
        return number + digit
    readings = {number[:kept] + number[kept:].translate(_TO_DIGIT) for kept in range(3)}
    fitting = [reading for reading in readings if check_digit(reading) == digit]
    if len(fitting) != 1:
        raise KeyMalformed(what="mrz")
    return fitting[0] + digit


def _proven_dates(dates: str) -> str:
    """Birth and expiry, each with its check digit. Parts of a date that are not known stay fillers."""
    digits = dates.translate(_TO_DIGIT)
    for part in (digits[:7], digits[7:]):
        if not _DATE.fullmatch(part[:6]) or check_digit(part[:6]) != part[6]:
            raise KeyMalformed(what="mrz")
    return digits


def _expiries(holder: Holder, birth: date) -> list[str]:
    """Expiry dates as the MRZ prints them: what is known, then what the rule makes of the day of issue."""
    found: list[str] = []
    known, issued = _full_date(holder.expiry_date), _full_date(holder.issue_date)
    if known is not None:
        found.append(_six_digits(known))
    elif holder.expiry_date == "none":
        found.append(NO_EXPIRY_MRZ)
    if issued is not None:
        rule = expiry.candidates(birth, issued)
        found += [NO_EXPIRY_MRZ if day is None else _six_digits(day) for day in rule]
    return found


def _full_date(iso: str | None) -> date | None:
    """None when the day or the month is not known: how such a date is printed in the MRZ is not known either."""
    if iso is None or not _FULL_DATE.fullmatch(iso):
        return None
    try:
        return date.fromisoformat(iso)
    except ValueError:
        return None


def _six_digits(day: date) -> str:
    return f"{day.year % 100:02d}{day.month:02d}{day.day:02d}"


def _checked(part: str) -> str:
    return part + check_digit(part)
