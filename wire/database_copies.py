"""Whole copies of the running database: under its own key or another, consistent, without stopping anybody.

A copy is one read transaction: writers go on beside it (SQLite, wal.html). A snapshot keeps the layout of the pages,
so that a page of it can stand in for the same page of a damaged file. Must not import any other package of ours.
"""

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from wire import sqlite
from wire.database import DatabaseFile, DatabaseUnavailable, open_with
from wire.durable import give_to_owner, sync
from wire.errors import TiepDonError

FOLDER = "snapshots"  # beside the database
KEPT = 3
ROOM = 1.2  # of the database's size has to be free before one is made
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"\d{8}T\d{6}Z(-[a-z0-9._-]{1,40})?\.db")
SECRET_BYTES = 48  # 32 of key, 16 of salt


class NoRoom(TiepDonError):
    """The disk has too little room for a copy of the database."""

    code = "database.no_room"
    retriable = True


def stamp(now: datetime) -> str:
    """A moment as it stands in the name of a file: `20261123T061417Z`."""
    return now.astimezone(UTC).strftime(_STAMP)


def moment_of(file: Path) -> datetime:
    """When a snapshot was made, from its name. Raises ValueError."""
    return datetime.strptime(file.name[:16], _STAMP).replace(tzinfo=UTC)


def new_secret() -> str:
    """A key and salt of chance, for a copy that opens on no machine by itself."""
    return os.urandom(SECRET_BYTES).hex()


def export(connection: sqlite.Connection, target: Path, secret: str | None) -> None:
    """A compact copy under another key (None: without), as of one moment (SQLCipher API, sqlcipher_export).

    `target` is not there yet; its content is durable when this returns. Raises DatabaseUnavailable.
    """
    key = "''" if secret is None else f"\"x'{secret}'\""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(descriptor)
    with _as_unavailable():
        connection.execute(f"ATTACH ? AS copy KEY {key}", (str(target),))
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT sqlcipher_export('copy')")
            connection.execute("COMMIT")
        except sqlite.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            connection.execute("DETACH copy")
    sync(target)


def take_snapshot(where: DatabaseFile, now: datetime, why: str = "") -> Path:
    """A copy under the same key in the folder of snapshots, page by page; the oldest beyond `KEPT` go.

    Raises NoRoom, DatabaseUnavailable (also where the database is damaged), and as `open_with` does. A snapshot that is
    half made has another name.
    """
    folder = snapshot_folder(where)
    folder.mkdir(mode=0o700, exist_ok=True)
    give_to_owner(folder)
    for left in folder.glob("*.part*"):
        left.unlink()
    told = os.statvfs(folder)
    if told.f_bavail * told.f_frsize < where.path.stat().st_size * ROOM:
        raise NoRoom(folder=str(folder))
    name = stamp(now) + (f"-{why}" if why else "") + ".db"
    part, secret = folder / (name + ".part"), where.secret()
    part.touch(mode=0o600)
    with (
        closing(open_with(where.path, secret)) as source,
        closing(open_with(part, secret)) as target,
        _as_unavailable(),
    ):
        source.backup(target)
        if target.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise DatabaseUnavailable(why="damaged: the earlier snapshots stay")  # none of them is pushed out by it
        target.execute("PRAGMA journal_mode=DELETE")  # one file, readable without a log
    give_to_owner(part)
    sync(part)
    part.replace(folder / name)
    sync(folder)
    for old in snapshots(where)[KEPT:]:
        old.unlink()
    return folder / name


def snapshots(where: DatabaseFile) -> list[Path]:
    """The snapshots there are, newest first."""
    try:
        found = [file for file in snapshot_folder(where).iterdir() if _NAME.fullmatch(file.name)]
    except OSError:
        return []
    return sorted(found, key=lambda file: file.name, reverse=True)


def forget_snapshots(where: DatabaseFile, before: datetime | None = None) -> int:
    """Remove the snapshots made before a moment (None: all), for they hold what was purged since; how many went.

    Raises OSError.
    """
    gone = [file for file in snapshots(where) if before is None or moment_of(file) < before]
    for file in gone:
        file.unlink()
    if gone:
        sync(snapshot_folder(where))
    return len(gone)


def snapshot_folder(where: DatabaseFile) -> Path:
    """Where the snapshots lie."""
    return where.path.parent / FOLDER


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except sqlite.Error as error:
        raise DatabaseUnavailable(why=f"{type(error).__name__}: {error}") from None
