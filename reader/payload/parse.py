"""One entry for whatever text a person holds up: mend it, see what it is, read it. Never raises.

Pure; must not import a device.
"""

from typing import Literal

from reader.payload.citizen_card import SEPARATOR, CardForm, parse_citizen_card
from reader.payload.errors import (
    CardNumberInvalid,
    PayloadRefused,
    PayloadUnrecognised,
    PersonalIdInvalid,
)
from reader.payload.insurance_card import TERMINATOR, is_card_number, parse_insurance_card
from reader.payload.personal_id import is_personal_id
from reader.payload.text import mend, refuse_damage, unique
from reader.reading import Holder, InsuranceCard
from wire.codec import Record

_SEPARATORS = (SEPARATOR, ";", "\n", "\t")  # TAB: scanners set up to fill the cells of a table

Kind = Literal["citizen_card", "insurance_card", "unknown"]


class PayloadResult(Record, frozen=True, kw_only=True):
    """What a payload is. `warnings` are codes of repairs and oddities; `reason` is the code why it is `unknown`."""

    kind: Kind
    holder: Holder | None = None
    insurance: InsuranceCard | None = None
    warnings: tuple[str, ...] = ()
    reason: str | None = None


def parse_payload(text: str | bytes) -> PayloadResult:
    """Read a payload: a citizen card's, an insurance card's, or `unknown` with the reason (card.md 1.4, dispatcher).

    Never raises: payloads are hostile input.
    """
    try:
        mended = mend(text)
        fields, split_warnings = _split(mended.text)
        result = _parse_fields(mended.text, fields)
    except PayloadRefused as refusal:
        return PayloadResult(kind="unknown", reason=refusal.code)
    warnings = unique((*mended.warnings, *split_warnings, *result.warnings))
    return PayloadResult(kind=result.kind, holder=result.holder, insurance=result.insurance, warnings=warnings)


def _parse_fields(text: str, fields: list[str]) -> PayloadResult:
    first = fields[0].strip()
    if is_personal_id(first):
        refuse_damage(text)
        card = parse_citizen_card(fields)
        return PayloadResult(kind="citizen_card", holder=card.holder, warnings=card.warnings)
    if is_card_number(first):
        refuse_damage(text)
        payload = parse_insurance_card(fields)
        return PayloadResult(kind="insurance_card", insurance=payload.insurance, warnings=payload.warnings)
    raise _refusal(fields)


def _refusal(fields: list[str]) -> PayloadRefused:
    """The most helpful word for a payload whose first field is no number of a card."""
    if len(fields) < CardForm.CITIZEN_2021:
        return PayloadUnrecognised()
    return CardNumberInvalid() if TERMINATOR in fields else PersonalIdInvalid()


def _split(text: str) -> tuple[list[str], tuple[str, ...]]:
    """Fields with the empty ones kept; scanners replace the pipe by another sign (card.md 1.5)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    found = [separator for separator in _SEPARATORS if separator in lines]
    enough = [separator for separator in found if lines.count(separator) >= CardForm.CITIZEN_2021 - 1]
    separator = next(iter(enough + found), SEPARATOR)
    return lines.split(separator), (() if separator == SEPARATOR else ("repaired.separator",))
