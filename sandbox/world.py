"""The pretend outside world as one object: people, a card reader, a scanner, a camera, the portal, the population
register, the hospital system.

Composes the parts and tells followers what changed; `desk.py` puts it on the network.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from sandbox.card import files
from sandbox.card.chip import Chip
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.trust import Authority
from sandbox.card.vpcd import VirtualReader
from sandbox.errors import UnknownFault, UnknownPerson, UnknownTicket
from sandbox.insurance_card import insurance_text
from sandbox.people import Person, qr_text
from sandbox.printer import ReceiptPrinter, png
from sandbox.view import Shown, View, view_of
from wire.codec import to_plain
from wire.errors import MalformedMessage, TiepDonError
from wire.stream import Event, Topic

LOOK_SECONDS = 0.25  # how often the world looks for what changed without its doing


class CardPlug(Protocol):
    """Where cards are put: the virtual reader behind pcscd, or the slot inside the reader process."""

    def place(self, card: CardImage, quirks: Quirks) -> None: ...

    def remove(self) -> None: ...

    def occupied(self) -> bool: ...


class CodeScanner(Protocol):
    """What holds codes to the product's scanner."""

    def show(self, text: str) -> None: ...


class Eye(Protocol):
    """What the product's camera sees."""

    def show(self, view: View) -> None: ...

    def clear(self) -> None: ...

    @property
    def view(self) -> View: ...


class Breakable(Protocol):
    """A pretend system with faults by name."""

    def set_fault(self, name: str, value: object) -> None: ...

    def faults(self) -> dict[str, str | None]: ...

    def takes(self) -> dict[str, str]: ...


class Hospital(Breakable, Protocol):
    """The pretend hospital system."""

    def messages(self) -> list[dict[str, Any]]: ...

    def refused(self) -> int: ...


class VpcdPlug:
    """Cards on the virtual reader of a real pcscd."""

    def __init__(self, reader: VirtualReader) -> None:
        self._reader = reader

    def place(self, card: CardImage, quirks: Quirks) -> None:
        """Put a card on the reader. Raises ReaderUnreachable."""
        self._reader.place(Chip(card, quirks))

    def remove(self) -> None:
        """Take it away."""
        self._reader.remove()

    def occupied(self) -> bool:
        """Does a card lie there?"""
        return self._reader.occupied()


class World:
    """Everything outside the product. Every method may be called from any thread."""

    def __init__(
        self,
        people: Sequence[Person],
        authority: Authority,
        paint: Callable[[Person], bytes],
        plug: CardPlug,
        scanner: CodeScanner,
        camera: Eye,
        portal: Breakable,
        hospital: Hospital,
        population: Breakable | None = None,
        rest: Hospital | None = None,
        fhir: Hospital | None = None,
        printer: ReceiptPrinter | None = None,
    ) -> None:
        self.people = people
        self.events = Topic()
        self._authority = authority
        self._paint = paint
        self._plug = plug
        self._scanner = scanner
        self._camera = camera
        hospitals = {"his": hospital, "rest": rest, "fhir": fhir}
        self._hospitals = {name: one for name, one in hospitals.items() if one is not None}
        # In the order the desk shows them.
        known = (portal, population, *self._hospitals.values(), printer)
        self._systems: tuple[Breakable, ...] = tuple(one for one in known if one is not None)
        self._printer = printer
        self._lock = threading.RLock()
        self._hand = threading.Lock()  # placing may take seconds; nobody who only looks waits for it
        self._portraits: dict[str, bytes] = {}
        self._cards: dict[str, CardImage] = {}
        self._on_reader: str | None = None
        self._scanned: str | None = None
        self._in_view: Shown | None = None
        self._told = self.state()

    def person(self, key: str) -> Person:
        """One of this world's people. Raises UnknownPerson."""
        for person in self.people:
            if person.key == key:
                return person
        raise UnknownPerson

    def place(self, key: str, quirks: Quirks) -> None:
        """Put a person's card on the reader. Raises UnknownPerson, ReaderUnreachable or the errors of wire.client."""
        card = self.card(key)
        with self._hand:
            self._on_reader = None
            self._plug.place(card, quirks)
            self._on_reader = key
        self._tell_state()

    def remove(self) -> None:
        """Take the card off the reader."""
        with self._hand:
            self._plug.remove()
            self._on_reader = None
        self._tell_state()

    def show_code(self, key: str) -> None:
        """Hold the QR code of a person's card to the scanner. Raises UnknownPerson."""
        text = qr_text(self.person(key))
        self._show(text, key)

    def show_insurance(self, key: str) -> None:
        """Hold the QR code of a person's insurance card to the scanner. Raises UnknownPerson, MalformedMessage."""
        text = insurance_text(self.person(key), datetime.now(UTC).date())
        if text is None:
            raise MalformedMessage(why="no insurance card", where="person")
        self._show(text, key)

    def show_text(self, text: str) -> None:
        """Hold any code to the scanner. Raises MalformedMessage when it is too long."""
        self._show(text, None)

    def hold_up(self, shown: Shown) -> None:
        """Hold a card's face, or a telephone with its code, up to the camera. Raises UnknownPerson, FontMissing."""
        self._camera.show(view_of(self.person(shown.person), shown.face, shown.worn))
        self._in_view = shown
        self._tell_state()

    def take_down(self) -> None:
        """Nothing is held up to the camera any more."""
        self._camera.clear()
        self._in_view = None
        self._tell_state()

    def preview(self) -> bytes:
        """What the camera sees, small, JPEG."""
        return self._camera.view.preview()

    def set_fault(self, name: str, value: object) -> None:
        """Break or mend the portal, the population register or the hospital's systems. Raises UnknownFault."""
        for system in self._systems:
            if name in system.faults():
                system.set_fault(name, value)
                self._tell_state()
                return
        raise UnknownFault(name=name[:64])

    def mend(self) -> None:
        """Switch every fault of every system off."""
        for system in self._systems:
            for name, value in system.faults().items():
                if value is not None:
                    system.set_fault(name, None)
        self._tell_state()

    def faults(self) -> dict[str, dict[str, str | None]]:
        """Every fault there is: its value now (None: off) and the values it takes."""
        return {
            name: {"value": value, "takes": system.takes()[name]}
            for system in self._systems
            for name, value in system.faults().items()
        }

    def state(self) -> dict[str, Any]:
        """Whose card lies on the reader, whose code was last scanned, what the camera sees, which faults are on."""
        key = self._on_reader
        return {
            "card": key if key is not None and self._still_there() else None,
            "scanned": self._scanned,
            "in_view": to_plain(self._in_view),
            "faults": {name: value for system in self._systems for name, value in system.faults().items()},
            "messages": len(self.messages()),
            "refused": sum(one.refused() for one in self._hospitals.values()),
            "printed": to_plain(self._printer.tickets()) if self._printer is not None else [],
        }

    def messages(self) -> list[dict[str, Any]]:
        """What the hospital systems received, oldest first; `system` is which of them: his, rest or fhir."""
        told = [{**message, "system": name} for name, one in self._hospitals.items() for message in one.messages()]
        return sorted(told, key=lambda message: str(message.get("received_at", "")))

    def printed(self, name: str) -> bytes:
        """The picture of a ticket that the pretend printer printed, PNG. Raises UnknownTicket."""
        known = self._printer is not None and name.isdecimal() and len(name) < 9
        picture = self._printer.picture(int(name)) if self._printer is not None and known else None
        if picture is None:
            raise UnknownTicket
        return png(picture)

    def portrait(self, key: str) -> bytes:
        """A person's portrait (JPEG). Raises UnknownPerson."""
        person = self.person(key)
        with self._lock:
            if key not in self._portraits:
                self._portraits[key] = self._paint(person)
            return self._portraits[key]

    def card(self, key: str) -> CardImage:
        """A person's card; made once, so that the same card answers the same bytes. Raises UnknownPerson."""
        person = self.person(key)
        with self._lock:
            if key not in self._cards:
                portrait = self.portrait(key) if person.portrait else None
                self._cards[key] = files.build(person, portrait, self._authority)
            return self._cards[key]

    def follow(self, stop: threading.Event) -> None:
        """Tell followers what changed by itself (a card that left, a message that came) until `stop` is set."""
        told = self.messages()
        while not stop.wait(LOOK_SECONDS):
            self._tell_state()
            messages = self.messages()
            if messages != told:
                self.events.publish(Event(name="messages", data=messages))
            told = messages

    def _show(self, text: str, key: str | None) -> None:
        self._scanner.show(text)
        self._scanned = key
        self._tell_state()

    def _still_there(self) -> bool:
        try:
            return self._plug.occupied()
        except TiepDonError:  # the reader process is being started again: its card is gone
            return False

    def _tell_state(self) -> None:
        """Publish the state if followers have not been told it already."""
        with self._lock:
            state = self.state()
            if state != self._told:
                self._told = state
                self.events.publish(Event(name="state", data=state))
