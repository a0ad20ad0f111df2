"""The desk's event streams: how many there may be, and that none tells anything once its session locked or ended.

Each holds a thread of the server, so there are far fewer than threads, and of one account or machine fewer still. A
stream or its heartbeat never keeps a session awake. A stream gives an empty piece where it has nothing new, about
twice a second: it is then that one whose session locked or ended is ended too. Must not import Flask.
"""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from wire.errors import TiepDonError

MOST = 64
MOST_OF_ONE = 8
RETRY_SECONDS = 10
CHANGED_SECONDS = 0.25  # how often the database is asked whether anybody wrote, for all streams together
ANYWAY_SECONDS = 5.0  # a session also locks or ends without anybody writing that down
LEASES = "tiepdon.leases"  # in the application's `extensions`
CLOSERS = "tiepdon.closers"


class TooManyStreams(TiepDonError):
    """This many pages that keep themselves in step are open already: of one account, or of everybody."""

    code = "desk.too_many_streams"
    retriable = True


@dataclass(frozen=True, eq=False)
class Place:
    """Where one stream stands. `gone`: whether whoever listened has hung up, which writing alone would tell late."""

    whose: str
    gone: Callable[[], bool] = lambda: False


class Leases:
    """Places for streams. `sockets` are the connections that may stay open for long, by `id`; `version` differs when
    anybody wrote, as who signs out or locks does, in whatever process."""

    def __init__(
        self, most: int = MOST, most_of_one: int = MOST_OF_ONE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.version: Callable[[], object] = lambda: None
        self._monotonic = monotonic
        self._known: object = None
        self._asked = float("-inf")
        self._most = most
        self._most_of_one = most_of_one
        self._held: list[Place] = []
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._closed = False
        self.sockets: set[int] = set()

    def take(self, place: Place) -> None:
        """Raises TooManyStreams. A page that was left holds no place, though its stream has yet to notice."""
        with self._lock:
            there = [one for one in self._held if one.whose == place.whose]
            if len(there) >= self._most_of_one:
                there = [one for one in there if not one.gone()]
            if len(self._held) >= self._most or len(there) >= self._most_of_one:
                raise TooManyStreams
            self._held.append(place)

    def give_back(self, place: Place) -> None:
        """The stream is over."""
        with self._lock:
            self._held.remove(place)

    def open(self) -> int:
        """How many there are."""
        with self._lock:
            return len(self._held)

    def close(self) -> None:
        """End every stream: the server is stopping."""
        self._closed = True

    def watched(self, events: Iterable[bytes], stands: Callable[[], bool], place: Place) -> Iterator[bytes]:
        """The stream, for as long as whoever opened it may see it: asked before each piece that goes out, and soon
        after anybody wrote. Where that cannot be asked it ends: nobody is told what may not be theirs any more."""
        known: object = None
        judged = float("-inf")
        for piece in events:
            if self._closed or place.gone():
                return
            try:
                changed = self._changed()
                if piece or changed != known or self._monotonic() - judged >= ANYWAY_SECONDS:
                    if not stands():
                        yield b"event: over\ndata:\n\n"
                        return
                    known, judged = changed, self._monotonic()
            except TiepDonError:
                return
            if piece:
                yield piece

    def _changed(self) -> object:
        """What `version` told a moment ago."""
        # One asks for all; the others go on with what it found before.
        if self._monotonic() - self._asked >= CHANGED_SECONDS and self._asking.acquire(blocking=False):
            try:
                self._known, self._asked = self.version(), self._monotonic()
            finally:
                self._asking.release()
        return self._known


def hung_up(client: socket.socket) -> bool:
    """Whether the other side has closed its connection; asks the system alone, so that it is the same below TLS."""
    asked = select.poll()
    try:
        asked.register(client.fileno(), select.POLLRDHUP)
        return bool(asked.poll(0))
    except (OSError, ValueError):  # closed on our side
        return True
