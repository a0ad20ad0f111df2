"""A code held to the camera is seen many times a second but was held up once. Pure; must not import OpenCV."""

from collections.abc import Iterable

FORGET_SECONDS = 2.0


class Sightings:
    """Remembers the codes in view. A code out of view for FORGET_SECONDS is forgotten: its text is personal."""

    def __init__(self) -> None:
        self._last_seen: dict[bytes, float] = {}

    def fresh(self, seen: Iterable[bytes], now: float) -> list[bytes]:
        """Of the codes in this picture those that were not in view just before; `now` in monotonic seconds."""
        self._last_seen = {code: at for code, at in self._last_seen.items() if now - at < FORGET_SECONDS}
        found = list(dict.fromkeys(seen))
        new = [code for code in found if code not in self._last_seen]
        self._last_seen.update(dict.fromkeys(found, now))
        return new
