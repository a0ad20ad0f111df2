"""The real pcscd of the test run and what lies on its virtual reader, seen through PC/SC itself."""

from collections.abc import Callable
from dataclasses import dataclass, field

from smartcard import scard

from sandbox.card import files
from sandbox.card.chip import Chip
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.trust import Authority
from sandbox.card.vpcd import VirtualReader
from sandbox.pcscd import Pcscd
from sandbox.people import Person, find
from sandbox.portrait import jpeg
from tests.support.waiting import wait_until

READER = "Virtual PCD 00 00"
POLL_SECONDS = 5.0  # pcscd looks at its readers every 400 ms


def card_present(reader: str = READER) -> bool | None:
    """Is a card on the reader, as PC/SC tells it? None when pcscd or the reader is not there."""
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if result != scard.SCARD_S_SUCCESS:
        return None
    try:
        result, states = scard.SCardGetStatusChange(context, 0, [(reader, scard.SCARD_STATE_UNAWARE)])
        if result != scard.SCARD_S_SUCCESS:
            return None
        _, state, _ = states[0]
        if state & (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE):
            return None
        return bool(state & scard.SCARD_STATE_PRESENT)
    finally:
        scard.SCardReleaseContext(context)


@dataclass(frozen=True)
class PcscForTests:
    """The private pcscd of this run. PCSCLITE_CSOCK_NAME is set in this process; children take `environment`."""

    daemon: Pcscd
    environment: dict[str, str]
    slot: VirtualReader
    reader: str = READER

    @property
    def port(self) -> int:
        return self.daemon.port

    def stop(self) -> None:
        """End pcscd and wait until it is gone."""
        self.daemon.stop()

    def start(self) -> None:
        """Start it again, at the same place."""
        assert self.daemon.start(), "pcscd did not come up again"


@dataclass(frozen=True)
class PlacedCard:
    """A card on the reader: whose, and the chip itself (`chip.apdus` counts commands)."""

    person: Person
    image: CardImage
    chip: Chip


@dataclass
class CardSlot:
    """Put cards on the virtual reader and take them away."""

    reader: VirtualReader
    authority: Authority
    portraits: dict[str, bytes] = field(default_factory=dict)

    def image(self, person: Person) -> CardImage:
        """The person's card as data, signed by the test run's authority."""
        if person.portrait and person.key not in self.portraits:
            self.portraits[person.key] = jpeg(person)
        return files.build(person, self.portraits.get(person.key), self.authority)

    def place(
        self,
        person: Person | str = "mau",
        quirks: Quirks | None = None,
        change: Callable[[CardImage], CardImage] | None = None,
    ) -> PlacedCard:
        """Put a person's card on the reader and wait until pcscd sees it.

        `quirks` make it a difficult card; `change` may replace files or keys before it is placed
        (`lambda card: msgspec.structs.replace(card, files={**card.files, image.DG13: b"..."})`).
        """
        whose = find(person) if isinstance(person, str) else person
        made = self.image(whose)
        card = change(made) if change else made
        if card_present():
            self.remove()
        chip = Chip(card, quirks or Quirks())
        self.insert(chip)
        return PlacedCard(whose, card, chip)

    def insert(self, chip: Chip) -> None:
        """Put a chip of a test's own making on the empty reader and wait until pcscd sees it."""
        self.reader.place(chip)
        wait_until(card_present, POLL_SECONDS, "pcscd sees the card")

    def remove(self, wait: bool = True) -> None:
        """Take the card away; by default wait until pcscd has seen that (when pcscd is running)."""
        self.reader.remove()
        if wait:
            wait_until(lambda: not card_present(), POLL_SECONDS, "pcscd sees that the card is gone")
