"""The one database that kiosk and bridge share: opened durably, brought to its schema by named migrations.

sqlite-utils builds the schema and is imported only while migrating: it costs 25 MB that no long-running process
should hold (`tiepdon database migrate` runs before them).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wire import chain_key, sqlite
from wire.database_place import PlacedConnection, in_place
from wire.errors import TiepDonError
from wire.keys import derived, read_key

if TYPE_CHECKING:
    import sqlite_utils

BUSY_TIMEOUT_MS = 10_000
PURPOSE = b"tiepdon database 1"  # of the site's key
# The salt too comes from the key: with one of chance, a first page that is damaged would take the whole file along.
SALT_PURPOSE = b"tiepdon database salt 1"
SALT_BYTES = 16
FIRST_RELEASE = "0.1.0"
_SET_ASIDE = "migrations_set_aside"  # applied, and unknown to the older program that works on the database
OWN_TABLES = ("migrations", _SET_ASIDE)  # of this module
BEING_REPLACED = ".swap"  # beside a database that another takes the place of, see wire.database_swap
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


class DatabaseNoWayBack(TiepDonError):
    """The database cannot be brought back to an older release (`migration`: the step that cannot be undone)."""

    code = "database.no_way_back"


class DatabaseNotEncrypted(TiepDonError):
    """There is a key, and the database was made without one; `tiepdon database migrate` encrypts it."""

    code = "database.not_encrypted"


@dataclass(frozen=True)
class DatabaseFile:
    """Where the database lies, and the file of the key it opens with; without one it is not encrypted."""

    path: Path
    key_file: Path | None = None

    def site_key(self) -> bytes | None:
        """The site's key, None where there is none. Raises as `secret` does."""
        return None if self.key_file is None else read_key(self.key_file)

    def secret(self) -> str | None:
        """The database's key as SQLCipher wants it, see `secret_of`. Raises KeyMissing, KeyExposed, KeyUnusable."""
        return None if self.key_file is None else secret_of(read_key(self.key_file))

    def beside(self, ending: str) -> Path:
        """The file of that ending beside the database: `-wal`, `.new`."""
        return self.path.with_name(self.path.name + ending)


def secret_of(key: bytes) -> str:
    """What opens a database under the site's key: 64 hex digits of key, 32 of salt (SQLCipher API, "PRAGMA key")."""
    return derived(key, PURPOSE).hex() + derived(key, SALT_PURPOSE)[:SALT_BYTES].hex()


@dataclass(frozen=True)
class Migration:
    """One step of the schema. `name` is stable and unique; `apply` runs inside one transaction with the rest.

    `release`: with which it came. `additive`: older programs work on beside what it added, which stays where it is; of
    any other there is no way back.
    """

    name: str
    apply: "Callable[[sqlite_utils.Database], None]"
    release: str = FIRST_RELEASE
    additive: bool = False


def open_database(where: Path | DatabaseFile) -> sqlite.Connection:
    """Open the database so that a committed transaction survives a power cut (WAL, `synchronous=FULL`).

    The connection is in autocommit mode: transactions are begun by `transaction()`. It may be used by one thread
    at a time. Raises DatabaseUnavailable, DatabaseWrongKey, DatabaseNotEncrypted, KeyMissing, KeyExposed, KeyUnusable.
    """
    file = where if isinstance(where, DatabaseFile) else DatabaseFile(where)
    connection = open_with(file.path, file.secret())
    try:
        chain_key.attach(connection, chain_key.audit_key(file.site_key()))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
    except BaseException as error:
        connection.close()
        if not isinstance(error, sqlite.Error):
            raise
        raise DatabaseUnavailable(why=error.__class__.__name__ + ": " + str(error)) from None
    return connection


def open_with(path: Path, secret: str | None, *, read_only: bool = False) -> sqlite.Connection:
    """The file as it is, in autocommit mode, with this secret; nothing of how it is kept is changed.

    Whoever only reads does not fold the log into the file either when it is closed.
    Raises DatabaseUnavailable, DatabaseWrongKey, DatabaseNotEncrypted.
    """
    connection = None
    try:
        connection = sqlite.connect(
            f"{path.absolute().as_uri()}?mode=ro" if read_only else path,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            uri=read_only,
            factory=PlacedConnection,
        )
        connection.opened(path)
        connection.row_factory = sqlite.Row
        if secret is not None:
            _unlock(connection, path, secret)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if not isinstance(error, sqlite.Error | OSError):
            raise
        raise DatabaseUnavailable(why=error.__class__.__name__ + ": " + str(error)) from None
    return connection


def open_for_reading(where: DatabaseFile) -> sqlite.Connection:
    """The database for looking only: works beside the running processes and without them.

    Raises as `open_database` does.
    """
    connection = open_with(where.path, where.secret(), read_only=True)
    try:
        chain_key.attach(connection, chain_key.audit_key(where.site_key()))
    except BaseException:
        connection.close()
        raise
    return connection


def _unlock(connection: sqlite.Connection, path: Path, secret: str) -> None:
    """Give the key and read the first page with it; SQLite itself says only that the file is no database."""
    connection.execute("PRAGMA cipher_log_level = NONE")  # it would write to standard error by itself
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
    file = where if isinstance(where, DatabaseFile) else DatabaseFile(where)
    if not file.path.exists():
        raise DatabaseUnavailable(why="no such file")
    if file.beside(BEING_REPLACED).exists():
        raise DatabaseUnavailable(why="being replaced")
    connection = open_database(where)
    try:
        require(connection, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def require_in_place(connection: sqlite.Connection) -> None:
    """For connections that are held: raise DatabaseUnavailable unless their file is the one that lies at its path.

    Whoever meets it drops the connection and opens another.
    """
    if not in_place(connection):
        raise DatabaseUnavailable(why="another file lies there now")


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
            connection.execute(f"CREATE TABLE IF NOT EXISTS {_SET_ASIDE} (name TEXT PRIMARY KEY)")
            done = applied(connection)
            unknown = done - {migration.name for migration in migrations}
            if unknown:
                raise DatabaseOutdated(newer=min(unknown))
            fresh = [migration for migration in migrations if migration.name not in done]
            database = sqlite_utils.Database(connection)
            for migration in fresh:
                if not connection.execute(f"DELETE FROM {_SET_ASIDE} WHERE name = ?", (migration.name,)).rowcount:  # noqa: S608
                    migration.apply(database)
                connection.execute("INSERT INTO migrations VALUES (?, datetime('now'))", (migration.name,))
        return [migration.name for migration in fresh]
    finally:
        connection.close()


def downgrade(where: DatabaseFile, migrations: Sequence[Migration], release: str) -> list[str]:
    """Bring the database back to what a program of that release knows, in one transaction; return what was undone.

    What was only added is set aside under its name: it stays with all it holds, and migrating forward again takes it
    up as it is. Raises DatabaseNoWayBack, DatabaseOutdated, and as `open_database` does.
    """
    connection = open_database(where)
    try:
        with transaction(connection):
            done = applied(connection)
            unknown = done - {migration.name for migration in migrations}
            if unknown:
                raise DatabaseOutdated(newer=min(unknown))
            later = [one for one in reversed(migrations) if one.name in done and newer(one.release, release)]
            for migration in later:
                if not migration.additive:
                    raise DatabaseNoWayBack(migration=migration.name)
                connection.execute(f"INSERT OR IGNORE INTO {_SET_ASIDE} VALUES (?)", (migration.name,))  # noqa: S608
                connection.execute("DELETE FROM migrations WHERE name = ?", (migration.name,))
        return [migration.name for migration in later]
    finally:
        connection.close()


def newer(release: str, than: str) -> bool:
    """Whether a release (`0.2.0`, `0.2.0~rc1`, `0.2.0-1`) comes after another; what follows the numbers is left out."""
    return _numbers(release) > _numbers(than)


def _numbers(release: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", release)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


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
