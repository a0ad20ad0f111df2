"""The table `coverage_answers`: sealed insurance answers of one day. It serves the check-in and never troubles it.

A row that is of another day, damaged, changed or sealed under another key is removed and counts as absent; a database
that cannot be read or written means that nothing is kept. Nothing here is ever an error to who asks.
"""

import logging
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from hisbridge.questions import Coverage
from hisbridge.sealing import Sealer, Unreadable
from wire import sqlite
from wire.codec import from_json, to_json
from wire.database import DatabaseUnavailable, transaction
from wire.database_place import in_place
from wire.errors import MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_KEPT = 5000  # answers; a busy hospital sees fewer people a day at one bridge
LARGEST_KEPT = 16 << 10  # bytes; an answer as documented has under one thousand
PATIENCE_MS = 250  # for a writer that holds the database: rather forget an answer than hold one up

_FIND = "SELECT day, sealed FROM coverage_answers WHERE key = ?"
# Replacing gives the row a new place at the end, so that the oldest answers are the first by rowid.
_KEEP = "INSERT OR REPLACE INTO coverage_answers (key, day, sealed, kept_at) VALUES (?, ?, ?, ?)"
# What is older than so many writings goes; never more than that many rows, and nothing is counted.
_BOUND = "DELETE FROM coverage_answers WHERE rowid <= (SELECT max(rowid) FROM coverage_answers) - ?"
_DROP = "DELETE FROM coverage_answers WHERE key = ?"
_PAST = "SELECT 1 FROM coverage_answers WHERE day <> ? LIMIT 1"
_FORGET = "DELETE FROM coverage_answers WHERE day <> ?"
_ALL = "SELECT key, day, sealed FROM coverage_answers"


class KeptAnswers:
    """The day's answers by name. Every method may be called from any thread and raises nothing of the database's."""

    def __init__(self, open_connection: Callable[[], sqlite.Connection], sealer: Sealer, most: int = MOST_KEPT) -> None:
        self._open_connection = open_connection
        self._sealer = sealer
        self._most = most
        self._lock = threading.Lock()
        self._connection: sqlite.Connection | None = None
        self._working = True

    def find(self, key: str, today: str) -> Coverage | None:
        """The answer kept under this name today."""

        def look(connection: sqlite.Connection) -> Coverage | None:
            row = connection.execute(_FIND, (key,)).fetchone()
            if row is None:
                return None
            found = self._opened(key, row["day"], row["sealed"]) if row["day"] == today else None
            if found is None:
                _remove(connection, [key])
            return found

        return self._safely(look)

    def keep(self, key: str, today: str, answer: Coverage, still_wanted: Callable[[], bool], kept_at: str) -> None:
        """Keep an answer for the rest of the day, if `still_wanted` when its turn to be written has come."""
        content = to_json(answer)
        if len(content) > LARGEST_KEPT:
            return

        def write(connection: sqlite.Connection) -> None:
            if not still_wanted():
                return
            sealed = self._sealer.seal(content, _place(key, today))
            with transaction(connection):
                connection.execute(_KEEP, (key, today, sealed, kept_at))
                connection.execute(_BOUND, (self._most,))

        self._safely(write)

    def drop(self, key: str) -> None:
        """Forget what is kept under this name."""
        self._safely(lambda connection: _remove(connection, [key]))

    def forget_all_but(self, today: str) -> bool:
        """Forget every other day's answers. Returns whether that is done."""

        def forget(connection: sqlite.Connection) -> bool:
            if connection.execute(_PAST, (today,)).fetchone() is not None:
                with transaction(connection):
                    connection.execute(_FORGET, (today,))
            return True

        return self._safely(forget) is True

    def close(self) -> None:
        """Let the database go; the next use opens it again."""
        with self._lock:
            self._let_go()

    def _opened(self, key: str, day: str, sealed: bytes) -> Coverage | None:
        try:
            return from_json(self._sealer.open(sealed, _place(key, day)), Coverage)
        except (Unreadable, MalformedMessage):
            return None

    def _safely(self, work: Callable[[sqlite.Connection], T]) -> T | None:
        with self._lock:
            try:
                done = work(self._connected())
            except (sqlite.Error, TiepDonError) as error:
                # A busy database is the rule's exception; any other fault may be the connection's own.
                if not isinstance(error, DatabaseUnavailable):
                    self._let_go()
                if self._working:
                    log.warning("the day's answers are not kept (%s)", type(error).__name__)
                self._working = False
                return None
            self._working = True
            return done

    def _connected(self) -> sqlite.Connection:
        if self._connection is not None and not in_place(self._connection):
            self._let_go()
        if self._connection is None:
            connection = self._open_connection()
            try:
                connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
                _make_private(connection)
                # An answer lost in a power cut is asked again: no flush to the disk for each.
                connection.execute("PRAGMA synchronous=NORMAL")
                self._remove_unreadable(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _remove_unreadable(self, connection: sqlite.Connection) -> None:
        """What an earlier process kept under a key that is gone, and whatever else does not open."""
        rows = connection.execute(_ALL).fetchall()
        _remove(connection, [key for key, day, sealed in rows if self._opened(key, day, sealed) is None])

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _make_private(connection: sqlite.Connection) -> None:
    """Take the database's files from everybody but their owner, as they were made; SQLite follows the first one."""
    _, _, name = connection.execute("PRAGMA database_list").fetchone()
    for file in (Path(f"{name}{end}") for end in ("", "-wal", "-shm") if name):
        with suppress(OSError):  # another owner's file: the answers in it are sealed all the same
            if (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
                file.chmod(mode & 0o700)
                log.warning("%s could be read by others; it cannot any more", file.name)


def _remove(connection: sqlite.Connection, keys: list[str]) -> None:
    if keys:
        with transaction(connection):
            connection.executemany(_DROP, [(key,) for key in keys])


def _place(key: str, day: str) -> str:
    return f"{key} {day}"
