"""Looks at the database: there, whole, of this version's schema, can it be written; then what it still owes each
destination, and for how long."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.settings import Settings, database_file, database_path
from tiepdon.checks.finding import Finding, Status
from wire import sqlite
from wire.errors import Datum

DATABASE = "database"
FULL_BYTES, LOW_BYTES = 16 << 20, 500 << 20  # free where the database lies
BUSY_MS = 3000  # for which somebody else may hold it: the report ends before the processes' own patience does
CHECK_SECONDS = 3.0  # for reading it whole; a file of a gigabyte takes longer on a small machine
LATE = timedelta(hours=1)  # for which a record may wait until somebody should look


def look_at_database(
    settings: Settings, now: datetime | None = None, check_seconds: float = CHECK_SECONDS
) -> Iterator[Finding]:
    """One finding of the database itself, then one for each destination that was ever owed something."""
    from hisbridge import outbox_desk
    from tiepdon.migrations import MIGRATIONS
    from wire.database import DatabaseUnavailable, is_plain, open_database, require, transaction

    path = database_path(settings)
    where: dict[str, Datum] = {"file": str(path)}
    if not is_there(path):
        yield Finding(probe=DATABASE, status=Status.FAIL, code="doctor.no_database", data=where)
        return
    if not settings.paths.key_file and path.stat().st_size and not is_plain(path):
        yield Finding(probe=DATABASE, status=Status.FAIL, code="doctor.database_damaged", data=where)
        return
    try:
        connection = open_database(database_file(settings))
    except DatabaseUnavailable as error:
        if not str(error.data.get("why")).startswith("DatabaseError"):
            raise
        yield Finding(probe=DATABASE, status=Status.FAIL, code="doctor.database_damaged", data=where)
        return
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        where["read_whole"] = _is_whole(connection, check_seconds)
        require(connection, MIGRATIONS)
        with transaction(connection):
            pass  # a disk that turned read-only is noticed here
        owed = outbox_desk.depth(connection)
    except sqlite.DatabaseError:
        yield Finding(probe=DATABASE, status=Status.FAIL, code="doctor.database_damaged", data=where)
        return
    finally:
        connection.close()
    yield _room(path, where)
    for name, depth in owed.items():
        age = _age(depth.oldest_created_at, now or datetime.now(UTC))
        data: dict[str, Datum] = {"waiting": depth.waiting, "rejected": depth.rejected, "dead": depth.dead}
        if age is not None:
            data["oldest_minutes"] = round(age.total_seconds() / 60)
        code = None
        if depth.rejected or depth.dead:
            code = "delivery.rejected" if depth.rejected else "delivery.unrenderable"
        elif age is not None and age > LATE:
            code = "doctor.outbox_old"
        yield Finding(probe=f"outbox:{name}", status=Status.WARN if code else Status.OK, code=code, data=data)


def _is_whole(connection: sqlite.Connection, seconds: float) -> bool:
    """Whether all of it was read and is well; False where the time did not suffice. Raises DatabaseError."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    try:
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite.DatabaseError
    except sqlite.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return False
    finally:
        timer.cancel()
        timer.join()
    return True


def is_there(path: Path) -> bool:
    """Raises PermissionError where this user may not look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _room(path: Path, where: dict[str, Datum]) -> Finding:
    """Is there room for what comes? A day of 5,000 visits writes some tens of megabytes."""
    told = os.statvfs(path.parent)
    free = told.f_bavail * told.f_frsize
    seen = {**where, "size_mb": path.stat().st_size >> 20, "free_mb": free >> 20}
    if free < FULL_BYTES:
        return Finding(probe=DATABASE, status=Status.FAIL, code="doctor.disk_full", data=seen)
    if free < LOW_BYTES:
        return Finding(probe=DATABASE, status=Status.WARN, code="doctor.disk_low", data=seen)
    return Finding(probe=DATABASE, status=Status.OK, data=seen)


def _age(since: str | None, now: datetime) -> timedelta | None:
    """How long something waits; none where the clock was set back."""
    return None if since is None else max(timedelta(), now - datetime.fromisoformat(since))
