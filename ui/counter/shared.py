"""Parts of pages made once for all who look at the same: twenty counters with one list open cost what one costs.

Must not import Flask.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST = 120  # parts kept; each is a few tens of kilobytes

Version = tuple[int, ...]


class Shared:
    """What was rendered, by what it shows; good as long as nobody has written to the database."""

    def __init__(self, version: Callable[[], Version]) -> None:
        self.version = version
        self._kept: OrderedDict[Hashable, tuple[Version, str]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], str]) -> str:
        """The part of that name, made anew only where somebody has written since."""
        now = self.version()  # before it is made: what is written meanwhile makes it old
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                kept = self._kept.get(key)
            if kept is not None and kept[0] == now:
                return kept[1]
            html = make()
            with self._lock:
                self._kept[key] = (now, html)
                self._kept.move_to_end(key)
                while len(self._kept) > MOST:
                    gone, _ = self._kept.popitem(last=False)
                    self._making.pop(gone, None)
        return html
