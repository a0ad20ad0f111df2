"""Acts that were counted and wait for their confirmation: what is confirmed is exactly what was counted, and no page
holds the number of the person it is about. Must not import Flask.
"""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from ui.errors import ConfirmationGone
from ui.technician.bridge import Act, Chosen

MOST = 100
FORGOTTEN_SECONDS = 600.0


@dataclass(frozen=True, repr=False)
class Asked:
    """An act, what it is meant for, and who asked for it."""

    act: Act
    chosen: Chosen
    by: str


class Kept:
    """Acts by a name that cannot be guessed, in memory only, each for ten minutes and for one confirmation."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Asked]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, asked: Asked, now: float) -> str:
        """Keep it; returns its name. `now` are seconds that never go back."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[name] = (now, asked)
            for old in [key for key, (since, _) in self._kept.items() if now - since > FORGOTTEN_SECONDS]:
                del self._kept[old]
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return name

    def take(self, name: str, now: float) -> Asked:
        """The act of that name, once. Raises ConfirmationGone."""
        with self._lock:
            since, asked = self._kept.pop(name, (0.0, None))
        if asked is None or now - since > FORGOTTEN_SECONDS:
            raise ConfirmationGone
        return asked
