"""The desk's event streams: how many there may be, and that none tells anything once its session locked or ended.

Each holds a thread of the server, so there are far fewer than threads. There is one measure for all of them, whatever
they show: `MOST` together, and `MOST_OF_ONE` of one account or machine, which is a browser with its pages and some left
behind. Whoever comes beyond is refused and comes again; nobody's stream is ended for another. A page that was left
holds no place. A stream or its heartbeat never keeps a session awake.

A stream sleeps until there may be something new (ui/desk/news.py) and gives an empty piece where there is nothing: it
is then that one whose session locked or ended is ended too. Must not import Flask.
"""

import select
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ui.desk.news import News
from wire.errors import TiepDonError

MOST = 64
MOST_OF_ONE = 8
RETRY_SECONDS = 10
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
    """Places for streams. `sockets` are the connections that may stay open for long, by `id`."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self.news = News()
        self.sockets: set[int] = set()
        self._most = most
        self._most_of_one = most_of_one
        self._held: list[Place] = []
        self._lock = threading.Lock()

    def take(self, place: Place) -> None:
        """Raises TooManyStreams."""
        with self._lock:
            here = [one for one in self._held if not one.gone()]
            left = len(here) < len(self._held)
            if len(here) >= self._most or sum(one.whose == place.whose for one in here) >= self._most_of_one:
                raise TooManyStreams
            self._held.append(place)
        if left:
            self.news.wake()  # so that their threads are free now, not at their next heartbeat

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
        self.news.close()

    def watched(self, events: Iterable[bytes], stands: Callable[[], bool], place: Place) -> Iterator[bytes]:
        """The stream, for as long as whoever opened it may see it: asked before each piece, an empty one too. Where
        that cannot be asked it ends: nobody is told what may not be theirs any more."""
        for piece in events:
            if self.news.closed or place.gone():
                return
            try:
                if not stands():
                    yield b"event: over\ndata:\n\n"
                    return
            except TiepDonError:
                return
            if piece:
                yield piece


def hung_up(client: socket.socket) -> bool:
    """Whether the other side has closed its connection; asks the system alone, so that it is the same below TLS."""
    asked = select.poll()
    try:
        asked.register(client.fileno(), select.POLLRDHUP)
        return bool(asked.poll(0))
    except (OSError, ValueError):  # closed on our side
        return True
