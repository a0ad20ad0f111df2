"""One database connection for many threads of a process: opened at the first use, dropped when it fails.

Must not import Flask, a device library or a connector.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from config.settings import Settings, database_file
from kiosk.schema import MIGRATIONS
from wire import sqlite
from wire.database import DatabaseUnavailable, open_existing
from wire.database_place import in_place

Open = Callable[[], sqlite.Connection]


class SharedConnection:
    """Every method may be called from any thread; raises DatabaseUnavailable, DatabaseOutdated."""

    def __init__(self, open_connection: Open) -> None:
        self._open_connection = open_connection
        self._connection: sqlite.Connection | None = None
        self._opened = 0
        self._written = 0
        self._lock = threading.Lock()

    @contextmanager
    def using(self, writes: bool = False) -> Iterator[sqlite.Connection]:
        """The connection, for one at a time; one that failed is not trusted again."""
        with self._lock:
            try:
                if self._connection is not None and not in_place(self._connection):
                    self._drop()
                if self._connection is None:
                    self._connection = self._open_connection()
                    self._opened += 1
                yield self._connection
                self._written += writes
            except sqlite.Error as error:
                self._drop()
                raise DatabaseUnavailable(why=type(error).__name__) from None
            except DatabaseUnavailable:
                self._drop()
                raise

    def version(self) -> tuple[int, ...]:
        """Differs from the last one when anybody, in whatever process, has written to the database."""
        with self.using() as connection:
            ((told,),) = connection.execute("PRAGMA data_version").fetchall()  # says nothing of our own writes
            return self._opened, told, self._written

    def close(self) -> None:
        """Let the database go; the next use opens it again."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def site_database(settings: Settings) -> Open:
    """Opens the site's database, which must be there; raises DatabaseUnavailable, DatabaseOutdated."""
    return lambda: open_existing(database_file(settings), MIGRATIONS)
