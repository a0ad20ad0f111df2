"""Which of several slots is the reader: the one that holds the card, the contactless one by what it is, a SAM's never.

What a slot is, is told by its name, by the slot beside it, by the ATR of the card in it, by its driver - never by its
index, which differs from driver to driver. Must not import any device library.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from reader.chip.readers import model_of


class Interface(IntEnum):
    """How a slot reaches a card; the smaller is preferred."""

    CONTACTLESS = 0
    UNKNOWN = 1
    CONTACT = 2
    SAM = 3


class ToldBy(StrEnum):
    """By what an interface is known."""

    NAME = "name"
    MODEL = "model"
    SIBLING = "sibling"
    ATR = "atr"
    DRIVER = "driver"
    NOTHING = "nothing"


Known = tuple[Interface, ToldBy]
NOT_KNOWN: Known = (Interface.UNKNOWN, ToldBy.NOTHING)

# In this order: a slot called "ICC" is for contacts although its device also has SAM slots.
_WORDS = (
    (Interface.CONTACTLESS, re.compile(r"picc|contact-?less|nfc|rfid|14443|proximity|(?<![a-z])cli?(?![a-z])", re.I)),
    (Interface.CONTACT, re.compile(r"(?<![a-z])icc(?![a-z])|contact", re.I)),
    (Interface.SAM, re.compile(r"(?<![a-z])sam(?![a-z])", re.I)),
)
_NUMBERS = re.compile(r" [0-9A-F]{2} [0-9A-F]{2}$")  # pcsc-lite ends every name with reader and slot number
_PART = re.compile(r"\[([^\]]*)\]")  # and puts the USB interface's own name in brackets


@dataclass(frozen=True)
class SlotState:
    """One slot at one moment. `counter` counts cards that came and went (pcsc-lite keeps it in the event state)."""

    name: str
    known: Known = NOT_KNOWN
    card: bool = False
    mute: bool = False
    counter: int = 0

    @property
    def interface(self) -> Interface:
        """How it reaches a card."""
        return self.known[0]


def usable(names: Sequence[str], wanted: str) -> list[str]:
    """The slots that may hold a person's card: `wanted` is in their name (any letter case), and they hold no SAM."""
    return [
        name
        for name in names
        if wanted.casefold() in name.casefold() and interface_by_name(name, names)[0] is not Interface.SAM
    ]


def interface_by_name(name: str, names: Iterable[str] = ()) -> Known:
    """What a name tells; `names`: all slots, for of a dual reader often only the contactless half says what it is."""
    by_words = _by_words(name)
    if by_words is not Interface.UNKNOWN:
        return by_words, ToldBy.NAME
    model = model_of(name)
    if model is not None and model.contactless_only:
        return Interface.CONTACTLESS, ToldBy.MODEL
    part, device = _PART.search(name), _device(name)
    for other in names if part else ():
        if _device(other) == device and other != name and _by_words(other) is Interface.CONTACTLESS:
            return Interface.CONTACT, ToldBy.SIBLING
    return NOT_KNOWN


def interface_of(name: str, names: Iterable[str], atr: bytes) -> Known:
    """What name and card together tell; `atr` is empty while there is no card.

    A contactless reader makes up an ATR (PC/SC part 3, 3.1.3.2.3): no contact card gives that one by itself, so it
    proves more than any name. Its absence proves less: some drivers pass on what the card sent.
    """
    known = interface_by_name(name, names)
    if atr and is_contactless_atr(atr):
        return Interface.CONTACTLESS, ToldBy.ATR
    if atr and known is NOT_KNOWN:
        return Interface.CONTACT, ToldBy.ATR
    return known


def is_contactless_atr(atr: bytes) -> bool:
    """3B 8n 80 01, n historical bytes, check byte (PC/SC part 3, 3.1.3.2.3)."""
    if len(atr) < 5 or atr[0] != 0x3B or atr[1] >> 4 != 8 or atr[2:4] != b"\x80\x01":
        return False
    check = 0
    for byte in atr[1:]:
        check ^= byte
    return len(atr) == 5 + (atr[1] & 0x0F) and check == 0


def interface_by_icc_type(icc_type: int) -> Interface:
    """SCARD_ATTR_ICC_TYPE_PER_ATR: 1 to 4 are cards with contacts, 5 and 6 ISO/IEC 14443 A and B (PC/SC part 3)."""
    if icc_type in (5, 6):
        return Interface.CONTACTLESS
    return Interface.CONTACT if 1 <= icc_type <= 4 else Interface.UNKNOWN


def choose(slots: Sequence[SlotState], current: str | None = None) -> SlotState | None:
    """THE reader: the slot with a card; of several the contactless, then the one of before, then the first.

    Without any card the slot that people are to use; None when there is no slot.
    """
    with_card = [slot for slot in slots if slot.card]
    if with_card:
        return min(with_card, key=lambda slot: (slot.interface, slot.mute, slot.name != current))
    return min(slots, key=lambda slot: slot.interface, default=None)


def is_another_card(before: SlotState, now: SlotState) -> bool:
    """Two looks at a card: is it certainly not the same one, or not the same visit? (a swap between the looks)."""
    return before.name != now.name or (now.counter - before.counter) % 0x10000 >= 2


def _by_words(name: str) -> Interface:
    part = _PART.search(name)
    for text in (part.group(1) if part else "", _PART.sub("", name)):
        for interface, words in _WORDS:
            if words.search(text):
                return interface
    return Interface.UNKNOWN


def _device(name: str) -> str:
    """What the slots of one device have in common."""
    return " ".join(_PART.sub("", _NUMBERS.sub("", name)).split())
