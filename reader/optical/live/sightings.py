"""A code held to the camera is seen many times a second but was held up once. Pure; must not import OpenCV."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

FORGET_SECONDS = 2.0
_MOST = 100  # texts remembered at once; a screen that shows a new code in every frame fills no memory


class _Seen(NamedTuple):
    at: float
    told: bool


class Sightings:
    """Remembers the codes in view. A code out of view for FORGET_SECONDS is forgotten: its text is personal.

    A text is told at its first reading, unless `doubtful` says that nothing in it proves that it was read rightly: that
    one is told at the second. The codes' own error correction (Reed-Solomon) turns no more than one in millions of
    misread codes into another text, and a card's payload that passes its parser besides is right; waiting for a second
    look would only make each person wait. A bare number, and a text that is nothing known, has no such second check,
    and nobody is served by being refused a tenth of a second earlier.
    """

    def __init__(self, doubtful: Callable[[str], bool] = lambda text: False) -> None:  # noqa: ARG005
        self._doubtful = doubtful
        self._seen: dict[str, _Seen] = {}

    def forget(self) -> None:
        """What is in view is to be told anew."""
        self._seen = {}

    def fresh(self, seen: Iterable[str], now: float) -> list[str]:
        """Of the codes in this picture those that are to be told now; `now` in monotonic seconds."""
        known = {text: at for text, at in self._seen.items() if now - at.at < FORGET_SECONDS}
        fresh = []
        for text in dict.fromkeys(seen):
            before = known.pop(text, None)
            told = before is not None or not self._doubtful(text)
            if told and not (before and before.told):
                fresh.append(text)
            known[text] = _Seen(now, told)
        self._seen = dict(list(known.items())[-_MOST:])
        return fresh
