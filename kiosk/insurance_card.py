"""Whose insurance card is it, and may it help? It has no personal ID number: name and birth date tell.

Pure. Must not import Flask, a device library or a connector.
"""

import unicodedata

import msgspec

from hisbridge.lookups.persons import same_name
from hisbridge.lookups.result_codes import MOVED
from hisbridge.questions import Act, Coverage, Verdict
from reader.reading import Holder, InsuranceCard, Reading

NUMBER_DIGITS = 10  # of the social security number, the end of every insurance card's (services.md 2.1)
CUT_LETTERS = 20  # a name this long may have been cut: the machine-readable lines have room for 30 (Doc 9303-5, 4.2)

# Nothing was found by the ID number, and an insurance card's own number may find it: a small child's temporary one too.
CARD_MAY_HELP = frozenset({Act.ASK_OTHER_NUMBER, Act.TEMPORARY_CARD})


def card_may_help(coverage: Coverage) -> bool:
    """Whether the insurance card's own number may tell more: also of whoever moved, who has a new card (services.md
    1.4)."""
    moved = coverage.verdict is Verdict.NOT_INSURED and coverage.result_code in MOVED
    return coverage.act in CARD_MAY_HELP or moved


def accompanied(reading: Reading, card: InsuranceCard | None) -> Reading:
    """The reading with the insurance card that was held up beside it, where both are of one person; else as it was."""
    if card is None or reading.insurance is not None or not _comparable(card, reading.holder):
        return reading
    return reading if is_of_another(card, reading.holder) else msgspec.structs.replace(reading, insurance=card)


def is_of_another(card: InsuranceCard | None, holder: Holder) -> bool:
    """Whether the card names somebody else. A number alone is nobody's: the insurer compares the rest."""
    if card is None:
        return False
    one, other = card.birth_date or "", holder.birth_date or ""
    same_day = one.startswith(other) or other.startswith(one)  # ISO dates, at the precision that both know
    named = card.full_name is not None and holder.full_name is not None
    return not same_day or (named and not _same_name(card.full_name or "", holder.full_name or ""))


def same_number(one: InsuranceCard | None, other: InsuranceCard) -> bool:
    """Whether both say one person's number, however much of the card stands before it."""
    known = one.card_number if one is not None else None
    return bool(known and other.card_number) and str(known)[-NUMBER_DIGITS:] == str(other.card_number)[-NUMBER_DIGITS:]


def _comparable(card: InsuranceCard, holder: Holder) -> bool:
    return None not in (card.full_name, holder.full_name, card.birth_date, holder.birth_date)


def _same_name(one: str, other: str) -> bool:
    """As the insurer compares; without marks where one of them has none, as in the machine-readable lines."""
    if not one.isascii() and not other.isascii():
        return same_name(one, other) or _folded(one) == _folded(other)
    bare, more = sorted((_bare(one), _bare(other)), key=len)
    return bare == more or (len(bare) >= CUT_LETTERS and more.startswith(bare))


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFC", name).casefold().split())


def _bare(name: str) -> str:
    apart = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in apart if letter.isalnum())
