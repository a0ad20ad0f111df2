"""The next record is made ready while the receiver still has the one before: decoded, given its codes, rendered.

That takes as long as a fast receiver's answer, and waiting for an answer costs no CPU. The record that is kept stays
what the kiosk said.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from hisbridge.arrivals import CounterNumber, read_handed
from hisbridge.enrichment import enriched
from hisbridge.outbox import Claimed
from hisbridge.records import Known, PatientRecord

Render = Callable[[PatientRecord, Known], bytes | None]


def prepared(payload: str) -> PatientRecord:
    """The record as connectors are handed it. Raises MalformedMessage, and whatever a record does to its readers."""
    handed = read_handed(payload)
    # Only a desk is owed a number without a record, and its connector takes both; any other fails on it, and alone.
    return cast("PatientRecord", handed) if isinstance(handed, CounterNumber) else enriched(handed)


@dataclass(frozen=True)
class _Ready:
    """A record and, where what the receiver knows could be guessed, its message under that guess."""

    record: PatientRecord
    guess: Known | None = None
    message: bytes | None = None


class Preparing:
    """One delivery ahead, in a thread of its own that lives as long as deliveries follow each other.

    `render` is pure: it may run in that thread.
    """

    def __init__(self, render: Render) -> None:
        self._render = render
        self._thread: ThreadPoolExecutor | None = None
        self._ahead: tuple[int, Future[_Ready]] | None = None
        self._ready: _Ready | None = None

    def begin(self, delivery: Claimed, guess: Known | None) -> None:
        """This one is next. `guess`: what the receiver will have told of its person, where that is likely."""
        self._thread = self._thread or ThreadPoolExecutor(1, "preparing")
        self._ahead = (delivery.delivery_id, self._thread.submit(self._made, delivery.payload, guess))

    def record(self, delivery: Claimed) -> PatientRecord:
        """The record, begun before or made now. Raises as `prepared`."""
        ahead, self._ahead, self._ready = self._ahead, None, None
        if ahead is None or ahead[0] != delivery.delivery_id:
            return prepared(delivery.payload)
        self._ready = ahead[1].result()
        return self._ready.record

    def message(self, record: PatientRecord, known: Known) -> bytes | None:
        """The message of the record that was asked for last. Raises whatever the renderer does."""
        ready = self._ready
        if ready is not None and ready.record is record and ready.guess == known:
            return ready.message
        return self._render(record, known)

    def close(self) -> None:
        """Let the thread go."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
        self._thread = None

    def _made(self, payload: str, guess: Known | None) -> _Ready:
        record = prepared(payload)
        if guess is None:
            return _Ready(record)
        try:
            return _Ready(record, guess, self._render(record, guess))
        except Exception:
            return _Ready(record)  # it is rendered again when it is its turn, and judged by that
