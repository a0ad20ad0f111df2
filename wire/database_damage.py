"""Whether a database is whole, and the reading of what is left of one that is not, row by row.

Damage is judged apart from a wrong key: a file that does not open because the key is another's is never "recovered".
Knows tables and rows, not what they mean. Must not import any other package of ours.
"""

import re
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from wire import sqlite
from wire.database import DatabaseFile, DatabaseUnavailable, DatabaseWrongKey, is_plain, open_with

PAGE = 4096  # bytes; SQLite's default, and SQLCipher's
LOOK_SECONDS = 5.0  # a look that takes longer is ended: a kiosk has to come up
_STEPS = 10_000  # of SQLite's virtual machine between two looks at the time
_SAMPLES, _LEAST = 16, 0.95  # pages looked at; what is encrypted does not get smaller than this share
_FURTHEST = 1 << 40  # rows
_MOST_FAILURES = 3000  # of reading, each opens the file anew; a file with more of them is read no further
_BEFORE_ALL, _BEHIND_ALL = 1 - (1 << 63), (1 << 63) - 1
_AT_ONCE = 512  # rows

Row = tuple[object, ...]


@dataclass(frozen=True)
class Damage:
    """What is wrong: `missing`, `empty`, `unreadable` (not even its list of tables), `pages`. `secret`: opens it."""

    kind: str
    secret: str | None


def damage_of(where: DatabaseFile, expected: bool, seconds: float = LOOK_SECONDS) -> Damage | None:
    """What is wrong with the database; None where nothing is. `expected`: there was one, so one has to be there.

    Raises DatabaseWrongKey where the file is whole to all appearance and does not open with this key, or is encrypted
    and there is none; DatabaseUnavailable, KeyMissing, KeyExposed, KeyUnusable.
    """
    secret = where.secret()
    try:
        size = where.path.stat().st_size
    except FileNotFoundError:
        return Damage("missing", secret) if expected else None
    except OSError as error:
        raise DatabaseUnavailable(why=error.strerror or "unreadable") from None
    if size == 0:
        return Damage("empty", secret) if expected else None
    if is_plain(where.path):
        secret = None
    elif _looks_random(where.path, size):
        if secret is None or not _is_of(where.path, secret, size):
            raise DatabaseWrongKey
    elif secret is not None and not _is_of(where.path, secret, size):
        secret = None  # never was encrypted, and its first page is gone
    return _look(where.path, secret, seconds)


def has_schema(path: Path, secret: str | None) -> bool:
    """Whether the list of tables can be read."""
    try:
        with closing(_open_to_look(path, secret)) as connection:
            return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except (sqlite.Error, DatabaseWrongKey, DatabaseUnavailable):
        return False


def copy_readable(source: Path, target: Path) -> None:
    """Copy a file from a disk that may be dying: what cannot be read is zeros in the copy. Raises OSError."""
    with source.open("rb", buffering=0) as readable, target.open("wb") as copy:
        target.chmod(0o600)
        size, at = source.stat().st_size, 0
        while at < size:
            try:
                readable.seek(at)
                block = readable.read(PAGE)
            except OSError:
                block = bytes(PAGE)
            copy.write(block or bytes(PAGE))
            at += len(block) or PAGE
        copy.truncate(size)


class Remains:
    """What can still be read of a damaged copy. One thread; every failure opens the file anew, as SQLite trusts a
    connection no more that has met damage."""

    def __init__(self, path: Path, secret: str | None) -> None:
        self._path = path
        self._secret = secret
        self._connection: sqlite.Connection | None = None
        self.failures = 0

    def close(self) -> None:
        """Let the file go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def columns(self, table: str) -> list[str] | None:
        """The table's columns; None where they cannot be read or it is not there."""
        found = self._all(f"PRAGMA table_info({quoted(table)})", ())
        return [str(row[1]) for row in found] if found else None

    def sound(self, table: str) -> bool:
        """Whether SQLite finds nothing wrong with this table's pages."""
        return self._all(f"PRAGMA quick_check({quoted(table)})", ()) == [("ok",)]

    def all(self, table: str, columns: list[str]) -> list[Row] | None:
        """The whole table; None where a part of it cannot be read."""
        return self._all(f"SELECT {listed(columns)} FROM {quoted(table)}", ())  # noqa: S608

    def from_both_ends(self, table: str, columns: list[str], order: str) -> Iterator[Row]:
        """What can be read of a table without row numbers, from its first row on and from its last row back."""
        for direction in ("ASC", "DESC"):
            ordered = ", ".join(f"{name} {direction}" for name in order.split(", "))
            yield from self._until_trouble(
                f"SELECT {listed(columns)} FROM {quoted(table)} ORDER BY {ordered}",  # noqa: S608
                (),
            )

    def runs(self, table: str, columns: list[str]) -> Iterator[tuple[int, int, list[Row]]]:
        """The table from its first row number on, as (first, last, rows), the row number first in each row.

        From `first` to `last` no row is missing; what lies between the last of one and the first of the next one, if
        anything does, cannot be read.
        """
        begin, size = _BEFORE_ALL, _AT_ONCE
        query = (
            f"SELECT rowid, {listed(columns)} FROM {quoted(table)}"  # noqa: S608
            " WHERE rowid >= ? ORDER BY rowid LIMIT ?"
        )
        while self.failures < _MOST_FAILURES:
            rows = self._all(query, (begin, size))
            if rows:
                last = _number(rows[-1])
                yield begin, last, rows
                begin, size = last + 1, min(size * 8, _AT_ONCE)
            elif rows is not None:
                yield begin, _BEHIND_ALL, rows
                return
            elif size > 1:
                size //= 8  # a failure takes the rows before it along
            else:
                following = self._next_readable(table, columns, begin - 1)
                if following is None:
                    return
                begin = following

    def _next_readable(self, table: str, columns: list[str], last: int) -> int | None:
        """The first row number behind a hole from which on can be read; the hole begins after `last`."""
        query = f"SELECT rowid, {listed(columns)} FROM {quoted(table)} WHERE rowid >= ? ORDER BY rowid LIMIT 1"  # noqa: S608
        origin, step = max(last, -1), 1  # numbers below zero are given out by nobody
        while self._all(query, (origin + step,)) is None:
            step *= 2
            if step > _FURTHEST or self.failures >= _MOST_FAILURES:
                return None
        unreadable, readable = origin + step // 2, origin + step
        while readable - unreadable > 1:
            middle = (unreadable + readable) // 2
            if self._all(query, (middle,)) is None:
                unreadable = middle
            else:
                readable = middle
        return readable

    def _all(self, query: str, values: tuple[object, ...]) -> list[Row] | None:
        before = self.failures
        rows = list(self._until_trouble(query, values))
        return rows if self.failures == before else None

    def _until_trouble(self, query: str, values: tuple[object, ...]) -> Iterator[Row]:
        try:
            if self._connection is None:
                self._connection = open_with(self._path, self._secret)
                self._connection.row_factory = None
                self._connection.text_factory = _text
            yield from self._connection.execute(query, values)
        except (sqlite.Error, DatabaseUnavailable, DatabaseWrongKey):
            self.failures += 1
            self.close()


def _text(content: bytes) -> str | bytes:
    """Text that is none any more stays bytes, which a strict column refuses: such a row counts as lost."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _number(row: Row) -> int:
    number = row[0]
    return number if isinstance(number, int) else _BEFORE_ALL


def _look(path: Path, secret: str | None, seconds: float) -> Damage | None:
    try:
        with closing(_open_to_look(path, secret)) as connection:
            until = time.monotonic() + seconds
            connection.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            ((told,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    except DatabaseWrongKey:
        return Damage("unreadable", secret)
    except DatabaseUnavailable as error:
        if not str(error.data.get("why")).startswith("DatabaseError"):
            raise
        return Damage("unreadable", secret)
    except sqlite.OperationalError as error:
        if str(error) == "interrupted":
            return None  # too large to be looked through now; what was seen is whole
        if "I/O" in str(error):
            return Damage("pages", secret)  # the disk cannot read it back
        raise DatabaseUnavailable(why=f"{type(error).__name__}: {error}") from None
    except sqlite.DatabaseError:
        return Damage("pages" if has_schema(path, secret) else "unreadable", secret)
    return None if told == "ok" else Damage("pages", secret)


def _open_to_look(path: Path, secret: str | None) -> sqlite.Connection:
    """For reading alone, unless a change was cut off before the log was in use: SQLite takes that back before anybody
    reads, and refuses whoever may not write (sqlite.org/rescode.html, SQLITE_READONLY_ROLLBACK).
    """
    return open_with(path, secret, read_only=not path.with_name(f"{path.name}-journal").exists())


def _is_of(path: Path, secret: str, size: int) -> bool:
    """Whether this secret made the file: its salt stands there, or at least one page proves itself."""
    with path.open("rb") as file:
        if file.read(16).hex() == secret[64:]:
            return True
    if size < PAGE:
        return True  # not one page is left that could be another's
    return len(unproven_pages(path, secret)) < size // PAGE


def unproven_pages(path: Path, secret: str) -> list[int]:
    """The pages whose seal (HMAC) does not fit under this secret, from 1 (SQLCipher API, cipher_integrity_check)."""
    with closing(sqlite.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = \"x'{secret}'\"")
        told = [str(row[0]) for row in connection.execute("PRAGMA cipher_integrity_check")]
    return [int(found[1]) for line in told if (found := re.search(r"page (\d+)", line))]


def _looks_random(path: Path, size: int) -> bool:
    """Whether the file is what encryption makes of it: nothing that could be packed smaller."""
    if size < PAGE:
        return False  # not one page: there is nothing a key could open
    with path.open("rb") as file:
        step = max(size // _SAMPLES // PAGE, 1) * PAGE
        sample = b""
        for at in range(0, min(size, step * _SAMPLES), step):
            file.seek(at)
            sample += file.read(PAGE)
    return len(zlib.compress(sample, 1)) >= len(sample) * _LEAST


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def listed(columns: list[str]) -> str:
    return ", ".join(quoted(name) for name in columns)
