"""Copies for the day when the disk dies: made beside the running processes, for somebody who is not this machine.

On this machine a copy is never readable: it has a key of chance, which stands in the manifest, and both go into an
envelope that only the recipients open. The site's key and other secrets are not in it.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from config.settings import Settings, database_file
from tiepdon.keeping.backup_folder import (
    BackupUnderWay,
    BackupUnwritable,
    backups,
    forget_backups,
    made_at,
    name_of,
    opened,
)
from tiepdon.keeping.envelope import NoRecipients, seal
from wire import chain, chain_key, sqlite
from wire.chain import AuditBroken
from wire.codec import Record, to_json
from wire.database import DatabaseUnavailable, applied, open_existing, open_with, secret_of
from wire.database_copies import export
from wire.durable import give_to_owner

MANIFEST, SETTINGS, DATABASE = "manifest.json", "settings.toml", "tiepdon.db"
MAX_SETTINGS = 1 << 20  # bytes
LOCK = "backup.lock"
ENDINGS = ("", "-wal", "-shm", "-journal")
EARLY = timedelta(minutes=30)  # the timer looks every hour and a little: without it a copy would be made later each day


class Manifest(Record, frozen=True, kw_only=True):
    """What a copy says of itself. `made_at`: RFC 3339, UTC; `key`: opens this copy alone, 64 hex digits."""

    version: str = "tiepdon.backup/1"
    made_at: str
    release: str
    facility_code: str
    kiosk_id: str
    migrations: tuple[str, ...]
    rows: dict[str, int]
    database_bytes: int
    database_sha256: str
    key: str


class Made(Record, frozen=True, kw_only=True):
    """A copy that lies where copies go."""

    file: str
    bytes: int
    rows: int
    removed: int  # older ones whose time was over


def make(settings: Settings, settings_file: Path | None, now: datetime) -> Made:
    """Make a copy in `backup.folder`, prove that it reads back, remove those whose time is over.

    Raises NoRecipients, BackupUnderWay, BackupFolderGone, BackupFolderSilent, BackupSameDisk, BackupFull,
    BackupReadOnly, BackupUnwritable, BackupNotReadBack, DatabaseUnavailable, DatabaseWrongKey; nothing half is left
    under a copy's name, and the earlier ones stay.
    """
    if not settings.backup.recipients:
        raise NoRecipients
    name = name_of(settings, now)
    with _alone(settings), opened(settings) as folder, _copy(settings, now) as (manifest, copy):
        parts: list[tuple[str, bytes | Path]] = [(MANIFEST, to_json(manifest))]
        if settings_file is not None:
            parts.append((SETTINGS, _content(settings_file)))
        parts.append((DATABASE, copy))
        size = folder.keep(name, lambda file: seal(parts, file, settings.backup.recipients))
    removed = forget_backups(settings, now - timedelta(days=settings.retention.backup_days))
    file = Path(settings.backup.folder) / name
    return Made(file=str(file), bytes=size, rows=sum(manifest.rows.values()), removed=removed)


def is_due(settings: Settings, now: datetime) -> bool:
    """Whether the newest copy is as old as `backup.every_hours` says. Raises BackupFolderSilent."""
    last = last_made(backups(settings), now)
    return last is None or now - last >= timedelta(hours=settings.backup.every_hours) - EARLY


def last_made(files: Iterable[Path], now: datetime) -> datetime | None:
    """When the newest of these copies was made. One that a wrong clock dated ahead tells nothing of now."""
    return max((when for when in map(made_at, files) if when <= now + EARLY), default=None)


def counts(connection: sqlite.Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608


def sha256_of(file: Path) -> str:
    """The file's digest, in hex. Raises OSError."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One copy at a time: both would go through the same file."""
    file = Path(settings.paths.state) / LOCK
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseUnavailable(why=error.strerror or "unwritable") from None
    with os.fdopen(descriptor, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupUnderWay from None
        give_to_owner(file)
        yield


@contextmanager
def _copy(settings: Settings, now: datetime) -> Iterator[tuple[Manifest, Path]]:
    """A copy under a key of chance beside the database, and what it holds; gone afterwards."""
    from tiepdon.migrations import MIGRATIONS

    where, key = database_file(settings), os.urandom(32)
    copy = where.beside(".copy")
    for ending in ENDINGS:
        where.beside(".copy" + ending).unlink(missing_ok=True)
    try:
        with closing(open_existing(where, MIGRATIONS)) as source:
            export(source, copy, secret_of(key))
        with closing(open_with(copy, secret_of(key))) as connection:
            chain_key.attach(connection, chain_key.audit_key(where.site_key()))
            with suppress(AuditBroken):  # then it is broken in the copy too, and told as that
                chain.rotate(connection, where.site_key(), key, now, "tiepdon")
            migrations, rows = tuple(sorted(applied(connection))), counts(connection)
        yield (
            Manifest(
                made_at=now.isoformat(timespec="seconds"),
                release=version("tiepdon"),
                facility_code=settings.site.facility_code,
                kiosk_id=settings.site.kiosk_id,
                migrations=migrations,
                rows=rows,
                database_bytes=copy.stat().st_size,
                database_sha256=sha256_of(copy),
                key=key.hex(),
            ),
            copy,
        )
    except (OSError, sqlite.Error) as error:
        raise DatabaseUnavailable(why=getattr(error, "strerror", None) or type(error).__name__) from None
    finally:
        for ending in ENDINGS:
            where.beside(".copy" + ending).unlink(missing_ok=True)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as content:
            return content.read(MAX_SETTINGS)
    except OSError as error:
        raise BackupUnwritable(why=error.strerror or "settings unreadable") from None
