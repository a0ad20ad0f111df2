"""When a camera's picture is looked at, and how: the policy, without camera, picture or clock. Pure.

While nobody is there a glance at a small picture a few times a second finds out whether something moves, and one full
look a second finds a code that lies still. When something moves every look is a full one, about ten times a second:
in hard sequences nearly all that will be read is read within three frames, and a card is held for a second
(vision.md 6).
"""

from enum import Enum, auto

from reader.optical.pictures import Box

LOOK_SECONDS = 0.1  # between full looks while somebody is there
GLANCE_SECONDS = 0.2  # between glances while nobody is
STILL_SECONDS = 1.0  # between full looks while nobody is
HELD_SECONDS = 0.5  # the same while a code lies there: more often than it would be forgotten (sightings.py)
ACTIVE_SECONDS = 3.0  # how long somebody is believed to be there after something moved
LARGEST_SHARE = 0.5  # of one core: a slow machine looks less often, so that it stays cool

_NEAR_SECONDS = 0.6  # how long the place of a code is worth looking at first
_WHOLE_SECONDS = 0.5  # between looks at the whole picture while one place is followed: a second code may come


class Task(Enum):
    """What is due: a glance at the small picture, or a full look (which begins with a glance)."""

    GLANCE = auto()
    LOOK = auto()


class Watching:
    """The state of the policy; every `now` in monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._due = now
        self._look_due = now
        self._active_until = now
        self._place: Box | None = None
        self._place_at = now
        self._whole_at = now

    def wait(self, now: float) -> float:
        """Seconds until something is due."""
        return max(0.0, self._due - now)

    def someone(self, now: float) -> bool:
        """Whether somebody seems to be there."""
        return now < self._active_until

    def task(self, now: float, wanted: bool = False) -> Task:
        """What is to be done with the frame taken now. `wanted`: somebody else needs full pictures as well."""
        return Task.LOOK if wanted or self.someone(now) or now >= self._look_due else Task.GLANCE

    def moved(self, now: float) -> None:
        """Something moved."""
        self._active_until = now + ACTIVE_SECONDS

    def glanced(self, now: float) -> None:
        """A glance was all that was done."""
        self._due = now + GLANCE_SECONDS

    def near(self, now: float) -> Box | None:
        """Where to look first: where a code was seen a moment ago. Now and then nowhere, so that a second code beside
        the first one is found as well."""
        if now - self._place_at < _NEAR_SECONDS and now - self._whole_at < _WHOLE_SECONDS:
            return self._place
        return None

    def looked(self, now: float, near: Box | None, place: Box | None, cost: float, wanted: bool = False) -> None:
        """A full look was begun then and is done: `near` is where it was asked to look first, `place` where it found a
        code, `cost` the seconds of processor time it took."""
        if near is None:
            self._whole_at = now
        if place is not None:
            self._place, self._place_at = place, now
        elif near is not None:
            self._place = None
        self._look_due = now + (STILL_SECONDS if place is None else HELD_SECONDS)
        if wanted or self.someone(now):
            # From the due time and not from now: a camera's frames fall between, and the rate is kept on average.
            begin = max(self._due, now - LOOK_SECONDS)
            self._due = max(begin + LOOK_SECONDS, now + cost / LARGEST_SHARE)
        else:
            self._due = now + GLANCE_SECONDS
