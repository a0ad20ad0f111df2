"""The QR code of the health insurance card (BHYT), on paper and in the insurer's app (card.md 1.4).

Names and addresses stand there as hexadecimal UTF-8, `-` means empty, `$` ends it. The fields whose meaning only one
source tells (9 to 11, 13 to 15) are kept as they stand and not read. Pure; must not import a device.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from reader.payload import dates, further, input_method
from reader.payload.errors import (
    BirthDateInvalid,
    CardNumberInvalid,
    InputMethodMangled,
    IssueDateInvalid,
    NameInvalid,
    PayloadDamaged,
    SexInvalid,
    TooFewFields,
    ValidityInvalid,
)
from reader.payload.text import is_ascii_words, is_name, refuse_damage, refuse_damaged_name, tidy, unique
from reader.reading import InsuranceCard, Sex

MIN_FIELDS = 9
SEPARATOR = "|"
TERMINATOR = "$"
_EMPTY = "-"
_FIVE_YEAR_FIELD = 12
_DATE_FIELDS = (6, 7, 8, _FIVE_YEAR_FIELD)
_CARD_NUMBER = re.compile(r"[0-9]{10}|[A-Z]{2}[0-9]{13}")
_FACILITY = re.compile(r"([0-9A-Z]{2})[ \u2010-\u2015-]*([0-9A-Z]{3})")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_TOKEN = re.compile("[0-9a-f]{16}-[0-9]{4}")
_CUT_HEX = re.compile(r"(?=.*[0-9])[0-9A-Fa-f]{4,}(?:\s+[0-9A-Fa-f]+)+")  # with a blank or a line end inside
_SEX = {"1": Sex.MALE, "2": Sex.FEMALE}
_PRINTED_SEX = {sex: digit for digit, sex in _SEX.items()}


class InsuranceForm(IntEnum):
    """The two printed forms, by their number of fields before the terminator."""

    SHORT = 9
    WHOLE = 16


@dataclass(frozen=True)
class InsurancePayload:
    """What the payload says, and the codes of what was odd about it.

    `tail` holds the fields from the tenth on as they stand; of them only the five-year date is read.
    """

    insurance: InsuranceCard
    tail: tuple[str, ...]
    warnings: tuple[str, ...]


def is_card_number(text: str) -> bool:
    """Whether this is a card number: ten digits (since 2021), or two letters and thirteen digits before."""
    return _CARD_NUMBER.fullmatch(text.upper()) is not None and text.isascii()


def parse_insurance_card(fields: Sequence[str]) -> InsurancePayload:
    """Read the fields of a payload, empty ones and the terminator included.

    As on the citizen card, what is not the number, the name or the birth date is left out with a warning where it
    cannot be read. Raises TooFewFields, CardNumberInvalid, InputMethodMangled (in hexadecimal digits), NameInvalid,
    BirthDateInvalid, PayloadDamaged (the name's letters, another payload behind this one, fields out of place),
    ValidityInvalid (cover that ends before it begins, or before the birth), IssueDateInvalid (before the birth).
    """
    warnings: list[str] = []
    raw, behind = _until_terminator(fields, warnings)
    body = [tidy(field) for field in raw]
    if _runs_on(body, behind):
        raise PayloadDamaged
    # What ends without the terminator (card.md 1.4) was cut: before fields that the card has, or inside its last one.
    # Only a separator behind the sixteenth says that nothing but the terminator is missing.
    if len(body) < MIN_FIELDS or ("unterminated" in warnings and len(body) <= InsuranceForm.WHOLE):
        raise TooFewFields(fields=len(body))
    if MIN_FIELDS < len(body) < InsuranceForm.WHOLE:
        raise TooFewFields(fields=len(body))
    if not is_card_number(body[0]):
        raise CardNumberInvalid
    # A blank before the five-year date is printed so (card.md 1.4).
    if any(tidied != field for at, (tidied, field) in enumerate(zip(body, raw, strict=True)) if at != _FIVE_YEAR_FIELD):
        warnings.append("repaired.spaces")
    card_number = body[0].upper()
    if card_number != body[0]:
        warnings.append("repaired.case")
    if input_method.wrote_digits(body[1]) or input_method.wrote_digits(body[4]):
        raise InputMethodMangled
    name = _text(body[1], warnings)
    if name is None or not is_name(name):
        raise NameInvalid
    birth_date = dates.from_slashed(body[2])
    if birth_date is None:
        raise BirthDateInvalid
    address = _address(body[4], warnings)
    refuse_damaged_name(name, address or "")
    if is_ascii_words(f"{name} {address or ''}"):
        warnings.append("diacritics_lost")
    insurance = InsuranceCard(
        card_number=card_number,
        full_name=name,
        birth_date=birth_date,
        sex=_sex(body[3], warnings),
        address=address,
        registered_facility=_facility(body[5], warnings),
        valid_from=_day(body[6], "validity", warnings),
        valid_to=_day(body[7], "validity", warnings),
        issue_date=_day(body[8], "issue_date", warnings),
        five_year_date=_day(body[_FIVE_YEAR_FIELD], "five_year_date", warnings)
        if len(body) > _FIVE_YEAR_FIELD
        else None,
    )
    _refuse_impossible_days(insurance, birth_date)
    unreadable = {code for code in warnings if code.endswith("_unreadable")}
    if len(unreadable) > 1 or (len(body) > InsuranceForm.WHOLE and (unreadable or not _in_place(body))):
        raise PayloadDamaged  # fields that are pushed on or put in each other's places
    return InsurancePayload(insurance=insurance, tail=tuple(raw[MIN_FIELDS:]), warnings=unique(warnings))


def format_insurance_card(card: InsuranceCard, form: InsuranceForm = InsuranceForm.WHOLE) -> str:
    """The text of the card's QR code; fields whose meaning is not sure are written as empty.

    What is written can be read back as it is: raises what `parse_insurance_card` raises where a field cannot be printed
    so, SexInvalid where the card has no digit for it, and PayloadDamaged where it would come back changed (the short
    form has no five-year date).
    """
    if card.sex not in (None, *_PRINTED_SEX):
        raise SexInvalid
    facility = card.registered_facility
    fields = [
        card.card_number,
        (card.full_name or "").encode().hex(),
        dates.to_slashed(card.birth_date or ""),
        _PRINTED_SEX[card.sex] if card.sex else "",
        (card.address or "").encode().hex(),
        f"{facility[:2]} - {facility[2:]}" if facility else "",
        *(dates.to_slashed(day or "") for day in (card.valid_from, card.valid_to, card.issue_date)),
    ]
    fields += [""] * (form - len(fields))
    if form is InsuranceForm.WHOLE:
        fields[_FIVE_YEAR_FIELD] = dates.to_slashed(card.five_year_date or "")
    fields = [field or _EMPTY for field in fields]
    if parse_insurance_card([*fields, TERMINATOR]).insurance != card:
        raise PayloadDamaged
    return SEPARATOR.join([*fields, TERMINATOR])


def _until_terminator(fields: Sequence[str], warnings: list[str]) -> tuple[list[str], list[str]]:
    """The fields of the card, and what stands behind the terminator; either may be glued to it."""
    end = next((at for at, field in enumerate(fields) if TERMINATOR in field), None)
    if end is None:
        warnings.append("unterminated")
        return list(fields), []
    last, _, first_behind = fields[end].partition(TERMINATOR)
    behind = [first_behind, *fields[end + 1 :]]
    if any(tidy(field) for field in behind):
        warnings.append("extra_fields")
    return [*fields[:end], *([last] if tidy(last) else [])], behind


def _runs_on(body: Sequence[str], behind: Sequence[str]) -> bool:
    """Whether another payload follows: behind the terminator, or behind a card cut short before it."""
    beyond = (*behind, *body[InsuranceForm.WHOLE :], *(body[at] for at in _DATE_FIELDS if at < len(body)))
    return any(map(further.has_long_number, beyond)) or further.begins_inside(body)


def _in_place(body: Sequence[str]) -> bool:
    """Whether the managing code and the check token stand where they do on a card of sixteen fields: what is more then
    stands behind them."""
    return further.has_long_number(body[9]) and _TOKEN.fullmatch(body[13]) is not None


def _refuse_impossible_days(card: InsuranceCard, birth_date: str) -> None:
    """Raise ValidityInvalid or IssueDateInvalid for cover that ends before it begins, or days before the birth."""
    if card.valid_from and card.valid_to and dates.before(card.valid_to, card.valid_from):
        raise ValidityInvalid
    if any(day and dates.before(day, birth_date) for day in (card.valid_from, card.valid_to, card.five_year_date)):
        raise ValidityInvalid
    if card.issue_date and dates.before(card.issue_date, birth_date):
        raise IssueDateInvalid


def _value(field: str) -> str | None:
    return None if field in {"", _EMPTY} else field


def _text(field: str, warnings: list[str]) -> str | None:
    """Hexadecimal UTF-8 as text; what is not hexadecimal stands as it is, with a warning (card.md 1.4)."""
    value = _value(field)
    if value is None:
        return None
    raw = _from_hex(value)
    if raw is None and (not any(map(str.isalpha, value)) or _CUT_HEX.fullmatch(value)):
        raise PayloadDamaged
    if raw is None:
        warnings.append("not_hexadecimal")
        return value
    unpadded = raw.rstrip("\0")
    if unpadded != raw:
        warnings.append("repaired.nul")
    text = unicodedata.normalize("NFC", unpadded)
    if text != unpadded:
        warnings.append("repaired.nfd")
    refuse_damage(text)
    if tidy(text) != text:
        warnings.append("repaired.spaces")
    return tidy(text) or None


def _from_hex(value: str) -> str | None:
    """None for plain text. Raises PayloadDamaged for hexadecimal digits that are not whole UTF-8."""
    if not _HEX.fullmatch(value):
        return None
    try:
        return bytes.fromhex(value).decode()
    except ValueError:  # an odd digit, or not UTF-8
        if any(sign.isdigit() for sign in value):
            raise PayloadDamaged from None
        return None  # a short plain word of the letters a to f


def _facility(field: str, warnings: list[str]) -> str | None:
    value = _value(field)
    if value is None:
        return None
    match = _FACILITY.fullmatch(value.upper())
    if match is None:
        warnings.append("facility_unreadable")
        return None
    return match[1] + match[2]


def _sex(field: str, warnings: list[str]) -> Sex | None:
    value = _value(field)
    if value is None:
        warnings.append("sex_missing")
        return None
    if value not in _SEX:
        warnings.append("sex_unreadable")
    return _SEX.get(value, Sex.UNKNOWN)


def _address(field: str, warnings: list[str]) -> str | None:
    try:
        return _text(field, warnings)
    except PayloadDamaged:
        warnings.append("address_unreadable")
        return None


def _day(field: str, name: str, warnings: list[str]) -> str | None:
    value = _value(field)
    if value is None:
        return None
    day = dates.from_slashed(value)
    if day is None or not dates.is_full(day):
        warnings.append(f"{name}_unreadable")
        return None
    return day
