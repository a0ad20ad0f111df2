"""How often one caller may ask: a bucket that fills steadily. In memory, bounded. Must not import Flask."""

import threading
from collections import OrderedDict
from collections.abc import Callable

MOST_CALLERS = 2000


class Rates:
    """`per_second` in the long run, `burst` at once."""

    def __init__(self, monotonic: Callable[[], float], per_second: float = 20.0, burst: float = 120.0) -> None:
        self._monotonic = monotonic
        self._per_second = per_second
        self._burst = burst
        self._filled: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, caller: str) -> float:
        """Seconds until this caller may ask; 0: now, and it is counted."""
        now = self._monotonic()
        with self._lock:
            left, since = self._filled.pop(caller, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_second)
            allowed = left >= 1
            self._filled[caller] = (left - 1 if allowed else left, now)
            while len(self._filled) > MOST_CALLERS:
                self._filled.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second
