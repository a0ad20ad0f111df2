"""A courier's outcomes on their way to the disk: some at a time, for a durable write costs as much as the exchange with
a fast receiver. What was not yet written when the process dies is of unknown outcome (decision 0010).

Must not import reader, kiosk or ui.
"""

from collections.abc import Callable, Iterable

from hisbridge import outbox
from hisbridge.outbox import Ended, Released, Settled
from wire import sqlite

SETTLE_SECONDS = 0.25  # how long outcomes of a fast receiver gather for one write
SLOW_SECONDS = 0.02  # after an exchange as slow as a write there is nothing to gain by gathering


class Settling:
    """What is known and not yet on disk. `monotonic`: the courier's clock, in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._outcomes: list[Settled] = []
        self._by = 0.0

    def note(self, outcome: Settled) -> None:
        """To be written with the next ones, soon; at once where somebody waits for the answer."""
        if not self._outcomes:
            self._by = self._monotonic() + SETTLE_SECONDS
        if isinstance(outcome, Ended) and outcome.answer is not None:
            self._by = 0.0
        self._outcomes.append(outcome)

    def give_back(self, deliveries: Iterable[int]) -> None:
        """These were taken and not tried."""
        self._outcomes += [Released(number) for number in deliveries]

    def due(self, now: float, exchange_seconds: float) -> bool:
        """Whether it is time to write, after an exchange that took so long."""
        return bool(self._outcomes) and (now >= self._by or exchange_seconds >= SLOW_SECONDS)

    def write(self, connection: sqlite.Connection) -> None:
        """Write the outcomes there are; kept until the database takes them. Raises as `outbox.settle`."""
        if self._outcomes:
            outbox.settle(connection, self._outcomes)
            self._outcomes = []
