"""That the page really shows: a healthy process behind a dead browser serves nobody (kiosk.md 4.1, "Screen truth").

The page tells every few seconds that the browser painted a frame and that it is in view; what it last told, and how
long ago, is the truth. A page that hangs, crashed or lies under another tells nothing, or that it is hidden. Must not
import Flask.
"""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ui.errors import UnknownAction
from wire.codec import Record
from wire.meter import Amount, level

BEAT_SECONDS = 5.0  # as ui/static/alive.js sends it
STALE_SECONDS = 20.0  # three beats missed and a busy moment

_NAME = re.compile(r"[a-z_]{1,40}")
_BUILD = re.compile(r"[0-9a-f]{12}")


class ScreenHealth(Record, frozen=True, kw_only=True):
    """`screen` of `/health`. `seen_seconds`: since a frame was painted in view, None: never in this run; `visible`:
    whether the last word of the page said so; `name` which screen that was, `current` whether it is of this version."""

    seen_seconds: float | None = None
    visible: bool = False
    name: str | None = None
    current: bool = True

    @property
    def problem(self) -> str | None:
        """The code of what is wrong with it."""
        if self.seen_seconds is None:
            return "screen.never_seen"
        if self.seen_seconds <= STALE_SECONDS:
            return None
        return "screen.silent" if self.visible else "screen.hidden"


class ScreenSeen:
    """What the page last told. Every method may be called from any thread."""

    def __init__(self, monotonic: Callable[[], float], build: str) -> None:
        self._monotonic = monotonic
        self._build = build
        self._lock = threading.Lock()
        self._told: tuple[bool, str, bool] | None = None
        self._seen_at: float | None = None

    def tell(self, form: Mapping[str, Any]) -> None:
        """One beat: `visible` 1 or 0, `screen`, `build`. Raises UnknownAction."""
        visible, name, build = (str(form.get(key, "")) for key in ("visible", "screen", "build"))
        if visible not in ("0", "1") or not _NAME.fullmatch(name) or not _BUILD.fullmatch(build):
            raise UnknownAction(why="alive")
        with self._lock:
            self._told = (visible == "1", name, build == self._build)
            if visible == "1":
                self._seen_at = self._monotonic()

    def health(self) -> ScreenHealth:
        """As it is now."""
        with self._lock:
            told, seen_at = self._told, self._seen_at
        if told is None:
            return ScreenHealth()
        seconds = None if seen_at is None else round(max(self._monotonic() - seen_at, 0.0), 1)
        return ScreenHealth(seen_seconds=seconds, visible=told[0], name=told[1], current=told[2])

    def levels(self) -> list[Amount]:
        """The same as numbers."""
        health = self.health()
        told = [level("tiepdon_screen_visible", float(health.visible))]
        if health.seen_seconds is not None:
            told.append(level("tiepdon_screen_heartbeat_age_seconds", health.seen_seconds))
        return told
