"""The queue for pages and processes: acts, views and estimates on a connection of its own.

Every method may be called from any thread; raises DatabaseUnavailable. Must not import Flask, a device library or a
connector.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from config.front import BoardSettings
from config.settings import Settings
from kiosk.clock import Clock
from kiosk.connection import Open, SharedConnection, site_database
from kiosk.queue import rows
from kiosk.queue.acts import Acts
from kiosk.queue.board import BoardRead, board_read, last_calls
from kiosk.queue.errors import NoSuchCounter
from kiosk.queue.model import Call, Entry, Wait
from kiosk.queue.rules import Rules, rules_of
from kiosk.queue.waits import wait_of
from wire import sqlite

NEXT_UP = 10  # who is called next, as far as a counter sees


@dataclass(frozen=True)
class CounterView:
    """What one counter sees: whom it has, whom it put aside, who comes next, how many wait in each of its queues."""

    current: Entry | None
    held: tuple[Entry, ...]
    next_up: tuple[Entry, ...]
    waiting: dict[str, int]


class Queue:
    """The queue on the site's database, opened at the first call."""

    def __init__(self, open_connection: Open, rules: Rules, clock: Clock) -> None:
        self.rules = rules
        self._clock = clock
        self.connection = SharedConnection(open_connection)
        self.version = self.connection.version
        self.close = self.connection.close

    @contextmanager
    def acting(self) -> Iterator[Acts]:
        """The acts, for one of them."""
        with self.connection.using(writes=True) as connection:
            yield Acts(connection, self.rules, self._clock)

    def counter(self, code: str) -> CounterView:
        """What this counter sees. Raises NoSuchCounter."""
        if code not in self.rules.counters:
            raise NoSuchCounter(counter=code)
        queues = self.rules.counters[code].queues
        with self.connection.using() as connection:
            day = Acts(connection, self.rules, self._clock).day()
            return CounterView(
                rows.current(connection, day, code),
                tuple(rows.held(connection, day, code)),
                tuple(rows.waiting(connection, day, queues, code, NEXT_UP)),
                {queue: rows.count(connection, day, queue, code) for queue in queues},
            )

    def wait_of(self, ticket_id: str) -> Wait | None:
        """How many are called before this ticket and how long it may take; None where it does not wait."""
        with self.connection.using() as connection:
            return wait_of(connection, self.rules, ticket_id, self._clock.now())

    def calls(self, counters: Sequence[str], most: int) -> list[Call]:
        """The newest calls of these counters (none named: of all), each ticket once, the newest first."""
        with self.connection.using() as connection:
            day = Acts(connection, self.rules, self._clock).day()
            return last_calls(connection, day, counters or tuple(self.rules.counters), most)

    def day(self) -> str:
        """Which day it is for the queue (`2026-11-21`): no day ever comes again, also where the clock is set back."""
        with self.connection.using() as connection:
            return Acts(connection, self.rules, self._clock).day()

    def boards(self, asked: Sequence[BoardSettings], fresh_seconds: int) -> list[BoardRead]:
        """What each of these boards shows, with the calls of the last seconds that may still have to be spoken."""
        since = int(self._clock.now().timestamp()) - fresh_seconds
        with self.connection.using() as connection:
            day = Acts(connection, self.rules, self._clock).day()
            return [self._board(connection, day, board, since) for board in asked]

    def _board(self, connection: sqlite.Connection, day: str, board: BoardSettings, since: int) -> BoardRead:
        counters = board.counters or tuple(self.rules.counters)
        queues = tuple(dict.fromkeys(queue for code in counters for queue in self.rules.counters[code].queues))
        named = board.names == "masked"
        return board_read(connection, day, counters, queues, since, board.rows, named, board.next_up)


def open_queue(settings: Settings, clock: Clock) -> Queue:
    """The queue on the site's database, which is opened at the first call."""
    return Queue(site_database(settings), rules_of(settings), clock)
