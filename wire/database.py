"""The one database that kiosk and bridge share: opened durably, brought to its schema by named migrations.

sqlite-utils builds the schema and is imported only while migrating: it costs 25 MB that no long-running process
should hold (`tiepdon database migrate` runs before them).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wire import sqlite
from wire.errors import TiepDonError
from wire.keys import derived, read_key

if TYPE_CHECKING:
    import sqlite_utils

BUSY_TIMEOUT_MS = 10_000
PURPOSE = b"tiepdon database 1"  # of the site's key
_PLAIN = b"SQLite format 3\0"  # how a database without a key begins; one with a key begins with its salt


class DatabaseUnavailable(TiepDonError):
    """The database file cannot be opened, read or written (`why`: SQLite's own word for it)."""

    code = "database.unavailable"
    retriable = True


class DatabaseOutdated(TiepDonError):
    """The database lacks a migration this version needs, or was made by a newer version."""

    code = "database.outdated"


class DatabaseWrongKey(TiepDonError):
    """The database does not open with the key of `paths.key_file`, or its first page is damaged."""

    code = "database.wrong_key"


class DatabaseNotEncrypted(TiepDonError):
    """There is a key, and the database was made without one; `tiepdon database migrate` encrypts it."""

    code = "database.not_encrypted"


@dataclass(frozen=True)
class DatabaseFile:
    """Where the database lies, and the file of the key it opens with; without one it is not encrypted."""

    path: Path
    key_file: Path | None = None

    def secret(self) -> str | None:
        """The database's key as SQLCipher wants it: 64 hex digits. Raises KeyMissing, KeyExposed, KeyUnusable."""
        return None if self.key_file is None else derived(read_key(self.key_file), PURPOSE).hex()


@dataclass(frozen=True)
class Migration:
    """One step of the schema. `name` is stable and unique; `apply` runs inside one transaction with the rest."""

    name: str
    apply: "Callable[[sqlite_utils.Database], None]"


def open_database(where: Path | DatabaseFile) -> sqlite.Connection:
    """Open the database so that a committed transaction survives a power cut (WAL, `synchronous=FULL`).

    The connection is in autocommit mode: transactions are begun by `transaction()`. It may be used by one thread
    at a time. Raises DatabaseUnavailable, DatabaseWrongKey, DatabaseNotEncrypted, KeyMissing, KeyExposed, KeyUnusable.
    """
    file = where if isinstance(where, DatabaseFile) else DatabaseFile(where)
    secret = file.secret()
    connection = None
    try:
        connection = sqlite.connect(
            file.path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite.Row
        if secret is not None:
            _unlock(connection, file.path, secret)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException as error:
        if connection is not None:
            connection.close()
        if not isinstance(error, sqlite.Error):
            raise
        raise DatabaseUnavailable(why=error.__class__.__name__ + ": " + str(error)) from None
    return connection


def open_for_reading(where: DatabaseFile) -> sqlite.Connection:
    """The database for looking only: works beside the running processes and without them.

    Raises as `open_database` does.
    """
    secret = where.secret()
    try:
        connection = sqlite.connect(f"{where.path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
    except sqlite.Error as error:
        raise DatabaseUnavailable(why=str(error)) from None
    try:
        connection.row_factory = sqlite.Row
        if secret is not None:
            _unlock(connection, where.path, secret)
    except BaseException:
        connection.close()
        raise
    return connection


def _unlock(connection: sqlite.Connection, path: Path, secret: str) -> None:
    """Give the key and read the first page with it; SQLite itself says only that the file is no database."""
    connection.execute(f"PRAGMA key = \"x'{secret}'\"")  # a raw key: no PBKDF2 (SQLCipher API, "PRAGMA key")
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite.DatabaseError as error:
        if isinstance(error, sqlite.OperationalError):
            raise
        raise (DatabaseNotEncrypted() if is_plain(path) else DatabaseWrongKey()) from None


def is_plain(path: Path) -> bool:
    """Whether this file is a database that anybody can read. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_PLAIN)) == _PLAIN


def open_existing(where: Path | DatabaseFile, migrations: Sequence[Migration]) -> sqlite.Connection:
    """`open_database` for a file that is there and fits; it is never made here: `tiepdon database migrate` does.

    Raises DatabaseOutdated, and as `open_database` does.
    """
    if not (where.path if isinstance(where, DatabaseFile) else where).exists():
        raise DatabaseUnavailable(why="no such file")
    connection = open_database(where)
    try:
        require(connection, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite.Connection) -> Iterator[sqlite.Connection]:
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
    except sqlite.OperationalError as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise DatabaseUnavailable(why=str(error)) from None


def migrate(where: Path | DatabaseFile, migrations: Sequence[Migration]) -> list[str]:
    """Apply what is missing, in order, in one transaction; return the names applied now.

    Raises DatabaseOutdated when the file holds a migration this version does not know (it was written by a newer
    version), DatabaseUnavailable when it cannot be written. The file is readable by its owner only.
    """
    import sqlite_utils

    path = where.path if isinstance(where, DatabaseFile) else where
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600, exist_ok=True)
    connection = open_database(where)
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


def applied(connection: sqlite.Connection) -> set[str]:
    """Names of the migrations the database holds. Raises DatabaseUnavailable when the file is damaged."""
    try:
        return {row[0] for row in connection.execute("SELECT name FROM migrations")}
    except sqlite.OperationalError:
        return set()
    except sqlite.DatabaseError as error:
        raise DatabaseUnavailable(why=error.__class__.__name__ + ": " + str(error)) from None


def require(connection: sqlite.Connection, migrations: Sequence[Migration]) -> None:
    """Raise DatabaseOutdated unless every one of these migrations has been applied."""
    missing = [migration.name for migration in migrations if migration.name not in applied(connection)]
    if missing:
        raise DatabaseOutdated(missing=missing[0])
