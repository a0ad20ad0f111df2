"""Which words stand before the people: on the touchscreen, the ticket and the board. A content pack may translate these
and no others, and what of them can be said as it is becomes a clip. Must not import Flask.
"""

import re
from functools import cache

from ui.words import LANGUAGES, Words, keys

# The first part of the key says where the words stand.
SPOKEN = frozenset(
    {
        "adjust", "ask_insurance", "ask_key", "ask_mrz", "ask_qr", "away", "board", "button", "card_taken", "confirm",
        "consent", "coverage", "failed", "finishing", "goodbye", "help", "idle", "keypad", "language", "no_card",
        "out_of_order", "path", "priority", "proof", "reading", "service", "services", "start", "ticket", "voice",
    }
)  # fmt: skip
PRINTED = frozenset({"hospital", "paper", "page"})
TITLE = ".title"  # of an error: what the touchscreen says of it
ABBREVIATED = {"BHYT": "bảo hiểm y tế"}  # on the screen, for room; said whole
UNSPOKEN = ("paper.", "hospital.", "page.")


@cache
def front_keys() -> frozenset[str]:
    """Every key that a pack may translate."""
    return frozenset(key for key in keys("vi") if is_front(key))


def is_front(key: str) -> bool:
    """Whether these words stand before the people."""
    first = key.split(".", 1)[0]
    return first in SPOKEN or first in PRINTED or (first == "error" and key.endswith(TITLE))


@cache
def speakable() -> tuple[str, ...]:
    """The keys that are clips, in order: all but what is only printed or a picture's description, and a text with a
    placeholder anywhere but at its end, whose words nobody can say beforehand."""
    return tuple(sorted(key for key in front_keys() if _is_spoken(key)))


def spoken_text(text: str) -> str:
    """What a clip says of a text: all of it, or what stands before its placeholders; empty where that is not enough."""
    for short, whole in ABBREVIATED.items():
        text = text.replace(short, whole)
    before, brace, behind = text.replace("\xa0", " ").partition("{")
    rest = re.sub(r"\{[^{}]*\}", "", brace + behind)
    return "" if re.search(r"\w", rest) else before.strip(" :,.") if brace else before


def _is_spoken(key: str) -> bool:
    if key.startswith(UNSPOKEN) or ".picture" in key:
        return False
    return all(re.search(r"\w", spoken_text(Words(language).raw(key))) for language in LANGUAGES)
