"""One entry for whatever text a person holds up: mend it, see what it is, read it. Never raises.

Pure; must not import a device.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec

from reader.payload import input_method
from reader.payload.bare_number import BareNumber, find_number
from reader.payload.citizen_card import SEPARATOR, CardForm, parse_citizen_card
from reader.payload.errors import (
    CardNumberInvalid,
    InputMethodMangled,
    PayloadRefused,
    PayloadUnrecognised,
    PersonalIdInvalid,
    VneidCode,
)
from reader.payload.insurance_card import TERMINATOR, is_card_number, parse_insurance_card
from reader.payload.mrz import compact, parse_mrz, repairs
from reader.payload.personal_id import is_personal_id
from reader.payload.text import mend, refuse_damage, unique
from reader.payload.vneid import is_vneid
from reader.reading import Document, Holder, InsuranceCard
from wire.codec import Record

# A card's text at a glance: its number, then as many separators as the shortest of them has.
_CARD = re.compile(rf"(?:[0-9]{{12}}|[0-9A-Z]{{10,15}})(?:[|;\n\t][^|;\n\t]*){{{CardForm.CITIZEN_2021 - 1},}}")

_SEPARATORS = (SEPARATOR, ";", "\n", "\t")  # TAB: scanners set up to fill the cells of a table

Kind = Literal["citizen_card", "insurance_card", "mrz", "personal_id", "previous_id", "insurance_number", "unknown"]


class PayloadResult(Record, frozen=True, kw_only=True):
    """What a payload is. `warnings` are codes of repairs and oddities; `reason` is the code why it is `unknown`.

    `document` comes with a machine-readable zone. Of a bare number only the number is known: `personal_id` and
    `previous_id` have a holder with nothing else, `insurance_number` an insurance card with nothing else; its length
    is all that tells what it is (`reader.payload.bare_number`). `tail` are a card's fields after those whose meaning is
    known, as they stand, empty ones too (after the seventh of a citizen card, the ninth of an insurance card): kept
    until it is, and never shown.
    """

    kind: Kind
    holder: Holder | None = None
    insurance: InsuranceCard | None = None
    document: Document | None = None
    tail: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    reason: str | None = None


def parse_payload(text: str | bytes, today: date | None = None) -> PayloadResult:
    """Read a payload: a card's code, a machine-readable zone, a bare number, or `unknown` with the reason (card.md 1.4,
    dispatcher).

    `today` settles the century of a birth date that a zone gives with two digits; without it such a date is left out
    where both are possible. Never raises: payloads are hostile input.
    """
    try:
        mended = mend(text)
        result = _parse(mended.text, today)
    except PayloadRefused as refusal:
        return PayloadResult(kind="unknown", reason=refusal.code)
    return msgspec.structs.replace(result, warnings=unique((*mended.warnings, *result.warnings)))


def is_of_person(text: str) -> bool:
    """Whether a code's text is a card's or a number of a person, damaged or not: looked at many times a second, so that
    a card is known by its first field alone."""
    return _CARD.match(text) is not None or parse_payload(text).kind != "unknown"


def _parse(text: str, today: date | None) -> PayloadResult:
    zone = compact(text)
    if zone is not None:
        read = parse_mrz(zone, today)
        warnings = (*repairs(text), *read.warnings)
        return PayloadResult(kind="mrz", holder=read.holder, document=read.document, warnings=warnings)
    number = find_number(text)
    if number is not None:
        return _of_number(number)
    return _parse_fields(text, *_split(text))


def _of_number(number: BareNumber) -> PayloadResult:
    if number.kind == "insurance_number":
        insurance = InsuranceCard(card_number=number.number)
        return PayloadResult(kind=number.kind, insurance=insurance, warnings=number.warnings)
    holder = (
        Holder(personal_id=number.number)
        if number.kind == "personal_id"
        else Holder(personal_id=None, previous_id=number.number)
    )
    return PayloadResult(kind=number.kind, holder=holder, warnings=number.warnings)


def _parse_fields(text: str, fields: Sequence[str], split: tuple[str, ...]) -> PayloadResult:
    first = fields[0].strip()
    if is_personal_id(first):
        refuse_damage(text)
        card = parse_citizen_card(fields)
        return PayloadResult(kind="citizen_card", holder=card.holder, tail=card.tail, warnings=(*split, *card.warnings))
    if is_card_number(first):
        refuse_damage(text)
        payload = parse_insurance_card(fields)
        return PayloadResult(
            kind="insurance_card",
            insurance=payload.insurance,
            tail=payload.tail,
            warnings=(*split, *payload.warnings),
        )
    raise _refusal(text, fields)


def _refusal(text: str, fields: Sequence[str]) -> PayloadRefused:
    """The most helpful word for a payload whose first field is no number of a card."""
    if len(fields) < CardForm.CITIZEN_2021:
        return VneidCode() if is_vneid(text) else PayloadUnrecognised()
    if input_method.wrote_digits(fields[0].strip()):
        return InputMethodMangled()
    return CardNumberInvalid() if TERMINATOR in fields else PersonalIdInvalid()


def _split(text: str) -> tuple[list[str], tuple[str, ...]]:
    """Fields with the empty ones kept; scanners replace the pipe by another sign (card.md 1.5)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    found = [separator for separator in _SEPARATORS if separator in lines]
    enough = [separator for separator in found if lines.count(separator) >= CardForm.CITIZEN_2021 - 1]
    separator = next(iter(enough + found), SEPARATOR)
    return lines.split(separator), (() if separator == SEPARATOR else ("repaired.separator",))
