"""One look at the database for all streams of the desk: they sleep until somebody wrote, in whatever process.

One thread asks SQLite whether anybody wrote, only while a stream listens, on a connection that nothing else waits for.
A press on a page of our own hurries it; of what others write, the first is told at once and what follows closely
together, since each telling makes every open page be read again. Must not import Flask.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from wire.errors import TiepDonError

Value = TypeVar("Value")

LOOK_SECONDS = 0.1
GAP_SECONDS = 0.25  # between two tellings of what other processes wrote
AWAY_SECONDS = 0.5  # between two looks at a database that is away
ANYWAY_SECONDS = 5.0  # so often a stream looks though nobody wrote: days begin, sessions lock by themselves


class News:
    """Every method may be called from any thread. `version` differs when anybody wrote; it may be set before the first
    stream listens."""

    def __init__(self, version: Callable[[], object] = lambda: None) -> None:
        self.version = version
        lock = threading.RLock()  # `close` is called in a signal's handler
        self._told = threading.Condition(lock)
        self._wanted = threading.Condition(lock)
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._number = 0
        self._listening = 0
        self._hurried = False
        self.closed = False

    def looks(self, seconds: float = ANYWAY_SECONDS) -> Iterator[None]:
        """Once at the beginning, then whenever there may be something new, and after so many seconds without; ends when
        the server stops. What is written during a look is told by the next one."""
        while not self.closed:
            seen = self._number
            yield
            self._wait(seen, seconds)

    def in_turn(self, make: Callable[[], Value]) -> Value:
        """What a stream is about to tell, made while no other stream makes anything: all of them together take no more
        of the processor from a request than one thread does."""
        with self._turn:
            return make()

    def hurry(self) -> None:
        """This process just wrote: look now."""
        with self._wanted:
            self._hurried = True
            self._wanted.notify()

    def wake(self) -> None:
        """Let every stream look now, whether anybody wrote or not."""
        with self._told:
            self._number += 1
            self._told.notify_all()

    def close(self) -> None:
        """The server is stopping. Waits for nothing."""
        with self._told:
            self.closed = True
            self._told.notify_all()
            self._wanted.notify()

    def _wait(self, seen: int, seconds: float) -> None:
        with self._told:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="desk-news", daemon=True)
                self._thread.start()
            self._listening += 1
            if self._listening == 1:
                self._wanted.notify()
            try:
                self._told.wait_for(lambda: self._number != seen or self.closed, seconds)
            finally:
                self._listening -= 1

    def _run(self) -> None:
        known: object = None
        told_at = 0.0
        while self._next_look(AWAY_SECONDS if isinstance(known, TiepDonError) else LOOK_SECONDS):
            with self._wanted:
                hurried, self._hurried = self._hurried, False
            now = self._asked()
            if isinstance(now, TiepDonError) and isinstance(known, TiepDonError):
                continue
            if now != known and (hurried or time.monotonic() - told_at >= GAP_SECONDS):
                known, told_at = now, time.monotonic()
                self.wake()

    def _next_look(self, pause: float) -> bool:
        """Waits for it; False: there is none any more."""
        with self._wanted:
            if not self._hurried:
                self._wanted.wait_for(lambda: self._hurried or self.closed, pause)
            self._wanted.wait_for(lambda: self._listening or self.closed)
            return not self.closed

    def _asked(self) -> object:
        try:
            return self.version()
        except TiepDonError as error:  # the streams will meet it themselves
            return error
