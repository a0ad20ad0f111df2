"""Portraits of the last minutes, in memory only: a card laid on the reader again need not give its portrait twice.

Keyed by the SHA-256 of EF.SOD, which signs the portrait's hash. Must not write anything anywhere.
"""

import threading
from collections.abc import Callable
from hashlib import sha256

from reader.chip.files import SOD
from reader.chip.task import CardRead
from reader.lds.portrait import Picture

KEEP_SECONDS = 300.0
MAX_KEPT = 8


def digest_of(result: CardRead) -> bytes:
    """The key of a reading's portrait; of a card without EF.SOD the digest of nothing, which is never kept."""
    return sha256(result.contents.get(SOD.name, b"")).digest()


class PortraitMemory:
    """A few portraits for a few minutes; every method may be called from any thread. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[bytes, tuple[float, tuple[Picture, ...]]] = {}

    def __contains__(self, digest: bytes) -> bool:
        return bool(self.get(digest))

    def get(self, digest: bytes) -> tuple[Picture, ...]:
        """The portraits of the card with this SOD; empty when they are not known or too old."""
        with self._lock:
            self._forget_old()
            return self._kept[digest][1] if digest in self._kept else ()

    def keep(self, digest: bytes, portraits: tuple[Picture, ...]) -> None:
        """Remember them from now on; the oldest make room."""
        if digest == sha256(b"").digest():
            return
        with self._lock:
            self._kept.pop(digest, None)
            self._kept[digest] = (self._clock(), portraits)
            while len(self._kept) > MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._forget_old()

    def _forget_old(self) -> None:
        now = self._clock()
        self._kept = {digest: held for digest, held in self._kept.items() if now - held[0] < KEEP_SECONDS}
