"""The one database that kiosk and bridge share: opened durably, brought to its schema by named migrations.

sqlite-utils builds the schema and is imported only while migrating: it costs 25 MB that no long-running process
should hold (`tiepdon database migrate` runs before them).
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wire.errors import TiepDonError

if TYPE_CHECKING:
    import sqlite_utils

BUSY_TIMEOUT_MS = 10_000


class DatabaseUnavailable(TiepDonError):
    """The database file cannot be opened, read or written (`why`: SQLite's own word for it)."""

    code = "database.unavailable"
    retriable = True


class DatabaseOutdated(TiepDonError):
    """The database lacks a migration this version needs, or was made by a newer version."""

    code = "database.outdated"


@dataclass(frozen=True)
class Migration:
    """One step of the schema. `name` is stable and unique; `apply` runs inside one transaction with the rest."""

    name: str
    apply: "Callable[[sqlite_utils.Database], None]"


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database so that a committed transaction survives a power cut (WAL, `synchronous=FULL`).

    The connection is in autocommit mode: transactions are begun by `transaction()`. It may be used by one thread
    at a time. Raises DatabaseUnavailable.
    """
    connection = None
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise DatabaseUnavailable(why=error.__class__.__name__ + ": " + str(error)) from None
    return connection


def open_existing(path: Path, migrations: Sequence[Migration]) -> sqlite3.Connection:
    """`open_database` for a file that is there and fits; it is never made here: `tiepdon database migrate` does.

    Raises DatabaseUnavailable, DatabaseOutdated.
    """
    if not path.exists():
        raise DatabaseUnavailable(why="no such file")
    connection = open_database(path)
    try:
        require(connection, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: begun at once (no upgrade from a reader, no deadlock), committed or rolled back whole.

    Raises DatabaseUnavailable when the disk is full, read-only or locked for longer than the busy time-out.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:  # SQLite has rolled back by itself when the disk is full
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise DatabaseUnavailable(why=str(error)) from None


def migrate(path: Path, migrations: Sequence[Migration]) -> list[str]:
    """Apply what is missing, in order, in one transaction; return the names applied now.

    Raises DatabaseOutdated when the file holds a migration this version does not know (it was written by a newer
    version), DatabaseUnavailable when it cannot be written. The file is readable by its owner only.
    """
    import sqlite_utils

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600, exist_ok=True)
    connection = open_database(path)
    try:
        with transaction(connection):
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)"
            )
            done = applied(connection)
            unknown = done - {migration.name for migration in migrations}
            if unknown:
                raise DatabaseOutdated(newer=min(unknown))
            fresh = [migration for migration in migrations if migration.name not in done]
            database = sqlite_utils.Database(connection)
            for migration in fresh:
                migration.apply(database)
                connection.execute("INSERT INTO migrations VALUES (?, datetime('now'))", (migration.name,))
        return [migration.name for migration in fresh]
    finally:
        connection.close()


def applied(connection: sqlite3.Connection) -> set[str]:
    """Names of the migrations the database holds. Raises DatabaseUnavailable when the file is damaged."""
    try:
        return {row[0] for row in connection.execute("SELECT name FROM migrations")}
    except sqlite3.OperationalError:
        return set()
    except sqlite3.DatabaseError as error:
        raise DatabaseUnavailable(why=error.__class__.__name__ + ": " + str(error)) from None


def require(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Raise DatabaseOutdated unless every one of these migrations has been applied."""
    missing = [migration.name for migration in migrations if migration.name not in applied(connection)]
    if missing:
        raise DatabaseOutdated(missing=missing[0])
