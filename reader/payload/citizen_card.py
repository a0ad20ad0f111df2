"""The QR code of the chip ID card: seven fields on the card of 2021, eleven on that of 2024 (card.md 1.1, 1.2).

Number, name and birth date are who somebody is: one of them impossible, or a sign that fields have slipped or that two
payloads ran together, and nothing is accepted. The other fields tell more about the same person: what cannot be read
there is left out and named in a warning, because a person refused for it could not check in. Pure; must not import a
device.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from reader.payload import dates, further, input_method
from reader.payload.errors import (
    BirthDateInvalid,
    InputMethodMangled,
    IssueDateInvalid,
    NameInvalid,
    PayloadDamaged,
    PersonalIdInvalid,
    PreviousIdInvalid,
    SexInvalid,
    TooFewFields,
)
from reader.payload.personal_id import disagreements, is_personal_id
from reader.payload.text import is_ascii_words, is_name, mend, refuse_damaged_name, tidy, unique
from reader.reading import Holder, Sex

SEPARATOR = "|"
TERMINATOR = "$"  # of the insurance card; no citizen card has one
_SEX = {"nam": Sex.MALE, "nữ": Sex.FEMALE, "nu": Sex.FEMALE}
_VOWEL = re.compile("[aeiouyw]", re.IGNORECASE)
_PART_OF_A_DATE = re.compile(r"[0-9]{0,7}")
_NUMBER_FOR_SEX = re.compile(r"[0-9]{4,}")
_BEHIND_LINE_END = re.compile(r"[\t\r\n]\s*(\S)")
_HEX_TEXT = re.compile(r"(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{10}")  # of an insurance card (card.md 1.4)
_GLUED_DATE = re.compile("[0-9]{5,8}$")
_PRINTED_SEX = {Sex.MALE: "Nam", Sex.FEMALE: "Nữ"}


class CardForm(IntEnum):
    """The two printed forms, by their number of fields."""

    CITIZEN_2021 = 7
    IDENTITY_2024 = 11


@dataclass(frozen=True)
class CitizenCard:
    """What the payload says. `tail` holds the fields after the seventh as they stand: their meaning is not known."""

    holder: Holder
    tail: tuple[str, ...]
    warnings: tuple[str, ...]


def parse_citizen_card(fields: Sequence[str]) -> CitizenCard:
    """Read the fields of a payload, empty ones included.

    Raises TooFewFields (also where the text ends inside its last field: the rest is still to be read),
    PersonalIdInvalid, InputMethodMangled, NameInvalid, BirthDateInvalid, PayloadDamaged, IssueDateInvalid (before the
    birth: one of the two dates is wrong, and nobody can tell which).
    """
    if len(fields) < CardForm.CITIZEN_2021:
        raise TooFewFields(fields=len(fields))
    tidied = [tidy(field) for field in fields]
    personal_id, previous_id, name, born, printed_sex, residence, issued = tidied[: CardForm.CITIZEN_2021]
    if not is_personal_id(personal_id):
        raise PersonalIdInvalid
    if _was_typed(name, born, printed_sex, residence, issued):
        raise InputMethodMangled
    if not is_name(name):
        raise NameInvalid
    birth_date = dates.from_compact(born)
    if birth_date is None:
        raise BirthDateInvalid
    refuse_damaged_name(name, residence)
    # Fields that came apart at another separator (no address holds a pipe), or another card's behind the first one's.
    if SEPARATOR in residence or further.has_long_number(issued) or further.begins_inside(tidied):
        raise PayloadDamaged
    if _joined(tidied) or _broken_inside_a_word(fields[2]):
        raise PayloadDamaged
    if _slipped(tidied) or _letters_lost(name, printed_sex, residence):
        raise PayloadDamaged
    # Every card has an issue date (card.md 1.1): what ends before it, or inside, was not read to its end.
    if len(fields) == CardForm.CITIZEN_2021 and _PART_OF_A_DATE.fullmatch(issued):
        raise TooFewFields(fields=len(fields) - 1)

    warnings: list[str] = []
    sex = _sex(printed_sex, warnings)
    issue_date = _issue_date(issued, birth_date, warnings)
    if not _is_previous_id(previous_id):
        previous_id = ""
        warnings.append("previous_id_unreadable")
    if tidied != list(fields):
        warnings.append("repaired.spaces")
    if (
        printed_sex.lower() == "nu"
        or is_ascii_words(f"{name} {residence} {printed_sex}")
        or input_method.perhaps_wrote(name)
        or input_method.perhaps_wrote(residence)
    ):
        warnings.append("diacritics_lost")
    tail = tuple(fields[CardForm.CITIZEN_2021 :])
    if any(tail) or len(fields) not in set(CardForm):
        warnings.append("extra_fields")
    warnings.extend(disagreements(personal_id, birth_date, sex))
    holder = Holder(
        personal_id=personal_id,
        previous_id=previous_id or None,
        full_name=name,
        birth_date=birth_date,
        sex=sex,
        residence=residence or None,
        issue_date=issue_date,
    )
    return CitizenCard(holder=holder, tail=tail, warnings=unique(warnings))


def format_citizen_card(holder: Holder, form: CardForm = CardForm.CITIZEN_2021) -> str:
    """The text of the card's QR code for this holder; fields that the QR does not carry are left out.

    What is written can be read back as it is: raises what `parse_citizen_card` raises where a field cannot be printed
    so, PreviousIdInvalid, SexInvalid and IssueDateInvalid where a card could not say it, and PayloadDamaged where it
    would come back changed (a separator inside, letters not in NFC).
    """
    if not _is_previous_id(holder.previous_id or ""):
        raise PreviousIdInvalid
    if holder.sex not in _PRINTED_SEX:
        raise SexInvalid
    if holder.issue_date is None or not dates.is_full(holder.issue_date):
        raise IssueDateInvalid
    fields = [
        holder.personal_id or "",
        holder.previous_id or "",
        holder.full_name or "",
        dates.to_compact(holder.birth_date or ""),
        _PRINTED_SEX[holder.sex],
        holder.residence or "",
        dates.to_compact(holder.issue_date),
    ]
    text = SEPARATOR.join(fields + [""] * (form - len(fields)))
    if parse_citizen_card(mend(text).text.split(SEPARATOR)).holder != on_the_qr(holder):
        raise PayloadDamaged
    return text


def on_the_qr(holder: Holder) -> Holder:
    """The part of a holder that the card's QR code carries."""
    return Holder(
        personal_id=holder.personal_id,
        previous_id=holder.previous_id,
        full_name=holder.full_name,
        birth_date=holder.birth_date,
        sex=holder.sex,
        residence=holder.residence,
        issue_date=holder.issue_date,
    )


def _was_typed(name: str, born: str, sex: str, residence: str, issued: str) -> bool:
    """Whether an input method stood between the scanner and this text."""
    return (
        input_method.wrote_digits(born)
        or input_method.wrote_digits(issued)
        or input_method.wrote_name(name)
        or input_method.wrote_any(name, sex, residence)
    )


def _letters_lost(name: str, sex: str, residence: str) -> bool:
    """Whether letters are missing that only marks should be: a channel that knows no `ữ` leaves `N`, `N?` or `N `.

    Where nothing at all is left beyond ASCII, a word of a name without any vowel has lost it.
    """
    if "?" in f"{sex}{residence}" or sex.lower() == "n":
        return True
    if sex[:1] in {"N", "n"} and not sex.isascii() and sex.lower() not in _SEX:
        return True  # a `Nữ` in other letters
    words = name.split() if f"{name}{sex}{residence}".isascii() else []
    return any(len(word) > 1 and word.isalpha() and not _VOWEL.search(word) for word in words)


def _sex(printed: str, warnings: list[str]) -> Sex | None:
    if not printed:
        warnings.append("sex_missing")
        return None
    sex = _SEX.get(printed.lower())
    if sex is None:
        warnings.append("sex_unreadable")
    return sex or Sex.UNKNOWN


def _issue_date(printed: str, birth_date: str, warnings: list[str]) -> str | None:
    if not printed:
        warnings.append("issue_date_missing")
        return None
    issue_date = dates.from_compact(printed)
    if issue_date is None or not dates.is_full(issue_date):
        warnings.append("issue_date_unreadable")
        return None
    if dates.before(issue_date, birth_date):
        raise IssueDateInvalid
    return issue_date


def _slipped(fields: Sequence[str]) -> bool:
    """Whether fields changed places, or a separator too many pushed them on.

    A date that is only missing or unreadable leaves nothing else out of place: where a date should stand there is no
    text then, and none stands further on.
    """
    _, previous_id, name, _, sex, residence, issued = fields[: CardForm.CITIZEN_2021]
    if any(field.lower() in _SEX for field in (previous_id, residence, issued)) or residence.isdigit():
        return True
    if any(map(str.isalpha, previous_id)) and not any(map(str.isalpha, residence)):
        return True
    if _NUMBER_FOR_SEX.fullmatch(sex) or (name.lower() in _SEX and sex != "" and sex.lower() not in _SEX):
        return True
    if sum(map(str.isalpha, issued)) > sum(map(str.isdigit, issued)):
        return True
    later = fields[CardForm.CITIZEN_2021 :]
    return not issued.isdigit() and any(dates.is_full(dates.from_compact(field) or "") for field in later)


def _joined(fields: Sequence[str]) -> bool:
    """Whether an insurance card's fields follow, or the issue date was glued to the address before it."""
    residence, issued = fields[5:7]
    if TERMINATOR in fields or _HEX_TEXT.search(residence):
        return True
    return dates.from_compact(issued) is None and _GLUED_DATE.search(residence) is not None


def _broken_inside_a_word(name: str) -> bool:
    """Whether a line ends elsewhere than between two words of the name, each of which begins with a capital."""
    behind = _BEHIND_LINE_END.findall(name.strip())
    return any(not sign.isupper() for sign in behind) or (bool(behind) and name.isupper())


def _is_previous_id(text: str) -> bool:
    # CMND: nine digits; those issued from 2012 on had twelve.
    return text == "" or (text.isascii() and text.isdigit() and len(text) in {9, 12})
