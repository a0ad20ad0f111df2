"""How often an address may guess a code. In memory: a code has 68 bits, this only keeps a guesser from being a load.

Must not import Flask.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from kiosk.sign_in import network_of
from wire.errors import TiepDonError

MOST_WRONG = 10
WITHIN_SECONDS = 600.0
MOST_ADDRESSES = 1000  # beyond it the one that guessed longest ago is forgotten


class TooManyTries(TiepDonError):
    """Too many wrong codes from this address (`seconds`: how long to wait)."""

    code = "machine.too_many_tries"
    retriable = True


class Tries:
    """Counts wrong codes by address. May be used from any thread."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Raises TooManyTries."""
        with self._lock:
            now = self._monotonic()
            recent = self._recent(network_of(address), now)
            if len(recent) >= MOST_WRONG:
                raise TooManyTries(seconds=int(recent[0] + WITHIN_SECONDS - now) + 1)

    def count(self, address: str) -> None:
        """One more was wrong."""
        whose = network_of(address)
        with self._lock:
            now = self._monotonic()
            self._wrong[whose] = [*self._recent(whose, now), now]
            self._wrong.move_to_end(whose)
            while len(self._wrong) > MOST_ADDRESSES:
                self._wrong.popitem(last=False)

    def _recent(self, whose: str, now: float) -> list[float]:
        return [at for at in self._wrong.get(whose, []) if now - at < WITHIN_SECONDS]
