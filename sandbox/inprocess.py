"""The sandbox card inside the reader process, for machines that cannot run pcscd: the same one-method interface.

The desk puts cards on it through a Unix socket: `POST /place` with the card's image, `POST /remove`. This side knows
no person and signs nothing; it only plays what it is given.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reader.chip.transport import Presence
from reader.errors import CardRemoved, CardShared, NoCard
from sandbox.card.chip import CardGone, Chip
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from wire.client import Client
from wire.codec import Record, from_json
from wire.server import Request, Response, Routes, json_response, serving

READER = "Sandbox reader (in process)"


class PlacedCard(Record, frozen=True, kw_only=True):
    """A card to put on the reader, and how it differs from a good one."""

    card: CardImage
    quirks: Quirks = Quirks()


class InProcessSlot:
    """A card reader without hardware (reader.chip.transport.Slot). Every method may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watchers: list[deque[Presence]] = []
        self._chip: Chip | None = None
        self._held = False
        self._closed = False

    def place(self, chip: Chip) -> None:
        """Put a card on the reader, taking away the one that lies there."""
        with self._changed:
            if self._chip is not None:
                self._put(None)
            self._put(chip)

    def remove(self) -> None:
        """Take the card away; nothing happens when none is there."""
        with self._changed:
            if self._chip is not None:
                self._put(None)

    def watch(self) -> Iterator[Presence]:
        """The presence now and after every change, until the slot is closed."""
        # A swap is two changes: what a watcher has not seen yet is kept for it.
        mailbox: deque[Presence] = deque()
        with self._changed:
            mailbox.append(self._presence())
            self._watchers.append(mailbox)
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: mailbox or self._closed)
                    if not mailbox:
                        return
                    presence = mailbox.popleft()
                yield presence
        finally:
            with self._changed:
                self._watchers = [other for other in self._watchers if other is not mailbox]

    @contextmanager
    def connect(self) -> Iterator["InProcessTransport"]:
        """Power the card and hold it. Raises NoCard, CardShared."""
        with self._changed:
            if self._chip is None:
                raise NoCard
            if self._held:
                raise CardShared
            self._held = True
            chip = self._chip
        chip.power_on()
        try:
            yield InProcessTransport(chip, lambda: self._chip is chip, lambda: self._left(chip))
        finally:
            chip.power_off()
            with self._changed:
                self._held = False

    def close(self) -> None:
        """End every watch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @contextmanager
    def serving(self, path: Path) -> Iterator[None]:
        """Take the desk's commands on a Unix socket while the context lasts."""
        with serving(path, self._routes()):
            yield

    def _routes(self) -> Routes:
        return {("POST", "/place"): self._on_place, ("POST", "/remove"): self._on_remove, ("GET", "/card"): self._told}

    def _on_place(self, request: Request) -> Response:
        wanted = from_json(request.body, PlacedCard)
        self.place(Chip(wanted.card, wanted.quirks))
        return self._told(request)

    def _on_remove(self, request: Request) -> Response:
        self.remove()
        return self._told(request)

    def _told(self, _: Request) -> Response:
        return json_response({"card": self._chip is not None})

    def _left(self, chip: Chip) -> None:
        with self._changed:
            if self._chip is chip:
                self._put(None)

    def _put(self, chip: Chip | None) -> None:
        self._chip = chip
        for mailbox in self._watchers:
            mailbox.append(self._presence())
        self._changed.notify_all()

    def _presence(self) -> Presence:
        return Presence(service=True, reader=READER, card=self._chip is not None)


class InProcessTransport:
    """A powered card (reader.chip.transport.Transport)."""

    reader = READER
    max_apdu_data = 0x10000

    def __init__(self, chip: Chip, present: Callable[[], bool], left: Callable[[], None]) -> None:
        self.atr = chip.atr
        self._chip = chip
        self._present = present
        self._left = left

    def transmit(self, command: bytes) -> bytes:
        """Send one command APDU, return its answer. Raises CardRemoved."""
        if not self._present():
            raise CardRemoved
        try:
            answer = self._chip.transmit(command)
        except CardGone:
            self._left()
            raise CardRemoved from None
        if not self._present():
            raise CardRemoved
        return answer


class RemoteSlot:
    """The desk's hand on an InProcessSlot in another process. Raises the errors of wire.client."""

    def __init__(self, path: Path) -> None:
        self._client = Client(path)

    def place(self, card: CardImage, quirks: Quirks) -> None:
        """Put a card on the reader."""
        self._client.post("/place", PlacedCard(card=card, quirks=quirks), dict[str, bool])

    def remove(self) -> None:
        """Take it away."""
        self._client.post("/remove", {}, dict[str, bool])

    def occupied(self) -> bool:
        """Does a card lie on the reader?"""
        return self._client.get("/card", dict[str, bool])["card"]
