"""Which number of a person the insurance portal is asked about next (services.md 2.1, 2.2). Pure.

Order: personal ID, ten-digit social security number, fifteen-character card, earlier nine-digit ID. Only numbers that
somebody held up or typed, what follows from them, and what an answer about an ended card teaches.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from hisbridge.lookups.portal_json import text_of
from hisbridge.questions import CoverageQuestion

Kind = Literal["personal_id", "social_security_number", "card_number", "previous_id"]

ORDER: Final[tuple[Kind, ...]] = ("personal_id", "social_security_number", "card_number", "previous_id")
MOST = 8  # numbers that one question may ask about, however many a portal teaches

CARD = re.compile(r"[A-Z]{2}[1-5][0-9]{12}")
SOCIAL = re.compile(r"[0-9]{10}")
_PERSONAL = re.compile(r"[0-9]{12}")
_PREVIOUS = re.compile(r"[0-9]{9}")
FORCES = frozenset({"QN", "HC", "LS", "XK", "CY", "CA"})  # groups whose cards the ministries may issue (2.5)


@dataclass(frozen=True, repr=False)
class Number:
    """A number of a person, and what kind of number it is."""

    kind: Kind
    text: str


def known_numbers(question: CoverageQuestion) -> tuple[Number, ...]:
    """Every number of the question, and the ten digits of a card; what has no number's shape is left out."""
    found: list[Number] = []
    if _PERSONAL.fullmatch(personal := (question.personal_id or "").strip()):
        found.append(Number("personal_id", personal))
    found += _insurance_numbers(question.insurance_number or "")
    if _PREVIOUS.fullmatch(previous := (question.previous_id or "").strip()):
        found.append(Number("previous_id", previous))
    return tuple(found)


def taught_numbers(answer: Mapping[str, Any]) -> tuple[Number, ...]:
    """The insurance numbers that an answer about an ended card names: the new card's before the ended one's."""
    told = (text_of(answer, "masobhxh", digits=10), text_of(answer, "mathemoi"), text_of(answer, "mathe"))
    return tuple(number for text in told for number in _insurance_numbers(text))


def next_number(known: Iterable[Number], asked: Iterable[Number]) -> Number | None:
    """The first in order that was not asked about; None when there is none, or when enough were."""
    done = {number.text for number in asked}
    left = [number for number in known if number.text not in done]
    return min(left, key=lambda number: ORDER.index(number.kind)) if left and len(done) < MOST else None


def forces_card(number: str | None) -> bool:
    """Whether a card belongs to a group that the ministries of Defence and Public Security issue themselves."""
    return bool(CARD.fullmatch(plain := (number or "").strip().upper())) and plain[:2] in FORCES


def _insurance_numbers(text: str) -> list[Number]:
    plain = text.strip().upper()
    if CARD.fullmatch(plain):
        return [Number("social_security_number", plain[-10:]), Number("card_number", plain)]
    return [Number("social_security_number", plain)] if SOCIAL.fullmatch(plain) else []
