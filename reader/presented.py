"""What a payload that somebody held up means to the check-in: a Reading, or the code why it is none. Pure.

Must not import a device or the service.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from reader.payload.parse import PayloadResult
from reader.payload.text import unique
from reader.reading import Evidence, Holder, InsuranceCard, Reading, Source

REFUSED = "payload.refused"  # understood, but it identifies nobody
PREVIOUS_ID_ONLY = "payload.previous_id_only"  # the old nine digits: neither the chip nor the register goes by them
LETTERS_UNTRUSTED = "letters_untrusted"
LAST_LATIN_1 = "\u00ff"

_SOURCES: Mapping[str, Source] = {
    "citizen_card": Source.CARD_QR,
    "mrz": Source.MRZ,
    "personal_id": Source.TYPED,
    "insurance_card": Source.INSURANCE_QR,
    "insurance_number": Source.INSURANCE_QR,
}
_WITH_LETTERS = (Source.CARD_QR, Source.INSURANCE_QR)


class Identity(NamedTuple):
    """What the reading gets beside the payload. `read_at` is UTC, RFC 3339."""

    reading_id: str
    read_at: str


def presented(result: PayloadResult, identity: Callable[[], Identity], trusts_letters: bool = True) -> Reading | str:
    """The reading of a payload, or the code why there is none.

    `trusts_letters` is false for a device that types: keys have no Vietnamese letters, and what arrives may look whole
    and be wrong (card.md 1.5). Name and address are then left to the chip or the register, unless the payload itself
    proves that this device does send such letters. A wrong name is worse than none; numbers and dates are digits on
    every keyboard and stay.
    """
    source = _SOURCES.get(result.kind)
    holder, card = result.holder, result.insurance
    if source is Source.INSURANCE_QR and card is not None:
        holder = _insured(card)
    if source is None or holder is None:
        return PREVIOUS_ID_ONLY if result.kind == "previous_id" else result.reason or REFUSED
    warnings = result.warnings
    if not trusts_letters and source in _WITH_LETTERS:
        warnings = unique((*warnings, LETTERS_UNTRUSTED))
        if not _letters_came_through(holder):
            holder = msgspec.structs.replace(holder, full_name=None, residence=None)
            card = msgspec.structs.replace(card, full_name=None, address=None) if card is not None else None
    reading_id, read_at = identity()
    return Reading(
        reading_id=reading_id,
        holder=holder,
        evidence=Evidence(source=source, read_at=read_at),
        document=result.document,
        insurance=card,
        warnings=warnings,
    )


def _insured(card: InsuranceCard) -> Holder:
    """Whom an insurance card names; it has no personal ID number."""
    return Holder(
        personal_id=None,
        full_name=card.full_name,
        birth_date=card.birth_date,
        sex=card.sex,
        residence=card.address,
    )


def _letters_came_through(holder: Holder) -> bool:
    """Whether letters are there that no keyboard in the West has (`ễ`, `đ`, `ơ`): who sends these sends them all.

    An insurance card's name stands in hexadecimal digits, which every keyboard has, so it does.
    """
    return any(letter > LAST_LATIN_1 for letter in f"{holder.full_name or ''}{holder.residence or ''}")
