"""A reading on a thread of its own, with an end that no card can prevent.

A driver may hang inside one command for as long as the card likes; the one who waits must not. The hung thread is
left behind and ends when the driver returns. Must not know what the work is.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from reader.errors import ReaderError, TooSlow

T = TypeVar("T")
GRACE_SECONDS = 0.5  # after a stop: time to cut the card's power and end properly


class Supervised(Generic[T]):
    """One piece of work that may be stopped from any thread and is given up after its time."""

    def __init__(self) -> None:
        self._woken = threading.Event()
        self._done = threading.Event()
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._reason: ReaderError | None = None

    def stop(self, reason: ReaderError) -> None:
        """Make the work end with `reason`; the first reason counts."""
        self._reason = self._reason or reason
        self._woken.set()

    @property
    def stopped(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._reason is not None

    def check(self) -> None:
        """For the work itself to call: raises the reason once it was stopped."""
        if self._reason is not None:
            raise self._reason

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """Do the work and return its result. Raises what it raises, the reason of `stop`, or TooSlow."""
        threading.Thread(target=self._work, args=(work,), name="card-reading", daemon=True).start()
        self._woken.wait(seconds)
        if not self._done.is_set():
            self.stop(TooSlow())
            self._done.wait(GRACE_SECONDS)
        if self._result:
            return self._result[0]
        if self._error is not None:
            raise self._error
        raise self._reason or TooSlow()

    def _work(self, work: Callable[[], T]) -> None:
        try:
            self._result.append(work())
        except BaseException as error:  # handed over to the waiting thread whole
            self._error = error
        finally:
            self._done.set()
            self._woken.set()
