"""Answers in time: runs a question that may hang in a bounded number of threads and gives up waiting at the deadline.

The question itself goes on to its own, longer time-out: a token it fetches late still serves the next person.
"""

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from wire.request_id import carried

log = logging.getLogger(__name__)

T = TypeVar("T")


class Busy(Exception):  # an outcome, never shown as an error
    """Every thread is still held by an earlier question."""


class TooLate(Exception):  # as above
    """No answer before the deadline."""


class Failed(Exception):  # as above
    """The question raised something it should not have."""


class Answering(Generic[T]):
    """At most `threads` questions at a time; daemons, so that a hanging one never holds up the end of the process."""

    def __init__(self, threads: int) -> None:
        self._free = threading.BoundedSemaphore(threads)

    def ask(self, question: Callable[[], T], seconds: float) -> T:
        """The question's answer within `seconds`. Raises Busy, TooLate or Failed."""
        if not self._free.acquire(blocking=False):
            raise Busy
        answers: SimpleQueue[tuple[T] | None] = SimpleQueue()

        def work() -> None:
            try:
                answers.put((question(),))
            except Exception as error:
                # The type only: text of an unexpected error may quote the person or the address with its secrets.
                log.error("a question failed with %s", type(error).__name__)
                answers.put(None)
            finally:
                self._free.release()

        threading.Thread(target=carried(work), name="question", daemon=True).start()
        try:
            answer = answers.get(timeout=seconds)
        except Empty:
            raise TooLate from None
        if answer is None:
            raise Failed
        return answer[0]
