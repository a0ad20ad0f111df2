"""What pages show, made once for all who look at the same: twenty counters with one list open, five boards of one
kind cost what one costs.

Must not import Flask.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

MOST = 120  # parts kept; each is a few tens of kilobytes

Value = TypeVar("Value")


class Shared(Generic[Value]):
    """What was rendered, by what it shows; good as long as nobody has written to the database."""

    def __init__(self, version: Callable[[], object]) -> None:
        self.version = version
        self._kept: OrderedDict[Hashable, tuple[object, Value]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The part of that name, made anew only where somebody has written since."""
        now = self.version()  # before it is made: what is written meanwhile makes it old
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                kept = self._kept.get(key)
            if kept is not None and kept[0] == now:
                return kept[1]
            made = make()
            with self._lock:
                self._kept[key] = (now, made)
                self._kept.move_to_end(key)
                while len(self._kept) > MOST:
                    gone, _ = self._kept.popitem(last=False)
                    self._making.pop(gone, None)
        return made
