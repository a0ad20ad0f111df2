"""Whether another payload begins inside or behind one: two codes that ran together are two persons, and neither counts.

A scanner that sends no line end, or a reader that joins what it saw, glues them; the first may be cut short or whole,
and the second too. A relative's number may stand in the tail of a card (card.md 1.2), so a number alone says nothing
there. Pure; knows the forms of both cards (card.md 1.1, 1.4), reads neither.
"""

import re
from collections.abc import Sequence

from reader.payload import dates

SEX_WORDS = frozenset({"nam", "nữ", "nu"})  # card.md 1.1; the wedge of a scanner without Vietnamese letters says `Nu`

_ENDS_IN_PERSONAL_ID = re.compile(r"[0-9]{12}\Z")
_ENDS_IN_CARD_NUMBER = re.compile(r"(?:[0-9]{10}|[A-Za-z]{2}[0-9]{13})\Z")
_PREVIOUS_ID = re.compile(r"(?:[0-9]{9}|[0-9]{12})?")
_HEX_TEXT = re.compile(r"(?:[0-9A-Fa-f]{2}){2,}")
_FACILITY = re.compile(r"[0-9A-Za-z]{2}\W*[0-9A-Za-z]{3}")  # behind an address whose hexadecimal digits may end so too
_LONG_NUMBER = re.compile(r"[0-9]{9}|<<")  # no date is so long; or the fillers of a machine-readable zone
_FIRST_NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:[0-9]{12}|[0-9]{10}|[A-Za-z]{2}[0-9]{13})(?=[|;\t\r\n])")


def has_long_number(text: str) -> bool:
    """Whether a number as every card has one stands in this text, where nothing longer than a date may stand."""
    return _LONG_NUMBER.search(text) is not None


def begins_inside(fields: Sequence[str]) -> bool:
    """Whether a field behind the first ends in a number that the next ones take for the beginning of a card."""
    following = (fields[at : at + 5] for at in range(1, len(fields)))
    return any(_citizen_card_at(beginning) or _insurance_card_at(beginning) for beginning in following)


def another_card(front: str, behind: str) -> bool:
    """Whether a card of another number than the one in `front` begins `behind`: what a decoder leaves in its buffer is
    junk or the end of an older payload, and may be the same card again."""
    other = _FIRST_NUMBER.match(behind)
    own = _FIRST_NUMBER.search(front)
    return other is not None and (own is None or own.group() != other.group())


def _citizen_card_at(fields: Sequence[str]) -> bool:
    if len(fields) < 4 or not _ENDS_IN_PERSONAL_ID.search(fields[0]):
        return False
    if len(fields) > 4 and fields[4].lower() in SEX_WORDS:
        return True
    named = any(sign.isalpha() for sign in fields[2])
    return bool(_PREVIOUS_ID.fullmatch(fields[1])) and named and dates.from_compact(fields[3]) is not None


def _insurance_card_at(fields: Sequence[str]) -> bool:
    if len(fields) < 3 or not _ENDS_IN_CARD_NUMBER.search(fields[0]):
        return False
    name, born, sex = fields[1], fields[2], "".join(fields[3:4])
    named = bool(_HEX_TEXT.fullmatch(name)) or (sum(map(str.isalpha, name)) > 2 and not _FACILITY.fullmatch(name))
    return named and dates.from_slashed(born) is not None and ("/" in born or sex in {"1", "2"})
