"""The presences of a slot while a test does something to it."""

import queue
import threading

from reader.chip.transport import Presence, Slot


class Watched:
    """The presences of a slot, gathered by a thread."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.seen: queue.Queue[Presence] = queue.Queue()
        self.thread = threading.Thread(target=self._gather, daemon=True)

    def _gather(self) -> None:
        for presence in self.slot.watch():
            self.seen.put(presence)

    def __enter__(self) -> "Watched":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.slot.close()
        self.thread.join(5)
        assert not self.thread.is_alive()

    def next(self) -> Presence:
        """The next one, whatever it is."""
        return self.seen.get(timeout=10)

    def until(self, service: bool, reader: str | None, card: bool) -> Presence:
        """The first that is like this."""
        while True:
            presence = self.next()
            if (presence.service, presence.reader, presence.card) == (service, reader, card):
                return presence
