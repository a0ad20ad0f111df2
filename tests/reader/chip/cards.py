"""Cards for the chip tests: sandbox cards without PC/SC, surroundings that stand still, hand-made cards."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from reader.chip.task import Surroundings
from reader.errors import CardRemoved, NoCard
from reader.pki.trust import NO_TRUST, Trust
from sandbox.card import files
from sandbox.card.chip import CardGone, Chip
from sandbox.card.image import CARD_ACCESS, CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.trust import Authority
from sandbox.people import find
from sandbox.portrait import jpeg

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


class InProcessSlot:
    """The chip behind the one-method seam, without a reader."""

    reader = "In process"
    max_apdu_data: int | None = 0x10000

    image: CardImage

    def __init__(self, chip: Chip) -> None:
        self.atr = chip.atr
        self.chip = chip
        self.connections = 0
        self.gone = False

    @contextmanager
    def connect(self) -> Iterator["InProcessSlot"]:
        if self.gone:
            raise NoCard()
        self.connections += 1
        self.chip.power_on()
        yield self
        self.chip.power_off()

    def transmit(self, command: bytes) -> bytes:
        try:
            return self.chip.transmit(command)
        except CardGone:
            self.gone = True
            raise CardRemoved() from None


def surroundings(trust: Trust = NO_TRUST, clock: Callable[[], float] = lambda: 0.0) -> Surroundings:
    return Surroundings(
        clock=clock, utc_now=lambda: NOW, new_id=lambda: "reading-1", octets=secrets.token_bytes, trust=trust
    )


def image_of(key: str, authority: Authority) -> CardImage:
    person = find(key)
    return files.build(person, jpeg(person) if person.portrait else None, authority)


def slot_with(image: CardImage, quirks: Quirks | None = None) -> InProcessSlot:
    slot = InProcessSlot(Chip(image, quirks or Quirks()))
    slot.image = image
    return slot


def with_file(image: CardImage, file_id: int, content: bytes | None) -> CardImage:
    """The card with one file replaced, or taken out; EF.CardAccess is the one under the master file."""
    place = "master_files" if file_id == CARD_ACCESS else "files"
    changed = {number: data for number, data in getattr(image, place).items() if number != file_id}
    if content is not None:
        changed[file_id] = content
    return msgspec.structs.replace(image, **{place: changed})
