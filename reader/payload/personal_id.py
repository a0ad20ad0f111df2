"""The twelve-digit personal ID number `PPP G YY RRRRRR`: what it says, and what follows from it.

There is no check digit. Only "twelve ASCII digits" is a hard rule; everything else is a hint, because
corrections of sex and birth date leave the number as it was (card.md 2). Pure.
"""

import re

from reader.payload.errors import PersonalIdInvalid
from reader.payload.provinces import PROVINCES
from reader.reading import Holder, Sex

_TWELVE_DIGITS = re.compile(r"[0-9]{12}")


def is_personal_id(text: str) -> bool:
    """Whether this is twelve ASCII digits (other scripts' digits are not accepted)."""
    return _TWELVE_DIGITS.fullmatch(text) is not None


def typed_holder(digits: str) -> Holder:
    """The holder known from digits typed on the keypad: the number and nothing else.

    Raises PersonalIdInvalid.
    """
    if not is_personal_id(digits):
        raise PersonalIdInvalid
    return Holder(personal_id=digits)


def can(personal_id: str) -> str:
    """The card access number that opens the chip: the last six digits (card.md 0.1).

    Raises PersonalIdInvalid.
    """
    if not is_personal_id(personal_id):
        raise PersonalIdInvalid
    return personal_id[6:]


def expected_birth_year(personal_id: str) -> int:
    """Birth year by century digit and year digits (Decree 137/2015 Art. 13); a hint, not proof."""
    return 1900 + 100 * (int(personal_id[3]) // 2) + int(personal_id[4:6])


def expected_sex(personal_id: str) -> Sex:
    """Sex by the parity of the century digit; a hint, not proof."""
    return Sex.FEMALE if int(personal_id[3]) % 2 else Sex.MALE


def province(personal_id: str) -> str | None:
    """Place of birth registration by the first three digits; None for a code outside the table (births abroad)."""
    return PROVINCES.get(personal_id[:3])


def disagreements(personal_id: str, birth_date: str, sex: Sex | None) -> tuple[str, ...]:
    """Warning codes where the number tells another story than the card's own fields; `birth_date` is ISO."""
    found = []
    if int(birth_date[:4]) != expected_birth_year(personal_id):
        found.append("birth_year_disagrees")
    if sex in (Sex.MALE, Sex.FEMALE) and sex is not expected_sex(personal_id):
        found.append("sex_disagrees")
    return tuple(found)
