"""How often something happened, by day and hour, without any person: what no other table remembers.

Counted in memory and written now and then, so that nothing waits for it; what was counted in the last minute before a
power cut is lost. Reader of these counts is `kiosk.statistics`. Must not import anything but wire.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone

from wire import sqlite
from wire.database import transaction
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

MOST_NAMES = 500  # different ones between two writings: whoever makes up names fills neither memory nor disk
MAX_NAME = 80
FLUSH_SECONDS = 60.0

_ADD = """
INSERT INTO tallies (day, hour, kiosk, kind, name, count) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (day, hour, kiosk, kind, name) DO UPDATE SET count = count + excluded.count
"""

Key = tuple[str, int, str, str]  # day, hour, kind, name


class Tally:
    """The counts of one process. Every method may be called from any thread; raises nothing."""

    def __init__(
        self,
        open_connection: Callable[[], sqlite.Connection],
        now: Callable[[], datetime],
        utc_offset_minutes: int,
        kiosk_id: str,
    ) -> None:
        self._open_connection = open_connection
        self._now = now
        self._zone = timezone(timedelta(minutes=utc_offset_minutes))
        self._kiosk_id = kiosk_id
        self._counts: Counter[Key] = Counter()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, each_round: Callable[[], None] = lambda: None, seconds: float = FLUSH_SECONDS) -> None:
        """Write every so many seconds, in a thread of its own, what `each_round` adds too."""
        self._thread = threading.Thread(target=self._run, args=(each_round, seconds), name="tally", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End that, and write what is left."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _run(self, each_round: Callable[[], None], seconds: float) -> None:
        while not self._ended.wait(seconds):
            each_round()
            self.flush()

    def add(self, kind: str, name: str, count: int = 1) -> None:
        """It happened now. `name`: a code or another word of the program's own, never anything of a person."""
        at = self._now().astimezone(self._zone)
        key = (at.date().isoformat(), at.hour, kind, name[:MAX_NAME])
        with self._lock:
            if key in self._counts or len(self._counts) < MOST_NAMES:
                self._counts[key] += count

    def flush(self) -> None:
        """Write what was counted; where that cannot be done it is kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        rows = [(day, hour, self._kiosk_id, kind, name, count) for (day, hour, kind, name), count in counts.items()]
        try:
            with closing(self._open_connection()) as connection, transaction(connection):
                connection.executemany(_ADD, rows)
        except (TiepDonError, sqlite.Error) as error:
            log.debug("tally: %s", type(error).__name__)
            with self._lock:
                self._counts.update(counts)
