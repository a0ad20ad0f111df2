"""One look at the bridge for all open pages: how it is now, since when, and how much waited over the last day.

In memory of the process only. Must not import Flask.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from ui.technician.bridge import Destination, Health
from wire.errors import ServiceUnreachable, TiepDonError

LOOK_SECONDS = 1.0  # while a page is open
AWAY_SECONDS = 2.0  # while none is and the bridge did not answer
RARELY_SECONDS = 20.0  # while none is: only the picture needs it
MINUTES_KEPT = 24 * 60


@dataclass(frozen=True)
class Sample:
    """The most that waited within one minute. `minute`: minutes since the epoch."""

    minute: int
    waiting: int


@dataclass(frozen=True)
class Seen:
    """What the last look found. `since`: from when a destination's condition has been what it is, as far as known."""

    health: Health
    since: Mapping[str, datetime]
    history: Mapping[str, tuple[Sample, ...]]


@dataclass
class _Course:
    """What is remembered of one destination."""

    condition: str
    since: datetime
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=MINUTES_KEPT))


class Watch:
    """Asks the bridge by itself once started. May be read from several threads."""

    def __init__(self, ask: Callable[[], Health], now: Callable[[], datetime]) -> None:
        self._ask = ask
        self._now = now
        self._courses: dict[str, _Course] = {}
        self._versions = count(1)
        self._version = 0
        self._seen: Seen | None = None
        self._trouble: TiepDonError | None = None
        self._looked = 0.0  # monotonic seconds
        self._pages = 0
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="message-desk", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more. Waits for nothing: it is called while a signal is handled, and the thread dies with us."""
        self._stopping.set()
        self._woken.set()

    @contextmanager
    def open_page(self) -> Iterator[None]:
        """Look often while the context lasts."""
        with self._lock:
            self._pages += 1
        self._woken.set()
        try:
            yield
        finally:
            with self._lock:
                self._pages -= 1

    def version(self) -> tuple[int, ...]:
        """Grows with every look. Raises what the last one ran into."""
        with self._lock:
            if self._trouble is not None:
                raise self._trouble
            return (self._version,)

    def seen(self) -> Seen:
        """What the last look found. Raises what it ran into instead."""
        with self._lock:
            if self._trouble is not None or self._seen is None:
                raise self._trouble or ServiceUnreachable(socket="bridge.sock")
            return self._seen

    def fresh(self) -> Seen:
        """As `seen`, looking first where the last look is not of this moment: for a page that is opened."""
        self.look(unless_younger=LOOK_SECONDS)
        return self.seen()

    def look(self, unless_younger: float = 0.0) -> None:
        """Ask the bridge once. Never raises."""
        asked = time.monotonic()
        with self._looking:
            if self._looked >= asked:  # somebody looked while we waited: a bridge that hangs is waited for once
                return
            if self._trouble is None and self._seen and time.monotonic() - self._looked < unless_younger:
                return
            found: Health | TiepDonError
            try:
                found = self._ask()
            except TiepDonError as error:
                found = error
            with self._lock:
                self._looked = time.monotonic()
                if isinstance(found, TiepDonError):
                    self._trouble = found
                else:
                    self._take(found, self._now())

    def _take(self, health: Health, now: datetime) -> None:
        minute = int(now.timestamp() // 60)
        for destination in health.destinations:
            self._remember(destination, now, minute)
        for gone in self._courses.keys() - {destination.name for destination in health.destinations}:
            del self._courses[gone]
        self._trouble = None
        self._version = next(self._versions)
        self._seen = Seen(
            health,
            {name: course.since for name, course in self._courses.items()},
            {name: tuple(course.samples) for name, course in self._courses.items()},
        )

    def _remember(self, destination: Destination, now: datetime, minute: int) -> None:
        course = self._courses.get(destination.name)
        if course is None:
            course = self._courses[destination.name] = _Course(destination.condition, now)
        elif course.condition != destination.condition:
            course.condition, course.since = destination.condition, now
        waiting = destination.waiting
        if course.samples and course.samples[-1].minute > minute:  # the clock was set back
            course.samples.clear()
        if course.samples and course.samples[-1].minute == minute:
            waiting = max(course.samples.pop().waiting, waiting)
        course.samples.append(Sample(minute, waiting))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            self.look()
            with self._lock:
                unseen = AWAY_SECONDS if self._trouble else RARELY_SECONDS
                pause = LOOK_SECONDS if self._pages else unseen
            self._woken.wait(pause)
