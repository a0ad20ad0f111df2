"""A morning in a hall, played through the real queue: what each person was told, and how long it took in truth."""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from kiosk.queue.model import Priority, Wait
from tests.kiosk.queue.hall import Hall, counter, hospital, opened, service
from tests.kiosk.world import MORNING, HandClock

OPENS = 7.5  # hours, the site's own time
MIDNIGHT = MORNING - timedelta(hours=7.75)


@dataclass(frozen=True)
class Morning:
    """`arrivals`: people an hour; `open_counters`: how many at an hour of the day; times in minutes."""

    counters: int = 3
    arrivals: Callable[[float], float] = lambda hour: 32.0 if hour < 10 else 22.0
    open_counters: Callable[[float], int] = lambda _: 3
    minutes: float = 6.0  # one person, in truth
    told_minutes: int = 6  # by the catalogue
    variation: float = 0.5  # standard deviation of one person's time, of its mean
    with_priority: float = 0.15
    absent: float = 0.05
    closes: float = 11.5


@dataclass(frozen=True)
class Told:
    """One person: when they came (hours), what they were told, and the minutes until they were called."""

    came: float
    wait: Wait
    minutes: float

    @property
    def right(self) -> bool:
        return self.wait.least_minutes <= self.minutes <= self.wait.most_minutes

    @property
    def width(self) -> int:
        return self.wait.most_minutes - self.wait.least_minutes


def play(folder: Path, morning: Morning, seed: int) -> list[Told]:
    """Everybody who was called in the end."""
    places = tuple(counter(str(number + 1), "KB") for number in range(morning.counters))
    settings = hospital(folder, (service("KB", minutes=morning.told_minutes),), places)
    clock = HandClock(MIDNIGHT + timedelta(hours=OPENS))
    with opened(settings, clock, durable=False) as hall:
        return _Play(hall, morning, random.Random(seed)).run()  # noqa: S311


class _Play:
    def __init__(self, hall: Hall, morning: Morning, chance: random.Random) -> None:
        self._hall, self._morning, self._chance = hall, morning, chance
        self._events: list[tuple[float, int, str]] = []
        self._told: dict[str, tuple[float, Wait]] = {}
        self._called: dict[str, float] = {}
        self._free = {str(number + 1) for number in range(morning.counters)}
        self._count = 0

    def run(self) -> list[Told]:
        self._at(OPENS + 0.01, "arrive")
        while self._events:
            hour, _, what = heapq.heappop(self._events)
            self._hall.clock.wall = MIDNIGHT + timedelta(hours=hour)
            if what == "arrive":
                self._arrive(hour)
            else:
                self._free.add(what) if what in self._hall.queue.rules.counters else None
            self._call(hour)
        return [
            Told(came, wait, 60 * (self._called[ticket] - came))
            for ticket, (came, wait) in self._told.items()
            if ticket in self._called
        ]

    def _at(self, hour: float, what: str) -> None:
        self._count += 1
        heapq.heappush(self._events, (hour, self._count, what))

    def _arrive(self, hour: float) -> None:
        priority = Priority.MERIT if self._chance.random() < self._morning.with_priority else Priority.NONE
        issued = self._hall.check_in(priority=priority)
        assert issued.wait is not None
        self._told[issued.ticket.ticket_id] = hour, issued.wait
        again = hour + self._chance.expovariate(self._morning.arrivals(hour))
        if again < self._morning.closes:
            self._at(again, "arrive")

    def _call(self, hour: float) -> None:
        """Every free counter that is open calls; while it is closed it looks again every few minutes."""
        busy = self._morning.counters - len(self._free)
        for code in sorted(self._free):
            if busy >= self._morning.open_counters(hour):
                if hour < 20 and not self._events:
                    self._at(hour + 0.05, "look")
                return
            called = self._hall.next(code)
            if called is None:
                continue
            busy += 1
            self._called.setdefault(called, hour)
            self._free.discard(code)
            if self._chance.random() < self._morning.absent:
                self._hall.do("miss", called, counter=code)
                self._at(hour + 1 / 60, code)
            else:
                self._hall.do("begin", called, counter=code)
                self._at(hour + self._turn() / 60, code)

    def _turn(self) -> float:
        spread = math.log(1 + self._morning.variation**2)
        return self._morning.minutes * self._chance.lognormvariate(-spread / 2, math.sqrt(spread))
