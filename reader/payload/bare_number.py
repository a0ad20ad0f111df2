"""A number alone: typed, from a bar code, or the only text of a QR code (card.md 1.4, 2).

A number says nothing of its kind but by its length, so each of these is a hint for whoever looks further:
twelve digits are the personal ID number, and may be a CMND issued from 2012 on or a product's UPC code; nine are the
old CMND, and may be anything else; ten are the social insurance number, and may be a telephone or a tax number; two
letters and thirteen digits are the insurance card's number before 2021 and hardly anything else. Pure.
"""

import re
from typing import Literal, NamedTuple

from reader.payload.insurance_card import is_card_number
from reader.payload.personal_id import is_personal_id

NumberKind = Literal["personal_id", "previous_id", "insurance_number"]

_NINE_DIGITS = re.compile(r"[0-9]{9}")
# Groups as people write them, one sign between all. Points only where the number begins with 0: else `192.168.100.200`
# is an address in a network and `123.456.789` an amount. Ten digits in groups are a telephone number.
_GROUPED_DIGITS = re.compile(
    r"[0-9]{3}(?:([ \u00a0-])[0-9]{3}\1[0-9]{3}(?:\1[0-9]{3})?)|0[0-9]{2}\.[0-9]{3}\.[0-9]{3}(?:\.[0-9]{3})?"
    r"|[0-9]{4}([ \u00a0-])[0-9]{4}\2[0-9]{4}"
)
_GROUPED_CARD = re.compile(r"[A-Za-z]{2}(?:[ \u00a0.-]?[0-9]){13}")  # `HS 4 01 01 999 00024`, as paper cards have it
_BETWEEN = re.compile(r"[ \u00a0.-]")


class BareNumber(NamedTuple):
    """The number without what stood between its groups, its kind, and the codes of repairs."""

    kind: NumberKind
    number: str
    warnings: tuple[str, ...]


def find_number(text: str) -> BareNumber | None:
    """The number that this text is; None where it is none of them, or more than one."""
    bare = text.strip()
    grouped = _GROUPED_DIGITS.fullmatch(bare) or _GROUPED_CARD.fullmatch(bare)
    plain = _BETWEEN.sub("", bare) if grouped else bare
    kind = _kind(plain)
    if kind is None:
        return None
    number = plain.upper()
    warnings = (
        ("repaired.spaces", bare != text),
        ("repaired.grouping", plain != bare),
        ("repaired.case", number != plain),
    )
    return BareNumber(kind, number, tuple(code for code, happened in warnings if happened))


def _kind(text: str) -> NumberKind | None:
    if is_personal_id(text):
        return "personal_id"
    if is_card_number(text):
        return "insurance_number"
    return "previous_id" if _NINE_DIGITS.fullmatch(text) else None
